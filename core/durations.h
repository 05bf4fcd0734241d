/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * How long things have taken so far: histograms with buckets that double, from 16 us to 17 s.
 *
 * As with counters (core/counters.h) each thread has a block of cache lines of its own, and reading
 * sums the blocks: to add costs no line that another thread writes. What is read has been added
 * completely but for its sum, which may be a moment older or newer than its buckets.
 */

#include <stdint.h>

#define DURATION_BOUNDS 21 /* buckets that have an upper bound; one more takes what is above */

typedef enum {
    DURATION_REQUEST,     /* from when a worker hears of a client's line to its reply's send() */
    DURATION_LOOKUP,      /* from asking a provider that blocks to its answer */
    DURATION_LOOKUP_WAIT, /* from the wish for such a lookup to its begin */
    DURATIONS,
} Duration;

typedef struct {
    uint64_t buckets[DURATION_BOUNDS + 1]; /* how many fell into each, the shortest first */
    uint64_t count;                        /* of all buckets */
    double sum_s;                          /* seconds */
} DurationFigures;

/* Adds @times that @duration has taken @nanoseconds; what is below one is taken for one. */
void durations_add(Duration duration, int64_t nanoseconds, uint64_t times);

/* The sum over all threads, ended ones included. Any thread. */
void durations_read(Duration duration, DurationFigures *ret_figures);

/* The longest that falls into @bucket, which is less than DURATION_BOUNDS, in nanoseconds. */
int64_t durations_bound(unsigned bucket);
