/* SPDX-License-Identifier: MIT */
#include "places/places.h"

#include "core/counters.h"
#include "core/thread.h"
#include "places/answer.h"
#include "places/cache.h"
#include "places/circuit.h"
#include "places/json/jsonlayout.h"
#include "places/provider.h"

#include <stdatomic.h>

/* Bytes. Google's answers are up to 100 kB, with their indentation. */
#define ANSWER_MAX (2 * HTTP_BODY_MAX)

struct Places {
    atomic_uint references; /* atomic */
    /* All owned; read-only after new, but for what they lock themselves. */
    Provider *provider;
    Provider *fallback; /* (nullable) does not block */
    Cache *cache;
    Circuit *circuit;
    Log *log; /* (nullable) not owned; read-only once others use this */
};

static Provider *provider_new(const PlacesOptions *options, GError **error)
{
    switch (options->provider) {
    case PROVIDER_EMBEDDED:
        return embedded_new(options->type, error);
    case PROVIDER_GOOGLE:
        return google_new(options, error);
    case PROVIDER_GOOGLE_LEGACY:
        return google_legacy_new(options, error);
    case PROVIDER_FILE:
        return file_new(options, error);
    case PROVIDER_OVERPASS:
        return overpass_new(options, error);
    default:
        g_assert_not_reached();
    }
}

Places *places_new(const PlacesOptions *options, GError **error)
{
    g_autoptr(Places) places = g_new0(Places, 1);

    atomic_init(&places->references, 1);
    places->cache = cache_new(options->cache_s);
    places->circuit = circuit_new(options->circuit_failures);
    places->provider = provider_new(options, error);
    if (places->provider == NULL)
        return NULL;
    if (options->fallback == FALLBACK_EMBEDDED) {
        places->fallback = embedded_new(options->type, error);
        if (places->fallback == NULL)
            return NULL;
    }
    return g_steal_pointer(&places);
}

static void provider_free(Provider *provider)
{
    if (provider != NULL)
        provider->class->free(provider);
}

Places *places_ref(Places *places)
{
    atomic_fetch_add_explicit(&places->references, 1, memory_order_relaxed);
    return places;
}

void places_unref(Places *places)
{
    if (places == NULL ||
        atomic_fetch_sub_explicit(&places->references, 1, memory_order_acq_rel) > 1)
        return;
    provider_free(places->provider);
    provider_free(places->fallback);
    circuit_free(places->circuit);
    cache_free(places->cache);
    g_free(places);
}

bool places_reload(Places *places, GError **error)
{
    Provider *provider = places->provider;

    return provider->class->reload == NULL || provider->class->reload(provider, error);
}

bool places_is_outdated(Places *places)
{
    Provider *provider = places->provider;

    return provider->class->is_outdated != NULL && provider->class->is_outdated(provider);
}

char *places_describe(Places *places)
{
    Provider *provider = places->provider;

    return provider->class->describe == NULL ? NULL : provider->class->describe(provider);
}

void places_set_log(Places *places, Log *log)
{
    places->log = log;
    circuit_set_log(places->circuit, log);
}

static bool is_good(PlacesStatus status)
{
    return status == PLACES_OK || status == PLACES_ZERO_RESULTS;
}

/* What the provider is not asked for is counted, and as often as somebody wants it. */
static void log_failure(const Places *places, PlacesStatus status, const ProviderFailure *failure)
{
    if (places->log != NULL && !failure->not_asked)
        log_event(places->log, LOG_WARNING, "places lookup failed: %s: %s",
                  places_status_name(status), failure->message);
}

/* Appends what the fallback knows, and that it is not the provider who says so. */
static PlacesStatus fall_back(Places *places, const PlacesQuery *query, const char *why,
                              GString *json)
{
    g_autoptr(GString) answer = g_string_new(NULL);
    g_autoptr(JsonTree) tree = NULL;
    g_autofree char *text = g_strdup_printf("These are the built-in places. %s", why);
    ProviderFailure failure = {0};
    PlacesStatus status =
        places->fallback->class->nearby(places->fallback, query, answer, &failure);
    JsonTreeOutcome parsed =
        jsontree_parse((Slice){.data = answer->str, .length = answer->len}, &tree);

    g_assert(is_good(status) && parsed == JSONTREE_OK); /* it is part of this program */
    JsonValue *infos = jsontree_add(tree, jsontree_root(tree), SLICE("info_messages"), JSON_ARRAY);
    jsontree_add_text(tree, infos, (Slice){0}, JSON_STRING, slice_of(text));
    jsonlayout_append(json, jsontree_root(tree), 0);
    counters_add(COUNT_LOOKUPS_FALLBACK, 1);
    return status;
}

