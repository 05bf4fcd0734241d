/* SPDX-License-Identifier: MIT */
#include "tests/unit/net-flood-rig.h"

static void test_not_back(void)
{
    Rig *rig = rig_new();
    Peer *peers[NEIGHBOURS];

    greet_all(rig, peers);
    update(rig, 1, 5, CLIENT);
    update(rig, 2, 5, BONA);
    update(rig, 3, 5, CAMPBELL);
    update(rig, 4, 5, CLIENT);
    static const int of_bona[] = {1, 3, 4}, of_campbell[] = {1, 2, 4};
    for (int i = 0; i < 3; i++) {
        int time;

        g_assert_cmpint(hear_update(peers[BONA], &time), ==, of_bona[i]);
        g_assert_cmpint(hear_update(peers[CAMPBELL], &time), ==, of_campbell[i]);
    }
    for (int i = 0; i < NEIGHBOURS; i++)
        peer_free(peers[i]);
    rig_free(rig);
    flood_free(NULL);
}

/* What an earlier run of a neighbour has said is news to this one. */
static void test_back_to_another_run(void)
{
    Rig *rig = rig_new();
    Peer *peers[NEIGHBOURS];
    int time;

    greet_all(rig, peers);
    update_as(rig, 1, 5, &(FloodUpdate){.from = id_of(BONA), .incarnation = RUN - 1});
    update_as(rig, 2, 5, &(FloodUpdate){.from = id_of(BONA), .incarnation = RUN});
    update_as(rig, 3, 5, &(FloodUpdate){.from = id_of(BONA), .incarnation = INCARNATION_UNKNOWN});
    update(rig, 4, 5, CLIENT);
    static const int of_bona[] = {1, 3, 4};
    for (int i = 0; i < 3; i++)
        g_assert_cmpint(hear_update(peers[BONA], &time), ==, of_bona[i]);
    for (int i = 1; i <= 4; i++)
        g_assert_cmpint(hear_update(peers[CAMPBELL], &time), ==, i);
    for (int i = 0; i < NEIGHBOURS; i++)
        peer_free(peers[i]);
    rig_free(rig);
}

/* What one neighbour's comparison has found the others are asked about, not told. */
static void test_found_is_compared(void)
{
    Rig *rig = rig_new();
    Peer *peers[NEIGHBOURS];
    int time;

    greet_all(rig, peers);
    g_assert_cmpuint(peers[CAMPBELL]->found, ==, 1); /* what was there from the start */
    update_as(rig, 1, 5, &(FloodUpdate){.from = id_of(BONA), .incarnation = RUN, .found = true});
    g_assert_cmpint(hear_update(peers[CAMPBELL], &time), ==, 1);
    g_assert_cmpuint(peers[CAMPBELL]->found, ==, 2);
    update(rig, 2, 5, CLIENT);
    for (int i = 0; i < NEIGHBOURS; i++) {
        g_assert_cmpint(hear_update(peers[i], &time), ==, 2);
        peer_free(peers[i]);
    }
    rig_free(rig);
}

/* A record that stands in the store when the link comes up is sent wherever it came from: the
 * neighbour may have lost it. */
static void test_comes_back(void)
{
    Rig *rig = rig_new();
    Peer *peers[NEIGHBOURS];

    greet_all(rig, peers);
    update(rig, 1, 5, BONA);
    hear_until(peers[CAMPBELL], 1, 5);
    for (int times = 0; times < 3; times++) {
        peer_free(peers[BONA]);
        peers[BONA] = greet(rig, BONA);
        hear_until(peers[BONA], 1, 5);
        update(rig, 2, times, CLIENT);
        hear_until(peers[CAMPBELL], 2, times);
    }
    for (int i = 0; i < NEIGHBOURS; i++)
        peer_free(peers[i]);
    rig_free(rig);
}

/* Nobody waits for a neighbour that does not read, or for one that is not there. */
static void run_slow_neighbour(bool absent)
{
    enum { CLIENTS = 500 };
    Rig *rig = rig_new();
    Peer *peers[NEIGHBOURS];
    int rounds = g_getenv("HERD_TEST_SANITIZER") != NULL ? 100 : 300;

    greet_all(rig, peers);
    if (absent) {
        peer_free(peers[BONA]);
        close(rig->listeners[BONA]);
    }
    for (int round = 1; round <= rounds; round++)
        for (int i = 0; i < CLIENTS; i++)
            update(rig, i, round, CLIENT);
    update(rig, CLIENTS, 1, CLIENT);
    hear_until(peers[CAMPBELL], CLIENTS, 1);

    /* Then it hears the newest of all. */
    if (absent) {
        rig->listeners[BONA] = listen_on(rig, BONA);
        flood_poke(rig->flood, id_of(BONA), 0); /* or it would take its time to try again */
        peers[BONA] = greet(rig, BONA);
    }
    for (int left = CLIENTS; left > 0;) {
        int time;
        int client = hear_update(peers[BONA], &time);

        g_assert_cmpint(client, >=, 0);
        left -= client < CLIENTS && time == rounds;
    }
    for (int i = 0; i < NEIGHBOURS; i++)
        peer_free(peers[i]);
    rig_free(rig);
}

