/* SPDX-License-Identifier: MIT */
#include "core/counters.h"
#include "core/incarnation.h"
#include "core/message.h"
#include "core/thread.h"
#include "net/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEADLINE_MS 60000
#define PORT        10001

/* Hosts of this process alone, so that tests may run beside each other. */
enum { OWN, NEIGHBOUR, HOSTS };

/* Bailey's link to Bona, in the test's own thread. The test is Bona. */
typedef struct {
    char *folder; /* (owned) */
    char *hosts[HOSTS];
    Config *config;
    Store *store;
    Log *log;
    int epoll;
    int listener; /* Bona's; -1: she does not listen */
    Link *link;
    size_t begin, end; /* of what Bona has read and not heard yet */
    char bytes[65536];
} Rig;

static struct sockaddr_in address_of(const Rig *rig, unsigned host, unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

    g_assert_cmpint(inet_pton(AF_INET, rig->hosts[host], &address.sin_addr), ==, 1);
    return address;
}

static void begin_listening(Rig *rig)
{
    struct sockaddr_in address = address_of(rig, NEIGHBOUR, PORT);
    int on = 1, little = 1 << 17;

    rig->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    g_assert_cmpint(setsockopt(rig->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), ==, 0);
    /* So that a neighbour that does not read is soon full. */
    g_assert_cmpint(setsockopt(rig->listener, SOL_SOCKET, SO_RCVBUF, &little, sizeof little), ==,
                    0);
    g_assert_cmpint(bind(rig->listener, (struct sockaddr *)&address, sizeof address), ==, 0);
    g_assert_cmpint(listen(rig->listener, 10), ==, 0);
}

static Rig *rig_new(bool listens)
{
    Rig *rig = g_new0(Rig, 1);
    g_autoptr(GError) error = NULL;
    unsigned pid = (unsigned)getpid();

    for (unsigned i = 0; i < HOSTS; i++)
        rig->hosts[i] = g_strdup_printf("127.%u.%u.%u", 64 * i + 3 + (pid >> 16 & 31),
                                        pid >> 8 & 255, pid & 255);
    rig->folder = g_dir_make_tmp("herd-link-XXXXXX", &error);
    g_assert_no_error(error);
    g_autofree char *path = g_build_filename(rig->folder, "herd.conf", NULL);
    g_autofree char *text =
        g_strdup_printf("[herd]\nlog_dir = %s\n"
                        "[member Bailey]\nlisten = %s:10000\n"
                        "neighbours = Bona\n"
                        "[member Bona]\nlisten = %s:%d;127.0.0.1:1\n",
                        rig->folder, rig->hosts[OWN], rig->hosts[NEIGHBOUR], PORT);
    g_assert_true(g_file_set_contents(path, text, -1, &error));
    rig->config = config_load(path, "Bailey", &error);
    g_assert_no_error(error);
    g_remove(path);
    rig->log = log_new(rig->folder, "Bailey", LOG_MESSAGES_ALL, &error);
    g_assert_no_error(error);
    rig->store = store_new();
    rig->epoll = epoll_create1(EPOLL_CLOEXEC);
    rig->listener = -1;
    if (listens)
        begin_listening(rig);
    rig->link = link_new(rig->config, "Bona", rig->store, rig->log, rig->epoll);
    return rig;
}

/* Ends everything; returns the log. (transfer full) */
static char *rig_end(Rig *rig)
{
    g_autofree char *path = g_build_filename(rig->folder, "Bailey.log", NULL);
    char *text = NULL;

    link_free(rig->link);
    close(rig->epoll);
    if (rig->listener >= 0)
        close(rig->listener);
    store_free(rig->store);
    log_free(rig->log);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    config_free(rig->config);
    g_remove(path);
    g_rmdir(rig->folder);
    for (unsigned i = 0; i < HOSTS; i++)
        g_free(rig->hosts[i]);
    g_free(rig->folder);
    g_free(rig);
    return text;
}

static void rig_free(Rig *rig)
{
    g_free(rig_end(rig));
}

