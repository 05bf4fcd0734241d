/* SPDX-License-Identifier: MIT */
#include "core/thread.h"
#include "net/ready-set.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#define TAKE_MAX 64

/* A ready set and a connection of no socket, which the test resumes to see what comes before it. */
typedef struct {
    ReadySet *set;
    Connection *mark;
} Rig;

typedef struct {
    Connection *connection;
    int peer;
} Pair;

static Rig rig_new(void)
{
    g_autoptr(GError) error = NULL;
    Rig rig = {.set = ready_set_new(&error)};

    g_assert_no_error(error);
    rig.mark = connection_new(-1, &(struct sockaddr_storage){0});
    return rig;
}

static void rig_free(Rig *rig)
{
    ready_set_free(rig->set);
    connection_free(rig->mark);
}

static Pair pair_new(void)
{
    int ends[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), ==,
                    0);
    return (Pair){.connection = connection_new(ends[0], &(struct sockaddr_storage){0}),
                  .peer = ends[1]};
}

static Pair pair_added(const Rig *rig)
{
    Pair pair = pair_new();

    g_assert_true(ready_set_add(rig->set, pair.connection));
    return pair;
}

static void pair_free(Pair *pair)
{
    close(pair->connection->stream.descriptor);
    close(pair->peer);
    connection_free(pair->connection);
}

static void say(int descriptor)
{
    g_assert_cmpint(write(descriptor, "x", 1), ==, 1);
}

/* What is handed out now is @expected, or nothing (NULL). */
static void assert_ready(const Rig *rig, const Connection *expected)
{
    const Connection *found = NULL;

    ready_set_resume(rig->set, rig->mark);
    for (bool marked = false; !marked;) {
        Connection *taken[TAKE_MAX];
        unsigned count = ready_set_take(rig->set, taken, TAKE_MAX);

        g_assert_cmpuint(count, >, 0);
        for (unsigned i = 0; i < count; i++) {
            if (taken[i] == rig->mark) {
                marked = true;
                continue;
            }
            g_assert_null(found);
            found = taken[i];
        }
    }
    g_assert_true(found == expected);
}

static void test_input(void)
{
    Rig rig = rig_new();
    Pair pair = pair_added(&rig);

    assert_ready(&rig, NULL);
    say(pair.peer);
    assert_ready(&rig, pair.connection);
    /* It has an owner, whatever else comes in. */
    say(pair.peer);
    assert_ready(&rig, NULL);
    /* Given back: what has come in meanwhile counts. */
    ready_set_arm(rig.set, pair.connection);
    assert_ready(&rig, pair.connection);
    assert_ready(&rig, NULL);
    pair_free(&pair);
    rig_free(&rig);
    ready_set_free(NULL);
}

static void test_end_of_input(void)
{
    Rig rig = rig_new();
    Pair pair = pair_added(&rig);

    g_assert_cmpint(shutdown(pair.peer, SHUT_WR), ==, 0);
    assert_ready(&rig, pair.connection);
    pair_free(&pair);
    rig_free(&rig);
}

/* The owner reads, with room for @room bytes; returns how many came. */
static ssize_t read_some(const Pair *pair, size_t room)
{
    char bytes[16];

    ready_set_reading(pair->connection);
    ssize_t n = read(pair->connection->stream.descriptor, bytes, room);
    if (n > 0)
        ready_set_has_read(pair->connection, (size_t)n, room);
    return n;
}

static void test_read_empty(void)
{
    Rig rig = rig_new();
    Pair pair = pair_added(&rig);

    say(pair.peer);
    assert_ready(&rig, pair.connection);
    g_assert_cmpint(read_some(&pair, 16), ==, 1);
    ready_set_arm(rig.set, pair.connection);
    assert_ready(&rig, NULL);
    say(pair.peer);
    assert_ready(&rig, pair.connection);
    pair_free(&pair);
    rig_free(&rig);
}

