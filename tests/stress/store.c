/* SPDX-License-Identifier: MIT */
#include "core/store.h"
#include "core/message.h"
#include "core/thread.h"

#include <glib.h>
#include <stdatomic.h>

enum { WRITERS = 8, READERS = 2, CLIENTS = 13 };

typedef struct {
    Store *store;
    GRand *random; /* (owned) */
    unsigned rounds;
    atomic_bool *done;       /* the writers have ended */
    Record *newest[CLIENTS]; /* (owned) (nullable) of those that this thread put or saw */
    unsigned stored;
} Worker;

static unsigned rounds(void)
{
    if (g_getenv("HERD_TEST_SANITIZER") != NULL)
        return 20000;
    return g_test_slow() ? 1000000 : 100000;
}

#define PICK(random, choices) ((choices)[g_rand_int_range((random), 0, G_N_ELEMENTS(choices))])

/* Of few different fields, so that ties of each kind happen often. (transfer full) */
static Record *random_record(GRand *random, unsigned client)
{
    static const char *const origins[] = {"A", "AB", "B"};
    static const char *const skews[] = {"-1.000000000", "+0.000000000", "+10.000000000"};
    static const char *const locations[] = {"+1+1", "+1-1"};
    char line[128];

    int length = g_snprintf(line, sizeof line, "AT %s %s client/%u %s %d", PICK(random, origins),
                            PICK(random, skews), client, PICK(random, locations),
                            g_rand_int_range(random, 0, 2000));
    Message m = message_parse((Slice){.data = line, .length = (size_t)length});

    g_assert_cmpint(m.kind, ==, MESSAGE_AT);
    return record_new(&m.at);
}

/* (transfer full) */
static Record *get(Store *store, unsigned client)
{
    char text[32];
    int length = g_snprintf(text, sizeof text, "client/%u", client);

    return store_get(store, (Slice){.data = text, .length = (size_t)length});
}

/* Keeps the newer of what @worker has of @client and @record. (transfer full) */
static void keep_newer(Worker *worker, unsigned client, Record *record)
{
    Record **newest = &worker->newest[client];

    if (*newest == NULL || record_compare(record, *newest) > 0) {
        record_unref(*newest);
        *newest = record;
    } else {
        record_unref(record);
    }
}

static void write_records(void *argument)
{
    Worker *worker = argument;

    for (unsigned i = 0; i < worker->rounds; i++) {
        unsigned client = (unsigned)g_rand_int_range(worker->random, 0, CLIENTS);
        Record *record = random_record(worker->random, client);
        StoreOutcome outcome = store_put(worker->store, record, 0);
        g_autoptr(Record) kept = get(worker->store, client);

        /* Whatever others do meanwhile, what is there is never older than what was put. */
        g_assert_nonnull(kept);
        if (outcome == STORE_STALE)
            g_assert_cmpint(record_compare(kept, record), >, 0);
        else
            g_assert_cmpint(record_compare(kept, record), >=, 0);
        worker->stored += outcome == STORE_STORED;
        keep_newer(worker, client, record);
    }
}

/* Takes (transfer full) @record, which is now what the store has of its client. */
static void see(Worker *worker, unsigned client, Record *record)
{
    const Record *before = worker->newest[client];

    if (before != NULL)
        g_assert_cmpint(record_compare(record, before), >=, 0); /* it never goes back */
    keep_newer(worker, client, record);
}

static void read_records(void *argument)
{
    Worker *worker = argument;
    bool last = false;

    while (!last) {
        last = atomic_load(worker->done); /* once more after the writers' end */
        for (unsigned client = 0; client < CLIENTS; client++) {
            Record *record = get(worker->store, client);

            if (record != NULL)
                see(worker, client, record);
        }

        g_autoptr(GPtrArray) all = g_ptr_array_new();
        for (unsigned shard = 0; shard < STORE_SHARDS; shard++)
            store_collect(worker->store, shard, UINT64_MAX, all);
        g_assert_cmpuint(all->len, <=, CLIENTS);
        g_assert_cmpuint(store_size(worker->store), <=, CLIENTS);
        for (unsigned i = 0; i < all->len; i++) {
            Slice id = record_client(all->pdata[i]);
            g_autofree char *text = g_strndup(id.data, id.length);

            see(worker, (unsigned)g_ascii_strtoull(text + strlen("client/"), NULL, 10),
                all->pdata[i]);
        }
    }
}

