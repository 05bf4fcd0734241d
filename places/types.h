/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The types of a place: words of Google's (PlaceType of its legacy API) in one text, with a comma
 * between two and no blanks.
 */

#include "core/slice.h"

#include <stdbool.h>

/* Takes the first type out of @types. FALSE: there is none left, @ret_type is untouched. */
bool types_next(Slice *types, Slice *ret_type);

/* Whether @type is one of @types. */
bool types_have(Slice types, Slice type);
