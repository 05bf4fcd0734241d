/* SPDX-License-Identifier: MIT */

/* What a link finds out by comparing, and how it finds out that the neighbour is gone. */

#include "tests/unit/net-link-rig.h"

static uint64_t root_of(Store *store)
{
    uint64_t sums[STORE_SHARDS], root = 0;

    store_shard_sums(store, sums);
    for (unsigned i = 0; i < STORE_SHARDS; i++)
        root += sums[i];
    return root;
}

/* An empty neighbour is told all, and once. */
static void test_whole_store(void)
{
    enum { CLIENTS = 3000 };
    Rig *rig = rig_new(&(Setup){0});
    g_autofree bool *heard = g_new0(bool, CLIENTS);
    uint64_t sent = counters_read(COUNT_SYNCS_SENT), live = counters_read(COUNT_UPDATES_SENT);

    for (int i = 0; i < CLIENTS; i++)
        put(rig, i, 5);
    g_assert_true(link_is_idle(rig->link));
    int peer = bring_up(rig);
    for (int i = 0; i < CLIENTS; i++) {
        Heard update = hear_update(rig, peer);

        g_assert_cmpint(update.client, >=, 0);
        g_assert_cmpint(update.client, <, CLIENTS);
        g_assert_cmpint(update.time, ==, 5);
        g_assert_true(update.found);
        g_assert_false(heard[update.client]);
        heard[update.client] = true;
    }
    g_autoptr(GArray) more = hear_all(rig, peer);
    g_assert_cmpuint(more->len, ==, 0);
    g_assert_true(root_of(rig->store) == root_of(rig->theirs));
    g_assert_cmpuint(counters_read(COUNT_SYNCS_SENT), ==, sent + CLIENTS);
    g_assert_cmpuint(counters_read(COUNT_UPDATES_SENT), ==, live + 1); /* of hear_all() */
    close(peer);
    rig_free(rig);
}

static void test_equal_stores(void)
{
    Rig *rig = rig_new(&(Setup){0});

    for (int i = 0; i < 2000; i++) {
        put(rig, i, 5);
        put_into(rig->theirs, i, 5);
    }
    int peer = bring_up(rig);
    g_autoptr(GArray) heard = hear_all(rig, peer);
    g_assert_cmpuint(heard->len, ==, 0);
    g_assert_cmpuint(rig->questions, ==, 1);
    close(peer);
    rig_free(rig);
}

/* Bona lacks 0 to 4, has older ones of 5 to 9, newer ones of 10 to 14 and some that we lack. */
static void test_difference(void)
{
    enum { CLIENTS = 2000, DUE = 10, NEWER = 15 };
    Rig *rig = rig_new(&(Setup){0});
    bool due[DUE] = {false};

    for (int i = 0; i < CLIENTS; i++) {
        put(rig, i, 5);
        if (i >= 5)
            put_into(rig->theirs, i, i < DUE ? 4 : i < NEWER ? 6 : 5);
        if (i < 5)
            put_into(rig->theirs, CLIENTS + i, 5);
    }
    int peer = bring_up(rig);
    g_autoptr(GArray) all = hear_all(rig, peer);
    for (unsigned i = 0; i < all->len; i++) {
        Heard heard = g_array_index(all, Heard, i);

        g_assert_true(heard.found);
        g_assert_cmpint(heard.time, ==, 5);
        if (heard.client < DUE) {
            g_assert_false(due[heard.client]);
            due[heard.client] = true;
        }
    }
    for (int i = 0; i < DUE; i++)
        g_assert_true(due[i]);
    /* A leaf is sent as a whole, and Bona's newer ones make a difference too. */
    g_assert_cmpuint(all->len, <, 2 * NEWER);
    g_assert_cmpuint(rig->questions, <=, 2 + NEWER + 5);
    close(peer);
    rig_free(rig);
}

/* What a comparison has brought in is not offered but compared: it costs nothing when the
 * neighbour has it. */
static void test_found_is_compared(void)
{
    Rig *rig = rig_new(&(Setup){0});
    int peer = bring_up(rig);
    g_autoptr(GArray) before = hear_all(rig, peer);
    unsigned questions = rig->questions;
    g_autoptr(Record) known = record_of(1, 5);
    g_autoptr(Record) lacking = record_of(2, 5);

    g_assert_cmpuint(before->len, ==, 0);
    put(rig, 1, 5);
    put_into(rig->theirs, 1, 5);
    for (int times = 0; times < 100; times++)
        link_offer(rig->link, known, true);
    g_autoptr(GArray) nothing = hear_all(rig, peer);
    g_assert_cmpuint(nothing->len, ==, 0);
    g_assert_cmpuint(rig->questions, ==, questions + 1);

    put(rig, 2, 5);
    link_offer(rig->link, lacking, true);
    assert_heard(rig, peer, "SYNC Clark +0.000000001 2 " PLACE " 5\n");
    g_assert_cmpuint(rig->questions, ==, questions + 2);
    close(peer);
    rig_free(rig);
}