/* The kernel tells of each change once: what is left in the socket has to be remembered. */
static void test_read_in_part(void)
{
    Rig rig = rig_new();
    Pair pair = pair_added(&rig);

    say(pair.peer);
    say(pair.peer);
    assert_ready(&rig, pair.connection);
    g_assert_cmpint(read_some(&pair, 1), ==, 1);
    ready_set_arm(rig.set, pair.connection);
    assert_ready(&rig, pair.connection);
    g_assert_cmpint(read_some(&pair, 1), ==, 1);
    ready_set_arm(rig.set, pair.connection);
    assert_ready(&rig, pair.connection); /* it may have been all, or not */
    g_assert_cmpint(read_some(&pair, 1), ==, -1);
    ready_set_arm(rig.set, pair.connection);
    assert_ready(&rig, NULL);
    pair_free(&pair);
    rig_free(&rig);
}

static void test_end_behind_input(void)
{
    Rig rig = rig_new();
    Pair pair = pair_added(&rig);

    say(pair.peer);
    g_assert_cmpint(shutdown(pair.peer, SHUT_WR), ==, 0);
    assert_ready(&rig, pair.connection);
    g_assert_cmpint(read_some(&pair, 16), ==, 1);
    ready_set_arm(rig.set, pair.connection);
    assert_ready(&rig, pair.connection);
    g_assert_cmpint(read_some(&pair, 16), ==, 0);
    pair_free(&pair);
    rig_free(&rig);
}

static void test_input_while_owned(void)
{
    Rig rig = rig_new();
    Pair pair = pair_added(&rig);

    say(pair.peer);
    assert_ready(&rig, pair.connection);
    g_assert_cmpint(read_some(&pair, 16), ==, 1);
    say(pair.peer);
    assert_ready(&rig, NULL); /* heard of here, for the owner to find */
    ready_set_arm(rig.set, pair.connection);
    assert_ready(&rig, pair.connection);
    g_assert_cmpint(read_some(&pair, 16), ==, 1);
    ready_set_arm(rig.set, pair.connection);
    assert_ready(&rig, NULL);
    pair_free(&pair);
    rig_free(&rig);
}

/* What is unread while output waits is not lost, and does not keep the worker busy. */
static void test_input_behind_output(void)
{
    static char block[4096];
    Rig rig = rig_new();
    Pair pair = pair_added(&rig);

    while (write(pair.connection->stream.descriptor, block, sizeof block) > 0)
        ;
    pair.connection->output = kept_new(SLICE("reply"));
    say(pair.peer);
    assert_ready(&rig, pair.connection);
    ready_set_arm(rig.set, pair.connection);
    assert_ready(&rig, NULL);
    while (read(pair.peer, block, sizeof block) > 0)
        ;
    assert_ready(&rig, pair.connection);
    ready_set_writing(pair.connection);
    g_clear_pointer(&pair.connection->output, g_free);
    ready_set_arm(rig.set, pair.connection);
    assert_ready(&rig, pair.connection);
    g_assert_cmpint(read_some(&pair, 16), ==, 1);
    pair_free(&pair);
    rig_free(&rig);
}

static void test_output(void)
{
    static char block[4096];
    Rig rig = rig_new();
    Pair pair = pair_added(&rig);
    ssize_t n;

    pair.connection->output = kept_new(SLICE("reply"));
    say(pair.peer);
    assert_ready(&rig, pair.connection);
    while ((n = write(pair.connection->stream.descriptor, block, sizeof block)) > 0)
        ;
    g_assert_cmpint(errno, ==, EAGAIN);
    /* There is input, but the peer does not take its output. */
    ready_set_arm(rig.set, pair.connection);
    assert_ready(&rig, NULL);
    while ((n = read(pair.peer, block, sizeof block)) > 0)
        ;
    g_assert_cmpint(errno, ==, EAGAIN);
    assert_ready(&rig, pair.connection);

    /* With a socket that takes it, at once, input or not. */
    ready_set_reading(pair.connection);
    while (read(pair.connection->stream.descriptor, block, sizeof block) > 0)
        ;
    ready_set_arm(rig.set, pair.connection);
    assert_ready(&rig, pair.connection);

    /* Without output it waits for input again. */
    g_clear_pointer(&pair.connection->output, g_free);
    ready_set_arm(rig.set, pair.connection);
    assert_ready(&rig, NULL);
    say(pair.peer);
    assert_ready(&rig, pair.connection);
    pair_free(&pair);
    rig_free(&rig);
}

