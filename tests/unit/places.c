/* SPDX-License-Identifier: MIT */

/* What stands around a provider: cache, circuit, budget, fallback. The provider is google-legacy,
 * of which nothing but the outcome matters here. */

#include "places/places.h"
#include "core/counters.h"
#include "core/log.h"
#include "tests/unit/places-fake-http.h"

#include <glib/gstdio.h>
#include <signal.h>

#define GOOD_BODY "{ \"html_attributions\" : [], \"results\" : [ {} ], \"status\" : \"OK\" }"
#define FAILURES  3

static const PlacesQuery ucla = {
    .center = {.latitude = 34068930000, .longitude = -118445127000},
    .radius = 10 * MILLIMETRES_PER_KM,
    .bound = 2,
};

static Places *places_at(const FakeHttp *fake, PlacesOptions options)
{
    g_autofree char *url = fake_http_url(fake, "http");
    g_autoptr(GError) error = NULL;

    options.provider = PROVIDER_GOOGLE_LEGACY;
    options.timeout_ms = 20000;
    options.url = url;
    Places *places = places_new(&options, &error);
    g_assert_no_error(error);
    return places;
}

static void answer_with(FakeHttp *fake, unsigned status, const char *headers, const char *body)
{
    fake_http_answer(fake, status, headers, body, strlen(body));
}

static void assert_asked(Places *places, PlacesStatus expected)
{
    g_autoptr(GString) json = g_string_new(NULL);
    PlacesStatus status;

    g_assert_false(places_at_once(places, &ucla, json, &status));
    g_assert_cmpstr(json->str, ==, "");
    g_assert_cmpint(places_nearby(places, &ucla, json), ==, expected);
    g_assert_true(g_str_has_prefix(json->str, "{\n"));
}

/* The answer that comes without asking. (transfer full) */
static char *at_once(Places *places, PlacesStatus expected)
{
    g_autoptr(GString) json = g_string_new(NULL);
    g_autoptr(GString) again = g_string_new(NULL);
    PlacesStatus status;

    g_assert_true(places_at_once(places, &ucla, json, &status));
    g_assert_cmpint(status, ==, expected);
    g_assert_cmpint(places_nearby(places, &ucla, again), ==, expected);
    g_assert_cmpstr(again->str, ==, json->str);
    return g_strdup(json->str);
}

static void test_cache(void)
{
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(Places) places = places_at(fake, (PlacesOptions){.cache_s = 3600});
    uint64_t cached = counters_read(COUNT_LOOKUPS_CACHED);

    answer_with(fake, 500, "", "");
    assert_asked(places, PLACES_UNKNOWN_ERROR); /* is not kept */
    answer_with(fake, 200, "", GOOD_BODY);
    assert_asked(places, PLACES_OK);
    g_autofree char *answer = at_once(places, PLACES_OK);
    g_assert_nonnull(strstr(answer, "\"results\" : [ {} ]"));
    g_assert_cmpuint(fake_http_requests(fake), ==, 2);
    g_assert_cmpuint(counters_read(COUNT_LOOKUPS_CACHED) - cached, ==, 2);

    places_sweep(places, INT64_MAX);
    assert_asked(places, PLACES_OK);
}

static void test_nothing_is_kept_unless_asked_for(void)
{
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(Places) places = places_at(fake, (PlacesOptions){0});

    answer_with(fake, 200, "", GOOD_BODY);
    assert_asked(places, PLACES_OK);
    assert_asked(places, PLACES_OK);
    g_assert_cmpuint(fake_http_requests(fake), ==, 2);
}

/* What NAME.log says, once it is closed. (transfer full) */
static char *close_log(Log *log, const char *folder)
{
    g_autofree char *path = g_build_filename(folder, "Bailey.log", NULL);
    g_autoptr(GError) error = NULL;
    char *text = NULL;

    log_free(log);
    g_file_get_contents(path, &text, NULL, &error);
    g_assert_no_error(error);
    g_remove(path);
    g_rmdir(folder);
    return text;
}

