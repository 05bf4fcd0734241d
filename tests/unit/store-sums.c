/* SPDX-License-Identifier: MIT */

/* The sums by which two stores are compared, and the leaves that they are of. */

#include "core/message.h"
#include "core/store.h"

#include <glib.h>

/* A record of client number @client. (transfer full) */
static Record *record_of(int client, int time)
{
    g_autofree char *line = g_strdup_printf("AT Bona +0.000000001 %d +1+1 %d", client, time);
    Message m = message_parse(slice_of(line));

    g_assert_cmpint(m.kind, ==, MESSAGE_AT);
    return record_new(&m.at);
}

static StoreOutcome put(Store *store, int client, int time)
{
    g_autoptr(Record) record = record_of(client, time);

    return store_put(store, record, 0);
}

static uint64_t root_of(Store *store)
{
    uint64_t sums[STORE_SHARDS], root = 0;

    store_shard_sums(store, sums);
    for (unsigned i = 0; i < STORE_SHARDS; i++)
        root += sums[i];
    return root;
}

/* Each leaf's sum is that of the records that it holds, each shard's that of its leaves. */
static void assert_sums_are_of_records(Store *store)
{
    uint64_t shards[STORE_SHARDS];
    unsigned total = 0;

    store_shard_sums(store, shards);
    for (unsigned shard = 0; shard < STORE_SHARDS; shard++) {
        uint64_t leaves[STORE_LEAVES], sum = 0;

        store_leaf_sums(store, shard, leaves);
        for (unsigned leaf = 0; leaf < STORE_LEAVES; leaf++) {
            g_autoptr(GPtrArray) records =
                g_ptr_array_new_with_free_func((GDestroyNotify)record_unref);
            uint64_t wanted = 0;

            store_collect(store, shard, UINT64_C(1) << leaf, records);
            for (unsigned i = 0; i < records->len; i++) {
                g_assert_cmpuint(record_place(records->pdata[i]), ==, shard * STORE_LEAVES + leaf);
                g_assert_cmpuint(store_shard_of(records->pdata[i]), ==, shard);
                wanted += record_digest(records->pdata[i]);
            }
            g_assert_cmphex(leaves[leaf], ==, wanted);
            sum += wanted;
            total += records->len;
        }
        g_assert_cmphex(shards[shard], ==, sum);
    }
    g_assert_cmpuint(total, ==, store_size(store));
}

static void test_empty(void)
{
    g_autoptr(Store) store = store_new();

    assert_sums_are_of_records(store);
    g_assert_cmphex(root_of(store), ==, 0);
    g_assert_cmpuint(STORE_LEAVES, ==, 64);
}

/* What is refused changes none. */
static void test_put(void)
{
    g_autoptr(Store) store = store_new();
    g_autoptr(Record) newest = record_of(1, 6);
    g_autoptr(Record) other = record_of(2, 5);

    g_assert_cmpint(put(store, 1, 5), ==, STORE_STORED);
    g_assert_cmpint(put(store, 1, 6), ==, STORE_STORED);
    g_assert_cmphex(root_of(store), ==, record_digest(newest));
    g_assert_cmpint(put(store, 1, 6), ==, STORE_DUPLICATE);
    g_assert_cmpint(put(store, 1, 5), ==, STORE_STALE);
    g_assert_cmpint(store_put(store, other, 1), ==, STORE_FULL);
    store_set_horizon(store, 6);
    g_assert_cmpint(store_put(store, other, 0), ==, STORE_EXPIRED);
    g_assert_cmphex(root_of(store), ==, record_digest(newest));
    store_set_horizon(store, INT64_MIN);
    g_assert_cmpint(store_put(store, other, 0), ==, STORE_STORED);
    g_assert_cmphex(root_of(store), ==, record_digest(newest) + record_digest(other));
    assert_sums_are_of_records(store);
}

