/* SPDX-License-Identifier: MIT */

/* A link that is said over TLS: how it comes up, and what keeps it down. */

#include "tests/unit/net-link-rig.h"

#include "tests/unit/tls-files.h"

#include <signal.h>

static TlsFolder *folder;
static Authority *authority, *other_authority;

/* @name's, who believes @believed. (transfer full) */
static Tls *tls_of(const char *name, const Authority *signer, const Authority *believed)
{
    Identity identity = identity_new(folder, signer, name, NULL, DAY_S);
    g_autoptr(GError) error = NULL;
    TlsContext *context =
        tls_context_new(&(TlsOptions){.certificate_file = identity.certificate_file,
                                      .key_file = identity.key_file,
                                      .ca_file = believed->file},
                        &error);

    g_assert_no_error(error);
    identity_clear(&identity);
    return tls_new(context);
}

/* Bailey and @neighbour, who believe one authority. */
typedef struct {
    Tls *tls, *their_tls;
    char *options; /* (owned) */
    Rig *rig;
} Pair;

static Pair *pair_new(const char *neighbour, bool messages)
{
    Pair *pair = g_new0(Pair, 1);

    pair->tls = tls_of("Bailey", authority, authority);
    pair->their_tls = tls_of(neighbour, authority, authority);
    pair->options =
        g_strdup_printf("resync_interval_s = 0\n[tls]\nca_file = %s\n", authority->file);
    pair->rig = rig_new(&(Setup){.options = pair->options,
                                 .messages = messages,
                                 .tls = pair->tls,
                                 .their_tls = pair->their_tls});
    return pair;
}

/* Returns the log. (transfer full) */
static char *pair_end(Pair *pair)
{
    char *log = rig_end(pair->rig);

    tls_free(pair->tls);
    tls_free(pair->their_tls);
    g_free(pair->options);
    g_free(pair);
    return log;
}

static void pair_free(Pair *pair)
{
    g_free(pair_end(pair));
}

static void test_told(void)
{
    enum { CLIENTS = 3000 };
    Pair *pair = pair_new("Bona", false);
    Rig *rig = pair->rig;

    for (int i = 0; i < CLIENTS; i++)
        put(rig, i, 5);
    int peer = bring_up(rig);
    g_assert_cmpstr(stream_certificate_name(&rig->peer), ==, "Bailey");
    g_autoptr(GArray) all = hear_all(rig, peer);
    g_assert_cmpuint(all->len, ==, CLIENTS);
    offer(rig, 4, 6);
    assert_heard(rig, peer, "AT Clark +0.000000001 4 " PLACE " 6\n");
    close(peer);
    pair_free(pair);
}

/* A neighbour that does not read for a while, so that what TLS has begun to send is tried again
 * when more has come. */
static void test_slow_neighbour(void)
{
    enum { ROUNDS = 200, CLIENTS = 300 };
    Pair *pair = pair_new("Bona", false);
    Rig *rig = pair->rig;
    int peer = bring_up(rig), last[CLIENTS] = {0}, done = 0;

    for (int round = 1; round <= ROUNDS; round++) {
        for (int i = 0; i < CLIENTS; i++)
            offer(rig, i, round);
        link_tick(rig->link, 0);
    }
    g_assert_false(link_is_idle(rig->link));
    while (done < CLIENTS) {
        Heard heard = hear_update(rig, peer);

        g_assert_cmpint(heard.time, >, last[heard.client]);
        last[heard.client] = heard.time;
        done += heard.time == ROUNDS;
    }
    close(peer);
    pair_free(pair);
}

/* Each message is a connection of its own, whose end is announced; so is the end of a link. */
static void test_ends(void)
{
    for (int messages = 0; messages <= 1; messages++) {
        Pair *pair = pair_new("Bona", messages);
        Rig *rig = pair->rig;

        put(rig, 1, 5);
        int peer = bring_up(rig);
        assert_heard(rig, peer, "SYNC Clark +0.000000001 1 " PLACE " 5\n");
        if (!messages)
            link_end(rig->link);
        assert_heard(rig, peer, ""); /* what is not announced is an error of hear_now() */
        g_assert_true(stream_end(&rig->peer));
        while (!link_is_idle(rig->link))
            pump(rig);
        close(peer);
        pair_free(pair);
    }
}

static void test_wrong_name(void)
{
    Pair *pair = pair_new("bona", false);
    uint64_t failed = counters_read(COUNT_LINK_TRIES_FAILED);
    int peer = accept_link(pair->rig);

    pump_until_counted(pair->rig, COUNT_LINK_TRIES_FAILED, failed + 1);
    close(peer);
    g_autofree char *log = pair_end(pair);
    g_assert_cmpint(count_of(log, "link Bona down: what answers at the neighbour's address has a "
                                  "certificate in the name of bona\n"),
                    ==, 1);
}

/* A neighbour that is no member of this herd, one that does not speak TLS, and one that says
 * nothing. */
static void test_no_handshake(void)
{
    static const char *const reasons[] = {
        "TLS handshake failed: certificate verify failed: unable to get local issuer certificate",
        "TLS handshake failed: wrong version number",
        "TLS handshake failed: the other side has closed the connection",
        "the TLS handshake takes too long",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(reasons); i++) {
        Pair *pair = pair_new("Bona", false);
        Rig *rig = pair->rig;
        Tls *stranger = tls_of("Bona", other_authority, other_authority);

        rig->their_tls = NULL;
        int peer = accept_link(rig);
        pump_until_readable(rig, peer); /* the handshake has begun */
        uint64_t failed = counters_read(COUNT_LINK_TRIES_FAILED);
        if (i == 0) {
            g_assert_true(stream_accept_tls(&rig->peer, stranger, 1));
            while (counters_read(COUNT_LINK_TRIES_FAILED) == failed) {
                (void)stream_shake_hands(&rig->peer);
                pump(rig);
            }
        } else if (i == 1) {
            say(rig, peer, "? what is that\n");
        } else if (i == 2) {
            shutdown(peer, SHUT_WR);
        } else {
            int64_t now = monotonic_ms();

            pump_at(rig, now + TIMEOUT_MS / 2);
            g_assert_cmpuint(counters_read(COUNT_LINK_TRIES_FAILED), ==, failed);
            pump_at(rig, now + TIMEOUT_MS);
        }
        pump_until_counted(rig, COUNT_LINK_TRIES_FAILED, failed + 1);
        close(peer);
        g_autofree char *log = pair_end(pair);
        g_autofree char *line = g_strdup_printf("link Bona down: %s\n", reasons[i]);
        if (count_of(log, line) != 1)
            g_test_fail_printf("not in the log: %s%s", line, log);
        tls_free(stranger);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    signal(SIGPIPE, SIG_IGN);
    folder = tls_folder_new();
    authority = authority_new(folder, "an authority");
    other_authority = authority_new(folder, "another");

    g_test_add_func("/link/tls/told", test_told);
    g_test_add_func("/link/tls/slow-neighbour", test_slow_neighbour);
    g_test_add_func("/link/tls/ends", test_ends);
    g_test_add_func("/link/tls/wrong-name", test_wrong_name);
    g_test_add_func("/link/tls/no-handshake", test_no_handshake);
    int status = g_test_run();

    authority_free(authority);
    authority_free(other_authority);
    tls_folder_free(folder);
    return status;
}
