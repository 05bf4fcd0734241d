/* SPDX-License-Identifier: MIT */

/* The embedded provider, through the interface that workers use. */

#include "places/file/embedded-data.h"
#include "places/file/filelayout.h"
#include "places/json/jsonlayout.h"
#include "places/places.h"

#include "tests/unit/places-image.h"

#include <pthread.h>

#define ROWS 199568

static Places *embedded(void)
{
    PlacesOptions options = {.provider = PROVIDER_EMBEDDED};
    GError *error = NULL;
    Places *places = places_new(&options, &error);

    g_assert_no_error(error);
    g_assert_nonnull(places);
    return places;
}

static PlacesQuery query_at(int64_t latitude, int64_t longitude, int64_t km, unsigned bound)
{
    return (PlacesQuery){.center = {.latitude = latitude, .longitude = longitude},
                         .radius = km * MILLIMETRES_PER_KM,
                         .bound = bound};
}

/* The answer to @query, checked for what every answer is. @ret_tree (transfer full). */
static PlacesStatus ask(Places *places, PlacesQuery query, JsonTree **ret_tree)
{
    g_autoptr(GString) json = g_string_new("AT ...\n"); /* as a worker has it */
    PlacesStatus status = places_nearby(places, &query, json);
    Slice body = {.data = json->str + 7, .length = json->len - 7};
    g_autoptr(GString) again = g_string_new("AT ...\n");

    g_assert_true(g_str_has_prefix(json->str, "AT ...\n{"));
    g_assert_cmpint(jsontree_parse(body, ret_tree), ==, JSONTREE_OK);
    /* Written here by hand, but in the one layout. */
    jsonlayout_append(again, jsontree_root(*ret_tree), 0);
    g_assert_cmpstr(json->str, ==, again->str);
    g_assert_null(strstr(json->str, "\n\n"));
    return status;
}

static const JsonValue *member(const JsonValue *object, const char *key)
{
    size_t count;
    const JsonValue *found =
        jsontree_member(object, (Slice){.data = key, .length = strlen(key)}, &count);

    g_assert_cmpuint(count, ==, 1);
    return found;
}

static char *text_of(const JsonValue *value)
{
    return g_strndup(value->text.data, value->text.length);
}

static void assert_text(const JsonValue *value, const char *expected)
{
    g_autofree char *text = text_of(value);

    g_assert_cmpstr(text, ==, expected);
}

static const JsonValue *results_of(JsonTree *tree)
{
    return member(jsontree_root(tree), "results");
}

static void test_ucla(void)
{
    static const char *const names[] = {
        "Westwood",       "Century City", "Beverly Hills", "Culver City",    "Santa Monica",
        "West Hollywood", "Venice",       "Sherman Oaks",  "Marina del Rey", "Studio City"};
    g_autoptr(Places) places = embedded();
    g_autoptr(JsonTree) tree = NULL;
    PlacesQuery query = query_at(34068930000, -118445127000, 10, 20);

    g_assert_cmpint(ask(places, query, &tree), ==, PLACES_OK);
    assert_text(member(jsontree_root(tree), "status"), "OK");
    const JsonValue *result = results_of(tree)->first;
    g_assert_cmpuint(results_of(tree)->count, ==, G_N_ELEMENTS(names));
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++, result = result->next)
        assert_text(member(result, "name"), names[i]);
}

