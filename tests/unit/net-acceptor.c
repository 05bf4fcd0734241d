/* SPDX-License-Identifier: MIT */
#include "core/counters.h"
#include "core/message.h"
#include "core/thread.h"
#include "net/acceptor.h"
#include "net/lookups.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#define DEADLINE_MS 60000
#define PORT        10000

/* Hosts of this process alone, so that tests may run beside each other. */
enum { OWN, NEIGHBOUR, STRANGER, HOSTS };

typedef struct {
    char *folder; /* (owned) */
    char *hosts[HOSTS];
    ConfigCurrent *configs; /* (owned) */
    Connections *connections;
    ReadySet *ready;
    Lookups *lookups;
    Log *log;
    Acceptor *acceptor;
    pthread_mutex_t gate;   /* held: the next sweep does not end */
    atomic_bool is_at_gate; /* atomic; the acceptor waits there, or has been there */
} Rig;

static void sweep(void *pointer, int64_t now_ms)
{
    Rig *rig = pointer;

    atomic_store(&rig->is_at_gate, true);
    mutex_lock(&rig->gate);
    mutex_unlock(&rig->gate);
    connections_sweep(rig->connections, now_ms);
    lookups_sweep(rig->lookups, now_ms);
}

/* Everything up to a listening acceptor that has not started; @handed (nullable) are sockets for
 * it. */
static Rig *rig_new_with(const char *options, GArray *handed)
{
    Rig *rig = g_new0(Rig, 1);
    g_autoptr(GError) error = NULL;
    unsigned pid = (unsigned)getpid();

    for (unsigned i = 0; i < HOSTS; i++)
        rig->hosts[i] = g_strdup_printf("127.%u.%u.%u", 64 * i + 2 + (pid >> 16 & 31),
                                        pid >> 8 & 255, pid & 255);
    pthread_mutex_init(&rig->gate, NULL);
    rig->folder = g_dir_make_tmp("herd-acceptor-XXXXXX", &error);
    g_assert_no_error(error);
    g_autofree char *path = g_build_filename(rig->folder, "herd.conf", NULL);
    g_autofree char *text =
        g_strdup_printf("[herd]\nlog_dir = %s\n%s\n"
                        "[member Bailey]\nlisten = %s:%d;%s:%d\nneighbours = Bona\n"
                        "[member Bona]\nlisten = %s:10001\n",
                        rig->folder, options, rig->hosts[OWN], PORT, rig->hosts[OWN], PORT + 5,
                        rig->hosts[NEIGHBOUR]);
    g_assert_true(g_file_set_contents(path, text, -1, &error));
    Config *config = config_load(path, "Bailey", &error);
    g_assert_no_error(error);
    rig->configs = config_current_new(config);
    g_remove(path);

    rig->log = log_new(rig->folder, "Bailey", LOG_MESSAGES_ALL, &error);
    g_assert_no_error(error);
    rig->ready = ready_set_new(&error);
    g_assert_no_error(error);
    rig->connections = connections_new();
    rig->lookups = lookups_new(rig->ready, 1, 10, 1);
    rig->acceptor = acceptor_new(rig->configs, rig->connections, rig->ready, NULL,
                                 (Sweep){.run = sweep, .self = rig}, handed, rig->log, &error);
    g_assert_no_error(error);
    return rig;
}

static Rig *rig_new(const char *options)
{
    return rig_new_with(options, NULL);
}

static void rig_start(Rig *rig)
{
    g_autoptr(GError) error = NULL;
    bool started = acceptor_start(rig->acceptor, &error);

    g_assert_no_error(error);
    g_assert_true(started);
}

/* Ends everything; returns the log. (transfer full) */
static char *rig_end(Rig *rig)
{
    g_autofree char *path = g_build_filename(rig->folder, "Bailey.log", NULL);
    char *text = NULL;

    acceptor_free(rig->acceptor);
    connections_free(rig->connections);
    lookups_free(rig->lookups);
    ready_set_free(rig->ready);
    log_free(rig->log);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    config_current_free(rig->configs);
    g_remove(path);
    g_rmdir(rig->folder);
    for (unsigned i = 0; i < HOSTS; i++)
        g_free(rig->hosts[i]);
    pthread_mutex_destroy(&rig->gate);
    g_free(rig->folder);
    g_free(rig);
    return text;
}

