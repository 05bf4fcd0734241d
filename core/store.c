/* SPDX-License-Identifier: MIT */
#include "core/store.h"

#include <stdatomic.h>

/*
 * Sixteen shards are enough for two cores not to wait for each other; there are more so that
 * store_collect() holds each lock for a small part of a large store, and comparing is about small
 * parts. Each begins a cache line, so that taking one lock does not slow its neighbour's.
 */
typedef struct {
    GRWLock lock;
    GHashTable *records;         /* set of owned Record, found by RecordKey; protected by lock */
    uint64_t sums[STORE_LEAVES]; /* of the digests of each leaf's records; protected by lock */
} __attribute__((aligned(64))) Shard;

struct Store {
    _Atomic int64_t horizon; /* seconds; atomic */
    atomic_size_t size;      /* atomic; changes only when a client comes or goes */
    Shard shards[STORE_SHARDS];
};

static unsigned shard_of_place(unsigned place)
{
    return place / STORE_LEAVES;
}

static unsigned leaf_of(const Record *record)
{
    return record_place(record) % STORE_LEAVES;
}

unsigned store_shard_of(const Record *record)
{
    return shard_of_place(record_place(record));
}

Store *store_new(void)
{
    Store *store = g_aligned_alloc0(1, sizeof *store, 64);

    atomic_init(&store->horizon, INT64_MIN);
    atomic_init(&store->size, 0);
    for (unsigned i = 0; i < STORE_SHARDS; i++) {
        g_rw_lock_init(&store->shards[i].lock);
        store->shards[i].records = g_hash_table_new(record_key_hash, record_key_equal);
    }
    return store;
}

void store_free(Store *store)
{
    if (store == NULL)
        return;
    for (unsigned i = 0; i < STORE_SHARDS; i++) {
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

static bool has_expired(const Store *store, const Record *record)
{
    return record_time(record).seconds <
           atomic_load_explicit(&store->horizon, memory_order_relaxed);
}

/* One more client. FALSE: there are @most. */
static bool make_room(Store *store, size_t most)
{
    size_t before = atomic_fetch_add_explicit(&store->size, 1, memory_order_relaxed);

    if (most == 0 || before < most)
        return true;
    atomic_fetch_sub_explicit(&store->size, 1, memory_order_relaxed);
    return false;
}

StoreOutcome store_put(Store *store, Record *record, size_t most)
{
    Shard *shard = &store->shards[store_shard_of(record)];
    uint64_t *sum = &shard->sums[leaf_of(record)];
    Record *superseded = NULL;
    StoreOutcome outcome = STORE_STORED;

    if (has_expired(store, record))
        return STORE_EXPIRED;

    g_rw_lock_writer_lock(&shard->lock);
    Record *known = g_hash_table_lookup(shard->records, record);
    if (known != NULL) {
        int order = record_compare(record, known);

        if (order <= 0)
            outcome = order < 0 ? STORE_STALE : STORE_DUPLICATE;
    } else if (!make_room(store, most)) {
        outcome = STORE_FULL;
    }
    if (outcome == STORE_STORED) {
        if (known != NULL)
            *sum -= record_digest(known);
        *sum += record_digest(record);
        g_hash_table_add(shard->records, record_ref(record));
        superseded = known;
    }
    g_rw_lock_writer_unlock(&shard->lock);
    record_unref(superseded); /* not under the lock: it may be freed */
    return outcome;
}

Record *store_get(Store *store, Slice client)
{
    RecordKey key = record_key(client);
    Shard *shard = &store->shards[shard_of_place(record_place_of(client))];

    g_rw_lock_reader_lock(&shard->lock);
    Record *record = g_hash_table_lookup(shard->records, &key);
    if (record != NULL && has_expired(store, record))
        record = NULL;
    if (record != NULL)
        record_ref(record);
    g_rw_lock_reader_unlock(&shard->lock);
    return record;
}

void store_leaf_sums(Store *store, unsigned shard, uint64_t sums[static STORE_LEAVES])
{
    Shard *s = &store->shards[shard];

    g_rw_lock_reader_lock(&s->lock);
    memcpy(sums, s->sums, sizeof s->sums);
    g_rw_lock_reader_unlock(&s->lock);
}

void store_shard_sums(Store *store, uint64_t sums[static STORE_SHARDS])
{
    for (unsigned i = 0; i < STORE_SHARDS; i++) {
        uint64_t leaves[STORE_LEAVES];

        store_leaf_sums(store, i, leaves);
        sums[i] = 0;
        for (unsigned k = 0; k < STORE_LEAVES; k++)
            sums[i] += leaves[k];
    }
}

uint64_t store_sum(Store *store)
{
    uint64_t sums[STORE_SHARDS], sum = 0;

    store_shard_sums(store, sums);
    for (unsigned i = 0; i < STORE_SHARDS; i++)
        sum += sums[i];
    return sum;
}

void store_collect(Store *store, unsigned shard, uint64_t leaves, GPtrArray *records)
{
    GHashTableIter iter;
    void *pointer;
    Shard *s = &store->shards[shard];

    g_rw_lock_reader_lock(&s->lock);
    g_hash_table_iter_init(&iter, s->records);
    while (g_hash_table_iter_next(&iter, &pointer, NULL)) {
        Record *record = pointer;

        if ((leaves >> leaf_of(record) & 1) != 0 && !has_expired(store, record))
            g_ptr_array_add(records, record_ref(record));
    }
    g_rw_lock_reader_unlock(&s->lock);
}

void store_set_horizon(Store *store, int64_t seconds)
{
    atomic_store_explicit(&store->horizon, seconds, memory_order_relaxed);
}

void store_sweep(Store *store, unsigned shard, GPtrArray *removed)
{
    Shard *s = &store->shards[shard];
    unsigned before = removed->len;
    GHashTableIter iter;
    void *record;

    g_rw_lock_writer_lock(&s->lock);
    g_hash_table_iter_init(&iter, s->records);
    while (g_hash_table_iter_next(&iter, &record, NULL)) {
        if (!has_expired(store, record))
            continue;
        s->sums[leaf_of(record)] -= record_digest(record);
        g_hash_table_iter_remove(&iter);
        g_ptr_array_add(removed, record);
    }
    g_rw_lock_writer_unlock(&s->lock);
    atomic_fetch_sub_explicit(&store->size, removed->len - before, memory_order_relaxed);
}

size_t store_size(Store *store)
{
    return atomic_load_explicit(&store->size, memory_order_relaxed);
}
