/* SPDX-License-Identifier: MIT */

/* How a link comes up and goes down, and what it is told while it is up. See net-link-compare.c and
 * net-link-message.c for the rest. */

#include "tests/unit/net-link-rig.h"

#include "core/proof.h"

/* While it is down it keeps nothing: what counts is in the store by then. */
static void test_offer_while_down(void)
{
    Rig *rig = rig_new(&(Setup){0});

    offer(rig, 1, 5);
    int peer = accept_link(rig);
    assert_hello(rig, peer);
    offer(rig, 2, 5);
    put(rig, 3, 5);
    say(rig, peer, "HELLO 1 Bona ");
    pump(rig);
    say(rig, peer, "Bailey\r\n");
    assert_heard(rig, peer, "SYNC Clark +0.000000001 3 " PLACE " 5\n");
    offer(rig, 4, 5);
    assert_heard(rig, peer, "AT Clark +0.000000001 4 " PLACE " 5\n");
    close(peer);
    rig_free(rig);
}

/* A neighbour that does not read costs one entry a client; the newest of each is what it hears. */
static void test_conflation(void)
{
    enum { CLIENTS = 300, ROUNDS = 400, OFFERED = (ROUNDS + 2) * CLIENTS };
    Rig *rig = rig_new(&(Setup){0});
    int peer = bring_up(rig), last[CLIENTS] = {0};
    uint64_t conflated = counters_read(COUNT_UPDATES_CONFLATED);
    uint64_t sent = counters_read(COUNT_UPDATES_SENT);
    int newest = ROUNDS + 1, heard = 0;

    for (int round = 1; round <= ROUNDS; round++) {
        for (int i = 0; i < CLIENTS; i++)
            offer(rig, i, round);
        link_tick(rig->link, 0); /* sends, and nothing is due */
    }
    g_assert_cmpuint(counters_read(COUNT_UPDATES_CONFLATED), >, conflated + 50 * CLIENTS);
    for (int i = 0; i < CLIENTS; i++)
        offer(rig, i, newest);
    /* An older one, that comes late, does not replace it. */
    for (int i = 0; i < CLIENTS; i++)
        offer(rig, i, i % 2 == 0 ? newest - 1 : newest);
    g_assert_false(link_is_idle(rig->link));
    for (int done = 0; done < CLIENTS; heard++) {
        Heard update = hear_update(rig, peer);

        g_assert_cmpint(update.client, <, CLIENTS);
        g_assert_cmpint(update.time, !=, last[update.client]); /* none twice */
        last[update.client] = MAX(last[update.client], update.time);
        done += update.time == newest;
    }
    pump(rig);
    g_assert_true(link_is_idle(rig->link));
    g_assert_cmpuint(counters_read(COUNT_UPDATES_SENT), ==, sent + (uint64_t)heard);
    conflated = counters_read(COUNT_UPDATES_CONFLATED) - conflated;
    g_assert_cmpuint((uint64_t)heard + conflated, ==, OFFERED); /* each is one or the other */
    close(peer);
    rig_free(rig);
}

/* Each time it is said and counted once. */
static void test_comes_back(void)
{
    enum { TIMES = 3 };
    Rig *rig = rig_new(&(Setup){0});
    uint64_t up = counters_read(COUNT_LINKS_UP), down = counters_read(COUNT_LINKS_DOWN);
    uint64_t failed = counters_read(COUNT_LINK_TRIES_FAILED);

    put(rig, 1, 5);
    for (unsigned times = 1; times <= TIMES; times++) {
        g_autofree char *said = g_strdup_printf("AT Clark +0.000000001 2 " PLACE " %u\n", times);
        int peer = bring_up(rig);

        if (times == 1) /* then she has it */
            assert_heard(rig, peer, "SYNC Clark +0.000000001 1 " PLACE " 5\n");
        /* What a neighbour may say on it means nothing. */
        say(rig, peer, "noise\n");
        update(rig, 2, (int)times);
        assert_heard(rig, peer, said);
        close(peer);
        pump_until_counted(rig, COUNT_LINKS_DOWN, down + times);
        g_assert_true(link_is_idle(rig->link)); /* there is nothing that it could say */
    }
    g_assert_cmpuint(counters_read(COUNT_LINKS_UP), ==, up + TIMES);
    g_assert_cmpuint(counters_read(COUNT_LINK_TRIES_FAILED), ==, failed);
    g_autofree char *log = rig_end(rig);
    g_assert_cmpuint(count_of(log, "info main link Bona up\n"), ==, TIMES);
    g_assert_cmpuint(count_of(log, "warning main link Bona down: "), ==, TIMES);
    g_assert_nonnull(strstr(log, "send Bona SYNC Clark +0.000000001 1 " PLACE " 5\n"));
    g_assert_nonnull(strstr(log, "send Bona AT Clark +0.000000001 2 " PLACE " 3\n"));
}