static void rig_free(Rig *rig)
{
    g_free(rig_end(rig));
}

static struct sockaddr_in address_of(const Rig *rig, unsigned host, unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

    g_assert_cmpint(inet_pton(AF_INET, rig->hosts[host], &address.sin_addr), ==, 1);
    return address;
}

/* A socket of @host; the port of the member's that it is connected to. -1: refused. */
static int try_connect(const Rig *rig, unsigned host, unsigned port)
{
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in from = address_of(rig, host, 0), to = address_of(rig, OWN, port);

    g_assert_cmpint(client, >=, 0);
    g_assert_cmpint(bind(client, (struct sockaddr *)&from, sizeof from), ==, 0);
    if (connect(client, (struct sockaddr *)&to, sizeof to) == 0)
        return client;
    g_assert_cmpint(errno, ==, ECONNREFUSED);
    close(client);
    return -1;
}

static int connect_from(const Rig *rig, unsigned host)
{
    int client = try_connect(rig, host, PORT);

    g_assert_cmpint(client, >=, 0);
    return client;
}

static void wait_count(const Rig *rig, unsigned count)
{
    int64_t deadline = monotonic_ms() + DEADLINE_MS;

    while (connections_count(rig->connections) != count) {
        g_assert_cmpint(monotonic_ms(), <, deadline);
        sched_yield();
    }
}

/* The member has closed its end. */
static void assert_closed(int client)
{
    struct pollfd polled = {.fd = client, .events = POLLIN};
    char byte;

    g_assert_cmpint(poll(&polled, 1, DEADLINE_MS), ==, 1);
    g_assert_cmpint(recv(client, &byte, 1, MSG_DONTWAIT), <=, 0);
}

/* The connection of @client, as a worker gets it. */
static Connection *take(const Rig *rig, int client)
{
    Connection *taken = NULL;

    g_assert_cmpint(send(client, "x", 1, MSG_NOSIGNAL), ==, 1);
    g_assert_cmpuint(ready_set_take(rig->ready, &taken, 1), ==, 1);
    return taken;
}