static void test_add_failure(void)
{
    Rig rig = rig_new();
    int file = open("/proc/self/stat", O_RDONLY | O_CLOEXEC); /* epoll takes no files */
    Connection *connection = connection_new(file, &(struct sockaddr_storage){0});

    errno = 0;
    g_assert_false(ready_set_add(rig.set, connection));
    g_assert_cmpint(errno, ==, EPERM);
    close(file);
    connection_free(connection);
    rig_free(&rig);
}

static void test_resume_in_order(void)
{
    enum { COUNT = 100 };
    Rig rig = rig_new();
    Connection *resumed[COUNT];
    unsigned at = 0;

    for (int i = 0; i < COUNT; i++)
        resumed[i] = connection_new(-1, &(struct sockaddr_storage){0});
    /* Some at a time, so that the list runs empty in between. */
    for (unsigned end = 1; end <= COUNT; end = MIN(end * 2, COUNT) + (end == COUNT)) {
        for (unsigned i = at; i < end; i++)
            ready_set_resume(rig.set, resumed[i]);
        while (at < end) {
            Connection *taken[TAKE_MAX];
            unsigned count = ready_set_take(rig.set, taken, TAKE_MAX);

            g_assert_cmpuint(count, >, 0);
            for (unsigned i = 0; i < count; i++)
                g_assert_true(taken[i] == resumed[at++]);
        }
    }
    g_assert_cmpuint(at, ==, COUNT);
    for (int i = 0; i < COUNT; i++)
        connection_free(resumed[i]);
    rig_free(&rig);
}

static void test_postpone(void)
{
    Rig rig = rig_new();
    Connection *taken[TAKE_MAX], *postponed[3];
    Connection *resumed = connection_new(-1, &(struct sockaddr_storage){0});

    for (unsigned i = 0; i < G_N_ELEMENTS(postponed); i++) {
        postponed[i] = connection_new(-1, &(struct sockaddr_storage){0});
        ready_set_postpone(rig.set, postponed[i]);
    }
    ready_set_resume(rig.set, resumed);
    g_assert_cmpuint(ready_set_take(rig.set, taken, TAKE_MAX), ==, 1);
    g_assert_true(taken[0] == resumed); /* the others wait */

    ready_set_resume_postponed(rig.set);
    ready_set_resume_postponed(rig.set); /* each once */
    ready_set_resume(rig.set, resumed);
    unsigned seen = 0;
    while (seen < G_N_ELEMENTS(postponed)) {
        g_assert_cmpuint(ready_set_take(rig.set, taken, 1), ==, 1);
        g_assert_true(taken[0] != resumed);
        seen++;
        connection_free(taken[0]);
    }
    g_assert_cmpuint(ready_set_take(rig.set, taken, 1), ==, 1);
    g_assert_true(taken[0] == resumed);
    connection_free(resumed);
    rig_free(&rig);
}

#define TAKERS      4
#define CONNECTIONS 16

/* What the takers know of a connection: its position says which it is. */
typedef struct {
    atomic_bool owned;
    atomic_int turns;
} Watch;

typedef struct {
    ReadySet *set;
    Watch *watches;
    int turns;        /* a connection */
    bool resumes;     /* gives connections back with ready_set_resume(), not ready_set_arm() */
    atomic_int *left; /* turns, of all connections */
} Taker;