static void test_circuit(void)
{
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(GError) error = NULL;
    g_autofree char *folder = g_dir_make_tmp("herd-places-XXXXXX", &error);
    g_assert_no_error(error);
    Log *log = log_new(folder, "Bailey", LOG_MESSAGES_ALL, &error);
    g_assert_no_error(error);
    Places *places = places_at(fake, (PlacesOptions){.circuit_failures = FAILURES});
    uint64_t spared = counters_read(COUNT_LOOKUPS_SPARED);
    uint64_t asked = counters_read(COUNT_LOOKUPS), failed = counters_read(COUNT_LOOKUPS_FAILED);

    places_set_log(places, log);
    /* Long enough not to be over before the test is. */
    answer_with(fake, 500, "", "");
    for (unsigned i = 0; i + 1 < FAILURES; i++)
        assert_asked(places, PLACES_UNKNOWN_ERROR);
    answer_with(fake, 503, "Retry-After: 3600\r\n", "");
    assert_asked(places, PLACES_UNKNOWN_ERROR);
    g_autofree char *answer = at_once(places, PLACES_UNKNOWN_ERROR);
    g_assert_true(g_str_has_prefix(
        answer, "{\n   \"error_message\" : \"The places provider answered with HTTP status 503. "
                "(It is asked again in 3600 s.)\",\n"));
    g_assert_cmpuint(fake_http_requests(fake), ==, FAILURES);
    /* Who has waited for a lookup, and is spared it when it may begin, has not asked. */
    g_assert_cmpuint(counters_read(COUNT_LOOKUPS_SPARED) - spared, ==, 2);
    g_assert_cmpuint(counters_read(COUNT_LOOKUPS) - asked, ==, FAILURES);
    g_assert_cmpuint(counters_read(COUNT_LOOKUPS_FAILED) - failed, ==, FAILURES);
    places_unref(places);

    g_autofree char *text = close_log(log, folder);
    g_assert_nonnull(strstr(text,
                            "places lookup failed: UNKNOWN_ERROR: The places provider answered "
                            "with HTTP status 500.\n"));
    g_assert_nonnull(strstr(text, "places circuit open: the provider is asked again in 3600 s; its "
                                  "last failure: The places provider answered with HTTP status "
                                  "503.\n"));
}

static void test_budget(void)
{
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(Places) places =
        places_at(fake, (PlacesOptions){.max_calls_per_minute = 2, .circuit_failures = 1});
    uint64_t calls = counters_read(COUNT_PROVIDER_CALLS);
    uint64_t over = counters_read(COUNT_CALLS_OVER_BUDGET);

    answer_with(fake, 200, "", GOOD_BODY);
    assert_asked(places, PLACES_OK);
    assert_asked(places, PLACES_OK);
    for (unsigned i = 0; i < 3; i++) /* and the circuit does not mind */
        assert_asked(places, PLACES_OVER_QUERY_LIMIT);
    g_assert_cmpuint(fake_http_requests(fake), ==, 2);
    g_assert_cmpuint(counters_read(COUNT_PROVIDER_CALLS) - calls, ==, 2);
    g_assert_cmpuint(counters_read(COUNT_CALLS_OVER_BUDGET) - over, ==, 3);
}

static void assert_built_in(const char *answer, const char *info)
{
    g_autofree char *expected = g_strdup_printf("\"These are the built-in places. %s\"", info);

    g_assert_nonnull(strstr(answer, expected));
    g_assert_nonnull(strstr(answer, "   \"info_messages\" : ["));
    g_assert_nonnull(strstr(answer, "GeoNames"));
    g_assert_nonnull(strstr(answer, "\"name\" : \"Westwood\""));
    g_assert_null(strstr(answer, "error_message"));
    g_assert_true(g_str_has_suffix(answer, "\"status\" : \"OK\"\n}"));
}

