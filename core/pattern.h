/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Shell patterns over bytes: * stands for any number of bytes, ? for one, [a-z] and [!a-z] for one
 * of a set or outside of it, \ takes away the meaning of what follows.
 *
 * Not fnmatch(), which decodes by the locale (a client ID is bytes, PROTOCOL R6), and may take
 * exponential time where there are several stars: here a match takes at most the product of the two
 * lengths.
 */

#include "core/slice.h"

#include <stdbool.h>

/* Whether @pattern is one. FALSE: @ret_why (transfer none) says why not. */
bool pattern_check(Slice pattern, const char **ret_why);

/* Whether @pattern can match nothing but itself. */
bool pattern_is_literal(Slice pattern);

/* Whether all of @text is what @pattern, which pattern_check() has found good, stands for. */
bool pattern_matches(Slice pattern, Slice text);