/* A neighbour that ends its connection is down, with that reason. */
static void test_closed(void)
{
    Rig *rig = rig_new(&(Setup){0});
    int peer = bring_up(rig);
    uint64_t down = counters_read(COUNT_LINKS_DOWN);

    shutdown(peer, SHUT_WR);
    pump_until_counted(rig, COUNT_LINKS_DOWN, down + 1);
    close(peer);
    g_autofree char *log = rig_end(rig);
    g_assert_cmpuint(count_of(log, "warning main link Bona down: closed by the neighbour\n"), ==,
                     1);
}

static void test_wrong_hello(void)
{
    static const char *const stranger =
        "what answers at the neighbour's address is not that neighbour";
    const struct {
        const char *answer, *reason;
    } rows[] = {
        {"? HELLO 1 Bailey Bona\n", "the neighbour does not accept our hello"},
        {"HELLO 1 Clark Bailey\n", stranger},
        {"HELLO 1 Bona Clark\n", stranger},
        {"HELLO 1 Bailey Bona\n", stranger},
        {"HELLO 2 Bona Bailey\n", stranger},
        {"SSH-2.0-OpenSSH\r\n", stranger},
        {"PONG\n", stranger},
        {"SUMS ROOT 0000000000000000\n", stranger},
        {"\n", stranger},
        {"", "the neighbour closed before it answered our hello"},
        {"HELLO 1 Bona Bailey", "the neighbour closed before it answered our hello"},
        {NULL, "what the neighbour answers is no line"},
    };
    g_autofree char *long_answer = g_strnfill(40000, 'x');

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Rig *rig = rig_new(&(Setup){0});
        g_autofree char *event = g_strdup_printf("link Bona down: %s", rows[i].reason);
        uint64_t failed = counters_read(COUNT_LINK_TRIES_FAILED);
        uint64_t up = counters_read(COUNT_LINKS_UP), down = counters_read(COUNT_LINKS_DOWN);

        put(rig, 1, 5);
        for (unsigned times = 1; times <= 2; times++) {
            int peer = accept_link(rig);

            assert_hello(rig, peer);
            say(rig, peer, rows[i].answer != NULL ? rows[i].answer : long_answer);
            shutdown(peer, SHUT_WR);
            /* The end, or its reset; no update. */
            char byte;
            pump_until_readable(rig, peer);
            g_assert_cmpint(recv(peer, &byte, 1, 0), <=, 0);
            g_assert_cmpuint(counters_read(COUNT_LINK_TRIES_FAILED), ==, failed + times);
            close(peer);
        }
        g_assert_cmpuint(counters_read(COUNT_LINKS_UP), ==, up);
        g_assert_cmpuint(counters_read(COUNT_LINKS_DOWN), ==, down);
        g_autofree char *log = rig_end(rig);
        if (count_of(log, event) != 1 || count_of(log, "link Bona down") != 1)
            g_test_fail_printf("row %zu is not logged once: %s", i, log);
        g_assert_null(strstr(log, "link Bona up"));
    }
}

#define SECRET "0123456789abcdef"

/* What a Bona with @secret answers to the hello that she hears now; @ret_proof: what she wants to
 * hear then, LF included. (both transfer full) */
static char *challenge_of(Rig *rig, int peer, const char *secret_text, char **ret_proof)
{
    static const char nonce[] = "ffeeddccbbaa99887766554433221100";
    g_autoptr(Secret) secret = secret_new(slice_of(secret_text));
    g_autofree char *hello = hear_any(rig, peer);
    g_autoptr(GString) proof = g_string_new(NULL);
    GString *challenge = g_string_new(NULL);
    char text[PROOF_DIGITS + 1];
    Message m = message_parse(slice_of(hello));

    g_assert_cmpint(m.kind, ==, MESSAGE_HELLO);
    g_assert_cmpuint(m.hello.nonce.length, ==, PROOF_NONCE_DIGITS);
    g_assert_cmpint(m.hello.incarnation, ==, incarnation());
    const ProofTranscript transcript = {
        .dialler = SLICE("Bailey"),
        .acceptor = SLICE("Bona"),
        .incarnation = m.hello.incarnation,
        .dialler_nonce = m.hello.nonce,
        .acceptor_nonce = slice_of(nonce),
    };
    proof_make(secret, PROOF_ACCEPT, &transcript, text);
    message_append_challenge(challenge, nonce, text);
    proof_make(secret, PROOF_DIAL, &transcript, text);
    message_append_proof(proof, text);
    *ret_proof = g_strndup(proof->str, proof->len);
    return g_string_free(challenge, FALSE);
}

