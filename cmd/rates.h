/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * How often a second things happen: counters now, less what they were RATES_SPAN_S seconds ago, or
 * at the start of a member that is younger.
 *
 * Lock order: its mutex is a leaf.
 */

#include "core/counters.h"

#include <stdint.h>

#define RATES_SPAN_S 10

typedef struct Rates Rates;

/* What there are rates of. */
typedef enum {
    RATE_IAMAT,
    RATE_WHATSAT,
    RATE_INVALID,
    RATE_UPDATES_TAKEN,
    RATE_UPDATES_SENT,
    RATES,
} Rate;

/* @now_ns: monotonic_ns(), here and below. */
Rates *rates_new(int64_t now_ns);
void rates_free(Rates *rates); /* NULL is fine */

/* Notes what the counters are. Called once a second. */
void rates_sample(Rates *rates, int64_t now_ns);

/* Each rate, a second. Any thread. */
void rates_read(Rates *rates, int64_t now_ns, double ret_per_s[static RATES]);

/* The name of the counter that it is the rate of. */
const char *rates_name(Rate rate);
