/* SPDX-License-Identifier: MIT */

/* Who is at the other end of a stream, by certificate and by channel binding. */

#include "tests/unit/net-stream-rig.h"

#include <openssl/ssl.h>
#include <sched.h>

static void test_names(void)
{
    static const struct {
        const char *common_name, *alternative, *name;
        const char *is[2], *is_not[4];
    } rows[] = {
        {"Bailey", NULL, "Bailey", {"Bailey"}, {"bailey", "Baile", "Bailey.", ""}},
        /* With a dNSName the common name says nothing. */
        {"Bailey", "DNS:Bona", "Bona", {"Bona"}, {"Bailey", "Bon", "bona"}},
        {"Bailey", "DNS:a.example,DNS:Bona", "a.example", {"a.example", "Bona"}, {"Bailey"}},
        {"Bailey", "email:a@b.example", "Bailey", {"Bailey"}, {"a@b.example"}},
        /* Bytes are compared: a star is a star. */
        {"x", "DNS:*.example", "*.example", {"*.example"}, {"a.example"}},
        {"J\xc3\xbcrgen", NULL, "J\xc3\xbcrgen", {"J\xc3\xbcrgen"}, {"Jurgen"}},
        {"Bailey\nBona", NULL, NULL, {NULL}, {"Bailey", "Bona", "Bailey\nBona"}},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Identity server = identity_new(folder, authority, "Bona", NULL, DAY_S);
        Identity client =
            identity_new(folder, authority, rows[i].common_name, rows[i].alternative, DAY_S);
        Pair *pair = pair_new(tls_of(&server, authority), tls_of(&client, authority), false);
        Stream *stream = &pair->ends[TLS_SERVER];
        Handshake outcomes[TLS_ROLES];

        g_assert_null(stream_certificate_name(stream));
        g_assert_false(stream_is_certified_as(stream, slice_of(rows[i].common_name)));
        shake_hands(pair, outcomes);
        g_assert_cmpstr(stream_certificate_name(stream), ==, rows[i].name);
        for (int k = 0; k < 2 && rows[i].is[k] != NULL; k++)
            g_assert_true(stream_is_certified_as(stream, slice_of(rows[i].is[k])));
        for (int k = 0; k < 4 && rows[i].is_not[k] != NULL; k++)
            g_assert_false(stream_is_certified_as(stream, slice_of(rows[i].is_not[k])));
        g_assert_cmpstr(stream_certificate_name(&pair->ends[TLS_CLIENT]), ==, "Bona");
        identity_clear(&server);
        identity_clear(&client);
        pair_free(pair);
    }
}

/* Who has no authorities verifies nobody, and has nobody's name. */
static void test_unverified(void)
{
    Identity bona = identity_new(folder, authority, "Bona", NULL, DAY_S);
    Identity bailey = identity_new(folder, other_authority, "Bailey", NULL, DAY_S);
    Pair *pair = pair_new(tls_of(&bona, NULL), tls_of(&bailey, NULL), false);
    Handshake outcomes[TLS_ROLES];

    shake_hands(pair, outcomes);
    for (int role = 0; role < TLS_ROLES; role++) {
        g_assert_cmpint(outcomes[role], ==, HANDSHAKE_DONE);
        g_assert_null(stream_certificate_name(&pair->ends[role]));
        g_assert_false(stream_is_certified_as(&pair->ends[role], SLICE("Bona")));
        g_assert_false(stream_is_certified_as(&pair->ends[role], SLICE("Bailey")));
    }
    identity_clear(&bona);
    identity_clear(&bailey);
    pair_free(pair);
}

/* Whom nobody should believe, on either side. */
static void test_refused(void)
{
    static const struct {
        bool own_authority;
        long ends_s;
        const char *reason;
    } rows[] = {
        {true, -DAY_S, "certificate verify failed: certificate has expired"},
        {false, DAY_S, "certificate verify failed: unable to get local issuer certificate"},
    };

    for (size_t i = 0; i < 2 * G_N_ELEMENTS(rows); i++) {
        TlsRole wrong = i % 2 == 0 ? TLS_SERVER : TLS_CLIENT;
        Identity good = identity_new(folder, authority, "Good", NULL, DAY_S);
        Identity bad = identity_new(folder, rows[i / 2].own_authority ? authority : other_authority,
                                    "Bad", NULL, rows[i / 2].ends_s);
        Pair *pair = pair_new(tls_of(wrong == TLS_SERVER ? &bad : &good, authority),
                              tls_of(wrong == TLS_CLIENT ? &bad : &good, authority), false);
        Stream *judge = &pair->ends[!wrong], *judged = &pair->ends[wrong];
        Handshake outcomes[TLS_ROLES];
        char byte;

        shake_hands(pair, outcomes);
        g_assert_cmpint(outcomes[!wrong], ==, HANDSHAKE_FAILED);
        g_assert_cmpstr(stream_problem(judge), ==, rows[i / 2].reason);
        g_assert_null(stream_certificate_name(judge));
        g_assert_true(stream_end(judge));
        /* The other one hears why. */
        if (stream_shake_hands(judged) == HANDSHAKE_DONE)
            g_assert_cmpint(stream_receive(judged, &byte, 1), ==, -1);
        g_test_message("%s", stream_problem(judged));
        g_assert_nonnull(strstr(stream_problem(judged), "alert"));
        identity_clear(&good);
        identity_clear(&bad);
        pair_free(pair);
    }
}

