/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * How long things took, in fixed memory: a histogram with log-linear buckets, as HdrHistogram has
 * them.
 *
 * Nanoseconds up to an hour, to three significant digits: what histogram_quantile() tells is at
 * least the true value and less than 1/1000 above it. Count, least, most and mean are exact. Not
 * for use by two threads at once.
 */

#include <glib.h>
#include <stdint.h>

#define HISTOGRAM_MOST_NS INT64_C(3600000000000)

typedef struct Histogram Histogram;

Histogram *histogram_new(void);
void histogram_free(Histogram *histogram);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Histogram, histogram_free)

/* Allocates nothing. Below zero is taken for zero; above HISTOGRAM_MOST_NS quantiles see that. */
void histogram_record(Histogram *histogram, int64_t nanoseconds);

/* Adds all that @other has. */
void histogram_merge(Histogram *histogram, const Histogram *other);

uint64_t histogram_count(const Histogram *histogram);

/* The following are nanoseconds, 0 of an empty histogram. */
int64_t histogram_least(const Histogram *histogram);
int64_t histogram_most(const Histogram *histogram);
double histogram_mean(const Histogram *histogram);

/* What @per_million of a million values do not exceed: 999000 is the 99.9th percentile. */
int64_t histogram_quantile(const Histogram *histogram, unsigned per_million);
