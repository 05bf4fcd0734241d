/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What has happened so far, counted.
 *
 * Each thread counts in a block of cache lines of its own, so that counting costs no line that
 * another thread writes; reading sums the blocks. A figure may be a moment old, and figures read
 * together need not be of the same moment.
 */

#include <stdint.h>

typedef enum {
    COUNT_IAMAT,                       /* valid ones */
    COUNT_WHATSAT,                     /* valid ones of a known client */
    COUNT_INVALID,                     /* lines answered with "? " */
    COUNT_STALE,                       /* IAMATs that were not newer */
    COUNT_CONNECTIONS,                 /* accepted */
    COUNT_CONNECTIONS_REFUSED,         /* over max_connections */
    COUNT_CONNECTIONS_REFUSED_ADDRESS, /* over max_connections_per_address */
    COUNT_TIMEOUTS_IDLE,               /* connections closed by idle_timeout_s */
    COUNT_TIMEOUTS_LINE,               /* by line_timeout_s */
    COUNT_TIMEOUTS_WRITE,              /* by write_timeout_s */
    COUNT_TIMEOUTS,           /* by another limit of time: links and hellos, TLS handshakes */
    COUNT_LINES_SLOWED,       /* times that a connection waited because of max_lines_per_s */
    COUNT_LINES_TOO_FAST,     /* connections closed by max_lines_per_s */
    COUNT_MEMORY_REFUSED,     /* new clients refused, and connections closed, by max_memory_mb */
    COUNT_HANDSHAKES,         /* TLS handshakes that went well */
    COUNT_HANDSHAKES_FAILED,  /* TLS handshakes that did not, or took too long */
    COUNT_HANDSHAKES_REFUSED, /* over max_handshakes */
    COUNT_HELLOS_REFUSED,     /* of somebody who did not prove to be the neighbour */
    COUNT_ACCESS_REFUSED,     /* IAMATs of who may not report for that client */
    COUNT_RELOADS,            /* configurations taken by SIGHUP */
    COUNT_RELOADS_REFUSED,    /* configurations that were no good */
    COUNT_LOOKUPS,            /* asked of a provider that blocks */
    COUNT_LOOKUPS_MERGED,     /* answered by an equal one in flight */
    COUNT_LOOKUPS_REFUSED,    /* too many waiting, or too long */
    COUNT_LOOKUPS_FAILED,     /* answered with neither OK nor ZERO_RESULTS */
    COUNT_LOOKUPS_CACHED,     /* answered by an earlier one's answer */
    COUNT_LOOKUPS_SPARED,     /* not asked: the provider is being left alone */
    COUNT_LOOKUPS_FALLBACK,   /* answered by the fallback, whatever kept the provider from it */
    COUNT_PROVIDER_CALLS,     /* requests sent to the provider: what it may send a bill for */
    COUNT_CALLS_OVER_BUDGET,  /* requests not sent: max_calls_per_minute */
    COUNT_CIRCUIT_OPENED,     /* times that the provider began to be left alone */
    COUNT_UPDATES_TAKEN,      /* from neighbours, newer */
    COUNT_UPDATES_DROPPED,    /* from neighbours, not newer */
    COUNT_UPDATES_SENT,       /* to neighbours, one for each */
    COUNT_UPDATES_CONFLATED,  /* replaced by a newer one before they were sent */
    COUNT_SYNCS_TAKEN,        /* from neighbours, found by comparing, newer */
    COUNT_SYNCS_DROPPED,      /* the same, not newer */
    COUNT_SYNCS_SENT,         /* to neighbours */
    COUNT_DIVERGED, /* shards that differed from a neighbour's at two looks, which happens by chance
                       where much changes between them; mended */
    COUNT_FOREIGN_TAKEN,     /* from neighbours of other implementations, newer */
    COUNT_FOREIGN_DROPPED,   /* the same: not newer, a copy, or of no known form */
    COUNT_EXPIRED,           /* records older than record_ttl_s: removed, or not taken */
    COUNT_RECORDS_REFUSED,   /* of new clients, above max_records */
    COUNT_LINKS_UP,          /* times that a link to a neighbour came up */
    COUNT_LINKS_DOWN,        /* times that one went down */
    COUNT_LINK_TRIES_FAILED, /* times that one that was down could not be brought up */
    COUNT_STATE_SAVED,       /* records written into the state file */
    COUNT_STATE_LATE,        /* batches of them that took longer than state_sync_ms */
    COUNTERS,
} Counter;

/* Adds @amount to the calling thread's share of @counter. */
void counters_add(Counter counter, uint64_t amount);

/* The sum over all threads, ended ones included. Any thread. */
uint64_t counters_read(Counter counter);

/* A name in lower_case, for logs. */
const char *counters_name(Counter counter);
