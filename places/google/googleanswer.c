/* SPDX-License-Identifier: MIT */
#include "places/google/googleanswer.h"

#include "places/answer.h"
#include "places/json/jsonlayout.h"

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

/* The array @key of @root, which gets an empty one if it has none and @may_lack it. NULL: there is
 * no such array, or there are several, and then nobody can say which one a client would read. */
static JsonValue *require_array(JsonTree *tree, Slice key, bool may_lack)
{
    JsonValue *root = jsontree_root(tree);
    size_t count;
    JsonValue *array = jsontree_member(root, key, &count);

    if (count == 0 && may_lack)
        return jsontree_add(tree, root, key, JSON_ARRAY);
    return count == 1 && array->type == JSON_ARRAY ? array : NULL;
}

static bool are_objects(const JsonValue *array)
{
    for (const JsonValue *value = array->first; value != NULL; value = value->next)
        if (value->type != JSON_OBJECT)
            return false;
    return true;
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
    return are_objects(results);
}

static bool is_failure(PlacesStatus status)
{
    return status != PLACES_OK && status != PLACES_ZERO_RESULTS;
}

/* What Google says to a key whose project has only the New API: "You're calling a legacy API, which
 * is not enabled for your project." */
static const char *hint(PlacesStatus status, Slice message)
{
    const Slice legacy = SLICE("legacy API");

    if (status == PLACES_REQUEST_DENIED &&
        memmem(message.data, message.length, legacy.data, legacy.length) != NULL)
        return " For Places API (New) set places = google.";
    return "";
}

/* Appends what the answer itself says about its failure, and nothing else that it has: R15 has
 * three or four members. */
static void explain(GString *json, JsonTree *tree, PlacesStatus status,
                    const GoogleService *service, ProviderFailure *failure)
{
    JsonValue *message = jsontree_member(jsontree_root(tree), SLICE("error_message"), NULL);

    if (message != NULL && message->type != JSON_STRING)
        message = NULL;
    googleservice_scrub_failure(service, tree, message);
    if (message == NULL) {
        provider_fail(failure, status, "The places provider answered with %s.",
                      places_status_name(status));
        answer_append_empty(json, status, NULL);
        return;
    }
    provider_fail(failure, status, "%.*s%s", (int)message->text.length, message->text.data,
                  hint(status, message->text));
    answer_append_empty(json, status, failure->message);
}

PlacesStatus googleanswer_append(GString *json, const HttpReply *reply, unsigned bound,
                                 const GoogleService *service, ProviderFailure *failure)
{
    g_autoptr(JsonTree) tree = NULL;
    PlacesStatus status;
    Slice body = {.data = reply->body->str, .length = reply->body->len};
    JsonTreeOutcome parsed = jsontree_parse(body, &tree);
    bool whole = parsed == JSONTREE_OK && complete(tree, bound, &status);

    /* Also where the two contradict each other. */
    if (reply->status != HTTP_OK && !(whole && is_failure(status)))
        return provider_fail_status(failure, reply);
    if (!whole)
        return provider_fail_body(failure, parsed, "a Nearby Search answer");

    apikey_scrub(service->key, tree);
    if (is_failure(status)) {
        explain(json, tree, status, service, failure);
        failure->retry_after_s = reply->retry_after_s;
        return status;
    }
    jsonlayout_append(json, jsontree_root(tree), 0);
    return status;
}