static void take(void *argument)
{
    const Taker *taker = argument;
    Connection *taken[3];
    unsigned count;

    while ((count = ready_set_take(taker->set, taken, G_N_ELEMENTS(taken))) > 0) {
        g_assert_cmpuint(count, <=, G_N_ELEMENTS(taken));
        for (unsigned i = 0; i < count; i++) {
            Watch *watch = &taker->watches[taken[i]->position];
            char byte;

            g_assert_false(atomic_exchange(&watch->owned, true));
            if (!taker->resumes) {
                ready_set_reading(taken[i]);
                if (read(taken[i]->stream.descriptor, &byte, 1) !=
                    1) { /* it was the last byte before */
                    g_assert_true(atomic_exchange(&watch->owned, false));
                    ready_set_arm(taker->set, taken[i]);
                    continue;
                }
                ready_set_has_read(taken[i], 1, 1);
            }
            int turns = atomic_fetch_add(&watch->turns, 1) + 1;
            g_assert_cmpint(turns, <=, taker->turns);
            sched_yield();
            g_assert_true(atomic_exchange(&watch->owned, false));

            if (!taker->resumes)
                ready_set_arm(taker->set, taken[i]);
            else if (turns < taker->turns)
                ready_set_resume(taker->set, taken[i]);
            atomic_fetch_sub(taker->left, 1);
        }
    }
}

/* Every connection has its turns, and one owner at a time. */
static void run_takers(bool resumes)
{
    Rig rig = rig_new();
    Pair pairs[CONNECTIONS];
    Watch watches[CONNECTIONS] = {0};
    pthread_t threads[TAKERS];
    int turns = g_getenv("HERD_TEST_SANITIZER") != NULL ? 300 : 3000;
    atomic_int left = turns * CONNECTIONS;
    Taker taker = {
        .set = rig.set, .watches = watches, .turns = turns, .resumes = resumes, .left = &left};
    g_autoptr(GError) error = NULL;

    for (unsigned i = 0; i < CONNECTIONS; i++) {
        pairs[i] = pair_added(&rig);
        pairs[i].connection->position = i;
        if (resumes)
            ready_set_resume(rig.set, pairs[i].connection);
    }
    for (int i = 0; i < TAKERS; i++)
        g_assert_true(thread_start(&threads[i], "taker", take, &taker, &error));
    for (int turn = 0; turn < turns && !resumes; turn++)
        for (int i = 0; i < CONNECTIONS; i++)
            while (write(pairs[i].peer, "x", 1) != 1) {
                g_assert_cmpint(errno, ==, EAGAIN);
                sched_yield();
            }
    while (atomic_load(&left) > 0)
        sched_yield();
    ready_set_close(rig.set);
    for (int i = 0; i < TAKERS; i++)
        thread_join(threads[i]);
    for (int i = 0; i < CONNECTIONS; i++) {
        g_assert_cmpint(atomic_load(&watches[i].turns), ==, turns);
        pair_free(&pairs[i]);
    }
    rig_free(&rig);
}

static void test_many_takers_of_input(void)
{
    run_takers(false);
}

static void test_many_takers_of_resumed(void)
{
    run_takers(true);
}

static void test_close(void)
{
    Rig rig = rig_new();
    Connection *taken[TAKE_MAX];

    ready_set_close(rig.set);
    for (int i = 0; i < 3; i++)
        g_assert_cmpuint(ready_set_take(rig.set, taken, 1 + (unsigned)i), ==, 0);
    rig_free(&rig);
}

static void test_rouse(void)
{
    Rig rig = rig_new();
    Pair pair = pair_added(&rig);

    /* Nobody owns it: the caller does. */
    g_assert_true(ready_set_rouse(pair.connection));
    say(pair.peer);
    assert_ready(&rig, NULL);
    ready_set_resume(rig.set, pair.connection);
    assert_ready(&rig, pair.connection);

    /* Its owner reads all there is, and still has it once more. */
    g_assert_false(ready_set_rouse(pair.connection));
    g_assert_false(ready_set_rouse(pair.connection));
    g_assert_cmpint(read_some(&pair, 16), ==, 1);
    ready_set_arm(rig.set, pair.connection);
    assert_ready(&rig, pair.connection);
    ready_set_arm(rig.set, pair.connection);
    assert_ready(&rig, NULL);
    pair_free(&pair);
    rig_free(&rig);
}

/* Or a peer that never stops sending could keep a worker from ending. */
static void test_close_wins_over_input(void)
{
    Rig rig = rig_new();
    Pair pair = pair_added(&rig);
    Connection *taken[TAKE_MAX];

    say(pair.peer);
    ready_set_resume(rig.set, rig.mark);
    ready_set_close(rig.set);
    g_assert_cmpuint(ready_set_take(rig.set, taken, 1), ==, 0);
    g_assert_cmpuint(ready_set_take(rig.set, taken, TAKE_MAX), ==, 0);
    pair_free(&pair);
    rig_free(&rig);
}

