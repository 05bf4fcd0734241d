/* SPDX-License-Identifier: MIT */
#include "core/counters.h"
#include "core/memory.h"
#include "core/thread.h"
#include "net/pool.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#define BLOCKS false /* the provider is fenced */
#include "tests/unit/net-worker-rig.h"

/* PROTOCOL R4, with max_line = 256: @length bytes and @end are @accepted or too long. */
static void run_long_line(size_t length, const char *end, bool accepted)
{
    Rig *rig = rig_new("[limits]\nmax_line = 256\n", 1, 1, 1);
    Client client = client_new(rig, false);
    g_autofree char *line = g_strnfill(length, 'x');
    g_autofree char *text = g_strconcat("first\n", line, end, accepted ? "last\n" : "", NULL);
    g_autofree char *reply = accepted ? g_strdup_printf("? first\n? %s\n? last\n", line)
                                      : g_strdup_printf("? first\n? %.64s\n", line);

    rig_start(rig, 1);
    say_text(&client, text);
    if (accepted)
        end_input(&client);
    /* What is too long ends the connection, whether the peer goes on or not. */
    else if (*end != '\0')
        say_text(&client, "IAMAT a +1+1 5\n");
    g_autoptr(GString) got = g_string_new(NULL);
    while (got->len < strlen(reply)) {
        char bytes[512];
        ssize_t n = recv(client.socket, bytes, sizeof bytes, 0);

        if (n > 0)
            g_string_append_len(got, bytes, n);
        else if (n < 0)
            wait_socket(client.socket, POLLIN);
        else
            break;
    }
    g_assert_cmpstr(got->str, ==, reply);
    assert_ends(&client, "");
    g_assert_true(connections_wait_none(rig->context.connections, monotonic_ms() + DEADLINE_MS));
    rig_free(rig);
}

static void test_r4_edge(void)
{
    run_long_line(255, "\n", true);
    run_long_line(254, "\r\n", true);
    run_long_line(256, "\n", false);
    run_long_line(255, "\r\n", false);
    run_long_line(256, "", false);
    run_long_line(10000, "\n", false);
    run_long_line(300000, "", false);
}

/* The end of the input stands for an LF, and does not make a line shorter by coming with it. */
static void test_r4_edge_at_the_end(void)
{
    for (size_t length = 255; length <= 256; length++) {
        Rig *rig = rig_new("[limits]\nmax_line = 256\n", 1, 1, 1);
        Client client = client_new(rig, false);
        g_autofree char *line = g_strnfill(length, 'x');
        g_autofree char *reply = g_strdup_printf("? %.*s\n", length == 255 ? 255 : 64, line);

        say_text(&client, line);
        end_input(&client); /* before anybody reads */
        rig_start(rig, 1);
        assert_ends(&client, reply);
        rig_free(rig);
    }
}

/* One byte less than too long waits for its LF. */
static void test_r4_waits(void)
{
    Rig *rig = rig_new("[limits]\nmax_line = 256\n", 1, 1, 1);
    Client client = client_new(rig, false);
    g_autofree char *line = g_strnfill(255, 'x');
    g_autofree char *reply = g_strdup_printf("? %s\n", line);

    rig_start(rig, 1);
    for (int i = 0; i < 2; i++) {
        say_text(&client, line);
        wait_until_read(&client);
        say_text(&client, "\n");
        assert_said(&client, reply);
    }
    say_text(&client, line);
    end_input(&client);
    assert_ends(&client, reply);
    rig_free(rig);
}

/* After having said @texts, a turn each, a connection that had @initial_s to go has @seconds; 0 is
 * no deadline. */