/* Clients need no certificate, even where one is asked for. */
static void test_client_without_certificate(void)
{
    Identity bona = identity_new(folder, authority, "Bona", NULL, DAY_S);
    Pair *pair = pair_new(tls_of(&bona, authority), tls_of(NULL, authority), false);
    Handshake outcomes[TLS_ROLES];

    shake_hands(pair, outcomes);
    g_assert_cmpint(outcomes[TLS_SERVER], ==, HANDSHAKE_DONE);
    g_assert_null(stream_certificate_name(&pair->ends[TLS_SERVER]));
    g_assert_cmpstr(stream_certificate_name(&pair->ends[TLS_CLIENT]), ==, "Bona");
    move_both_ways(pair, 1000, 100, false);
    identity_clear(&bona);
    pair_free(pair);
}

/* A client of @context shakes hands with a member of @server, whose outcome is returned. @session:
 * (inout) (transfer full) (nullable) what it resumes, and may resume the next time. */
static Handshake resume(Tls *server, const TlsContext *context, SSL_SESSION **session,
                        bool *ret_resumed, char **ret_why)
{
    Pair pair = {0};
    SSL *ssl = SSL_new(tls_context_get(context, TLS_CLIENT));
    Stream *stream = &pair.ends[TLS_SERVER];
    Handshake outcome = HANDSHAKE_WAITS;
    char byte;

    open_sockets(&pair, false);
    g_assert_true(stream_accept_tls(stream, server, MOST));
    g_assert_cmpint(SSL_set_fd(ssl, pair.ends[TLS_CLIENT].descriptor), ==, 1);
    SSL_set_connect_state(ssl);
    g_assert_cmpint(*session == NULL || SSL_set_session(ssl, *session) == 1, ==, true);
    while (outcome == HANDSHAKE_WAITS) {
        (void)SSL_do_handshake(ssl);
        outcome = stream_shake_hands(stream);
    }
    (void)SSL_read(ssl, &byte, 1); /* the ticket */
    *ret_resumed = SSL_session_reused(ssl) == 1;
    *ret_why = outcome == HANDSHAKE_FAILED ? g_strdup(stream_problem(stream)) : NULL;
    if (outcome == HANDSHAKE_DONE) {
        g_assert_cmpstr(stream_certificate_name(stream), ==, "phone");
        SSL_SESSION_free(*session);
        *session = SSL_get1_session(ssl);
    }
    (void)SSL_shutdown(ssl); /* or it would take the session for a bad one */
    SSL_free(ssl);
    for (int role = 0; role < TLS_ROLES; role++)
        stream_close(&pair.ends[role]);
    return outcome;
}

/* A ticket is no better than the certificate that it was given for. */
static void test_tickets(void)
{
    Identity bona = identity_new(folder, authority, "Bona", NULL, DAY_S);
    Identity lasting = identity_new(folder, authority, "phone", NULL, DAY_S);
    Identity ending = identity_new(folder, authority, "phone", NULL, 3);
    Tls *server = tls_of(&bona, authority),
        *clients[] = {tls_of(&lasting, authority), tls_of(&ending, authority)};

    for (int ends = 0; ends <= 1; ends++) {
        g_autoptr(TlsContext) context = tls_context(clients[ends]);
        const ASN1_TIME *end =
            X509_get0_notAfter(SSL_CTX_get0_certificate(tls_context_get(context, TLS_CLIENT)));
        SSL_SESSION *session = NULL;
        g_autofree char *why = NULL;
        bool resumed;

        g_assert_cmpint(resume(server, context, &session, &resumed, &why), ==, HANDSHAKE_DONE);
        g_assert_false(resumed);
        g_assert_cmpint(resume(server, context, &session, &resumed, &why), ==, HANDSHAKE_DONE);
        g_assert_true(resumed);
        if (ends) {
            while (X509_cmp_current_time(end) > 0)
                sched_yield();
            g_assert_cmpint(resume(server, context, &session, &resumed, &why), ==,
                            HANDSHAKE_FAILED);
            g_assert_cmpstr(why, ==, "certificate verify failed: certificate has expired");
        }
        SSL_SESSION_free(session);
        tls_free(clients[ends]);
    }
    tls_free(server);
    identity_clear(&bona);
    identity_clear(&lasting);
    identity_clear(&ending);
}

static void test_channel_binding(void)
{
    uint8_t bindings[2][TLS_ROLES][CHANNEL_BINDING_SIZE] = {0};

    for (int i = 0; i < 2; i++) {
        Pair *pair = members(false);
        Handshake outcomes[TLS_ROLES];

        for (int role = 0; role < TLS_ROLES; role++)
            g_assert_false(stream_channel_binding(&pair->ends[role], bindings[i][role]));
        shake_hands(pair, outcomes);
        for (int role = 0; role < TLS_ROLES; role++)
            g_assert_true(stream_channel_binding(&pair->ends[role], bindings[i][role]));
        g_assert_cmpint(
            memcmp(bindings[i][TLS_SERVER], bindings[i][TLS_CLIENT], sizeof bindings[i][0]), ==, 0);
        pair_free(pair);
    }
    g_assert_cmpint(memcmp(bindings[0][0], bindings[1][0], CHANNEL_BINDING_SIZE), !=, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    stream_rig_begin();

    g_test_add_func("/stream/certificates/names", test_names);
    g_test_add_func("/stream/certificates/unverified", test_unverified);
    g_test_add_func("/stream/certificates/refused", test_refused);
    g_test_add_func("/stream/certificates/client-without-certificate",
                    test_client_without_certificate);
    g_test_add_func("/stream/certificates/tickets", test_tickets);
    g_test_add_func("/stream/certificates/channel-binding", test_channel_binding);
    int status = g_test_run();

    stream_rig_end();
    return status;
}
