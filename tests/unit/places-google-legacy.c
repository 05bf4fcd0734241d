/* SPDX-License-Identifier: MIT */

/* The provider for Google's legacy Nearby Search, against a server that misbehaves in every way. */

#include "tests/unit/places-google-rig.h"

#include <pthread.h>
#include <unistd.h>

static Places *google(const char *url, unsigned timeout_ms)
{
    return rig_places((PlacesOptions){.provider = PROVIDER_GOOGLE_LEGACY, .timeout_ms = timeout_ms},
                      url);
}

static Places *google_at(const FakeHttp *fake)
{
    g_autofree char *url = fake_http_url(fake, "http");

    return google(url, PATIENCE_MS);
}

/* An answer of Google's in the layout of old, with @results results. */
static char *google_body(unsigned results)
{
    GString *body = g_string_new("{\n"
                                 "   \"html_attributions\" : [],\n"
                                 "   \"next_page_token\" : \"CoQE_AEAAGV9ZeU\",\n"
                                 "   \"results\" : [\n");

    for (unsigned i = 0; i < results; i++)
        g_string_append_printf(body,
                               "      {\n"
                               "         \"geometry\" : {\n"
                               "            \"location\" : {\n"
                               "               \"lat\" : 34.0689%02u000000000001,\n"
                               "               \"lng\" : -118.4451270\n"
                               "            }\n"
                               "         },\n"
                               "         \"name\" : \"Café \\u003c%02u\\u003e\",\n"
                               "         \"types\" : [ \"cafe\", \"food\" ],\n"
                               "         \"unknown\" : null\n"
                               "      }%s\n",
                               i, i, i + 1 < results ? "," : "");
    g_string_append(body, "   ],\n   \"status\" : \"OK\"\n}");
    return g_string_free(body, FALSE);
}

/* ---- the request ---- */

static void assert_request(FakeHttp *fake, const char *target)
{
    g_autofree char *request = fake_http_last_request(fake);
    g_autofree char *line = g_strconcat("GET ", target, " HTTP/1.1\r\n", NULL);

    g_assert_true(g_str_has_prefix(request, line));
    g_assert_nonnull(strstr(request, "\r\nUser-Agent: herd/"));
    g_assert_null(strstr(request, "\r\nCookie:"));
}

static void test_request(void)
{
    static const struct {
        PlacesQuery query;
        const char *location;
        const char *radius;
    } cases[] = {
        {{{34068930000, -118445127000}, 10000000, 5}, "34.06893,-118.445127", "10000"},
        {{{0, 0}, 1, 5}, "0,0", "0.001"},
        {{{-1, 180000000000}, 10500000, 5}, "-0.000000001,180", "10500"},
        {{{90000000000, -500000000}, 50000000, 20}, "90,-0.5", "50000"},
    };
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(Places) places = google_at(fake);
    g_autofree char *body = google_body(1);

    answer_with(fake, 200, body);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *target =
            g_strconcat("/maps/api/place/nearbysearch/json?location=", cases[i].location,
                        "&radius=", cases[i].radius, "&key=" KEY_ESCAPED, NULL);
        g_free(ask(places, cases[i].query, PLACES_OK));
        assert_request(fake, target);
    }
}

static void test_type_and_language(void)
{
    char type[] = "cafe&key=x";
    char language[] = "zh-TW";
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autofree char *url = fake_http_url(fake, "http");
    g_autoptr(Places) places = rig_places((PlacesOptions){.provider = PROVIDER_GOOGLE_LEGACY,
                                                          .timeout_ms = PATIENCE_MS,
                                                          .type = type,
                                                          .language = language},
                                          url);

    answer_with(fake, 200, "{\"status\":\"ZERO_RESULTS\"}");
    g_free(ask(places, ucla, PLACES_ZERO_RESULTS));
    assert_request(fake, "/maps/api/place/nearbysearch/json?location=34.06893,-118.445127"
                         "&radius=10000&type=cafe%26key%3Dx&language=zh-TW&key=" KEY_ESCAPED);
}

