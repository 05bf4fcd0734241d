/* SPDX-License-Identifier: MIT */
#include "net/outbox.h"

#include "core/counters.h"

#include <glib.h>

struct Outbox {
    GHashTable *news; /* set of owned Record, found by RecordKey */
    GPtrArray *found; /* owned Record */
    GPtrArray *batch; /* owned Record, taken from one of them and sent from the end */
    bool batch_found; /* which of them */
};

Outbox *outbox_new(void)
{
    Outbox *outbox = g_new0(Outbox, 1);

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

void outbox_add(Outbox *outbox, Record *record)
{
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

/* Fills the batch, which is empty, with all of the one or the other, in turns. FALSE: there is
 * nothing. */
static bool fill_batch(Outbox *outbox)
{
    bool news = g_hash_table_size(outbox->news) > 0;

    if (outbox->found->len > 0 && (!news || !outbox->batch_found)) {
        GPtrArray *empty = outbox->batch;

        outbox->batch = outbox->found;
        outbox->found = empty;
        outbox->batch_found = true;
        return true;
    }
    if (news) {
        GHashTableIter iter;
        void *record;

        g_hash_table_iter_init(&iter, outbox->news);
        while (g_hash_table_iter_next(&iter, &record, NULL))
            g_ptr_array_add(outbox->batch, record);
        g_hash_table_steal_all(outbox->news);
        outbox->batch_found = false;
    }
    return news;
}

bool outbox_next(Outbox *outbox, OutboxEntry *ret_entry)
{
    if (outbox->batch->len == 0 && !fill_batch(outbox))
        return false;

    /* A client that has moved meanwhile is told about once. */
    const Record *record = outbox->batch->pdata[outbox->batch->len - 1];
    const Record *moved = g_hash_table_lookup(outbox->news, record);
    bool newer = moved != NULL && record_compare(moved, record) > 0;

    *ret_entry =
        (OutboxEntry){.record = newer ? moved : record, .found = outbox->batch_found && !newer};
    return true;
}

void outbox_sent(Outbox *outbox)
{
    const Record *record = outbox->batch->pdata[outbox->batch->len - 1];

    if (g_hash_table_remove(outbox->news, record))
        counters_add(COUNT_UPDATES_CONFLATED, 1);
    g_ptr_array_set_size(outbox->batch, (int)outbox->batch->len - 1);
}

bool outbox_is_empty(const Outbox *outbox)
{
    return outbox->batch->len == 0 && outbox->found->len == 0 &&
           g_hash_table_size(outbox->news) == 0;
}

void outbox_clear(Outbox *outbox)
{
    g_hash_table_remove_all(outbox->news);
    g_ptr_array_set_size(outbox->found, 0);
    g_ptr_array_set_size(outbox->batch, 0);
}
