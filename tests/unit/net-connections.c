/* SPDX-License-Identifier: MIT */
#include "core/thread.h"
#include "net/connections.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

static bool sanitized(void)
{
    return g_getenv("HERD_TEST_SANITIZER") != NULL;
}

static void make_pair(int ends[2])
{
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), ==,
                    0);
}

/* A connection that is among @connections; @ret_peer is the other end. */
static Connection *add(Connections *connections, int *ret_peer)
{
    int ends[2];

    make_pair(ends);
    Connection *connection = connection_new(ends[0], &(struct sockaddr_storage){0});
    connections_add(connections, connection);
    *ret_peer = ends[1];
    return connection;
}

/* Whether the other side has ended its output. */
static bool has_ended(int descriptor)
{
    char byte;
    ssize_t n = recv(descriptor, &byte, 1, MSG_DONTWAIT);

    g_assert_true(n == 0 || (n < 0 && errno == EAGAIN));
    return n == 0;
}

/* A connection counts as its neighbour's link from when it joins until it is closed. */
static void test_joined(void)
{
    GQuark bona = g_quark_from_static_string("Bona"), clark = g_quark_from_static_string("Clark");
    Connections *connections = connections_new();
    Connection *added[4];
    int peers[4];

    for (unsigned i = 0; i < 4; i++) {
        added[i] = add(connections, &peers[i]);
        added[i]->neighbour = i < 2 ? bona : i == 2 ? clark : CONNECTION_CLIENT;
    }
    g_assert_cmpuint(connections_joined(connections, bona), ==, 0);
    for (unsigned i = 0; i < 3; i++)
        connections_join(connections, added[i]);
    g_assert_cmpuint(connections_joined(connections, bona), ==, 2);
    g_assert_cmpuint(connections_joined(connections, clark), ==, 1);
    connections_close(connections, added[0]);
    connections_close(connections, added[3]); /* has never joined */
    g_assert_cmpuint(connections_joined(connections, bona), ==, 1);
    g_assert_cmpuint(connections_joined(connections, clark), ==, 1);
    connections_close(connections, added[1]);
    g_assert_cmpuint(connections_joined(connections, bona), ==, 0);
    /* Its memory becomes another connection's, which has not joined. */
    Connection *next = add(connections, &peers[0]);
    connections_close(connections, next);
    g_assert_cmpuint(connections_joined(connections, bona), ==, 0);
    g_assert_cmpuint(connections_joined(connections, clark), ==, 1);
    for (unsigned i = 0; i < 4; i++)
        close(peers[i]);
    connections_free(connections);
}

static void test_count(void)
{
    Connections *connections = connections_new();
    Connection *added[5];
    int peers[5];

    g_assert_cmpuint(connections_count(connections), ==, 0);
    for (unsigned i = 0; i < 5; i++) {
        added[i] = add(connections, &peers[i]);
        g_assert_cmpuint(connections_count(connections), ==, i + 1);
    }
    /* From the middle, the last, the first: each closes its own and no other. */
    static const unsigned order[] = {2, 4, 0};
    for (unsigned i = 0; i < G_N_ELEMENTS(order); i++) {
        connections_close(connections, added[order[i]]);
        g_assert_cmpuint(connections_count(connections), ==, 4 - i);
    }
    for (unsigned i = 0; i < 5; i++)
        g_assert_cmpint(has_ended(peers[i]), ==, i % 2 == 0);

    /* What is left is closed at the end. */
    connections_free(connections);
    for (unsigned i = 0; i < 5; i++) {
        g_assert_true(has_ended(peers[i]));
        close(peers[i]);
    }
    connections_free(NULL);
}

static struct sockaddr_storage address_of(const char *host)
{
    struct sockaddr_storage address = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;

    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1)
        address.ss_family = AF_INET;
    else if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1)
        address.ss_family = AF_INET6;
    else
        g_assert_not_reached();
    return address;
}