/* What the flood thread does each time round. Returns when the link wants to be called again. */
static int64_t pump_at(Rig *rig, int64_t now)
{
    struct epoll_event event;
    int64_t next = link_tick(rig->link, now);

    link_send(rig->link);
    while (epoll_wait(rig->epoll, &event, 1, 0) == 1) {
        g_assert_true(event.data.ptr == rig->link);
        link_ready(rig->link, event.events);
        link_send(rig->link);
        if (event.events & EPOLLOUT) /* which may stay so */
            break;
    }
    return next;
}

static void pump(Rig *rig)
{
    pump_at(rig, monotonic_ms());
}

/* Pumps until @peer can be read. */
static void pump_until_readable(Rig *rig, int peer)
{
    struct pollfd polled = {.fd = peer, .events = POLLIN};
    int64_t deadline = monotonic_ms() + DEADLINE_MS;

    while (poll(&polled, 1, 0) == 0) {
        g_assert_cmpint(monotonic_ms(), <, deadline);
        pump(rig);
    }
}

static int accept_link(Rig *rig)
{
    struct sockaddr_in from = {0}, own = address_of(rig, OWN, 0);
    socklen_t length = sizeof from;

    pump_until_readable(rig, rig->listener);
    int peer =
        accept4(rig->listener, (struct sockaddr *)&from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    g_assert_cmpint(peer, >=, 0);
    /* From our own address, since that is how the neighbour knows us. */
    g_assert_cmpint(from.sin_addr.s_addr, ==, own.sin_addr.s_addr);
    return peer;
}

/* The next line that Bona hears, LF included; empty at the end of it. (transfer full) */
static char *hear(Rig *rig, int peer)
{
    GString *line = g_string_new(NULL);

    for (;;) {
        while (rig->begin < rig->end) {
            char byte = rig->bytes[rig->begin++];

            g_string_append_c(line, byte);
            if (byte == '\n')
                return g_string_free(line, FALSE);
        }
        ssize_t n = recv(peer, rig->bytes, sizeof rig->bytes, 0);
        if (n == 0)
            return g_string_free(line, FALSE);
        rig->begin = 0;
        rig->end = n > 0 ? (size_t)n : 0;
        if (n > 0)
            continue;
        g_assert_cmpint(errno, ==, EAGAIN);
        pump_until_readable(rig, peer);
    }
}

static void assert_heard(Rig *rig, int peer, const char *expected)
{
    g_autofree char *line = hear(rig, peer);

    g_assert_cmpstr(line, ==, expected);
}

static void assert_hello(Rig *rig, int peer)
{
    g_autofree char *hello = message_format_hello("Bailey", "Bona", incarnation());

    assert_heard(rig, peer, hello);
}

static void say(int peer, const char *text)
{
    g_assert_cmpint(send(peer, text, strlen(text), MSG_NOSIGNAL), ==, (ssize_t)strlen(text));
}

/* A link that is up. */
static int bring_up(Rig *rig)
{
    int peer = accept_link(rig);
    uint64_t before = counters_read(COUNT_LINKS_UP);

    assert_hello(rig, peer);
    say(peer, "HELLO 1 Bona Bailey\n");
    while (counters_read(COUNT_LINKS_UP) == before)
        pump(rig);
    return peer;
}

/* A record of client number @client at @time. (transfer full) */
static Record *record_of(int client, int time)
{
    g_autofree char *line =
        g_strdup_printf("AT Clark +0.000000001 %d +34.068930-118.445127 %d", client, time);
    Message m = message_parse((Slice){.data = line, .length = strlen(line)});

    g_assert_cmpint(m.kind, ==, MESSAGE_AT);
    return record_new(&m.at);
}

static void offer(Rig *rig, int client, int time)
{
    g_autoptr(Record) record = record_of(client, time);

    link_offer(rig->link, record);
}

static void put(Rig *rig, int client, int time)
{
    g_autoptr(Record) record = record_of(client, time);

    g_assert_cmpint(store_put(rig->store, record), ==, STORE_STORED);
}

/* Hears one update; which client's it is. */
static int hear_update(Rig *rig, int peer, int *ret_time)
{
    g_autofree char *line = hear(rig, peer);
    int client = -1;
    char end = 0;

    g_assert_cmpint(sscanf(line, "AT Clark +0.000000001 %d +34.068930-118.445127 %d%c", &client,
                           ret_time, &end),
                    ==, 3);
    g_assert_cmpint(end, ==, '\n');
    return client;
}

static void test_whole_store(void)
{
    enum { CLIENTS = 3000 };
    Rig *rig = rig_new(true);
    g_autofree bool *heard = g_new0(bool, CLIENTS);

    for (int i = 0; i < CLIENTS; i++)
        put(rig, i, 5);
    g_assert_true(link_idle(rig->link));
    int peer = bring_up(rig);
    for (int i = 0; i < CLIENTS; i++) {
        int time;
        int client = hear_update(rig, peer, &time);

        g_assert_cmpint(client, >=, 0);
        g_assert_cmpint(client, <, CLIENTS);
        g_assert_cmpint(time, ==, 5);
        g_assert_false(heard[client]);
        heard[client] = true;
    }
    pump(rig);
    g_assert_true(link_idle(rig->link));
    /* Nothing comes after it but what is new. */
    offer(rig, 7, 6);
    g_assert_false(link_idle(rig->link));
    assert_heard(rig, peer, "AT Clark +0.000000001 7 +34.068930-118.445127 6\n");
    close(peer);
    g_autofree char *log = rig_end(rig);
    g_assert_nonnull(strstr(log, "info main link Bona up"));
    g_assert_nonnull(strstr(log, "send Bona AT Clark +0.000000001 7 +34.068930-118.445127 6\n"));
}

/* While it is down it keeps nothing: what counts is in the store by then. */
static void test_offer_while_down(void)
{
    Rig *rig = rig_new(true);

    offer(rig, 1, 5);
    int peer = accept_link(rig);
    assert_hello(rig, peer);
    offer(rig, 2, 5);
    put(rig, 3, 5);
    say(peer, "HELLO 1 Bona ");
    pump(rig);
    say(peer, "Bailey\r\n");
    assert_heard(rig, peer, "AT Clark +0.000000001 3 +34.068930-118.445127 5\n");
    offer(rig, 4, 5);
    assert_heard(rig, peer, "AT Clark +0.000000001 4 +34.068930-118.445127 5\n");
    close(peer);
    rig_free(rig);
}

/* A neighbour that does not read costs one entry a client; the newest of each is what it hears. */
static void test_conflation(void)
{
    enum { CLIENTS = 300, ROUNDS = 400, OFFERED = (ROUNDS + 2) * CLIENTS };
    Rig *rig = rig_new(true);
    int peer = bring_up(rig), last[CLIENTS] = {0};
    uint64_t conflated = counters_read(COUNT_UPDATES_CONFLATED);
    uint64_t sent = counters_read(COUNT_UPDATES_SENT);
    int newest = ROUNDS + 1, heard = 0;

    for (int round = 1; round <= ROUNDS; round++) {
        for (int i = 0; i < CLIENTS; i++)
            offer(rig, i, round);
        link_send(rig->link);
    }
    g_assert_cmpuint(counters_read(COUNT_UPDATES_CONFLATED), >, conflated + 50 * CLIENTS);
    for (int i = 0; i < CLIENTS; i++)
        offer(rig, i, newest);
    /* An older one, that comes late, does not replace it. */
    for (int i = 0; i < CLIENTS; i++)
        offer(rig, i, i % 2 == 0 ? newest - 1 : newest);
    g_assert_false(link_idle(rig->link));
    for (int done = 0; done < CLIENTS; heard++) {
        int time;
        int client = hear_update(rig, peer, &time);

        g_assert_cmpint(client, <, CLIENTS);
        g_assert_cmpint(time, !=, last[client]); /* none twice */
        last[client] = MAX(last[client], time);
        done += time == newest;
    }
    pump(rig);
    g_assert_true(link_idle(rig->link));
    g_assert_cmpuint(counters_read(COUNT_UPDATES_SENT), ==, sent + (uint64_t)heard);
    conflated = counters_read(COUNT_UPDATES_CONFLATED) - conflated;
    g_assert_cmpuint((uint64_t)heard + conflated, ==, OFFERED); /* each is one or the other */
    close(peer);
    rig_free(rig);
}

/* Whoever moves all the while keeps neither the others who do nor those who rest from being heard.
 */
static void test_nobody_starves(void)
{
    enum { MOVING = 6000, RESTING = 80000, STEP = 3000, STEPS = 80 };
    Rig *rig = rig_new(true);
    g_autofree bool *heard = g_new0(bool, MOVING + RESTING);
    int left = MOVING + RESTING;

    for (int i = MOVING; i < MOVING + RESTING; i++)
        put(rig, i, 1);
    int peer = bring_up(rig);
    for (int step = 1; step <= STEPS && left > 0; step++) {
        for (int i = 0; i < MOVING; i++)
            offer(rig, i, step);
        for (int i = 0; i < STEP; i++) {
            int time;
            int client = hear_update(rig, peer, &time);

            left -= !heard[client];
            heard[client] = true;
        }
        pump(rig);
    }
    g_assert_cmpint(left, ==, 0);
    close(peer);
    rig_free(rig);
}

/* A store that does not fit, while newer records come: each client's newest arrives last. */
static void test_store_beside_news(void)
{
    enum { CLIENTS = 12000 };
    Rig *rig = rig_new(true);
    g_autofree int *last = g_new0(int, CLIENTS);

    for (int i = 0; i < CLIENTS; i++)
        put(rig, i, 1);
    int peer = bring_up(rig);
    for (int i = 0; i < CLIENTS; i += 3) {
        put(rig, i, 2);
        offer(rig, i, 2);
    }
    for (int done = 0; done < CLIENTS;) {
        int time;
        int client = hear_update(rig, peer, &time);
        int due = client % 3 == 0 ? 2 : 1;

        done += last[client] < due && time == due;
        last[client] = MAX(last[client], time);
    }
    close(peer);
    rig_free(rig);
}

static void test_comes_back(void)
{
    Rig *rig = rig_new(true);

    put(rig, 1, 5);
    for (int times = 0; times < 3; times++) {
        int peer = bring_up(rig);

        assert_heard(rig, peer, "AT Clark +0.000000001 1 +34.068930-118.445127 5\n");
        /* What a neighbour may say on it means nothing. */
        say(peer, "noise\n");
        offer(rig, 2, times);
        assert_heard(rig, peer,
                     times == 0   ? "AT Clark +0.000000001 2 +34.068930-118.445127 0\n"
                     : times == 1 ? "AT Clark +0.000000001 2 +34.068930-118.445127 1\n"
                                  : "AT Clark +0.000000001 2 +34.068930-118.445127 2\n");
        close(peer);
    }
    /* Until it has seen that. */
    int peer = bring_up(rig);
    close(peer);
    g_autofree char *log = rig_end(rig);
    g_assert_nonnull(strstr(log, "warning main link Bona down: closed by the neighbour"));
}

static void test_wrong_hello(void)
{
    static const struct {
        const char *answer, *reason;
    } rows[] = {
        {"? HELLO 1 Bailey Bona\n", "the neighbour does not accept our hello"},
        {"HELLO 1 Clark Bailey\n", "what answers at the neighbour's address is not that neighbour"},
        {"HELLO 1 Bona Clark\n", "what answers at the neighbour's address is not that neighbour"},
        {"HELLO 1 Bailey Bona\n", "what answers at the neighbour's address is not that neighbour"},
        {"HELLO 2 Bona Bailey\n", "what answers at the neighbour's address is not that neighbour"},
        {"SSH-2.0-OpenSSH\r\n", "what answers at the neighbour's address is not that neighbour"},
        {"\n", "what answers at the neighbour's address is not that neighbour"},
        {"", "the neighbour closed before it answered our hello"},
        {NULL, "the answer to our hello is no line"},
    };
    g_autofree char *long_answer = g_strnfill(300, 'x');

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Rig *rig = rig_new(true);
        g_autofree char *event = g_strdup_printf("link Bona down: %s", rows[i].reason);

        put(rig, 1, 5);
        for (int times = 0; times < 2; times++) {
            int peer = accept_link(rig);

            assert_hello(rig, peer);
            say(peer, rows[i].answer != NULL ? rows[i].answer : long_answer);
            shutdown(peer, SHUT_WR);
            /* The end, or its reset; no update. */
            char byte;
            pump_until_readable(rig, peer);
            g_assert_cmpint(recv(peer, &byte, 1, 0), <=, 0);
            close(peer);
        }
        g_autofree char *log = rig_end(rig);
        const char *said = strstr(log, event);
        g_assert_nonnull(said);
        g_assert_null(strstr(said + 1, "link Bona down")); /* once, not once a try */
        g_assert_null(strstr(log, "link Bona up"));
    }
}

