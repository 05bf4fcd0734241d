/* SPDX-License-Identifier: MIT */
#include "net/outgoing.h"

#include <glib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK 65536

typedef struct {
    Outgoing *outgoing;
    int ends[2]; /* we send into the first */
} Rig;

static Rig rig_new(void)
{
    Rig rig = {.outgoing = outgoing_new()};

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, rig.ends),
                    ==, 0);
    return rig;
}

static void rig_free(Rig *rig)
{
    outgoing_free(rig->outgoing);
    close(rig->ends[0]);
    close(rig->ends[1]);
}

static void append(Rig *rig, size_t length)
{
    g_autofree char *bytes = g_malloc0(length);

    g_assert_true(outgoing_append(rig->outgoing, (Slice){.data = bytes, .length = length}));
}

/* Sends what the socket takes; the other side reads it if @reads. */
static void send_all(Rig *rig, bool reads)
{
    static char bytes[CHUNK];

    do {
        while (!outgoing_is_empty(rig->outgoing) &&
               outgoing_send(rig->outgoing, &(Stream){.descriptor = rig->ends[0]}) > 0)
            ;
        while (reads && recv(rig->ends[1], bytes, sizeof bytes, 0) > 0)
            ;
    } while (reads && !outgoing_is_empty(rig->outgoing));
}

static void test_oldest(void)
{
    Rig rig = rig_new();

    outgoing_tick(rig.outgoing, 1000);
    g_assert_cmpint(outgoing_oldest(rig.outgoing), ==, INT64_MAX);
    append(&rig, 10);
    send_all(&rig, true);
    outgoing_tick(rig.outgoing, 2000);
    g_assert_cmpint(outgoing_oldest(rig.outgoing), ==, INT64_MAX);
    /* The socket takes no more. */
    while (outgoing_is_empty(rig.outgoing)) {
        append(&rig, CHUNK);
        send_all(&rig, false);
    }
    outgoing_tick(rig.outgoing, 3000);
    outgoing_tick(rig.outgoing, 4000);
    g_assert_cmpint(outgoing_oldest(rig.outgoing), ==, 3000);
    send_all(&rig, true);
    outgoing_tick(rig.outgoing, 5000);
    g_assert_cmpint(outgoing_oldest(rig.outgoing), ==, INT64_MAX);
    rig_free(&rig);
}

/* Sends until @bytes more have gone, or few above; the socket takes little at a time. */
static void send_some(Rig *rig, size_t bytes)
{
    char read[CHUNK];
    size_t sent = 0;

    while (sent < bytes) {
        ssize_t n = outgoing_send(rig->outgoing, &(Stream){.descriptor = rig->ends[0]});

        if (n > 0)
            sent += (size_t)n;
        while (recv(rig->ends[1], read, sizeof read, 0) > 0)
            ;
    }
    g_assert_cmpuint(sent, <, bytes + CHUNK);
    g_assert_false(outgoing_is_empty(rig->outgoing));
}

/* A buffer that is never empty, but moves, does not age for ever. */
static void test_oldest_moves(void)
{
    Rig rig = rig_new();
    int least = 1;

    g_assert_cmpint(setsockopt(rig.ends[0], SOL_SOCKET, SO_SNDBUF, &least, sizeof least), ==, 0);
    append(&rig, CHUNK);
    outgoing_tick(rig.outgoing, 1000);
    append(&rig, CHUNK);
    outgoing_tick(rig.outgoing, 2000);
    g_assert_cmpint(outgoing_oldest(rig.outgoing), ==, 1000);
    send_some(&rig, CHUNK);
    outgoing_tick(rig.outgoing, 3000);
    g_assert_cmpint(outgoing_oldest(rig.outgoing), ==, 1000); /* the second came after that */
    append(&rig, CHUNK);
    outgoing_tick(rig.outgoing, 4000);
    send_some(&rig, CHUNK);
    outgoing_tick(rig.outgoing, 5000);
    g_assert_cmpint(outgoing_oldest(rig.outgoing), ==, 3000); /* as the third did */
    outgoing_reset(rig.outgoing);
    outgoing_tick(rig.outgoing, 6000);
    g_assert_cmpint(outgoing_oldest(rig.outgoing), ==, INT64_MAX);
    rig_free(&rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/outgoing/oldest/while-the-socket-takes-nothing", test_oldest);
    g_test_add_func("/outgoing/oldest/moves-with-the-bytes", test_oldest_moves);
    return g_test_run();
}