/* Both sides prove that they have the secret, over a link and in each message. */
static void test_secret(void)
{
    for (int messages = 0; messages <= 1; messages++) {
        Rig *rig = rig_new(&(Setup){.secret = SECRET, .messages = messages});
        uint64_t up = counters_read(COUNT_LINKS_UP);
        g_autofree char *proof = NULL;

        put(rig, 1, 5);
        int peer = accept_link(rig);
        g_autofree char *challenge = challenge_of(rig, peer, SECRET, &proof);
        say(rig, peer, challenge);
        assert_heard_any(rig, peer, proof);
        pump(rig);
        g_assert_cmpuint(counters_read(COUNT_LINKS_UP), ==, up);
        say(rig, peer, "HELLO 1 Bona Bailey 7\n");
        assert_heard(rig, peer, "SYNC Clark +0.000000001 1 " PLACE " 5\n");
        g_assert_cmpint(link_incarnation(rig->link), ==, 7);
        close(peer);
        g_autofree char *log = rig_end(rig);
        g_assert_false(g_regex_match_simple("[0-9a-f]{32}", log, 0, 0));
    }
}

/* She has another secret, or none, or does not like ours. Nobody proves anything to such a one. */
static void test_secret_refused(void)
{
    static const char refused[] =
        "the neighbour does not accept our hello: are the herd's file and "
        "its secret the same on both sides?";
    static const char *const reasons[] = {
        "the neighbour cannot prove that it has the herd's secret",
        "the neighbour wants no proof: has it the secret_file?",
        refused,
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(reasons); i++) {
        Rig *rig = rig_new(&(Setup){.secret = SECRET});
        uint64_t failed = counters_read(COUNT_LINK_TRIES_FAILED);
        g_autofree char *event = g_strdup_printf("link Bona down: %s\n", reasons[i]);
        g_autofree char *proof = NULL;
        char byte;

        put(rig, 1, 5);
        int peer = accept_link(rig);
        g_autofree char *challenge =
            challenge_of(rig, peer, i == 0 ? "0123456789abcdeF" : SECRET, &proof);
        say(rig, peer, i == 1 ? "HELLO 1 Bona Bailey 7\n" : challenge);
        if (i == 2) {
            assert_heard_any(rig, peer, proof);
            say(rig, peer, "? ");
            say(rig, peer, proof);
        }
        pump_until_counted(rig, COUNT_LINK_TRIES_FAILED, failed + 1);
        g_assert_cmpint(recv(peer, &byte, 1, 0), <=, 0);
        close(peer);
        g_autofree char *log = rig_end(rig);
        g_assert_nonnull(strstr(log, event));
    }
}

static void test_no_answer(void)
{
    Rig *rig = rig_new(&(Setup){0});
    int peer = accept_link(rig);
    char byte;

    assert_hello(rig, peer);
    int64_t due = pump_at(rig, monotonic_ms());
    g_assert_cmpint(due, <=, monotonic_ms() + TIMEOUT_MS);
    g_assert_cmpint(due, >, monotonic_ms());
    pump_at(rig, due - 1);
    g_assert_cmpint(recv(peer, &byte, 1, 0), ==, -1);
    link_tick(rig->link, due);
    pump_until_readable(rig, peer);
    g_assert_cmpint(recv(peer, &byte, 1, 0), ==, 0);
    close(peer);
    g_autofree char *log = rig_end(rig);
    g_assert_nonnull(strstr(log, "link Bona down: our hello is not answered"));
}

/* Nobody listens: it waits for half of @backoff at least, and @backoff at most. */
static void fail_to_connect(Rig *rig, int64_t backoff)
{
    struct epoll_event event;
    int64_t before = monotonic_ms();
    uint64_t failed = counters_read(COUNT_LINK_TRIES_FAILED);

    link_tick(rig->link, INT64_MAX);
    if (counters_read(COUNT_LINK_TRIES_FAILED) == failed) {
        g_assert_cmpint(epoll_wait(rig->epoll, &event, 1, DEADLINE_MS), ==, 1);
        link_ready(rig->link, event.events);
    }
    g_assert_cmpuint(counters_read(COUNT_LINK_TRIES_FAILED), ==, failed + 1);
    int64_t due = link_tick(rig->link, 0);
    g_assert_cmpint(due, >=, before + backoff / 2);
    g_assert_cmpint(due, <=, monotonic_ms() + backoff);
}

