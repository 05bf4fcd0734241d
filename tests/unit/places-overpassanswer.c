/* SPDX-License-Identifier: MIT */

/* What becomes of the bytes that an Overpass server answers. */

#include "places/osm/overpassanswer.h"

#include "places/osm/osmtags.h"

#include <malloc.h>
#include <string.h>

#define CAFE(more) "\"tags\":{\"amenity\":\"cafe\",\"name\":\"A\"" more "}"
#define NODE(id, lat, lon, rest) \
    "{\"type\":\"node\",\"id\":" id ",\"lat\":" lat ",\"lon\":" lon "," rest "}"

static const PlacesQuery at_zero = {.radius = 10 * MILLIMETRES_PER_KM, .bound = 20};

static PlacesStatus add_body(OverpassAnswer *answer, long http_status, Slice body,
                             RadiusSearchSeen *ret_seen, ProviderFailure *failure)
{
    g_autoptr(GString) text = g_string_new_len(body.data, (gssize)body.length);
    HttpReply reply = {.status = http_status, .retry_after_s = 7, .body = text};

    return overpassanswer_add(answer, &reply, 3, ret_seen, failure);
}

static RadiusSearchSeen add_elements(OverpassAnswer *answer, const char *elements)
{
    g_autofree char *body = g_strdup_printf(
        "{\"version\":0.6,\"elements\":[%s],\"remark\":\"runtime remark: Test\"}", elements);
    RadiusSearchSeen seen = {0};
    ProviderFailure failure = {0};

    g_assert_cmpint(add_body(answer, 200, slice_of(body), &seen, &failure), ==, PLACES_OK);
    g_assert_null(failure.message);
    return seen;
}

static char *laid_out(const OverpassAnswer *answer, PlacesStatus expected)
{
    GString *json = g_string_new(NULL);

    g_assert_cmpint(overpassanswer_append(answer, json), ==, expected);
    return g_string_free(json, FALSE);
}

/* The ids of the results, with a blank between two. (transfer full) */
static char *ids_of(const OverpassAnswer *answer, PlacesStatus expected)
{
    g_autofree char *json = laid_out(answer, expected);
    g_autoptr(JsonTree) tree = NULL;
    GString *ids = g_string_new(NULL);

    g_assert_cmpint(jsontree_parse(slice_of(json), &tree), ==, JSONTREE_OK);
    const JsonValue *results = jsontree_member(jsontree_root(tree), SLICE("results"), NULL);
    for (const JsonValue *result = results->first; result != NULL; result = result->next) {
        Slice id = jsontree_member(result, SLICE("place_id"), NULL)->text;
        Slice reference = jsontree_member(result, SLICE("reference"), NULL)->text;

        g_assert_true(slice_equal(id, reference));
        g_string_append_printf(ids, "%s%.*s", ids->len > 0 ? " " : "", (int)id.length, id.data);
    }
    return g_string_free(ids, FALSE);
}

static void assert_ids(const char *elements, const char *type, const char *expected)
{
    g_autoptr(OverpassAnswer) answer = overpassanswer_new(&at_zero, type, NULL);

    add_elements(answer, elements);
    g_autofree char *ids = ids_of(answer, *expected != '\0' ? PLACES_OK : PLACES_ZERO_RESULTS);
    g_assert_cmpstr(ids, ==, expected);
}

/* ---- results ---- */

