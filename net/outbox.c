/* SPDX-License-Identifier: MIT */
#include "net/outbox.h"

#include "core/counters.h"

#include <glib.h>

#define BURST_MS 2 /* of what has not been sent in time */

struct Outbox {
    Store *store;
    GHashTable *news;    /* set of owned Record, found by RecordKey */
    GPtrArray *batch;    /* owned Record: news whose turn has come, sent from the end */
    GPtrArray *found;    /* owned Record, sent from the end */
    unsigned next_shard; /* of the store: what is found next */
    unsigned untold; /* shards from that one on, going round, that are to be found; found is empty
                        only if there are none */
    bool news_next;  /* where there are both */
    unsigned allowance; /* records found that may be sent now */
    int64_t allowed_at; /* monotonic_ms() when allowance was last added to */
    /* monotonic_ms() since when outbox_tick() has found each of them with something in it,
     * INT64_MAX if it has not; a batch has waited as long as the news that it was. */
    int64_t news_since;
    int64_t batch_since;
    int64_t found_since;
};

Outbox *outbox_new(Store *store)
{
    Outbox *outbox = g_new0(Outbox, 1);

    outbox->store = store;
    outbox->news_since = outbox->batch_since = outbox->found_since = INT64_MAX;
    outbox->news = g_hash_table_new_full(record_key_hash, record_key_equal,
                                         (GDestroyNotify)record_unref, NULL);
    outbox->found = g_ptr_array_new_with_free_func((GDestroyNotify)record_unref);
    outbox->batch = g_ptr_array_new_with_free_func((GDestroyNotify)record_unref);
    return outbox;
}

void outbox_free(Outbox *outbox)
{
    g_hash_table_unref(outbox->news);
    g_ptr_array_unref(outbox->found);
    g_ptr_array_unref(outbox->batch);
    g_free(outbox);
}

/* Whether the store, which has @record or newer by now, is still to be told of where it stands. */
static bool is_to_be_found(const Outbox *outbox, const Record *record)
{
    return (store_shard_of(record) - outbox->next_shard) % STORE_SHARDS < outbox->untold;
}

static void find_more(Outbox *outbox)
{
    while (outbox->found->len == 0 && outbox->untold > 0) {
        store_collect(outbox->store, outbox->next_shard, UINT64_MAX, outbox->found);
        outbox->next_shard = (outbox->next_shard + 1) % STORE_SHARDS;
        outbox->untold--;
    }
}

void outbox_add_store(Outbox *outbox)
{
    outbox->untold = STORE_SHARDS;
    find_more(outbox);
}

void outbox_add(Outbox *outbox, Record *record)
{
    if (is_to_be_found(outbox, record))
        return;

    Record *older = g_hash_table_lookup(outbox->news, record);
    if (older != NULL) {
        counters_add(COUNT_UPDATES_CONFLATED, 1);
        if (record_compare(record, older) <= 0)
            return;
    }
    g_hash_table_add(outbox->news, record_ref(record));
}

GPtrArray *outbox_found(Outbox *outbox)
{
    return outbox->found;
}

/* The news that is to be sent next, or NULL. A client that has moved while its turn came is told
 * about once. */
static const Record *next_news(Outbox *outbox)
{
    if (outbox->batch->len == 0) {
        GHashTableIter iter;
        void *record;

        g_hash_table_iter_init(&iter, outbox->news);
        while (g_hash_table_iter_next(&iter, &record, NULL))
            g_ptr_array_add(outbox->batch, record);
        g_hash_table_steal_all(outbox->news);
        outbox->batch_since = outbox->news_since;
        outbox->news_since = INT64_MAX;
    }
    if (outbox->batch->len == 0)
        return NULL;

    const Record *record = outbox->batch->pdata[outbox->batch->len - 1];
    const Record *moved = g_hash_table_lookup(outbox->news, record);
    return moved != NULL && record_compare(moved, record) > 0 ? moved : record;
}

