/* SPDX-License-Identifier: MIT */

/* The provider for Google's Places API (New), against a server that says what it is told to.
 * places-googlenew.c has what becomes of answers, places-http.c how requests fail. */

#include "places/google/googlenew.h"
#include "tests/unit/places-google-rig.h"

#define ONE_PLACE                                                  \
    "{\"places\":[{\"id\":\"x\",\"displayName\":{\"text\":\"N\"}," \
    "\"location\":{\"latitude\":1,\"longitude\":2}}]}"

static Places *google_at(const FakeHttp *fake)
{
    g_autofree char *url = fake_http_url(fake, "http");

    return rig_places((PlacesOptions){.provider = PROVIDER_GOOGLE, .timeout_ms = PATIENCE_MS}, url);
}

/* ---- the request ---- */

static void assert_body(FakeHttp *fake, const char *expected)
{
    g_autofree char *request = fake_http_last_request(fake);
    const char *body = strstr(request, "\r\n\r\n");

    g_assert_nonnull(body);
    g_assert_cmpstr(body + 4, ==, expected);
}

static void test_request(void)
{
    static const struct {
        PlacesQuery query;
        unsigned count;
        const char *latitude;
        const char *longitude;
        const char *radius;
    } cases[] = {
        {{{34068930000, -118445127000}, 10000000, 5}, 5, "34.06893", "-118.445127", "10000"},
        {{{0, 0}, 1, 1}, 1, "0", "0", "0.001"},
        {{{-1, 180000000000}, 10500000, 20}, 20, "-0.000000001", "180", "10500"},
        {{{90000000000, -500000000}, 50000000, 21}, 20, "90", "-0.5", "50000"},
    };
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(Places) places = google_at(fake);

    answer_with(fake, 200, ONE_PLACE);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *expected = g_strdup_printf(
            "{\"maxResultCount\":%u,\"rankPreference\":\"DISTANCE\",\"locationRestriction\":{"
            "\"circle\":{\"center\":{\"latitude\":%s,\"longitude\":%s},\"radius\":%s}}}",
            cases[i].count, cases[i].latitude, cases[i].longitude, cases[i].radius);

        g_free(ask(places, cases[i].query, PLACES_OK));
        assert_body(fake, expected);
    }
}

static void test_head(void)
{
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(Places) places = google_at(fake);

    answer_with(fake, 200, ONE_PLACE);
    g_free(ask(places, ucla, PLACES_OK));
    g_autofree char *request = fake_http_last_request(fake);
    g_assert_true(g_str_has_prefix(request, "POST /v1/places:searchNearby HTTP/1.1\r\n"));
    g_assert_nonnull(strstr(request, "\r\nContent-Type: application/json\r\n"));
    g_assert_nonnull(strstr(request, "\r\nX-Goog-Api-Key: " KEY "\r\n"));
    g_assert_nonnull(strstr(request, "\r\nX-Goog-FieldMask: " GOOGLENEW_FIELDS "\r\n"));
    g_assert_nonnull(strstr(request, "\r\nUser-Agent: herd/"));
    g_assert_null(strstr(request, "\r\nCookie:"));
}

/* Each of these alone would make every call cost more. */
static void test_no_field_of_a_dearer_tier(void)
{
    static const char *const dearer[] = {"rating", "userRatingCount", "priceLevel", "OpeningHours",
                                         "*"};

    for (size_t i = 0; i < G_N_ELEMENTS(dearer); i++)
        g_assert_null(strstr(GOOGLENEW_FIELDS, dearer[i]));
    g_assert_null(strchr(GOOGLENEW_FIELDS, ' '));
}

static void test_type_and_language(void)
{
    char type[] = "ca\"fe\\";
    char language[] = "zh-TW";
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autofree char *url = fake_http_url(fake, "http");
    g_autoptr(Places) places = rig_places((PlacesOptions){.provider = PROVIDER_GOOGLE,
                                                          .timeout_ms = PATIENCE_MS,
                                                          .type = type,
                                                          .language = language},
                                          url);

    answer_with(fake, 200, "{}");
    g_free(ask(places, ucla, PLACES_ZERO_RESULTS));
    assert_body(fake, "{\"maxResultCount\":20,\"rankPreference\":\"DISTANCE\","
                      "\"languageCode\":\"zh-TW\",\"includedTypes\":[\"ca\\\"fe\\\\\"],"
                      "\"locationRestriction\":{\"circle\":{\"center\":{\"latitude\":34.06893,"
                      "\"longitude\":-118.445127},\"radius\":10000}}}");
}

