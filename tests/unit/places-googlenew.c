/* SPDX-License-Identifier: MIT */

/* googlenew: answers of Places API (New) told as legacy ones. The bodies are made for these tests,
 * in the form that the API's proto definitions and proto3's JSON give them; none was recorded. */

#include "places/google/googlenew.h"
#include "places/json/jsonlayout.h"

#define KEY "SECRET-k3y"

#define NAMED   "\"displayName\":{\"text\":\"N\"}"
#define LOCATED "\"location\":{\"latitude\":1.5,\"longitude\":-2.5}"

/* An answer's one place, with what every place has that is of use. */
#define PLACE(members) "{\"places\":[{" NAMED "," LOCATED "," members "}]}"

static GoogleService service; /* the parts that an answer is read with */
static char base_url[] = "https://places.example:8443";

typedef struct {
    PlacesStatus status;
    char *json; /* (owned) */
    ProviderFailure failure;
} Answer;

static void answer_clear(Answer *answer)
{
    g_free(answer->json);
    g_free(answer->failure.message);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Answer, answer_clear)

static Answer answer_to(long http_status, const char *body, unsigned bound)
{
    g_autoptr(GString) text = g_string_new(body);
    GString *json = g_string_new(NULL);
    HttpReply reply = {.status = http_status, .retry_after_s = 7, .body = text};
    Answer answer = {0};

    answer.status = googlenew_append(json, &reply, bound, &service, &answer.failure);
    answer.json = g_string_free(json, FALSE);
    g_assert_null(strstr(answer.json, KEY));
    if (answer.status == PLACES_OK || answer.status == PLACES_ZERO_RESULTS) {
        g_assert_null(answer.failure.message);
    } else {
        g_assert_cmpstr(answer.json, ==, "");
        g_assert_null(strstr(answer.failure.message, KEY));
        g_assert_null(strstr(answer.failure.message, "://"));
    }
    return answer;
}

/* @body is answered with @results, any layout, and the rest of an answer. */
static void assert_results(const char *body, const char *results)
{
    g_auto(Answer) answer = answer_to(200, body, 20);
    bool empty = strcmp(results, "[]") == 0;
    g_autofree char *expected = g_strdup_printf("{\"html_attributions\":[],\"results\":%s,"
                                                "\"status\":\"%s\"}",
                                                results, empty ? "ZERO_RESULTS" : "OK");
    g_autoptr(JsonTree) tree = NULL;
    g_autoptr(GString) laid_out = g_string_new(NULL);

    g_assert_cmpint(jsontree_parse(slice_of(expected), &tree), ==, JSONTREE_OK);
    jsonlayout_append(laid_out, jsontree_root(tree), 0);
    g_assert_cmpstr(answer.json, ==, laid_out->str);
    g_assert_cmpint(answer.status, ==, empty ? PLACES_ZERO_RESULTS : PLACES_OK);
}

/* The result that PLACE() becomes has @members besides what it has in any case. */
static void assert_place(const char *body, const char *members)
{
    g_autofree char *results =
        g_strdup_printf("[{\"geometry\":{\"location\":{\"lat\":1.5,\"lng\":-2.5}},\"name\":\"N\","
                        "\"scope\":\"GOOGLE\"%s%s}]",
                        *members == '\0' ? "" : ",", members);

    assert_results(body, results);
}

/* ---- fields ---- */

