/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Points in time and spans between them, exact to the nanosecond (PROTOCOL R5, R8).
 *
 * Seconds and nanoseconds are kept apart, since the twelve digits of seconds that R8 allows do not
 * fit 64-bit nanoseconds. Nothing here goes through floating point. Plain values: copy them freely.
 */

#include "core/slice.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    int64_t seconds;     /* since 1970, rounded down: -0.5 s is {-1, 500000000} */
    int32_t nanoseconds; /* 0 to 999,999,999, always counted forward */
} Timestamp;

#define TIMESTAMP_SKEW_MAX 32 /* bytes that timestamp_format_skew() may write */

/* PROTOCOL R8: [+-]?d{1,12}(.d+)?, digits past the ninth ignored. FALSE: not of that form,
 * @ret_time untouched. */
bool timestamp_parse(Slice text, Timestamp *ret_time);

/* A skew as members write it: [+-]d+.d{9}, at most 13 digits before the point (the span between two
 * R8 times). FALSE: not of that form, @ret_skew untouched. */
bool timestamp_parse_skew(Slice text, Timestamp *ret_skew);

/* Seconds as other programs print them, from whatever they compute with:
 * [+-]?d+(.d+)?([eE][+-]?d+)?, at most 13 digits of seconds by value. Digits past the ninth decimal
 * are dropped. FALSE: not of that form, or an exponent that no double has; @ret_time untouched. */
bool timestamp_parse_printed(Slice text, Timestamp *ret_time);

/* Below, at or above zero. */
int timestamp_compare(Timestamp a, Timestamp b);

/* a + b and a - b. */
Timestamp timestamp_add(Timestamp a, Timestamp b);
Timestamp timestamp_subtract(Timestamp a, Timestamp b);

/* PROTOCOL R5: sign, seconds, nine decimals. Writes at most TIMESTAMP_SKEW_MAX bytes, no NUL;
 * returns how many. */
size_t timestamp_format_skew(Timestamp skew, char buffer[static TIMESTAMP_SKEW_MAX]);

/* The wall clock (CLOCK_REALTIME). */
Timestamp timestamp_now(void);
