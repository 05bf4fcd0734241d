/* SPDX-License-Identifier: MIT */
#include "core/thread.h"
#include "net/pool.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define BLOCKS false /* the provider is fenced */
#include "tests/unit/net-worker-rig.h"

/* Every kind of line, the last without its LF, and what is said to them. */
static const char lines_text[] = "IAMAT kiwi +34.068930-118.445127 1621464827.959498503\n"
                                 "\n"
                                 " what? \r\n"
                                 "WHATSAT kiwi 10 5\r\n"
                                 "IAMAT kiwi +1-1 5\nWHATSAT nobody 1 1\n\r\n"
                                 "IAMAT kiwi +2+2 1621464828";
static const char lines_replies[] = "AT Bailey * kiwi +34.068930-118.445127 1621464827.959498503\n"
                                    "? \n"
                                    "?  what? \n"
                                    "AT Bailey * kiwi +34.068930-118.445127 1621464827.959498503\n"
                                    "{\n   \"radius\" : 10,\n   \"bound\" : 5\n}\n\n"
                                    "AT Bailey * kiwi +1-1 5\n? WHATSAT nobody 1 1\n? \n"
                                    "AT Bailey * kiwi +2+2 1621464828\n";

/* PROTOCOL R1, R3: what a segment holds does not matter. @step: bytes a segment, after the first of
 * @first. */
static void run_segments(size_t first, size_t step)
{
    Rig *rig = rig_new("", 2, 1, 1);
    Client client = client_new(rig, false);

    rig_start(rig, 2);
    for (size_t at = 0, end = first; at < strlen(lines_text); at = end, end = at + step) {
        end = MIN(end, strlen(lines_text));
        say(&client, (Slice){.data = lines_text + at, .length = end - at});
        wait_until_read(&client);
    }
    end_input(&client);
    assert_ends(&client, lines_replies);
    rig_free(rig);
}

static void test_split_anywhere(void)
{
    for (size_t first = 0; first <= strlen(lines_text); first++)
        run_segments(first, strlen(lines_text));
}

static void test_split_everywhere(void)
{
    for (size_t step = 1; step <= 3; step++)
        run_segments(step, step);
}

static void test_without_end(void)
{
    Rig *rig = rig_new("", 1, 1, 1);
    Client client = client_new(rig, false);

    rig_start(rig, 1);
    for (int i = 0; i < 3; i++) {
        say_text(&client, "IAMAT a +1+1 5\n?");
        assert_said(&client, "AT Bailey * a +1+1 5\n");
        say_text(&client, "\n");
        assert_said(&client, "? ?\n");
    }
    end_input(&client);
    assert_ends(&client, "");
    g_assert_true(connections_wait_none(rig->context.connections, monotonic_ms() + DEADLINE_MS));
    rig_free(rig);
}

/* Replies of more than one turn, to one segment after another. */
static void test_pipelined(void)
{
    enum { LINES = 200000 };
    Rig *rig = rig_new("", 2, 1, 1);
    Client client = client_new(rig, false);
    g_autofree char *blank = g_strnfill(LINES, '\n');
    size_t said = 0, got = 0;

    rig_start(rig, 2);
    while (got < 3 * LINES) {
        char bytes[8192];
        ssize_t n =
            said < LINES ? send(client.socket, blank + said, LINES - said, MSG_NOSIGNAL) : 0;

        said += n > 0 ? (size_t)n : 0;
        wait_socket(client.socket, said < LINES ? POLLIN | POLLOUT : POLLIN);
        n = recv(client.socket, bytes, sizeof bytes, 0);
        for (ssize_t i = 0; i < n; i++, got++)
            g_assert_cmpint(bytes[i], ==, "? \n"[got % 3]);
    }
    end_input(&client);
    assert_ends(&client, "");
    rig_free(rig);
}

/* PROTOCOL R20: more updates than one turn stores, and none is lost. */
static void test_link(void)
{
    enum { UPDATES = 20000 };
    Rig *rig = rig_new("", 2, 1, 1);
    Client link = client_new(rig, false);
    g_autoptr(GString) text = g_string_new(NULL);

    link.connection->neighbour = g_quark_from_string("Bona");
    for (int i = 0; i < UPDATES; i++)
        g_string_append_printf(text, "AT B +0.000000000 %d +0+0 1\n", i);
    rig_start(rig, 2);
    say_text(&link, text->str);
    /* An AT line of the longest IAMAT that a member may accept, whatever max_line is here. */
    g_autofree char *name = g_strnfill(32700, 'x');
    g_autofree char *line = g_strdup_printf("AT B +0.000000000 %s +0+0 1\n", name);
    say_text(&link, line);
    end_input(&link);
    assert_ends(&link, "");
    g_assert_cmpuint(store_size(rig->context.session.store), ==, UPDATES + 1);
    rig_free(rig);
}

