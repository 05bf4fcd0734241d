/* SPDX-License-Identifier: MIT */

/* Bytes over streams, and their ends. See net-stream-certificates.c for who is at the other end. */

#include "tests/unit/net-stream-rig.h"

#include <openssl/ssl.h>
#include <sys/ioctl.h>

static void test_plain(void)
{
    Pair pair = {0};
    char byte;

    open_sockets(&pair, true);
    move_both_ways(&pair, 300000, 65536, true);
    Stream *stream = &pair.ends[0];
    g_assert_cmpint(stream_shake_hands(stream), ==, HANDSHAKE_DONE);
    g_assert_false(stream_is_shaking_hands(stream));
    g_assert_false(stream_has_pending(stream));
    g_assert_true(stream_awaits_output(stream, true));
    g_assert_false(stream_awaits_output(stream, false));
    g_assert_null(stream_certificate_name(stream));
    g_assert_null(stream_tls_version(stream));
    g_assert_false(stream_is_certified_as(stream, SLICE("Bona")));
    g_assert_false(stream_channel_binding(stream, (uint8_t[CHANNEL_BINDING_SIZE]){0}));
    g_assert_true(stream_end(stream));
    g_assert_cmpint(stream_receive(&pair.ends[1], &byte, 1), ==, 0);
    g_assert_cmpint(stream_send(&pair.ends[1], "x", 1), ==, 1); /* the other way goes on */
    g_assert_cmpint(stream_receive(stream, &byte, 1), ==, 1);
    close(pair.ends[0].descriptor);
    g_assert_cmpint(stream_send(&pair.ends[1], "x", 1), ==, -1);
    g_assert_cmpint(errno, ==, EPIPE);
    g_assert_cmpstr(stream_problem(&pair.ends[1]), ==, g_strerror(EPIPE));
    close(pair.ends[1].descriptor);
}

static void test_bytes(void)
{
    Pair *pair = friends(false);

    g_assert_cmpstr(stream_tls_version(&pair->ends[TLS_SERVER]), ==, "TLSv1.3");
    move_both_ways(pair, 100, 1, false);
    move_both_ways(pair, 60000, 70000, false);
    pair_free(pair);
}

/* Sockets that take little at a time, during the handshake too. */
static void test_small_sockets(void)
{
    Pair *pair = friends(true);

    move_both_ways(pair, 500000, 65536, true);
    move_both_ways(pair, 50000, 100, true);
    pair_free(pair);
}

/* A handshake that the sockets take byte by byte, so that every wait is seen. */
static void test_handshake_in_pieces(void)
{
    Pair *pair = members(false);
    int wires[TLS_ROLES];
    bool done = false;

    /* Each end speaks with a wire of ours, and we carry the bytes one by one. */
    for (int role = 0; role < TLS_ROLES; role++) {
        int ends[2];

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends),
                        ==, 0);
        g_assert_cmpint(dup2(ends[0], pair->ends[role].descriptor), >=, 0);
        close(ends[0]);
        wires[role] = ends[1];
    }
    while (!done) {
        done = true;
        for (int role = 0; role < TLS_ROLES; role++) {
            Handshake outcome = stream_shake_hands(&pair->ends[role]);
            char byte;

            g_assert_cmpint(outcome, !=, HANDSHAKE_FAILED);
            g_assert_cmpint(stream_is_shaking_hands(&pair->ends[role]), ==,
                            outcome == HANDSHAKE_WAITS);
            done &= outcome == HANDSHAKE_DONE;
            if (outcome == HANDSHAKE_WAITS)
                g_assert_false(stream_awaits_output(&pair->ends[role], false));
            if (recv(wires[role], &byte, 1, 0) == 1)
                g_assert_cmpint(send(wires[!role], &byte, 1, MSG_NOSIGNAL), ==, 1);
        }
    }
    close(wires[0]);
    close(wires[1]);
    pair_free(pair);
}