static unsigned count_from(Connections *connections, const char *host)
{
    struct sockaddr_storage address = address_of(host);

    return connections_count_from(connections, &address);
}

static void test_count_from(void)
{
    /* By host of IPv4, mapped or not; by network of IPv6. */
    static const char *const hosts[] = {"192.0.2.1",      "192.0.2.1",       "::ffff:192.0.2.1",
                                        "192.0.2.2",      "2001:db8:0:1::1", "2001:db8:0:1:ffff::2",
                                        "2001:db8:0:2::1"};
    Connections *connections = connections_new();
    Connection *added[G_N_ELEMENTS(hosts)];

    g_assert_cmpuint(count_from(connections, "192.0.2.1"), ==, 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(hosts); i++) {
        struct sockaddr_storage address = address_of(hosts[i]);
        int ends[2];

        make_pair(ends);
        close(ends[1]);
        added[i] = connection_new(ends[0], &address);
        connections_add(connections, added[i]);
    }
    g_assert_cmpuint(count_from(connections, "192.0.2.1"), ==, 3);
    g_assert_cmpuint(count_from(connections, "192.0.2.2"), ==, 1);
    g_assert_cmpuint(count_from(connections, "192.0.2.3"), ==, 0);
    g_assert_cmpuint(count_from(connections, "2001:db8:0:1::9"), ==, 2);
    g_assert_cmpuint(count_from(connections, "2001:db8:0:2::9"), ==, 1);
    for (unsigned i = 0; i < 3; i++)
        connections_close(connections, added[i]);
    g_assert_cmpuint(count_from(connections, "192.0.2.1"), ==, 0);
    g_assert_cmpuint(count_from(connections, "192.0.2.2"), ==, 1);
    connections_free(connections);
}

static void test_sweep_boundary(void)
{
    const int64_t now = 1000000;
    const struct {
        int64_t deadline;
        bool over;
    } rows[] = {
        {0, false}, {1, true}, {now - 1, true}, {now, true}, {now + 1, false}, {INT64_MAX, false},
    };
    Connections *connections = connections_new();
    Connection *added[G_N_ELEMENTS(rows)];
    int peers[G_N_ELEMENTS(rows)];

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        added[i] = add(connections, &peers[i]);
        atomic_store(&added[i]->deadline, rows[i].deadline);
    }
    for (int again = 0; again < 2; again++) {
        connections_sweep(connections, now);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
            g_assert_cmpint(has_ended(peers[i]), ==, rows[i].over);
            g_assert_cmpint(atomic_load(&added[i]->expired), ==, rows[i].over);
            /* Its owner finds it at its end. */
            g_assert_cmpint(has_ended(added[i]->stream.descriptor), ==, rows[i].over);
        }
    }
    /* Shut down, not closed: that is for the owner. */
    g_assert_cmpuint(connections_count(connections), ==, G_N_ELEMENTS(rows));
    connections_free(connections);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        close(peers[i]);
}

typedef struct {
    Connections *connections;
    GPtrArray *own; /* Connection, to be closed */
    atomic_bool *stop;
} Closer;

static void close_all(void *argument)
{
    const Closer *closer = argument;

    for (unsigned i = 0; i < closer->own->len; i++) {
        connections_close(closer->connections, closer->own->pdata[i]);
        sched_yield();
    }
}

