/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The parts of a running member that metrics and status look at. Looking stops nobody: each part
 * tells its figures under a lock of its own, for a moment, or without one.
 *
 * Read-only after its making; the parts outlive whoever looks.
 */

#include "cmd/rates.h"
#include "core/config-current.h"
#include "core/log.h"
#include "core/store.h"
#include "core/timestamp.h"
#include "net/active-set.h"
#include "net/connections.h"
#include "net/flood.h"
#include "net/lookups.h"

#include <stdatomic.h>
#include <stdint.h>

typedef struct {
    const ConfigCurrent *configs;
    Store *store;
    Flood *flood;
    Connections *connections;
    ActiveSet *active;
    Lookups *lookups;
    Log *log;
    Rates *rates;
    Timestamp started;
    int64_t started_ns;          /* the same by monotonic_ns() */
    const atomic_bool *stopping; /* the member has begun to stop */

    void *self; /* handed to the functions */

    /* What stands still that should move, in a line; NULL: nothing does. (transfer full). Any
     * thread. */
    char *(*standstill)(void *self);

    /* Why the places provider is not asked now; NULL: it is. (transfer full). Any thread. */
    char *(*places_left_alone)(void *self);
} Parts;