static void test_result_has_the_shape_of_google(void)
{
    g_autoptr(Places) places = embedded();
    g_autoptr(GString) json = g_string_new(NULL);
    PlacesQuery query = query_at(34068930000, -118445127000, 10, 1);

    g_assert_cmpint(places_nearby(places, &query, json), ==, PLACES_OK);
    g_assert_cmpstr(json->str, ==,
                    "{\n"
                    "   \"html_attributions\" : [\n"
                    "      \"\\u003ca href=\\\"https://www.geonames.org/\\\"\\u003eGeoNames"
                    "\\u003c/a\\u003e, \\u003ca "
                    "href=\\\"https://creativecommons.org/licenses/by/4.0/\\\"\\u003eCC BY 4.0"
                    "\\u003c/a\\u003e\"\n"
                    "   ],\n"
                    "   \"results\" : [\n"
                    "      {\n"
                    "         \"geometry\" : {\n"
                    "            \"location\" : {\n"
                    "               \"lat\" : 34.05612,\n"
                    "               \"lng\" : -118.43063\n"
                    "            },\n"
                    "            \"viewport\" : {\n"
                    "               \"northeast\" : {\n"
                    "                  \"lat\" : 34.057469,\n"
                    "                  \"lng\" : -118.429281\n"
                    "               },\n"
                    "               \"southwest\" : {\n"
                    "                  \"lat\" : 34.054771,\n"
                    "                  \"lng\" : -118.431979\n"
                    "               }\n"
                    "            }\n"
                    "         },\n"
                    "         \"name\" : \"Westwood\",\n"
                    "         \"place_id\" : \"gn:5408522\",\n"
                    "         \"reference\" : \"gn:5408522\",\n"
                    "         \"types\" : [ \"sublocality\", \"political\" ],\n"
                    "         \"vicinity\" : \"Westwood\"\n"
                    "      }\n"
                    "   ],\n"
                    "   \"status\" : \"OK\"\n"
                    "}");
}

static void test_bound_keeps_the_nearest(void)
{
    g_autoptr(Places) places = embedded();
    g_autoptr(JsonTree) all = NULL;

    g_assert_cmpint(ask(places, query_at(48856600000, 2352200000, 50, 20), &all), ==, PLACES_OK);
    g_assert_cmpuint(results_of(all)->count, ==, 20);
    for (unsigned bound = 1; bound < 20; bound++) {
        g_autoptr(JsonTree) cut = NULL;

        ask(places, query_at(48856600000, 2352200000, 50, bound), &cut);
        g_assert_cmpuint(results_of(cut)->count, ==, bound);
        const JsonValue *expected = results_of(all)->first;
        for (const JsonValue *result = results_of(cut)->first; result != NULL;
             result = result->next, expected = expected->next)
            g_assert_true(
                slice_equal(member(result, "place_id")->text, member(expected, "place_id")->text));
    }
}

static void test_nothing_asked(void)
{
    static const char empty[] = "{\n"
                                "   \"html_attributions\" : [],\n"
                                "   \"results\" : [],\n"
                                "   \"status\" : \"ZERO_RESULTS\"\n"
                                "}";
    g_autoptr(Places) places = embedded();
    PlacesQuery no_bound = query_at(34056120000, -118430630000, 10, 0);
    PlacesQuery no_radius = query_at(34056120000, -118430630000, 0, 20);
    g_autoptr(GString) json = g_string_new(NULL);

    g_assert_cmpint(places_nearby(places, &no_bound, json), ==, PLACES_ZERO_RESULTS);
    g_assert_cmpstr(json->str, ==, empty);
    g_string_truncate(json, 0);
    g_assert_cmpint(places_nearby(places, &no_radius, json), ==, PLACES_ZERO_RESULTS);
    g_assert_cmpstr(json->str, ==, empty);
}

static void test_nothing_near(void)
{
    g_autoptr(Places) places = embedded();
    int64_t latitudes[] = {90, -90, -50};

    for (size_t i = 0; i < G_N_ELEMENTS(latitudes); i++) {
        g_autoptr(JsonTree) tree = NULL;
        PlacesQuery query = query_at(latitudes[i] * NANODEGREES_PER_DEGREE, -140000000000, 50, 20);

        g_assert_cmpint(ask(places, query, &tree), ==, PLACES_ZERO_RESULTS);
        assert_text(member(jsontree_root(tree), "status"), "ZERO_RESULTS");
        g_assert_cmpuint(results_of(tree)->count, ==, 0);
        /* Who has nothing to say is named all the same. */
        g_assert_cmpuint(member(jsontree_root(tree), "html_attributions")->count, ==, 1);
    }
}