/* Whoever moves all the while keeps neither the others who do nor those who rest from being heard.
 */
static void test_nobody_starves(void)
{
    enum { MOVING = 6000, RESTING = 80000, STEP = MOVING + 2000, STEPS = 80 };
    Rig *rig = rig_new(&(Setup){0});
    g_autofree bool *heard = g_new0(bool, MOVING + RESTING);
    int left = MOVING + RESTING;

    for (int i = MOVING; i < MOVING + RESTING; i++)
        put(rig, i, 1);
    int peer = bring_up(rig);
    for (int step = 1; step <= STEPS && left > 0; step++) {
        for (int i = 0; i < MOVING; i++)
            offer(rig, i, step);
        for (int i = 0; i < STEP && left > 0; i++) {
            int client = hear_update(rig, peer).client;

            left -= !heard[client];
            heard[client] = true;
        }
    }
    g_assert_cmpint(left, ==, 0);
    close(peer);
    rig_free(rig);
}

/* The same with a neighbour that takes half of what is said: it hears of everybody. */
static void test_nobody_starves_of_too_many(void)
{
    enum { MOVING = 6000, STEP = 3000, STEPS = 80 };
    Rig *rig = rig_new(&(Setup){0});
    g_autofree int *last = g_new0(int, MOVING);
    int peer = bring_up(rig), least = STEPS;

    for (int step = 1; step <= STEPS; step++) {
        for (int i = 0; i < MOVING; i++)
            offer(rig, i, step);
        for (int i = 0; i < STEP; i++) {
            Heard heard = hear_update(rig, peer);

            g_assert_cmpint(heard.time, >=, last[heard.client]);
            last[heard.client] = heard.time;
        }
        pump(rig);
    }
    for (int i = 0; i < MOVING; i++)
        least = MIN(least, last[i]);
    g_assert_cmpint(least, >, 0);
    close(peer);
    rig_free(rig);
}

/* A store that does not fit, while newer records come: each client's newest arrives last. */
static void test_store_beside_news(void)
{
    enum { CLIENTS = 12000 };
    Rig *rig = rig_new(&(Setup){0});
    g_autofree int *last = g_new0(int, CLIENTS);

    for (int i = 0; i < CLIENTS; i++)
        put(rig, i, 1);
    int peer = bring_up(rig);
    for (int i = 0; i < CLIENTS; i += 3)
        update(rig, i, 2);
    for (int done = 0; done < CLIENTS;) {
        Heard heard = hear_update(rig, peer);
        int due = heard.client % 3 == 0 ? 2 : 1;

        done += last[heard.client] < due && heard.time == due;
        last[heard.client] = MAX(last[heard.client], heard.time);
    }
    g_array_unref(hear_all(rig, peer));
    g_assert_true(root_of(rig->store) == root_of(rig->theirs));
    close(peer);
    rig_free(rig);
}

/* An answer that was not asked for, or is none, ends the connection; the next one is good. */
static void test_wrong_answers(void)
{
    static const char *const answers[] = {
        "SUMS ROOT 0000000000000000\n",                /* once too often */
        "SUMS 17 0000000000000000\n",                  /* nobody asked */
        "SUMS SHARDS 0000000000000000\n",              /* nor for that */
        "SUMS ROOT 000000000000000\n",                 /* too short */
        "SUMS ROOT 000000000000000g\n",                /* no digits */
        "SUMS ROOT 0000000000000000 00000000000000\n", /* too many */
    };

    for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
        Rig *rig = rig_new(&(Setup){0});
        int peer = bring_up(rig);
        uint64_t down = counters_read(COUNT_LINKS_DOWN);

        put(rig, 1, 5);
        assert_heard_any(rig, peer, "DIGEST ROOT\n");
        if (i == 0) {
            say_sums(rig, peer, PART_ROOT);
            assert_heard_any(rig, peer, "DIGEST SHARDS\n");
        }
        say(rig, peer, answers[i]);
        pump_until_counted(rig, COUNT_LINKS_DOWN, down + 1);
        close(peer);
        peer = bring_up(rig);
        assert_heard(rig, peer, "SYNC Clark +0.000000001 1 " PLACE " 5\n");
        close(peer);
        g_autofree char *log = rig_end(rig);
        g_assert_nonnull(
            strstr(log, "link Bona down: the neighbour answers what it was not asked\n"));
    }
}

