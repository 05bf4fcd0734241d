/* SPDX-License-Identifier: MIT */
#include "places/googleanswer.h"

#include "places/jsonlayout.h"

#define HTTP_OK 200

static bool status_from_name(Slice name, PlacesStatus *ret_status)
{
    for (PlacesStatus status = PLACES_OK; status <= PLACES_UNKNOWN_ERROR; status++) {
        const char *known = places_status_name(status);

        if (slice_equal(name, slice_of(known))) {
            *ret_status = status;
            return true;
        }
    }
    return false;
}

/* For an answer whose body says nothing in Google's format. */
static PlacesStatus status_from_http(long http_status)
{
    switch (http_status) {
    case 400:
        return PLACES_INVALID_REQUEST;
    case 401:
    case 403:
        return PLACES_REQUEST_DENIED;
    case 429:
        return PLACES_OVER_QUERY_LIMIT;
    default:
        return PLACES_UNKNOWN_ERROR;
    }
}

/* The array @key of @root, which gets an empty one if it has none and @may_lack it. NULL: there is
 * no such array, or there are several, and then nobody can say which one a client would read. */
static JsonValue *require_array(JsonTree *tree, Slice key, bool may_lack)
{
    JsonValue *root = jsontree_root(tree);
    size_t count;
    JsonValue *array = jsontree_member(root, key, &count);

    if (count == 0 && may_lack) {
        jsontree_add_empty_array(tree, root, key);
        return root->last;
    }
    return count == 1 && array->type == JSON_ARRAY ? array : NULL;
}

/* Makes @tree a whole answer with at most @bound results. FALSE: it is not one in Google's format.
 */
static bool complete(JsonTree *tree, unsigned bound, PlacesStatus *ret_status)
{
    JsonValue *root = jsontree_root(tree);
    size_t count = 0;

    if (root->type != JSON_OBJECT)
        return false;
    JsonValue *status = jsontree_member(root, SLICE("status"), &count);
    if (count != 1 || status->type != JSON_STRING || !status_from_name(status->text, ret_status))
        return false;

    /* Some of Google's errors come without them: {"error_message": "Please wait.", "status": ...}.
     */
    JsonValue *results = require_array(tree, SLICE("results"), *ret_status != PLACES_OK);
    if (results == NULL || require_array(tree, SLICE("html_attributions"), true) == NULL)
        return false;
    jsontree_truncate(results, bound);
    return true;
}

static PlacesStatus fail(GString *json, long http_status, const char *message)
{
    PlacesStatus status = status_from_http(http_status);

    if (http_status != HTTP_OK) {
        g_autofree char *by_status =
            g_strdup_printf("The places provider answered with HTTP status %ld.", http_status);
        places_append_failure(json, status, by_status);
    } else {
        places_append_failure(json, status, message);
    }
    return status;
}

static bool is_failure(PlacesStatus status)
{
    return status != PLACES_OK && status != PLACES_ZERO_RESULTS;
}

static void scrub_url(JsonTree *tree, const char *base_url, const char *path)
{
    g_autofree char *url = g_strconcat(base_url, path, NULL);
    const char *parts[] = {url, base_url, path};

    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
        jsontree_replace(tree, (Slice){.data = parts[i], .length = strlen(parts[i])},
                         SLICE("[url]"));
}

PlacesStatus googleanswer_append(GString *json, Slice body, long http_status, unsigned bound,
                                 const ApiKey *key, const char *base_url, const char *path)
{
    g_autoptr(JsonTree) tree = NULL;
    PlacesStatus status;

    switch (jsontree_parse(body, &tree)) {
    case JSONTREE_OK:
        break;
    case JSONTREE_TOO_LARGE:
        return fail(json, http_status, "The answer of the places provider has too many parts.");
    case JSONTREE_MALFORMED:
    default:
        return fail(json, http_status, "The answer of the places provider is not JSON.");
    }
    if (!complete(tree, bound, &status))
        return fail(json, http_status,
                    "The answer of the places provider is not a Nearby Search answer.");

    if (http_status != HTTP_OK && !is_failure(status))
        return fail(json, http_status, NULL); /* the two contradict each other */

    apikey_scrub(key, tree);
    if (is_failure(status))
        scrub_url(tree, base_url, path);
    jsonlayout_append(json, jsontree_root(tree), 0);
    return status;
}
