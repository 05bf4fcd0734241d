/* SPDX-License-Identifier: MIT */
#include "net/pace.h"

#include <glib.h>

/* Takes lines until there are none; returns how many there were. */
static unsigned take_all(Pace *pace)
{
    unsigned lines = 0;

    while (pace_has_line(pace)) {
        pace_take_line(pace);
        lines++;
    }
    return lines;
}

static void test_burst(void)
{
    Pace pace = {0};

    pace_refill(&pace, 5, 1000000);
    g_assert_cmpuint(take_all(&pace), ==, 5); /* a second's worth at once */
    pace_refill(&pace, 5, 1000000);
    g_assert_cmpuint(take_all(&pace), ==, 0);
    pace_refill(&pace, 5, 1100000); /* a long rest is worth no more */
    g_assert_cmpuint(take_all(&pace), ==, 5);
}

/* However often time is looked at, none of it is lost: 3 a second are a line in 333.3 ms. */
static void test_rate(void)
{
    Pace pace = {0};
    unsigned lines = 0;

    pace_refill(&pace, 3, 1);
    take_all(&pace);
    for (int64_t now = 2; now <= 10001; now++) {
        pace_refill(&pace, 3, now);
        lines += take_all(&pace);
    }
    g_assert_cmpuint(lines, ==, 30);
}

static void test_clock_backwards(void)
{
    Pace pace = {0};

    pace_refill(&pace, 2, 5000);
    take_all(&pace);
    pace_refill(&pace, 2, 4000);
    g_assert_false(pace_has_line(&pace));
}

static void test_patience(void)
{
    Pace pace = {0};

    g_assert_true(pace_wait(&pace, 1000));
    g_assert_true(pace_wait(&pace, 1000 + PACE_PATIENCE_MS - 1));
    g_assert_false(pace_wait(&pace, 1000 + PACE_PATIENCE_MS));
    pace_rest(&pace); /* it begins anew */
    g_assert_true(pace_wait(&pace, 1000 + PACE_PATIENCE_MS));
}

static void test_largest_rate(void)
{
    Pace pace = {0};

    pace_refill(&pace, 1000000, 1);
    pace_refill(&pace, 1000000, INT64_MAX);
    g_assert_cmpuint(take_all(&pace), ==, 1000000);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pace/a-second-at-once", test_burst);
    g_test_add_func("/pace/no-time-is-lost", test_rate);
    g_test_add_func("/pace/clock-that-goes-back", test_clock_backwards);
    g_test_add_func("/pace/patience-ends", test_patience);
    g_test_add_func("/pace/largest-rate", test_largest_rate);
    return g_test_run();
}