static void test_nothing_is_asked(void)
{
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(Places) places = google_at(fake);
    PlacesQuery no_bound = ucla;
    PlacesQuery no_radius = ucla;

    no_bound.bound = 0;
    no_radius.radius = 0;
    g_free(ask(places, no_bound, PLACES_ZERO_RESULTS));
    g_free(ask(places, no_radius, PLACES_ZERO_RESULTS));
    g_assert_cmpuint(fake_http_connections(fake), ==, 0);
}

static void test_a_query_is_not_answered_at_once(void)
{
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(Places) places = google_at(fake);
    g_autoptr(GString) json = g_string_new("x");
    PlacesStatus status;

    g_assert_false(places_at_once(places, &ucla, json, &status));
    g_assert_cmpstr(json->str, ==, "x");
    g_assert_cmpuint(fake_http_connections(fake), ==, 0);
}

static void test_connection_is_kept(void)
{
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(Places) places = google_at(fake);
    g_autofree char *body = google_body(3);

    answer_with(fake, 200, body);
    for (unsigned i = 0; i < 5; i++)
        g_free(ask(places, ucla, PLACES_OK));
    g_assert_cmpuint(fake_http_requests(fake), ==, 5);
    g_assert_cmpuint(fake_http_connections(fake), ==, 1);
}

static void test_closed_connection_is_opened_again(void)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\n"
                                 "{\"status\":\"ZERO_RESULTS\"}";
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(Places) places = google_at(fake);

    /* The server does not say that it will close; the client finds out. */
    fake_http_say(fake, answer, strlen(answer), FAKE_HTTP_CLOSE);
    for (unsigned i = 0; i < 5; i++)
        g_free(ask(places, ucla, PLACES_ZERO_RESULTS));
    g_assert_cmpuint(fake_http_connections(fake), ==, 5);
}

static void *ask_thrice(void *places)
{
    for (unsigned i = 0; i < 3; i++)
        g_free(ask(places, ucla, PLACES_OK));
    return NULL;
}

static void test_threads_have_connections_of_their_own(void)
{
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(Places) places = google_at(fake);
    g_autofree char *body = google_body(20);
    pthread_t threads[8];

    answer_with(fake, 200, body);
    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
        g_assert_cmpint(pthread_create(&threads[i], NULL, ask_thrice, places), ==, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
        g_assert_cmpint(pthread_join(threads[i], NULL), ==, 0);
    g_assert_cmpuint(fake_http_requests(fake), ==, 24);
    g_assert_cmpuint(fake_http_connections(fake), ==, 8);
}

/* ---- answers ---- */

static void test_answer_passes_unchanged(void)
{
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(Places) places = google_at(fake);
    g_autofree char *body = google_body(20);
    g_autofree char *with_end = g_strconcat(body, "\n\n\n", NULL);

    answer_with(fake, 200, with_end);
    g_autofree char *answer = ask(places, ucla, PLACES_OK);
    g_assert_cmpstr(answer, ==, body);
}

static void test_answer_is_cut_to_the_bound(void)
{
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(Places) places = google_at(fake);
    g_autofree char *body = google_body(20);

    answer_with(fake, 200, body);
    for (unsigned bound = 1; bound <= 20; bound++) {
        PlacesQuery query = ucla;
        g_autofree char *expected = google_body(bound);

        query.bound = bound;
        g_autofree char *answer = ask(places, query, PLACES_OK);
        g_assert_cmpstr(answer, ==, expected);
    }
}

static void test_error_answers_pass(void)
{
    static const struct {
        unsigned http_status;
        PlacesStatus status;
        const char *body;
        const char *expected;
    } cases[] = {
        {200, PLACES_INVALID_REQUEST,
         "{\n   \"html_attributions\" : [],\n   \"results\" : [],\n   \"status\" : "
         "\"INVALID_REQUEST\"\n}\n",
         "{\n   \"html_attributions\" : [],\n   \"results\" : [],\n   \"status\" : "
         "\"INVALID_REQUEST\"\n}"},
        {200, PLACES_OVER_QUERY_LIMIT,
         "{\n  \"error_message\": \"Please wait.\",\n  \"status\": \"OVER_QUERY_LIMIT\"\n}\n",
         "{\n   \"error_message\" : \"Please wait.\",\n   \"html_attributions\" : [],\n   "
         "\"results\" : [],\n   \"status\" : \"OVER_QUERY_LIMIT\"\n}"},
        /* What the body says counts, whatever the HTTP status. */
        {403, PLACES_REQUEST_DENIED,
         "{\"error_message\":\"No such key.\",\"results\":[],\"status\":\"REQUEST_DENIED\"}",
         "{\n   \"error_message\" : \"No such key.\",\n   \"html_attributions\" : [],\n   "
         "\"results\" : [],\n   \"status\" : \"REQUEST_DENIED\"\n}"},
        /* PROTOCOL R15: nothing else. */
        {200, PLACES_REQUEST_DENIED,
         "{\"error_message\":\"No.\",\"help\":\"https://console.example/a?b\","
         "\"html_attributions\":[\"https://x\"],\"results\":[{}],\"status\":\"REQUEST_DENIED\"}",
         "{\n   \"error_message\" : \"No.\",\n   \"html_attributions\" : [],\n   "
         "\"results\" : [],\n   \"status\" : \"REQUEST_DENIED\"\n}"},
        {500, PLACES_UNKNOWN_ERROR, "{\"status\":\"UNKNOWN_ERROR\"}",
         "{\n   \"html_attributions\" : [],\n   \"results\" : [],\n   \"status\" : "
         "\"UNKNOWN_ERROR\"\n}"},
    };
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(Places) places = google_at(fake);

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        answer_with(fake, cases[i].http_status, cases[i].body);
        g_autofree char *answer = ask(places, ucla, cases[i].status);
        g_assert_cmpstr(answer, ==, cases[i].expected);
    }
}

