/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The circuit breaker before a provider: one that has failed several times in a row, or that asks
 * to be left alone, is not asked for a while; lookups are then answered with its last failure, at
 * once.
 *
 *   closed  asked as ever. So many failures in a row open it.
 *   open    not asked until its pause is over: CIRCUIT_PAUSE_MIN_S, doubled each time it fails
 *           again, up to CIRCUIT_PAUSE_MAX_S; or as long as it has asked for (Retry-After, RFC 9110
 *           10.2.3), up to CIRCUIT_RETRY_AFTER_MAX_S.
 *   trial   one lookup asks; the others are still answered at once. It closes the circuit, or opens
 *           it again.
 *
 * What was under way when the circuit changed does not count any more. Any thread may use a
 * circuit; its mutex is a leaf but for the log's.
 */

#include "core/log.h"
#include "places/provider.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define CIRCUIT_PAUSE_MIN_S       1
#define CIRCUIT_PAUSE_MAX_S       60
#define CIRCUIT_RETRY_AFTER_MAX_S 86400

typedef struct Circuit Circuit;

/* A lookup that may ask. */
typedef struct {
    unsigned change; /* of the circuit's, the last one when it began */
} CircuitPass;

/* @failures in a row open it; 0: only the provider itself can, by Retry-After. (transfer full) */
Circuit *circuit_new(unsigned failures);
void circuit_free(Circuit *circuit); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Circuit, circuit_free)

/* Changes are logged from now on. @log outlives the circuit. Called before other threads use it. */
void circuit_set_log(Circuit *circuit, Log *log);

/* Whether a lookup that begins now may ask; then it ends with circuit_leave(). FALSE: it may not;
 * @ret_status and @failure say what to answer. @now_ms: monotonic_ms(). */
bool circuit_enter(Circuit *circuit, int64_t now_ms, CircuitPass *ret_pass,
                   PlacesStatus *ret_status, ProviderFailure *failure);

/* As circuit_enter(), but only whether it is FALSE: nothing begins. */
bool circuit_refuses(Circuit *circuit, int64_t now_ms, PlacesStatus *ret_status,
                     ProviderFailure *failure);

/* How the lookup ended. @failure counts for a status other than OK and ZERO_RESULTS; its
 * retry_after_s, with a message, for any. */
void circuit_leave(Circuit *circuit, int64_t now_ms, CircuitPass pass, PlacesStatus status,
                   const ProviderFailure *failure);
