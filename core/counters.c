/* SPDX-License-Identifier: MIT */
#include "core/counters.h"

#include "core/thread.h"

#include <stdatomic.h>

typedef struct Block {
    struct Block *next; /* read-only once it is in the list */
    /* atomic; written by one thread alone */
    atomic_uint_fast64_t values[COUNTERS];
} __attribute__((aligned(64))) Block;

/* Every block ever made: blocks outlive their threads, whose share still counts. atomic; only ever
 * grows. */
static _Atomic(Block *) blocks;

/* initial-exec: this is part of a program, never of a library that is loaded later, so to find it
 * takes no call. */
static _Thread_local Block *own __attribute__((tls_model("initial-exec")));

/* Apart, so that later ones do not pay for it. */
static G_GNUC_NO_INLINE void add_first(Counter counter, uint64_t amount)
{
    own = g_aligned_alloc0(1, sizeof *own, 64);
    own->next = atomic_load(&blocks);
    while (!atomic_compare_exchange_weak(&blocks, &own->next, own))
        ;
    counters_add(counter, amount);
}

void counters_add(Counter counter, uint64_t amount)
{
    if (own == NULL) {
        add_first(counter, amount);
        return;
    }
    atomic_uint_fast64_t *value = &own->values[counter];

    /* One writer: a load and a store do, without the cost of an atomic addition. */
    atomic_store_explicit(value, atomic_load_explicit(value, memory_order_relaxed) + amount,
                          memory_order_relaxed);
}

uint64_t counters_read(Counter counter)
{
    uint64_t sum = 0;

    for (Block *block = atomic_load(&blocks); block != NULL; block = block->next)
        sum += atomic_load_explicit(&block->values[counter], memory_order_relaxed);
    return sum;
}

const char *counters_name(Counter counter)
{
    static const char *const names[COUNTERS] = {
        [COUNT_IAMAT] = "iamat",
        [COUNT_WHATSAT] = "whatsat",
        [COUNT_INVALID] = "invalid",
        [COUNT_STALE] = "stale",
        [COUNT_CONNECTIONS] = "connections",
        [COUNT_CONNECTIONS_REFUSED] = "connections_refused",
        [COUNT_CONNECTIONS_REFUSED_ADDRESS] = "connections_refused_address",
        [COUNT_TIMEOUTS_IDLE] = "timeouts_idle",
        [COUNT_TIMEOUTS_LINE] = "timeouts_line",
        [COUNT_TIMEOUTS_WRITE] = "timeouts_write",
        [COUNT_TIMEOUTS] = "timeouts",
        [COUNT_LINES_SLOWED] = "lines_slowed",
        [COUNT_LINES_TOO_FAST] = "lines_too_fast",
        [COUNT_MEMORY_REFUSED] = "memory_refused",
        [COUNT_HANDSHAKES] = "handshakes",
        [COUNT_HANDSHAKES_FAILED] = "handshakes_failed",
        [COUNT_HANDSHAKES_REFUSED] = "handshakes_refused",
        [COUNT_HELLOS_REFUSED] = "hellos_refused",
        [COUNT_ACCESS_REFUSED] = "access_refused",
        [COUNT_RELOADS] = "reloads",
        [COUNT_RELOADS_REFUSED] = "reloads_refused",
        [COUNT_LOOKUPS] = "lookups",
        [COUNT_LOOKUPS_MERGED] = "lookups_merged",
        [COUNT_LOOKUPS_REFUSED] = "lookups_refused",
        [COUNT_LOOKUPS_FAILED] = "lookups_failed",
        [COUNT_LOOKUPS_CACHED] = "lookups_cached",
        [COUNT_LOOKUPS_SPARED] = "lookups_spared",
        [COUNT_LOOKUPS_FALLBACK] = "lookups_fallback",
        [COUNT_PROVIDER_CALLS] = "provider_calls",
        [COUNT_CALLS_OVER_BUDGET] = "calls_over_budget",
        [COUNT_CIRCUIT_OPENED] = "circuit_opened",
        [COUNT_UPDATES_TAKEN] = "updates_taken",
        [COUNT_UPDATES_DROPPED] = "updates_dropped",
        [COUNT_UPDATES_SENT] = "updates_sent",
        [COUNT_UPDATES_CONFLATED] = "updates_conflated",
        [COUNT_SYNCS_TAKEN] = "syncs_taken",
        [COUNT_SYNCS_DROPPED] = "syncs_dropped",
        [COUNT_SYNCS_SENT] = "syncs_sent",
        [COUNT_DIVERGED] = "diverged",
        [COUNT_FOREIGN_TAKEN] = "foreign_taken",
        [COUNT_FOREIGN_DROPPED] = "foreign_dropped",
        [COUNT_EXPIRED] = "expired",
        [COUNT_RECORDS_REFUSED] = "records_refused",
        [COUNT_LINKS_UP] = "links_up",
        [COUNT_LINKS_DOWN] = "links_down",
        [COUNT_LINK_TRIES_FAILED] = "link_tries_failed",
        [COUNT_STATE_SAVED] = "state_saved",
        [COUNT_STATE_LATE] = "state_late",
    };

    return names[counter];
}