/* From time to time it compares although nothing should differ; what does is mended and counted. */
static void test_resync(void)
{
    enum { INTERVAL_MS = 60000 };
    Rig *rig = rig_new(&(Setup){.options = "resync_interval_s = 60"});
    uint64_t diverged = counters_read(COUNT_DIVERGED);
    int64_t before = monotonic_ms();
    int peer = bring_up(rig);
    int64_t after = monotonic_ms();

    g_array_unref(hear_all(rig, peer));
    put(rig, 1, 5); /* of which nobody tells the link */
    link_tick(rig->link, before + INTERVAL_MS - 1);
    g_array_unref(hear_all(rig, peer));
    g_assert_cmpuint(rig->questions, ==, 1);

    link_tick(rig->link, after + INTERVAL_MS);
    g_autoptr(GArray) heard = hear_all(rig, peer);
    g_assert_cmpuint(heard->len, ==, 1);
    g_assert_cmpint(g_array_index(heard, Heard, 0).client, ==, 1);
    g_assert_cmpuint(rig->questions, ==, 1 + 4); /* root, shards, and the leaves twice */
    g_assert_cmpuint(counters_read(COUNT_DIVERGED), ==, diverged + 1);

    link_tick(rig->link, after + 2 * INTERVAL_MS);
    g_autoptr(GArray) nothing = hear_all(rig, peer);
    g_assert_cmpuint(nothing->len, ==, 0);
    g_assert_cmpuint(rig->questions, ==, 1 + 4 + 1);
    g_assert_cmpuint(counters_read(COUNT_DIVERGED), ==, diverged + 1);
    close(peer);
    rig_free(rig);
}

/* An interval that is new counts from now on; the connection stays. */
static void test_take_config(void)
{
    enum { INTERVAL_MS = 20000 };
    Rig *rig = rig_new(&(Setup){.options = "resync_interval_s = 0"});
    g_autoptr(Config) often = load_config(rig, &(Setup){.options = "resync_interval_s = 20"});
    g_autoptr(Config) never = load_config(rig, &(Setup){.options = "resync_interval_s = 0"});
    g_autoptr(Config) foreign =
        load_config(rig, &(Setup){.options = "", .neighbour = "dialect = plain\n"});
    int peer = bring_up(rig);

    g_array_unref(hear_all(rig, peer));
    int64_t before = monotonic_ms();
    g_assert_true(link_take_config(rig->link, often));
    int64_t after = monotonic_ms();
    link_tick(rig->link, before + INTERVAL_MS - 1);
    g_array_unref(hear_all(rig, peer));
    g_assert_cmpuint(rig->questions, ==, 1);
    link_tick(rig->link, after + INTERVAL_MS);
    g_array_unref(hear_all(rig, peer));
    g_assert_cmpuint(rig->questions, ==, 2);

    g_assert_true(link_take_config(rig->link, never));
    link_tick(rig->link, monotonic_ms() + 10 * INTERVAL_MS);
    g_array_unref(hear_all(rig, peer));
    g_assert_cmpuint(rig->questions, ==, 2);
    g_assert_false(link_take_config(rig->link, foreign));
    g_assert_true(link_neighbour(rig->link) == g_quark_from_string("Bona"));
    close(peer);
    rig_free(rig);
}

/* Times at which the link has certainly not timed out yet, and certainly has, unless Bona has shown
 * a sign of life after @up. */
static int64_t just_before(int64_t before)
{
    return before + TIMEOUT_MS - 1;
}

static int64_t timed_out(int64_t up)
{
    return up + TIMEOUT_MS;
}

/* What Bona says from now on she says later than @then. */
static void pass(int64_t then)
{
    while (monotonic_ms() <= then)
        ;
}

/* The time is over for a neighbour that says nothing; though its side may yet acknowledge the last
 * bytes that it was sent, which is a sign of life. @down: COUNT_LINKS_DOWN before. */
static void tick_until_down(Rig *rig, uint64_t down)
{
    int64_t deadline = monotonic_ms() + DEADLINE_MS;

    while (counters_read(COUNT_LINKS_DOWN) == down) {
        g_assert_cmpint(monotonic_ms(), <, deadline);
        link_tick(rig->link, timed_out(monotonic_ms()));
    }
    g_assert_cmpuint(counters_read(COUNT_LINKS_DOWN), ==, down + 1);
}

static void test_silent(void)
{
    Rig *rig = rig_new(&(Setup){0});
    uint64_t down = counters_read(COUNT_LINKS_DOWN);
    int64_t before = monotonic_ms();
    int peer = bring_up(rig);
    int64_t after = monotonic_ms();

    for (int64_t now = before; now < just_before(before); now += TIMEOUT_MS / 100) {
        int64_t next = link_tick(rig->link, now);

        g_assert_cmpint(next, <=, MAX(now, after) + 1000); /* for the next heartbeat */
        link_tick(rig->link, 0);                           /* sends, and nothing is due */
    }
    link_tick(rig->link, just_before(before));
    g_assert_cmpuint(counters_read(COUNT_LINKS_DOWN), ==, down);
    tick_until_down(rig, down);
    /* It was asked. */
    assert_heard_any(rig, peer, "DIGEST ROOT\n");
    for (int i = 0; i < 99; i++)
        assert_heard_any(rig, peer, "PING\n");
    close(peer);
    g_autofree char *log = rig_end(rig);
    g_assert_nonnull(strstr(log, "link Bona down: nothing comes from the neighbour\n"));
}