static void assert_deadline(const char *options, unsigned initial_s, const char *first,
                            const char *second, unsigned seconds)
{
    const char *const texts[] = {first, second};
    Rig *rig = rig_new(options, 1, 1, 1);
    Client client = client_new(rig, false);
    int64_t before = monotonic_ms();

    if (initial_s > 0)
        atomic_store(&client.connection->deadline, before + (int64_t)initial_s * 1000);
    rig_start(rig, 1);
    for (size_t i = 0; i < G_N_ELEMENTS(texts) && texts[i] != NULL; i++) {
        say_text(&client, texts[i]);
        wait_until_read(&client);
    }
    g_clear_pointer(&rig->pool, pool_free); /* it ends no worker within its turn */
    int64_t deadline = atomic_load(&client.connection->deadline);
    if (seconds == 0) {
        g_assert_cmpint(deadline, ==, 0);
    } else {
        g_assert_cmpint(deadline, >=, before + (int64_t)seconds * 1000);
        g_assert_cmpint(deadline, <=, monotonic_ms() + (int64_t)seconds * 1000);
    }
    close(client.socket);
    rig_free(rig);
}

static void test_deadlines(void)
{
    assert_deadline("", 0, "whole\n", NULL, 0);
    assert_deadline("", 0, "half", NULL, 10);
    assert_deadline("", 0, "half", " whole\n", 0);
    assert_deadline("", 0, "whole\nhalf", NULL, 10);
    assert_deadline("[limits]\nline_timeout_s = 0\n", 0, "half", NULL, 0);
    assert_deadline("[limits]\nline_timeout_s = 70\n", 0, "whole\n", "half", 70);
    assert_deadline("[limits]\nidle_timeout_s = 900\n", 0, "whole\n", NULL, 900);
    assert_deadline("[limits]\nidle_timeout_s = 900\n", 900, "half", " whole\n", 900);
}

/* A line that is begun has line_timeout_s to end, whatever an idle connection has. */
static void test_line_deadline_beside_idle(void)
{
    assert_deadline("[limits]\nidle_timeout_s = 900\n", 900, "half", NULL, 10);
}

static void test_line_deadline_after_idle(void)
{
    assert_deadline("[limits]\nidle_timeout_s = 5\n", 5, "whole\n", "half", 10);
}

/* Half a line does not gain time by growing. */
static void test_growing_line(void)
{
    Rig *rig = rig_new("", 1, 1, 1);
    Client client = client_new(rig, false);
    int64_t deadline;

    rig_start(rig, 1);
    say_text(&client, "IAMAT a ");
    while ((deadline = atomic_load(&client.connection->deadline)) == 0)
        sched_yield();
    while (monotonic_ms() + 10000 <= deadline)
        sched_yield();
    say_text(&client, "+1+1");
    wait_until_read(&client);
    g_clear_pointer(&rig->pool, pool_free);
    g_assert_cmpint(atomic_load(&client.connection->deadline), ==, deadline);
    close(client.socket);
    rig_free(rig);
}

/* Half a line, then the sweep of a time when it is over. */
static Rig *run_timeout(const char *text, const char *said)
{
    Rig *rig = rig_new("", 1, 1, 1);
    Client client = client_new(rig, false);
    uint64_t before = counters_read(COUNT_TIMEOUTS_LINE);

    rig_start(rig, 1);
    say_text(&client, text);
    while (atomic_load(&client.connection->deadline) == 0)
        sched_yield();
    connections_sweep(rig->context.connections, monotonic_ms() + 10000);
    assert_ends(&client, said);
    g_assert_true(connections_wait_none(rig->context.connections, monotonic_ms() + DEADLINE_MS));
    g_assert_cmpuint(counters_read(COUNT_TIMEOUTS_LINE), ==, before + 1);
    return rig;
}

static void test_timeout(void)
{
    rig_free(run_timeout("whole\nhalf", "? whole\n"));
}

/* It is the member that has ended it, not the client: what was to follow is not known. */
static void test_timeout_executes_nothing(void)
{
    Rig *rig = run_timeout("IAMAT a +1+1 16214648", "");

    g_assert_cmpuint(store_size(rig->context.session.store), ==, 0);
    rig_free(rig);
}

