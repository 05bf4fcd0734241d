/* SPDX-License-Identifier: MIT */

/* Links to neighbours that are told message by message (delivery = message), and to those that are
 * no herdd (PROTOCOL R24). */

#include "tests/unit/net-link-rig.h"

/* A connection to Bona in her run @run, its hello answered. */
static int accept_run(Rig *rig, int64_t run)
{
    int peer = accept_link(rig);
    g_autofree char *hello = message_format_hello("Bona", "Bailey", run);

    assert_hello(rig, peer);
    say(rig, peer, hello);
    return peer;
}

/* All updates of a connection up to its end, which is then Bona's too. (transfer full) of Heard */
static GArray *hear_message(Rig *rig, int peer)
{
    GArray *all = g_array_new(FALSE, FALSE, sizeof(Heard));
    int64_t deadline = monotonic_ms() + DEADLINE_MS;

    for (;;) {
        g_autofree char *line = hear(rig, peer);

        if (*line == '\0')
            break;
        Heard heard = heard_in(line);
        g_array_append_val(all, heard);
    }
    close(peer);
    while (!link_is_idle(rig->link)) {
        g_assert_cmpint(monotonic_ms(), <, deadline);
        serve_socket(rig);
    }
    return all;
}

static void assert_message(Rig *rig, int peer, int client, int time, bool found)
{
    g_autoptr(GArray) all = hear_message(rig, peer);

    g_assert_cmpuint(all->len, ==, 1);
    g_assert_cmpint(g_array_index(all, Heard, 0).client, ==, client);
    g_assert_cmpint(g_array_index(all, Heard, 0).time, ==, time);
    g_assert_cmpint(g_array_index(all, Heard, 0).found, ==, found);
}

/* Whatever the time, it has nothing to do. */
static void assert_rests(Rig *rig)
{
    g_assert_cmpint(pump_at(rig, INT64_MAX - 1), ==, INT64_MAX);
    g_assert_false(is_readable(rig->listener));
    g_assert_true(link_is_idle(rig->link));
}

/* One connection carries all that is to be said, and there is none when there is nothing. */
static void test_native_message(void)
{
    enum { CLIENTS = 50 };
    Rig *rig = rig_new(&(Setup){.messages = true});
    uint64_t up = counters_read(COUNT_LINKS_UP), down = counters_read(COUNT_LINKS_DOWN);

    for (int i = 0; i < CLIENTS; i++)
        put(rig, i, 5);
    g_autoptr(GArray) store = hear_message(rig, accept_run(rig, 7));
    g_assert_cmpuint(store->len, ==, CLIENTS);
    for (int i = 0; i < CLIENTS; i++)
        g_assert_true(g_array_index(store, Heard, i).found);
    assert_rests(rig);

    unsigned questions = rig->questions;
    for (int i = 0; i < CLIENTS; i++)
        update(rig, i, 6);
    offer(rig, 1, 5); /* older */
    g_assert_false(link_is_idle(rig->link));
    g_autoptr(GArray) news = hear_message(rig, accept_run(rig, 7));
    g_assert_cmpuint(news->len, ==, CLIENTS);
    for (int i = 0; i < CLIENTS; i++) {
        g_assert_cmpint(g_array_index(news, Heard, i).time, ==, 6);
        g_assert_false(g_array_index(news, Heard, i).found);
    }
    assert_rests(rig);
    g_assert_cmpuint(rig->questions, ==, questions); /* it was up all the while */
    g_assert_cmpuint(counters_read(COUNT_LINKS_UP), ==, up + 1);
    g_assert_cmpuint(counters_read(COUNT_LINKS_DOWN), ==, down);
    g_autofree char *log = rig_end(rig);
    g_assert_cmpuint(count_of(log, "link Bona up\n"), ==, 1);
    g_assert_cmpuint(count_of(log, "link Bona down"), ==, 0);
}

/* What comes while a message ends is for the next one. */
static void test_native_message_beside_news(void)
{
    Rig *rig = rig_new(&(Setup){.messages = true});

    put(rig, 1, 5);
    int peer = accept_run(rig, 7);
    assert_heard(rig, peer, "SYNC Clark +0.000000001 1 " PLACE " 5\n");
    assert_heard(rig, peer, "");
    update(rig, 2, 5);
    g_assert_false(link_is_idle(rig->link));
    close(peer);
    assert_message(rig, accept_run(rig, 7), 2, 5, false);
    assert_rests(rig);
    rig_free(rig);
}

