/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * How long to wait until something that has failed is tried again: longer each time, up to a bound.
 * Half of that for sure, the other half by chance, so that a herd that lost one member does not
 * come back in step.
 */

#include <glib.h>
#include <stdint.h>

#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 5000

typedef struct {
    GRand *random; /* (owned) */
    int64_t ms;    /* the longest that the next wait may be */
} Backoff;

static inline void backoff_init(Backoff *backoff)
{
    backoff->random = g_rand_new();
    backoff->ms = BACKOFF_MIN_MS;
}

static inline void backoff_clear(Backoff *backoff)
{
    g_rand_free(backoff->random);
}

/* It has gone well. */
static inline void backoff_reset(Backoff *backoff)
{
    backoff->ms = BACKOFF_MIN_MS;
}

/* It has failed: milliseconds to wait now. */
static inline int64_t backoff_next(Backoff *backoff)
{
    int half = (int)(backoff->ms / 2);

    backoff->ms = MIN(backoff->ms * 2, BACKOFF_MAX_MS);
    return half + g_rand_int_range(backoff->random, 0, half + 1);
}
