/* SPDX-License-Identifier: MIT */
#include "cmd/tool/phrase.h"

#include <glib.h>
#include <math.h>

static Location at(double latitude, double longitude)
{
    return (Location){.latitude = llround(latitude * 1e9), .longitude = llround(longitude * 1e9)};
}

static void test_spans(void)
{
    static const struct {
        double seconds;
        const char *phrase;
    } cases[] = {
        {0, "0 ns"},
        {263e-9, "263 ns"},
        {0.0000123, "12.3 \xc2\xb5s"},
        {0.0003, "0.3 ms"},
        {-0.0003, "0.3 ms"},
        {0.2638, "0.26 s"},
        {12.44, "12.4 s"},
        {60, "1 min"},
        {303, "5 min 3 s"},
        {3599.9, "59 min 59 s"},
        {15120, "4 h 12 min"},
        {90000, "1 d 1 h"},
        {173775103.6, "5.5 years"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *phrase = phrase_span(cases[i].seconds);

        g_assert_cmpstr(phrase, ==, cases[i].phrase);
    }
    g_autofree char *unknown = phrase_span((double)NAN);
    g_assert_cmpstr(unknown, ==, "-");
    g_autofree char *half = phrase_timestamp_span((Timestamp){-1, 500000000});
    g_assert_cmpstr(half, ==, "0.50 s");
}

static void test_times(void)
{
    static const struct {
        Timestamp time;
        const char *phrase;
    } cases[] = {
        {{1621464827, 959498503}, "2021-05-19 22:53:47.959 UTC"},
        {{0, 0}, "1970-01-01 00:00:00.000 UTC"},
        {{-1, 500000000}, "1969-12-31 23:59:59.500 UTC"},
        {{INT64_C(999999999999), 0}, "33658-09-27 01:46:39.000 UTC"}, /* the last of PROTOCOL R8 */
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *phrase = phrase_time(cases[i].time);

        g_assert_cmpstr(phrase, ==, cases[i].phrase);
    }
}

static void test_distances(void)
{
    /* A degree of a meridian on the sphere of the mean radius. */
    g_assert_cmpfloat_with_epsilon(distance_between(at(0, 0), at(1, 0)), 111195.08, 0.01);
    g_assert_cmpfloat_with_epsilon(distance_between(at(60, 10), at(60, 10)), 0, 1e-9);
    g_assert_cmpfloat_with_epsilon(distance_between(at(0, 179.5), at(0, -179.5)), 111195.08, 0.01);
    g_assert_cmpfloat_with_epsilon(distance_between(at(0, 0), at(0, 180)), 20015114.35, 1);
}

static void test_directions(void)
{
    static const char *const names[] = {"N", "NE", "E", "SE", "S", "SW", "W", "NW"};

    /* All around, and just on this side of where one direction ends. */
    for (int i = 0; i < 8; i++) {
        for (int edge = -1; edge <= 1; edge++) {
            double angle = (i * 45 + edge * 22.4) * M_PI / 180;
            Location there = at(0.01 * cos(angle), 0.01 * sin(angle));

            g_assert_cmpstr(direction_between(at(0, 0), there), ==, names[i]);
        }
    }
    /* The date line, and the poles. */
    g_assert_cmpstr(direction_between(at(0, 179.9), at(0, -179.9)), ==, "E");
    g_assert_cmpstr(direction_between(at(10, 20), at(90, 0)), ==, "N");
    g_assert_cmpstr(direction_between(at(10, 20), at(-90, 0)), ==, "S");
    /* Far off the straight line on a map: from Lisbon one leaves for Tokyo to the north. */
    g_assert_cmpstr(direction_between(at(38.7, -9.1), at(35.7, 139.7)), ==, "NE");
    g_assert_cmpstr(direction_between(at(1, 2), at(1, 2)), ==, "-");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tool/phrase/spans", test_spans);
    g_test_add_func("/tool/phrase/times", test_times);
    g_test_add_func("/tool/phrase/distances", test_distances);
    g_test_add_func("/tool/phrase/directions", test_directions);
    return g_test_run();
}