static void test_error_messages_lose_their_urls(void)
{
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autofree char *url = fake_http_url(fake, "http");
    g_autoptr(Places) places = google_at(fake);
    g_autofree char *body =
        g_strdup_printf("{\"error_message\":\"Go to https://console.example/a?key=%s, or %s/x. Not "
                        "/maps/api/place/nearbysearch/json\",\"status\":\"INVALID_REQUEST\"}",
                        KEY_ESCAPED, url);

    answer_with(fake, 200, body);
    assert_failure(places, PLACES_INVALID_REQUEST, "Go to [url], or [url]. Not [url]");
}

/* It is told to many. */
static void test_long_error_messages_are_cut(void)
{
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(Places) places = google_at(fake);
    g_autoptr(GString) said = g_string_new(NULL);

    while (said->len < 100000)
        g_string_append(said, "é");
    g_autofree char *body =
        g_strdup_printf("{\"error_message\":\"x%s\",\"status\":\"REQUEST_DENIED\"}", said->str);
    g_autofree char *start = g_strndup(said->str, 996); /* 997 bytes are left, half an é too many */
    g_autofree char *expected = g_strconcat("x", start, "...", NULL);
    answer_with(fake, 200, body);
    assert_failure(places, PLACES_REQUEST_DENIED, expected);
}

static void test_key_of_the_new_api(void)
{
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(Places) places = google_at(fake);

    answer_with(fake, 200,
                "{\"error_message\":\"You're calling a legacy API, which is not enabled for your "
                "project. Learn more: https://example.com/maps/legacy#Error\","
                "\"status\":\"REQUEST_DENIED\"}");
    assert_failure(places, PLACES_REQUEST_DENIED,
                   "You're calling a legacy API, which is not enabled for your project. "
                   "Learn more: [url] For Places API (New) set places = google.");
    /* Only where the key is refused for that. */
    answer_with(fake, 200,
                "{\"error_message\":\"The legacy API is slow.\",\"status\":\"UNKNOWN_ERROR\"}");
    assert_failure(places, PLACES_UNKNOWN_ERROR, "The legacy API is slow.");
    answer_with(fake, 200,
                "{\"error_message\":\"The key is invalid.\",\"status\":\"REQUEST_DENIED\"}");
    assert_failure(places, PLACES_REQUEST_DENIED, "The key is invalid.");
}