/* More than a sweep looks at in one go, while others are closed and move what is left. */
static void test_sweep_reaches_all(void)
{
    enum { COUNT = 700 };
    Connections *connections = connections_new();
    g_autoptr(GPtrArray) late = g_ptr_array_new();
    Closer closers[2];
    pthread_t threads[2];
    g_autoptr(GError) error = NULL;

    for (int i = 0; i < 2; i++)
        closers[i] = (Closer){.connections = connections, .own = g_ptr_array_new()};
    for (int i = 0; i < COUNT; i++) {
        Connection *connection =
            connection_new(eventfd(0, EFD_CLOEXEC), &(struct sockaddr_storage){0});
        int kind = g_test_rand_int_range(0, 4);

        g_assert_cmpint(connection->stream.descriptor, >=, 0);
        connections_add(connections, connection);
        if (kind < 2) {
            g_ptr_array_add(closers[kind].own, connection);
            continue;
        }
        atomic_store(&connection->deadline, 5);
        g_ptr_array_add(late, connection);
    }
    for (int i = 0; i < 2; i++)
        g_assert_true(thread_start(&threads[i], "closer", close_all, &closers[i], &error));
    connections_sweep(connections, 5);
    for (unsigned i = 0; i < late->len; i++)
        g_assert_true(atomic_load(&((Connection *)late->pdata[i])->expired));
    for (int i = 0; i < 2; i++) {
        thread_join(threads[i]);
        g_ptr_array_unref(closers[i].own);
    }
    g_assert_cmpuint(connections_count(connections), ==, late->len);
    connections_free(connections);
}

typedef struct {
    Connections *connections;
    int rounds;
    int64_t deadline;
} Churner;

/* Connections come and go; each descriptor that becomes free is at once somebody else's, which has
 * to go on working. */
static void churn(void *argument)
{
    const Churner *churner = argument;

    for (int round = 0; round < churner->rounds; round++) {
        int peer, ends[2];
        char byte = 'x';
        Connection *connection = add(churner->connections, &peer);

        atomic_store(&connection->deadline, churner->deadline);
        connections_close(churner->connections, connection);
        make_pair(ends);
        sched_yield();
        for (int i = 0; i < 2; i++) {
            g_assert_cmpint(send(ends[i], &byte, 1, MSG_NOSIGNAL), ==, 1);
            g_assert_cmpint(recv(ends[1 - i], &byte, 1, MSG_DONTWAIT), ==, 1);
        }
        close(ends[0]);
        close(ends[1]);
        close(peer);
    }
}

static void sweep(void *argument)
{
    const Closer *closer = argument;

    while (!atomic_load(closer->stop))
        connections_sweep(closer->connections, 10);
}

static void test_reused_descriptor(void)
{
    enum { CHURNERS = 4 };
    Connections *connections = connections_new();
    atomic_bool stop = false;
    Closer sweeper = {.connections = connections, .stop = &stop};
    Churner churner = {
        .connections = connections, .rounds = sanitized() ? 1000 : 8000, .deadline = 10};
    pthread_t threads[CHURNERS], sweeping;
    g_autoptr(GError) error = NULL;

    g_assert_true(thread_start(&sweeping, "sweep", sweep, &sweeper, &error));
    for (int i = 0; i < CHURNERS; i++)
        g_assert_true(thread_start(&threads[i], "churn", churn, &churner, &error));
    for (int i = 0; i < CHURNERS; i++)
        thread_join(threads[i]);
    atomic_store(&stop, true);
    thread_join(sweeping);
    g_assert_cmpuint(connections_count(connections), ==, 0);
    connections_free(connections);
}

/* Each comes into somebody's hands, who finds that it is ending; what it was told can still be
 * read, and answered. One that somebody has already is noted. */