static void test_pending(void)
{
    Pair *pair = friends(false);
    Stream *client = &pair->ends[TLS_CLIENT];
    char byte;
    int unread = 1;

    assert_waits(stream_receive(client, &byte, 1)); /* the ticket is no byte */
    g_assert_cmpint(stream_send(&pair->ends[TLS_SERVER], "ab", 2), ==, 2);
    g_assert_false(stream_has_pending(client));
    g_assert_cmpint(stream_receive(client, &byte, 1), ==, 1);
    g_assert_cmpint(ioctl(client->descriptor, FIONREAD, &unread), ==, 0);
    g_assert_cmpint(unread, ==, 0);
    g_assert_true(stream_has_pending(client));
    g_assert_cmpint(stream_receive(client, &byte, 1), ==, 1);
    g_assert_cmpint(byte, ==, 'b');
    g_assert_false(stream_has_pending(client));
    assert_waits(stream_receive(client, &byte, 1));
    pair_free(pair);
}

static void test_end(void)
{
    Pair *pair = friends(false);

    for (int role = 0; role < TLS_ROLES; role++) {
        Stream *stream = &pair->ends[role], *other = &pair->ends[!role];
        char bytes[8];

        g_assert_cmpint(stream_send(stream, "last", 4), ==, 4);
        g_assert_true(stream_end(stream));
        g_assert_cmpint(stream_receive(other, bytes, sizeof bytes), ==, 4);
        g_assert_cmpint(stream_receive(other, bytes, sizeof bytes), ==, 0);
        g_assert_cmpint(stream_receive(other, bytes, sizeof bytes), ==, 0);
        g_assert_cmpint(stream_send(stream, "more", 4), ==, -1);
        if (role == TLS_SERVER) { /* the other way goes on */
            g_assert_cmpint(stream_send(other, "yes", 3), ==, 3);
            g_assert_cmpint(stream_receive(stream, bytes, sizeof bytes), ==, 3);
        }
    }
    pair_free(pair);
}

/* Sends bytes, one by one, up to @most, as long as the socket takes them; returns how many. */
static unsigned fill(Pair *pair, unsigned most)
{
    unsigned sent = 0;

    /* Nothing of the handshake takes its room. */
    assert_waits(stream_receive(&pair->ends[TLS_CLIENT], &(char){0}, 1));
    while (sent < most && stream_send(&pair->ends[TLS_SERVER], "x", 1) == 1)
        sent++;
    return sent;
}

/* The end has to wait until the socket takes it. */
static void test_end_waits(void)
{
    Pair *pair = friends(true);
    unsigned room = fill(pair, UINT_MAX);
    unsigned received = 0;
    ssize_t n;
    char byte;

    /* What OpenSSL has begun to send goes before an end: another pair, filled to the brim. */
    pair_free(pair);
    pair = friends(true);
    Stream *server = &pair->ends[TLS_SERVER], *client = &pair->ends[TLS_CLIENT];
    g_assert_cmpuint(fill(pair, room), ==, room);
    for (int i = 0; i < 3; i++) {
        g_assert_false(stream_end(server));
        g_assert_true(stream_awaits_output(server, false));
    }
    while ((n = stream_receive(client, &byte, 1)) == 1)
        received++;
    assert_waits(n);
    g_assert_cmpuint(received, ==, room);
    g_assert_true(stream_end(server));
    g_assert_cmpint(stream_receive(client, &byte, 1), ==, 0);
    pair_free(pair);
}

/* An end that nobody has announced could be somebody's who cut the connection. */
static void test_cut(void)
{
    Pair *pair = friends(false);
    Stream *server = &pair->ends[TLS_SERVER], *client = &pair->ends[TLS_CLIENT];
    char bytes[8];

    g_assert_cmpint(stream_send(client, "half", 4), ==, 4);
    shutdown(client->descriptor, SHUT_WR);
    g_assert_cmpint(stream_receive(server, bytes, sizeof bytes), ==, 4);
    g_assert_cmpint(stream_receive(server, bytes, sizeof bytes), ==, -1);
    g_assert_cmpint(errno, ==, ECONNRESET);
    g_assert_cmpstr(stream_problem(server), ==, "the connection ended without TLS's close_notify");
    g_assert_cmpint(stream_send(server, "reply", 5), ==, 5);
    g_assert_cmpint(stream_receive(client, bytes, sizeof bytes), ==, 5);
    g_assert_true(stream_end(server));
    g_assert_cmpint(stream_receive(client, bytes, sizeof bytes), ==, 0);
    pair_free(pair);
}

