/* SPDX-License-Identifier: MIT */

/*
 * Nearby Search of Google's Places API (New), asked as its documentation says: the question as JSON
 * POSTed to BASE/v1/places:searchNearby, the key and the fields that are wanted in headers.
 */

#include "places/fixedpoint.h"
#include "places/google/googlenew.h"
#include "places/json/jsonlayout.h"

#define BASE_URL "https://places.googleapis.com"
#define PATH     "/v1/places:searchNearby"

/* All read-only after new. */
typedef struct {
    Provider base;
    GoogleService service;
    char *url;        /* (owned) */
    char *key_header; /* (owned) overwritten before it goes */
    char *type;       /* (owned) (nullable) */
    char *language;   /* (owned) (nullable) */
} Google;

/* No places farther away than the radius, the nearest first; there are no further pages, so no more
 * than are wanted. */
static void append_question(const Google *google, const PlacesQuery *query, GString *body)
{
    g_string_append_printf(body, "{\"maxResultCount\":%u,\"rankPreference\":\"DISTANCE\"",
                           MIN(query->bound, PLACES_BOUND_MAX));
    if (google->language != NULL) {
        g_string_append(body, ",\"languageCode\":");
        jsonlayout_append_string(body, slice_of(google->language));
    }
    if (google->type != NULL) {
        g_string_append(body, ",\"includedTypes\":[");
        jsonlayout_append_string(body, slice_of(google->type));
        g_string_append_c(body, ']');
    }
    g_string_append(body, ",\"locationRestriction\":{\"circle\":{\"center\":{\"latitude\":");
    fixedpoint_append(body, query->center.latitude, NANODEGREE_DIGITS);
    g_string_append(body, ",\"longitude\":");
    fixedpoint_append(body, query->center.longitude, NANODEGREE_DIGITS);
    g_string_append(body, "},\"radius\":");
    fixedpoint_append(body, query->radius, MILLIMETRE_DIGITS);
    g_string_append(body, "}}}");
}

static PlacesStatus google_nearby(Provider *provider, const PlacesQuery *query, GString *json,
                                  ProviderFailure *failure)
{
    Google *google = (Google *)provider;
    const char *const headers[] = {"Content-Type: application/json",
                                   "X-Goog-FieldMask: " GOOGLENEW_FIELDS, google->key_header, NULL};
    g_autoptr(GString) question = g_string_new(NULL);
    g_autoptr(GString) body = g_string_new(NULL); /* while it waits a lookup holds no memory */
    HttpReply reply = {.body = body};

    append_question(google, query, question);
    HttpRequest request = {
        .url = google->url,
        .headers = headers,
        .body = {.data = question->str, .length = question->len},
    };
    HttpOutcome outcome = httpclient_ask(google->service.client, &request, &reply);
    if (outcome != HTTP_ANSWERED) /* PROTOCOL R15 */
        return provider_fail_http(failure, google->service.client, outcome);
    return googlenew_append(json, &reply, query->bound, &google->service, failure);
}

static void google_free(Provider *provider)
{
    Google *google = (Google *)provider;

    googleservice_clear(&google->service);
    g_free(google->url);
    explicit_bzero(google->key_header, strlen(google->key_header));
    g_free(google->key_header);
    g_free(google->type);
    g_free(google->language);
    g_free(google);
}

static bool google_is_outdated(Provider *provider)
{
    return googleservice_is_outdated(&((Google *)provider)->service);
}

static const ProviderClass google_class = {
    .blocks = true,
    .nearby = google_nearby,
    .is_outdated = google_is_outdated,
    .free = google_free,
};

Provider *google_new(const PlacesOptions *options, GError **error)
{
    GoogleService service;

    if (!googleservice_init(&service, options, BASE_URL, PATH, error))
        return NULL;
    Google *google = g_new0(Google, 1);
    google->base.class = &google_class;
    google->service = service;
    google->url = g_strconcat(service.base_url, service.path, NULL);
    google->key_header = g_strconcat("X-Goog-Api-Key: ", apikey_text(service.key), NULL);
    google->type = g_strdup(options->type);
    google->language = g_strdup(options->language);
    return &google->base;
}
