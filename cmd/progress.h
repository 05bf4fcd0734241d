/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * One line on stderr that says how far something is, written over in place; nothing at all where
 * stderr is no terminal. Called from main.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    bool is_terminal;
    bool shown;
    int64_t due_us; /* of the monotonic clock, before which nothing is written */
} ProgressLine;

void progress_line_init(ProgressLine *line);

/* Whether it is time to write again, at most ten times a second. */
bool progress_line_is_due(const ProgressLine *line);

void progress_line_write(ProgressLine *line, const char *format, ...) G_GNUC_PRINTF(2, 3);

void progress_line_clear(ProgressLine *line);