static void test_date_line(void)
{
    g_autoptr(Places) places = embedded();
    g_autoptr(JsonTree) east = NULL;
    g_autoptr(JsonTree) west = NULL;

    /* Egvekinot is at 66.32166, -179.12198; at 65 degrees a degree of longitude is 45 km. */
    g_assert_cmpint(ask(places, query_at(66321660000, 179990000000, 50, 20), &east), ==, PLACES_OK);
    assert_text(member(results_of(east)->first, "name"), "Egvekinot");
    g_assert_cmpint(ask(places, query_at(66321660000, -179990000000, 50, 20), &west), ==,
                    PLACES_OK);
    assert_text(member(results_of(west)->first, "name"), "Egvekinot");
}

static void test_every_row_is_in_the_layout(void)
{
    GError *error = NULL;
    g_autoptr(PlacesFile) file =
        placesfile_open(places_embedded_data, places_embedded_size, &error);
    g_autoptr(Places) places = embedded();

    g_assert_no_error(error);
    g_assert_cmpuint((uintptr_t)places_embedded_data % 64, ==, 0);
    g_assert_cmpuint(placesfile_row_count(file), ==, ROWS);
    for (uint32_t row = 0; row < ROWS; row += g_test_slow() ? 1 : 50) {
        PlacesQuery query = {
            .center = placesfile_location(file, row), .radius = 1000, .bound = PLACES_BOUND_MAX};
        g_autoptr(JsonTree) tree = NULL;
        Place place;

        g_assert_true(placesfile_place(file, row, &place));
        g_assert_cmpuint(place.name.length, >, 0);
        g_assert_cmpint(ask(places, query, &tree), ==, PLACES_OK);
        bool found = false;
        for (const JsonValue *result = results_of(tree)->first; result != NULL;
             result = result->next)
            found |= slice_equal(member(result, "place_id")->text, place.id);
        g_assert_true(found);
    }
}

/* The answer from a file with one row at 1e-7 degrees @latitude, @longitude, laid out. */
static JsonTree *ask_own_file(const char *name, const char *types, int32_t latitude,
                              int32_t longitude)
{
    g_autoptr(PlacesFileWriter) writer = new_writer("");
    JsonTree *tree = NULL;

    add(writer, "own:1", name, "1 \"Main\" <street>", types, latitude, longitude);
    g_auto(Image) image = finish(writer);
    g_autoptr(PlacesFile) file = open_image(&image);
    g_autoptr(GString) json = g_string_new(NULL);
    g_autoptr(GString) again = g_string_new(NULL);
    PlacesQuery query = {
        .center = placesfile_location(file, 0), .radius = 1, .bound = PLACES_BOUND_MAX};
    g_assert_cmpint(filelayout_append(file, NULL, &query, json), ==, PLACES_OK);
    g_assert_cmpint(jsontree_parse((Slice){.data = json->str, .length = json->len}, &tree), ==,
                    JSONTREE_OK);
    jsonlayout_append(again, jsontree_root(tree), 0);
    g_assert_cmpstr(json->str, ==, again->str);
    return tree;
}

static void assert_viewport(int32_t latitude, int32_t longitude, const char *north,
                            const char *east, const char *south, const char *west)
{
    g_autoptr(JsonTree) tree = ask_own_file("x", "locality", latitude, longitude);
    const JsonValue *viewport = member(member(results_of(tree)->first, "geometry"), "viewport");

    assert_text(member(member(viewport, "northeast"), "lat"), north);
    assert_text(member(member(viewport, "northeast"), "lng"), east);
    assert_text(member(member(viewport, "southwest"), "lat"), south);
    assert_text(member(member(viewport, "southwest"), "lng"), west);
}

static void test_viewport_at_the_edges(void)
{
    assert_viewport(0, 0, "0.001349", "0.001349", "-0.001349", "-0.001349");
    assert_viewport(899990000, 0, "90", "0.001349", "89.997651", "-0.001349");
    assert_viewport(-900000000, 0, "-89.998651", "0.001349", "-90", "-0.001349");
    assert_viewport(0, 1799990000, "0.001349", "-179.999651", "-0.001349", "179.997651");
    assert_viewport(0, -1799990001, "0.001349", "-179.9976511", "-0.001349", "179.9996509");
}