static void test_hands_over(void)
{
    Rig *rig = rig_new("");
    unsigned ports[] = {PORT, PORT + 5};
    uint64_t before = counters_read(COUNT_CONNECTIONS);

    rig_start(rig);
    for (int i = 0; i < 2; i++) {
        int client = try_connect(rig, STRANGER, ports[i]), on = 0;
        struct sockaddr_storage own = {0};
        socklen_t length = sizeof own, on_length = sizeof on;
        char peer[ENDPOINT_TEXT_MAX];

        Connection *taken = take(rig, client);
        g_assert_cmpint(getsockname(client, (struct sockaddr *)&own, &length), ==, 0);
        endpoint_format(&own, peer);
        g_assert_cmpstr(taken->peer, ==, peer);
        g_assert_cmpint(taken->neighbour, ==, CONNECTION_CLIENT);
        g_assert_cmpint(atomic_load(&taken->deadline), ==, 0);
        g_assert_cmpint(
            getsockopt(taken->stream.descriptor, IPPROTO_TCP, TCP_NODELAY, &on, &on_length), ==, 0);
        g_assert_cmpint(on, !=, 0);
        g_assert_cmpint(fcntl(taken->stream.descriptor, F_GETFL) & O_NONBLOCK, ==, O_NONBLOCK);
        g_assert_cmpint(fcntl(taken->stream.descriptor, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
        g_assert_cmpuint(connections_count(rig->connections), ==, 1);
        connections_close(rig->connections, taken);
        assert_closed(client);
        close(client);
    }
    g_assert_cmpuint(counters_read(COUNT_CONNECTIONS), ==, before + 2);
    rig_free(rig);
}

/* From the moment that it listens; accepted when it starts. */
static void test_listens_before_start(void)
{
    Rig *rig = rig_new("");
    int client = connect_from(rig, STRANGER);

    g_assert_cmpuint(connections_count(rig->connections), ==, 0);
    rig_start(rig);
    wait_count(rig, 1);
    close(client);
    rig_free(rig);
    acceptor_free(NULL);
}

static void test_idle_deadline(void)
{
    Rig *rig = rig_new("[limits]\nidle_timeout_s = 100\n");
    int64_t before = monotonic_ms();

    rig_start(rig);
    int client = connect_from(rig, STRANGER);
    Connection *taken = take(rig, client);
    g_assert_cmpint(atomic_load(&taken->deadline), >=, before + 100000);
    g_assert_cmpint(atomic_load(&taken->deadline), <=, monotonic_ms() + 100000);
    close(client);
    rig_free(rig);
}

static void test_limit(void)
{
    Rig *rig = rig_new("[limits]\nmax_connections = 2\n");
    uint64_t refused = counters_read(COUNT_CONNECTIONS_REFUSED);
    int clients[2], neighbours[4];

    rig_start(rig);
    for (unsigned i = 0; i < 2; i++)
        clients[i] = connect_from(rig, STRANGER);
    wait_count(rig, 2);
    for (unsigned i = 0; i < 3; i++) {
        int client = connect_from(rig, STRANGER);

        assert_closed(client);
        close(client);
    }
    g_assert_cmpuint(counters_read(COUNT_CONNECTIONS_REFUSED), ==, refused + 3);
    g_assert_cmpuint(connections_count(rig->connections), ==, 2);

    /* A neighbour has some places beside those, and no end of them. */
    for (unsigned i = 0; i < 4; i++) {
        neighbours[i] = connect_from(rig, NEIGHBOUR);
        wait_count(rig, 3 + i);
    }
    int too_many = connect_from(rig, NEIGHBOUR);
    assert_closed(too_many);
    close(too_many);

    /* Who goes leaves a place. */
    connections_close(rig->connections, take(rig, neighbours[0]));
    int client = connect_from(rig, STRANGER);
    assert_closed(client);
    close(client);
    for (unsigned i = 1; i < 4; i++)
        connections_close(rig->connections, take(rig, neighbours[i]));
    connections_close(rig->connections, take(rig, clients[0]));
    client = connect_from(rig, STRANGER);
    wait_count(rig, 2);
    close(client);
    for (unsigned i = 0; i < 2; i++)
        close(clients[i]);
    for (unsigned i = 0; i < 4; i++)
        close(neighbours[i]);

    g_autofree char *log = rig_end(rig);
    g_assert_nonnull(strstr(log, "warning acceptor full: max_connections are open"));
    g_assert_nonnull(strstr(log, "warning acceptor no longer full"));
}

static void test_stop_listening(void)
{
    Rig *rig = rig_new("");

    rig_start(rig);
    int client = connect_from(rig, STRANGER);
    wait_count(rig, 1);
    acceptor_stop_listening(rig->acceptor);
    g_assert_cmpint(try_connect(rig, STRANGER, PORT), <, 0);
    g_assert_cmpint(try_connect(rig, STRANGER, PORT + 5), <, 0);

    /* What is there stays, and is swept. */
    Connection *taken = take(rig, client);
    atomic_store(&taken->deadline, 1);
    assert_closed(client);
    g_assert_true(atomic_load(&taken->expired));
    close(client);
    rig_free(rig);
}

typedef struct {
    Acceptor *acceptor;
    atomic_int thread; /* its number, once it is about to stop the acceptor */
} Stopper;

static void stop_listening(void *argument)
{
    Stopper *stopper = argument;

    atomic_store(&stopper->thread, (int)gettid());
    acceptor_stop_listening(stopper->acceptor);
}

/* Until it has told the acceptor, for which it waits. */
static void wait_until_it_waits(Stopper *stopper)
{
    for (char state = 'R'; state != 'S';) {
        g_autofree char *path =
            g_strdup_printf("/proc/self/task/%d/stat", atomic_load(&stopper->thread));
        g_autofree char *text = NULL;

        sched_yield();
        if (g_file_get_contents(path, &text, NULL, NULL))
            state = *(strrchr(text, ')') + 2);
    }
}

/* Clients connect while the acceptor is busy, and then it is told to stop. Returns how many it has
 * accepted all the same. */
static unsigned count_accepted_last(Rig *rig)
{
    enum { LATE = 300 };
    int clients[LATE];
    Stopper stopper = {.acceptor = rig->acceptor};
    pthread_t thread;
    g_autoptr(GError) error = NULL;

    mutex_lock(&rig->gate);
    rig_start(rig);
    while (!atomic_load(&rig->is_at_gate))
        sched_yield();
    for (int i = 0; i < LATE; i++)
        clients[i] = connect_from(rig, STRANGER);
    g_assert_true(thread_start(&thread, "stopper", stop_listening, &stopper, &error));
    wait_until_it_waits(&stopper);
    mutex_unlock(&rig->gate);
    thread_join(thread);
    unsigned accepted = connections_count(rig->connections);
    for (int i = 0; i < LATE; i++)
        close(clients[i]);
    return accepted;
}

/* Who has connected before the sockets are closed is not turned away. */
static void test_stop_accepts_the_last(void)
{
    Rig *rig = rig_new("");

    g_assert_cmpuint(count_accepted_last(rig), ==, 300);
    g_assert_cmpint(try_connect(rig, STRANGER, PORT), <, 0);
    rig_free(rig);
}

/* But by who has the socket next, if it was handed over. */
static void test_stop_leaves_handed_on(void)
{
    Rig *rig = rig_new("");
    g_autoptr(GArray) handed = handed_sockets_new();
    const GArray *listeners = acceptor_listeners(rig->acceptor);

    g_assert_cmpuint(listeners->len, ==, 2);
    int copy = dup(g_array_index(listeners, Listener, 0).descriptor);
    rig_free(rig);

    HandedSocket socket = {.descriptor = dup(copy), .name = g_strdup("listen-0")};
    g_array_append_val(handed, socket);
    rig = rig_new_with("", handed);
    g_assert_true(g_array_index(acceptor_listeners(rig->acceptor), Listener, 0).handed);
    g_assert_false(g_array_index(acceptor_listeners(rig->acceptor), Listener, 1).handed);
    g_assert_cmpuint(count_accepted_last(rig), ==, 0);
    unsigned left = 0;
    for (int client; (client = accept4(copy, NULL, NULL, SOCK_CLOEXEC)) >= 0; left++)
        close(client);
    g_assert_cmpuint(left, ==, 300);
    close(copy);
    rig_free(rig);
}

/* What is to be swept beside the connections is. */
static void test_sweeps_lookups(void)
{
    Rig *rig = rig_new("");
    Connection *c[2];
    PlacesQuery queries[2] = {{.bound = 1}, {.bound = 2}};
    Message m = message_parse(SLICE("AT Bona +0.000000001 kiwi +1+1 5"));
    Record *record = record_new(&m.at);
    Flight *flight = NULL;
    Connection *taken = NULL;

    for (int i = 0; i < 2; i++)
        c[i] = connection_new(-1, &(struct sockaddr_storage){0});
    g_assert_cmpint(lookups_enter(rig->lookups, c[0], record, &queries[0], &flight), ==,
                    LOOKUP_RUN);
    g_assert_cmpint(lookups_enter(rig->lookups, c[1], record, &queries[1], &flight), ==,
                    LOOKUP_WAIT);
    rig_start(rig);
    g_assert_cmpuint(ready_set_take(rig->ready, &taken, 1), ==, 1);
    g_assert_true(taken == c[1]);
    g_assert_cmpint(taken->wait->turn, ==, LOOKUP_REFUSED);
    lookups_finish(rig->lookups, flight, "{}", 2);
    for (int i = 0; i < 2; i++)
        connection_free(c[i]);
    record_unref(record);
    rig_free(rig);
}

static void test_address_taken(void)
{
    Rig *rig = rig_new("");
    g_autoptr(GError) error = NULL;
    g_autofree char *where = g_strdup_printf("%s:%d", rig->hosts[OWN], PORT);

    g_assert_null(acceptor_new(rig->configs, rig->connections, rig->ready, NULL,
                               (Sweep){.run = sweep, .self = rig}, NULL, rig->log, &error));
    g_assert_error(error, HERD_ACCEPTOR_ERROR, HERD_ACCEPTOR_ERROR_LISTEN);
    g_assert_nonnull(strstr(error->message, where));
    g_assert_nonnull(strstr(error->message, g_strerror(EADDRINUSE)));
    g_assert_null(strchr(error->message, '\n'));
    rig_free(rig);
}

static int64_t cpu_ms(void)
{
    struct rusage used;

    g_assert_cmpint(getrusage(RUSAGE_SELF, &used), ==, 0);
    return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 +
           (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000;
}

/* Room for two connections of five: the others wait, the acceptor does not spin over them, goes on
 * sweeping, and accepts them as soon as there is room. */
static void run_out_of_descriptors(void)
{
    Rig *rig = rig_new("");
    struct rlimit before, little;
    int clients[5], ends[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
    Connection *late = connection_new(ends[0], &(struct sockaddr_storage){0});
    connections_add(rig->connections, late);
    for (int i = 0; i < 5; i++)
        clients[i] = connect_from(rig, STRANGER);
    int next = dup(clients[0]);
    close(next);
    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &before), ==, 0);
    little = before;
    little.rlim_cur = (rlim_t)next + 2;
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &little), ==, 0);

    rig_start(rig);
    wait_count(rig, 3);
    int64_t start = monotonic_ms(), cpu = cpu_ms();
    atomic_store(&late->deadline, 1);
    assert_closed(ends[1]); /* by the next sweep, a second later at the most */
    g_assert_cmpint(cpu_ms() - cpu, <=, 20 + (monotonic_ms() - start) / 4);
    g_assert_cmpuint(connections_count(rig->connections), ==, 3);

    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &before), ==, 0);
    wait_count(rig, 6);
    for (int i = 0; i < 5; i++)
        close(clients[i]);
    close(ends[1]);

    /* Each said once. */
    g_autofree char *log = rig_end(rig);
    const char *begun = strstr(log, "cannot accept: ");
    const char *over = strstr(log, "accepting again");
    g_assert_nonnull(begun);
    g_assert_nonnull(over);
    g_assert_true(begun < over);
    g_assert_nonnull(strstr(begun, g_strerror(EMFILE)));
    g_assert_null(strstr(begun + 1, "cannot accept: "));
    g_assert_null(strstr(over + 1, "accepting again"));
}

static void test_descriptors_run_out(void)
{
    if (g_test_subprocess()) {
        run_out_of_descriptors();
        return;
    }
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
    g_test_trap_assert_passed();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/acceptor/accept/hands-over-to-the-ready-set", test_hands_over);
    g_test_add_func("/acceptor/accept/listens-before-it-starts", test_listens_before_start);
    g_test_add_func("/acceptor/accept/idle-deadline", test_idle_deadline);
    g_test_add_func("/acceptor/limit/neighbours-have-places-beside", test_limit);
    g_test_add_func("/acceptor/limit/descriptors-run-out", test_descriptors_run_out);
    g_test_add_func("/acceptor/stop-listening/goes-on-sweeping", test_stop_listening);
    g_test_add_func("/acceptor/stop-listening/accepts-the-last", test_stop_accepts_the_last);
    g_test_add_func("/acceptor/stop-listening/leaves-what-is-handed-on",
                    test_stop_leaves_handed_on);
    g_test_add_func("/acceptor/sweep/lookups", test_sweeps_lookups);
    g_test_add_func("/acceptor/new/address-taken", test_address_taken);
    return g_test_run();
}