/* Until the clock shows another millisecond than @moment. */
static void wait_later_than(int64_t moment)
{
    while (monotonic_ms() <= moment)
        sched_yield();
}

/* A pulse proves that somebody takes: as long as nobody does, it gets no younger. */
static void test_pulse_untaken(void)
{
    Rig rig = rig_new();
    int64_t made = ready_set_pulse_at(rig.set);

    g_assert_cmpint(made, <=, monotonic_ms());
    for (int i = 0; i < 3; i++) {
        wait_later_than(made);
        ready_set_pulse(rig.set);
        g_assert_cmpint(ready_set_pulse_at(rig.set), ==, made);
    }

    int64_t before = monotonic_ms();
    assert_ready(&rig, NULL); /* all three are one by now */
    int64_t taken = ready_set_pulse_at(rig.set);
    g_assert_cmpint(taken, >=, before);
    g_assert_cmpint(taken, <=, monotonic_ms());
    wait_later_than(taken);
    assert_ready(&rig, NULL);
    g_assert_cmpint(ready_set_pulse_at(rig.set), ==, taken);
    rig_free(&rig);
}

/* However many connections are ready all the time, it has its turn. */
static void test_pulse_among_others(void)
{
    enum { COUNT = 8 };
    Rig rig = rig_new();
    Pair pairs[COUNT];
    int64_t made = ready_set_pulse_at(rig.set);
    unsigned turns = 0;

    for (int i = 0; i < COUNT; i++) {
        pairs[i] = pair_added(&rig);
        say(pairs[i].peer);
    }
    wait_later_than(made);
    ready_set_pulse(rig.set);
    while (ready_set_pulse_at(rig.set) == made) {
        Connection *taken[2];
        unsigned count = ready_set_take(rig.set, taken, G_N_ELEMENTS(taken));

        for (unsigned i = 0; i < count; i++)
            ready_set_arm(rig.set, taken[i]); /* unread, so it is ready again */
        g_assert_cmpuint(++turns, <, 100);
    }
    for (int i = 0; i < COUNT; i++)
        pair_free(&pairs[i]);
    rig_free(&rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ready-set/arm/input-is-handed-out-once", test_input);
    g_test_add_func("/ready-set/has-read/an-empty-socket-is-waited-for", test_read_empty);
    g_test_add_func("/ready-set/has-read/what-is-left-is-handed-out", test_read_in_part);
    g_test_add_func("/ready-set/has-read/the-end-behind-input-is-handed-out",
                    test_end_behind_input);
    g_test_add_func("/ready-set/arm/input-that-came-while-owned-is-handed-out",
                    test_input_while_owned);
    g_test_add_func("/ready-set/arm/input-behind-output-waits-for-it", test_input_behind_output);
    g_test_add_func("/ready-set/arm/end-of-input-is-handed-out", test_end_of_input);
    g_test_add_func("/ready-set/arm/output-first", test_output);
    g_test_add_func("/ready-set/arm/one-owner-at-a-time", test_many_takers_of_input);
    g_test_add_func("/ready-set/add/failure-is-told", test_add_failure);
    g_test_add_func("/ready-set/postpone/waits-until-all-are-resumed", test_postpone);
    g_test_add_func("/ready-set/resume/in-order", test_resume_in_order);
    g_test_add_func("/ready-set/resume/one-owner-at-a-time", test_many_takers_of_resumed);
    g_test_add_func("/ready-set/rouse/one-turn-whoever-owns-it", test_rouse);
    g_test_add_func("/ready-set/pulse/is-as-old-as-the-last-take", test_pulse_untaken);
    g_test_add_func("/ready-set/pulse/has-its-turn-among-others", test_pulse_among_others);
    g_test_add_func("/ready-set/close/ends-takers-for-good", test_close);
    g_test_add_func("/ready-set/close/wins-over-what-is-ready", test_close_wins_over_input);
    return g_test_run();
}
