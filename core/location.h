/* SPDX-License-Identifier: MIT */
#pragma once

/* ISO 6709 positions in decimal degrees, as clients write them (PROTOCOL R7). */

#include "core/query.h"
#include "core/slice.h"

#include <stdbool.h>

/* PROTOCOL R7: two signed halves of [+-]d{1,3}(.d+)?, within 90 and 180 degrees to the last digit.
 * Digits past the ninth decimal do not reach @ret_location. FALSE: not of that form, @ret_location
 * untouched. */
bool location_parse(Slice text, Location *ret_location);
