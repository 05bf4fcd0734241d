/* SPDX-License-Identifier: MIT */
#include "core/store.h"

/*
 * Sixteen shards are enough for two cores not to wait for each other; there are more so that
 * store_collect() holds each lock for a small part of a large store.
 */
#define SHARD_BITS 8
#define SHARDS     (1u << SHARD_BITS)

/* A cache line each, so that taking one lock does not slow its neighbour's. */
typedef struct {
    GRWLock lock;
    GHashTable *records; /* set of owned Record, found by RecordKey; protected by lock */
} __attribute__((aligned(64))) Shard;

struct Store {
    Shard shards[SHARDS];
};

/* The top bits: GHashTable uses the lower ones. */
static Shard *shard_of(Store *store, const RecordKey *key)
{
    return &store->shards[key->hash >> (32 - SHARD_BITS)];
}

Store *store_new(void)
{
    Store *store = g_aligned_alloc0(1, sizeof *store, 64);

    for (unsigned i = 0; i < SHARDS; i++) {
        g_rw_lock_init(&store->shards[i].lock);
        store->shards[i].records = g_hash_table_new(record_key_hash, record_key_equal);
    }
    return store;
}

void store_free(Store *store)
{
    if (store == NULL)
        return;
    for (unsigned i = 0; i < SHARDS; i++) {
        GHashTableIter iter;
        void *record;

        g_hash_table_iter_init(&iter, store->shards[i].records);
        while (g_hash_table_iter_next(&iter, &record, NULL))
            record_unref(record);
        g_hash_table_unref(store->shards[i].records);
        g_rw_lock_clear(&store->shards[i].lock);
    }
    g_aligned_free(store);
}

StoreOutcome store_put(Store *store, Record *record)
{
    RecordKey key = record_key(record_client(record));
    Shard *shard = shard_of(store, &key);
    g_autoptr(Record) superseded = NULL; /* freed after the lock is given back */
    int order = 1;

    g_rw_lock_writer_lock(&shard->lock);
    superseded = g_hash_table_lookup(shard->records, &key);
    if (superseded != NULL)
        order = record_compare(record, superseded);
    if (order > 0)
        g_hash_table_add(shard->records, record_ref(record));
    g_rw_lock_writer_unlock(&shard->lock);

    if (order > 0)
        return STORE_STORED;
    superseded = NULL;
    return order < 0 ? STORE_STALE : STORE_DUPLICATE;
}

Record *store_get(Store *store, Slice client)
{
    RecordKey key = record_key(client);
    Shard *shard = shard_of(store, &key);

    g_rw_lock_reader_lock(&shard->lock);
    Record *record = g_hash_table_lookup(shard->records, &key);
    if (record != NULL)
        record_ref(record);
    g_rw_lock_reader_unlock(&shard->lock);
    return record;
}

unsigned store_shards(const Store *store G_GNUC_UNUSED)
{
    return SHARDS;
}

void store_collect(Store *store, unsigned shard, GPtrArray *records)
{
    GHashTableIter iter;
    void *record;
    Shard *s = &store->shards[shard];

    g_rw_lock_reader_lock(&s->lock);
    g_hash_table_iter_init(&iter, s->records);
    while (g_hash_table_iter_next(&iter, &record, NULL))
        g_ptr_array_add(records, record_ref(record));
    g_rw_lock_reader_unlock(&s->lock);
}

size_t store_size(Store *store)
{
    size_t size = 0;

    for (unsigned i = 0; i < SHARDS; i++) {
        g_rw_lock_reader_lock(&store->shards[i].lock);
        size += g_hash_table_size(store->shards[i].records);
        g_rw_lock_reader_unlock(&store->shards[i].lock);
    }
    return size;
}