/* Another run of the neighbour knows nothing, whether it says so when we come or comes itself. */
static void test_native_message_new_run(void)
{
    Rig *rig = rig_new(&(Setup){.messages = true});

    put(rig, 1, 5);
    assert_message(rig, accept_run(rig, 7), 1, 5, true);

    store_free(rig->theirs);
    rig->theirs = store_new();
    update(rig, 2, 5);
    g_autoptr(GArray) both = hear_message(rig, accept_run(rig, 8));
    bool heard[3] = {false};
    for (unsigned i = 0; i < both->len; i++)
        heard[g_array_index(both, Heard, i).client] = true;
    g_assert_true(heard[1] && heard[2]);
    g_assert_cmpint(link_incarnation(rig->link), ==, 8);

    link_poke(rig->link, 8);
    assert_rests(rig);
    store_free(rig->theirs);
    rig->theirs = store_new();
    link_poke(rig->link, 9);
    g_autoptr(GArray) all = hear_message(rig, accept_run(rig, 9));
    g_assert_cmpuint(all->len, ==, 2);
    rig_free(rig);
}

/* Compared, not told record by record. */
static void test_native_message_found(void)
{
    Rig *rig = rig_new(&(Setup){.messages = true});
    g_autoptr(Record) record = record_of(1, 5);

    g_array_unref(hear_message(rig, accept_run(rig, 7)));
    put(rig, 1, 5);
    link_offer(rig->link, record, true);
    assert_message(rig, accept_run(rig, 7), 1, 5, true);
    link_offer(rig->link, record, true);
    g_autoptr(GArray) nothing = hear_message(rig, accept_run(rig, 7));
    g_assert_cmpuint(nothing->len, ==, 0);
    rig_free(rig);
}

/* A neighbour that goes in the middle is down: what it lacks is found when it is back. */
static void test_native_message_failure(void)
{
    Rig *rig = rig_new(&(Setup){.messages = true});
    uint64_t up = counters_read(COUNT_LINKS_UP), down = counters_read(COUNT_LINKS_DOWN);

    g_array_unref(hear_message(rig, accept_run(rig, 7)));
    update(rig, 1, 5);
    int peer = accept_link(rig);
    assert_hello(rig, peer);
    close(peer);
    pump_until_counted(rig, COUNT_LINKS_DOWN, down + 1);
    assert_message(rig, accept_run(rig, 7), 1, 5, true);

    /* One that reads and does not end it is as good as gone. */
    update(rig, 2, 5);
    peer = accept_run(rig, 7);
    assert_heard(rig, peer, "AT Clark +0.000000001 2 " PLACE " 5\n");
    assert_heard(rig, peer, "");
    int64_t deadline = monotonic_ms() + DEADLINE_MS;
    for (int64_t now = monotonic_ms(); counters_read(COUNT_LINKS_DOWN) == down + 1;) {
        now += TIMEOUT_MS; /* of which the first ones may see that something has been taken */
        g_assert_cmpint(monotonic_ms(), <, deadline);
        link_tick(rig->link, now);
    }
    close(peer);
    g_array_unref(hear_message(rig, accept_run(rig, 7)));
    g_assert_cmpuint(counters_read(COUNT_LINKS_UP), ==, up + 3);
    g_autofree char *log = rig_end(rig);
    g_assert_nonnull(strstr(log, "link Bona down: the neighbour closed before it answered our"));
    g_assert_nonnull(strstr(log, "link Bona down: the neighbour does not end a message\n"));
}

/* PROTOCOL R24's table: the bytes, and our side of the connection ended behind them. */
static void test_foreign_message(void)
{
    static const char at[] = "AT Clark +0.000000001 1 " PLACE " 5";
    static const char echo[] = "ECHO 1 " PLACE " 5 5.000000001 Bailey";
    static const struct {
        const char *dialect;
        const char *begin, *rest;
    } dialects[] = {{"plain", at, ""},
                    {"path", at, " Clark Bailey"},
                    {"last", at, " Bailey"},
                    {"echo", echo, ""}};
    static const char *const terminators[][2] = {{"lf", "\n"}, {"crlf", "\r\n"}, {"none", ""}};

    for (size_t i = 0; i < G_N_ELEMENTS(dialects); i++) {
        for (size_t k = 0; k < G_N_ELEMENTS(terminators); k++) {
            g_autofree char *neighbour = g_strdup_printf("dialect = %s\nterminator = %s\n",
                                                         dialects[i].dialect, terminators[k][0]);
            g_autofree char *wanted =
                g_strconcat(dialects[i].begin, dialects[i].rest, terminators[k][1], NULL);
            Rig *rig = rig_new(&(Setup){.neighbour = neighbour});

            assert_rests(rig); /* a stranger is not bothered */
            update(rig, 1, 5);
            int peer = accept_link(rig);
            assert_heard_any(rig, peer, wanted);
            if (k < 2)
                assert_heard_any(rig, peer, "");
            close(peer);
            rig_free(rig);
        }
    }
}