/* PROTOCOL R9, R21: after all is put, the newest of all is there, and so says every reader. */
static void test_newest_wins(void)
{
    g_autoptr(Store) store = store_new();
    Worker workers[WRITERS + READERS] = {0};
    pthread_t threads[WRITERS + READERS];
    atomic_bool done = false;
    unsigned stored = 0;

    for (unsigned i = 0; i < WRITERS + READERS; i++) {
        g_autoptr(GError) error = NULL;
        bool writer = i < WRITERS;

        workers[i].store = store;
        workers[i].random = g_rand_new_with_seed((uint32_t)g_test_rand_int());
        workers[i].rounds = rounds();
        workers[i].done = &done;
        bool started = thread_start(&threads[i], writer ? "writer" : "reader",
                                    writer ? write_records : read_records, &workers[i], &error);
        g_assert_no_error(error);
        g_assert_true(started);
    }
    for (unsigned i = 0; i < WRITERS; i++)
        thread_join(threads[i]);
    atomic_store(&done, true);
    for (unsigned i = WRITERS; i < WRITERS + READERS; i++)
        thread_join(threads[i]);

    g_assert_cmpuint(store_size(store), ==, CLIENTS);
    for (unsigned client = 0; client < CLIENTS; client++) {
        g_autoptr(Record) kept = get(store, client);
        const Record *newest = workers[0].newest[client];

        for (unsigned i = 1; i < WRITERS; i++)
            if (record_compare(workers[i].newest[client], newest) > 0)
                newest = workers[i].newest[client];
        g_assert_true(slice_equal(record_line(kept), record_line(newest)));
        for (unsigned i = WRITERS; i < WRITERS + READERS; i++)
            g_assert_true(workers[i].newest[client] == kept);
    }
    for (unsigned i = 0; i < WRITERS + READERS; i++) {
        stored += workers[i].stored;
        for (unsigned client = 0; client < CLIENTS; client++)
            record_unref(workers[i].newest[client]);
        g_rand_free(workers[i].random);
    }
    g_assert_cmpuint(stored, >=, CLIENTS);
}

typedef struct {
    Store *store;
    Record *const *records; /* the same for every thread */
    unsigned first, count;
    unsigned outcomes[3]; /* by StoreOutcome */
} Copy;

static void put_copies(void *argument)
{
    Copy *copy = argument;

    for (unsigned i = 0; i < copy->count; i++) {
        Record *record = copy->records[(copy->first + i) % copy->count];

        copy->outcomes[store_put(copy->store, record, 0)]++;
    }
}

/* An update that comes over several links at once is taken once, and so is passed on once (R20). */
static void test_stored_once(void)
{
    g_autoptr(Store) store = store_new();
    unsigned count = MIN(rounds(), 50000);
    g_autofree Record **records = g_new(Record *, count);
    Copy copies[WRITERS];
    pthread_t threads[WRITERS];
    unsigned outcomes[3] = {0};
    GRand *random = g_rand_new_with_seed((uint32_t)g_test_rand_int());

    for (unsigned i = 0; i < count; i++)
        records[i] = random_record(random, i); /* of a client each */
    g_rand_free(random);
    for (unsigned i = 0; i < WRITERS; i++) {
        g_autoptr(GError) error = NULL;

        /* Near each other, so that they meet. */
        copies[i] = (Copy){.store = store, .records = records, .first = i, .count = count};
        bool started = thread_start(&threads[i], "writer", put_copies, &copies[i], &error);
        g_assert_no_error(error);
        g_assert_true(started);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        thread_join(threads[i]);
        for (unsigned k = 0; k < 3; k++)
            outcomes[k] += copies[i].outcomes[k];
    }
    g_assert_cmpuint(outcomes[STORE_STORED], ==, count);
    g_assert_cmpuint(outcomes[STORE_STALE], ==, 0);
    g_assert_cmpuint(outcomes[STORE_DUPLICATE], ==, (WRITERS - 1) * count);
    g_assert_cmpuint(store_size(store), ==, count);
    for (unsigned i = 0; i < count; i++)
        record_unref(records[i]);
}

enum { HORIZON = 1000, MANY = 3000 };

typedef struct {
    Store *store;
    Record *const *records; /* the same for every thread */
    unsigned first, count;
    atomic_bool *done; /* the writers have ended */
} Sweeper;

static void put_all(void *argument)
{
    const Sweeper *sweeper = argument;

    for (unsigned i = 0; i < sweeper->count; i++)
        store_put(sweeper->store, sweeper->records[(sweeper->first + i) % sweeper->count], 0);
}

/* The horizon rises in steps, beside the writers. */
static void sweep_all(void *argument)
{
    Sweeper *sweeper = argument;
    int64_t horizon = 0;
    bool last = false;

    while (!last) {
        g_autoptr(GPtrArray) removed = g_ptr_array_new_with_free_func((GDestroyNotify)record_unref);
        uint64_t sums[STORE_SHARDS];

        last = atomic_load(sweeper->done); /* once more after the writers' end */
        horizon = last ? HORIZON : MIN(horizon + 10, HORIZON);
        store_set_horizon(sweeper->store, horizon);
        for (unsigned shard = 0; shard < STORE_SHARDS; shard += last ? 1 : 10)
            store_sweep(sweeper->store, shard, removed);
        store_shard_sums(sweeper->store, sums);
        for (unsigned i = 0; i < removed->len; i++)
            g_assert_cmpint(record_time(removed->pdata[i]).seconds, <, horizon);
    }
}

