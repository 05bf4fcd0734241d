/* SPDX-License-Identifier: MIT */
#define BLOCKS false

#include "tests/unit/net-worker-rig.h"

#include "core/counters.h"
#include "tests/unit/tls-files.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>

#define KIWI  "IAMAT kiwi +34-118 1\n"
#define REPLY "AT Bailey * kiwi +34-118 1\n"

/* A client of a pool, which both speak TLS. */
typedef struct {
    Rig *rig;
    Tls *tls;
    TlsContext *context;
    Client client;
    SSL *ssl;
    uint64_t failed_before; /* handshakes */
} Peer;

static TlsFolder *folder;
static Authority *authority;

static Peer *peer_new(bool small)
{
    Peer *peer = g_new0(Peer, 1);
    g_autoptr(GError) error = NULL;
    Identity bailey = identity_new(folder, authority, "Bailey", NULL, DAY_S);
    int ends[2], least = 1;

    peer->failed_before = counters_read(COUNT_HANDSHAKES_FAILED);
    peer->context = tls_context_new(
        &(TlsOptions){.certificate_file = bailey.certificate_file, .key_file = bailey.key_file},
        &error);
    g_assert_no_error(error);
    identity_clear(&bailey);
    peer->tls = tls_new(tls_context_ref(peer->context));
    peer->rig = rig_new("", 2, 4, 4);
    rig_start(peer->rig, 4);

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), ==,
                    0);
    for (int i = 0; i < 2 && small; i++)
        g_assert_cmpint(setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &least, sizeof least), ==, 0);
    Connection *connection = connection_new(ends[1], &(struct sockaddr_storage){0});
    g_assert_true(connection_begin_tls(connection, peer->tls, 1));
    connections_add(peer->rig->context.connections, connection);
    g_assert_true(ready_set_add(peer->rig->context.ready, connection));
    peer->client = (Client){.socket = ends[0], .connection = connection};

    peer->ssl = SSL_new(tls_context_get(peer->context, TLS_CLIENT));
    g_assert_nonnull(peer->ssl);
    g_assert_cmpint(SSL_set_fd(peer->ssl, ends[0]), ==, 1);
    SSL_set_connect_state(peer->ssl);
    return peer;
}

static void peer_free(Peer *peer)
{
    SSL_free(peer->ssl);
    close(peer->client.socket);
    rig_free(peer->rig);
    tls_context_unref(peer->context);
    tls_free(peer->tls);
    g_free(peer);
}

/* Waits for what a call of OpenSSL that returned @result wants. FALSE: the other side has ended. */
static bool wait_for(Peer *peer, int result)
{
    switch (SSL_get_error(peer->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        wait_socket(peer->client.socket, POLLIN);
        return true;
    case SSL_ERROR_WANT_WRITE:
        wait_socket(peer->client.socket, POLLOUT);
        return true;
    case SSL_ERROR_ZERO_RETURN:
        return false;
    default:
        g_assert_not_reached();
    }
}

static void shake_hands(Peer *peer)
{
    int result;

    while ((result = SSL_do_handshake(peer->ssl)) != 1)
        g_assert_true(wait_for(peer, result));
}

/* Appends what has come. FALSE: it was the last. */
static bool hear(Peer *peer, GString *got)
{
    char bytes[4096];
    int n;

    while ((n = SSL_read(peer->ssl, bytes, sizeof bytes)) > 0)
        g_string_append_len(got, bytes, n);
    int error = SSL_get_error(peer->ssl, n);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_ZERO_RETURN)
        g_error("SSL_read: %d, %s, %s", error, ERR_reason_error_string(ERR_peek_last_error()),
                g_strerror(errno));
    return error == SSL_ERROR_WANT_READ;
}

/* Says @text, at most @most bytes of it a call, and that this is all, and reads to the end.
 * (transfer full) */
static GString *exchange(Peer *peer, const GString *text, size_t most)
{
    GString *got = g_string_new(NULL);
    size_t said = 0;
    bool ended = false;

    do {
        int n = 1;

        while (said < text->len && n > 0) {
            n = SSL_write(peer->ssl, text->str + said, (int)MIN(most, text->len - said));
            said += (size_t)MAX(n, 0);
        }
        if (said == text->len && !ended)
            ended = SSL_shutdown(peer->ssl) >= 0;
        wait_socket(peer->client.socket, ended ? POLLIN : POLLIN | POLLOUT);
    } while (hear(peer, got));
    hide_skews(got);
    return got;
}

static void assert_replies(const GString *got, unsigned count)
{
    g_autoptr(GString) expected = g_string_new(NULL);

    for (unsigned i = 0; i < count; i++)
        g_string_append(expected, REPLY);
    g_assert_cmpuint(got->len, ==, expected->len);
    g_assert_true(g_string_equal(got, expected));
}