/* (transfer full) */
static char *hear_foreign(Rig *rig)
{
    int peer = accept_link(rig);
    char *line = hear_any(rig, peer);

    assert_heard_any(rig, peer, "");
    close(peer);
    return line;
}

/* Each client of @first to @last once, in connections of their own. */
static void assert_heard_each(Rig *rig, int first, int last)
{
    g_autofree bool *heard = g_new0(bool, (size_t)last + 1);

    for (int i = first; i <= last; i++) {
        g_autofree char *line = hear_foreign(rig);
        int client = heard_in(line).client;

        g_assert_cmpint(client, >=, first);
        g_assert_cmpint(client, <=, last);
        g_assert_false(heard[client]);
        heard[client] = true;
    }
}

static void test_foreign_one_each(void)
{
    Rig *rig = rig_new(&(Setup){.neighbour = "dialect = plain\n"});
    uint64_t up = counters_read(COUNT_LINKS_UP), sent = counters_read(COUNT_UPDATES_SENT);
    g_autoptr(Record) record = record_of(20, 5);
    int64_t deadline = monotonic_ms() + DEADLINE_MS;

    for (int i = 0; i < 10; i++)
        update(rig, i, 5);
    assert_heard_each(rig, 0, 9);
    for (int i = 10; i < 20; i++)
        update(rig, i, 5);
    assert_heard_each(rig, 10, 19);
    /* It cannot be compared with. */
    put(rig, 20, 5);
    link_offer(rig->link, record, true);
    assert_heard_each(rig, 20, 20);
    while (!link_is_idle(rig->link)) {
        g_assert_cmpint(monotonic_ms(), <, deadline);
        pump(rig);
    }
    assert_rests(rig);
    g_assert_cmpuint(counters_read(COUNT_LINKS_UP), ==, up + 1);
    g_assert_cmpuint(counters_read(COUNT_UPDATES_SENT) + counters_read(COUNT_SYNCS_SENT), >=,
                     sent + 21);
    g_autofree char *log = rig_end(rig);
    g_assert_cmpuint(count_of(log, "link Bona up\n"), ==, 1);
    g_assert_cmpuint(count_of(log, "link Bona down"), ==, 0);
}

/* Many never end their side, and some say something before they do: neither is a failure. */
static void test_foreign_leaves_it_open(void)
{
    Rig *rig = rig_new(&(Setup){.neighbour = "dialect = last\n"});
    uint64_t failed = counters_read(COUNT_LINK_TRIES_FAILED);
    uint64_t down = counters_read(COUNT_LINKS_DOWN);

    for (int i = 1; i <= 3; i++) {
        update(rig, i, 5);
        int peer = accept_link(rig);
        g_autofree char *wanted =
            g_strdup_printf("AT Clark +0.000000001 %d " PLACE " 5 Bailey\n", i);
        assert_heard_any(rig, peer, wanted);
        assert_heard_any(rig, peer, "");
        say(rig, peer, "Thank you!\nSUMS ROOT 1\nHELLO 1 Bona Bailey\n");
        serve_socket(rig);
        link_tick(rig->link, monotonic_ms() + TIMEOUT_MS);
        g_assert_true(link_is_idle(rig->link));
        close(peer);
    }
    g_assert_cmpuint(counters_read(COUNT_LINK_TRIES_FAILED), ==, failed);
    g_assert_cmpuint(counters_read(COUNT_LINKS_DOWN), ==, down);
    rig_free(rig);
}

/* The end of a member waits for who takes what it is sent, though one message is as long as
 * another.
 */
static void test_foreign_progress(void)
{
    Rig *rig = rig_new(&(Setup){.neighbour = "dialect = plain\n"});
    int64_t deadline = monotonic_ms() + DEADLINE_MS;
    uint64_t before = link_progress(rig->link);

    for (int i = 1; i <= 3; i++) {
        update(rig, i, 5);
        g_free(hear_foreign(rig));
        while (!link_is_idle(rig->link)) {
            g_assert_cmpint(monotonic_ms(), <, deadline);
            pump(rig);
        }
        g_assert_cmpuint(link_progress(rig->link), >, before);
        before = link_progress(rig->link);
    }
    rig_free(rig);
}

