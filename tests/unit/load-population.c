/* SPDX-License-Identifier: MIT */
#include "cmd/load/population.h"
#include "core/location.h"
#include "core/timestamp.h"

#include <glib.h>
#include <math.h>

#define NOW INT64_C(1621464827959498503)

static char *text_of(Slice slice)
{
    return g_strndup(slice.data, slice.length);
}

static Location place_of(const Report *report)
{
    Location location;

    g_assert_true(location_parse(report_place(report), &location));
    return location;
}

static Timestamp time_of(const Report *report)
{
    Timestamp time;

    g_assert_true(timestamp_parse(report_time(report), &time));
    return time;
}

/* Radians of one of the two numbers of a place. */
static void place_in_radians(const Report *report, double *ret_latitude, double *ret_longitude)
{
    g_autofree char *text = text_of(report_place(report));
    g_autofree char *latitude = g_strndup(text, 10);

    *ret_latitude = g_ascii_strtod(latitude, NULL) * G_PI / 180;
    *ret_longitude = g_ascii_strtod(text + 10, NULL) * G_PI / 180;
}

static double metres_between(const Report *a, const Report *b)
{
    double lat_a, lon_a, lat_b, lon_b;

    place_in_radians(a, &lat_a, &lon_a);
    place_in_radians(b, &lat_b, &lon_b);
    double h = pow(sin((lat_b - lat_a) / 2), 2) +
               cos(lat_a) * cos(lat_b) * pow(sin((lon_b - lon_a) / 2), 2);
    return 2 * 6371000 * asin(sqrt(h));
}

/* What is written has to be what the protocol's own parsers read. */
static void test_form(void)
{
    g_autoptr(Population) p = population_new("phone", 1, 1000, 10, 1);

    for (uint32_t i = 0; i < 1000; i++) {
        g_autofree char *expected = g_strdup_printf("phone-%07u.example", i + 1);
        Report report;

        population_report(p, i, NOW + i, &report);
        g_autofree char *client = text_of(report_client(&report));
        g_autofree char *place = text_of(report_place(&report));
        g_autofree char *time = text_of(report_time(&report));
        g_autofree char *whole = g_strdup_printf("%s %s %s", client, place, time);
        g_autofree char *text = text_of(report_text(&report));
        g_autofree char *both = text_of(report_place_and_time(&report));

        g_assert_cmpstr(client, ==, expected);
        g_assert_cmpstr(text, ==, whole);
        g_assert_cmpstr(both, ==, text + strlen(client) + 1);
        place_of(&report);
        Timestamp at = time_of(&report);
        g_assert_cmpint(at.seconds * 1000000000 + at.nanoseconds, ==, NOW + i);
    }
}

