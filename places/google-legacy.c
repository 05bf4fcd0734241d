/* SPDX-License-Identifier: MIT */

/*
 * Google's legacy Nearby Search, asked as its documentation says:
 * BASE/maps/api/place/nearbysearch/json?location=LAT,LNG&radius=METRES&key=KEY
 */

#include "places/apikey.h"
#include "places/fixedpoint.h"
#include "places/googleanswer.h"
#include "places/httpclient.h"
#include "places/provider.h"

#define BASE_URL "https://maps.googleapis.com"
#define PATH     "/maps/api/place/nearbysearch/json"

#define NANODEGREE_DIGITS 9
#define MILLIMETRE_DIGITS 3

#define BODY_USUAL ((size_t)32 * 1024) /* bytes of an answer with twenty results */

/* All read-only after new. */
typedef struct {
    Provider base;
    char *base_url;     /* (owned) */
    ApiKey *key;        /* (owned) */
    HttpClient *client; /* (owned) */
} GoogleLegacy;

/* A location's sign is not escaped because there is none: 34.06893, never +34.06893, which a server
 * reads as a blank. */
static void append_url(const GoogleLegacy *google, const PlacesQuery *query, GString *url)
{
    g_string_append(url, google->base_url);
    g_string_append(url, PATH "?location=");
    fixedpoint_append(url, query->center.latitude, NANODEGREE_DIGITS);
    g_string_append_c(url, ',');
    fixedpoint_append(url, query->center.longitude, NANODEGREE_DIGITS);
    g_string_append(url, "&radius=");
    fixedpoint_append(url, query->radius, MILLIMETRE_DIGITS);
    g_string_append(url, "&key=");
    g_string_append(url, apikey_escaped(google->key));
}

static PlacesStatus google_nearby(Provider *provider, const PlacesQuery *query, GString *json,
                                  ProviderFailure *failure)
{
    GoogleLegacy *google = (GoogleLegacy *)provider;
    g_autoptr(GString) url = g_string_new(NULL);
    g_autoptr(GString) body = g_string_sized_new(BODY_USUAL);
    HttpReply reply = {.body = body};

    append_url(google, query, url);
    HttpOutcome outcome = httpclient_ask(google->client, &(HttpRequest){.url = url->str}, &reply);
    if (outcome != HTTP_ANSWERED) /* PROTOCOL R15 */
        return provider_fail_http(failure, google->client, outcome);
    GoogleSecrets secrets = {.key = google->key, .base_url = google->base_url, .path = PATH};
    return googleanswer_append(json, &reply, query->bound, &secrets, failure);
}

static void google_free(Provider *provider)
{
    GoogleLegacy *google = (GoogleLegacy *)provider;

    httpclient_free(google->client);
    apikey_free(google->key);
    g_free(google->base_url);
    g_free(google);
}

static const ProviderClass google_legacy_class = {
    .blocks = true,
    .nearby = google_nearby,
    .free = google_free,
};

Provider *google_legacy_new(const PlacesOptions *options, GError **error)
{
    g_autoptr(HttpClient) client = httpclient_new(options, error);
    if (client == NULL)
        return NULL;
    bool own_url = options->url != NULL && *options->url != '\0';
    g_autofree char *base_url = httpclient_check_base_url(own_url ? options->url : BASE_URL, error);
    if (base_url == NULL)
        return NULL;
    g_autoptr(ApiKey) key = apikey_read(options->key_file, error);
    if (key == NULL)
        return NULL;

    GoogleLegacy *google = g_new0(GoogleLegacy, 1);
    google->base.class = &google_legacy_class;
    google->base_url = g_steal_pointer(&base_url);
    google->key = g_steal_pointer(&key);
    google->client = g_steal_pointer(&client);
    return &google->base;
}
