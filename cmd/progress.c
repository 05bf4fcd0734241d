/* SPDX-License-Identifier: MIT */
#include "cmd/progress.h"

#include <stdio.h>
#include <unistd.h>

#define INTERVAL_US 100000
#define CLEAR       "\r\033[K"

void progress_line_init(ProgressLine *line)
{
    *line = (ProgressLine){.is_terminal = isatty(STDERR_FILENO)};
}

bool progress_line_is_due(const ProgressLine *line)
{
    return line->is_terminal && g_get_monotonic_time() >= line->due_us;
}

void progress_line_write(ProgressLine *line, const char *format, ...)
{
    va_list arguments;

    if (!line->is_terminal)
        return;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    fprintf(stderr, CLEAR "%s", text);
    fflush(stderr);
    line->shown = true;
    line->due_us = g_get_monotonic_time() + INTERVAL_US;
}

void progress_line_clear(ProgressLine *line)
{
    if (line->shown)
        fputs(CLEAR, stderr);
    line->shown = false;
}