static void test_garbage(void)
{
    Pair *pair = friends(false);
    Stream *server = &pair->ends[TLS_SERVER];
    char byte;

    g_assert_cmpint(write(pair->ends[TLS_CLIENT].descriptor, "IAMAT no TLS at all\n", 20), ==, 20);
    g_assert_cmpint(stream_receive(server, &byte, 1), ==, -1);
    g_assert_cmpint(errno, ==, EPROTO);
    g_assert_cmpstr(stream_problem(server), ==, "wrong version number");
    g_assert_true(stream_end(server)); /* without a goodbye that OpenSSL could not say any more */
    pair_free(pair);
}

/* Who does not speak TLS hears nothing. */
static void test_plain_client(void)
{
    static const char *const texts[] = {
        "IAMAT kiwi +34-118 1\n",
        "GET / HTTP/1.1\r\n\r\n",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        Pair *pair = members(false);
        Stream *server = &pair->ends[TLS_SERVER];
        char bytes[64];

        stream_drop_tls(&pair->ends[TLS_CLIENT]);
        g_assert_cmpint(stream_send(&pair->ends[TLS_CLIENT], texts[i], strlen(texts[i])), >, 0);
        g_assert_cmpint(stream_shake_hands(server), ==, HANDSHAKE_FAILED);
        g_test_message("%s", stream_problem(server));
        stream_drop_tls(server);
        g_assert_cmpint(stream_receive(server, bytes, sizeof bytes), <=, 0); /* it is read */
        assert_waits(stream_receive(&pair->ends[TLS_CLIENT], bytes, sizeof bytes));
        pair_free(pair);
    }
}

static void test_handshake_ended(void)
{
    Pair *pair = members(false);

    g_assert_cmpint(stream_shake_hands(&pair->ends[TLS_SERVER]), ==, HANDSHAKE_WAITS);
    shutdown(pair->ends[TLS_CLIENT].descriptor, SHUT_WR);
    g_assert_cmpint(stream_shake_hands(&pair->ends[TLS_SERVER]), ==, HANDSHAKE_FAILED);
    g_assert_cmpstr(stream_problem(&pair->ends[TLS_SERVER]), ==,
                    "the other side has closed the connection");
    pair_free(pair);
}

static void test_handshakes_are_bounded(void)
{
    Pair *pair = members(false);
    Tls *tls = pair->tls[TLS_SERVER];
    Stream more[MOST];
    Handshake outcomes[TLS_ROLES];

    for (int i = 0; i < MOST; i++) {
        more[i] = (Stream){.descriptor = pair->ends[TLS_SERVER].descriptor};
        g_assert_cmpint(stream_accept_tls(&more[i], tls, MOST), ==, i < MOST - 1);
    }
    shake_hands(pair, outcomes); /* one that is done counts no more */
    g_assert_true(stream_accept_tls(&more[MOST - 1], tls, MOST));
    g_assert_false(stream_accept_tls(&(Stream){.descriptor = -1}, tls, MOST));
    stream_drop_tls(&more[0]); /* nor does one that is given up */
    g_assert_true(stream_accept_tls(&more[0], tls, MOST));
    for (int i = 0; i < MOST; i++)
        stream_drop_tls(&more[i]);
    pair_free(pair);
}

