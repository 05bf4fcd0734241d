/* SPDX-License-Identifier: MIT */
#include "core/counters.h"
#include "core/message.h"
#include "net/outbox.h"

#include <glib.h>
#include <stdio.h>

/* A record of client number @client at @time. (transfer full) */
static Record *record_of(int client, int time)
{
    g_autofree char *line =
        g_strdup_printf("AT Clark +0.000000001 %d +34.068930-118.445127 %d", client, time);
    Message m = message_parse(slice_of(line));

    g_assert_cmpint(m.kind, ==, MESSAGE_AT);
    return record_new(&m.at);
}

static void add(Outbox *outbox, int client, int time)
{
    g_autoptr(Record) record = record_of(client, time);

    outbox_add(outbox, record);
}

static void find(Outbox *outbox, int client, int time)
{
    g_ptr_array_add(outbox_found(outbox), record_of(client, time));
}

typedef struct {
    int client, time;
    bool found;
} Sent;

/* Sends what is next. FALSE: there is nothing. */
static bool send_next(Outbox *outbox, Sent *ret_sent)
{
    static int64_t now = 1;
    OutboxEntry entry, again;

    outbox_tick(outbox, now++); /* the pace is the affair of another test */
    g_assert_cmpint(outbox_is_ready(outbox), ==, !outbox_is_empty(outbox));
    if (!outbox_next(outbox, &entry)) {
        g_assert_true(outbox_is_empty(outbox));
        return false;
    }
    g_assert_false(outbox_is_empty(outbox));
    g_assert_true(outbox_next(outbox, &again)); /* the same one until it is sent */
    g_assert_true(again.record == entry.record && again.found == entry.found);
    g_assert_cmpint(sscanf(record_line(entry.record).data,
                           "AT Clark +0.000000001 %d +34.068930-118.445127 %d", &ret_sent->client,
                           &ret_sent->time),
                    ==, 2);
    ret_sent->found = entry.found;
    outbox_sent(outbox, &entry);
    return true;
}

static void assert_sent(Outbox *outbox, int client, int time, bool found)
{
    Sent sent = {0};

    g_assert_true(send_next(outbox, &sent));
    g_assert_cmpint(sent.client, ==, client);
    g_assert_cmpint(sent.time, ==, time);
    g_assert_cmpint(sent.found, ==, found);
}

static void assert_nothing(Outbox *outbox)
{
    Sent sent;

    g_assert_false(send_next(outbox, &sent));
}

static void test_empty(void)
{
    Outbox *outbox = outbox_new(NULL);

    g_assert_true(outbox_is_empty(outbox));
    assert_nothing(outbox);
    add(outbox, 1, 5);
    g_assert_false(outbox_is_empty(outbox));
    assert_sent(outbox, 1, 5, false);
    g_assert_true(outbox_is_empty(outbox));
    find(outbox, 2, 5);
    g_assert_false(outbox_is_empty(outbox));
    assert_sent(outbox, 2, 5, true);
    assert_nothing(outbox);
    outbox_free(outbox);
}

static void test_newest_of_a_client(void)
{
    Outbox *outbox = outbox_new(NULL);
    uint64_t conflated = counters_read(COUNT_UPDATES_CONFLATED);

    add(outbox, 1, 5);
    add(outbox, 1, 7);
    add(outbox, 1, 6); /* late */
    add(outbox, 1, 7); /* twice */
    g_assert_cmpuint(counters_read(COUNT_UPDATES_CONFLATED), ==, conflated + 3);
    assert_sent(outbox, 1, 7, false);
    assert_nothing(outbox);
    outbox_free(outbox);
}

/* A client that moves while its record waits to be sent is told about once. */
static void test_moves_in_the_batch(void)
{
    Outbox *outbox = outbox_new(NULL);
    OutboxEntry entry;
    uint64_t conflated = counters_read(COUNT_UPDATES_CONFLATED);

    add(outbox, 1, 5);
    g_assert_true(outbox_next(outbox, &entry)); /* it is in the batch by now */
    add(outbox, 1, 6);
    assert_sent(outbox, 1, 6, false);
    assert_nothing(outbox);
    g_assert_cmpuint(counters_read(COUNT_UPDATES_CONFLATED), ==, conflated + 1);

    add(outbox, 1, 8);
    g_assert_true(outbox_next(outbox, &entry));
    add(outbox, 1, 7); /* late */
    assert_sent(outbox, 1, 8, false);
    assert_nothing(outbox);
    g_assert_cmpuint(counters_read(COUNT_UPDATES_CONFLATED), ==, conflated + 2);
    outbox_free(outbox);
}