static void test_slow_neighbour(void)
{
    run_slow_neighbour(false);
}

static void test_absent_neighbour(void)
{
    run_slow_neighbour(true);
}

typedef struct {
    Rig *rig;
    int first, count;
} Producer;

/* In batches of all sizes, beyond what the queue takes at once. */
static void produce(void *argument)
{
    const Producer *producer = argument;
    FloodUpdate updates[700];
    size_t gathered = 0;

    for (int i = 0; i < producer->count; i++) {
        Record *record = record_of(producer->first + i, 5);

        store_put(producer->rig->store, record, 0);
        updates[gathered++] = (FloodUpdate){.record = record};
        if (gathered <= (size_t)i % G_N_ELEMENTS(updates) && i + 1 < producer->count)
            continue;
        flood_push(producer->rig->flood, updates, gathered);
        gathered = 0;
    }
}

static void test_many_producers(void)
{
    enum { PRODUCERS = 4 };
    int count = g_getenv("HERD_TEST_SANITIZER") != NULL ? 3000 : 20000;
    Rig *rig = rig_new();
    Peer *peers[NEIGHBOURS];
    Producer producers[PRODUCERS];
    pthread_t threads[PRODUCERS];
    g_autofree int *heard = g_new0(int, (size_t)(PRODUCERS * count));
    g_autoptr(GError) error = NULL;

    greet_all(rig, peers);
    peer_free(peers[BONA]); /* one is enough */
    for (int i = 0; i < PRODUCERS; i++) {
        producers[i] = (Producer){.rig = rig, .first = i * count, .count = count};
        g_assert_true(thread_start(&threads[i], "producer", produce, &producers[i], &error));
    }
    for (int i = 0; i < PRODUCERS * count; i++) {
        int time;
        int client = hear_update(peers[CAMPBELL], &time);

        g_assert_cmpint(client, >=, 0);
        g_assert_cmpint(client, <, PRODUCERS * count);
        g_assert_cmpint(heard[client]++, ==, 0);
    }
    for (int i = 0; i < PRODUCERS; i++)
        thread_join(threads[i]);
    peer_free(peers[CAMPBELL]);
    rig_free(rig);
}

static void free_flood(void *pointer)
{
    Rig *rig = pointer;

    g_clear_pointer(&rig->flood, flood_free);
}

/* Whenever the end comes, also just after the last update. */
static void test_free_flushes(void)
{
    enum { ROUNDS = 60 };

    for (int round = 0; round < ROUNDS; round++) {
        Rig *rig = rig_new();
        Peer *peers[NEIGHBOURS];
        pthread_t thread;
        int updates = round % 3 == 0 ? 1 : g_test_rand_int_range(1, 1000);

        greet_all(rig, peers);
        for (int i = 1; i < updates; i++)
            update(rig, i, 5, CAMPBELL);
        update(rig, updates, 5, CLIENT);
        peers[BONA]->mute = peers[CAMPBELL]->mute = true;
        g_assert_true(thread_start(&thread, "free", free_flood, rig, NULL));
        for (int i = 1; i <= updates; i++) {
            int time;

            g_assert_cmpint(hear_update(peers[BONA], &time), ==, i);
        }
        assert_heard(peers[BONA], "");
        g_assert_cmpint(hear_until(peers[CAMPBELL], updates, 5), ==, 0);
        assert_heard(peers[CAMPBELL], "");
        for (int i = 0; i < NEIGHBOURS; i++)
            peer_free(peers[i]); /* for which the end of the links waits */
        thread_join(thread);
        rig_free(rig);
    }
}

