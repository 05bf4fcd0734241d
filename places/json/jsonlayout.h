/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The one layout of JSON in answers (PROTOCOL R14): that of Google's own answers of 2019 to 2022,
 * which clients of the herd grew up with.
 *
 * Three spaces a level; "key" : value, one a line, the keys in bytewise order (equal ones in the
 * order of the tree); [] and {} for empty ones; an array on one line, [ a, b ], if none of its
 * values is an array or object with something in it and there are fewer than 74 bytes from [ to ],
 * else one value a line. (Google's writer also wants fewer than 25 values, but 24 have 74 bytes.)
 * UTF-8 as it is, but < and > as \u003c and \u003e, and control characters escaped: so no line is
 * ever empty and no string spans two. There is no LF at the end.
 */

#include "places/json/jsontree.h"

#include <glib.h>

#define JSONLAYOUT_INDENT "   "

/* Appends @value as it stands in @depth arrays and objects: 0 for a whole text. */
void jsonlayout_append(GString *out, const JsonValue *value, unsigned depth);

/* Appends @text, which is UTF-8, as a JSON string. */
void jsonlayout_append_string(GString *out, Slice text);
