/* SPDX-License-Identifier: MIT */
#include "core/location.h"

#include <glib.h>

static Slice slice(const char *text)
{
    return (Slice){.data = text, .length = strlen(text)};
}

static void test_r7_valid(void)
{
    static const struct {
        const char *text;
        int64_t latitude, longitude;
    } rows[] = {
        {"+34.068930-118.445127", 34068930000, -118445127000},
        {"+12-118", 12000000000, -118000000000},
        {"+00.0+000.0", 0, 0},
        {"-0-0", 0, 0},
        {"+1+1", 1000000000, 1000000000},
        {"-1-1", -1000000000, -1000000000},
        {"-33.86705+151.1957", -33867050000, 151195700000},
        {"+0.000000001-0.000000001", 1, -1},
        {"+0.0000000009-0.0000000009", 0, 0}, /* digits past the ninth stay behind */
        {"+90+180", 90000000000, 180000000000},
        {"-90-180", -90000000000, -180000000000},
        {"+090+180", 90000000000, 180000000000},
        {"+90.000000000000000000+180.000000000000000000", 90000000000, 180000000000},
        {"-90.0-180.0", -90000000000, -180000000000},
        {"+89.9999999999999999999+179.9999999999999999999", 89999999999, 179999999999},
        {"+001.5-001.5", 1500000000, -1500000000},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Location location;

        if (!location_parse(slice(rows[i].text), &location)) {
            g_test_fail_printf("\"%s\" is not taken", rows[i].text);
            continue;
        }
        g_assert_cmpint(location.latitude, ==, rows[i].latitude);
        g_assert_cmpint(location.longitude, ==, rows[i].longitude);
    }
}

static void test_r7_invalid(void)
{
    static const char *const rows[] = {
        "",
        "+",
        "+-",
        "+34.068930",
        "-118",
        "34.068930-118.445127", /* both halves are signed */
        "34.068930118.445127",
        "+34.068930118.445127",
        "34+118",
        "+34.068930,-118.445127",
        "+34.068930 -118.445127",
        "+34.068930-118.445127/",
        "+34.068930-118.445127+0", /* ISO 6709 has a height; R7 has not */
        "+34.068930--118.445127",
        "++34.068930-118.445127",
        "+34.068930-",
        "+34.068930+",
        "-118.445127+",
        "+.5-118",
        "+34.-118",
        "+34-118.",
        "+34-.5",
        "+90.0000000000000000001+0",
        "-90.0000000000000000001+0",
        "+90.000000001+0",
        "+91+0",
        "-91+0",
        "+100+0",
        "+999+0",
        "+0+180.0000000000000000001",
        "+0-180.0000000000000000001",
        "+0+181",
        "+0-181",
        "+0+360",
        "+0090+0", /* four digits */
        "+0+0180",
        "+1e1-118",
        "+34-1e2",
        "+34e+1",
        "+nan-118",
        "+34-nan",
        "+inf-inf",
        "nan",
        "+0x1-0x1",
        "+34\xc2\xb0-118\xc2\xb0",
        "\342\210\22234+118",  /* a typographer's minus */
        "+340836.5-1182642.4", /* degrees only: no minutes */
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Location location = {42, 43};

        if (location_parse(slice(rows[i]), &location))
            g_test_fail_printf("\"%s\" is taken", rows[i]);
        g_assert_cmpint(location.latitude, ==, 42);
        g_assert_cmpint(location.longitude, ==, 43);
    }
}

static void test_r7_nul_is_no_digit(void)
{
    Location location;

    g_assert_false(location_parse(SLICE("+34\0-118"), &location));
    g_assert_false(location_parse(SLICE("+34-118\0"), &location));
    g_assert_false(location_parse(SLICE("\0+34-118"), &location));
}

static void test_ends_with_the_slice(void)
{
    static const char text[] = "+34-118999";
    Location location;

    g_assert_true(location_parse((Slice){.data = text, .length = 7}, &location));
    g_assert_cmpint(location.longitude, ==, -118 * NANODEGREES_PER_DEGREE);
    g_assert_false(location_parse((Slice){.data = text, .length = 3}, &location));
    g_assert_false(location_parse((Slice){.data = text, .length = 4}, &location));
}

/* @nanodegrees as R7 has it, with at least @digits before the point. (transfer full) */
static char *degrees_text(int64_t nanodegrees, int digits)
{
    int64_t span = ABS(nanodegrees);

    return g_strdup_printf("%c%0*d.%09d", nanodegrees < 0 ? '-' : '+', digits,
                           (int)(span / NANODEGREES_PER_DEGREE),
                           (int)(span % NANODEGREES_PER_DEGREE));
}

static int64_t random_nanodegrees(int limit)
{
    int64_t degrees = g_test_rand_int_range(-limit, limit);

    return degrees * NANODEGREES_PER_DEGREE +
           g_test_rand_int_range(0, (int32_t)NANODEGREES_PER_DEGREE);
}

static void test_property_reads_what_is_written(void)
{
    for (int round = 0; round < 20000; round++) {
        int64_t latitude = random_nanodegrees(90);
        int64_t longitude = random_nanodegrees(180);
        g_autofree char *first = degrees_text(latitude, g_test_rand_int_range(1, 4));
        g_autofree char *second = degrees_text(longitude, g_test_rand_int_range(1, 4));
        g_autofree char *text = g_strconcat(first, second, NULL);
        Location location;

        g_assert_true(location_parse(slice(text), &location));
        g_assert_cmpint(location.latitude, ==, latitude);
        g_assert_cmpint(location.longitude, ==, longitude);
    }
}

static void test_query_equal(void)
{
    static const PlacesQuery query = {.center = {1, 2}, .radius = 3, .bound = 4};
    static const PlacesQuery others[] = {
        {.center = {0, 2}, .radius = 3, .bound = 4}, {.center = {1, 0}, .radius = 3, .bound = 4},
        {.center = {1, 2}, .radius = 0, .bound = 4}, {.center = {1, 2}, .radius = 3, .bound = 0},
        {.center = {2, 1}, .radius = 3, .bound = 4},
    };
    PlacesQuery same = query;

    g_assert_true(places_query_equal(&query, &same));
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
        g_assert_false(places_query_equal(&query, &others[i]));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/location/r7/valid", test_r7_valid);
    g_test_add_func("/location/r7/invalid", test_r7_invalid);
    g_test_add_func("/location/r7/nul-is-no-digit", test_r7_nul_is_no_digit);
    g_test_add_func("/location/parse/ends-with-the-slice", test_ends_with_the_slice);
    g_test_add_func("/location/property/reads-what-is-written",
                    test_property_reads_what_is_written);
    g_test_add_func("/query/equal/by-every-field", test_query_equal);
    return g_test_run();
}
