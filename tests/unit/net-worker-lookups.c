/* SPDX-License-Identifier: MIT */
#include "core/counters.h"
#include "core/thread.h"
#include "net/pool.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <unistd.h>

#define BLOCKS true /* the provider is fenced */
#include "tests/unit/net-worker-rig.h"

static void set_hold(Rig *rig, bool hold)
{
    mutex_lock(&rig->lock);
    rig->hold = hold;
    condition_broadcast(&rig->changed);
    mutex_unlock(&rig->lock);
}

/* Until @count lookups run at once. */
static void wait_running(Rig *rig, unsigned count)
{
    int64_t deadline = monotonic_ms() + DEADLINE_MS;

    mutex_lock(&rig->lock);
    while (rig->running != count)
        g_assert_true(condition_wait_until(&rig->changed, &rig->lock, deadline));
    mutex_unlock(&rig->lock);
}

static void assert_asked(Rig *rig, unsigned count)
{
    mutex_lock(&rig->lock);
    unsigned asked = rig->asked;
    mutex_unlock(&rig->lock);
    g_assert_cmpuint(asked, ==, count);
}

static void assert_all_closed(Rig *rig)
{
    g_assert_true(connections_wait_none(rig->context.connections, monotonic_ms() + DEADLINE_MS));
}

/* When it is answered, the worker that is active - one at a time in these tests - has been at
 * everything that was ready before. */
static void assert_served(const Client *client)
{
    say_text(client, "served?\n");
    assert_said(client, "? served?\n");
}

#define AT_A     "AT Bailey * a +1+1 5\n"
#define ANSWER_5 AT_A "{\n   \"radius\" : 5,\n   \"bound\" : 2\n}\n\n"
#define ANSWER_6 AT_A "{\n   \"radius\" : 6,\n   \"bound\" : 2\n}\n\n"
#define ANSWER_7 AT_A "{\n   \"radius\" : 7,\n   \"bound\" : 2\n}\n\n"
#define REFUSED  AT_A "{ refused }\n\n"

/* What was gathered does not wait for a lookup; what follows does. */
static void test_before_and_after(void)
{
    Rig *rig = rig_new("", 1, 1, 1);
    Client client = client_new(rig, false);

    set_hold(rig, true);
    rig_start(rig, 2);
    say_text(&client, "IAMAT a +1+1 5\nwhat?\nWHATSAT a 5 2\nIAMAT b +2+2 6\nWHATSAT a 6 2");
    end_input(&client);
    assert_said(&client, AT_A "? what?\n");
    wait_running(rig, 1);
    set_hold(rig, false);
    assert_ends(&client, ANSWER_5 "AT Bailey * b +2+2 6\n" ANSWER_6);
    assert_asked(rig, 2);
    assert_all_closed(rig);
    rig_free(rig);
}

/* PROTOCOL R13: AT line and JSON are there at once, for clients that read only once. */
static void test_one_write(void)
{
    Rig *rig = rig_new("", 1, 1, 2);
    Client first = client_new(rig, false), second = client_new(rig, false);
    Client others[] = {first, second};
    char bytes[4096];

    rig_start(rig, 2);
    say_text(&first, "IAMAT a +1+1 5\n");
    assert_said(&first, AT_A);
    for (int merged = 0; merged < 2; merged++) {
        set_hold(rig, true);
        say_text(&first, "WHATSAT a 5 2\n");
        wait_running(rig, 1);
        say_text(&second, merged ? "WHATSAT a 5 2\n" : "WHATSAT a 6 2\n");
        set_hold(rig, false);
        for (int i = 0; i < 2; i++) {
            wait_socket(others[i].socket, POLLIN);
            ssize_t n = recv(others[i].socket, bytes, sizeof bytes, 0);

            g_assert_cmpint(n, >, 4);
            g_assert_true(memcmp(bytes + n - 4, "\n}\n\n", 4) == 0);
        }
    }
    close(first.socket);
    close(second.socket);
    rig_free(rig);
}

/* A worker takes several ready connections at once. If the first makes it block, the others are
 * served all the same, also one that goes on with lines that it has kept. */