static void test_any_row_is_in_the_layout(void)
{
    static const char *const types[] = {
        "",
        "cafe",
        "bar,restaurant,food,point_of_interest,establishment",
        "grocery_or_supermarket,convenience_store,point_of_interest,establishment,store",
    };
    static const size_t counts[] = {0, 1, 5, 5};

    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        g_autoptr(JsonTree) tree =
            ask_own_file("Caf\303\251 \"\\\"\n\n<&'/>\x01", types[i], -123456789, 1234567890);
        const JsonValue *result = results_of(tree)->first;

        g_assert_cmpuint(member(result, "types")->count, ==, counts[i]);
        assert_text(member(result, "name"), "Caf\303\251 \"\\\"\n\n<&'/>\x01");
        assert_text(member(result, "vicinity"), "1 \"Main\" <street>");
        assert_text(member(member(member(result, "geometry"), "location"), "lat"), "-12.3456789");
        assert_text(member(member(member(result, "geometry"), "location"), "lng"), "123.456789");
        g_assert_cmpuint(member(jsontree_root(tree), "html_attributions")->count, ==, 0);
    }
}

static void test_failure(void)
{
    g_autoptr(GString) json = g_string_new("x");

    places_append_failure(json, PLACES_OVER_QUERY_LIMIT, "Say \"<please>\".");
    g_assert_cmpstr(json->str, ==,
                    "x{\n"
                    "   \"error_message\" : \"Say \\\"\\u003cplease\\u003e\\\".\",\n"
                    "   \"html_attributions\" : [],\n"
                    "   \"results\" : [],\n"
                    "   \"status\" : \"OVER_QUERY_LIMIT\"\n"
                    "}");
}

static void test_a_query_is_answered_at_once(void)
{
    g_autoptr(Places) places = embedded();
    g_autoptr(GString) json = g_string_new(NULL);
    PlacesQuery query = query_at(34068930000, -118445127000, 10, 5);
    PlacesStatus status;

    g_assert_true(places_at_once(places, &query, json, &status));
    g_assert_cmpint(status, ==, PLACES_OK);
}

static void *ask_many(void *data)
{
    for (int64_t i = 0; i < 500; i++) {
        g_autoptr(JsonTree) tree = NULL;

        ask(data, query_at(34000000000 + i * 10000, -118000000000, 10, 20), &tree);
        g_assert_cmpuint(results_of(tree)->count, >, 0);
    }
    return NULL;
}

static void test_many_threads(void)
{
    g_autoptr(Places) places = embedded();
    pthread_t threads[4];

    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
        g_assert_cmpint(pthread_create(&threads[i], NULL, ask_many, places), ==, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
        g_assert_cmpint(pthread_join(threads[i], NULL), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/places/embedded/ten-places-around-ucla", test_ucla);
    g_test_add_func("/places/embedded/result-has-the-shape-of-google",
                    test_result_has_the_shape_of_google);
    g_test_add_func("/places/embedded/bound-keeps-the-nearest", test_bound_keeps_the_nearest);
    g_test_add_func("/places/embedded/nothing-is-asked-for-bound-or-radius-0", test_nothing_asked);
    g_test_add_func("/places/embedded/nothing-near-is-zero-results", test_nothing_near);
    g_test_add_func("/places/embedded/date-line-is-crossed", test_date_line);
    g_test_add_func("/places/embedded/rows-are-found-in-the-layout",
                    test_every_row_is_in_the_layout);
    g_test_add_func("/places/filelayout/viewport-at-the-edges-of-the-map",
                    test_viewport_at_the_edges);
    g_test_add_func("/places/filelayout/any-row-is-in-the-layout", test_any_row_is_in_the_layout);
    g_test_add_func("/places/embedded/failure-keeps-the-shape", test_failure);
    g_test_add_func("/places/embedded/a-query-is-answered-at-once",
                    test_a_query_is_answered_at_once);
    g_test_add_func("/places/embedded/many-threads-at-once", test_many_threads);
    return g_test_run();
}