static void test_layout(void)
{
    PlacesQuery query = at_zero;
    g_autoptr(OverpassAnswer) answer = overpassanswer_new(&query, NULL, "en");

    add_elements(answer,
                 NODE("123", "0.0012000", "-0.0020000",
                      "\"tags\":{\"amenity\":\"cafe\",\"name\":\"Äpfel\",\"name:en\":\"Apples\","
                      "\"addr:street\":\"Long Street\",\"addr:housenumber\":\"12\","
                      "\"addr:city\":\"Springfield\"}"));
    g_autofree char *json = laid_out(answer, PLACES_OK);
    g_assert_cmpstr(json, ==,
                    "{\n"
                    "   \"html_attributions\" : [\n"
                    "      \"© \\u003ca href=\\\"https://www.openstreetmap.org/copyright\\\"\\u003e"
                    "OpenStreetMap\\u003c/a\\u003e contributors, ODbL\"\n"
                    "   ],\n"
                    "   \"results\" : [\n"
                    "      {\n"
                    "         \"geometry\" : {\n"
                    "            \"location\" : {\n"
                    "               \"lat\" : 0.0012000,\n"
                    "               \"lng\" : -0.0020000\n"
                    "            },\n"
                    "            \"viewport\" : {\n"
                    "               \"northeast\" : {\n"
                    "                  \"lat\" : 0.002549,\n"
                    "                  \"lng\" : -0.000651\n"
                    "               },\n"
                    "               \"southwest\" : {\n"
                    "                  \"lat\" : -0.000149,\n"
                    "                  \"lng\" : -0.003349\n"
                    "               }\n"
                    "            }\n"
                    "         },\n"
                    "         \"name\" : \"Apples\",\n"
                    "         \"place_id\" : \"osm:node/123\",\n"
                    "         \"reference\" : \"osm:node/123\",\n"
                    "         \"types\" : [ \"cafe\", \"food\", \"point_of_interest\", "
                    "\"establishment\" ],\n"
                    "         \"vicinity\" : \"12 Long Street, Springfield\"\n"
                    "      }\n"
                    "   ],\n"
                    "   \"status\" : \"OK\"\n"
                    "}");
}

static void test_nothing_found_names_the_source(void)
{
    g_autoptr(OverpassAnswer) answer = overpassanswer_new(&at_zero, NULL, NULL);

    add_elements(answer, "");
    g_autofree char *json = laid_out(answer, PLACES_ZERO_RESULTS);
    g_assert_nonnull(strstr(json, "OpenStreetMap"));
    g_assert_nonnull(strstr(json, "\"results\" : [],\n   \"status\" : \"ZERO_RESULTS\"\n}"));
}

static void test_vicinity_falls_back_to_the_name(void)
{
    g_autoptr(OverpassAnswer) answer = overpassanswer_new(&at_zero, NULL, NULL);

    add_elements(answer, NODE("1", "0", "0", CAFE("")));
    g_autofree char *json = laid_out(answer, PLACES_OK);
    g_assert_nonnull(strstr(json, "\"vicinity\" : \"A\""));
}

static void test_order_is_distance_then_kind_then_id(void)
{
    assert_ids(
        NODE("9", "0.003", "0", CAFE("")) "," NODE("10", "0.001", "0", CAFE("")) "," NODE(
            "2", "-0.001", "0",
            CAFE("")) ","
                      "{\"type\":\"way\",\"id\":1,\"center\":{\"lat\":0.001,\"lon\":0}," CAFE(
                          "") "},"
                              "{\"type\":\"relation\",\"id\":1,\"center\":{\"lat\":0.0001,\"lon\":"
                              "0}," CAFE("") "}",
        NULL, "osm:relation/1 osm:node/2 osm:node/10 osm:way/1 osm:node/9");
}

