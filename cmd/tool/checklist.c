/* SPDX-License-Identifier: MIT */
#include "cmd/tool/checklist.h"

#include "cmd/tool/text.h"

#include <stdio.h>

void checklist_add(Checklist *list, CheckLevel level, const char *format, ...)
{
    static const struct {
        const char *word;
        Style style;
    } levels[] = {
        [CHECK_OK] = {"ok  ", STYLE_GOOD},
        [CHECK_NOTE] = {"note", STYLE_PLAIN},
        [CHECK_WARNING] = {"warn", STYLE_WARNING},
        [CHECK_BAD] = {"bad ", STYLE_BAD},
    };
    Style style = levels[level].style;
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_autofree char *clean = text_clean(slice_of(text));
    g_autofree char *line =
        g_strdup_printf("%s%s%s  %s\n", terminal_begin(&list->terminal, style), levels[level].word,
                        terminal_end(&list->terminal, style), clean);
    terminal_write(&list->terminal, line);
    list->counts[level]++;
}