static void test_http_status_decides_without_a_body(void)
{
    static const struct {
        unsigned http_status;
        PlacesStatus status;
    } cases[] = {
        {400, PLACES_INVALID_REQUEST}, {401, PLACES_REQUEST_DENIED},   {403, PLACES_REQUEST_DENIED},
        {404, PLACES_UNKNOWN_ERROR},   {429, PLACES_OVER_QUERY_LIMIT}, {500, PLACES_UNKNOWN_ERROR},
        {502, PLACES_UNKNOWN_ERROR},
    };
    static const char *const bodies[] = {"", "502 Bad Gateway", "{\"error\":{\"code\":403}}",
                                         "{\"status\":\"PERMISSION_DENIED\"}"};
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(Places) places = google_at(fake);

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        for (size_t j = 0; j < G_N_ELEMENTS(bodies); j++) {
            g_autofree char *message = g_strdup_printf(
                "The places provider answered with HTTP status %u.", cases[i].http_status);

            answer_with(fake, cases[i].http_status, bodies[j]);
            assert_failure(places, cases[i].status, message);
        }
}

static void test_not_json(void)
{
    static const char *const bodies[] = {"", "502 Bad Gateway", "{\"status\":\"OK\",\"results\":[",
                                         "<html></html>", "{}{}"};
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(Places) places = google_at(fake);

    for (size_t i = 0; i < G_N_ELEMENTS(bodies); i++) {
        answer_with(fake, 200, bodies[i]);
        assert_failure(places, PLACES_UNKNOWN_ERROR,
                       "The answer of the places provider is not JSON.");
    }
}

static void test_not_an_answer(void)
{
    static const char *const bodies[] = {
        "[]",
        "\"OK\"",
        "{}",
        "{\"results\":[]}",
        "{\"status\":1,\"results\":[]}",
        "{\"status\":\"ok\",\"results\":[]}",
        "{\"status\":\"OK\"}",
        "{\"status\":\"OK\",\"results\":{}}",
        "{\"status\":\"ZERO_RESULTS\",\"results\":null}",
        "{\"status\":\"OK\",\"results\":[],\"html_attributions\":\"x\"}",
        "{\"status\":\"OK\",\"results\":[],\"results\":[{}]}",
        "{\"status\":\"OK\",\"results\":[{},null]}",
        "{\"status\":\"OK\",\"results\":[],\"status\":\"ZERO_RESULTS\"}",
    };
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(Places) places = google_at(fake);

    for (size_t i = 0; i < G_N_ELEMENTS(bodies); i++) {
        g_test_message("%s", bodies[i]);
        answer_with(fake, 200, bodies[i]);
        assert_failure(places, PLACES_UNKNOWN_ERROR,
                       "The answer of the places provider is not a Nearby Search answer.");
    }
}

static void test_too_many_parts(void)
{
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(Places) places = google_at(fake);
    g_autoptr(GString) body = g_string_new("{\"status\":\"OK\",\"results\":[0");

    for (unsigned i = 0; i < JSONTREE_VALUES_MAX; i++)
        g_string_append(body, ",0");
    g_string_append(body, "]}");
    answer_with(fake, 200, body->str);
    assert_failure(places, PLACES_UNKNOWN_ERROR,
                   "The answer of the places provider has too many parts.");
}

/* ---- no answer: places-http.c has the ways in which that comes about ---- */

static void test_failures_keep_the_shape(void)
{
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autofree char *url = fake_http_url(fake, "http");
    g_autoptr(Places) hasty = google(url, 50);
    g_autoptr(Places) places = google(url, PATIENCE_MS);

    fake_http_say(fake, "", 0, FAKE_HTTP_KEEP);
    assert_failure(hasty, PLACES_UNKNOWN_ERROR, "The places provider did not answer within 50 ms.");
    fake_http_say(fake, "", 0, FAKE_HTTP_CLOSE);
    assert_failure(places, PLACES_UNKNOWN_ERROR,
                   "The places provider closed the connection before its answer was whole.");
}

static void test_answers_after_a_failure(void)
{
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(Places) places = google_at(fake);
    g_autofree char *body = google_body(2);

    fake_http_say(fake, "", 0, FAKE_HTTP_CLOSE);
    g_free(ask(places, ucla, PLACES_UNKNOWN_ERROR));
    answer_with(fake, 200, body);
    g_autofree char *answer = ask(places, ucla, PLACES_OK);
    g_assert_cmpstr(answer, ==, body);
}

