/* SPDX-License-Identifier: MIT */

/* degrees, geopoint: positions as data sets write them, and the point that stands for a shape. */

#include "places/degrees.h"
#include "places/import/geopoint.h"

#include <glib.h>

static void assert_degrees(const char *text, int64_t limit, int32_t expected)
{
    int32_t units = 0;

    g_assert_true(degrees_parse(slice_of(text), limit, &units));
    g_assert_cmpint(units, ==, expected);
}

static void test_degrees(void)
{
    assert_degrees("0", 90, 0);
    assert_degrees("-0", 90, 0);
    assert_degrees("34.0689301", 90, 340689301);
    assert_degrees("-118.445127", 180, -1184451270);
    assert_degrees("+12", 90, 120000000);
    assert_degrees("180", 180, 1800000000);
    assert_degrees("-180.0000000000000000000000", 180, -1800000000);
    assert_degrees("34.06893014", 90, 340689301);
    assert_degrees("34.06893015", 90, 340689302);
    assert_degrees("-34.06893015", 90, -340689302);
    assert_degrees("89.99999999", 90, 900000000);
    assert_degrees("0.00000004999999999999999999999", 90, 0);
    assert_degrees("1e-5", 90, 100);
    assert_degrees("1.5E1", 90, 150000000);
    assert_degrees("-1184.45127e-1", 180, -1184451270);
    assert_degrees("9e+1", 90, 900000000);
    assert_degrees("5e-8", 90, 1);
    assert_degrees("4e-30", 90, 0);
    assert_degrees("0.000000000000000000000000000017e30", 90, 170000000);
}

static void test_no_degrees(void)
{
    static const char *const bad[] = {"",
                                      "x",
                                      "90.00000001",
                                      "91",
                                      "-90.1",
                                      ".5",
                                      "5.",
                                      "1e",
                                      "e5",
                                      "1e5",
                                      "nan",
                                      "1e31",
                                      "1e-31",
                                      "1e1.0",
                                      "0x10",
                                      "1,5",
                                      " 1",
                                      "1 ",
                                      "--1",
                                      "9e2",
                                      "1e1e1",
                                      "1e99999999999999999999"};

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        int32_t units = 77;

        g_assert_false(degrees_parse(slice_of(bad[i]), 90, &units));
        g_assert_cmpint(units, ==, 77);
    }
}

static const char *point_of(const char *geometry, int32_t *latitude, int32_t *longitude)
{
    g_autoptr(JsonTree) tree = NULL;

    g_assert_cmpint(jsontree_parse(slice_of(geometry), &tree), ==, JSONTREE_OK);
    return geopoint_of(jsontree_root(tree), latitude, longitude);
}

/* In 1e-7 degrees. */
static void assert_point(const char *geometry, int32_t latitude, int32_t longitude)
{
    int32_t lat = 0;
    int32_t lon = 0;

    g_assert_cmpstr(point_of(geometry, &lat, &lon), ==, NULL);
    g_assert_cmpint(lat, ==, latitude);
    g_assert_cmpint(lon, ==, longitude);
}

#define DEGREE 10000000

static void test_points(void)
{
    assert_point("{\"type\":\"Point\",\"coordinates\":[-118.445127,34.06893]}", 340689300,
                 -1184451270);
    assert_point("{\"type\":\"Point\",\"coordinates\":[180,90,1234.5]}", 90 * DEGREE, 180 * DEGREE);
    assert_point("{\"type\":\"Point\",\"coordinates\":[-180,-90]}", -90 * DEGREE, -180 * DEGREE);
    assert_point("{\"type\":\"MultiPoint\",\"coordinates\":[[0,0],[1,2],[2,4]]}", 2 * DEGREE,
                 DEGREE);
    assert_point("{\"type\":\"MultiPoint\",\"coordinates\":[[7,8]]}", 8 * DEGREE, 7 * DEGREE);
}

static void test_lines(void)
{
    assert_point("{\"type\":\"LineString\",\"coordinates\":[[0,0],[0,4]]}", 2 * DEGREE, 0);
    /* The longer segment counts more. */
    assert_point("{\"type\":\"LineString\",\"coordinates\":[[5,0],[5,0],[5,1],[5,4]]}", 2 * DEGREE,
                 5 * DEGREE);
    /* The gap between two lines does not count. */
    assert_point("{\"type\":\"MultiLineString\",\"coordinates\":[[[0,0],[0,1]],[[0,9],[0,10]]]}",
                 5 * DEGREE, 0);
    assert_point("{\"type\":\"LineString\",\"coordinates\":[[3,3],[3,3]]}", 3 * DEGREE, 3 * DEGREE);
}

