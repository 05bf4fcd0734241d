/* SPDX-License-Identifier: MIT */
#include "cmd/load/histogram.h"

#include <glib.h>
#include <stdlib.h>

static const unsigned quantiles[] = {1,      1000,   100000, 500000, 900000,
                                     990000, 999000, 999900, 1000000};

static int compare_values(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* What the histogram tells of @count @values has to be what their sorted order tells, to three
 * significant digits. */
static void check_values(int64_t *values, size_t count)
{
    g_autoptr(Histogram) h = histogram_new();
    double sum = 0;

    for (size_t i = 0; i < count; i++) {
        histogram_record(h, values[i]);
        sum += (double)values[i];
    }
    qsort(values, count, sizeof *values, compare_values);
    g_assert_cmpuint(histogram_count(h), ==, count);
    g_assert_cmpint(histogram_least(h), ==, values[0]);
    g_assert_cmpint(histogram_most(h), ==, values[count - 1]);
    g_assert_cmpfloat_with_epsilon(histogram_mean(h), sum / (double)count, sum / 1e9 + 1e-9);
    for (size_t i = 0; i < G_N_ELEMENTS(quantiles); i++) {
        size_t rank = (size_t)(((uint64_t)count * quantiles[i] + 999999) / 1000000);
        int64_t exact = values[rank - 1];
        int64_t told = histogram_quantile(h, quantiles[i]);

        g_assert_cmpint(told, >=, exact);
        g_assert_cmpint((told - exact) * 1000, <=, exact);
    }
}

static void test_one_value(void)
{
    static const int64_t values[] = {0,
                                     1,
                                     999,
                                     1023,
                                     1024,
                                     2047,
                                     2048,
                                     2049,
                                     4095,
                                     4096,
                                     123456789,
                                     HISTOGRAM_MOST_NS - 1,
                                     HISTOGRAM_MOST_NS};

    for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
        int64_t value = values[i];

        check_values(&value, 1);
    }
}

static void test_quantiles_of_uniform_values(void)
{
    int64_t values[5000];

    for (size_t i = 0; i < G_N_ELEMENTS(values); i++)
        values[i] = g_test_rand_int_range(0, 1000000);
    check_values(values, G_N_ELEMENTS(values));
}

/* From nanoseconds to an hour, as many of each magnitude. */
static void test_quantiles_of_all_magnitudes(void)
{
    int64_t values[5000];

    for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
        uint64_t bits = (uint64_t)g_test_rand_int() << 32 | (uint32_t)g_test_rand_int();

        int64_t value = (int64_t)(bits >> g_test_rand_int_range(22, 64));

        values[i] = MIN(value, HISTOGRAM_MOST_NS);
    }
    check_values(values, G_N_ELEMENTS(values));
}

static void test_of_few_values(void)
{
    int64_t values[] = {10, 20, 30};
    g_autoptr(Histogram) h = histogram_new();

    check_values(values, G_N_ELEMENTS(values));
    for (size_t i = 0; i < G_N_ELEMENTS(values); i++)
        histogram_record(h, values[i]);
    g_assert_cmpint(histogram_quantile(h, 333333), ==, 10);
    g_assert_cmpint(histogram_quantile(h, 333334), ==, 20);
    g_assert_cmpint(histogram_quantile(h, 500000), ==, 20);
    g_assert_cmpint(histogram_quantile(h, 999900), ==, 30);
}

static void test_out_of_range(void)
{
    g_autoptr(Histogram) h = histogram_new();

    histogram_record(h, -5);
    g_assert_cmpint(histogram_least(h), ==, 0);
    histogram_record(h, 2 * HISTOGRAM_MOST_NS);
    g_assert_cmpint(histogram_most(h), ==, 2 * HISTOGRAM_MOST_NS);
    g_assert_cmpint(histogram_quantile(h, 1000000), >=, HISTOGRAM_MOST_NS);
    g_assert_cmpint(histogram_quantile(h, 1000000), <=, 2 * HISTOGRAM_MOST_NS);
}

static void test_empty(void)
{
    g_autoptr(Histogram) h = histogram_new();

    g_assert_cmpuint(histogram_count(h), ==, 0);
    g_assert_cmpint(histogram_least(h), ==, 0);
    g_assert_cmpint(histogram_most(h), ==, 0);
    g_assert_cmpint(histogram_quantile(h, 500000), ==, 0);
    g_assert_cmpfloat_with_epsilon(histogram_mean(h), 0, 1e-9);
}

/* Parts that are merged are the whole. */
static void test_merge(void)
{
    g_autoptr(Histogram) whole = histogram_new();
    g_autoptr(Histogram) merged = histogram_new();
    Histogram *parts[3];

    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
        parts[i] = histogram_new();
    for (size_t i = 0; i < 3000; i++) {
        int64_t value = g_test_rand_int_range(1, 1 << 30);

        histogram_record(whole, value);
        histogram_record(parts[i % 2], value); /* the last one stays empty */
    }
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        histogram_merge(merged, parts[i]);
        histogram_free(parts[i]);
    }
    g_assert_cmpuint(histogram_count(merged), ==, histogram_count(whole));
    g_assert_cmpint(histogram_least(merged), ==, histogram_least(whole));
    g_assert_cmpint(histogram_most(merged), ==, histogram_most(whole));
    g_assert_cmpfloat_with_epsilon(histogram_mean(merged), histogram_mean(whole), 1e-6);
    for (size_t i = 0; i < G_N_ELEMENTS(quantiles); i++)
        g_assert_cmpint(histogram_quantile(merged, quantiles[i]), ==,
                        histogram_quantile(whole, quantiles[i]));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/load-histogram/one-value", test_one_value);
    g_test_add_func("/load-histogram/quantiles/uniform", test_quantiles_of_uniform_values);
    g_test_add_func("/load-histogram/quantiles/all-magnitudes", test_quantiles_of_all_magnitudes);
    g_test_add_func("/load-histogram/quantiles/few-values", test_of_few_values);
    g_test_add_func("/load-histogram/out-of-range", test_out_of_range);
    g_test_add_func("/load-histogram/empty", test_empty);
    g_test_add_func("/load-histogram/merge", test_merge);
    return g_test_run();
}
