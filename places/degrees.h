/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Degrees as data sets write them, [+-]?d+(.d+)?([eE][+-]?d+)?, in units of 1e-7 degrees. No
 * floating point and no locale: what is finer than a unit is rounded to the nearest one, halves
 * away from zero.
 */

#include "core/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define DEGREES_EXPONENT_MAX 30

/* FALSE: not of that form, an exponent beyond DEGREES_EXPONENT_MAX, or farther from zero than
 * @limit degrees, which is at most 180; @ret_units is untouched. */
bool degrees_parse(Slice text, int64_t limit, int32_t *ret_units);