static void test_what_is_no_place_is_left_out(void)
{
    static const char *const elements[] = {
        NODE("1", "0", "0", "\"tags\":{\"amenity\":\"cafe\"}"),
        NODE("1", "0", "0", "\"tags\":{\"name\":\"A\",\"building\":\"yes\"}"),
        NODE("1", "0", "0", "\"tags\":null"),
        NODE("1", "0", "0", "\"tags\":[\"amenity\"]"),
        NODE("1", "0", "0", "\"x\":0"),
        NODE("1", "\"0\"", "0", CAFE("")),
        NODE("1", "91", "0", CAFE("")),
        NODE("1", "0", "-180.0000001", CAFE("")),
        NODE("1", "1e999", "0", CAFE("")),
        NODE("1", "null", "0", CAFE("")),
        NODE("1", "0.1", "0", CAFE("")), /* 11 km from the centre */
        NODE("-1", "0", "0", CAFE("")),
        NODE("1.5", "0", "0", CAFE("")),
        NODE("\"1\"", "0", "0", CAFE("")),
        NODE("1234567890123456789012", "0", "0", CAFE("")),
        "{\"type\":\"way\",\"id\":1,\"center\":{}," CAFE("") "}",
        "{\"type\":\"way\",\"id\":1,\"center\":null," CAFE("") "}",
        "{\"type\":\"way\",\"id\":1," CAFE("") "}",
        "{\"type\":\"area\",\"id\":1,\"lat\":0,\"lon\":0," CAFE("") "}",
        "{\"type\":7,\"id\":1,\"lat\":0,\"lon\":0," CAFE("") "}",
        "{\"id\":1,\"lat\":0,\"lon\":0," CAFE("") "}",
        "{}",
        "7",
        "[]",
        "null",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(elements); i++) {
        g_autofree char *all = g_strconcat(elements[i], ",", NODE("7", "0", "0", CAFE("")), NULL);

        g_test_message("%s", elements[i]);
        assert_ids(elements[i], NULL, "");
        assert_ids(all, NULL, "osm:node/7"); /* and the others stay */
    }
}

static void test_type(void)
{
    static const char elements[] = NODE("1", "0", "0", CAFE("")) "," NODE(
        "2", "0", "0", "\"tags\":{\"shop\":\"books\",\"name\":\"A\"}");

    assert_ids(elements, NULL, "osm:node/1 osm:node/2");
    assert_ids(elements, "food", "osm:node/1");
    assert_ids(elements, "store", "osm:node/2");
    assert_ids(elements, "bar", "");
}

static void test_bound(void)
{
    PlacesQuery query = at_zero;

    query.bound = 2;
    g_autoptr(OverpassAnswer) answer = overpassanswer_new(&query, NULL, NULL);
    add_elements(answer, NODE("1", "0.003", "0", CAFE("")));
    g_assert_false(overpassanswer_is_full(answer));
    add_elements(answer, NODE("2", "0.002", "0", CAFE("")) "," NODE("3", "0.001", "0", CAFE("")));
    g_assert_true(overpassanswer_is_full(answer));
    g_autofree char *ids = ids_of(answer, PLACES_OK);
    g_assert_cmpstr(ids, ==, "osm:node/3 osm:node/2");
}

/* ---- several answers to one lookup ---- */

static void test_answers_add_up(void)
{
    g_autoptr(OverpassAnswer) answer = overpassanswer_new(&at_zero, NULL, NULL);

    RadiusSearchSeen seen = add_elements(
        answer, NODE("1", "0.002", "0", CAFE("")) "," NODE("2", "0.001", "0", CAFE("")));
    g_assert_cmpuint(seen.known, ==, 2);
    g_assert_false(seen.cut);
    /* 0.002 degrees are 222.39 m. */
    g_assert_cmpint(seen.farthest, >=, 222389);
    g_assert_cmpint(seen.farthest, <=, 222391);
    /* What was known is not there twice; three elements are all that may come. */
    seen = add_elements(answer, NODE("2", "0.001", "0", CAFE("")) "," NODE(
                                    "1", "0.002", "0", CAFE("")) "," NODE("3", "0", "0", CAFE("")));
    g_assert_cmpuint(seen.known, ==, 3);
    g_assert_true(seen.cut);
    g_autofree char *ids = ids_of(answer, PLACES_OK);
    g_assert_cmpstr(ids, ==, "osm:node/3 osm:node/2 osm:node/1");
}

static size_t allocated(void)
{
    struct mallinfo2 now = mallinfo2();

    return now.uordblks + now.hblkhd;
}