static void test_fallback(void)
{
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(Places) places =
        places_at(fake, (PlacesOptions){.fallback = FALLBACK_EMBEDDED, .circuit_failures = 2});
    g_autoptr(GString) failed = g_string_new("AT ...\n");
    g_autoptr(GString) denied = g_string_new("AT ...\n");
    g_autoptr(GString) refused = g_string_new("AT ...\n");
    g_autoptr(GString) good = g_string_new("AT ...\n");
    uint64_t fallbacks = counters_read(COUNT_LOOKUPS_FALLBACK);

    answer_with(fake, 200, "", GOOD_BODY);
    g_assert_cmpint(places_nearby(places, &ucla, good), ==, PLACES_OK);
    g_assert_null(strstr(good->str, "built-in"));

    answer_with(fake, 500, "", "");
    g_assert_cmpint(places_nearby(places, &ucla, failed), ==, PLACES_OK);
    assert_built_in(failed->str, "The places provider answered with HTTP status 500.");

    /* In its own words, of which none stays. */
    answer_with(fake, 200, "",
                "{ \"error_message\" : \"No <b>card</b>.\", \"results\" : [], "
                "\"status\" : \"REQUEST_DENIED\" }");
    g_assert_cmpint(places_nearby(places, &ucla, denied), ==, PLACES_OK);
    assert_built_in(denied->str, "No \\u003cb\\u003ecard\\u003c/b\\u003e.");
    g_assert_true(g_str_has_prefix(denied->str, "AT ...\n{\n   \"html_attributions\""));

    g_autofree char *spared = at_once(places, PLACES_OK);
    assert_built_in(spared, "No \\u003cb\\u003ecard\\u003c/b\\u003e. (It is asked again in 1 s.)");

    g_assert_cmpint(places_refuse(places, &ucla, refused), ==, PLACES_OK);
    assert_built_in(refused->str, "This server has too many lookups waiting; try again later.");
    g_assert_cmpuint(counters_read(COUNT_LOOKUPS_FALLBACK) - fallbacks, ==, 5);
}

/* Towns are not what somebody gets who wants cafes alone. */
static void test_fallback_keeps_to_the_type(void)
{
    static char type[] = "cafe";
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(Places) places =
        places_at(fake, (PlacesOptions){.fallback = FALLBACK_EMBEDDED, .type = type});
    g_autoptr(GString) json = g_string_new(NULL);

    answer_with(fake, 500, "", "");
    g_assert_cmpint(places_nearby(places, &ucla, json), ==, PLACES_ZERO_RESULTS);
    g_assert_nonnull(strstr(json->str, "These are the built-in places. "));
}

static void test_refused_without_fallback(void)
{
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(Places) places = places_at(fake, (PlacesOptions){0});
    g_autoptr(GString) json = g_string_new("AT ...\n");

    g_assert_cmpint(places_refuse(places, &ucla, json), ==, PLACES_OVER_QUERY_LIMIT);
    g_assert_true(g_str_has_prefix(json->str, "AT ...\n{\n   \"error_message\" : \"This server"));
}

/* Each of these numbers gets a line of its own, and 180 blanks before it. */
static void test_too_large_when_laid_out(void)
{
    enum { DEPTH = 60, MANY = 50000 };
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(Places) places = places_at(fake, (PlacesOptions){0});
    g_autoptr(GString) json = g_string_new("AT ...\n");
    g_autofree char *opening = g_strnfill(DEPTH, '[');
    g_autofree char *closing = g_strnfill(DEPTH, ']');
    g_autoptr(GString) body = g_string_new("{\"status\":\"OK\",\"results\":[{\"a\":");

    g_string_append_printf(body, "%s0", opening);
    for (unsigned i = 1; i < MANY; i++)
        g_string_append(body, ",0");
    g_string_append_printf(body, "%s}]}", closing);
    answer_with(fake, 200, "", body->str);
    g_assert_cmpint(places_nearby(places, &ucla, json), ==, PLACES_UNKNOWN_ERROR);
    g_assert_true(g_str_has_prefix(json->str, "AT ...\n{\n   \"error_message\" : \"The answer"));
    g_assert_cmpuint(json->len, <, 1000);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    signal(SIGPIPE, SIG_IGN);
    g_setenv("HERD_PLACES_KEY", "AIzaSyTestOnly", TRUE);
    g_test_add_func("/places/cache-answers-without-asking", test_cache);
    g_test_add_func("/places/nothing-is-kept-unless-asked-for",
                    test_nothing_is_kept_unless_asked_for);
    g_test_add_func("/places/circuit-answers-with-the-last-failure", test_circuit);
    g_test_add_func("/places/budget-is-kept", test_budget);
    g_test_add_func("/places/fallback-answers-and-says-so", test_fallback);
    g_test_add_func("/places/fallback-keeps-to-the-type", test_fallback_keeps_to_the_type);
    g_test_add_func("/places/r15/refused-without-fallback", test_refused_without_fallback);
    g_test_add_func("/places/r15/too-large-when-laid-out", test_too_large_when_laid_out);
    return g_test_run();
}
