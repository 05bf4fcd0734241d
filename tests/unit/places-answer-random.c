/* SPDX-License-Identifier: MIT */

/*
 * googleanswer with bodies that look like Google's and are damaged: the answer is good, or a
 * failure (PROTOCOL R15), and never has the key. GLib prints the seed; --seed repeats a run.
 */

#include "places/google/googleanswer.h"
#include "places/json/jsonlayout.h"

#define KEY   "key-1234567"
#define BASE  "http://places.example:81"
#define PATH  "/maps/api/place/nearbysearch/json"
#define BOUND 5

static unsigned rounds(void)
{
    return g_getenv("HERD_TEST_SANITIZER") != NULL ? 3000 : 30000;
}

static int random_below(gsize count)
{
    return g_test_rand_int_range(0, (int)count);
}

static char *body_with(unsigned results)
{
    GString *body = g_string_new("{\n   \"html_attributions\" : [ \"\\u003ca\\u003e\" ],\n"
                                 "   \"next_page_token\" : \"" KEY "\",\n   \"results\" : [\n");

    for (unsigned i = 0; i < results; i++)
        g_string_append_printf(body,
                               "      {\n         \"geometry\" : {\n            \"location\" : {\n"
                               "               \"lat\" : 34.0689%02u000000000001,\n"
                               "               \"lng\" : -118.4451270\n            }\n         },\n"
                               "         \"name\" : \"Caf\u00e9 \\\"%u\\\" \\ud83d\\ude00\",\n"
                               "         \"opening_hours\" : {},\n         \"photos\" : [],\n"
                               "         \"reference\" : \"" BASE PATH "?key=" KEY "\",\n"
                               "         \"types\" : [ \"cafe\", \"food\" ]\n      }%s\n",
                               i, i, i + 1 < results ? "," : "");
    g_string_append(body, "   ],\n   \"status\" : \"OK\"\n}\n");
    return g_string_free(body, FALSE);
}

/* What one change may put in the place of something else. */
static const char *const tokens[] = {
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\\u",
    "\\ud800",
    "null",
    "true",
    "-",
    "1e999",
    "0",
    "\"results\"",
    "\"status\"",
    "\"OK\"",
    "\"ZERO_RESULTS\"",
    "\"REQUEST_DENIED\"",
    "\"error_message\" : \"" BASE PATH "?key=" KEY "\",",
    "\n\n",
    "\xff",
    "\xed\xa0\x80",
    KEY,
};

static void damage(GString *body)
{
    gsize at = (gsize)random_below(body->len + 1);

    switch (random_below(6)) {
    case 0: /* a bit */
        if (at < body->len)
            body->str[at] = (char)(body->str[at] ^ (1 << random_below(8)));
        break;
    case 1: /* its end */
        g_string_truncate(body, at);
        break;
    case 2: /* a piece of it */
        g_string_erase(body, (gssize)at, (gssize)random_below(body->len - at + 1));
        break;
    case 3: /* a piece of it once more */
    {
        g_autofree char *copy = g_memdup2(body->str + at, body->len - at);
        gssize length = random_below(MIN(body->len - at, 500) + 1);

        g_string_insert_len(body, (gssize)random_below(body->len + 1), copy, length);
        break;
    }
    default: /* something else in it */
        g_string_insert(body, (gssize)at, tokens[random_below(G_N_ELEMENTS(tokens))]);
    }
}

static void assert_whole_answer(const GString *json, PlacesStatus status)
{
    g_autoptr(JsonTree) tree = NULL;
    size_t count;

    g_assert_null(strstr(json->str, "\n\n"));
    g_assert_false(g_str_has_suffix(json->str, "\n"));
    g_assert_cmpint(jsontree_parse((Slice){.data = json->str, .length = json->len}, &tree), ==,
                    JSONTREE_OK);
    const JsonValue *root = jsontree_root(tree);
    g_assert_cmpint(root->type, ==, JSON_OBJECT);
    const JsonValue *said = jsontree_member(root, SLICE("status"), &count);
    g_assert_cmpuint(count, ==, 1);
    g_assert_true(slice_equal(said->text, slice_of(places_status_name(status))));
    g_assert_cmpint(jsontree_member(root, SLICE("html_attributions"), &count)->type, ==,
                    JSON_ARRAY);
    g_assert_cmpuint(count, ==, 1);
    const JsonValue *results = jsontree_member(root, SLICE("results"), &count);
    g_assert_cmpuint(count, ==, 1);
    g_assert_cmpint(results->type, ==, JSON_ARRAY);
    g_assert_cmpuint(results->count, <=, BOUND);
    for (const JsonValue *result = results->first; result != NULL; result = result->next)
        g_assert_cmpint(result->type, ==, JSON_OBJECT);
}

/* TRUE: it was a good one. */
static bool check(GString *body, long http_status, const GoogleService *service)
{
    HttpReply reply = {.status = http_status, .body = body};
    ProviderFailure failure = {0};
    g_autoptr(GString) json = g_string_new(NULL);
    PlacesStatus status = googleanswer_append(json, &reply, BOUND, service, &failure);
    bool good = status == PLACES_OK || status == PLACES_ZERO_RESULTS;

    g_assert_true(good == (failure.message == NULL));
    if (good || json->len > 0)
        assert_whole_answer(json, status);
    g_assert_null(strstr(json->str, KEY));
    if (!good) {
        g_assert_null(strstr(json->str, BASE));
        g_assert_null(strstr(failure.message, KEY));
        g_assert_null(strstr(failure.message, BASE));
    }
    g_free(failure.message);
    return good;
}

static void test_damaged_bodies(void)
{
    static const long http_statuses[] = {200, 200, 200, 200, 200, 200, 403, 500};
    g_autoptr(GError) error = NULL;
    unsigned good = 0, bad = 0;

    g_setenv("HERD_PLACES_KEY", KEY, TRUE);
    GoogleService service;
    PlacesOptions options = {.timeout_ms = 1000};
    g_assert_true(googleservice_init(&service, &options, BASE, PATH, &error));
    g_assert_no_error(error);
    for (unsigned round = rounds(); round > 0; round--) {
        g_autofree char *whole = body_with((unsigned)random_below(8));
        g_autoptr(GString) body = g_string_new(whole);

        for (int changes = random_below(4); changes >= 0; changes--)
            damage(body);
        if (check(body, http_statuses[random_below(G_N_ELEMENTS(http_statuses))], &service))
            good++;
        else
            bad++;
    }
    googleservice_clear(&service);
    g_test_message("%u good answers, %u failures", good, bad);
    g_assert_cmpuint(MIN(good, bad), >, rounds() / 100); /* the damage is neither none nor total */
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/places/answer/property/damaged-bodies-make-whole-answers",
                    test_damaged_bodies);
    return g_test_run();
}
