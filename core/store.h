/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The newest record of every client: a power of two of shards, each {GRWLock, GHashTable}.
 *
 * A shard is made of leaves. Which leaf of which shard a client belongs to is the same on every
 * member (record_place()), and each leaf knows the sum of its records' digests, so two members find
 * out what they differ in by comparing sums: whatever the order in which they were told, equal
 * records make equal sums.
 *
 * Records expire: one whose time lies before the horizon is not taken, not found and not collected,
 * whoever brings it, and store_sweep() removes it some time later; until then sums still have it.
 *
 * Locking. Every operation takes the lock of one shard at a time and no other lock: put and sweep
 * as a writer, the others as a reader. What happens under it is a hash lookup and a pointer swap,
 * sums of one shard, or for collect and sweep a walk over one shard's records; never I/O, never a
 * free. A lock is a leaf of the lock order (ARCHITECTURE.md). Which of readers and writers goes
 * first is the system's affair; the sections are too short for it to matter.
 *
 * Weakness: places are no secret, so somebody who chooses client IDs can put them all into one
 * shard, whose lock collect and sweep then hold for longer than the fraction of a millisecond that
 * they hold it among a few million clients.
 */

#include "core/record.h"
#include "core/slice.h"

#include <glib.h>

#define STORE_SHARD_BITS 10
#define STORE_SHARDS     (1u << STORE_SHARD_BITS)
#define STORE_LEAVES \
    (RECORD_PLACES / STORE_SHARDS) /* a shard; 64, so that a set of leaves is a uint64_t */

typedef struct Store Store;

typedef enum {
    STORE_STORED,    /* newer than what was there: it is there now */
    STORE_STALE,     /* what is there is newer */
    STORE_DUPLICATE, /* it is there already */
    STORE_EXPIRED,   /* its time lies before the horizon */
    STORE_FULL,      /* its client is new, and there is no room for one more */
} StoreOutcome;

Store *store_new(void);
void store_free(Store *store); /* no other thread uses it any more */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Store, store_free)

/* Keeps @record, with a reference of its own, if it is newer than its client's (PROTOCOL R9, R21).
 * A client that is not there yet is refused when @most are; 0: never. Any thread. */
StoreOutcome store_put(Store *store, Record *record, size_t most);

/* The newest record of @client, or NULL. (transfer full). Any thread. */
Record *store_get(Store *store, Slice client);

/* The shard of @record's client, 0 to STORE_SHARDS - 1. */
unsigned store_shard_of(const Record *record);

/* The sum of everything, part by part. Any thread. */
uint64_t store_sum(Store *store);

/* The sum of each shard. One shard is of one moment; all of them are not. Any thread. */
void store_shard_sums(Store *store, uint64_t sums[static STORE_SHARDS]);

/* The sum of each leaf of @shard, all of one moment. Any thread. */
void store_leaf_sums(Store *store, unsigned shard, uint64_t sums[static STORE_LEAVES]);

/* Appends a reference to each record of those @leaves (bit i: leaf i) of @shard to @records (owned
 * Record). Any thread. */
void store_collect(Store *store, unsigned shard, uint64_t leaves, GPtrArray *records);

/* From now on records of a time before @seconds (since 1970) have expired. Any thread. */
void store_set_horizon(Store *store, int64_t seconds);

/* Removes what has expired from @shard and appends it to @removed (owned Record). Any thread. */
void store_sweep(Store *store, unsigned shard, GPtrArray *removed);

/* How many records there are; of use only as a figure, since it may be old when it is returned. Any
 * thread. */
size_t store_size(Store *store);