static void test_whole_place(void)
{
    g_auto(Answer) answer = answer_to(
        200,
        "{\"places\":[{"
        "\"id\":\"ChIJ1\",\"types\":[\"cafe\",\"food\"],"
        "\"formattedAddress\":\"1 Long Street, Town, Land\","
        "\"plusCode\":{\"globalCode\":\"8553+X\",\"compoundCode\":\"53+X Town\"},"
        "\"location\":{\"latitude\":34.068921000000003,\"longitude\":-118.4451270},"
        "\"viewport\":{\"low\":{\"latitude\":34.0,\"longitude\":-118.5},"
        "\"high\":{\"latitude\":34.1,\"longitude\":-118.4}},"
        "\"businessStatus\":\"OPERATIONAL\","
        "\"iconMaskBaseUri\":\"https://icons.example/cafe\",\"iconBackgroundColor\":\"#FF9E67\","
        "\"displayName\":{\"text\":\"Café <1>\",\"languageCode\":\"en\"},"
        "\"shortFormattedAddress\":\"1 Long Street\","
        "\"photos\":[{\"name\":\"places/ChIJ1/photos/A\",\"widthPx\":4032,\"heightPx\":3024,"
        "\"authorAttributions\":[{\"displayName\":\"Ann O'Nym\","
        "\"uri\":\"https://maps.example/c/1\",\"photoUri\":\"https://x\"}]},"
        "{\"name\":\"places/ChIJ1/photos/B\"}],"
        "\"attributions\":[{\"provider\":\"A & B\",\"providerUri\":\"https://a.example/?b&c\"}]"
        "}]}",
        20);

    g_assert_cmpint(answer.status, ==, PLACES_OK);
    g_assert_cmpstr(answer.json, ==,
                    "{\n"
                    "   \"html_attributions\" : [\n"
                    "      \"\\u003ca href=\\\"https://a.example/?b&amp;c\\\"\\u003eA &amp; "
                    "B\\u003c/a\\u003e\"\n"
                    "   ],\n"
                    "   \"results\" : [\n"
                    "      {\n"
                    "         \"business_status\" : \"OPERATIONAL\",\n"
                    "         \"geometry\" : {\n"
                    "            \"location\" : {\n"
                    "               \"lat\" : 34.068921000000003,\n"
                    "               \"lng\" : -118.4451270\n"
                    "            },\n"
                    "            \"viewport\" : {\n"
                    "               \"northeast\" : {\n"
                    "                  \"lat\" : 34.1,\n"
                    "                  \"lng\" : -118.4\n"
                    "               },\n"
                    "               \"southwest\" : {\n"
                    "                  \"lat\" : 34.0,\n"
                    "                  \"lng\" : -118.5\n"
                    "               }\n"
                    "            }\n"
                    "         },\n"
                    "         \"icon\" : \"https://icons.example/cafe.png\",\n"
                    "         \"icon_background_color\" : \"#FF9E67\",\n"
                    "         \"icon_mask_base_uri\" : \"https://icons.example/cafe\",\n"
                    "         \"name\" : \"Café \\u003c1\\u003e\",\n"
                    "         \"photos\" : [\n"
                    "            {\n"
                    "               \"height\" : 3024,\n"
                    "               \"html_attributions\" : [\n"
                    "                  \"\\u003ca href=\\\"https://maps.example/c/1\\\"\\u003eAnn "
                    "O&apos;Nym\\u003c/a\\u003e\"\n"
                    "               ],\n"
                    "               \"photo_reference\" : \"places/ChIJ1/photos/A\",\n"
                    "               \"width\" : 4032\n"
                    "            }\n"
                    "         ],\n"
                    "         \"place_id\" : \"ChIJ1\",\n"
                    "         \"plus_code\" : {\n"
                    "            \"compound_code\" : \"53+X Town\",\n"
                    "            \"global_code\" : \"8553+X\"\n"
                    "         },\n"
                    "         \"reference\" : \"ChIJ1\",\n"
                    "         \"scope\" : \"GOOGLE\",\n"
                    "         \"types\" : [ \"cafe\", \"food\" ],\n"
                    "         \"vicinity\" : \"1 Long Street\"\n"
                    "      }\n"
                    "   ],\n"
                    "   \"status\" : \"OK\"\n"
                    "}");
}

static void test_zero_is_not_written(void)
{
    assert_results("{\"places\":[{" NAMED ",\"location\":{}}]}",
                   "[{\"geometry\":{\"location\":{\"lat\":0,\"lng\":0}},\"name\":\"N\","
                   "\"scope\":\"GOOGLE\"}]");
    assert_results("{\"places\":[{" NAMED ",\"location\":{\"longitude\":1e-7},"
                   "\"viewport\":{\"low\":{\"latitude\":-1},\"high\":{}}}]}",
                   "[{\"geometry\":{\"location\":{\"lat\":0,\"lng\":1e-7},\"viewport\":{"
                   "\"northeast\":{\"lat\":0,\"lng\":0},\"southwest\":{\"lat\":-1,\"lng\":0}}},"
                   "\"name\":\"N\",\"scope\":\"GOOGLE\"}]");
}