/* Makes an answer of @failure, with @status. @json is @begin bytes long without what the provider
 * has said to it. */
static PlacesStatus append_failed(Places *places, const PlacesQuery *query, PlacesStatus status,
                                  const ProviderFailure *failure, gsize begin, GString *json)
{
    if (places->fallback != NULL) {
        g_string_truncate(json, begin);
        return fall_back(places, query, failure->message, json);
    }
    if (json->len == begin)
        places_append_failure(json, status, failure->message);
    return status;
}

/* As places_at_once(), of a provider that blocks. */
static bool spare(Places *places, const PlacesQuery *query, GString *json, PlacesStatus *ret_status)
{
    g_auto(ProviderFailure) failure = {0};
    int64_t now_ms = monotonic_ms();

    if (cache_get(places->cache, now_ms, query, json, ret_status)) {
        counters_add(COUNT_LOOKUPS_CACHED, 1);
        return true;
    }
    if (circuit_refuses(places->circuit, now_ms, ret_status, &failure)) {
        counters_add(COUNT_LOOKUPS_SPARED, 1);
        *ret_status = append_failed(places, query, *ret_status, &failure, json->len, json);
        return true;
    }
    return false;
}

bool places_at_once(Places *places, const PlacesQuery *query, GString *json,
                    PlacesStatus *ret_status)
{
    Provider *provider = places->provider;

    /* PROTOCOL R10: nothing can be in the answer, so nobody is asked. */
    if (query->bound == 0 || query->radius == 0) {
        *ret_status = PLACES_ZERO_RESULTS;
        answer_append_empty(json, PLACES_ZERO_RESULTS, NULL);
        return true;
    }
    if (provider->class->blocks)
        return spare(places, query, json, ret_status);

    g_auto(ProviderFailure) failure = {0};
    gsize begin = json->len;
    *ret_status = provider->class->nearby(provider, query, json, &failure);
    if (!is_good(*ret_status))
        *ret_status = append_failed(places, query, *ret_status, &failure, begin, json);
    return true;
}

/* As the provider's nearby(). A body within HTTP_BODY_MAX may still be deep arrays with a
 * value a line, or all <, and so ten to a hundred times as large in our layout; and all who wait
 * for it get a copy. */
static PlacesStatus ask(Places *places, const PlacesQuery *query, GString *json,
                        ProviderFailure *failure)
{
    gsize begin = json->len;
    PlacesStatus status = places->provider->class->nearby(places->provider, query, json, failure);

    if (json->len - begin <= ANSWER_MAX)
        return status;
    g_string_truncate(json, begin);
    return provider_fail(failure, PLACES_UNKNOWN_ERROR,
                         "The answer of the places provider is too large when it is laid out.");
}

PlacesStatus places_nearby(Places *places, const PlacesQuery *query, GString *json)
{
    g_auto(ProviderFailure) failure = {0};
    gsize begin = json->len;
    PlacesStatus status;
    CircuitPass pass;

    if (places_at_once(places, query, json, &status))
        return status;

    bool asks = circuit_enter(places->circuit, monotonic_ms(), &pass, &status, &failure);
    if (asks) {
        counters_add(COUNT_LOOKUPS, 1);
        status = ask(places, query, json, &failure);
        if (!is_good(status))
            log_failure(places, status, &failure);
        circuit_leave(places->circuit, monotonic_ms(), pass, status, &failure);
    } else { /* another one has become the trial since */
        counters_add(COUNT_LOOKUPS_SPARED, 1);
    }
    if (!is_good(status)) {
        status = append_failed(places, query, status, &failure, begin, json);
        counters_add(COUNT_LOOKUPS_FAILED, asks && !is_good(status));
        return status;
    }
    cache_put(places->cache, monotonic_ms(), query,
              (Slice){.data = json->str + begin, .length = json->len - begin}, status);
    return status;
}

PlacesStatus places_refuse(Places *places, const PlacesQuery *query, GString *json)
{
    g_auto(ProviderFailure) failure = {.not_asked = true};

    provider_fail(&failure, PLACES_OVER_QUERY_LIMIT,
                  "This server has too many lookups waiting; try again later.");
    return append_failed(places, query, PLACES_OVER_QUERY_LIMIT, &failure, json->len, json);
}

char *places_left_alone(Places *places, int64_t now_ms)
{
    g_auto(ProviderFailure) failure = {0};
    PlacesStatus status;

    if (!circuit_refuses(places->circuit, now_ms, &status, &failure))
        return NULL;
    return g_steal_pointer(&failure.message);
}

void places_sweep(Places *places, int64_t now_ms)
{
    cache_sweep(places->cache, now_ms);
}