/* It is logged once, not once a try, and again when it is another. */
static void test_backoff(void)
{
    Rig *rig = rig_new(&(Setup){.deaf = true});
    int64_t backoff = 100;

    for (int i = 0; i < 10; i++, backoff = MIN(2 * backoff, 5000))
        fail_to_connect(rig, backoff);

    /* A sign of life: at once, and from the beginning. */
    begin_listening(rig);
    link_tick(rig->link, 0);
    g_assert_false(is_readable(rig->listener));
    link_poke(rig->link, 0);
    int peer = accept_link(rig);
    close(rig->listener);
    rig->listener = -1;
    assert_hello(rig, peer);
    int64_t answer_due = link_tick(rig->link, 0);
    close(peer);
    while (link_tick(rig->link, 0) == answer_due)
        serve_socket(rig);
    fail_to_connect(rig, 200);
    g_autofree char *log = rig_end(rig);
    g_assert_cmpuint(count_of(log, "link Bona down: Connection refused\n"), ==, 2);
    g_assert_cmpuint(
        count_of(log, "link Bona down: the neighbour closed before it answered our hello\n"), ==,
        1);
    g_assert_cmpuint(count_of(log, "link Bona down: "), ==, 3);
}

/* One that has been up and talked begins anew. */
static void test_backoff_after_up(void)
{
    Rig *rig = rig_new(&(Setup){.deaf = true});

    fail_to_connect(rig, 100);
    fail_to_connect(rig, 200);
    begin_listening(rig);
    int peer = bring_up(rig);
    g_array_unref(hear_all(rig, peer)); /* and answer */
    uint64_t down = counters_read(COUNT_LINKS_DOWN);
    close(rig->listener);
    rig->listener = -1;
    close(peer);
    while (counters_read(COUNT_LINKS_DOWN) == down)
        serve_socket(rig);
    fail_to_connect(rig, 200); /* the first, of 100, is behind it */
    rig_free(rig);
}

/* It is for a link that waits; one that is up stays as it is, whichever run the sign is of. */
static void test_poke_when_up(void)
{
    Rig *rig = rig_new(&(Setup){0});
    int peer = bring_up_run(rig, 7);

    g_array_unref(hear_all(rig, peer));
    unsigned questions = rig->questions;
    link_poke(rig->link, 7);
    link_poke(rig->link, 8);
    g_assert_cmpint(link_incarnation(rig->link), ==, 7);
    update(rig, 1, 5);
    assert_heard(rig, peer, "AT Clark +0.000000001 1 " PLACE " 5\n");
    g_assert_cmpuint(rig->questions, ==, questions);
    close(peer);
    rig_free(rig);
}

/* What an earlier run was told tells nothing of this one. */
static void test_incarnation(void)
{
    Rig *rig = rig_new(&(Setup){0});

    g_assert_cmpint(link_incarnation(rig->link), ==, INCARNATION_UNKNOWN);
    for (int run = 5; run < 8; run++) {
        int peer = bring_up_run(rig, run);
        uint64_t down = counters_read(COUNT_LINKS_DOWN);

        g_assert_cmpint(link_incarnation(rig->link), ==, run);
        close(peer);
        pump_until_counted(rig, COUNT_LINKS_DOWN, down + 1);
    }
    rig_free(rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/link/r22/wrong-answer-is-down-with-its-reason", test_wrong_hello);
    g_test_add_func("/link/r22/secret-is-proved", test_secret);
    g_test_add_func("/link/r22/secret-differs", test_secret_refused);
    g_test_add_func("/link/r22/no-answer-is-down", test_no_answer);
    g_test_add_func("/link/r22/incarnation-of-the-last-hello", test_incarnation);
    g_test_add_func("/link/r23/comes-back", test_comes_back);
    g_test_add_func("/link/r23/closed-is-down", test_closed);
    g_test_add_func("/link/r23/backoff-and-poke", test_backoff);
    g_test_add_func("/link/r23/backoff-begins-anew", test_backoff_after_up);
    g_test_add_func("/link/poke/when-up", test_poke_when_up);
    g_test_add_func("/link/offer/while-down-keeps-nothing", test_offer_while_down);
    g_test_add_func("/link/offer/newest-wins-when-the-neighbour-does-not-read", test_conflation);
    return g_test_run();
}