static void test_no_answer(void)
{
    Rig *rig = rig_new(true);
    int peer = accept_link(rig);
    char byte;

    assert_hello(rig, peer);
    int64_t due = pump_at(rig, monotonic_ms());
    g_assert_cmpint(due, <=, monotonic_ms() + 5000);
    g_assert_cmpint(due, >, monotonic_ms());
    pump_at(rig, due - 1);
    g_assert_cmpint(recv(peer, &byte, 1, 0), ==, -1);
    pump_at(rig, due);
    pump_until_readable(rig, peer);
    g_assert_cmpint(recv(peer, &byte, 1, 0), ==, 0);
    close(peer);
    g_autofree char *log = rig_end(rig);
    g_assert_nonnull(strstr(log, "link Bona down: our hello is not answered"));
}

/* Nobody listens: it waits for half of @backoff at least, and @backoff at most. */
static void fail_to_connect(Rig *rig, int64_t backoff)
{
    struct epoll_event event;
    int64_t before = monotonic_ms();

    link_tick(rig->link, INT64_MAX);
    /* A refusal over loopback is there at once. */
    while (epoll_wait(rig->epoll, &event, 1, 10) == 1)
        link_ready(rig->link, event.events);
    int64_t due = link_tick(rig->link, 0);
    g_assert_cmpint(due, >=, before + backoff / 2);
    g_assert_cmpint(due, <=, monotonic_ms() + backoff);
}