static void test_polygons(void)
{
    assert_point("{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[4,0],[4,2],[0,2],[0,0]]]}", DEGREE,
                 2 * DEGREE);
    /* Clockwise, not closed, with a hole, and more points on one side than on the other. */
    assert_point(
        "{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[0,2],[4,2],[4,0],[3,0],[2.5,0],[1,0]],"
        "[[0.1,0.1],[0.2,0.1],[0.2,0.2],[0.1,0.1]]]}",
        DEGREE, 2 * DEGREE);
    /* A triangle: the mean of its corners. */
    assert_point("{\"type\":\"Polygon\",\"coordinates\":[[[10,10],[13,10],[10,16],[10,10]]]}",
                 12 * DEGREE, 11 * DEGREE);
    /* The larger of two islands. */
    assert_point("{\"type\":\"MultiPolygon\",\"coordinates\":[[[[0,0],[1,0],[1,1],[0,1],[0,0]]],"
                 "[[[10,0],[14,0],[14,4],[10,4],[10,0]]],[[[20,0],[21,0],[21,1],[20,1],[20,0]]]]}",
                 2 * DEGREE, 12 * DEGREE);
}

static void test_polygons_without_area(void)
{
    assert_point("{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[0,4],[0,0]]]}", 2 * DEGREE, 0);
    assert_point("{\"type\":\"Polygon\",\"coordinates\":[[[1,1],[1,1],[1,1]]]}", DEGREE, DEGREE);

    /* Crosses itself, so that one half's area all but takes the other's away. */
    int32_t latitude;
    int32_t longitude;
    g_assert_null(point_of("{\"type\":\"Polygon\",\"coordinates\":"
                           "[[[0,0],[2,2],[2,0],[0,2.000001],[0,0]]]}",
                           &latitude, &longitude));
    g_assert_cmpint(latitude, >=, 0);
    g_assert_cmpint(latitude, <=, 2 * DEGREE + 10);
    g_assert_cmpint(longitude, >=, 0);
    g_assert_cmpint(longitude, <=, 2 * DEGREE);
}

static void test_date_line(void)
{
    assert_point("{\"type\":\"Polygon\",\"coordinates\":"
                 "[[[178,0],[-178,0],[-178,2],[178,2],[178,0]]]}",
                 DEGREE, 180 * DEGREE);
    assert_point("{\"type\":\"Polygon\",\"coordinates\":"
                 "[[[179,0],[-177,0],[-177,2],[179,2],[179,0]]]}",
                 DEGREE, -179 * DEGREE);
    assert_point("{\"type\":\"LineString\",\"coordinates\":[[-179,5],[177,5]]}", 5 * DEGREE,
                 179 * DEGREE);
    assert_point("{\"type\":\"MultiPoint\",\"coordinates\":[[179,0],[-179,0],[-178,0]]}", 0,
                 -1793333333);
}

static void assert_no_point(const char *geometry)
{
    int32_t latitude = 77;
    int32_t longitude = 77;

    g_assert_nonnull(point_of(geometry, &latitude, &longitude));
    g_assert_cmpint(latitude, ==, 77);
    g_assert_cmpint(longitude, ==, 77);
}

static void test_no_point(void)
{
    static const char *const kinds[] = {
        "Point",   "MultiPoint",   "LineString",         "MultiLineString",
        "Polygon", "MultiPolygon", "GeometryCollection", "Circle"};
    static const char *const coordinates[] = {
        "null",          "[]",           "{}",        "5",          "[1]",
        "[\"1\",\"2\"]", "[181,0]",      "[0,91]",    "[[[]]]",     "[[[[]]]]",
        "[[[[1]]]]",     "[[[[1,99]]]]", "[[1,2],5]", "[null,null]"};

    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autofree char *none = g_strdup_printf("{\"type\":\"%s\"}", kinds[i]);

        assert_no_point(none);
        for (size_t k = 0; k < G_N_ELEMENTS(coordinates); k++) {
            g_autofree char *text =
                g_strdup_printf("{\"coordinates\":%s,\"type\":\"%s\"}", coordinates[k], kinds[i]);

            assert_no_point(text);
        }
    }
    assert_no_point("null");
    assert_no_point("[]");
    assert_no_point("{\"type\":5,\"coordinates\":[1,2]}");
    g_assert_nonnull(geopoint_of(NULL, &(int32_t){0}, &(int32_t){0}));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/places/degrees/are-rounded-to-the-nearest-unit", test_degrees);
    g_test_add_func("/places/degrees/other-text-is-refused", test_no_degrees);
    g_test_add_func("/places/geopoint/points", test_points);
    g_test_add_func("/places/geopoint/lines", test_lines);
    g_test_add_func("/places/geopoint/polygons", test_polygons);
    g_test_add_func("/places/geopoint/polygons-without-area", test_polygons_without_area);
    g_test_add_func("/places/geopoint/across-the-date-line", test_date_line);
    g_test_add_func("/places/geopoint/what-has-no-point", test_no_point);
    return g_test_run();
}
