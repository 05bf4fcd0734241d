/* SPDX-License-Identifier: MIT */
#include "core/store.h"
#include "core/message.h"

#include <glib.h>

/* The record of an AT line without its LF. (transfer full) */
static Record *record_of(const char *line)
{
    Message m = message_parse((Slice){.data = line, .length = strlen(line)});

    g_assert_cmpint(m.kind, ==, MESSAGE_AT);
    return record_new(&m.at);
}

static StoreOutcome put(Store *store, const char *line)
{
    g_autoptr(Record) record = record_of(line);

    return store_put(store, record, 0);
}

/* What is kept of @client is @line; NULL: nothing. */
static void assert_kept(Store *store, const char *client, const char *line)
{
    g_autoptr(Record) record = store_get(store, (Slice){.data = client, .length = strlen(client)});

    if (line == NULL) {
        g_assert_null(record);
        return;
    }
    g_assert_nonnull(record);
    g_autofree char *kept = g_strndup(record_line(record).data, record_line(record).length - 1);
    g_assert_cmpstr(kept, ==, line);
}

static void sweep_all(Store *store, GPtrArray *removed)
{
    for (unsigned shard = 0; shard < STORE_SHARDS; shard++)
        store_sweep(store, shard, removed);
}

static void test_get_unknown(void)
{
    g_autoptr(Store) store = store_new();

    assert_kept(store, "kiwi", NULL);
    g_assert_cmpint(put(store, "AT Bona +0.000000001 kiwi +1+1 5"), ==, STORE_STORED);
    assert_kept(store, "kiw", NULL);
    assert_kept(store, "kiwis", NULL);
    assert_kept(store, "Kiwi", NULL);
    assert_kept(store, "kiwi", "AT Bona +0.000000001 kiwi +1+1 5");
}

static void test_newer_replaces(void)
{
    g_autoptr(Store) store = store_new();

    g_assert_cmpint(put(store, "AT Bona +0.000000001 kiwi +1+1 9"), ==, STORE_STORED);
    g_assert_cmpint(put(store, "AT Bona +0.000000001 kiwi +2+2 10"), ==, STORE_STORED);
    assert_kept(store, "kiwi", "AT Bona +0.000000001 kiwi +2+2 10");
    g_assert_cmpuint(store_size(store), ==, 1);
}

static void test_stale(void)
{
    g_autoptr(Store) store = store_new();

    g_assert_cmpint(put(store, "AT Bona +0.000000001 kiwi +1+1 10"), ==, STORE_STORED);
    g_assert_cmpint(put(store, "AT Bona +0.000000001 kiwi +2+2 9.999999999"), ==, STORE_STALE);
    g_assert_cmpint(put(store, "AT Zed +0.000000001 kiwi +2+2 9"), ==, STORE_STALE);
    g_assert_cmpint(put(store, "AT Bona +0.000000001 kiwi +2+2 -11"), ==, STORE_STALE);
    assert_kept(store, "kiwi", "AT Bona +0.000000001 kiwi +1+1 10");
}

static void test_duplicate(void)
{
    g_autoptr(Store) store = store_new();
    g_autoptr(Record) record = record_of("AT Bona +0.000000001 kiwi +1+1 10");

    g_assert_cmpint(store_put(store, record, 0), ==, STORE_STORED);
    g_assert_cmpint(store_put(store, record, 0), ==, STORE_DUPLICATE);
    g_assert_cmpint(put(store, "AT Bona +0.000000001 kiwi +1+1 10"), ==, STORE_DUPLICATE);

    g_autoptr(Record) kept = store_get(store, SLICE("kiwi"));
    g_assert_true(kept == record);
}

