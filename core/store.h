/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The newest record of every client: a power of two of shards, each {GRWLock, GHashTable}.
 *
 * Locking. Every operation takes the lock of one shard at a time and no other lock: put as a
 * writer, get and collect as a reader. What happens under it is a hash lookup and a pointer swap,
 * or for collect taking references; never I/O, never a free of more than one record. A lock is a
 * leaf of the lock order (ARCHITECTURE.md). Which of readers and writers goes first is the system's
 * affair; the sections are too short for it to matter.
 *
 * Weakness: store_collect() holds one shard's lock for as long as it takes to reference that
 * shard's records.
 */

#include "core/record.h"
#include "core/slice.h"

#include <glib.h>

typedef struct Store Store;

typedef enum {
    STORE_STORED,    /* newer than what was there: it is there now */
    STORE_STALE,     /* what is there is newer */
    STORE_DUPLICATE, /* it is there already */
} StoreOutcome;

Store *store_new(void);
void store_free(Store *store); /* no other thread uses it any more */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Store, store_free)

/* Keeps @record, with a reference of its own, if it is newer than its client's (PROTOCOL R9, R21).
 * Any thread. */
StoreOutcome store_put(Store *store, Record *record);

/* The newest record of @client, or NULL. (transfer full). Any thread. */
Record *store_get(Store *store, Slice client);

/* How many shards there are; they are numbered from 0. */
unsigned store_shards(const Store *store);

/* Appends a reference to each record of @shard to @records (owned Record). Any thread. */
void store_collect(Store *store, unsigned shard, GPtrArray *records);

/* How many records there are; of use only as a figure, since it may be old when it is returned. Any
 * thread. */
size_t store_size(Store *store);
