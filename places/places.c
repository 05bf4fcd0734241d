/* SPDX-License-Identifier: MIT */
#include "places/places.h"

#include "places/answer.h"
#include "places/provider.h"

struct Places {
    Provider *provider; /* (owned) read-only after new */
};

static Provider *provider_new(const PlacesOptions *options, GError **error)
{
    switch (options->provider) {
    case PROVIDER_EMBEDDED:
        return embedded_new(error);
    case PROVIDER_GOOGLE_LEGACY:
        return google_legacy_new(options, error);
    case PROVIDER_FILE:
    case PROVIDER_GOOGLE:
    case PROVIDER_OVERPASS:
        g_set_error_literal(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_DATA,
                            "this provider is not there yet");
        return NULL;
    default:
        g_assert_not_reached();
    }
}

Places *places_new(const PlacesOptions *options, GError **error)
{
    Provider *provider = provider_new(options, error);

    if (provider == NULL)
        return NULL;
    Places *places = g_new0(Places, 1);
    places->provider = provider;
    return places;
}

void places_free(Places *places)
{
    if (places == NULL)
        return;
    places->provider->class->free(places->provider);
    g_free(places);
}

bool places_blocks(const Places *places)
{
    return places->provider->class->blocks;
}

PlacesStatus places_nearby(Places *places, const PlacesQuery *query, GString *json)
{
    /* PROTOCOL R10: nothing can be in the answer, so nobody is asked. */
    if (query->bound == 0 || query->radius == 0) {
        answer_append_empty(json, PLACES_ZERO_RESULTS, NULL);
        return PLACES_ZERO_RESULTS;
    }

    ProviderFailure failure = {0};
    size_t begin = json->len;
    PlacesStatus status = places->provider->class->nearby(places->provider, query, json, &failure);
    if (status != PLACES_OK && status != PLACES_ZERO_RESULTS && json->len == begin)
        places_append_failure(json, status, failure.message);
    g_free(failure.message);
    return status;
}
