/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a provider is to places.c. A provider's own struct begins with a Provider; its constructor
 * fills it in.
 */

#include "places/http/httpclient.h"
#include "places/json/jsontree.h"
#include "places/places.h"

typedef struct Provider Provider;

/* Why a lookup has no good answer. */
typedef struct {
    char *message;          /* (owned) a sentence without key, URL or path */
    unsigned retry_after_s; /* that the provider wants to be left alone, even if what it has said
                               was enough for an answer; 0: it does not say */
    bool not_asked;         /* it failed on this side: says nothing about the provider */
} ProviderFailure;

void provider_failure_clear(ProviderFailure *failure);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ProviderFailure, provider_failure_clear)

typedef struct {
    bool blocks; /* nearby() may wait for somebody else, rather than compute */

    /*
     * As places_nearby(), with bound and radius above 0, and with no answer yet where that has
     * failed: for a status other than OK and ZERO_RESULTS @failure is filled in, and @json is as it
     * was, or has the provider's own words in the shape of R15. @failure is zero when it comes.
     */
    PlacesStatus (*nearby)(Provider *provider, const PlacesQuery *query, GString *json,
                           ProviderFailure *failure);

    /* (nullable) places_reload(). */
    bool (*reload)(Provider *provider, GError **error);

    /* (nullable) places_is_outdated(). */
    bool (*is_outdated)(Provider *provider);

    /* (nullable) places_describe(). */
    char *(*describe)(Provider *provider);

    /* Called by one thread, after all others that used the provider have ended. */
    void (*free)(Provider *provider);
} ProviderClass;

struct Provider {
    const ProviderClass *class; /* read-only after new */
};

/* Each: (transfer full), or NULL with @error set. */
Provider *embedded_new(const char *type, GError **error); /* only places of @type (nullable) */
Provider *google_new(const PlacesOptions *options, GError **error);
Provider *file_new(const PlacesOptions *options, GError **error);
Provider *google_legacy_new(const PlacesOptions *options, GError **error);
Provider *overpass_new(const PlacesOptions *options, GError **error);

/* What a provider says of its failure is told to all who ask as long as it is left alone. */
#define PROVIDER_MESSAGE_MAX 1000 /* bytes */

/* Fills in @failure; a message longer than PROVIDER_MESSAGE_MAX is cut, and ends in "...". Returns
 * @status. */
PlacesStatus provider_fail(ProviderFailure *failure, PlacesStatus status, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* The same for a request that came to @outcome, which is not HTTP_ANSWERED. */
PlacesStatus provider_fail_http(ProviderFailure *failure, const HttpClient *client,
                                HttpOutcome outcome);

/* The same for an answer with an HTTP status other than 200 whose body says no more. */
PlacesStatus provider_fail_status(ProviderFailure *failure, const HttpReply *reply);

/* The same for a body that is not what was asked for: @parsed tells why, where it is not
 * JSONTREE_OK; @what names what it should be ("a Nearby Search answer"). */
PlacesStatus provider_fail_body(ProviderFailure *failure, JsonTreeOutcome parsed, const char *what);