/* Whatever it says, it is there. */
static void test_answers(void)
{
    static const char *const signs[] = {"PONG\n", "\n", "? PING\n", "P"};

    for (size_t i = 0; i < G_N_ELEMENTS(signs); i++) {
        Rig *rig = rig_new(&(Setup){0});
        uint64_t down = counters_read(COUNT_LINKS_DOWN);
        int64_t before = monotonic_ms();
        int peer = bring_up(rig);

        g_array_unref(hear_all(rig, peer));
        int64_t after = monotonic_ms();
        link_tick(rig->link, just_before(before));
        link_tick(rig->link, 0); /* sends, and nothing is due */
        assert_heard_any(rig, peer, "PING\n");
        pass(after);
        say(rig, peer, signs[i]);
        struct pollfd polled = {.fd = rig->epoll, .events = POLLIN};
        g_assert_cmpint(poll(&polled, 1, DEADLINE_MS), ==, 1);
        serve_socket(rig);
        link_tick(rig->link, timed_out(after));
        g_assert_cmpuint(counters_read(COUNT_LINKS_DOWN), ==, down);
        close(peer);
        rig_free(rig);
    }
}

/* More than all buffers between here and Bona hold. */
static void offer_too_much(Rig *rig)
{
    enum { CLIENTS = 8000, ID_LENGTH = 3000 };
    g_autofree char *id = g_strnfill(ID_LENGTH, 'k');

    for (int i = 0; i < CLIENTS; i++) {
        g_autofree char *line = g_strdup_printf("AT Clark +0.000000001 %s%d +1+1 5", id, i);
        Message m = message_parse(slice_of(line));
        g_autoptr(Record) record = record_new(&m.at);

        link_offer(rig->link, record, false);
    }
    for (int i = 0; i < 100; i++)
        link_tick(rig->link, 0); /* sends, and nothing is due */
    g_assert_false(link_is_idle(rig->link));
}

/* One that reads is not dead, though a question would be long on its way to it. One that does not
 * is. */
static void test_slow(void)
{
    enum { READ = 2 << 20 };
    Rig *rig = rig_new(&(Setup){0});
    uint64_t down = counters_read(COUNT_LINKS_DOWN);
    int peer = bring_up(rig);

    g_array_unref(hear_all(rig, peer));
    offer_too_much(rig);
    link_tick(rig->link, monotonic_ms() + 5000); /* sees how far it is */
    for (int times = 0; times < 3; times++) {
        int64_t then = monotonic_ms();

        for (ssize_t left = READ; left > 0;) {
            ssize_t n = recv(peer, rig->bytes, sizeof rig->bytes, 0);

            g_assert_true(n > 0 || errno == EAGAIN);
            left -= MAX(n, 0);
            link_tick(rig->link, 0); /* sends, and nothing is due */
        }
        pass(then);
        link_tick(rig->link, timed_out(then));
        g_assert_cmpuint(counters_read(COUNT_LINKS_DOWN), ==, down);
    }
    tick_until_down(rig, down);
    close(peer);
    g_autofree char *log = rig_end(rig);
    g_assert_nonnull(strstr(log, "link Bona down: nothing comes from the neighbour\n"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/link/r23/whole-store-when-the-neighbour-is-empty", test_whole_store);
    g_test_add_func("/link/r23/equal-stores-cost-one-question", test_equal_stores);
    g_test_add_func("/link/r23/only-what-differs", test_difference);
    g_test_add_func("/link/r23/whole-store-beside-what-is-new", test_store_beside_news);
    g_test_add_func("/link/r23/nobody-starves", test_nobody_starves);
    g_test_add_func("/link/r23/nobody-starves-of-too-many", test_nobody_starves_of_too_many);
    g_test_add_func("/link/heartbeat/silent-is-down", test_silent);
    g_test_add_func("/link/heartbeat/whatever-it-says-it-is-there", test_answers);
    g_test_add_func("/link/heartbeat/slow-is-not-dead", test_slow);
    g_test_add_func("/link/offer/found-is-compared", test_found_is_compared);
    g_test_add_func("/link/compare/wrong-answers", test_wrong_answers);
    g_test_add_func("/link/compare/again-from-time-to-time", test_resync);
    g_test_add_func("/link/take-config/interval-counts-from-now-on", test_take_config);
    return g_test_run();
}