static void test_single_fields(void)
{
    static const struct {
        const char *body;
        const char *members;
    } cases[] = {
        {PLACE("\"unknown\":{\"a\":[1]}"), ""},
        {PLACE("\"rating\":4.5,\"userRatingCount\":7,\"priceLevel\":\"PRICE_LEVEL_FREE\","
               "\"currentOpeningHours\":{\"openNow\":true}"),
         ""},
        {PLACE("\"name\":\"places/ChIJ1\""), ""},
        {PLACE("\"id\":\"x\""), "\"place_id\":\"x\",\"reference\":\"x\""},
        {PLACE("\"formattedAddress\":\"a\""), "\"vicinity\":\"a\""},
        {PLACE("\"formattedAddress\":\"a\",\"shortFormattedAddress\":\"\""), "\"vicinity\":\"a\""},
        {PLACE("\"businessStatus\":\"CLOSED_TEMPORARILY\""),
         "\"business_status\":\"CLOSED_TEMPORARILY\""},
        {PLACE("\"businessStatus\":\"CLOSED_PERMANENTLY\""),
         "\"business_status\":\"CLOSED_PERMANENTLY\",\"permanently_closed\":true"},
        {PLACE("\"businessStatus\":\"FUTURE_OPENING\""), ""},
        {PLACE("\"businessStatus\":\"BUSINESS_STATUS_UNSPECIFIED\""), ""},
        {PLACE("\"plusCode\":{\"globalCode\":\"g\"}"), "\"plus_code\":{\"global_code\":\"g\"}"},
        {PLACE("\"plusCode\":{}"), ""},
        {PLACE("\"iconBackgroundColor\":\"#1\""), "\"icon_background_color\":\"#1\""},
        {PLACE("\"photos\":[{\"name\":\"p\"}]"),
         "\"photos\":[{\"html_attributions\":[],\"photo_reference\":\"p\"}]"},
        {PLACE("\"photos\":[]"), ""},
        {PLACE("\"types\":[]"), ""},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        assert_place(cases[i].body, cases[i].members);
}

static void test_wrong_types_are_left_out(void)
{
    static const char *const members[] = {
        "\"id\":1",
        "\"id\":null",
        "\"id\":{\"text\":\"x\"}",
        "\"types\":\"cafe\"",
        "\"types\":[1,null,{},[]]",
        "\"formattedAddress\":[\"a\"]",
        "\"businessStatus\":1",
        "\"viewport\":[]",
        "\"viewport\":null",
        "\"viewport\":{\"low\":{}}",
        "\"viewport\":{\"low\":{},\"high\":1}",
        "\"viewport\":{\"low\":{},\"high\":{\"latitude\":\"1\"}}",
        "\"plusCode\":\"x\"",
        "\"plusCode\":{\"globalCode\":1,\"compoundCode\":[]}",
        "\"iconMaskBaseUri\":true",
        "\"iconBackgroundColor\":7",
        "\"photos\":{\"name\":\"x\"}",
        "\"photos\":[\"x\"]",
        "\"photos\":[null]",
        "\"photos\":[{\"name\":1}]",
        "\"attributions\":\"x\"",
        "\"attributions\":[1,null,\"x\",[],{},{\"provider\":1},{\"providerUri\":\"https://x\"}]",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(members); i++) {
        g_autofree char *body = g_strdup_printf(PLACE("%s"), members[i]);

        g_test_message("%s", members[i]);
        assert_place(body, "");
    }
    assert_place(PLACE("\"types\":[1,\"a\"]"), "\"types\":[\"a\"]");
    assert_place(PLACE("\"photos\":[{\"name\":\"p\",\"widthPx\":\"1\",\"heightPx\":null,"
                       "\"authorAttributions\":[1,{\"displayName\":2},{\"uri\":\"u\"},"
                       "{\"displayName\":\"a<b\",\"uri\":3}]}]"),
                 "\"photos\":[{\"html_attributions\":[\"a&lt;b\"],\"photo_reference\":\"p\"}]");
}

static void test_places_of_no_use_are_left_out(void)
{
    static const char *const useless[] = {
        "1",
        "null",
        "\"x\"",
        "[]",
        "{}",
        "{" NAMED "}",
        "{" LOCATED "}",
        "{" LOCATED ",\"displayName\":7}",
        "{" LOCATED ",\"displayName\":\"N\"}",
        "{" LOCATED ",\"displayName\":{}}",
        "{" LOCATED ",\"displayName\":{\"text\":\"\"}}",
        "{" LOCATED ",\"displayName\":{\"text\":null}}",
        "{" NAMED ",\"location\":null}",
        "{" NAMED ",\"location\":[1,2]}",
        "{" NAMED ",\"location\":{\"latitude\":\"1\"}}",
        "{" NAMED ",\"location\":{\"longitude\":null}}",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(useless); i++) {
        g_autofree char *alone = g_strdup_printf("{\"places\":[%s]}", useless[i]);
        g_autofree char *beside =
            g_strdup_printf("{\"places\":[%s,{" NAMED "," LOCATED "},%s]}", useless[i], useless[i]);

        assert_results(alone, "[]");
        assert_place(beside, "");
    }
}

static void test_nothing_found(void)
{
    assert_results("{}", "[]");
    assert_results(" { }\n", "[]");
    assert_results("{\"places\":[]}", "[]");
}

static void test_bound(void)
{
    g_autoptr(GString) body = g_string_new("{\"places\":[{}");

    for (unsigned i = 0; i < 25; i++)
        g_string_append_printf(body,
                               ",{\"id\":\"%u\"," NAMED "," LOCATED
                               ",\"attributions\":[{\"provider\":\"p%u\"}]}",
                               i, i);
    g_string_append(body, "]}");
    for (unsigned bound = 1; bound <= 20; bound++) {
        g_auto(Answer) answer = answer_to(200, body->str, bound);
        g_autoptr(JsonTree) tree = NULL;

        g_assert_cmpint(jsontree_parse(slice_of(answer.json), &tree), ==, JSONTREE_OK);
        const JsonValue *root = jsontree_root(tree);
        const JsonValue *results = jsontree_member(root, SLICE("results"), NULL);
        g_assert_cmpuint(results->count, ==, bound);
        g_autofree char *last = g_strdup_printf("%u", bound - 1);
        g_assert_true(slice_equal(jsontree_member(results->last, SLICE("place_id"), NULL)->text,
                                  slice_of(last)));
        /* Who is named for a place that is not shown would be named for nothing. */
        g_assert_cmpuint(jsontree_member(root, SLICE("html_attributions"), NULL)->count, ==, bound);
    }
}

static void test_attributions(void)
{
    g_auto(Answer) answer =
        answer_to(200,
                  "{\"places\":[{" NAMED "," LOCATED ",\"attributions\":["
                  "{\"provider\":\"<b>\"},{\"provider\":\"P\",\"providerUri\":\"u\\\">x\"}]},"
                  "{" NAMED "," LOCATED ",\"attributions\":["
                  "{\"provider\":\"P\",\"providerUri\":\"u\\\">x\"},{\"provider\":\"P\"}]}]}",
                  20);

    g_assert_true(g_str_has_prefix(
        answer.json, "{\n"
                     "   \"html_attributions\" : [\n"
                     "      \"&lt;b&gt;\",\n"
                     "      \"\\u003ca href=\\\"u&quot;&gt;x\\\"\\u003eP\\u003c/a\\u003e\",\n"
                     "      \"P\"\n"
                     "   ],\n"));
}

static void test_key_is_taken_out(void)
{
    assert_place(PLACE("\"id\":\"a " KEY " b\",\"types\":[\"" KEY "\"]"),
                 "\"place_id\":\"a [key] b\",\"reference\":\"a [key] b\",\"types\":[\"[key]\"]");
}

/* ---- failures ---- */

static void assert_failure(long http_status, const char *body, PlacesStatus status,
                           const char *message)
{
    g_auto(Answer) answer = answer_to(http_status, body, 20);

    g_assert_cmpstr(answer.failure.message, ==, message);
    g_assert_cmpstr(places_status_name(answer.status), ==, places_status_name(status));
    if (http_status != 200)
        g_assert_cmpuint(answer.failure.retry_after_s, ==, 7);
}

static void test_not_an_answer(void)
{
    static const char *const bodies[] = {
        "[]",
        "null",
        "\"places\"",
        "1",
        "{\"places\":null}",
        "{\"places\":\"x\"}",
        "{\"places\":{}}",
        "{\"places\":[],\"places\":[]}",
        "{\"error\":{\"code\":403}}",
        "{\"html_attributions\":[],\"results\":[],\"status\":\"ZERO_RESULTS\"}",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(bodies); i++)
        assert_failure(200, bodies[i], PLACES_UNKNOWN_ERROR,
                       "The answer of the places provider is not a Nearby Search answer.");
    assert_failure(200, "{\"places\":[", PLACES_UNKNOWN_ERROR,
                   "The answer of the places provider is not JSON.");
    assert_failure(200, "", PLACES_UNKNOWN_ERROR, "The answer of the places provider is not JSON.");
}

static void test_statuses(void)
{
    static const struct {
        long http_status;
        PlacesStatus status;
    } cases[] = {
        {400, PLACES_INVALID_REQUEST},  {401, PLACES_REQUEST_DENIED}, {403, PLACES_REQUEST_DENIED},
        {404, PLACES_UNKNOWN_ERROR},    {204, PLACES_UNKNOWN_ERROR},  {302, PLACES_UNKNOWN_ERROR},
        {429, PLACES_OVER_QUERY_LIMIT}, {500, PLACES_UNKNOWN_ERROR},  {503, PLACES_UNKNOWN_ERROR},
    };
    static const char *const without_words[] = {"",
                                                "502 Bad Gateway",
                                                "[]",
                                                "{}",
                                                "{\"places\":[]}",
                                                "{\"error\":\"Bad.\"}",
                                                "{\"error\":{}}",
                                                "{\"error\":{\"message\":1}}",
                                                "{\"error\":{\"message\":\"\"}}"};

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *plain = g_strdup_printf(
            "The places provider answered with HTTP status %ld.", cases[i].http_status);

        for (size_t j = 0; j < G_N_ELEMENTS(without_words); j++)
            assert_failure(cases[i].http_status, without_words[j], cases[i].status, plain);
        assert_failure(cases[i].http_status, "{\"error\":{\"message\":\"In words.\"}}",
                       cases[i].status, "In words.");
    }
    assert_failure(
        400,
        "{\"error\":{\"code\":400,\"message\":\"API key not valid.\","
        "\"status\":\"INVALID_ARGUMENT\",\"details\":[{\"reason\":\"API_KEY_INVALID\"}]}}",
        PLACES_REQUEST_DENIED, "API key not valid.");
}