/* @text is in force, as a reload does it. */
static void replace_config(Rig *rig, const char *text)
{
    g_autofree char *path = g_build_filename(rig->folder, "new.conf", NULL);
    g_autoptr(GError) error = NULL;

    g_assert_true(g_file_set_contents(path, text, -1, &error));
    Config *config = config_load(path, "Bailey", &error);
    g_assert_no_error(error);
    g_remove(path);
    g_assert_true(config_current_replace(rig->configs, config));
    connections_rouse(rig->context.connections, rig->context.ready);
}

/* Limits of time that are new hold for those that wait already, from now on. */
static void test_new_limits(void)
{
    static const unsigned limits[] = {5, 0, 9};
    Rig *rig = rig_new("[limits]\nline_timeout_s = 0\n", 1, 1, 1);
    Client waiting[] = {client_new(rig, false), client_new(rig, false)};

    rig_start(rig, 2);
    say_text(&waiting[1], "half");
    wait_until_read(&waiting[1]);
    for (size_t i = 0; i < G_N_ELEMENTS(limits); i++) {
        g_autofree char *text =
            g_strdup_printf("[limits]\nidle_timeout_s = %u\nline_timeout_s = %u\n[member Bailey]\n"
                            "listen = 127.0.0.1:1\n",
                            limits[i], limits[i]);
        int64_t before = monotonic_ms();

        replace_config(rig, text);
        for (size_t k = 0; k < G_N_ELEMENTS(waiting); k++) {
            _Atomic int64_t *deadline = &waiting[k].connection->deadline;

            if (limits[i] == 0)
                while (atomic_load(deadline) != 0)
                    sched_yield();
            else
                while (atomic_load(deadline) < before + (int64_t)limits[i] * 1000)
                    sched_yield();
            g_assert_cmpint(atomic_load(deadline), <=,
                            limits[i] == 0 ? 0 : monotonic_ms() + (int64_t)limits[i] * 1000);
        }
    }
    say_text(&waiting[1], "?\n");
    assert_said(&waiting[1], "? half?\n");
    for (size_t k = 0; k < G_N_ELEMENTS(waiting); k++)
        close(waiting[k].socket);
    rig_free(rig);
}

/* PROTOCOL R17: nobody listens to who is no neighbour any more, though it says nothing more. */
static void test_former_neighbour(void)
{
    Rig *rig = rig_new("", 1, 1, 1);
    Client link = client_new(rig, false), client = client_new(rig, false);

    link.connection->neighbour = g_quark_from_string("Bona");
    rig_start(rig, 1);
    say_text(&link, "PING\n");
    assert_said(&link, "PONG\n");
    say_text(&client, "\n");
    assert_said(&client, "? \n");
    replace_config(rig, "[member Bailey]\nlisten = 127.0.0.1:1\n");
    assert_ends(&link, "");
    say_text(&client, "\n");
    assert_said(&client, "? \n");
    close(client.socket);
    rig_free(rig);
}

/* PROTOCOL R20: an update ends in LF; what is left of one by a neighbour that died in it is none.
 */
static void test_half_update(void)
{
    Rig *rig = rig_new("", 1, 1, 1);
    Client link = client_new(rig, false);

    link.connection->neighbour = g_quark_from_string("Bona");
    rig_start(rig, 1);
    say_text(&link, "AT Bona +0.000000001 a +1+1 5\nAT Bona +0.000000001 b +1+1 16214648");
    end_input(&link);
    assert_ends(&link, "");
    g_assert_true(connections_wait_none(rig->context.connections, monotonic_ms() + DEADLINE_MS));
    g_assert_cmpuint(store_size(rig->context.session.store), ==, 1);
    rig_free(rig);
}