static void stop_listening(Rig *rig)
{
    close(rig->listener);
    rig->listener = -1;
}

/* What it missed nobody knows, so it is told everything. */
static void test_foreign_failure(void)
{
    Rig *rig = rig_new(&(Setup){.neighbour = "dialect = plain\n"});
    uint64_t down = counters_read(COUNT_LINKS_DOWN);

    for (int i = 0; i < 5; i++)
        update(rig, i, 5);
    assert_heard_each(rig, 0, 4);
    stop_listening(rig);
    update(rig, 5, 5);
    pump_until_counted(rig, COUNT_LINKS_DOWN, down + 1);
    g_assert_true(link_is_idle(rig->link));
    update(rig, 6, 5); /* the store has it by then */
    begin_listening(rig);
    assert_heard_each(rig, 0, 6);
    g_autofree char *log = rig_end(rig);
    g_assert_cmpuint(count_of(log, "link Bona down: Connection refused\n"), ==, 1);
    g_assert_cmpuint(count_of(log, "link Bona up\n"), ==, 2);
}

/* One that was never there: what is in the store when it comes is what it is told. */
static void test_foreign_absent(void)
{
    Rig *rig = rig_new(&(Setup){.neighbour = "dialect = plain\n", .deaf = true});
    uint64_t failed = counters_read(COUNT_LINK_TRIES_FAILED);
    int64_t deadline = monotonic_ms() + DEADLINE_MS;

    update(rig, 0, 5);
    while (counters_read(COUNT_LINK_TRIES_FAILED) < failed + 2) {
        g_assert_cmpint(monotonic_ms(), <, deadline);
        pump(rig);
    }
    update(rig, 1, 5);
    update(rig, 0, 6);
    begin_listening(rig);
    assert_heard_each(rig, 0, 1);
    rig_free(rig);
}

/* The connection is kept; neither hello nor heartbeat; nothing that it says is understood. */
static void test_foreign_link(void)
{
    Rig *rig =
        rig_new(&(Setup){.neighbour = "dialect = plain\ndelivery = link\nterminator = crlf\n"});
    g_autofree char *noise = g_strnfill(100000, 'x');
    uint64_t up = counters_read(COUNT_LINKS_UP), down = counters_read(COUNT_LINKS_DOWN);

    put(rig, 1, 5);
    for (unsigned times = 1; times <= 2; times++) {
        g_autofree char *news =
            g_strdup_printf("AT Clark +0.000000001 1 " PLACE " %u\r\n", 5 + times);
        g_autofree char *whole =
            g_strdup_printf("AT Clark +0.000000001 1 " PLACE " %u\r\n", 4 + times);
        int peer = accept_link(rig);

        assert_heard_any(rig, peer, whole);
        say(rig, peer, "SUMS ROOT 0\nAT Bona +0.000000001 9 " PLACE " 5\n? AT\n\n");
        say(rig, peer, noise);
        g_assert_cmpint(pump_at(rig, INT64_MAX - 1), ==, INT64_MAX); /* nor does it time out */
        update(rig, 1, 5 + (int)times);
        assert_heard_any(rig, peer, news);
        g_assert_cmpuint(counters_read(COUNT_LINKS_UP), ==, up + times);
        g_assert_cmpuint(counters_read(COUNT_LINKS_DOWN), ==, down + times - 1);
        close(peer);
        pump_until_counted(rig, COUNT_LINKS_DOWN, down + times);
    }
    g_assert_cmpuint(store_size(rig->store), ==, 1);
    rig_free(rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/link/message/native/all-in-one-connection", test_native_message);
    g_test_add_func("/link/message/native/news-at-the-end-is-for-the-next",
                    test_native_message_beside_news);
    g_test_add_func("/link/message/native/compares-with-a-new-run", test_native_message_new_run);
    g_test_add_func("/link/message/native/found-is-compared", test_native_message_found);
    g_test_add_func("/link/message/native/failure-is-down", test_native_message_failure);
    g_test_add_func("/link/message/r24/bytes-of-each-dialect", test_foreign_message);
    g_test_add_func("/link/message/r24/one-update-a-connection", test_foreign_one_each);
    g_test_add_func("/link/message/r24/each-is-progress", test_foreign_progress);
    g_test_add_func("/link/message/r24/need-not-close", test_foreign_leaves_it_open);
    g_test_add_func("/link/message/r24/whole-store-after-a-failure", test_foreign_failure);
    g_test_add_func("/link/message/r24/whole-store-when-it-appears", test_foreign_absent);
    g_test_add_func("/link/r24/kept-connection", test_foreign_link);
    return g_test_run();
}