/* Whether there is news of @record's client that is not older. */
static bool is_superseded(const Outbox *outbox, const Record *record)
{
    const Record *moved = g_hash_table_lookup(outbox->news, record);

    return moved != NULL && record_compare(moved, record) >= 0;
}

/* The record found that is to be sent next, or NULL. */
static const Record *next_found(Outbox *outbox)
{
    GPtrArray *found = outbox->found;

    while (found->len > 0 && is_superseded(outbox, found->pdata[found->len - 1])) {
        counters_add(COUNT_UPDATES_CONFLATED, 1);
        g_ptr_array_set_size(found, (int)found->len - 1);
        find_more(outbox);
    }
    return found->len > 0 ? found->pdata[found->len - 1] : NULL;
}

static void note_since(int64_t *since, bool is_empty, int64_t now_ms)
{
    *since = is_empty ? INT64_MAX : MIN(*since, now_ms);
}

int64_t outbox_tick(Outbox *outbox, int64_t now_ms)
{
    note_since(&outbox->news_since, g_hash_table_size(outbox->news) == 0, now_ms);
    note_since(&outbox->batch_since, outbox->batch->len == 0, now_ms);
    note_since(&outbox->found_since, outbox->found->len == 0, now_ms);
    if (now_ms > outbox->allowed_at) {
        unsigned elapsed = (unsigned)MIN(now_ms - outbox->allowed_at, BURST_MS);

        outbox->allowance =
            MIN(outbox->allowance + elapsed * OUTBOX_FOUND_PER_MS, BURST_MS * OUTBOX_FOUND_PER_MS);
        outbox->allowed_at = now_ms;
    }
    return outbox->found->len > 0 ? outbox->allowed_at + 1 : INT64_MAX;
}

bool outbox_next(Outbox *outbox, OutboxEntry *ret_entry)
{
    const Record *other = outbox->allowance > 0 ? next_found(outbox) : NULL;
    const Record *news = other == NULL || outbox->news_next ? next_news(outbox) : NULL;

    *ret_entry = (OutboxEntry){.record = news != NULL ? news : other, .found = news == NULL};
    return ret_entry->record != NULL;
}

void outbox_sent(Outbox *outbox, const OutboxEntry *entry)
{
    GPtrArray *from = entry->found ? outbox->found : outbox->batch;

    outbox->news_next = entry->found;
    outbox->allowance -= entry->found;
    if (g_hash_table_remove(outbox->news, from->pdata[from->len - 1]))
        counters_add(COUNT_UPDATES_CONFLATED, 1);
    g_ptr_array_set_size(from, (int)from->len - 1);
    find_more(outbox);
}

static bool has_news(const Outbox *outbox)
{
    return outbox->batch->len > 0 || g_hash_table_size(outbox->news) > 0;
}

bool outbox_is_ready(const Outbox *outbox)
{
    return has_news(outbox) || (outbox->found->len > 0 && outbox->allowance > 0);
}

bool outbox_is_empty(const Outbox *outbox)
{
    return !has_news(outbox) && outbox->found->len == 0;
}

size_t outbox_count(const Outbox *outbox)
{
    return (size_t)g_hash_table_size(outbox->news) + outbox->batch->len + outbox->found->len;
}

int64_t outbox_oldest(const Outbox *outbox)
{
    int64_t oldest = INT64_MAX;

    if (g_hash_table_size(outbox->news) > 0)
        oldest = MIN(oldest, outbox->news_since);
    if (outbox->batch->len > 0)
        oldest = MIN(oldest, outbox->batch_since);
    if (outbox->found->len > 0)
        oldest = MIN(oldest, outbox->found_since);
    return oldest;
}

void outbox_clear(Outbox *outbox)
{
    g_hash_table_remove_all(outbox->news);
    g_ptr_array_set_size(outbox->found, 0);
    g_ptr_array_set_size(outbox->batch, 0);
    outbox->untold = 0;
}