static void test_exchange(void)
{
    static const struct {
        unsigned lines;
        size_t most;
        bool small;
    } rows[] = {
        {1, 1000, false},    {1, 1, false},        {100, 1, false},
        {10000, 1447, true}, {10000, 65536, true}, {10000, 65536, false},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Peer *peer = peer_new(rows[i].small);
        g_autoptr(GString) text = g_string_new(NULL);

        for (unsigned k = 0; k < rows[i].lines; k++)
            g_string_append(text, KIWI);
        shake_hands(peer);
        g_autoptr(GString) got = exchange(peer, text, rows[i].most);
        assert_replies(got, rows[i].lines);
        peer_free(peer);
    }
}

/* What comes in one piece with the end of the handshake is already OpenSSL's: the socket tells of
 * it no more. */
static void test_lines_behind_the_handshake(void)
{
    Peer *peer = peer_new(false);
    BIO *held = BIO_new(BIO_s_mem());
    BIO *socket = SSL_get_wbio(peer->ssl);
    char *bytes;
    int result;

    while ((result = SSL_do_handshake(peer->ssl)) != 1) {
        g_assert_true(wait_for(peer, result));
        /* The flight that ends it is held back. */
        if (SSL_get_wbio(peer->ssl) == socket) {
            BIO_up_ref(held);
            SSL_set0_wbio(peer->ssl, held);
        }
    }
    for (int i = 0; i < 3; i++)
        g_assert_cmpint(SSL_write(peer->ssl, KIWI, strlen(KIWI)), >, 0);
    long length = BIO_get_mem_data(held, &bytes);
    say(&peer->client, (Slice){.data = bytes, .length = (size_t)length});
    BIO_up_ref(socket);
    SSL_set0_wbio(peer->ssl, socket);

    g_autoptr(GString) got = g_string_new(NULL);
    while (got->len < 3 * strlen("AT Bailey +0.000000001 kiwi +34-118 1\n")) {
        char byte;
        int n = SSL_read(peer->ssl, &byte, 1);

        if (n == 1)
            g_string_append_c(got, byte);
        else
            g_assert_true(wait_for(peer, n));
    }
    peer_free(peer);
    BIO_free(held);
}

/* Asks for new keys, up to @most times, until the socket has taken nothing for @patience_ms, and
 * reads nothing; returns how often. */
static unsigned ask_for_keys(Peer *peer, unsigned most, int patience_ms)
{
    struct pollfd polled = {.fd = peer->client.socket, .events = POLLOUT};
    unsigned asked = 0;

    while (asked < most && poll(&polled, 1, patience_ms) == 1) {
        g_assert_cmpint(SSL_key_update(peer->ssl, SSL_KEY_UPDATE_REQUESTED), ==, 1);
        if (SSL_do_handshake(peer->ssl) != 1)
            break;
        asked++;
    }
    return asked;
}

/* A client may ask for new keys, which has to be answered before anything is read on: what waits
 * for input then waits for output. */
static void test_a_read_that_has_to_write(void)
{
    Peer *peer = peer_new(true);
    g_autoptr(GString) got = g_string_new(NULL);

    /* Answers fill the pool's socket, then questions fill ours. */
    shake_hands(peer);
    unsigned most = ask_for_keys(peer, UINT_MAX, 1000);
    peer_free(peer);

    g_assert_cmpuint(most, >, 3);
    g_test_message("%u new keys", most);
    peer = peer_new(true);
    shake_hands(peer);
    g_assert_cmpuint(ask_for_keys(peer, most - 2, DEADLINE_MS), ==, most - 2);
    g_assert_cmpint(SSL_write(peer->ssl, KIWI, strlen(KIWI)), ==, strlen(KIWI));
    while (got->len == 0) { /* nothing more is said, so only room makes the pool read on */
        wait_socket(peer->client.socket, POLLIN);
        g_assert_true(hear(peer, got));
    }
    hide_skews(got);
    assert_replies(got, 1);
    peer_free(peer);
}

/* What stands behind many records that carry nothing is answered, although the socket told of it
 * long before it was read; at the end too. */
static void test_records_that_carry_nothing(void)
{
    for (int ending = 0; ending <= 1; ending++) {
        Peer *peer = peer_new(false);
        BIO *held = BIO_new(BIO_s_mem());
        BIO *socket = SSL_get_wbio(peer->ssl);
        g_autoptr(GString) got = g_string_new(NULL);
        char *bytes;

        shake_hands(peer);
        BIO_up_ref(socket);
        SSL_set0_wbio(peer->ssl, held);
        for (int i = 0; i < 4000; i++) {
            g_assert_cmpint(SSL_key_update(peer->ssl, SSL_KEY_UPDATE_NOT_REQUESTED), ==, 1);
            g_assert_cmpint(SSL_do_handshake(peer->ssl), ==, 1);
        }
        g_assert_cmpint(SSL_write(peer->ssl, KIWI, strlen(KIWI)), ==, strlen(KIWI));
        long length = BIO_get_mem_data(held, &bytes);
        say(&peer->client, (Slice){.data = bytes, .length = (size_t)length});
        if (ending)
            connections_end_input(peer->rig->context.connections, peer->rig->context.ready);
        BIO_up_ref(held);
        SSL_set0_wbio(peer->ssl, socket);
        while (got->len == 0) {
            wait_socket(peer->client.socket, POLLIN);
            bool more = hear(peer, got);
            g_assert_true(more || ending);
            g_assert_true(more || got->len > 0);
        }
        hide_skews(got);
        assert_replies(got, 1);
        BIO_free(held);
        peer_free(peer);
    }
}