static void test_numbers(void)
{
    static const struct {
        uint32_t first;
        const char *client;
    } rows[] = {
        {1, "x-0000001.example"},
        {9999999, "x-9999999.example"},
        {10000000, "x-10000000.example"},
        {CLIENTS_MAX, "x-1000000000.example"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(Population) p = population_new("x", rows[i].first, 1, 10, 1);
        Report report;

        population_report(p, 0, NOW, &report);
        g_autofree char *client = text_of(report_client(&report));
        g_assert_cmpstr(client, ==, rows[i].client);
        place_of(&report);
    }
}

static void test_longest_fits(void)
{
    g_autofree char *prefix = g_strnfill(PREFIX_MAX, 'p');
    g_autoptr(Population) p = population_new(prefix, CLIENTS_MAX, 1, 10, 1);
    Report report;

    population_report(p, 0, NOW, &report);
    g_assert_cmpuint(report.length, <=, sizeof report.text);
    place_of(&report);
    time_of(&report);
    population_write_other(prefix, "probe", NOW, &report);
    place_of(&report);
    time_of(&report);
}

/* The clock may stand still, or go back. */
static void test_times_increase(void)
{
    static const int64_t clock[] = {NOW, NOW, NOW, NOW - 1000, NOW + 1, NOW + 5000, NOW + 5000};
    g_autoptr(Population) p = population_new("phone", 1, 2, 10, 1);
    Report before, after;

    population_report(p, 0, NOW, &before);
    for (size_t i = 0; i < G_N_ELEMENTS(clock); i++) {
        population_report(p, 0, clock[i], &after);
        g_assert_cmpint(timestamp_compare(time_of(&before), time_of(&after)), <, 0);
        before = after;
    }
    population_report(p, 1, NOW, &after); /* each client has its own */
    g_assert_cmpint(timestamp_compare(time_of(&after), time_of(&before)), <, 0);
}

static void test_last(void)
{
    g_autoptr(Population) p = population_new("phone", 1, 2, 10, 1);
    Report sent, last;

    g_assert_false(population_last(p, 0, &last));
    population_report(p, 0, NOW, &sent);
    g_assert_true(population_last(p, 0, &last));
    g_assert_true(slice_equal(report_text(&sent), report_text(&last)));
    g_assert_false(population_last(p, 1, &last));

    population_doubt(p, 0);
    g_assert_false(population_last(p, 0, &last));
    population_report(p, 0, NOW, &last); /* the clock has stood still since */
    g_assert_cmpint(timestamp_compare(time_of(&sent), time_of(&last)), <, 0);
    g_assert_true(population_last(p, 0, &last));
}

static void test_steps_are_as_long_as_asked_for(void)
{
    g_autoptr(Population) p = population_new("phone", 1, 500, 1000, 1);
    Report before, after;

    for (uint32_t i = 0; i < 500; i++) {
        population_report(p, i, NOW, &before);
        population_report(p, i, NOW, &after);
        double metres = metres_between(&before, &after);

        /* The length of a degree of longitude goes by whole degrees of latitude. */
        g_assert_cmpfloat(metres, >, 940);
        g_assert_cmpfloat(metres, <, 1060);
    }
}

/* However far a client wanders, it stays on the map. */
static void test_long_ways(void)
{
    g_autoptr(Population) p = population_new("phone", 1, 10, 1000000, 1);
    Report report;

    for (uint32_t i = 0; i < 10000; i++) {
        population_report(p, i % 10, NOW, &report);
        place_of(&report);
        g_assert_cmpfloat(fabs(g_ascii_strtod(report_place(&report).data, NULL)), <=, 85);
    }
}

/* Homes depend on the seed and the client's number, not on who shares them out. */
static void test_homes(void)
{
    g_autoptr(Population) all = population_new("phone", 1, 100, 0, 7);
    g_autoptr(Population) part = population_new("phone", 51, 50, 0, 7);
    g_autoptr(Population) other = population_new("phone", 1, 100, 0, 8);
    unsigned same = 0;

    for (uint32_t i = 0; i < 100; i++) {
        Report a, b;

        population_report(all, i, NOW, &a);
        population_report(other, i, NOW, &b);
        same += slice_equal(report_place(&a), report_place(&b));
        double latitude = g_ascii_strtod(report_place(&a).data, NULL);
        g_assert_true(latitude >= -55 && latitude <= 70);
        if (i < 50)
            continue;
        population_report(part, i - 50, NOW, &b);
        g_assert_true(slice_equal(report_text(&a), report_text(&b)));
    }
    g_assert_cmpuint(same, <, 3);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/load-population/form", test_form);
    g_test_add_func("/load-population/numbers", test_numbers);
    g_test_add_func("/load-population/longest-fits", test_longest_fits);
    g_test_add_func("/load-population/times-increase", test_times_increase);
    g_test_add_func("/load-population/last", test_last);
    g_test_add_func("/load-population/steps", test_steps_are_as_long_as_asked_for);
    g_test_add_func("/load-population/long-ways", test_long_ways);
    g_test_add_func("/load-population/homes", test_homes);
    return g_test_run();
}
