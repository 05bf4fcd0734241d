/* SPDX-License-Identifier: MIT */

/* What an Overpass server is asked. */

#include "places/osm/overpassquery.h"

#include "places/osm/osmtags.h"
#include "places/places.h"

static char **filters_of(const char *type)
{
    GError *error = NULL;
    char **filters = overpassquery_filters(type, &error);

    g_assert_no_error(error);
    g_assert_nonnull(filters);
    return filters;
}

/* @expected: one a line. */
static void assert_filters(const char *type, const char *expected)
{
    g_auto(GStrv) filters = filters_of(type);
    g_autofree char *joined = g_strjoinv("\n", filters);

    g_assert_cmpstr(joined, ==, expected);
}

static bool has_prefix(char *const *filters, const char *prefix)
{
    for (; *filters != NULL; filters++)
        if (g_str_has_prefix(*filters, prefix))
            return true;
    return false;
}

/* Not bus stops: every other one would hide the rest. */
static void test_all_that_has_a_meaning(void)
{
    assert_filters(
        NULL,
        "[name][~\"^(amenity|shop|tourism|leisure|healthcare|office|craft|historic)$\"~\".\"]\n"
        "[name][\"aeroway\"~\"^(aerodrome|heliport|terminal)(;|$)\"]\n"
        "[name][\"railway\"~\"^(halt|station|tram_stop)(;|$)\"]\n"
        "[name][\"public_transport\"~\"^(station)(;|$)\"]\n"
        "[name][\"aerialway\"~\"^(station)(;|$)\"]\n"
        "[name][\"landuse\"~\"^(cemetery)(;|$)\"]\n"
        "[name][\"place\"~\"^(borough|city|hamlet|neighbourhood|quarter|suburb|town|village)"
        "(;|$)\"]");
}

static void test_one_type(void)
{
    assert_filters("cafe", "[name][\"amenity\"~\"^(cafe|ice_cream|internet_cafe)(;|$)\"]\n"
                           "[name][\"shop\"~\"^(coffee)(;|$)\"]");
    assert_filters("mosque", "[name][\"amenity\"~\"^place_of_worship(;|$)\"]"
                             "[\"religion\"~\"^muslim(;|$)\"]");
    assert_filters("locality", "[name][\"place\"~\"^(city|hamlet|town|village)(;|$)\"]");
}

/* A type that any value of a key has: all of the key, and what else has it. */
static void test_a_type_of_any_value(void)
{
    g_auto(GStrv) filters = filters_of("store");

    g_assert_cmpstr(filters[0], ==, "[name][~\"^(shop)$\"~\".\"]");
    g_assert_true(has_prefix(filters, "[name][\"craft\"~"));
    g_assert_false(has_prefix(filters, "[name][\"shop\"~"));
}

/* Also of those that are not looked for otherwise. */
static void test_bus_stops_when_asked_for(void)
{
    g_auto(GStrv) filters = filters_of("bus_station");

    g_assert_true(has_prefix(filters, "[name][\"highway\"~\"^(bus_stop)(;|$)\"]"));
}

static void test_unknown_type(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(overpassquery_filters("caff", &error));
    g_assert_error(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_DATA);
    g_assert_nonnull(strstr(error->message, "caff"));
}

static void test_query(void)
{
    char first[] = "[name][~\"^(amenity)$\"~\".\"]";
    char second[] = "[name][\"place\"~\"^(city|town)(;|$)\"]";
    char *filters[] = {first, second, NULL};
    g_autoptr(GString) form = g_string_new("> ");

    overpassquery_append(
        form, filters, (Location){.latitude = 34068930000, .longitude = -118445127000}, 500500, 5);
    g_assert_true(g_str_has_prefix(form->str, "> data="));
    for (const char *c = form->str + strlen("> data="); *c != '\0'; c++)
        g_assert_true(g_ascii_isalnum(*c) || strchr("-._~%", *c) != NULL);

    g_autofree char *query = g_uri_unescape_string(form->str + strlen("> data="), NULL);
    g_assert_cmpstr(query, ==,
                    "[out:json][timeout:5];("
                    "nwr(around:500.5,34.06893,-118.445127)[name][~\"^(amenity)$\"~\".\"];"
                    "nwr(around:500.5,34.06893,-118.445127)[name][\"place\"~\"^(city|town)(;|$)\"];"
                    ");out tags center 500;");
}

int main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/overpassquery/all-that-has-a-meaning", test_all_that_has_a_meaning);
    g_test_add_func("/overpassquery/one-type", test_one_type);
    g_test_add_func("/overpassquery/a-type-of-any-value", test_a_type_of_any_value);
    g_test_add_func("/overpassquery/bus-stops-when-asked-for", test_bus_stops_when_asked_for);
    g_test_add_func("/overpassquery/unknown-type", test_unknown_type);
    g_test_add_func("/overpassquery/query", test_query);
    return g_test_run();
}