/* What is left after all that has the sums of a store that was told just that. */
static void run_sums(bool sweeps)
{
    g_autoptr(Store) store = store_new();
    g_autoptr(Store) fresh = store_new();
    unsigned count = MIN(rounds(), 50000);
    g_autofree Record **records = g_new(Record *, count);
    Sweeper writers[WRITERS], sweeper;
    pthread_t threads[WRITERS + 1];
    atomic_bool done = false;
    uint64_t sums[STORE_SHARDS], wanted[STORE_SHARDS];
    GRand *random = g_rand_new_with_seed((uint32_t)g_test_rand_int());
    g_autoptr(GError) error = NULL;

    for (unsigned i = 0; i < count; i++)
        records[i] = random_record(random, (unsigned)g_rand_int_range(random, 0, MANY));
    g_rand_free(random);
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i] = (Sweeper){
            .store = store, .records = records, .first = i * count / WRITERS, .count = count};
        g_assert_true(thread_start(&threads[i], "writer", put_all, &writers[i], &error));
    }
    sweeper = (Sweeper){.store = store, .done = &done};
    if (sweeps)
        g_assert_true(thread_start(&threads[WRITERS], "sweeper", sweep_all, &sweeper, &error));
    for (unsigned i = 0; i < WRITERS; i++)
        thread_join(threads[i]);
    atomic_store(&done, true);
    if (sweeps)
        thread_join(threads[WRITERS]);

    if (sweeps)
        store_set_horizon(fresh, HORIZON);
    for (unsigned i = 0; i < count; i++) {
        store_put(fresh, records[i], 0);
        record_unref(records[i]);
    }
    store_shard_sums(store, sums);
    store_shard_sums(fresh, wanted);
    g_assert_true(memcmp(sums, wanted, sizeof wanted) == 0);
    g_assert_cmpuint(store_size(store), ==, store_size(fresh));
}

static void test_sums(void)
{
    run_sums(false);
}

static void test_sums_beside_sweeps(void)
{
    run_sums(true);
}

typedef struct {
    Store *store;
    GRand *random; /* (owned) */
    unsigned rounds, most;
    unsigned stored, full;
} Crowd;

static void put_new_clients(void *argument)
{
    Crowd *crowd = argument;

    for (unsigned i = 0; i < crowd->rounds; i++) {
        g_autoptr(Record) record =
            random_record(crowd->random, (unsigned)g_rand_int_range(crowd->random, 0, MANY));
        StoreOutcome outcome = store_put(crowd->store, record, crowd->most);

        crowd->stored += outcome == STORE_STORED;
        crowd->full += outcome == STORE_FULL;
    }
}

/* However many come at once, no more are taken, and room that there is gets used. */
static void test_most(void)
{
    enum { MOST = MANY / 2 };
    g_autoptr(Store) store = store_new();
    Crowd crowds[WRITERS];
    pthread_t threads[WRITERS];
    unsigned full = 0, kept = 0;

    for (unsigned i = 0; i < WRITERS; i++) {
        g_autoptr(GError) error = NULL;

        crowds[i] = (Crowd){.store = store,
                            .random = g_rand_new_with_seed((uint32_t)g_test_rand_int()),
                            .rounds = MIN(rounds(), 50000),
                            .most = MOST};
        g_assert_true(thread_start(&threads[i], "writer", put_new_clients, &crowds[i], &error));
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        thread_join(threads[i]);
        full += crowds[i].full;
        g_rand_free(crowds[i].random);
    }
    for (unsigned shard = 0; shard < STORE_SHARDS; shard++) {
        g_autoptr(GPtrArray) records = g_ptr_array_new_with_free_func((GDestroyNotify)record_unref);

        store_collect(store, shard, UINT64_MAX, records);
        kept += records->len;
    }
    g_assert_cmpuint(kept, ==, MOST);
    g_assert_cmpuint(store_size(store), ==, MOST);
    g_assert_cmpuint(full, >, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/store/stress/r9/newest-wins", test_newest_wins);
    g_test_add_func("/store/stress/r20/stored-once", test_stored_once);
    g_test_add_func("/store/stress/sums/of-what-is-there", test_sums);
    g_test_add_func("/store/stress/sums/beside-sweeps", test_sums_beside_sweeps);
    g_test_add_func("/store/stress/put/most-at-once", test_most);
    return g_test_run();
}