/* One that takes little by little is waited for, longer than one that takes nothing. */
static void test_free_waits_for_the_slow(void)
{
    enum { STEPS = 12, PAUSE_MS = 150 };
    int updates = g_getenv("HERD_TEST_SANITIZER") != NULL ? 30000 : 150000; /* within 5 s */
    Rig *rig = rig_new();
    Peer *peers[NEIGHBOURS];
    pthread_t thread;
    int time;

    greet_all(rig, peers);
    for (int i = 0; i < updates; i++)
        update(rig, i, 5, CAMPBELL);
    peers[BONA]->mute = peers[CAMPBELL]->mute = true;
    g_assert_true(thread_start(&thread, "free", free_flood, rig, NULL));
    for (int i = 0; i < updates; i++) {
        if (i % (updates / STEPS) == 0)
            (void)poll(NULL, 0, PAUSE_MS); /* it is slow */
        g_assert_cmpint(hear_update(peers[BONA], &time), >=, 0);
    }
    for (int i = 0; i < NEIGHBOURS; i++)
        peer_free(peers[i]);
    thread_join(thread);
    rig_free(rig);
}

/* A neighbour that takes nothing holds the end up for a second, not for good. */
static void test_free_does_not_wait_for_good(void)
{
    enum { UPDATES = 150000 };
    Rig *rig = rig_new();
    Peer *peers[NEIGHBOURS];

    greet_all(rig, peers);
    for (int i = 0; i < UPDATES; i++)
        update(rig, i, 5, CAMPBELL);
    int64_t before = monotonic_ms();
    g_clear_pointer(&rig->flood, flood_free);
    g_assert_cmpint(monotonic_ms() - before, >=, 900);
    g_assert_cmpint(monotonic_ms() - before, <, 20000);
    for (int i = 0; i < NEIGHBOURS; i++)
        peer_free(peers[i]);
    rig_free(rig);
}

/* However they follow each other, the last leaves too though nothing comes after it. */
static void test_quick_updates(void)
{
    enum { ROUNDS = 1000, MOST_PAUSE_NS = 500000 };
    Rig *rig = rig_new();
    Peer *peers[NEIGHBOURS];
    int sent = 0, heard = 0, time;

    greet_all(rig, peers);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = g_test_rand_int_range(1, 6); i > 0; i--)
            update(rig, ++sent, 5, CAMPBELL);
        while (heard < sent)
            g_assert_cmpint(hear_update(peers[BONA], &time), ==, ++heard);
        struct timespec pause = {.tv_nsec = g_test_rand_int_range(0, MOST_PAUSE_NS)};
        (void)ppoll(NULL, 0, &pause, NULL);
    }
    for (int i = 0; i < NEIGHBOURS; i++)
        peer_free(peers[i]);
    rig_free(rig);
}

/* LeakSanitizer tells of what is queued and buffered and never sent. */
static void test_free_without_links(void)
{
    Rig *rig = rig_new();

    for (int i = 0; i < 1000; i++)
        update(rig, i, 5, CLIENT);
    flood_poke(rig->flood, id_of(BONA), 0);
    rig_free(rig);
}

/* A sign of life is no update, and goes to the neighbour that it is of. */
static void test_poke(void)
{
    Rig *rig = rig_new();
    Peer *peers[NEIGHBOURS];

    greet_all(rig, peers);
    for (int i = 0; i < NEIGHBOURS; i++)
        flood_poke(rig->flood, id_of(i), 0);
    update(rig, 1, 5, CLIENT);
    for (int i = 0; i < NEIGHBOURS; i++)
        g_assert_cmpint(hear_until(peers[i], 1, 5), ==, 0);
    for (int i = 0; i < NEIGHBOURS; i++)
        peer_free(peers[i]);
    rig_free(rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/flood/r20/not-back-to-where-it-came-from", test_not_back);
    g_test_add_func("/flood/r20/back-to-another-run-of-it", test_back_to_another_run);
    g_test_add_func("/flood/r23/found-is-compared", test_found_is_compared);
    g_test_add_func("/flood/r23/comes-back-with-the-whole-store", test_comes_back);
    g_test_add_func("/flood/r23/slow-neighbour-holds-nobody-up", test_slow_neighbour);
    g_test_add_func("/flood/r23/absent-neighbour-holds-nobody-up", test_absent_neighbour);
    g_test_add_func("/flood/push/many-producers-lose-nothing", test_many_producers);
    g_test_add_func("/flood/push/quick-updates-all-leave", test_quick_updates);
    g_test_add_func("/flood/poke/is-no-update", test_poke);
    g_test_add_func("/flood/free/sends-what-is-queued", test_free_flushes);
    g_test_add_func("/flood/free/waits-for-the-slow", test_free_waits_for_the_slow);
    g_test_add_func("/flood/free/does-not-wait-for-good", test_free_does_not_wait_for_good);
    g_test_add_func("/flood/free/without-links", test_free_without_links);
    return g_test_run();
}