/* PROTOCOL R9 with R21's order, at equal times. */
static void test_r9_equal_times(void)
{
    static const struct {
        const char *kept, *put;
        StoreOutcome outcome;
    } rows[] = {
        {"AT B +1.000000000 k +1+1 5", "AT C +0.000000000 k +0+0 5", STORE_STORED},
        {"AT B +1.000000000 k +1+1 5", "AT A +9.000000000 k +9+9 5", STORE_STALE},
        {"AT B +1.000000000 k +1+1 5", "AT B +0.000000000 k +1+2 5", STORE_STORED},
        {"AT B +1.000000000 k +1+1 5", "AT B +9.000000000 k +1+0 5", STORE_STALE},
        {"AT B +1.000000000 k +1+1 5", "AT B +1.000000001 k +1+1 5", STORE_STORED},
        {"AT B +1.000000000 k +1+1 5", "AT B +0.999999999 k +1+1 5", STORE_STALE},
        {"AT B +1.000000000 k +1+1 5", "AT B -2.000000000 k +1+1 5", STORE_STALE},
        {"AT B +1.000000000 k +1+1 5", "AT B +1.000000000 k +1+1 5", STORE_DUPLICATE},
        {"AT B +1.000000000 k +1+1 5.0", "AT C +0.000000000 k +0+0 5", STORE_STORED},
        {"AT B +1.000000000 k +1+1 1621464827.959498503",
         "AT A +1.000000000 k +1+1 1621464827.959498504", STORE_STORED},
        {"AT B +1.000000000 k +1+1 1621464827.959498503",
         "AT Z +1.000000000 k +1+1 1621464827.959498502", STORE_STALE},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(Store) store = store_new();

        g_assert_cmpint(put(store, rows[i].kept), ==, STORE_STORED);
        g_assert_cmpint(put(store, rows[i].put), ==, rows[i].outcome);
        assert_kept(store, "k", rows[i].outcome == STORE_STORED ? rows[i].put : rows[i].kept);
    }
}

static void test_clients_are_apart(void)
{
    g_autoptr(Store) store = store_new();

    put(store, "AT Bona +0.000000001 a +1+1 10");
    put(store, "AT Bona +0.000000001 b +2+2 5");
    put(store, "AT Bona +0.000000001 ab +3+3 1");
    put(store, "AT Bona +0.000000001 \xff +4+4 2");
    assert_kept(store, "a", "AT Bona +0.000000001 a +1+1 10");
    assert_kept(store, "b", "AT Bona +0.000000001 b +2+2 5");
    assert_kept(store, "ab", "AT Bona +0.000000001 ab +3+3 1");
    assert_kept(store, "\xff", "AT Bona +0.000000001 \xff +4+4 2");
    g_assert_cmpuint(store_size(store), ==, 4);
}

static void test_references(void)
{
    Store *store = store_new();
    Record *first = record_of("AT Bona +0.000000001 kiwi +1+1 5");
    Record *second = record_of("AT Bona +0.000000001 kiwi +2+2 6");

    g_assert_cmpint(store_put(store, first, 0), ==, STORE_STORED);
    record_unref(first); /* the store has its own */

    Record *got = store_get(store, SLICE("kiwi"));
    g_assert_true(got == first);
    g_assert_cmpint(store_put(store, second, 0), ==, STORE_STORED);
    /* Superseded, but alive as long as somebody has it. */
    g_assert_true(slice_equal(record_location(got), SLICE("+1+1")));
    record_unref(got);

    store_free(store);
    g_assert_true(slice_equal(record_location(second), SLICE("+2+2")));
    record_unref(second);
    store_free(NULL);
}

/* Every record is in one shard, once, and no shard has many more than another. */
static void test_collect(void)
{
    enum { CLIENTS = 25600 };
    g_autoptr(Store) store = store_new();
    g_autofree bool *seen = g_new0(bool, CLIENTS);
    unsigned shards = STORE_SHARDS;
    size_t total = 0;

    g_assert_cmpuint(shards, >, 0);
    g_assert_cmpuint(shards & (shards - 1), ==, 0); /* a power of two */
    for (unsigned client = 0; client < CLIENTS; client++) {
        g_autofree char *line = g_strdup_printf("AT Bona +0.000000001 %u +1+1 5", client);

        g_assert_cmpint(put(store, line), ==, STORE_STORED);
    }
    g_assert_cmpuint(store_size(store), ==, CLIENTS);

    for (unsigned shard = 0; shard < shards; shard++) {
        g_autoptr(GPtrArray) records = g_ptr_array_new_with_free_func((GDestroyNotify)record_unref);

        store_collect(store, shard, UINT64_MAX, records);
        g_assert_cmpuint(records->len, <, 2 * CLIENTS / shards);
        total += records->len;
        for (unsigned i = 0; i < records->len; i++) {
            Slice client = record_client(records->pdata[i]);
            g_autofree char *text = g_strndup(client.data, client.length);
            unsigned number = (unsigned)g_ascii_strtoull(text, NULL, 10);

            g_assert_cmpuint(number, <, CLIENTS);
            g_assert_false(seen[number]);
            seen[number] = true;
        }
    }
    g_assert_cmpuint(total, ==, CLIENTS);
}

