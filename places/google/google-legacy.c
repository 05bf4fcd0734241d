/* SPDX-License-Identifier: MIT */

/*
 * Google's legacy Nearby Search, asked as its documentation says:
 * BASE/maps/api/place/nearbysearch/json?location=LAT,LNG&radius=METRES[&type=T][&language=L]&key=KEY
 */

#include "places/google/google-legacy.h"

#include "places/fixedpoint.h"
#include "places/google/googleanswer.h"

#define BASE_URL "https://maps.googleapis.com"
#define PATH     "/maps/api/place/nearbysearch/json"

/* All read-only after new. */
typedef struct {
    Provider base;
    GoogleService service;
    char *type;     /* (owned) (nullable) */
    char *language; /* (owned) (nullable) */
} GoogleLegacy;

static void append_parameter(GString *url, const char *name, const char *value)
{
    if (value == NULL)
        return;
    g_string_append_printf(url, "&%s=", name);
    g_string_append_uri_escaped(url, value, NULL, FALSE);
}

/* A location's sign is not escaped because there is none: 34.06893, never +34.06893, which a server
 * reads as a blank. */
void google_legacy_append_url(const Provider *provider, const PlacesQuery *query, GString *url)
{
    const GoogleLegacy *google = (const GoogleLegacy *)provider;

    g_string_append(url, google->service.base_url);
    g_string_append(url, PATH "?location=");
    fixedpoint_append(url, query->center.latitude, NANODEGREE_DIGITS);
    g_string_append_c(url, ',');
    fixedpoint_append(url, query->center.longitude, NANODEGREE_DIGITS);
    g_string_append(url, "&radius=");
    fixedpoint_append(url, query->radius, MILLIMETRE_DIGITS);
    append_parameter(url, "type", google->type);
    append_parameter(url, "language", google->language);
    g_string_append(url, "&key=");
    g_string_append(url, apikey_escaped(google->service.key));
}

HttpClient *google_legacy_client(const Provider *provider)
{
    return ((const GoogleLegacy *)provider)->service.client;
}

PlacesStatus google_legacy_append_answer(const Provider *provider, const PlacesQuery *query,
                                         HttpOutcome outcome, const HttpReply *reply, GString *json,
                                         ProviderFailure *failure)
{
    const GoogleLegacy *google = (const GoogleLegacy *)provider;

    if (outcome != HTTP_ANSWERED) /* PROTOCOL R15 */
        return provider_fail_http(failure, google->service.client, outcome);
    return googleanswer_append(json, reply, query->bound, &google->service, failure);
}

static PlacesStatus google_nearby(Provider *provider, const PlacesQuery *query, GString *json,
                                  ProviderFailure *failure)
{
    g_autoptr(GString) url = g_string_new(NULL);
    g_autoptr(GString) body = g_string_new(NULL); /* while it waits a lookup holds no memory */
    HttpReply reply = {.body = body};

    google_legacy_append_url(provider, query, url);
    HttpOutcome outcome =
        httpclient_ask(google_legacy_client(provider), &(HttpRequest){.url = url->str}, &reply);
    return google_legacy_append_answer(provider, query, outcome, &reply, json, failure);
}

static void google_free(Provider *provider)
{
    GoogleLegacy *google = (GoogleLegacy *)provider;

    googleservice_clear(&google->service);
    g_free(google->type);
    g_free(google->language);
    g_free(google);
}

static bool google_is_outdated(Provider *provider)
{
    return googleservice_is_outdated(&((GoogleLegacy *)provider)->service);
}

static const ProviderClass google_legacy_class = {
    .blocks = true,
    .nearby = google_nearby,
    .is_outdated = google_is_outdated,
    .free = google_free,
};

Provider *google_legacy_new(const PlacesOptions *options, GError **error)
{
    GoogleService service;

    if (!googleservice_init(&service, options, BASE_URL, PATH, error))
        return NULL;
    GoogleLegacy *google = g_new0(GoogleLegacy, 1);
    google->base.class = &google_legacy_class;
    google->service = service;
    google->type = g_strdup(options->type);
    google->language = g_strdup(options->language);
    return &google->base;
}