static void test_nothing_is_asked(void)
{
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(Places) places = google_at(fake);
    PlacesQuery no_bound = ucla;

    no_bound.bound = 0;
    g_free(ask(places, no_bound, PLACES_ZERO_RESULTS));
    g_assert_cmpuint(fake_http_connections(fake), ==, 0);
}

static void test_connection_is_kept(void)
{
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(Places) places = google_at(fake);

    answer_with(fake, 200, ONE_PLACE);
    for (unsigned i = 0; i < 5; i++)
        g_free(ask(places, ucla, PLACES_OK));
    g_assert_cmpuint(fake_http_requests(fake), ==, 5);
    g_assert_cmpuint(fake_http_connections(fake), ==, 1);
}

/* ---- failures ---- */

static void test_failures_keep_the_shape(void)
{
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autofree char *url = fake_http_url(fake, "http");
    g_autoptr(Places) hasty =
        rig_places((PlacesOptions){.provider = PROVIDER_GOOGLE, .timeout_ms = 50}, url);
    g_autoptr(Places) places = google_at(fake);

    fake_http_say(fake, "", 0, FAKE_HTTP_KEEP);
    assert_failure(hasty, PLACES_UNKNOWN_ERROR, "The places provider did not answer within 50 ms.");
    fake_http_say(fake, "", 0, FAKE_HTTP_CLOSE);
    assert_failure(places, PLACES_UNKNOWN_ERROR,
                   "The places provider closed the connection before its answer was whole.");
    answer_with(fake, 502, "502 Bad Gateway " KEY);
    assert_failure(places, PLACES_UNKNOWN_ERROR,
                   "The places provider answered with HTTP status 502.");
    answer_with(fake, 200, "{\"places\":7}");
    assert_failure(places, PLACES_UNKNOWN_ERROR,
                   "The answer of the places provider is not a Nearby Search answer.");
    answer_with(fake, 200, ONE_PLACE);
    g_free(ask(places, ucla, PLACES_OK));
}

static void test_own_url_and_key_are_taken_out(void)
{
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autofree char *url = fake_http_url(fake, "http");
    g_autoptr(Places) places = google_at(fake);
    g_autofree char *body = g_strdup_printf(
        "{\"error\":{\"message\":\"%s %s/v1/places:searchNearby?%s\"}}", KEY, url, KEY_ESCAPED);

    answer_with(fake, 429, body);
    assert_failure(places, PLACES_OVER_QUERY_LIMIT, "[key] [url]");
}

static void assert_not_new(PlacesOptions options, HerdPlacesError code)
{
    g_autoptr(GError) error = NULL;

    options.provider = PROVIDER_GOOGLE;
    options.timeout_ms = PATIENCE_MS;
    g_assert_null(places_new(&options, &error));
    g_assert_error(error, HERD_PLACES_ERROR, (int)code);
    g_assert_null(strstr(error->message, "hush"));
}

static void test_not_without_key_or_with_a_bad_url(void)
{
    char url[] = "ftp://hush@places.example";

    assert_not_new((PlacesOptions){.url = url}, HERD_PLACES_ERROR_URL);
    g_unsetenv(APIKEY_ENVIRONMENT);
    assert_not_new((PlacesOptions){0}, HERD_PLACES_ERROR_KEY);
    g_setenv(APIKEY_ENVIRONMENT, KEY, TRUE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    signal(SIGPIPE, SIG_IGN); /* httpclient.h */
    g_setenv(APIKEY_ENVIRONMENT, KEY, TRUE);

#define TEST(path, function) g_test_add_func("/places/google/" path, function)
    TEST("request-is-exact", test_request);
    TEST("head-has-key-and-fields", test_head);
    TEST("no-field-of-a-dearer-tier", test_no_field_of_a_dearer_tier);
    TEST("type-and-language-are-escaped", test_type_and_language);
    TEST("nothing-is-asked-for-bound-0", test_nothing_is_asked);
    TEST("connection-is-kept", test_connection_is_kept);
    TEST("failures-keep-the-shape", test_failures_keep_the_shape);
    TEST("own-url-and-key-are-taken-out", test_own_url_and_key_are_taken_out);
    TEST("not-without-key-or-with-a-bad-url", test_not_without_key_or_with_a_bad_url);
#undef TEST
    return g_test_run();
}