/* What has moved since it was found is news, which goes on record by record. */
static void test_found_and_moved(void)
{
    Outbox *outbox = outbox_new(NULL);
    OutboxEntry entry;

    outbox_tick(outbox, 1);
    find(outbox, 1, 5);
    g_assert_true(outbox_next(outbox, &entry));
    g_assert_true(entry.found);
    add(outbox, 1, 6);
    assert_sent(outbox, 1, 6, false);
    assert_nothing(outbox);

    find(outbox, 1, 8);
    g_assert_true(outbox_next(outbox, &entry));
    add(outbox, 1, 7); /* older than what was found */
    assert_sent(outbox, 1, 8, true);
    assert_nothing(outbox);
    outbox_free(outbox);
}

/* What was found goes at a pace, news when there is some. */
static void test_pace(void)
{
    enum { FOUND = 5 * OUTBOX_FOUND_PER_MS };
    Outbox *outbox = outbox_new(NULL);
    OutboxEntry entry;
    int sent = 0;

    g_assert_cmpint(outbox_tick(outbox, 1000), ==, INT64_MAX);
    for (int i = 0; i < FOUND; i++)
        find(outbox, i, 5);
    for (int64_t now = 1000; sent < FOUND; now++) {
        int before = sent;

        g_assert_cmpint(outbox_tick(outbox, now), ==, now + 1);
        for (; outbox_next(outbox, &entry); sent++)
            outbox_sent(outbox, &entry);
        g_assert_cmpint(outbox_is_empty(outbox), ==, sent == FOUND);
        g_assert_false(outbox_is_ready(outbox));
        /* However long nothing was sent, no more than two milliseconds' worth comes at once. */
        g_assert_cmpint(sent - before, ==,
                        before == 0 ? 2 * OUTBOX_FOUND_PER_MS : OUTBOX_FOUND_PER_MS);
        if (sent < FOUND) {
            add(outbox, FOUND, (int)now);
            g_assert_true(outbox_is_ready(outbox));
            g_assert_true(outbox_next(outbox, &entry));
            g_assert_false(entry.found);
            outbox_sent(outbox, &entry);
            g_assert_false(outbox_next(outbox, &entry));
        }
    }
    g_assert_cmpint(outbox_tick(outbox, 5000), ==, INT64_MAX);
    outbox_free(outbox);
}

/* However many of the one there are, the other waits for one batch at the most. */
static void test_in_turns(void)
{
    enum { ROUNDS = 20, EACH = 10 };
    Outbox *outbox = outbox_new(NULL);
    int next = 0, turns = 0;
    bool last = false;

    for (int round = 0; round < ROUNDS; round++) {
        Sent sent;

        for (int i = 0; i < EACH; i++) {
            add(outbox, next++, 5);
            find(outbox, next++, 5);
        }
        for (int i = 0; i < EACH; i++) { /* half of what comes in */
            g_assert_true(send_next(outbox, &sent));
            turns += round + i > 0 && sent.found != last;
            last = sent.found;
        }
    }
    g_assert_cmpint(turns, >=, 3); /* batches double as they wait */
    outbox_free(outbox);
}

/* A store is told whole however much news there is, and what is cut short goes on where it was. */
static void test_store(void)
{
    enum { CLIENTS = 5000, CUT = 4000 };
    g_autoptr(Store) store = store_new();
    Outbox *outbox = outbox_new(store);
    g_autofree bool *told = g_new0(bool, 2 * CLIENTS);
    Sent sent;
    int left = CLIENTS, turns = 0;

    outbox_add_store(outbox); /* there is nothing in it */
    g_assert_true(outbox_is_empty(outbox));
    for (int i = 0; i < CLIENTS; i++) {
        g_autoptr(Record) record = record_of(i, 5);

        g_assert_cmpint(store_put(store, record, 0), ==, STORE_STORED);
    }
    outbox_add_store(outbox);
    add(outbox, 0, 5); /* it is in the store, and not told twice */
    for (int i = 0; left > 0; i++) {
        if (i == CUT / 2) {
            outbox_clear(outbox);
            g_assert_true(outbox_is_empty(outbox));
            outbox_add_store(outbox);
        }
        add(outbox, CLIENTS + i % 100, i);
        g_assert_true(send_next(outbox, &sent));
        turns++;
        left -= sent.client < CLIENTS && !told[sent.client];
        told[sent.client] = true;
        g_assert_cmpint(turns, <, 2 * CLIENTS + CUT);
    }
    outbox_free(outbox);
}

