/* SPDX-License-Identifier: MIT */
#include "places/cache.h"

#include "core/thread.h"

typedef struct {
    PlacesQuery query; /* rounded; the first member: entries are found by it */
    int64_t until;
    PlacesStatus status;
    size_t length;
    char answer[]; /* JSON */
} Entry;

struct Cache {
    int64_t lifetime_ms; /* read-only after new */

    pthread_mutex_t lock;
    GHashTable *entries; /* set of Entry owned by ages, found by PlacesQuery; protected by lock */
    GQueue ages;         /* of owned Entry, the oldest first; protected by lock */
    size_t bytes;        /* of the answers; protected by lock */
};

Cache *cache_new(unsigned seconds)
{
    Cache *cache = g_new0(Cache, 1);

    cache->lifetime_ms = (int64_t)seconds * 1000;
    pthread_mutex_init(&cache->lock, NULL);
    cache->entries = g_hash_table_new(places_query_hash, places_query_equal);
    g_queue_init(&cache->ages);
    return cache;
}

void cache_free(Cache *cache)
{
    if (cache == NULL)
        return;
    g_hash_table_unref(cache->entries);
    g_queue_clear_full(&cache->ages, g_free);
    pthread_mutex_destroy(&cache->lock);
    g_free(cache);
}

static int64_t round_to_grid(int64_t nanodegrees)
{
    int64_t half = nanodegrees < 0 ? -CACHE_GRID / 2 : CACHE_GRID / 2;

    return (nanodegrees + half) / CACHE_GRID * CACHE_GRID;
}

static PlacesQuery rounded(const PlacesQuery *query)
{
    PlacesQuery key = *query;

    key.center.latitude = round_to_grid(key.center.latitude);
    key.center.longitude = round_to_grid(key.center.longitude);
    return key;
}

/* With cache->lock held. */
static void drop_oldest_unlocked(Cache *cache)
{
    Entry *entry = g_queue_pop_head(&cache->ages);

    /* A newer one may have taken its place. */
    if (g_hash_table_lookup(cache->entries, &entry->query) == entry)
        g_hash_table_remove(cache->entries, &entry->query);
    cache->bytes -= entry->length;
    g_free(entry);
}

/* With cache->lock held. */
static void drop_old_unlocked(Cache *cache, int64_t now_ms)
{
    for (const Entry *oldest = g_queue_peek_head(&cache->ages);
         oldest != NULL && oldest->until <= now_ms; oldest = g_queue_peek_head(&cache->ages))
        drop_oldest_unlocked(cache);
}

bool cache_get(Cache *cache, int64_t now_ms, const PlacesQuery *query, GString *json,
               PlacesStatus *ret_status)
{
    if (cache->lifetime_ms == 0)
        return false;

    PlacesQuery key = rounded(query);
    mutex_lock(&cache->lock);
    drop_old_unlocked(cache, now_ms);
    const Entry *entry = g_hash_table_lookup(cache->entries, &key);
    if (entry != NULL) {
        g_string_append_len(json, entry->answer, (gssize)entry->length);
        *ret_status = entry->status;
    }
    mutex_unlock(&cache->lock);
    return entry != NULL;
}

void cache_put(Cache *cache, int64_t now_ms, const PlacesQuery *query, Slice answer,
               PlacesStatus status)
{
    if (cache->lifetime_ms == 0 || answer.length > CACHE_BYTES_MAX)
        return;

    Entry *entry = g_malloc(sizeof *entry + answer.length);
    *entry = (Entry){.query = rounded(query),
                     .until = now_ms + cache->lifetime_ms,
                     .status = status,
                     .length = answer.length};
    memcpy(entry->answer, answer.data, answer.length);

    mutex_lock(&cache->lock);
    drop_old_unlocked(cache, now_ms);
    g_hash_table_add(cache->entries, entry);
    g_queue_push_tail(&cache->ages, entry);
    cache->bytes += entry->length;
    while (cache->ages.length > CACHE_ENTRIES_MAX || cache->bytes > CACHE_BYTES_MAX)
        drop_oldest_unlocked(cache);
    mutex_unlock(&cache->lock);
}

void cache_sweep(Cache *cache, int64_t now_ms)
{
    mutex_lock(&cache->lock);
    drop_old_unlocked(cache, now_ms);
    mutex_unlock(&cache->lock);
}
