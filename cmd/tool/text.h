/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Text from anywhere made fit to be shown: one line, no control characters, and its width in the
 * columns of a terminal. Names of places are in any script.
 */

#include "core/slice.h"

#include <glib.h>
#include <stdbool.h>

/*
 * @bytes as UTF-8 of one line. What a terminal might obey, and what turns the direction of the text
 * round it, is shown as \x1b or \u202e; so is a byte that is no UTF-8. (transfer full)
 */
char *text_clean(Slice bytes);

/* The first character of @text, which has one and is UTF-8; @text goes on behind it. */
gunichar text_take(const char **text);

/* The columns that @text takes, which text_clean() has made. */
size_t text_width(const char *text);

/* Appends what fits of @text into @columns, with "…" in place of what does not; returns how many
 * columns that takes. */
size_t text_append_cut(GString *out, const char *text, size_t columns);

/* Appends the text of @html, as html_attributions have it: tags left out but for the addresses of
 * links, which stand behind what they are of; the usual entities as what they stand for. Not
 * cleaned. */
void text_append_html(GString *out, Slice html);