static void test_redirect_is_not_followed(void)
{
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(FakeHttp) other = fake_http_new();
    g_autoptr(Places) places = google_at(fake);
    g_autofree char *other_url = fake_http_url(other, "http");
    g_autofree char *header = g_strconcat("Location: ", other_url, "/\r\n", NULL);

    fake_http_answer(fake, 302, header, "", 0);
    assert_failure(places, PLACES_UNKNOWN_ERROR,
                   "The places provider answered with HTTP status 302.");
    g_assert_cmpuint(fake_http_requests(fake), ==, 1);
    g_assert_cmpuint(fake_http_connections(other), ==, 0);
}

/* ---- the key ---- */

static void test_echoed_key_is_taken_out(void)
{
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(Places) places = google_at(fake);

    answer_with(fake, 403,
                "{\"error_message\":\"The key " KEY " is bad: ?a=b&key=" KEY_ESCAPED
                ".\",\"status\":\"REQUEST_DENIED\"}");
    assert_failure(places, PLACES_REQUEST_DENIED, "The key [key] is bad: ?a=b&key=[key].");
    answer_with(fake, 200, "{\"status\":\"ZERO_RESULTS\",\"" KEY "\":[{\"x\":\"" KEY KEY "\"}]}");
    g_autofree char *answer = ask(places, ucla, PLACES_ZERO_RESULTS);
    g_assert_nonnull(strstr(answer, "\"x\" : \"[key][key]\""));
    /* Escaped in another way, it is still the key. */
    answer_with(fake, 200,
                "{\"status\":\"ZERO_RESULTS\",\"x\":\"\\u0053ECRET-k3y\\/with+odd&chars\"}");
    g_free(ask(places, ucla, PLACES_ZERO_RESULTS));
    /* And in a body that is not JSON. */
    answer_with(fake, 200, "bad key " KEY);
    g_free(ask(places, ucla, PLACES_UNKNOWN_ERROR));
}

/* What places_new() says to a key file that holds @content. */
static GError *new_with_key_file(const char *content, gssize length, Places **ret_places)
{
    g_autofree char *path = NULL;
    char url[] = "http://127.0.0.1:1";
    GError *error = NULL;
    int fd = g_file_open_tmp("places-key-XXXXXX", &path, NULL);

    g_assert_cmpint(fd, >=, 0);
    close(fd);
    g_assert_true(g_file_set_contents(path, content, length, NULL));
    PlacesOptions options = {.provider = PROVIDER_GOOGLE_LEGACY,
                             .timeout_ms = PATIENCE_MS,
                             .url = url,
                             .key_file = path};
    *ret_places = places_new(&options, &error);
    if (error != NULL)
        g_assert_nonnull(strstr(error->message, path));
    g_unlink(path);
    return error;
}

static void test_key_file(void)
{
    static const char *const bad[] = {"", "  \n", "hush hush", "hush\nhush\n", "hush\x01", "hüsh"};
    g_autofree char *long_key = g_strnfill(100000, 'h');
    g_autoptr(Places) places = NULL;

    g_assert_no_error(new_with_key_file(" \thush-hush\r\n\n", -1, &places));
    g_assert_nonnull(places);
    for (size_t i = 0; i <= G_N_ELEMENTS(bad) + 1; i++) {
        Places *none = NULL;
        const char *content = i < G_N_ELEMENTS(bad) ? bad[i] : long_key;
        g_autoptr(GError) error = i > G_N_ELEMENTS(bad) ? new_with_key_file("hush\0hush", 9, &none)
                                                        : new_with_key_file(content, -1, &none);

        g_assert_error(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_KEY);
        g_assert_null(none);
        g_assert_null(strstr(error->message, "hush"));
        g_assert_null(strstr(error->message, "hhh"));
    }
}

