/* SPDX-License-Identifier: MIT */
#include "core/durations.h"
#include "core/thread.h"

#include <glib.h>

static DurationFigures read_figures(Duration duration)
{
    DurationFigures figures;

    durations_read(duration, &figures);
    return figures;
}

/* What was added to @duration since @before fell into @bucket, and nothing anywhere else. */
static void assert_added(Duration duration, const DurationFigures *before, unsigned bucket,
                         uint64_t times)
{
    DurationFigures now = read_figures(duration);

    for (unsigned i = 0; i <= DURATION_BOUNDS; i++)
        g_assert_cmpuint(now.buckets[i] - before->buckets[i], ==, i == bucket ? times : 0);
    g_assert_cmpuint(now.count - before->count, ==, times);
}

static void assert_falls_into(int64_t nanoseconds, unsigned bucket)
{
    DurationFigures before = read_figures(DURATION_LOOKUP);

    durations_add(DURATION_LOOKUP, nanoseconds, 1);
    assert_added(DURATION_LOOKUP, &before, bucket, 1);
}

static void test_bounds_double(void)
{
    g_assert_cmpint(durations_bound(0), ==, 16000);
    for (unsigned i = 1; i < DURATION_BOUNDS; i++)
        g_assert_cmpint(durations_bound(i), ==, 2 * durations_bound(i - 1));
    g_assert_cmpint(durations_bound(DURATION_BOUNDS - 1), ==, INT64_C(16777216000));
}

/* Prometheus' "le": what is exactly at a bound is below it. */
static void test_a_bound_belongs_to_its_bucket(void)
{
    for (unsigned i = 0; i < DURATION_BOUNDS; i++) {
        assert_falls_into(durations_bound(i) - 1, i);
        assert_falls_into(durations_bound(i), i);
        assert_falls_into(durations_bound(i) + 1, i + 1);
    }
}

static void test_extremes(void)
{
    assert_falls_into(INT64_MIN, 0);
    assert_falls_into(-1, 0);
    assert_falls_into(0, 0);
    assert_falls_into(1, 0);
    assert_falls_into(INT64_MAX, DURATION_BOUNDS);
}

static void test_weight(void)
{
    DurationFigures before = read_figures(DURATION_REQUEST);

    durations_add(DURATION_REQUEST, 100000, 16); /* above 64 us, up to 128 us */
    durations_add(DURATION_REQUEST, 100000, 0);
    assert_added(DURATION_REQUEST, &before, 3, 16);
    double sum = read_figures(DURATION_REQUEST).sum_s - before.sum_s;
    g_assert_cmpfloat_with_epsilon(sum, 0.0016, 1e-9);
}

static void test_each_is_its_own(void)
{
    DurationFigures before[DURATIONS];

    for (unsigned i = 0; i < DURATIONS; i++)
        before[i] = read_figures((Duration)i);
    for (unsigned i = 0; i < DURATIONS; i++)
        durations_add((Duration)i, durations_bound(i), i + 1);
    for (unsigned i = 0; i < DURATIONS; i++)
        assert_added((Duration)i, &before[i], i, i + 1);
}

enum { THREADS = 8, ROUNDS = 20000 };

static void add_many(void *argument)
{
    const unsigned *bucket = argument;

    for (unsigned i = 0; i < ROUNDS; i++)
        durations_add(DURATION_LOOKUP_WAIT, durations_bound(*bucket), 1);
}

/* Threads that have ended still count. */
static void test_sums_over_threads(void)
{
    DurationFigures before = read_figures(DURATION_LOOKUP_WAIT), last = before;
    pthread_t threads[THREADS];
    unsigned buckets[THREADS];
    double sum_s = 0;

    for (unsigned i = 0; i < THREADS; i++) {
        g_autoptr(GError) error = NULL;

        buckets[i] = i;
        sum_s += ROUNDS * (double)durations_bound(i) / 1e9;
        bool started = thread_start(&threads[i], "adder", add_many, &buckets[i], &error);
        g_assert_no_error(error);
        g_assert_true(started);
    }
    /* Meanwhile figures only grow, and the count is what the buckets hold. */
    for (unsigned round = 0; round < 1000; round++) {
        DurationFigures now = read_figures(DURATION_LOOKUP_WAIT);
        uint64_t count = 0;

        for (unsigned i = 0; i <= DURATION_BOUNDS; i++) {
            g_assert_cmpuint(now.buckets[i], >=, last.buckets[i]);
            count += now.buckets[i];
        }
        g_assert_cmpuint(now.count, ==, count);
        last = now;
    }
    for (unsigned i = 0; i < THREADS; i++)
        thread_join(threads[i]);
    DurationFigures now = read_figures(DURATION_LOOKUP_WAIT);
    for (unsigned i = 0; i < THREADS; i++)
        g_assert_cmpuint(now.buckets[i] - before.buckets[i], ==, ROUNDS);
    g_assert_cmpfloat_with_epsilon(now.sum_s - before.sum_s, sum_s, 1e-3);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/durations/bound/doubles-from-16-us-to-17-s", test_bounds_double);
    g_test_add_func("/durations/add/a-bound-belongs-to-its-bucket",
                    test_a_bound_belongs_to_its_bucket);
    g_test_add_func("/durations/add/extremes", test_extremes);
    g_test_add_func("/durations/add/weight", test_weight);
    g_test_add_func("/durations/add/each-is-its-own", test_each_is_its_own);
    g_test_add_func("/durations/read/sums-over-threads-ended-ones-too", test_sums_over_threads);
    return g_test_run();
}