/* A peer that does not read is not read from; when it reads it gets everything, in order. */
static void test_backpressure(void)
{
    enum { BOUND = 16 << 20 };
    Rig *rig = rig_new("", 1, 1, 1);
    Client silent = client_new(rig, true), other = client_new(rig, false);
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GString) replies = g_string_new(NULL);
    size_t said = 0;

    for (int i = 0; text->len < BOUND; i++)
        g_string_append_printf(text, "line %d of some length that fills the sockets\n", i);
    rig_start(rig, 1);
    for (bool stuck = false; !stuck;) {
        ssize_t n = send(silent.socket, text->str + said, text->len - said, MSG_NOSIGNAL);

        g_assert_true(n > 0 || errno == EAGAIN);
        if (n > 0) {
            said += (size_t)n;
            g_assert_cmpuint(said, <, text->len);
            continue;
        }
        /* The one worker has been everywhere once it has answered another client. */
        say_text(&other, "IAMAT a +1+1 5\n");
        assert_said(&other, "AT Bailey * a +1+1 5\n");
        struct pollfd polled = {.fd = silent.socket, .events = POLLOUT};
        stuck = poll(&polled, 1, 0) == 0;
    }
    end_input(&silent);
    for (const char *line = text->str; line < text->str + said;) {
        size_t rest = (size_t)(text->str + said - line);
        size_t length = MIN(strcspn(line, "\n"), rest);

        g_string_append(replies, "? ");
        g_string_append_len(replies, line, (gssize)length);
        g_string_append_c(replies, '\n');
        line += length + 1;
    }
    assert_ends(&silent, replies->str);
    close(other.socket);
    rig_free(rig);
}

static void test_gone(void)
{
    Rig *rig = rig_new("", 2, 1, 1);

    rig_start(rig, 2);
    for (int i = 0; i < 50; i++) {
        Client client = client_new(rig, i % 2 == 0);

        /* Without reading what it is told. */
        say_text(&client, i % 3 == 0 ? "IAMAT a +1+1 5\nhalf a li" : lines_text);
        close(client.socket);
    }
    g_assert_true(connections_wait_none(rig->context.connections, monotonic_ms() + DEADLINE_MS));
    rig_free(rig);
}

static void start_without_threads(void)
{
    struct rlimit some = {3, 3};
    WorkerContext context = {.active = active_set_new(1)};
    g_autoptr(GError) error = NULL;

    context.ready = ready_set_new(&error);
    g_assert_no_error(error);
    /* No limit binds root. */
    if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
        return;
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* as before, for LeakSanitizer */
    g_assert_cmpint(setrlimit(RLIMIT_NPROC, &some), ==, 0);
    g_assert_null(pool_new(&context, 8, &error));
    g_assert_error(error, HERD_THREAD_ERROR, HERD_THREAD_ERROR_START);
    g_assert_nonnull(strstr(error->message, "worker/"));
    ready_set_free(context.ready);
    active_set_free(context.active);
}

/* The threads that were started are ended, or what they work on could not be freed. */
static void test_pool_start_failure(void)
{
    if (g_test_subprocess()) {
        start_without_threads();
        return;
    }
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
    g_test_trap_assert_passed();
}

static void test_pool_ends_parked_and_waiting(void)
{
    for (unsigned workers = 1; workers <= 16; workers *= 4) {
        Rig *rig = rig_new("", 2, 1, 1);

        rig_start(rig, workers);
        rig_free(rig);
    }
    pool_free(NULL);
}

typedef struct {
    Client client;
    atomic_bool *stop; /* set by the test */
    bool gave_up;      /* nobody stopped it in time */
} Busy;

/* Sends and reads without a pause. */
static void be_busy(void *argument)
{
    Busy *busy = argument;
    int64_t deadline = monotonic_ms() + 5000;
    g_autofree char *blank = g_strnfill(4096, '\n');
    char bytes[16384];

    while (!atomic_load(busy->stop) && !busy->gave_up) {
        busy->gave_up = monotonic_ms() > deadline;
        (void)!send(busy->client.socket, blank, 4096, MSG_NOSIGNAL);
        (void)!recv(busy->client.socket, bytes, sizeof bytes, 0);
    }
}