static void test_collect_appends(void)
{
    g_autoptr(Store) store = store_new();
    g_autoptr(GPtrArray) records = g_ptr_array_new_with_free_func((GDestroyNotify)record_unref);

    g_ptr_array_add(records, record_of("AT Bona +0.000000001 other +1+1 5"));
    put(store, "AT Bona +0.000000001 kiwi +1+1 5");
    for (unsigned shard = 0; shard < STORE_SHARDS; shard++)
        store_collect(store, shard, UINT64_MAX, records);
    g_assert_cmpuint(records->len, ==, 2);
    g_assert_true(slice_equal(record_client(records->pdata[1]), SLICE("kiwi")));
}

#define PICK(choices) ((choices)[g_test_rand_int_range(0, G_N_ELEMENTS(choices))])

/* (transfer full) */
static Record *random_record(void)
{
    static const char *const origins[] = {"A", "AB", "B"};
    static const char *const skews[] = {"-1.000000000", "+0.000000000", "+9.000000000",
                                        "+10.000000000"};
    static const char *const locations[] = {"+1+1", "+1-1", "+01+1"};
    static const char *const times[] = {"5", "5.0", "10", "10.0000000001"};
    g_autofree char *line = g_strdup_printf("AT %s %s k %s %s", PICK(origins), PICK(skews),
                                            PICK(locations), PICK(times));

    return record_of(line);
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

/* PROTOCOL R21: members that got the same updates keep the same record, whatever the order. */
static void test_r21_any_arrival_order(void)
{
    enum { SETS = 50, ORDERS = 20 };

    for (int set = 0; set < SETS; set++) {
        g_autoptr(GPtrArray) records = g_ptr_array_new_with_free_func((GDestroyNotify)record_unref);
        const Record *newest = NULL;

        for (int n = g_test_rand_int_range(1, 20); n > 0; n--) {
            Record *record = random_record();

            g_ptr_array_add(records, record);
            if (newest == NULL || record_compare(record, newest) > 0)
                newest = record;
        }
        for (int order = 0; order < ORDERS; order++) {
            g_autoptr(Store) store = store_new();
            g_autoptr(Record) before = NULL;

            shuffle(records);
            for (unsigned i = 0; i < records->len; i++) {
                Record *record = records->pdata[i];
                int newer = before == NULL ? 1 : record_compare(record, before);
                StoreOutcome outcome = store_put(store, record, 0);

                g_assert_cmpint(outcome, ==,
                                newer > 0    ? STORE_STORED
                                : newer == 0 ? STORE_DUPLICATE
                                             : STORE_STALE);
                g_clear_pointer(&before, record_unref);
                before = store_get(store, SLICE("k"));
                g_assert_nonnull(before);
            }
            g_assert_true(slice_equal(record_line(before), record_line(newest)));
        }
    }
}

static void test_expired(void)
{
    g_autoptr(Store) store = store_new();

    store_set_horizon(store, 100);
    g_assert_cmpint(put(store, "AT Bona +0.000000001 old +1+1 99.999999999"), ==, STORE_EXPIRED);
    g_assert_cmpint(put(store, "AT Bona +0.000000001 old +1+1 -100"), ==, STORE_EXPIRED);
    assert_kept(store, "old", NULL);
    g_assert_cmpuint(store_size(store), ==, 0);
    g_assert_cmpint(put(store, "AT Bona +0.000000001 new +1+1 100"), ==, STORE_STORED);
    assert_kept(store, "new", "AT Bona +0.000000001 new +1+1 100");
}

/* Before it is removed it is as good as gone; after it the horizon may go back. */
static void test_expires(void)
{
    g_autoptr(Store) store = store_new();
    g_autoptr(GPtrArray) removed = g_ptr_array_new_with_free_func((GDestroyNotify)record_unref);
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func((GDestroyNotify)record_unref);

    put(store, "AT Bona +0.000000001 a +1+1 50");
    put(store, "AT Bona +0.000000001 b +1+1 150");
    put(store, "AT Bona +0.000000001 c +1+1 50");
    store_set_horizon(store, 100);
    assert_kept(store, "a", NULL);
    assert_kept(store, "b", "AT Bona +0.000000001 b +1+1 150");
    for (unsigned shard = 0; shard < STORE_SHARDS; shard++)
        store_collect(store, shard, UINT64_MAX, all);
    g_assert_cmpuint(all->len, ==, 1);
    g_assert_true(slice_equal(record_client(all->pdata[0]), SLICE("b")));
    g_assert_cmpuint(store_size(store), ==, 3);

    /* A newer one takes its place. */
    g_assert_cmpint(put(store, "AT Bona +0.000000001 c +1+1 99"), ==, STORE_EXPIRED);
    g_assert_cmpint(put(store, "AT Bona +0.000000001 c +1+1 101"), ==, STORE_STORED);

    sweep_all(store, removed);
    g_assert_cmpuint(removed->len, ==, 1);
    g_assert_true(slice_equal(record_client(removed->pdata[0]), SLICE("a")));
    g_assert_cmpuint(store_size(store), ==, 2);
    store_set_horizon(store, INT64_MIN);
    assert_kept(store, "a", NULL);
    assert_kept(store, "b", "AT Bona +0.000000001 b +1+1 150");
    assert_kept(store, "c", "AT Bona +0.000000001 c +1+1 101");
    g_assert_cmpint(put(store, "AT Bona +0.000000001 a +1+1 50"), ==, STORE_STORED);
}

static StoreOutcome put_most(Store *store, const char *line, size_t most)
{
    g_autoptr(Record) record = record_of(line);

    return store_put(store, record, most);
}

/* One more client is refused; those that are there go on. */
static void test_most(void)
{
    g_autoptr(Store) store = store_new();
    g_autoptr(GPtrArray) removed = g_ptr_array_new_with_free_func((GDestroyNotify)record_unref);

    g_assert_cmpint(put_most(store, "AT B +0.000000001 a +1+1 5", 2), ==, STORE_STORED);
    g_assert_cmpint(put_most(store, "AT B +0.000000001 b +1+1 9", 2), ==, STORE_STORED);
    g_assert_cmpint(put_most(store, "AT B +0.000000001 c +1+1 9", 2), ==, STORE_FULL);
    g_assert_cmpuint(store_size(store), ==, 2);
    assert_kept(store, "c", NULL);
    g_assert_cmpint(put_most(store, "AT B +0.000000001 a +1+1 6", 2), ==, STORE_STORED);
    g_assert_cmpint(put_most(store, "AT B +0.000000001 a +1+1 6", 2), ==, STORE_DUPLICATE);
    g_assert_cmpint(put_most(store, "AT B +0.000000001 a +1+1 5", 2), ==, STORE_STALE);
    /* Another bound, or none, is another question. */
    g_assert_cmpint(put_most(store, "AT B +0.000000001 c +1+1 9", 1), ==, STORE_FULL);
    g_assert_cmpint(put_most(store, "AT B +0.000000001 c +1+1 9", 0), ==, STORE_STORED);
    g_assert_cmpint(put_most(store, "AT B +0.000000001 d +1+1 9", 3), ==, STORE_FULL);
    g_assert_cmpint(put_most(store, "AT B +0.000000001 d +1+1 9", 4), ==, STORE_STORED);
    g_assert_cmpuint(store_size(store), ==, 4);

    /* Who goes makes room. */
    store_set_horizon(store, 7);
    g_assert_cmpint(put_most(store, "AT B +0.000000001 e +1+1 1", 4), ==, STORE_EXPIRED);
    g_assert_cmpint(put_most(store, "AT B +0.000000001 e +1+1 9", 4), ==, STORE_FULL);
    sweep_all(store, removed);
    g_assert_cmpint(put_most(store, "AT B +0.000000001 e +1+1 9", 4), ==, STORE_STORED);
    g_assert_cmpint(put_most(store, "AT B +0.000000001 f +1+1 9", 4), ==, STORE_FULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/store/get/unknown-is-null", test_get_unknown);
    g_test_add_func("/store/put/newer-replaces", test_newer_replaces);
    g_test_add_func("/store/put/stale-is-ignored", test_stale);
    g_test_add_func("/store/put/duplicate-is-told", test_duplicate);
    g_test_add_func("/store/put/clients-are-apart", test_clients_are_apart);
    g_test_add_func("/store/put/references", test_references);
    g_test_add_func("/store/r9/equal-times", test_r9_equal_times);
    g_test_add_func("/store/r21/property/same-winner-in-any-arrival-order",
                    test_r21_any_arrival_order);
    g_test_add_func("/store/collect/every-record-once", test_collect);
    g_test_add_func("/store/collect/appends", test_collect_appends);
    g_test_add_func("/store/put/most-bounds-new-clients-alone", test_most);
    g_test_add_func("/store/horizon/older-is-not-taken", test_expired);
    g_test_add_func("/store/horizon/older-is-not-there", test_expires);
    return g_test_run();
}
