/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Decimal numbers as the protocol writes them, [+-]?d+(.d+)?, read without floating point: no
 * exponent, no white space, no locale.
 */

#include "core/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define DECIMAL_DIGITS_MAX \
    18 /* before the point, leading zeros aside; more would not fit int64_t */

typedef struct {
    char sign;     /* '+', '-', or 0 when none is written */
    int64_t whole; /* what stands before the point, without the sign */
    unsigned whole_digits;
    Slice
        fraction; /* the digits after the point, in the parsed text; empty when there is no point */
} Decimal;

static inline bool digit_is(char c)
{
    return c >= '0' && c <= '9';
}

/* FALSE: not of that form, or more than DECIMAL_DIGITS_MAX digits before the point; @ret_decimal is
 * untouched. */
bool decimal_parse(Slice text, Decimal *ret_decimal);

/* The first @digits digits of the fraction as a number, as if zeros followed it: .5 to three digits
 * is 500.
 * @digits is at most DECIMAL_DIGITS_MAX. */
int64_t decimal_fraction(const Decimal *decimal, unsigned digits);

/* Whether the number is greater than the whole number @limit, leaving its sign aside and minding
 * every digit. */
bool decimal_exceeds(const Decimal *decimal, int64_t limit);
