/* SPDX-License-Identifier: MIT */

/* What becomes of connections when the member stops. */

#include "core/durations.h"
#include "core/thread.h"
#include "net/farewell.h"
#include "net/pool.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define BLOCKS true /* the provider is fenced */
#include "tests/unit/net-worker-rig.h"

static void stop(Rig *rig)
{
    connections_end_input(rig->context.connections, rig->context.ready);
}

/* All connections end by themselves, with the sweeps that the main thread makes meanwhile. */
static void wait_ended(Rig *rig)
{
    int64_t deadline = monotonic_ms() + DEADLINE_MS;

    while (!connections_wait_none(rig->context.connections, monotonic_ms() + 10)) {
        g_assert_cmpint(monotonic_ms(), <, deadline);
        connections_sweep(rig->context.connections, monotonic_ms());
    }
}

/* What has arrived is answered, then the connection ends; of half a line nothing is said. */
static void test_arrived(void)
{
    Rig *rig = rig_new("", 1, 1, 1);
    Client clients[4];

    for (unsigned i = 0; i < G_N_ELEMENTS(clients); i++) {
        clients[i] = client_new(rig, false);
        say_text(&clients[i], "IAMAT a +1+1 5\n\nwhat?\nhalf a li");
    }
    stop(rig); /* before anybody has looked at them, as after: */
    rig_start(rig, 1);
    for (unsigned i = 0; i < G_N_ELEMENTS(clients); i++)
        assert_ends(&clients[i], "AT Bailey * a +1+1 5\n? \n? what?\n");
    wait_ended(rig);
    rig_free(rig);
}

/* PROTOCOL R1: a line that ends with the client's input is one, also now. */
static void test_ended_by_the_client(void)
{
    Rig *rig = rig_new("", 1, 1, 1);
    Client client = client_new(rig, false);

    say_text(&client, "IAMAT a +1+1 5\nIAMAT b +1+1 5");
    end_input(&client);
    stop(rig);
    rig_start(rig, 1);
    assert_ends(&client, "AT Bailey * a +1+1 5\nAT Bailey * b +1+1 5\n");
    wait_ended(rig);
    rig_free(rig);
}

/* Half a line that has timed out is none, though its input has an end now. */
static void test_timed_out(void)
{
    Rig *rig = rig_new("", 1, 1, 1);
    Client client = client_new(rig, false);

    say_text(&client, "IAMAT a +1+1 16214648");
    atomic_store(&client.connection->deadline, 1);
    stop(rig);
    connections_sweep(rig->context.connections, monotonic_ms());
    rig_start(rig, 1);
    assert_ends(&client, "");
    wait_ended(rig);
    g_assert_cmpuint(store_size(rig->context.session.store), ==, 0);
    rig_free(rig);
}

/* More than one turn reads, and than the sockets take of replies. */
static void test_much(void)
{
    enum { LINES = 50000 };
    Rig *rig = rig_new("", 2, 1, 1);
    Client client = client_new(rig, false);
    g_autofree char *blank = g_strnfill(LINES, '\n');
    ssize_t said = send(client.socket, blank, LINES, MSG_NOSIGNAL);

    g_assert_cmpint(said, >, 0);
    stop(rig);
    rig_start(rig, 2);
    g_autoptr(GString) text = read_to_end(&client);
    g_assert_cmpuint(text->len, ==, 3 * (size_t)said);
    close(client.socket);
    wait_ended(rig);
    rig_free(rig);
}

/* The same, of one that has read it all and is only then given room for its replies: no news of its
 * socket will come any more. */
