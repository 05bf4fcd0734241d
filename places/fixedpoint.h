/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Integers written as decimal fractions, digit by digit: nanodegrees as degrees, millimetres as
 * metres. No floating point, so that no digit is ever lost or made up, and no locale.
 */

#include <glib.h>
#include <stdint.h>

#define NANODEGREE_DIGITS 9 /* of degrees that are counted in nanodegrees */
#define MILLIMETRE_DIGITS 3 /* of metres that are counted in millimetres */

/* Appends @value / 10^@digits with as few digits as say it exactly: 340689300 with seven digits
 * is 34.06893, and -0.5, 12 and 0 are written just so. @digits is at most 18. */
void fixedpoint_append(GString *out, int64_t value, unsigned digits);
