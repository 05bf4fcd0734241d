/* SPDX-License-Identifier: MIT */
#include "core/counters.h"
#include "core/thread.h"

#include <glib.h>

static void test_adds(void)
{
    uint64_t before = counters_read(COUNT_IAMAT);
    uint64_t other = counters_read(COUNT_WHATSAT);

    counters_add(COUNT_IAMAT, 1);
    counters_add(COUNT_IAMAT, 41);
    counters_add(COUNT_IAMAT, 0);
    g_assert_cmpuint(counters_read(COUNT_IAMAT) - before, ==, 42);
    g_assert_cmpuint(counters_read(COUNT_WHATSAT), ==, other);
}

static void test_every_counter_is_its_own(void)
{
    uint64_t before[COUNTERS];

    for (unsigned i = 0; i < COUNTERS; i++)
        before[i] = counters_read((Counter)i);
    for (unsigned i = 0; i < COUNTERS; i++)
        counters_add((Counter)i, i + 1);
    for (unsigned i = 0; i < COUNTERS; i++)
        g_assert_cmpuint(counters_read((Counter)i) - before[i], ==, i + 1);
}

static void test_more_than_32_bits(void)
{
    uint64_t before = counters_read(COUNT_UPDATES_SENT);

    counters_add(COUNT_UPDATES_SENT, UINT64_C(5000000000));
    g_assert_cmpuint(counters_read(COUNT_UPDATES_SENT) - before, ==, UINT64_C(5000000000));
}

enum { THREADS = 16, ROUNDS = 10000 };

static void count(void *argument)
{
    const unsigned *share = argument;

    for (unsigned i = 0; i < ROUNDS; i++)
        counters_add(COUNT_STALE, *share);
}

/* Threads that have ended still count. */
static void test_sums_over_threads(void)
{
    uint64_t before = counters_read(COUNT_STALE);
    uint64_t wanted = 0;
    uint64_t last = before;
    pthread_t threads[THREADS];
    unsigned shares[THREADS];

    for (unsigned i = 0; i < THREADS; i++) {
        g_autoptr(GError) error = NULL;

        shares[i] = i + 1;
        wanted += (uint64_t)ROUNDS * shares[i];
        bool started = thread_start(&threads[i], "counter", count, &shares[i], &error);
        g_assert_no_error(error);
        g_assert_true(started);
    }
    /* Meanwhile the figure only grows, and never beyond what is added. */
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t now = counters_read(COUNT_STALE);

        g_assert_cmpuint(now, >=, last);
        g_assert_cmpuint(now - before, <=, wanted);
        last = now;
    }
    for (unsigned i = 0; i < THREADS; i++)
        thread_join(threads[i]);
    g_assert_cmpuint(counters_read(COUNT_STALE) - before, ==, wanted);
}

static void test_names(void)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GRegex) form = g_regex_new("^[a-z]+(_[a-z]+)*$", 0, 0, NULL);

    for (unsigned i = 0; i < COUNTERS; i++) {
        const char *name = counters_name((Counter)i);

        g_assert_nonnull(name);
        g_assert_true(g_regex_match(form, name, 0, NULL));
        g_assert_true(g_hash_table_add(seen, (char *)(uintptr_t)name)); /* each of its own */
    }
    g_assert_cmpstr(counters_name(COUNT_CONNECTIONS_REFUSED), ==, "connections_refused");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/counters/add/adds", test_adds);
    g_test_add_func("/counters/add/every-counter-is-its-own", test_every_counter_is_its_own);
    g_test_add_func("/counters/add/more-than-32-bits", test_more_than_32_bits);
    g_test_add_func("/counters/read/sums-over-threads-ended-ones-too", test_sums_over_threads);
    g_test_add_func("/counters/name/lower-case-and-unique", test_names);
    return g_test_run();
}
