/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What is near a location: one interface, several providers.
 *
 * A Places is made once by main and then used by any number of workers at once; what its providers
 * share is read-only, and what they do not share (a CURL easy handle) is each thread's own, freed
 * when that thread ends. All threads that asked must have ended before places_free().
 */

#include "core/config.h"
#include "core/query.h"

#include <glib.h>
#include <stdbool.h>

#define HERD_PLACES_ERROR (herd_places_error_quark())
GQuark herd_places_error_quark(void);

typedef enum {
    HERD_PLACES_ERROR_KEY,     /* no API key, or its file cannot be read */
    HERD_PLACES_ERROR_URL,     /* not scheme://host:port, or another scheme than http or https */
    HERD_PLACES_ERROR_DATA,    /* the places data cannot be used */
    HERD_PLACES_ERROR_LIBRARY, /* a library that a provider needs does not start */
} HerdPlacesError;

/* `status` of an answer in Google's format. */
typedef enum {
    PLACES_OK,
    PLACES_ZERO_RESULTS,
    PLACES_INVALID_REQUEST,
    PLACES_OVER_QUERY_LIMIT,
    PLACES_REQUEST_DENIED,
    PLACES_UNKNOWN_ERROR,
} PlacesStatus;

typedef struct Places Places;

/* NULL with @error set. Called from main; reads the key, if the provider needs one. The key goes
 * nowhere else: no message, log or answer holds it. */
Places *places_new(const PlacesOptions *options, GError **error);
void places_free(Places *places);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Places, places_free)

/* Whether places_nearby() may block on somebody else (and so has to be fenced), rather than
 * compute. */
bool places_blocks(const Places *places);

/*
 * Appends to @json what is near @query in the layout of PROTOCOL R14 (no LF at its end, no empty
 * line in it). What goes wrong is an answer too (R15); the outcome says so for the caller's log.
 * Never asks a provider when bound or radius is 0 (R10). Called from any thread, no lock held;
 * blocks at most timeout_ms if places_blocks().
 */
PlacesStatus places_nearby(Places *places, const PlacesQuery *query, GString *json);

/* Appends R15's answer with @status and @message, a plain sentence without key, URL or path. */
void places_append_failure(GString *json, PlacesStatus status, const char *message);

const char *places_status_name(PlacesStatus status);