static void test_messages_tell_no_secret(void)
{
    assert_failure(400,
                   "{\"error\":{\"message\":\"Bad " KEY ": POST "
                   "https://places.example:8443/v1/places:searchNearby, see "
                   "https://console.example/x?key=" KEY ". /v1/places:searchNearby\"}}",
                   PLACES_INVALID_REQUEST, "Bad [key]: POST [url], see [url]. [url]");
}

#define HINT " If the key is for Places API (Legacy), set places = google-legacy."

static void test_hint(void)
{
    static const struct {
        long http_status;
        const char *status;
        const char *details;
        const char *message;
        bool hinted;
    } cases[] = {
        {403, "PERMISSION_DENIED", "[{\"reason\":\"SERVICE_DISABLED\"}]", "No.", true},
        {403, "PERMISSION_DENIED", "[{},1,{\"reason\":2},{\"reason\":\"API_KEY_SERVICE_BLOCKED\"}]",
         "No.", true},
        {403, "PERMISSION_DENIED", "[]",
         "Places API (New) has not been used in project 1 before or it is disabled.", true},
        {403, "PERMISSION_DENIED", "null", "The API is not enabled.", true},
        {403, "PERMISSION_DENIED", "{}",
         "Requests to this API places.googleapis.com method x are blocked.", true},
        {403, "PERMISSION_DENIED", "[]", "Requests from this address are blocked.", false},
        {403, "PERMISSION_DENIED", "[]", "No.", false},
        {403, "PERMISSION_DENIED", "[{\"reason\":\"BILLING_DISABLED\"}]", "Billing is disabled.",
         false},
        {403, "PERMISSION_DENIED", "[{\"reason\":\"API_KEY_HTTP_REFERRER_BLOCKED\"}]",
         "Requests from referer <empty> are blocked.", false},
        {403, "OTHER", "[{\"reason\":\"SERVICE_DISABLED\"}]", "No.", false},
        {400, "PERMISSION_DENIED", "[{\"reason\":\"SERVICE_DISABLED\"}]", "No.", false},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *body = g_strdup_printf(
            "{\"error\":{\"code\":%ld,\"message\":\"%s\",\"status\":\"%s\",\"details\":%s}}",
            cases[i].http_status, cases[i].message, cases[i].status, cases[i].details);
        g_autofree char *expected =
            g_strconcat(cases[i].message, cases[i].hinted ? HINT : "", NULL);

        assert_failure(cases[i].http_status, body,
                       cases[i].http_status == 403 ? PLACES_REQUEST_DENIED : PLACES_INVALID_REQUEST,
                       expected);
    }
}