/* A lookup that waits for the next answer holds what it wants of the earlier ones, and no more. */
static void test_little_is_kept_of_an_answer(void)
{
    enum { MANY = 90000, LITTLE = 100000 };
    static const char *const ids[] = {"1", "2", "3", "4"};
    g_autoptr(OverpassAnswer) answer = overpassanswer_new(&at_zero, NULL, NULL);
    g_autoptr(GString) rest = g_string_new(NULL);
    size_t before = allocated();

    for (unsigned i = 0; i < MANY; i++)
        g_string_append(rest, ",[]");
    if (allocated() < before + rest->len) {
        g_test_skip("this malloc does not say what is allocated");
        return;
    }
    before = allocated();
    for (size_t i = 0; i < G_N_ELEMENTS(ids); i++) {
        g_autofree char *elements = g_strdup_printf(
            "{\"type\":\"node\",\"id\":%s,\"lat\":0,\"lon\":0,%s}%s", ids[i], CAFE(""), rest->str);

        g_assert_cmpuint(add_elements(answer, elements).known, ==, i + 1);
    }
    g_assert_cmpuint(allocated(), <, before + LITTLE);
    g_autofree char *told = ids_of(answer, PLACES_OK);
    g_assert_cmpstr(told, ==, "osm:node/1 osm:node/2 osm:node/3 osm:node/4");
}

/* ---- failures ---- */

static void assert_failure(long http_status, Slice body, PlacesStatus expected, const char *message)
{
    g_autoptr(OverpassAnswer) answer = overpassanswer_new(&at_zero, NULL, NULL);
    RadiusSearchSeen seen = {.known = 99};
    ProviderFailure failure = {0};

    g_test_message("%.*s", (int)body.length, body.data);
    add_elements(answer, NODE("1", "0", "0", CAFE("")));
    g_assert_cmpint(add_body(answer, http_status, body, &seen, &failure), ==, expected);
    g_assert_cmpstr(failure.message, ==, message);
    if (expected == PLACES_OVER_QUERY_LIMIT)
        g_assert_cmpuint(failure.retry_after_s, ==, 7);
    g_free(failure.message);
    g_autofree char *ids = ids_of(answer, PLACES_OK);
    g_assert_cmpstr(ids, ==, "osm:node/1");
}

static void test_remarks(void)
{
    static const struct {
        const char *remark;
        PlacesStatus status;
        const char *message;
    } cases[] = {
        {"runtime error: Query timed out in \\\"query\\\" at line 1 after 6 seconds.",
         PLACES_UNKNOWN_ERROR, "The places provider ran out of time."},
        {"runtime error: Query ran out of memory in \\\"query\\\" at line 1.", PLACES_UNKNOWN_ERROR,
         "The places provider ran out of memory."},
        {"runtime error: open64: 0 Success /osm3s "
         "Dispatcher_Client::request_read_and_idx::timeout.",
         PLACES_OVER_QUERY_LIMIT, "The places provider has too many queries to answer."},
        {"runtime error: open64: 0 Success /osm3s rate_limited. Please check /api/status",
         PLACES_OVER_QUERY_LIMIT, "The places provider has too many queries to answer."},
        {"runtime error", PLACES_UNKNOWN_ERROR,
         "The places provider failed while it was searching."},
    };
    static const char *const elements[] = {"", NODE("5", "0", "0", CAFE(""))};

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        for (size_t k = 0; k < G_N_ELEMENTS(elements); k++) {
            g_autofree char *body = g_strdup_printf("{\"elements\":[%s],\"remark\":\"%s\"}",
                                                    elements[k], cases[i].remark);

            assert_failure(200, slice_of(body), cases[i].status, cases[i].message);
        }
}

static void test_not_an_answer(void)
{
    static const char *const bodies[] = {"[]",
                                         "7",
                                         "{}",
                                         "{\"elements\":{}}",
                                         "{\"elements\":null}",
                                         "{\"elements\":[],\"elements\":[]}",
                                         "{\"remark\":\"runtime remark: Test\"}"};
    static const char *const no_json[] = {"", "<html></html>", "{\"elements\":[", "504 x"};

    for (size_t i = 0; i < G_N_ELEMENTS(bodies); i++)
        assert_failure(200, slice_of(bodies[i]), PLACES_UNKNOWN_ERROR,
                       "The answer of the places provider is not an answer of Overpass.");
    for (size_t i = 0; i < G_N_ELEMENTS(no_json); i++)
        assert_failure(200, slice_of(no_json[i]), PLACES_UNKNOWN_ERROR,
                       "The answer of the places provider is not JSON.");
}