static void test_gives_back_what_it_has_not_begun(void)
{
    enum { OTHERS = 6 };
    Rig *rig = rig_new("", 1, 1, 1);
    Client keeps = client_new(rig, false), asks = client_new(rig, false), others[OTHERS];
    Connection *taken;

    say_text(&keeps, "x");
    g_assert_cmpuint(ready_set_take(rig->context.ready, &taken, 1), ==, 1);
    g_assert_true(taken == keeps.connection);
    g_assert_cmpint(recv(taken->stream.descriptor, &(char){0}, 1, 0), ==, 1);
    taken->input = kept_new(SLICE("kept\n"));
    taken->has_lines = true;

    set_hold(rig, true);
    say_text(&asks, "IAMAT a +1+1 5\nWHATSAT a 5 2\n");
    ready_set_resume(rig->context.ready, taken);
    for (int i = 0; i < OTHERS; i++) {
        others[i] = client_new(rig, false);
        say_text(&others[i], "IAMAT b +2+2 6\n");
    }
    rig_start(rig, 2);
    for (int i = 0; i < OTHERS; i++) {
        assert_said(&others[i], "AT Bailey * b +2+2 6\n");
        close(others[i].socket);
    }
    assert_said(&keeps, "? kept\n");
    wait_running(rig, 1);
    set_hold(rig, false);
    assert_said(&asks, AT_A ANSWER_5);
    close(keeps.socket);
    close(asks.socket);
    assert_all_closed(rig);
    rig_free(rig);
}

/* However many workers block, one that is active is left for the others. */
static void test_all_but_one_block(void)
{
    enum { LOOKUPS = 5 };
    Rig *rig = rig_new("", 2, LOOKUPS, 1);
    Client asking[LOOKUPS], other = client_new(rig, false);

    set_hold(rig, true);
    rig_start(rig, LOOKUPS + 1);
    say_text(&other, "IAMAT a +1+1 5\n");
    assert_said(&other, AT_A);
    for (unsigned i = 0; i < LOOKUPS; i++) {
        g_autofree char *line = g_strdup_printf("WHATSAT a %u 2\n", 10 + i);

        asking[i] = client_new(rig, false);
        say_text(&asking[i], line);
        wait_running(rig, i + 1);
        assert_served(&other);
    }
    set_hold(rig, false);
    for (unsigned i = 0; i < LOOKUPS; i++) {
        g_autofree char *reply =
            g_strdup_printf(AT_A "{\n   \"radius\" : %u,\n   \"bound\" : 2\n}\n\n", 10 + i);

        assert_said(&asking[i], reply);
        close(asking[i].socket);
    }
    assert_served(&other);
    close(other.socket);
    rig_free(rig);
}

static void test_merged(void)
{
    enum { EQUAL = 5 };
    Rig *rig = rig_new("", 1, 1, EQUAL);
    Client equal[EQUAL], other = client_new(rig, false);

    set_hold(rig, true);
    rig_start(rig, 2);
    say_text(&other, "IAMAT a +1+1 5\n");
    assert_said(&other, AT_A);
    for (int i = 0; i < EQUAL; i++) {
        equal[i] = client_new(rig, i % 2 == 0);
        say_text(&equal[i], i < 3 ? "WHATSAT a 5 2\nnext\n" : "WHATSAT a 5.000 2");
        if (i >= 3)
            end_input(&equal[i]);
        if (i == 0)
            wait_running(rig, 1);
    }
    assert_served(&other);
    /* R12: who has waited gets the line of when it asked, whatever has become of it. */
    say_text(&other, "IAMAT a +1+1 6\n");
    assert_said(&other, "AT Bailey * a +1+1 6\n");
    set_hold(rig, false);
    for (int i = 0; i < EQUAL; i++) {
        if (i < 3) {
            assert_said(&equal[i], ANSWER_5 "? next\n");
            end_input(&equal[i]);
            assert_ends(&equal[i], "");
        } else {
            assert_ends(&equal[i], ANSWER_5);
        }
    }
    assert_asked(rig, 1);
    close(other.socket);
    assert_all_closed(rig);
    rig_free(rig);
}