/* ---- any answer ---- */

/* Every place in a whole answer where something may be of another type or missing. */
static void test_any_damage_is_survived(void)
{
    static const char whole[] =
        PLACE("\"id\":\"i\",\"types\":[\"t\"],\"viewport\":{\"low\":{\"latitude\":1},\"high\":{}},"
              "\"plusCode\":{\"globalCode\":\"g\"},\"photos\":[{\"name\":\"p\",\"widthPx\":1,"
              "\"authorAttributions\":[{\"displayName\":\"a\",\"uri\":\"u\"}]}],"
              "\"attributions\":[{\"provider\":\"p\",\"providerUri\":\"u\"}]");
    static const char *const pieces[] = {"null", "1", "\"x\"", "[]", "{}",
                                         "true", ",", "\"",    "",   "}"};

    for (unsigned round = 0; round < 5000; round++) {
        g_autoptr(GString) body = g_string_new(whole);
        gssize at = g_test_rand_int_range(0, (gint)body->len);
        gssize length = g_test_rand_int_range(0, MIN(20, (gint)body->len - (gint)at));

        g_string_erase(body, at, length);
        g_string_insert(body, at, pieces[g_test_rand_int_range(0, G_N_ELEMENTS(pieces))]);
        g_auto(Answer) answer = answer_to(g_test_rand_bit() ? 200 : 403, body->str, 20);
        g_assert_cmpint(answer.status, <=, PLACES_UNKNOWN_ERROR);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_setenv(APIKEY_ENVIRONMENT, KEY, TRUE);
    service = (GoogleService){
        .key = apikey_read(NULL, NULL), .base_url = base_url, .path = "/v1/places:searchNearby"};
    g_assert_nonnull(service.key);

#define TEST(path, function) g_test_add_func("/places/googlenew/" path, function)
    TEST("whole-place-becomes-a-legacy-one", test_whole_place);
    TEST("zero-is-not-written-and-read", test_zero_is_not_written);
    TEST("single-fields", test_single_fields);
    TEST("wrong-types-are-left-out", test_wrong_types_are_left_out);
    TEST("places-of-no-use-are-left-out", test_places_of_no_use_are_left_out);
    TEST("nothing-found-is-zero-results", test_nothing_found);
    TEST("never-more-than-bound", test_bound);
    TEST("attributions-are-escaped-and-told-once", test_attributions);
    TEST("key-is-taken-out", test_key_is_taken_out);
    TEST("not-an-answer", test_not_an_answer);
    TEST("statuses-are-legacy-ones", test_statuses);
    TEST("messages-tell-no-secret", test_messages_tell_no_secret);
    TEST("key-of-the-other-api-gets-a-hint", test_hint);
    TEST("any-damage-is-survived", test_any_damage_is_survived);
#undef TEST
    int failed = g_test_run();
    apikey_free(service.key);
    return failed;
}
