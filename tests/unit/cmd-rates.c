/* SPDX-License-Identifier: MIT */
#include "cmd/rates.h"

#include <glib.h>

#define S INT64_C(1000000000)

static void assert_rate(Rates *rates, int64_t now_ns, double expected)
{
    double per_s[RATES];

    rates_read(rates, now_ns, per_s);
    g_assert_cmpfloat_with_epsilon(per_s[RATE_IAMAT], expected, 1e-6);
    g_assert_cmpfloat_with_epsilon(per_s[RATE_INVALID], 0, 1e-6);
}

static void test_since_the_start(void)
{
    Rates *rates = rates_new(100 * S);

    assert_rate(rates, 100 * S, 0);
    counters_add(COUNT_IAMAT, 30);
    assert_rate(rates, 102 * S, 15); /* without any other sample */
    rates_sample(rates, 101 * S);
    rates_sample(rates, 102 * S);
    assert_rate(rates, 103 * S, 10);
    rates_free(rates);
    rates_free(NULL);
}

static void test_last_ten_seconds(void)
{
    Rates *rates = rates_new(0);

    counters_add(COUNT_IAMAT, 1000000); /* long ago, soon */
    for (int64_t second = 1; second <= 25; second++) {
        counters_add(COUNT_IAMAT, 7);
        rates_sample(rates, second * S);
    }
    assert_rate(rates, 26 * S, 63.0 / 10); /* samples of 16 s to 25 s; nothing in the last one */
    counters_add(COUNT_IAMAT, 7);
    assert_rate(rates, 26 * S, 7);
    rates_free(rates);
}

static void test_names(void)
{
    g_assert_cmpstr(rates_name(RATE_IAMAT), ==, "iamat");
    g_assert_cmpstr(rates_name(RATE_UPDATES_SENT), ==, "updates_sent");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rates/read/since-the-start", test_since_the_start);
    g_test_add_func("/rates/read/the-last-ten-seconds", test_last_ten_seconds);
    g_test_add_func("/rates/name", test_names);
    return g_test_run();
}