static void test_key_file_goes_before_the_environment(void)
{
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autofree char *url = fake_http_url(fake, "http");
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("places-key-XXXXXX", &path, NULL);
    GError *error = NULL;

    close(fd);
    g_assert_true(g_file_set_contents(path, "from-file\n", -1, NULL));
    PlacesOptions options = {.provider = PROVIDER_GOOGLE_LEGACY,
                             .timeout_ms = PATIENCE_MS,
                             .url = url,
                             .key_file = path};
    g_autoptr(Places) places = places_new(&options, &error);
    g_assert_no_error(error);
    g_unlink(path);
    answer_with(fake, 200, "{\"status\":\"ZERO_RESULTS\"}");
    g_free(ask(places, ucla, PLACES_ZERO_RESULTS));
    g_autofree char *request = fake_http_last_request(fake);
    g_assert_nonnull(strstr(request, "&key=from-file HTTP/1.1\r\n"));
}

static void test_no_key(void)
{
    char missing[] = "no-such-directory/key";
    char directory[] = "/";
    PlacesOptions options = {.provider = PROVIDER_GOOGLE_LEGACY, .timeout_ms = PATIENCE_MS};
    g_autoptr(GError) none_error = NULL;
    g_autoptr(GError) missing_error = NULL;
    g_autoptr(GError) directory_error = NULL;

    g_unsetenv(APIKEY_ENVIRONMENT);
    g_assert_null(places_new(&options, &none_error));
    g_setenv(APIKEY_ENVIRONMENT, KEY, TRUE);
    g_assert_error(none_error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_KEY);
    g_assert_nonnull(strstr(none_error->message, APIKEY_ENVIRONMENT));

    options.key_file = missing;
    g_assert_null(places_new(&options, &missing_error));
    g_assert_error(missing_error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_KEY);
    g_assert_nonnull(strstr(missing_error->message, missing));
    options.key_file = directory;
    g_assert_null(places_new(&options, &directory_error));
    g_assert_true(g_str_has_prefix(directory_error->message, "cannot read key_file /: "));
}

/* ---- url ---- */

static void test_url(void)
{
    char url[] = "ftp://user:pass@places.example";
    PlacesOptions options = {
        .provider = PROVIDER_GOOGLE_LEGACY, .timeout_ms = PATIENCE_MS, .url = url};
    g_autoptr(GError) error = NULL;

    g_assert_null(places_new(&options, &error));
    g_assert_error(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_URL);
    g_assert_null(strstr(error->message, "pass"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    signal(SIGPIPE, SIG_IGN); /* httpclient.h */
    g_setenv(APIKEY_ENVIRONMENT, KEY, TRUE);

#define TEST(path, function) g_test_add_func("/places/google-legacy/" path, function)
    TEST("request-is-exact", test_request);
    TEST("type-and-language-are-escaped", test_type_and_language);
    TEST("nothing-is-asked-for-bound-or-radius-0", test_nothing_is_asked);
    TEST("a-query-is-not-answered-at-once", test_a_query_is_not_answered_at_once);
    TEST("connection-is-kept", test_connection_is_kept);
    TEST("closed-connection-is-opened-again", test_closed_connection_is_opened_again);
    TEST("threads-have-connections-of-their-own", test_threads_have_connections_of_their_own);
    TEST("answer-passes-unchanged", test_answer_passes_unchanged);
    TEST("answer-is-cut-to-the-bound", test_answer_is_cut_to_the_bound);
    TEST("r15/error-answers-pass-without-anything-else", test_error_answers_pass);
    TEST("error-messages-lose-their-urls", test_error_messages_lose_their_urls);
    TEST("long-error-messages-are-cut", test_long_error_messages_are_cut);
    TEST("key-of-the-new-api-gets-a-hint", test_key_of_the_new_api);
    TEST("http-status-decides-without-a-body", test_http_status_decides_without_a_body);
    TEST("not-json", test_not_json);
    TEST("not-an-answer", test_not_an_answer);
    TEST("too-many-parts", test_too_many_parts);
    TEST("failures-keep-the-shape", test_failures_keep_the_shape);
    TEST("answers-after-a-failure", test_answers_after_a_failure);
    TEST("redirect-is-not-followed", test_redirect_is_not_followed);
    TEST("echoed-key-is-taken-out", test_echoed_key_is_taken_out);
    TEST("key-file", test_key_file);
    TEST("key-file-goes-before-the-environment", test_key_file_goes_before_the_environment);
    TEST("no-key", test_no_key);
    TEST("url-is-checked", test_url);
#undef TEST
    return g_test_run();
}
