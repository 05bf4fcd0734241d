/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The types of a place: words of Google's (PlaceType of its legacy API) in one text, with a comma
 * between two and no blanks.
 */

#include "core/slice.h"

#include <stdbool.h>

/* Whether @type is one of @types. */
bool types_have(Slice types, Slice type);
