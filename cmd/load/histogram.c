/* SPDX-License-Identifier: MIT */
#include "cmd/load/histogram.h"

/*
 * The first 2,048 buckets are a nanosecond wide. From there on each power of two has 1,024 of them,
 * so a bucket is at most 1/1024 of the values in it wide.
 */
#define HALF_BITS    10
#define HALF         (1u << HALF_BITS)
#define BITS_MOST    42 /* that an hour of nanoseconds takes */
#define BUCKET_COUNT ((size_t)(BITS_MOST - HALF_BITS + 1) * HALF)

G_STATIC_ASSERT(HISTOGRAM_MOST_NS < INT64_C(1) << BITS_MOST);

struct Histogram {
    uint64_t count;
    uint64_t sum; /* 584 years of nanoseconds */
    int64_t least;
    int64_t most;
    uint64_t buckets[BUCKET_COUNT];
};

Histogram *histogram_new(void)
{
    return g_new0(Histogram, 1);
}

void histogram_free(Histogram *histogram)
{
    g_free(histogram);
}

/* How many powers of two @value is above what has buckets a nanosecond wide. */
static unsigned magnitude_of(uint64_t value)
{
    return value < HALF ? 0 : (unsigned)(63 - __builtin_clzll(value)) - HALF_BITS;
}

static size_t bucket_of(uint64_t value)
{
    unsigned magnitude = magnitude_of(value);

    return (size_t)magnitude * HALF + (size_t)(value >> magnitude);
}

/* The greatest value that falls into @bucket. */
static int64_t end_of_bucket(size_t bucket)
{
    unsigned magnitude = bucket < HALF ? 0 : (unsigned)(bucket / HALF) - 1;
    uint64_t first = (uint64_t)(bucket - (size_t)magnitude * HALF) << magnitude;

    return (int64_t)(first + (UINT64_C(1) << magnitude) - 1);
}

void histogram_record(Histogram *histogram, int64_t nanoseconds)
{
    int64_t value = MAX(nanoseconds, 0);

    if (histogram->count == 0 || value < histogram->least)
        histogram->least = value;
    histogram->most = MAX(histogram->most, value);
    histogram->count++;
    histogram->sum += (uint64_t)value;
    histogram->buckets[bucket_of((uint64_t)MIN(value, HISTOGRAM_MOST_NS))]++;
}

void histogram_merge(Histogram *histogram, const Histogram *other)
{
    if (other->count == 0)
        return;
    if (histogram->count == 0 || other->least < histogram->least)
        histogram->least = other->least;
    histogram->most = MAX(histogram->most, other->most);
    histogram->count += other->count;
    histogram->sum += other->sum;
    for (size_t i = 0; i < BUCKET_COUNT; i++)
        histogram->buckets[i] += other->buckets[i];
}

uint64_t histogram_count(const Histogram *histogram)
{
    return histogram->count;
}

int64_t histogram_least(const Histogram *histogram)
{
    return histogram->least;
}

int64_t histogram_most(const Histogram *histogram)
{
    return histogram->most;
}

double histogram_mean(const Histogram *histogram)
{
    return histogram->count == 0 ? 0 : (double)histogram->sum / (double)histogram->count;
}

int64_t histogram_quantile(const Histogram *histogram, unsigned per_million)
{
    /* The rank of the value that is looked for, from 1 on, rounded up. */
    uint64_t rank = (histogram->count * per_million + 999999) / 1000000;
    uint64_t passed = 0;

    if (histogram->count == 0)
        return 0;
    for (size_t i = 0; i < BUCKET_COUNT; i++) {
        passed += histogram->buckets[i];
        if (passed >= MAX(rank, 1))
            return MIN(end_of_bucket(i), histogram->most);
    }
    return histogram->most;
}