static void test_http_status(void)
{
    static const struct {
        long http_status;
        PlacesStatus status;
    } cases[] = {{400, PLACES_INVALID_REQUEST},
                 {403, PLACES_REQUEST_DENIED},
                 {406, PLACES_UNKNOWN_ERROR},
                 {429, PLACES_OVER_QUERY_LIMIT},
                 {504, PLACES_UNKNOWN_ERROR}};

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *message = g_strdup_printf(
            "The places provider answered with HTTP status %ld.", cases[i].http_status);

        assert_failure(cases[i].http_status, SLICE("<html>/api/interpreter</html>"),
                       cases[i].status, message);
        assert_failure(cases[i].http_status, SLICE("{\"elements\":[]}"), cases[i].status, message);
    }
}

/* ---- captured bodies ---- */

/* NULL: the captured bodies, which are not part of this project, are not here. (transfer full) */
static char *captured(const char *name)
{
    const char *set = g_getenv("HERD_FIXTURES");
    g_autofree char *directory = set != NULL ? g_strdup(set)
                                             : g_test_build_filename(G_TEST_DIST, "..", "..", "..",
                                                                     "shared", "fixtures", NULL);
    g_autofree char *path = g_build_filename(directory, "overpass", name, NULL);
    char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) ? text : NULL;
}

static void test_captured(void)
{
    static const struct {
        const char *file;
        PlacesStatus status;
    } cases[] = {
        {"overpy_node-01.json", PLACES_OK},
        {"overpy_way-01.json", PLACES_OK},
        {"overpy_way-04.json", PLACES_OK}, /* "center": {} */
        {"overpy_area-01.json", PLACES_OK},
        {"overpy_remark-runtime-remark-01.json", PLACES_OK},
        {"overpy_remark-runtime-error-01.json", PLACES_UNKNOWN_ERROR},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(OverpassAnswer) answer = overpassanswer_new(&at_zero, NULL, NULL);
        g_autofree char *body = captured(cases[i].file);
        RadiusSearchSeen seen;
        ProviderFailure failure = {0};

        if (body == NULL) {
            g_test_skip("the captured bodies are not here");
            return;
        }
        g_test_message("%s", cases[i].file);
        g_assert_cmpint(add_body(answer, 200, slice_of(body), &seen, &failure), ==,
                        cases[i].status);
        g_free(failure.message);
        g_free(ids_of(answer, PLACES_ZERO_RESULTS));
    }
}

int main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/overpassanswer/layout", test_layout);
    g_test_add_func("/overpassanswer/nothing-found-names-the-source",
                    test_nothing_found_names_the_source);
    g_test_add_func("/overpassanswer/vicinity-falls-back-to-the-name",
                    test_vicinity_falls_back_to_the_name);
    g_test_add_func("/overpassanswer/order-is-distance-then-kind-then-id",
                    test_order_is_distance_then_kind_then_id);
    g_test_add_func("/overpassanswer/what-is-no-place-is-left-out",
                    test_what_is_no_place_is_left_out);
    g_test_add_func("/overpassanswer/type", test_type);
    g_test_add_func("/overpassanswer/bound", test_bound);
    g_test_add_func("/overpassanswer/answers-add-up", test_answers_add_up);
    g_test_add_func("/overpassanswer/little-is-kept-of-an-answer",
                    test_little_is_kept_of_an_answer);
    g_test_add_func("/overpassanswer/remarks", test_remarks);
    g_test_add_func("/overpassanswer/not-an-answer", test_not_an_answer);
    g_test_add_func("/overpassanswer/http-status", test_http_status);
    g_test_add_func("/overpassanswer/captured", test_captured);
    return g_test_run();
}