static void test_clear(void)
{
    Outbox *outbox = outbox_new(NULL);
    OutboxEntry entry;

    add(outbox, 1, 5);
    add(outbox, 2, 5);
    g_assert_true(outbox_next(outbox, &entry));
    add(outbox, 1, 6);
    find(outbox, 3, 5);
    outbox_clear(outbox);
    g_assert_true(outbox_is_empty(outbox));
    assert_nothing(outbox);
    add(outbox, 1, 5);
    assert_sent(outbox, 1, 5, false);
    assert_nothing(outbox);

    /* LeakSanitizer tells of what is left behind. */
    add(outbox, 1, 5);
    find(outbox, 2, 5);
    g_assert_true(outbox_next(outbox, &entry));
    add(outbox, 3, 5);
    outbox_free(outbox);
}

/* Whatever comes in between: of every client the newest is sent last, nothing is sent twice as
 * news, and what is offered is sent or conflated. */
static void test_property(void)
{
    enum { CLIENTS = 20, STEPS = 2000, ROUNDS = 20 };

    for (int round = 0; round < ROUNDS; round++) {
        Outbox *outbox = outbox_new(NULL);
        int newest[CLIENTS] = {0}, last[CLIENTS] = {0};
        uint64_t conflated = counters_read(COUNT_UPDATES_CONFLATED), in = 0, out = 0;
        Sent sent;

        for (int step = 0; step < STEPS; step++) {
            int client = g_test_rand_int_range(0, CLIENTS);
            int time = g_test_rand_int_range(1, STEPS);

            switch (g_test_rand_int_range(0, 3)) {
            case 0:
                add(outbox, client, time);
                newest[client] = MAX(newest[client], time);
                in++;
                break;
            case 1:
                find(outbox, client, time);
                newest[client] = MAX(newest[client], time);
                in++;
                break;
            default:
                if (!send_next(outbox, &sent))
                    break;
                last[sent.client] = MAX(last[sent.client], sent.time);
                out++;
            }
        }
        while (send_next(outbox, &sent)) {
            last[sent.client] = MAX(last[sent.client], sent.time);
            out++;
        }
        for (int i = 0; i < CLIENTS; i++)
            g_assert_cmpint(last[i], ==, newest[i]);
        conflated = counters_read(COUNT_UPDATES_CONFLATED) - conflated;
        g_assert_cmpuint(out + conflated, ==, in);
        outbox_free(outbox);
    }
}

static void assert_waits(const Outbox *outbox, size_t count, int64_t oldest)
{
    g_assert_cmpuint(outbox_count(outbox), ==, count);
    g_assert_cmpint(outbox_oldest(outbox), ==, oldest);
}

/* What is next at @now is sent. */
static void send_one(Outbox *outbox, int64_t now)
{
    OutboxEntry entry;

    outbox_tick(outbox, now);
    g_assert_true(outbox_next(outbox, &entry));
    outbox_sent(outbox, &entry);
}

static void test_oldest(void)
{
    Store *store = store_new();
    Outbox *outbox = outbox_new(store);

    assert_waits(outbox, 0, INT64_MAX);
    add(outbox, 1, 1);
    add(outbox, 2, 1);
    outbox_tick(outbox, 1000);
    assert_waits(outbox, 2, 1000);
    outbox_tick(outbox, 2000);
    assert_waits(outbox, 2, 1000);
    /* Those two become a batch; what comes after it is younger, and the oldest once it has gone. */
    send_one(outbox, 2500);
    add(outbox, 3, 1);
    outbox_tick(outbox, 3000);
    assert_waits(outbox, 2, 1000);
    send_one(outbox, 4000);
    assert_waits(outbox, 1, 3000);
    send_one(outbox, 5000);
    assert_waits(outbox, 0, INT64_MAX);
    /* What was found waits too. */
    find(outbox, 4, 1);
    outbox_tick(outbox, 6000);
    assert_waits(outbox, 1, 6000);
    outbox_clear(outbox);
    assert_waits(outbox, 0, INT64_MAX);
    outbox_tick(outbox, 7000);
    find(outbox, 4, 1);
    outbox_tick(outbox, 8000);
    assert_waits(outbox, 1, 8000);
    outbox_free(outbox);
    store_free(store);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/outbox/store/whole-beside-news-and-after-a-cut", test_store);
    g_test_add_func("/outbox/next/what-was-found-keeps-a-pace", test_pace);
    g_test_add_func("/outbox/next/nothing-when-empty", test_empty);
    g_test_add_func("/outbox/add/newest-of-a-client", test_newest_of_a_client);
    g_test_add_func("/outbox/add/moves-while-it-waits", test_moves_in_the_batch);
    g_test_add_func("/outbox/found/is-news-once-it-has-moved", test_found_and_moved);
    g_test_add_func("/outbox/found/in-turns-with-news", test_in_turns);
    g_test_add_func("/outbox/oldest/by-batches", test_oldest);
    g_test_add_func("/outbox/clear/leaves-nothing", test_clear);
    g_test_add_func("/outbox/property/newest-of-each-is-sent", test_property);
    return g_test_run();
}