static void test_end_input(void)
{
    enum { COUNT = 600, OWNED = 300 }; /* more than are looked at under one lock */
    Connections *connections = connections_new();
    g_autoptr(GError) error = NULL;
    ReadySet *ready = ready_set_new(&error);
    g_autofree int *peers = g_new(int, COUNT);
    Connection *owned = NULL;
    char bytes[16];

    g_assert_no_error(error);
    for (unsigned i = 0; i < COUNT; i++) {
        Connection *added = add(connections, &peers[i]);

        g_assert_true(i == OWNED || ready_set_add(ready, added));
        if (i == OWNED)
            owned = added;
    }
    g_assert_cmpint(write(peers[0], "IAMAT", 5), ==, 5);
    connections_end_input(connections, ready);
    for (unsigned got = 0; got < COUNT - 1;) {
        Connection *taken[64];
        unsigned count = ready_set_take(ready, taken, G_N_ELEMENTS(taken));

        for (unsigned i = 0; i < count; i++, got++) {
            g_assert_true(taken[i] != owned);
            g_assert_true(atomic_load(&taken[i]->ending));
            g_assert_false(atomic_load(&taken[i]->expired));
            if (taken[i]->position == 0)
                g_assert_cmpint(read(taken[i]->stream.descriptor, bytes, sizeof bytes), ==, 5);
            g_assert_cmpint(write(taken[i]->stream.descriptor, "? ", 2), ==, 2);
        }
    }
    g_assert_true(atomic_load(&owned->ending));
    g_assert_true(ready_set_add(ready, owned)); /* given back, it is handed out at once */
    g_assert_cmpuint(ready_set_take(ready, &owned, 1), ==, 1);
    connections_free(connections);
    ready_set_free(ready);
    for (unsigned i = 0; i < COUNT; i++)
        close(peers[i]);
}

static void test_wait_none(void)
{
    Connections *connections = connections_new();
    Closer closer = {.connections = connections, .own = g_ptr_array_new()};
    pthread_t thread;
    int peers[3];
    g_autoptr(GError) error = NULL;

    g_assert_true(connections_wait_none(connections, 0));
    for (int i = 0; i < 3; i++)
        g_ptr_array_add(closer.own, add(connections, &peers[i]));

    int64_t deadline = monotonic_ms() + 10;
    g_assert_false(connections_wait_none(connections, deadline));
    g_assert_cmpint(monotonic_ms(), >=, deadline);
    g_assert_false(connections_wait_none(connections, 0));

    g_assert_true(thread_start(&thread, "closer", close_all, &closer, &error));
    g_assert_true(connections_wait_none(connections, monotonic_ms() + 60000));
    g_assert_cmpuint(connections_count(connections), ==, 0);
    thread_join(thread);
    g_ptr_array_unref(closer.own);
    connections_free(connections);
    for (int i = 0; i < 3; i++)
        close(peers[i]);
}

/* More than are looked at without giving the lock back; some have an owner. */
static void test_rouse(void)
{
    enum { COUNT = 600, MOST = 64 };
    g_autoptr(GError) error = NULL;
    Connections *connections = connections_new();
    ReadySet *ready = ready_set_new(&error);
    Connection *added[COUNT];
    int peers[COUNT];
    unsigned roused = 0;

    g_assert_no_error(error);
    for (unsigned i = 0; i < COUNT; i++) {
        added[i] = add(connections, &peers[i]);
        if (i % 3 > 0)
            g_assert_true(ready_set_add(ready, added[i]));
    }
    connections_rouse(connections, ready);
    for (unsigned i = 0; i < COUNT; i += 3)
        g_assert_true(ready_set_add(ready, added[i]));
    while (roused < COUNT) {
        Connection *taken[MOST];
        unsigned count = ready_set_take(ready, taken, MOST);

        for (unsigned i = 0; i < count; i++)
            connections_close(connections, taken[i]);
        roused += count;
    }
    g_assert_cmpuint(connections_count(connections), ==, 0);
    for (unsigned i = 0; i < COUNT; i++)
        close(peers[i]);
    connections_free(connections);
    ready_set_free(ready);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/connections/count/from-a-host-or-network", test_count_from);
    g_test_add_func("/connections/count", test_count);
    g_test_add_func("/connections/joined/until-it-is-closed", test_joined);
    g_test_add_func("/connections/sweep/boundary", test_sweep_boundary);
    g_test_add_func("/connections/sweep/reaches-all-while-others-close", test_sweep_reaches_all);
    g_test_add_func("/connections/sweep/spares-a-descriptor-in-new-hands", test_reused_descriptor);
    g_test_add_func("/connections/end-input/keeps-what-has-arrived", test_end_input);
    g_test_add_func("/connections/rouse/reaches-all", test_rouse);
    g_test_add_func("/connections/wait-none", test_wait_none);
    return g_test_run();
}