/* A peer that does not take its replies has write_timeout_s, and more when it takes some. */
static void test_write_deadline(void)
{
    Rig *rig = rig_new("[limits]\nwrite_timeout_s = 30\n", 1, 1, 1);
    Client client = client_new(rig, true);
    g_autofree char *blank = g_strnfill(60000, '\n');
    int64_t before = monotonic_ms();
    int64_t deadline;
    uint64_t closed = counters_read(COUNT_TIMEOUTS_WRITE);

    rig_start(rig, 1);
    (void)!send(client.socket, blank, 60000, MSG_NOSIGNAL);
    while ((deadline = atomic_load(&client.connection->deadline)) == 0)
        sched_yield();
    g_assert_cmpint(deadline, >=, before + 30000);
    connections_sweep(rig->context.connections, deadline - 1);
    g_assert_cmpuint(connections_count(rig->context.connections), ==, 1);
    connections_sweep(rig->context.connections, deadline + DEADLINE_MS);
    g_assert_true(connections_wait_none(rig->context.connections, monotonic_ms() + DEADLINE_MS));
    g_assert_cmpuint(counters_read(COUNT_TIMEOUTS_WRITE), ==, closed + 1);
    close(client.socket);
    rig_free(rig);
}

/* Plays the sweep until the worker has said something to @client. */
static void resume_until_said(Rig *rig, const Client *client)
{
    struct pollfd polled = {.fd = client->socket, .events = POLLIN};

    while (poll(&polled, 1, 0) == 0) {
        ready_set_resume_postponed(rig->context.ready);
        sched_yield();
    }
}

/* max_lines_per_s: as many lines as in a second are answered at once, the rest when it is time, in
 * their order; another client does not notice. */
static void test_pace(void)
{
    Rig *rig = rig_new("[limits]\nmax_lines_per_s = 3\n", 1, 1, 1);
    Client fast = client_new(rig, false), other = client_new(rig, false);
    uint64_t slowed = counters_read(COUNT_LINES_SLOWED);
    int64_t begin = monotonic_ms();

    say_text(&fast, "1\n2\n3\n4\n5\n");
    rig_start(rig, 1);
    assert_said(&fast, "? 1\n? 2\n? 3\n");
    say_text(&other, "x\n");
    assert_said(&other, "? x\n");
    resume_until_said(rig, &fast);
    assert_said(&fast, "? 4\n");
    g_assert_cmpint(monotonic_ms(), >=, begin + 333);
    g_assert_cmpuint(counters_read(COUNT_LINES_SLOWED), >, slowed);
    resume_until_said(rig, &fast);
    assert_said(&fast, "? 5\n");
    g_assert_cmpint(monotonic_ms(), >=, begin + 666);
    close(fast.socket);
    close(other.socket);
    while (connections_count(rig->context.connections) > 0) { /* its end is read when it is time */
        ready_set_resume_postponed(rig->context.ready);
        sched_yield();
    }
    rig_free(rig);
}

/* Half a line that had to wait has line_timeout_s to end as any other. */
static void test_pace_of_half_a_line(void)
{
    Rig *rig = rig_new("[limits]\nmax_lines_per_s = 1\n", 1, 1, 1);
    Client client = client_new(rig, false);
    uint64_t slowed;
    int unread;

    rig_start(rig, 1);
    say_text(&client, "half");
    do { /* until a byte comes before there may be another line */
        say_text(&client, "\nhalf");
        resume_until_said(rig, &client);
        assert_said(&client, "? half\n");
        wait_until_read(&client);
        slowed = counters_read(COUNT_LINES_SLOWED);
        say_text(&client, " a");
        do {
            g_assert_cmpint(ioctl(client.socket, SIOCOUTQ, &unread), ==, 0);
        } while (unread > 0 && counters_read(COUNT_LINES_SLOWED) == slowed);
        if (unread == 0) {
            say_text(&client, "\n");
            resume_until_said(rig, &client);
            assert_said(&client, "? half a\n");
            say_text(&client, "half");
        }
    } while (unread == 0);
    do {
        ready_set_resume_postponed(rig->context.ready);
        sched_yield();
        g_assert_cmpint(ioctl(client.socket, SIOCOUTQ, &unread), ==, 0);
    } while (unread > 0);
    g_clear_pointer(&rig->pool, pool_free); /* it ends no worker within its turn */
    g_assert_cmpint(atomic_load(&client.connection->deadline), >, monotonic_ms());
    close(client.socket);
    rig_free(rig);
}