/* One runs, two wait, the next are refused; then they go on in order. PROTOCOL R15. */
static void test_line_and_refusal(void)
{
    Rig *rig = rig_new("", 1, 1, 2);
    Client clients[5], other = client_new(rig, false);
    static const char *const lines[] = {"WHATSAT a 5 2\n", "WHATSAT a 6 2\nIAMAT b +2+2 6\n",
                                        "WHATSAT a 7 2", "WHATSAT a 8 2\nnext\n",
                                        "what?\nWHATSAT a 5 2\n"};

    set_hold(rig, true);
    rig_start(rig, 2);
    say_text(&other, "IAMAT a +1+1 5\n");
    assert_said(&other, AT_A);
    for (int i = 0; i < 5; i++) {
        clients[i] = client_new(rig, false);
        say_text(&clients[i], lines[i]);
        if (i == 0)
            wait_running(rig, 1);
        if (i == 2)
            end_input(&clients[i]);
        assert_served(&other);
    }
    assert_said(&clients[3], REFUSED "? next\n");
    assert_said(&clients[4], "? what?\n" REFUSED);
    assert_asked(rig, 1);
    set_hold(rig, false);
    assert_said(&clients[0], ANSWER_5);
    assert_said(&clients[1], ANSWER_6 "AT Bailey * b +2+2 6\n");
    assert_ends(&clients[2], ANSWER_7);
    assert_asked(rig, 3);
    for (int i = 0; i < 5; i++)
        if (i != 2)
            close(clients[i].socket);
    close(other.socket);
    assert_all_closed(rig);
    rig_free(rig);
}

static void test_sweep(void)
{
    Rig *rig = rig_new("", 1, 1, 2);
    Client runs = client_new(rig, false), waits = client_new(rig, false);
    Client other = client_new(rig, false);

    set_hold(rig, true);
    rig_start(rig, 2);
    say_text(&runs, "IAMAT a +1+1 5\nWHATSAT a 5 2\n");
    wait_running(rig, 1);
    say_text(&waits, "WHATSAT a 6 2\nnext\n");
    assert_served(&other);
    lookups_sweep(rig->context.lookups, INT64_MAX);
    assert_said(&waits, REFUSED "? next\n");
    /* Nor does the sweep of connections end one that waits for its lookup. */
    connections_sweep(rig->context.connections, monotonic_ms() + 100000000);
    set_hold(rig, false);
    assert_said(&runs, AT_A ANSWER_5);
    close(runs.socket);
    close(waits.socket);
    close(other.socket);
    rig_free(rig);
}

/* Those who go while their lookup runs, while they wait for it, and while they stand in line. */
static void test_gone_meanwhile(void)
{
    Rig *rig = rig_new("", 1, 1, 10);
    Client clients[4], other = client_new(rig, false);
    static const char *const lines[] = {"WHATSAT a 5 2\nnext\n", "WHATSAT a 5 2\n",
                                        "WHATSAT a 6 2\n", "WHATSAT a 7 2"};

    set_hold(rig, true);
    rig_start(rig, 2);
    say_text(&other, "IAMAT a +1+1 5\n");
    assert_said(&other, AT_A);
    for (int i = 0; i < 4; i++) {
        clients[i] = client_new(rig, false);
        say_text(&clients[i], lines[i]);
        if (i == 0)
            wait_running(rig, 1);
    }
    assert_served(&other);
    for (int i = 0; i < 4; i++)
        close(clients[i].socket);
    assert_served(&other);
    set_hold(rig, false);
    say_text(&other, "WHATSAT a 5 2\n");
    assert_said(&other, ANSWER_5);
    close(other.socket);
    assert_all_closed(rig);
    rig_free(rig);
}

