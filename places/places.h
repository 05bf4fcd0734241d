/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What is near a location: one interface, several providers.
 *
 * A Places is made by main and then used by any number of workers at once; what its providers share
 * is read-only or locked inside, and what they do not share (a CURL easy handle) is each thread's
 * own. Whoever may be the last to use it has a reference; places-current.h swaps it for another.
 *
 * In front of a provider that asks over the network stand a cache (cache.h), which is off unless
 * asked for, and a circuit breaker (circuit.h); behind it, if it fails, perhaps a fallback.
 */

#include "core/config.h"
#include "core/log.h"
#include "core/query.h"

#include <glib.h>
#include <stdbool.h>

#define HERD_PLACES_ERROR (herd_places_error_quark())
GQuark herd_places_error_quark(void);

typedef enum {
    HERD_PLACES_ERROR_KEY,     /* no API key, or its file cannot be read */
    HERD_PLACES_ERROR_URL,     /* not scheme://host:port, or another scheme than http or https */
    HERD_PLACES_ERROR_DATA,    /* the places data cannot be used */
    HERD_PLACES_ERROR_DISK,    /* a file cannot be read or written */
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
Places *places_ref(Places *places); /* (transfer full). Any thread */
void places_unref(Places *places);  /* NULL is fine. Any thread */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Places, places_unref)

/* What happens to the provider is logged from now on. @log outlives @places. Called by main, before
 * other threads use it. */
void places_set_log(Places *places, Log *log);

/* Reads data anew that is the operator's own; providers without such data have nothing to do.
 * Lookups go on meanwhile. FALSE with @error set: what there was stays. Called from main; may block
 * on the disk. */
bool places_reload(Places *places, GError **error);

/* Whether places_new() by the same options would come to something else that places_reload() does
 * not see to: another API key. Called from main; may block on the disk. */
bool places_is_outdated(Places *places);

/* Which data of the operator's own there is, for the log; NULL where there is none. (transfer full)
 */
char *places_describe(Places *places);

/*
 * Appends to @json what is near @query in the layout of PROTOCOL R14 (no LF at its end, no empty
 * line in it). What goes wrong is an answer too (R15); the outcome says so for the caller's log.
 * Never asks a provider when bound or radius is 0 (R10). Called from any thread, no lock held; may
 * block for timeout_ms.
 */
PlacesStatus places_nearby(Places *places, const PlacesQuery *query, GString *json);

/* The same if nobody else has to be waited for: there is nothing to ask, or it is known here, or
 * the provider is not asked now. FALSE: there is, and nothing is appended; so places_nearby() wants
 * to be fenced. Does not block. */
bool places_at_once(Places *places, const PlacesQuery *query, GString *json,
                    PlacesStatus *ret_status);

/* Appends what @query gets that is not asked, since too many wait: OVER_QUERY_LIMIT (R15), or what
 * the fallback knows. Does not block. */
PlacesStatus places_refuse(Places *places, const PlacesQuery *query, GString *json);

/* Why the provider is not asked now, a plain sentence; NULL: it is. (transfer full). @now_ms:
 * monotonic_ms(). Any thread. */
char *places_left_alone(Places *places, int64_t now_ms);

/* Drops what serves no more. @now_ms: monotonic_ms(). Any thread. */
void places_sweep(Places *places, int64_t now_ms);

/* Appends R15's answer with @status and @message, a plain sentence without key, URL or path. */
void places_append_failure(GString *json, PlacesStatus status, const char *message);

const char *places_status_name(PlacesStatus status);