static void test_much_is_taken_late(void)
{
    enum { LINES = 60000 };
    Rig *rig = rig_new("", 2, 1, 1);
    Client client = client_new(rig, false);
    g_autofree char *blank = g_strnfill(LINES, '\n');
    int least = 1;

    g_assert_cmpint(setsockopt(client.connection->stream.descriptor, SOL_SOCKET, SO_SNDBUF, &least,
                               sizeof least),
                    ==, 0);
    say(&client, (Slice){.data = blank, .length = LINES});
    rig_start(rig, 1);
    wait_until_read(&client);
    stop(rig);
    /* Who comes behind is served when the other has had its turn. */
    Client next = client_new(rig, false);
    say_text(&next, "next\n");
    assert_said(&next, "? next\n");
    close(next.socket);
    g_autoptr(GString) text = read_to_end(&client);
    g_assert_cmpuint(text->len, ==, 3 * (size_t)LINES);
    close(client.socket);
    wait_ended(rig);
    rig_free(rig);
}

/* How long a request took begins when a worker has heard of it, also of these. */
static void test_durations(void)
{
    Rig *rig = rig_new("", 1, 1, 1);
    Client client = client_new(rig, false);
    DurationFigures before, after;
    int64_t begin = monotonic_ns();

    durations_read(DURATION_REQUEST, &before);
    say_text(&client, "first\n");
    stop(rig);
    rig_start(rig, 1);
    assert_ends(&client, "? first\n");
    wait_ended(rig);
    durations_read(DURATION_REQUEST, &after);
    g_assert_cmpuint(after.count - before.count, ==, 1);
    g_assert_cmpfloat(after.sum_s - before.sum_s, <=, (double)(monotonic_ns() - begin) / 1e9);
    rig_free(rig);
}

/* One that waits for a lookup has its answer first, and what stands behind it. */
static void test_lookup(void)
{
    Rig *rig = rig_new("", 2, 1, 5);
    Client clients[2];

    rig->hold = true;
    rig_start(rig, 3);
    for (unsigned i = 0; i < 2; i++) {
        clients[i] = client_new(rig, false);
        say_text(&clients[i], "IAMAT a +1+1 5\n");
        assert_said(&clients[i], "AT Bailey * a +1+1 5\n");
        say_text(&clients[i], i == 0 ? "WHATSAT a 1 1\nlast\n" : "WHATSAT a 2 1\nlast\n");
        wait_until_read(&clients[i]);
    }
    mutex_lock(&rig->lock);
    while (rig->running == 0)
        condition_wait(&rig->changed, &rig->lock);
    mutex_unlock(&rig->lock);
    stop(rig);
    mutex_lock(&rig->lock);
    rig->hold = false;
    condition_broadcast(&rig->changed);
    mutex_unlock(&rig->lock);
    assert_ends(&clients[0],
                "AT Bailey * a +1+1 5\n{\n   \"radius\" : 1,\n   \"bound\" : 1\n}\n\n? last\n");
    assert_ends(&clients[1],
                "AT Bailey * a +1+1 5\n{\n   \"radius\" : 2,\n   \"bound\" : 1\n}\n\n? last\n");
    wait_ended(rig);
    rig_free(rig);
}

/* A TCP connection to the pool: only there a close with input unread resets. */
static Client client_over_tcp(Rig *rig)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(bind(listener, (struct sockaddr *)&address, length), ==, 0);
    g_assert_cmpint(listen(listener, 1), ==, 0);
    g_assert_cmpint(getsockname(listener, (struct sockaddr *)&address, &length), ==, 0);
    g_assert_cmpint(connect(client, (struct sockaddr *)&address, length), ==, 0);
    int accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    g_assert_cmpint(accepted, >=, 0);
    close(listener);

    Connection *connection = connection_new(accepted, &(struct sockaddr_storage){0});
    connections_add(rig->context.connections, connection);
    g_assert_true(ready_set_add(rig->context.ready, connection));
    return (Client){.socket = client, .connection = connection};
}

/* Who goes on to send is told that it is over and not reset, so that it gets its last reply;
 * nothing of what it says then is executed. */
