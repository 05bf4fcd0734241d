/* SPDX-License-Identifier: MIT */
#include "core/state.h"
#include "core/counters.h"
#include "core/message.h"
#include "core/thread.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <sched.h>

enum { WRITERS = 8, CLIENTS = 500 };

typedef struct {
    State *state;
    GRand *random;           /* (owned) */
    Record *newest[CLIENTS]; /* (owned) (nullable) of those that this thread handed in */
    unsigned rounds;
} Writer;

typedef struct {
    char *folder; /* (owned) */
    Log *log;
} Rig;

static Rig rig_new(void)
{
    g_autoptr(GError) error = NULL;
    Rig rig = {.folder = g_dir_make_tmp("herd-state-XXXXXX", &error)};

    g_assert_no_error(error);
    rig.log = log_new(rig.folder, "Bailey", LOG_MESSAGES_NONE, &error);
    g_assert_no_error(error);
    return rig;
}

static void rig_clear(Rig *rig)
{
    static const char *const names[] = {"Bailey.db", "Bailey.db-wal", "Bailey.log"};

    log_free(rig->log);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(rig->folder, names[i], NULL);

        g_remove(path);
    }
    g_assert_cmpint(g_rmdir(rig->folder), ==, 0);
    g_free(rig->folder);
}

static State *open_state(const Rig *rig, unsigned sync_ms)
{
    g_autoptr(GError) error = NULL;
    State *state = state_open(rig->folder, "Bailey", sync_ms, rig->log, &error);

    g_assert_no_error(error);
    return state;
}

static State *start_state(const Rig *rig, unsigned sync_ms)
{
    g_autoptr(GError) error = NULL;
    State *state = open_state(rig, sync_ms);
    bool started = state_start(state, &error);

    g_assert_no_error(error);
    g_assert_true(started);
    return state;
}

/* (transfer full) */
static Record *record_at(unsigned client, unsigned time)
{
    char line[128];
    int length = g_snprintf(
        line, sizeof line, "AT Bailey +0.263873386 phone/%07u.example.org +34.068930-118.445127 %u",
        client, time);
    Message m = message_parse((Slice){.data = line, .length = (size_t)length});

    g_assert_cmpint(m.kind, ==, MESSAGE_AT);
    return record_new(&m.at);
}

static void hand_in(void *argument)
{
    Writer *writer = argument;

    for (unsigned i = 0; i < writer->rounds; i++) {
        unsigned client = (unsigned)g_rand_int_range(writer->random, 0, CLIENTS);
        Record *record = record_at(client, (unsigned)g_rand_int_range(writer->random, 1, 1000000));
        Record **newest = &writer->newest[client];

        state_keep(writer->state, record);
        if (*newest == NULL || record_compare(record, *newest) > 0) {
            record_unref(*newest);
            *newest = record;
        } else {
            record_unref(record);
        }
    }
}

static void take(void *user, Record *record)
{
    g_hash_table_add(user, record_ref(record));
}

/* Whatever the threads' order and the batches' ends, the newest of each client is what is saved. */
static void test_newest_is_saved(void)
{
    Rig rig = rig_new();
    State *state = start_state(&rig, 10);
    Writer writers[WRITERS] = {0};
    pthread_t threads[WRITERS];
    g_autoptr(GError) error = NULL;

    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i].state = state;
        writers[i].random = g_rand_new_with_seed((uint32_t)g_test_rand_int());
        writers[i].rounds = g_getenv("HERD_TEST_SANITIZER") != NULL ? 3000 : 50000;
        bool started = thread_start(&threads[i], "writer", hand_in, &writers[i], &error);
        g_assert_no_error(error);
        g_assert_true(started);
    }
    for (unsigned i = 0; i < WRITERS; i++)
        thread_join(threads[i]);
    state_close(state);

    g_autoptr(GHashTable) saved = g_hash_table_new_full(record_key_hash, record_key_equal,
                                                        (GDestroyNotify)record_unref, NULL);
    state = open_state(&rig, 10);
    bool loaded = state_load(state, take, saved, &error);
    g_assert_no_error(error);
    g_assert_true(loaded);
    state_close(state);
    for (unsigned client = 0; client < CLIENTS; client++) {
        Record *newest = NULL;

        for (unsigned i = 0; i < WRITERS; i++) {
            Record *own = writers[i].newest[client];

            if (own != NULL && (newest == NULL || record_compare(own, newest) > 0))
                newest = own;
        }
        if (newest == NULL)
            continue;
        const Record *kept = g_hash_table_lookup(saved, newest);
        g_assert_nonnull(kept);
        g_assert_cmpint(record_compare(kept, newest), ==, 0);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        for (unsigned client = 0; client < CLIENTS; client++)
            record_unref(writers[i].newest[client]);
        g_rand_free(writers[i].random);
    }
    rig_clear(&rig);
}

static void count_record(void *user, Record *record G_GNUC_UNUSED)
{
    ++*(unsigned *)user;
}

/* Hands in @rate updates a second of clients taken at random, for @seconds. */
static void hand_in_evenly(State *state, unsigned clients, unsigned rate, unsigned seconds)
{
    int64_t begin = monotonic_ms();

    for (unsigned i = 0; i < rate * seconds; i++) {
        g_autoptr(Record) record =
            record_at((unsigned)g_test_rand_int_range(0, (int)clients), 1000000 + i);

        while ((monotonic_ms() - begin) * rate < (int64_t)i * 1000)
            sched_yield();
        state_keep(state, record);
    }
}

/* Figures, not a test: what a million clients cost. Run with -m perf. */
static void test_million(void)
{
    enum { MILLION = 1000000, RATE = 20000, SECONDS = 10 };
    Rig rig = rig_new();
    State *state = start_state(&rig, 200);
    g_autoptr(GError) error = NULL;
    unsigned count = 0;

    int64_t begin = monotonic_ms();
    for (unsigned i = 0; i < MILLION; i++) {
        g_autoptr(Record) record = record_at(i, i);

        state_keep(state, record);
    }
    int64_t handed_in = monotonic_ms();
    state_close(state);
    g_test_message("%d records: handed in in %d ms, on the disk after %d ms", MILLION,
                   (int)(handed_in - begin), (int)(monotonic_ms() - begin));

    begin = monotonic_ms();
    state = open_state(&rig, 200);
    int64_t opened = monotonic_ms();
    bool loaded = state_load(state, count_record, &count, &error);
    g_assert_no_error(error);
    g_assert_true(loaded);
    g_assert_cmpuint(count, ==, MILLION);
    g_test_message("opened and checked in %d ms, loaded in %d ms", (int)(opened - begin),
                   (int)(monotonic_ms() - opened));

    bool started = state_start(state, &error);
    g_assert_no_error(error);
    g_assert_true(started);
    uint64_t late = counters_read(COUNT_STATE_LATE), saved = counters_read(COUNT_STATE_SAVED);
    hand_in_evenly(state, MILLION, RATE, SECONDS);
    g_test_message("%d updates a second for %d s: %u saved meanwhile, %u batches late", RATE,
                   SECONDS, (unsigned)(counters_read(COUNT_STATE_SAVED) - saved),
                   (unsigned)(counters_read(COUNT_STATE_LATE) - late));
    begin = monotonic_ms();
    state_close(state);
    g_test_message("closed in %d ms", (int)(monotonic_ms() - begin));
    rig_clear(&rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/state/stress/newest-is-saved", test_newest_is_saved);
    if (g_test_perf())
        g_test_add_func("/state/perf/million", test_million);
    return g_test_run();
}
