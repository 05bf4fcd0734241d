/* SPDX-License-Identifier: MIT */

/*
 * OpenStreetMap's places, from an Overpass server: POST BASE/api/interpreter, data=QUERY.
 *
 * A query says what is within a radius and is answered with at most so many elements, those with
 * the lowest ids; which radius has the nearest places whole is what radiussearch.h finds out, with
 * a few queries within the time of one lookup.
 *
 * The server's "within" is that of a thing's outline, ours that of its centre, which is where it is
 * said to be. So a thing whose outline is farther off than the radius that settled the search is
 * not known, even where it lies all around and has its centre near; the first radius is large
 * enough to reach the outline of all but parks and the like.
 */

#include "core/thread.h"
#include "places/http/httpclient.h"
#include "places/osm/overpassanswer.h"
#include "places/osm/overpassquery.h"
#include "places/osm/radiussearch.h"
#include "places/provider.h"

#define BASE_URL "https://overpass-api.de"
#define PATH     "/api/interpreter"

#define MS_PER_SECOND 1000

/* All read-only after new. */
typedef struct {
    Provider base;
    char *url;          /* (owned) */
    char **filters;     /* (owned) */
    char *type;         /* (owned) (nullable) */
    char *language;     /* (owned) (nullable) */
    int64_t timeout_ms; /* of a lookup */
    HttpClient *client; /* (owned) */
} Overpass;

/* One query of a lookup, for all within @radius. */
static PlacesStatus ask(const Overpass *overpass, Location center, int64_t radius, int64_t deadline,
                        OverpassAnswer *answer, RadiusSearchSeen *ret_seen,
                        ProviderFailure *failure)
{
    int64_t left_s = (deadline - monotonic_ms()) / MS_PER_SECOND;
    g_autoptr(GString) form = g_string_new(NULL);
    g_autoptr(GString) body = g_string_new(NULL); /* while it waits a lookup holds no memory */
    HttpReply reply = {.body = body};

    /* A server that goes on when nobody listens any more works for nothing. */
    overpassquery_append(form, overpass->filters, center, radius, MAX(left_s, 1));
    HttpRequest request = {.url = overpass->url,
                           .body = {.data = form->str, .length = form->len},
                           .deadline = deadline};
    HttpOutcome outcome = httpclient_ask(overpass->client, &request, &reply);
    if (outcome != HTTP_ANSWERED) /* PROTOCOL R15 */
        return provider_fail_http(failure, overpass->client, outcome);
    return overpassanswer_add(answer, &reply, OVERPASSQUERY_ELEMENTS_MAX, ret_seen, failure);
}

static PlacesStatus overpass_nearby(Provider *provider, const PlacesQuery *query, GString *json,
                                    ProviderFailure *failure)
{
    const Overpass *overpass = (const Overpass *)provider;
    int64_t deadline = monotonic_ms() + overpass->timeout_ms;
    g_autoptr(OverpassAnswer) answer =
        overpassanswer_new(query, overpass->type, overpass->language);
    RadiusSearch search = radiussearch_begin(query->radius, query->bound);
    RadiusSearchSeen seen = {0};

    do {
        PlacesStatus status =
            ask(overpass, query->center, search.radius, deadline, answer, &seen, failure);

        /* Fewer places than were asked for would say that there are no more. As many are true,
         * though there may be nearer ones. */
        if (status != PLACES_OK && !overpassanswer_is_full(answer))
            return status;
        if (status != PLACES_OK)
            break;
    } while (radiussearch_go_on(&search, &seen));
    if (seen.known == 0 && !radiussearch_is_settled(&search, &seen))
        return provider_fail(failure, PLACES_UNKNOWN_ERROR,
                             "The places provider has too much here that is no place.");
    return overpassanswer_append(answer, json);
}

static void overpass_free(Provider *provider)
{
    Overpass *overpass = (Overpass *)provider;

    httpclient_free(overpass->client);
    g_free(overpass->language);
    g_free(overpass->type);
    g_strfreev(overpass->filters);
    g_free(overpass->url);
    g_free(overpass);
}

static const ProviderClass overpass_class = {
    .blocks = true,
    .nearby = overpass_nearby,
    .free = overpass_free,
};

Provider *overpass_new(const PlacesOptions *options, GError **error)
{
    g_autoptr(HttpClient) client = httpclient_new(options, error);
    if (client == NULL)
        return NULL;
    g_autofree char *base_url =
        httpclient_check_base_url(options->url != NULL ? options->url : BASE_URL, error);
    if (base_url == NULL)
        return NULL;
    char **filters = overpassquery_filters(options->type, error);
    if (filters == NULL)
        return NULL;

    Overpass *overpass = g_new0(Overpass, 1);
    overpass->base.class = &overpass_class;
    overpass->url = g_strconcat(base_url, PATH, NULL);
    overpass->filters = filters;
    overpass->type = g_strdup(options->type);
    overpass->language = g_strdup(options->language);
    overpass->timeout_ms = options->timeout_ms;
    overpass->client = g_steal_pointer(&client);
    return &overpass->base;
}