static void test_backoff(void)
{
    Rig *rig = rig_new(false);
    int64_t backoff = 100;

    for (int i = 0; i < 10; i++, backoff = MIN(2 * backoff, 5000))
        fail_to_connect(rig, backoff);

    /* A sign of life: at once, and from the beginning. */
    begin_listening(rig);
    pump(rig);
    g_assert_cmpint(accept4(rig->listener, NULL, NULL, SOCK_CLOEXEC), <, 0);
    link_poke(rig->link);
    pump(rig);
    int peer = accept4(rig->listener, NULL, NULL, SOCK_CLOEXEC);
    g_assert_cmpint(peer, >=, 0);
    close(rig->listener);
    rig->listener = -1;
    assert_hello(rig, peer);
    int64_t answer_due = link_tick(rig->link, 0);
    close(peer);
    while (link_tick(rig->link, 0) == answer_due)
        pump(rig);
    fail_to_connect(rig, 200);
    g_autofree char *log = rig_end(rig);
    g_assert_nonnull(strstr(log, "link Bona down: Connection refused"));
}

/* It is for a link that waits; one that is up stays as it is. */
static void test_poke_when_up(void)
{
    Rig *rig = rig_new(true);
    int peer = bring_up(rig);

    link_poke(rig->link);
    g_assert_cmpint(pump_at(rig, INT64_MAX - 1), ==, INT64_MAX);
    offer(rig, 1, 5);
    assert_heard(rig, peer, "AT Clark +0.000000001 1 +34.068930-118.445127 5\n");
    close(peer);
    rig_free(rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/link/r22/wrong-answer-is-down-with-its-reason", test_wrong_hello);
    g_test_add_func("/link/r22/no-answer-is-down", test_no_answer);
    g_test_add_func("/link/r23/whole-store-when-it-comes-up", test_whole_store);
    g_test_add_func("/link/r23/whole-store-beside-what-is-new", test_store_beside_news);
    g_test_add_func("/link/r23/comes-back", test_comes_back);
    g_test_add_func("/link/r23/backoff-and-poke", test_backoff);
    g_test_add_func("/link/poke/when-up", test_poke_when_up);
    g_test_add_func("/link/offer/while-down-keeps-nothing", test_offer_while_down);
    g_test_add_func("/link/offer/newest-wins-when-the-neighbour-does-not-read", test_conflation);
    g_test_add_func("/link/r23/nobody-starves", test_nobody_starves);
    return g_test_run();
}