/* Records that carry nothing do not keep a thread for as long as there are any. */
static void test_records_that_carry_nothing(void)
{
    Pair *pair = members(false);
    Stream *server = &pair->ends[TLS_SERVER];
    g_autoptr(TlsContext) context = tls_context(pair->tls[TLS_CLIENT]);
    SSL *ssl = SSL_new(tls_context_get(context, TLS_CLIENT));
    BIO *held = BIO_new(BIO_s_mem());
    int descriptor = pair->ends[TLS_CLIENT].descriptor, unread, before;
    unsigned pauses = 0;
    char *bytes, byte;
    ssize_t n;

    stream_drop_tls(&pair->ends[TLS_CLIENT]);
    g_assert_cmpint(SSL_set_fd(ssl, descriptor), ==, 1);
    SSL_set_connect_state(ssl);
    while (SSL_do_handshake(ssl) != 1 || stream_is_shaking_hands(server))
        g_assert_cmpint(stream_shake_hands(server), !=, HANDSHAKE_FAILED);
    assert_waits(stream_receive(server, &byte, 1));
    g_assert_false(stream_is_paused(server)); /* the socket is empty */

    SSL_set0_wbio(ssl, held);
    for (int i = 0; i < 4000; i++) {
        g_assert_cmpint(SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED), ==, 1);
        g_assert_cmpint(SSL_do_handshake(ssl), ==, 1);
    }
    g_assert_cmpint(SSL_write(ssl, "x", 1), ==, 1);
    long length = BIO_get_mem_data(held, &bytes);
    g_assert_cmpint(send(descriptor, bytes, (size_t)length, 0), ==, length);

    g_assert_cmpint(ioctl(server->descriptor, FIONREAD, &before), ==, 0);
    while ((n = stream_receive(server, &byte, 1)) != 1) {
        assert_waits(n);
        g_assert_true(stream_is_paused(server));
        g_assert_false(stream_awaits_output(server, false));
        g_assert_cmpint(ioctl(server->descriptor, FIONREAD, &unread), ==, 0);
        g_assert_cmpint(before - unread, <, 64 << 10);
        before = unread;
        pauses++;
    }
    g_assert_cmpuint(pauses, >=, 2);
    assert_waits(stream_receive(server, &byte, 1));
    g_assert_false(stream_is_paused(server));
    SSL_free(ssl);
    pair_free(pair);
}

/* What a link measures: bytes of TLS, not of ours. */
static void test_bytes_taken(void)
{
    Pair *pair = friends(false);
    Stream *server = &pair->ends[TLS_SERVER];
    uint64_t before = stream_bytes_taken(server);
    int unread;

    g_assert_cmpuint(before, >, 0);
    /* Everything that the handshake left is read. */
    assert_waits(stream_receive(&pair->ends[TLS_CLIENT], &(char){0}, 1));
    g_assert_cmpint(stream_send(server, "hello", 5), ==, 5);
    g_assert_cmpint(ioctl(pair->ends[TLS_CLIENT].descriptor, FIONREAD, &unread), ==, 0);
    g_assert_cmpuint(stream_bytes_taken(server) - before, ==, (uint64_t)unread);
    g_assert_cmpint(unread, >, 5);
    pair_free(pair);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    stream_rig_begin();

    g_test_add_func("/stream/plain", test_plain);
    g_test_add_func("/stream/tls/bytes", test_bytes);
    g_test_add_func("/stream/tls/small-sockets", test_small_sockets);
    g_test_add_func("/stream/tls/handshake-in-pieces", test_handshake_in_pieces);
    g_test_add_func("/stream/tls/pending", test_pending);
    g_test_add_func("/stream/tls/end", test_end);
    g_test_add_func("/stream/tls/end-waits", test_end_waits);
    g_test_add_func("/stream/tls/cut", test_cut);
    g_test_add_func("/stream/tls/garbage", test_garbage);
    g_test_add_func("/stream/tls/plain-client", test_plain_client);
    g_test_add_func("/stream/tls/handshake-ended", test_handshake_ended);
    g_test_add_func("/stream/tls/handshakes-are-bounded", test_handshakes_are_bounded);
    g_test_add_func("/stream/tls/records-that-carry-nothing", test_records_that_carry_nothing);
    g_test_add_func("/stream/tls/bytes-taken", test_bytes_taken);
    int status = g_test_run();

    stream_rig_end();
    return status;
}