static void test_goes_on_to_send(void)
{
    Rig *rig = rig_new("", 1, 1, 1);
    Client client = client_over_tcp(rig);
    char bytes[4096];
    size_t got = 0;
    ssize_t n;

    rig_start(rig, 1);
    say_text(&client, "IAMAT a +1+1 5\n");
    assert_said(&client, "AT Bailey * a +1+1 5\n");
    say_text(&client, "first\n");
    stop(rig);
    wait_socket(client.socket, POLLRDHUP);
    for (int i = 0; i < 100; i++) {
        say_text(&client, "IAMAT b +1+1 5\n");
        wait_until_read(&client);
    }
    g_assert_cmpuint(store_size(rig->context.session.store), ==, 1);
    g_assert_cmpuint(connections_count(rig->context.connections), ==, 1);
    while ((n = recv(client.socket, bytes + got, sizeof bytes - got, 0)) > 0)
        got += (size_t)n;
    g_assert_cmpint(n, ==, 0); /* no reset */
    g_assert_true(got == 0 || (got == 8 && memcmp(bytes, "? first\n", got) == 0));
    close(client.socket);
    wait_ended(rig);
    rig_free(rig);
}

/* It is left when it says nothing and does not end either, soon, and not before it has had a
 * moment. */
static void test_stays_silent(void)
{
    Rig *rig = rig_new("", 1, 1, 1);
    Client client = client_over_tcp(rig);
    int64_t before = monotonic_ms();

    rig_start(rig, 1);
    say_text(&client, "first\n");
    assert_said(&client, "? first\n");
    stop(rig);
    wait_ended(rig);
    g_assert_cmpint(monotonic_ms() - before, >=, 400);
    close(client.socket);
    rig_free(rig);
}

/* Who has been silent for long is not waited for. */
static void test_idle(void)
{
    enum { IDLE = 50 };
    Rig *rig = rig_new("", 1, 1, 1);
    Client clients[IDLE];

    for (unsigned i = 0; i < IDLE; i++)
        clients[i] = client_over_tcp(rig);
    rig_start(rig, 1);
    stop(rig);
    /* Without a sweep, which would be what ends one that lingers. */
    g_assert_true(connections_wait_none(rig->context.connections, monotonic_ms() + DEADLINE_MS));
    for (unsigned i = 0; i < IDLE; i++)
        assert_ends(&clients[i], "");
    rig_free(rig);
}

/* One that has been silent for long and speaks up just when it was counted is talking: a close with
 * that unread would reset it. */
static void test_speaks_up(void)
{
    Rig *rig = rig_new("", 1, 1, 1);
    Client client = client_over_tcp(rig);
    Connection *connection = client.connection;
    char bytes[8];
    size_t received;

    connection->counted = connection->quiet = true;
    say_text(&client, "x");
    wait_socket(connection->stream.descriptor, POLLIN);
    g_assert_true(farewell_receive(connection, bytes, sizeof bytes, &received));
    g_assert_cmpuint(received, ==, 0);
    g_assert_true(connection->end_of_input);
    g_assert_true(farewell_is_due(connection));
    close(client.socket);
    rig_free(rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/worker/stop/what-has-arrived-is-answered", test_arrived);
    g_test_add_func("/worker/stop/r1-a-line-ends-with-the-input", test_ended_by_the_client);
    g_test_add_func("/worker/stop/what-has-timed-out-is-not-executed", test_timed_out);
    g_test_add_func("/worker/stop/much-is-answered-too", test_much);
    g_test_add_func("/worker/stop/much-is-answered-that-is-taken-late", test_much_is_taken_late);
    g_test_add_func("/worker/stop/durations-begin-when-it-is-heard", test_durations);
    g_test_add_func("/worker/stop/lookups-end", test_lookup);
    g_test_add_func("/worker/stop/who-goes-on-to-send-is-not-reset", test_goes_on_to_send);
    g_test_add_func("/worker/stop/who-stays-silent-is-left", test_stays_silent);
    g_test_add_func("/worker/stop/the-idle-are-not-waited-for", test_idle);
    g_test_add_func("/worker/stop/who-speaks-up-is-not-reset", test_speaks_up);
    return g_test_run();
}