/* Half a line is a command if TLS has said that it is the last. */
static void test_ends(void)
{
    static const char half[] = "IAMAT kiwi +34-118 1";

    for (int announced = 0; announced <= 1; announced++) {
        Peer *peer = peer_new(false);
        g_autoptr(GString) text = g_string_new(KIWI);
        g_autoptr(GString) got = g_string_new(NULL);

        g_string_append(text, half);
        shake_hands(peer);
        g_assert_cmpint(SSL_write(peer->ssl, text->str, (int)text->len), ==, (int)text->len);
        if (announced)
            SSL_shutdown(peer->ssl);
        else
            end_input(&peer->client);
        do
            wait_socket(peer->client.socket, POLLIN);
        while (hear(peer, got));
        hide_skews(got);
        g_assert_cmpint(SSL_get_shutdown(peer->ssl) & SSL_RECEIVED_SHUTDOWN, !=, 0);
        assert_replies(got, 1 + (unsigned)announced);
        peer_free(peer);
    }
}

static void test_too_long(void)
{
    Peer *peer = peer_new(true);
    g_autoptr(GString) text = g_string_new(NULL);

    g_string_set_size(text, 200000);
    memset(text->str, 'x', text->len);
    shake_hands(peer);
    int n = 1;
    size_t said = 0;
    /* The pool throws away what comes behind. */
    while (said < text->len && (n > 0 || wait_for(peer, n))) {
        n = SSL_write(peer->ssl, text->str + said, (int)(text->len - said));
        said += (size_t)MAX(n, 0);
    }
    g_string_truncate(text, 0);
    g_autoptr(GString) got = exchange(peer, text, 1);
    g_autofree char *head = g_strnfill(64, 'x');
    g_autofree char *expected = g_strdup_printf("? %s\n", head);
    g_assert_cmpstr(got->str, ==, expected);
    peer_free(peer);
}

static void wait_failed(Peer *peer)
{
    while (counters_read(COUNT_HANDSHAKES_FAILED) == peer->failed_before)
        sched_yield();
}

/* Who does not shake hands hears nothing but the end, and its place is free. */
static void test_no_handshake(void)
{
    Peer *peer = peer_new(false);
    Connection *other = connection_new(-1, &(struct sockaddr_storage){0});
    char byte;

    g_assert_false(connection_begin_tls(other, peer->tls, 1));
    say_text(&peer->client, KIWI);
    wait_failed(peer);
    wait_socket(peer->client.socket, POLLIN);
    g_assert_cmpint(recv(peer->client.socket, &byte, 1, 0), ==, 0);
    g_assert_true(connection_begin_tls(other, peer->tls, 1));
    connection_free(other);
    end_input(&peer->client);
    g_assert_true(
        connections_wait_none(peer->rig->context.connections, monotonic_ms() + DEADLINE_MS));
    peer_free(peer);
}

/* The sweep ends a handshake that takes too long. */
static void test_handshake_timeout(void)
{
    Peer *peer = peer_new(false);
    uint64_t timeouts = counters_read(COUNT_TIMEOUTS);
    Connections *connections = peer->rig->context.connections;

    atomic_store(&peer->client.connection->deadline, 1000);
    say_text(&peer->client, "\x16\x03\x01");
    wait_until_read(&peer->client);
    connections_sweep(connections, 999);
    g_assert_cmpuint(connections_count(connections), ==, 1);
    connections_sweep(connections, 1000);
    g_assert_true(connections_wait_none(connections, monotonic_ms() + DEADLINE_MS));
    g_assert_cmpuint(counters_read(COUNT_HANDSHAKES_FAILED) - peer->failed_before, ==, 1);
    g_assert_cmpuint(counters_read(COUNT_TIMEOUTS) - timeouts, ==, 1);
    peer_free(peer);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    signal(SIGPIPE, SIG_IGN);
    folder = tls_folder_new();
    authority = authority_new(folder, "an authority");

    g_test_add_func("/worker/tls/exchange", test_exchange);
    g_test_add_func("/worker/tls/lines-behind-the-handshake", test_lines_behind_the_handshake);
    g_test_add_func("/worker/tls/a-read-that-has-to-write", test_a_read_that_has_to_write);
    g_test_add_func("/worker/tls/records-that-carry-nothing", test_records_that_carry_nothing);
    g_test_add_func("/worker/tls/ends", test_ends);
    g_test_add_func("/worker/tls/too-long", test_too_long);
    g_test_add_func("/worker/tls/no-handshake", test_no_handshake);
    g_test_add_func("/worker/tls/handshake-timeout", test_handshake_timeout);
    int status = g_test_run();

    authority_free(authority);
    tls_folder_free(folder);
    return status;
}