/* A client that does not read does not have its lookup made either; then it gets all, in order. */
static void test_behind_unsent_replies(void)
{
    enum { LINES = 20000 };
    Rig *rig = rig_new("", 1, 1, 1);
    Client client = client_new(rig, true), other = client_new(rig, false);
    g_autoptr(GString) text = g_string_new("IAMAT a +1+1 5\n");
    g_autoptr(GString) replies = g_string_new(AT_A);

    for (int i = 0; i < LINES; i++) {
        g_string_append(text, "\n");
        g_string_append(replies, "? \n");
    }
    g_string_append(text, "WHATSAT a 5 2\nlast");
    g_string_append(replies, ANSWER_5 "? last\n");
    uint64_t counted = counters_read(COUNT_WHATSAT);

    /* Room on the way there for all of it, and on the way back for little. */
    int room = 1 << 20;
    g_assert_cmpint(setsockopt(client.socket, SOL_SOCKET, SO_SNDBUF, &room, sizeof room), ==, 0);
    say_text(&client, text->str);
    end_input(&client);
    rig_start(rig, 2);
    assert_served(&other);
    assert_served(&other);
    assert_asked(rig, 0);
    assert_ends(&client, replies->str);
    assert_asked(rig, 1);
    g_assert_cmpuint(counters_read(COUNT_WHATSAT), ==, counted + 1);
    close(other.socket);
    assert_all_closed(rig);
    rig_free(rig);
}

/* Who has waited for his lookup has it made, and the next one in another turn: a member may want to
 * stop between them. */
static void test_one_a_turn(void)
{
    Rig *rig = rig_new("", 1, 1, 1);
    Client runs = client_new(rig, false), waits = client_new(rig, false);
    Client other = client_new(rig, false);

    set_hold(rig, true);
    rig_start(rig, 2);
    say_text(&runs, "IAMAT a +1+1 5\nWHATSAT a 5 2\n");
    wait_running(rig, 1);
    say_text(&waits, "WHATSAT a 6 2\nWHATSAT a 7 2\n");
    assert_served(&other);
    mutex_lock(&rig->lock);
    rig->hold = false;
    rig->held_radius_km = 6;
    condition_broadcast(&rig->changed);
    while (rig->asked != 2)
        condition_wait(&rig->changed, &rig->lock);
    mutex_unlock(&rig->lock);
    ready_set_close(rig->context.ready);
    mutex_lock(&rig->lock);
    rig->held_radius_km = 0;
    condition_broadcast(&rig->changed);
    mutex_unlock(&rig->lock);
    assert_said(&waits, ANSWER_6);
    pool_free(g_steal_pointer(&rig->pool));
    assert_asked(rig, 2);
    close(runs.socket);
    close(waits.socket);
    close(other.socket);
    rig_free(rig);
}

/* Who came above a limit and says no hello has to go, whatever else it says. */
static void test_must_greet(void)
{
    Rig *rig = rig_new("", 1, 1, 1);
    Client client = client_new(rig, false), above = client_new(rig, false);

    above.connection->must_greet = true;
    rig_start(rig, 2);
    say_text(&client, "IAMAT a +1+1 5\n");
    assert_said(&client, "AT Bailey * a +1+1 5\n");
    say_text(&above, "WHATSAT a 1 1\n");
    assert_ends(&above, "");
    g_assert_cmpuint(rig->asked, ==, 0);
    close(client.socket);
    rig_free(rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/worker/lookup/what-is-gathered-goes-first", test_before_and_after);
    g_test_add_func("/worker/lookup/reply-in-one-write", test_one_write);
    g_test_add_func("/worker/lookup/gives-back-what-it-has-not-begun",
                    test_gives_back_what_it_has_not_begun);
    g_test_add_func("/worker/lookup/all-but-one-may-block", test_all_but_one_block);
    g_test_add_func("/worker/lookup/equal-ones-are-merged", test_merged);
    g_test_add_func("/worker/lookup/line-and-refusal", test_line_and_refusal);
    g_test_add_func("/worker/lookup/waited-too-long", test_sweep);
    g_test_add_func("/worker/lookup/peer-gone-meanwhile", test_gone_meanwhile);
    g_test_add_func("/worker/lookup/behind-replies-not-taken", test_behind_unsent_replies);
    g_test_add_func("/worker/lookup/one-a-turn", test_one_a_turn);
    g_test_add_func("/worker/lookup/not-for-who-must-greet", test_must_greet);
    return g_test_run();
}