/* Those that have expired count until they are removed. */
static void test_sweep(void)
{
    enum { CLIENTS = 2000 };
    g_autoptr(Store) store = store_new();
    g_autoptr(Store) rest = store_new();
    g_autoptr(GPtrArray) removed = g_ptr_array_new_with_free_func((GDestroyNotify)record_unref);

    for (int i = 0; i < CLIENTS; i++) {
        put(store, i, i);
        if (i >= CLIENTS / 2)
            put(rest, i, i);
    }
    uint64_t before = root_of(store);
    store_set_horizon(store, CLIENTS / 2);
    g_assert_cmphex(root_of(store), ==, before);
    for (unsigned shard = 0; shard < STORE_SHARDS; shard++)
        store_sweep(store, shard, removed);
    g_assert_cmpuint(removed->len, ==, CLIENTS / 2);
    g_assert_cmphex(root_of(store), ==, root_of(rest));
    assert_sums_are_of_records(store);
    store_set_horizon(store, CLIENTS);
    for (unsigned shard = 0; shard < STORE_SHARDS; shard++)
        store_sweep(store, shard, removed);
    g_assert_cmphex(root_of(store), ==, 0);
    g_assert_cmpuint(store_size(store), ==, 0);
    assert_sums_are_of_records(store);
}

/* A set of leaves is what it says. */
static void test_collect_leaves(void)
{
    enum { CLIENTS = 200000 };
    g_autoptr(Store) store = store_new();
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func((GDestroyNotify)record_unref);
    g_autoptr(GPtrArray) none = g_ptr_array_new_with_free_func((GDestroyNotify)record_unref);
    g_autoptr(GPtrArray) some = g_ptr_array_new_with_free_func((GDestroyNotify)record_unref);
    uint64_t leaves = (uint64_t)(uint32_t)g_test_rand_int() << 32 | (uint32_t)g_test_rand_int();
    unsigned shard = (unsigned)g_test_rand_int_range(0, STORE_SHARDS), wanted = 0;

    for (int i = 0; i < CLIENTS; i++)
        put(store, i, 5);
    store_collect(store, shard, UINT64_MAX, all);
    store_collect(store, shard, 0, none);
    store_collect(store, shard, leaves, some);
    g_assert_cmpuint(all->len, >, STORE_LEAVES);
    g_assert_cmpuint(none->len, ==, 0);
    for (unsigned i = 0; i < all->len; i++) {
        unsigned leaf = record_place(all->pdata[i]) % STORE_LEAVES;
        bool chosen = (leaves >> leaf & 1) != 0;

        wanted += chosen;
        g_assert_cmpint(g_ptr_array_find(some, all->pdata[i], NULL), ==, chosen);
    }
    g_assert_cmpuint(some->len, ==, wanted);
}

static void shuffle(GPtrArray *array)
{
    for (unsigned i = array->len; i > 1; i--) {
        unsigned k = (unsigned)g_test_rand_int_range(0, (int)i);
        void *swapped = array->pdata[i - 1];

        array->pdata[i - 1] = array->pdata[k];
        array->pdata[k] = swapped;
    }
}

/* Whatever the order and however often each is told and replaced: equal stores, equal sums. */
static void test_property_any_order(void)
{
    enum { SETS = 20, ORDERS = 5, UPDATES = 2000, CLIENTS = 500, TIMES = 50 };

    for (int set = 0; set < SETS; set++) {
        g_autoptr(GPtrArray) records = g_ptr_array_new_with_free_func((GDestroyNotify)record_unref);
        uint64_t first[STORE_SHARDS], sums[STORE_SHARDS];

        for (int i = 0; i < UPDATES; i++)
            g_ptr_array_add(records, record_of(g_test_rand_int_range(0, CLIENTS),
                                               g_test_rand_int_range(0, TIMES)));
        for (int order = 0; order < ORDERS; order++) {
            g_autoptr(Store) store = store_new();

            shuffle(records);
            for (unsigned i = 0; i < records->len; i++)
                store_put(store, records->pdata[i], 0);
            store_shard_sums(store, order == 0 ? first : sums);
            if (order > 0)
                g_assert_true(memcmp(sums, first, sizeof first) == 0);
            if (set == 0)
                assert_sums_are_of_records(store);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/store/sums/zero-when-empty", test_empty);
    g_test_add_func("/store/sums/of-what-is-stored", test_put);
    g_test_add_func("/store/sums/of-what-a-sweep-leaves", test_sweep);
    g_test_add_func("/store/collect/leaves", test_collect_leaves);
    g_test_add_func("/store/sums/property/whatever-the-order", test_property_any_order);
    return g_test_run();
}
