/* SPDX-License-Identifier: MIT */

/*
 * What a provider answers: whatever it is, a client gets one whole answer in the layout of PROTOCOL
 * R13 to R15, with at most as many results as it wanted, and never the API key.
 *
 * An input is the body of Google's two APIs' answer and of Overpass' alike, since to tell which of
 * them it could be is what their readers are for.
 */

#include "fuzz.h"

#include "places/google/googleanswer.h"
#include "places/google/googlenew.h"
#include "places/json/jsonlayout.h"
#include "places/osm/overpassanswer.h"

#define KEY  "key-1234567"
#define BASE "http://places.example:81"

static GoogleService service = {.base_url = (char[]){BASE}, .path = "/maps/api/place"};

/* What @text says in R14's layout. (transfer full) (nullable) */
static GString *lay_out(Slice text)
{
    g_autoptr(JsonTree) tree = NULL;

    if (jsontree_parse(text, &tree) != JSONTREE_OK)
        return NULL;
    GString *out = g_string_new(NULL);
    jsonlayout_append(out, jsontree_root(tree), 0);
    return out;
}

/* PROTOCOL R13, R14 */
static void assert_laid_out(const GString *json)
{
    g_autoptr(GString) again = lay_out(slice_of_string(json));

    g_assert_null(g_strstr_len(json->str, (gssize)json->len, "\n\n"));
    g_assert_true(json->len > 0 && json->str[json->len - 1] != '\n');
    g_assert_true(g_utf8_validate_len(json->str, json->len, NULL));
    g_assert_nonnull(again);
    g_assert_true(slice_equal(slice_of_string(again), slice_of_string(json)));
}

static void assert_answer(const GString *json, PlacesStatus status, unsigned bound)
{
    g_autoptr(JsonTree) tree = NULL;
    size_t count;

    assert_laid_out(json);
    g_assert_cmpint(jsontree_parse(slice_of_string(json), &tree), ==, JSONTREE_OK);
    const JsonValue *root = jsontree_root(tree);
    const JsonValue *said = jsontree_member(root, SLICE("status"), &count);
    g_assert_cmpuint(count, ==, 1);
    g_assert_true(slice_equal(said->text, slice_of(places_status_name(status))));
    const JsonValue *results = jsontree_member(root, SLICE("results"), &count);
    g_assert_cmpuint(count, ==, 1);
    g_assert_cmpint(results->type, ==, JSON_ARRAY);
    g_assert_cmpuint(results->count, <=, bound);
    jsontree_member(root, SLICE("html_attributions"), &count);
    g_assert_cmpuint(count, ==, 1);
}

/* @json is an answer, or there is none yet and @failure says what it will say (provider.h). */
static void check(GString *json, PlacesStatus status, unsigned bound,
                  const ProviderFailure *failure)
{
    bool failed = status != PLACES_OK && status != PLACES_ZERO_RESULTS;

    g_assert_true(failed == (failure->message != NULL));
    if (failed)
        g_assert_true(g_utf8_validate(failure->message, -1, NULL));
    if (failed && json->len == 0)
        places_append_failure(json, status, failure->message);
    assert_answer(json, status, bound);
    g_string_truncate(json, 0);
}

/* The same of a provider that knows the key. */
static void check_google(GString *json, PlacesStatus status, unsigned bound,
                         const ProviderFailure *failure)
{
    g_assert_null(g_strstr_len(json->str, (gssize)json->len, KEY));
    g_assert_true(failure->message == NULL || strstr(failure->message, KEY) == NULL);
    check(json, status, bound, failure);
}

static void check_overpass(const HttpReply *reply, const PlacesQuery *query, const char *type)
{
    g_autoptr(OverpassAnswer) answer = overpassanswer_new(query, type, "de");
    g_autoptr(GString) json = g_string_new(NULL);

    for (int i = 0; i < 2; i++) { /* what is told twice is known once */
        g_auto(ProviderFailure) failure = {0};
        RadiusSearchSeen seen = {0};
        PlacesStatus status = overpassanswer_add(answer, reply, 30, &seen, &failure);

        if (status != PLACES_OK) {
            check(json, status, query->bound, &failure);
            return;
        }
        g_assert_cmpuint(seen.known, <=, query->bound);
        g_assert_true(overpassanswer_is_full(answer) == (seen.known == query->bound));
        status = overpassanswer_append(answer, json);
        check(json, status, query->bound, &failure);
    }
}

int LLVMFuzzerInitialize(int *count G_GNUC_UNUSED, char ***arguments G_GNUC_UNUSED)
{
    g_autoptr(GError) error = NULL;

    g_setenv(APIKEY_ENVIRONMENT, KEY, TRUE);
    service.key = apikey_read(NULL, &error);
    g_assert_no_error(error);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const long statuses[] = {HTTP_OK, HTTP_OK, HTTP_OK, HTTP_FORBIDDEN, 429, 500};
    Slice input = slice_of_input(data, size);
    Chance chance = chance_of(input);
    g_autoptr(GString) body = g_string_new_len(input.data, (gssize)input.length);
    g_autoptr(GString) json = g_string_new(NULL);
    HttpReply reply = {.status = statuses[chance_below(&chance, G_N_ELEMENTS(statuses))],
                       .body = body};
    PlacesQuery query = {.center = {.latitude = 34068930000, .longitude = -118445127000},
                         .radius = 50 * MILLIMETRES_PER_KM,
                         .bound = 1 + (unsigned)chance_below(&chance, PLACES_BOUND_MAX)};
    g_auto(ProviderFailure) legacy = {0}, new = {0};

    g_autoptr(GString) laid_out = lay_out(input);
    if (laid_out != NULL)
        assert_laid_out(laid_out);
    PlacesStatus status = googleanswer_append(json, &reply, query.bound, &service, &legacy);
    check_google(json, status, query.bound, &legacy);
    status = googlenew_append(json, &reply, query.bound, &service, &new);
    check_google(json, status, query.bound, &new);
    check_overpass(&reply, &query, NULL);
    check_overpass(&reply, &query, "cafe");
    return 0;
}
