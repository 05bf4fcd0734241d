/* SPDX-License-Identifier: MIT */
#pragma once

/* What the tests of streams share: pairs of sockets, over which two members shake hands. */

#include "net/stream.h"

#include "tests/unit/tls-files.h"

#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <unistd.h>

#define MOST 3 /* handshakes at once */

/* Two ends of one connection. */
typedef struct {
    Tls *tls[TLS_ROLES];
    Stream ends[TLS_ROLES];
} Pair;

static TlsFolder *folder;
static Authority *authority, *other_authority;

static Tls *tls_of(const Identity *identity, const Authority *believed)
{
    g_autoptr(GError) error = NULL;
    TlsOptions options = {
        .certificate_file = identity != NULL ? identity->certificate_file : NULL,
        .key_file = identity != NULL ? identity->key_file : NULL,
        .ca_file = believed != NULL ? believed->file : NULL,
    };
    TlsContext *context = tls_context_new(&options, &error);

    g_assert_no_error(error);
    return tls_new(context);
}

/* Plain ends. */
static void open_sockets(Pair *pair, bool small)
{
    int ends[2], least = 1;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), ==,
                    0);
    for (int i = 0; i < 2; i++) {
        pair->ends[i] = (Stream){.descriptor = ends[i]};
        if (small)
            g_assert_cmpint(setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &least, sizeof least), ==,
                            0);
    }
}

/* Ends that have not shaken hands yet. */
static Pair *pair_new(Tls *server, Tls *client, bool small)
{
    Pair *pair = g_new0(Pair, 1);

    pair->tls[TLS_SERVER] = server;
    pair->tls[TLS_CLIENT] = client;
    open_sockets(pair, small);
    g_assert_true(stream_accept_tls(&pair->ends[TLS_SERVER], server, MOST));
    g_assert_true(stream_connect_tls(&pair->ends[TLS_CLIENT], client));
    return pair;
}

static void pair_free(Pair *pair)
{
    for (int i = 0; i < TLS_ROLES; i++) {
        stream_drop_tls(&pair->ends[i]);
        close(pair->ends[i].descriptor);
        tls_free(pair->tls[i]);
    }
    g_free(pair);
}

/* Shakes hands until one end or both have an outcome that stays. */
static void shake_hands(Pair *pair, Handshake ret_outcomes[TLS_ROLES])
{
    for (int i = 0; i < 100; i++) {
        bool waits = false;

        for (int role = 0; role < TLS_ROLES; role++) {
            ret_outcomes[role] = stream_shake_hands(&pair->ends[role]);
            if (ret_outcomes[role] == HANDSHAKE_FAILED)
                return;
            waits |= ret_outcomes[role] == HANDSHAKE_WAITS;
        }
        if (!waits)
            return;
    }
    g_assert_not_reached();
}

/* A server in the name of Bona, and a client in the name of Bailey; they believe one authority. */
static Pair *members(bool small)
{
    Identity bona = identity_new(folder, authority, "Bona", NULL, DAY_S);
    Identity bailey =
        identity_new(folder, authority, "somebody", "DNS:Bailey,DNS:bailey.example", DAY_S);
    Pair *pair = pair_new(tls_of(&bona, authority), tls_of(&bailey, authority), small);

    identity_clear(&bona);
    identity_clear(&bailey);
    return pair;
}

/* The same, hands shaken. */
static Pair *friends(bool small)
{
    Pair *pair = members(small);
    Handshake outcomes[TLS_ROLES];

    shake_hands(pair, outcomes);
    g_assert_cmpint(outcomes[TLS_SERVER], ==, HANDSHAKE_DONE);
    g_assert_cmpint(outcomes[TLS_CLIENT], ==, HANDSHAKE_DONE);
    return pair;
}

static void assert_waits(ssize_t n)
{
    g_assert_cmpint(errno, ==, EAGAIN);
    g_assert_cmpint(n, ==, -1);
}

/* Moves @bytes from one end to the other, with calls of @most bytes, as the sockets take them. */
static void move(Stream *from, Stream *to, const GByteArray *bytes, size_t most, unsigned *ret_full)
{
    g_autoptr(GByteArray) got = g_byte_array_new();
    g_autofree uint8_t *room = g_malloc(most);
    size_t sent = 0;

    *ret_full = 0;
    while (got->len < bytes->len) {
        while (sent < bytes->len) {
            /* A copy, so that OpenSSL finds the bytes at another place when it tries again. */
            size_t length = MIN(most, bytes->len - sent);
            g_autofree uint8_t *part = g_memdup2(bytes->data + sent, length);
            ssize_t n = stream_send(from, part, length);

            if (n < 0) {
                assert_waits(n);
                g_assert_true(stream_awaits_output(from, true));
                (*ret_full)++;
                break;
            }
            g_assert_cmpint(n, >, 0);
            sent += (size_t)n;
        }
        for (;;) {
            ssize_t n = stream_receive(to, room, most);

            if (n < 0) {
                assert_waits(n);
                g_assert_false(stream_awaits_output(to, false));
                break;
            }
            g_assert_cmpint(n, >, 0);
            g_byte_array_append(got, room, (guint)n);
        }
    }
    g_assert_true(got->len == bytes->len && memcmp(got->data, bytes->data, got->len) == 0);
}

static GByteArray *random_bytes(guint length)
{
    GByteArray *bytes = g_byte_array_sized_new(length);

    g_byte_array_set_size(bytes, length);
    for (guint i = 0; i < length; i++)
        bytes->data[i] = (uint8_t)g_test_rand_int();
    return bytes;
}

static void move_both_ways(Pair *pair, guint length, size_t most, bool fills)
{
    g_autoptr(GByteArray) bytes = random_bytes(length);
    unsigned full;

    for (int role = 0; role < TLS_ROLES; role++) {
        move(&pair->ends[role], &pair->ends[!role], bytes, most, &full);
        g_assert_cmpint(full > 0, ==, fills);
    }
}

static void stream_rig_begin(void)
{
    signal(SIGPIPE, SIG_IGN);
    folder = tls_folder_new();
    authority = authority_new(folder, "an authority");
    other_authority = authority_new(folder, "another");
}

static void stream_rig_end(void)
{
    authority_free(authority);
    authority_free(other_authority);
    tls_folder_free(folder);
}