/* Every worker finishes its turn, and not more than that, whatever clients do. */
static void test_pool_ends_while_clients_send(void)
{
    Rig *rig = rig_new("", 1, 1, 1);
    Busy busy[3];
    pthread_t threads[G_N_ELEMENTS(busy)];
    atomic_bool stop = false;
    g_autoptr(GError) error = NULL;

    rig_start(rig, 1);
    for (size_t i = 0; i < G_N_ELEMENTS(busy); i++) {
        busy[i] = (Busy){.client = client_new(rig, false), .stop = &stop};
        g_assert_true(thread_start(&threads[i], "busy", be_busy, &busy[i], &error));
        wait_socket(busy[i].client.socket, POLLIN);
    }
    g_clear_pointer(&rig->pool, pool_free);
    atomic_store(&stop, true);
    for (size_t i = 0; i < G_N_ELEMENTS(busy); i++) {
        thread_join(threads[i]);
        g_assert_false(busy[i].gave_up);
        close(busy[i].client.socket);
    }
    rig_free(rig);
}

/* As client_new(), over TCP. */
static Client tcp_client_new(Rig *rig)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    Client client = {.socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};

    g_assert_cmpint(bind(listener, (struct sockaddr *)&address, sizeof address), ==, 0);
    g_assert_cmpint(listen(listener, 1), ==, 0);
    g_assert_cmpint(getsockname(listener, (struct sockaddr *)&address, &length), ==, 0);
    g_assert_cmpint(connect(client.socket, (struct sockaddr *)&address, sizeof address), ==, 0);
    int accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    g_assert_cmpint(accepted, >=, 0);
    close(listener);
    g_assert_cmpint(fcntl(client.socket, F_SETFL, O_NONBLOCK), ==, 0);

    client.connection = connection_new(accepted, &(struct sockaddr_storage){0});
    connections_add(rig->context.connections, client.connection);
    g_assert_true(ready_set_add(rig->context.ready, client.connection));
    return client;
}

/* Whole lines count, whatever has become of who said them; half a line does not. */
static void test_reset_behind_lines(void)
{
    Rig *rig = rig_new("", 1, 1, 1);
    Client client = tcp_client_new(rig);
    struct linger at_once = {.l_onoff = 1};

    say_text(&client, "IAMAT a +1+1 5\nIAMAT b +1+1 5\nIAMAT c +1+1 5");
    g_assert_cmpint(setsockopt(client.socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), ==,
                    0);
    close(client.socket); /* which resets the connection */
    rig_start(rig, 1);
    g_assert_true(connections_wait_none(rig->context.connections, monotonic_ms() + DEADLINE_MS));

    g_autoptr(Record) a = store_get(rig->context.session.store, SLICE("a"));
    g_autoptr(Record) b = store_get(rig->context.session.store, SLICE("b"));
    g_autoptr(Record) c = store_get(rig->context.session.store, SLICE("c"));
    g_assert_nonnull(a);
    g_assert_nonnull(b);
    g_assert_null(c);
    rig_free(rig);
}

/* A read ends at urgent data, though more is there. */
static void test_urgent_data(void)
{
    Rig *rig = rig_new("", 1, 1, 1);
    Client client = tcp_client_new(rig);

    say_text(&client, "one\n");
    g_assert_cmpint(send(client.socket, "!", 1, MSG_OOB), ==, 1);
    say_text(&client, "two\n");
    rig_start(rig, 1);
    assert_said(&client, "? one\n? two\n");
    close(client.socket);
    rig_free(rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/worker/r1/split-at-every-byte", test_split_anywhere);
    g_test_add_func("/worker/r1/split-into-bytes", test_split_everywhere);
    g_test_add_func("/worker/r1/kept-open", test_without_end);
    g_test_add_func("/worker/r3/one-reply-a-line-however-many", test_pipelined);
    g_test_add_func("/worker/r3/not-read-from-while-it-does-not-read", test_backpressure);
    g_test_add_func("/worker/r20/more-updates-than-a-turn", test_link);
    g_test_add_func("/worker/peer/gone-is-closed", test_gone);
    g_test_add_func("/worker/peer/lines-before-a-reset-count", test_reset_behind_lines);
    g_test_add_func("/worker/peer/urgent-data-holds-up-nothing", test_urgent_data);
    g_test_add_func("/worker/pool/start-failure-leaves-no-thread", test_pool_start_failure);
    g_test_add_func("/worker/pool/ends-parked-and-waiting", test_pool_ends_parked_and_waiting);
    g_test_add_func("/worker/pool/ends-while-clients-keep-sending",
                    test_pool_ends_while_clients_send);
    return g_test_run();
}