static void test_pace_ends(void)
{
    Rig *rig = rig_new("[limits]\nmax_lines_per_s = 1\n", 1, 1, 1);
    Client client = client_new(rig, false);
    uint64_t closed = counters_read(COUNT_LINES_TOO_FAST);

    client.connection->pace.slowed = monotonic_ms() - PACE_PATIENCE_MS;
    say_text(&client, "1\n2\n3\n");
    rig_start(rig, 1);
    g_assert_true(connections_wait_none(rig->context.connections, monotonic_ms() + DEADLINE_MS));
    g_assert_cmpuint(counters_read(COUNT_LINES_TOO_FAST), ==, closed + 1);
    close(client.socket);
    rig_free(rig);
}

static void test_pace_spares_neighbours(void)
{
    Rig *rig = rig_new("[limits]\nmax_lines_per_s = 1\n", 1, 1, 1);
    Client link = client_new(rig, false);

    link.connection->neighbour = g_quark_from_string("Bona");
    rig_start(rig, 1);
    say_text(&link, "PING\nPING\nPING\n");
    assert_said(&link, "PONG\nPONG\nPONG\n");
    close(link.socket);
    g_assert_true(connections_wait_none(rig->context.connections, monotonic_ms() + DEADLINE_MS));
    rig_free(rig);
}

/* Who does not take replies costs memory, and has to go where it is short. */
static void test_short_memory(void)
{
    Rig *rig = rig_new("", 1, 1, 1);
    Client reads = client_new(rig, false), does_not = client_new(rig, true);
    g_autofree char *blank = g_strnfill(60000, '\n');

    memory_measure(1); /* MiB: more than that is in use */
    g_assert_true(memory_is_short());
    rig_start(rig, 1);
    (void)!send(does_not.socket, blank, 60000, MSG_NOSIGNAL);
    say_text(&reads, "IAMAT a +1+1 5\nIAMAT b +1+1 5\nIAMAT a +2+2 6\n");
    /* A first client is taken, no second one; those that are known go on. */
    assert_said(&reads, "AT Bailey * a +1+1 5\n? IAMAT b +1+1 5\nAT Bailey * a +2+2 6\n");
    close(reads.socket);
    g_assert_true(connections_wait_none(rig->context.connections, monotonic_ms() + DEADLINE_MS));
    close(does_not.socket);
    memory_measure(0);
    rig_free(rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/worker/r4/too-long-edge", test_r4_edge);
    g_test_add_func("/worker/r4/too-long-edge-at-the-end", test_r4_edge_at_the_end);
    g_test_add_func("/worker/r4/one-byte-less-waits-for-its-end", test_r4_waits);
    g_test_add_func("/worker/deadline/idle-and-line", test_deadlines);
    g_test_add_func("/worker/deadline/line-after-idle", test_line_deadline_after_idle);
    g_test_add_func("/worker/deadline/half-a-line-gains-nothing-by-growing", test_growing_line);
    g_test_add_func("/worker/deadline/replies-not-taken", test_write_deadline);
    g_test_add_func("/worker/deadline/over-is-closed", test_timeout);
    g_test_add_func("/worker/deadline/line-beside-idle", test_line_deadline_beside_idle);
    g_test_add_func("/worker/deadline/half-a-line-is-not-executed", test_timeout_executes_nothing);
    g_test_add_func("/worker/pace/too-many-lines-wait", test_pace);
    g_test_add_func("/worker/pace/half-a-line-goes-on-to-be-timed", test_pace_of_half_a_line);
    g_test_add_func("/worker/pace/patience-ends", test_pace_ends);
    g_test_add_func("/worker/pace/neighbours-are-spared", test_pace_spares_neighbours);
    g_test_add_func("/worker/memory/short", test_short_memory);
    g_test_add_func("/worker/reload/new-limits-hold-for-who-waits", test_new_limits);
    g_test_add_func("/worker/reload/r17-a-former-neighbour-is-left", test_former_neighbour);
    g_test_add_func("/worker/r20/half-an-update-is-none", test_half_update);
    return g_test_run();
}
