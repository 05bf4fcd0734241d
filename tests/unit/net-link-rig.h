/* SPDX-License-Identifier: MIT */
#pragma once

/* What the tests of links share: Bailey's link to Bona, in the test's own thread, and a Bona that
 * the test is. */

#include "core/counters.h"
#include "core/incarnation.h"
#include "core/message.h"
#include "core/thread.h"
#include "net/link.h"
#include "net/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEADLINE_MS 60000
#define PORT        10001
#define TIMEOUT_MS  3600000 /* link_timeout_s, so that only invented times reach it */
#define PLACE       "+34.068930-118.445127"
#define FENCE       1000000000 /* a client that no test has */

/* Hosts of this process alone, so that tests may run beside each other. */
enum { OWN, NEIGHBOUR, HOSTS };

typedef struct {
    const char *options;   /* (nullable) of [herd] */
    const char *neighbour; /* (nullable) options of [member Bona] */
    bool messages;         /* Bona is native, with delivery = message */
    bool deaf;             /* she does not listen yet */
    const char *secret;    /* (nullable) of the herd */
    Tls *tls;              /* (nullable) Bailey's, who then dials her over TLS */
    Tls *their_tls;        /* (nullable) Bona's; without it she does not shake hands */
} Setup;

typedef struct {
    char *folder; /* (owned) */
    char *hosts[HOSTS];
    Config *config;
    Trust *trust; /* (owned) */
    Store *store;
    Store *theirs; /* what Bona has: what she hears and what a test has put there */
    Log *log;
    int epoll;
    int listener; /* Bona's; -1: she does not listen */
    Tls *their_tls;
    Stream peer; /* what was accepted last */
    Link *link;
    unsigned questions; /* DIGESTs heard */
    int fences;         /* updates of FENCE */
    GString *line;      /* (owned) the beginning of one */
    size_t begin, end;  /* of what Bona has read and not heard yet */
    char bytes[65536];
} Rig;

/* An update that Bona has heard. */
typedef struct {
    int client;
    int time;
    bool found; /* SYNC, not AT */
} Heard;

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

/* What Bailey is to do by @setup. (transfer full) */
static Config *load_config(const Rig *rig, const Setup *setup)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_build_filename(rig->folder, "herd.conf", NULL);
    g_autofree char *text = g_strdup_printf(
        "[herd]\nlog_dir = %s\n%s\n[limits]\nlink_timeout_s = %d\n"
        "[member Bailey]\nlisten = %s:10000\nneighbours = Bona\n"
        "[member Bona]\nlisten = %s%s:%d;127.0.0.1:1\n%s",
        rig->folder, setup->options != NULL ? setup->options : "resync_interval_s = 0",
        TIMEOUT_MS / 1000, rig->hosts[OWN], setup->tls != NULL ? "tls://" : "",
        rig->hosts[NEIGHBOUR], PORT, setup->neighbour != NULL ? setup->neighbour : "");
    g_assert_true(g_file_set_contents(path, text, -1, &error));
    Config *config = config_load(path, "Bailey", &error);
    g_assert_no_error(error);
    g_remove(path);
    return config;
}

static Rig *rig_new(const Setup *setup)
{
    Rig *rig = g_new0(Rig, 1);
    g_autoptr(GError) error = NULL;
    unsigned pid = (unsigned)getpid();

    for (unsigned i = 0; i < HOSTS; i++)
        rig->hosts[i] = g_strdup_printf("127.%u.%u.%u", 64 * i + 3 + (pid >> 16 & 31),
                                        pid >> 8 & 255, pid & 255);
    rig->folder = g_dir_make_tmp("herd-link-XXXXXX", &error);
    g_assert_no_error(error);
    rig->config = load_config(rig, setup);
    if (setup->messages)
        ((Member *)rig->config->members->pdata[1])->delivery = DELIVERY_MESSAGE;
    rig->log = log_new(rig->folder, "Bailey", LOG_MESSAGES_ALL, &error);
    g_assert_no_error(error);
    rig->trust = trust_new();
    if (setup->secret != NULL)
        trust_set(rig->trust, &(TrustFiles){.secret = secret_new(slice_of(setup->secret))});
    rig->store = store_new();
    rig->theirs = store_new();
    rig->line = g_string_new(NULL);
    rig->epoll = epoll_create1(EPOLL_CLOEXEC);
    rig->listener = -1;
    rig->their_tls = setup->their_tls;
    if (!setup->deaf)
        begin_listening(rig);
    rig->link =
        link_new(rig->config, rig->trust, setup->tls, "Bona", rig->store, rig->log, rig->epoll);
    return rig;
}

/* Ends everything; returns the log. (transfer full) */
static char *rig_end(Rig *rig)
{
    g_autofree char *path = g_build_filename(rig->folder, "Bailey.log", NULL);
    char *text = NULL;

    link_free(rig->link);
    stream_drop_tls(&rig->peer);
    close(rig->epoll);
    if (rig->listener >= 0)
        close(rig->listener);
    trust_free(rig->trust);
    store_free(rig->store);
    store_free(rig->theirs);
    log_free(rig->log);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    config_free(rig->config);
    g_remove(path);
    g_rmdir(rig->folder);
    for (unsigned i = 0; i < HOSTS; i++)
        g_free(rig->hosts[i]);
    g_string_free(rig->line, TRUE);
    g_free(rig->folder);
    g_free(rig);
    return text;
}

static void rig_free(Rig *rig)
{
    g_free(rig_end(rig));
}

static unsigned count_of(const char *text, const char *part)
{
    unsigned count = 0;

    for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
        count++;
    return count;
}

/* Lets the link do what its socket asks for. */
static void serve_socket(Rig *rig)
{
    struct epoll_event event;

    while (epoll_wait(rig->epoll, &event, 1, 0) == 1) {
        g_assert_true(event.data.ptr == rig->link);
        link_ready(rig->link, event.events);
        link_tick(rig->link, 0);     /* sends, and nothing is due */
        if (event.events & EPOLLOUT) /* which may stay so */
            break;
    }
}

/* What the flood thread does each time round. Returns when the link wants to be called again. */
static int64_t pump_at(Rig *rig, int64_t now)
{
    int64_t next = link_tick(rig->link, now);

    link_tick(rig->link, 0); /* sends, and nothing is due */
    serve_socket(rig);
    return next;
}

static void pump(Rig *rig)
{
    pump_at(rig, monotonic_ms());
}

static bool is_readable(int descriptor)
{
    struct pollfd polled = {.fd = descriptor, .events = POLLIN};

    return poll(&polled, 1, 0) == 1;
}

static void pump_until_readable(Rig *rig, int peer)
{
    int64_t deadline = monotonic_ms() + DEADLINE_MS;

    while (!is_readable(peer)) {
        g_assert_cmpint(monotonic_ms(), <, deadline);
        pump(rig);
    }
}

static void pump_until_counted(Rig *rig, Counter counter, uint64_t wanted)
{
    int64_t deadline = monotonic_ms() + DEADLINE_MS;

    while (counters_read(counter) < wanted) {
        g_assert_cmpint(monotonic_ms(), <, deadline);
        pump(rig);
    }
    g_assert_cmpuint(counters_read(counter), ==, wanted);
}

static void shake_hands(Rig *rig)
{
    Handshake outcome;

    g_assert_true(stream_accept_tls(&rig->peer, rig->their_tls, 1));
    while ((outcome = stream_shake_hands(&rig->peer)) == HANDSHAKE_WAITS)
        pump_until_readable(rig, rig->peer.descriptor);
    g_assert_cmpint(outcome, ==, HANDSHAKE_DONE);
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
    rig->begin = rig->end = 0;
    g_string_truncate(rig->line, 0);
    stream_drop_tls(&rig->peer);
    rig->peer = (Stream){.descriptor = peer};
    if (rig->their_tls != NULL)
        shake_hands(rig);
    return peer;
}

/* What Bona can hear without waiting: a line, LF included; NULL: none that is complete yet; empty
 * at the end of it, after what has no LF. (transfer full) */
static char *hear_now(Rig *rig, int peer)
{
    for (;;) {
        while (rig->begin < rig->end) {
            char byte = rig->bytes[rig->begin++];

            g_string_append_c(rig->line, byte);
            if (byte != '\n')
                continue;
            char *line = g_strndup(rig->line->str, rig->line->len);
            g_string_truncate(rig->line, 0);
            return line;
        }
        g_assert_cmpint(peer, ==, rig->peer.descriptor);
        ssize_t n = stream_receive(&rig->peer, rig->bytes, sizeof rig->bytes);
        if (n < 0) {
            g_assert_cmpint(errno, ==, EAGAIN);
            return NULL;
        }
        if (n == 0) {
            char *rest = g_strndup(rig->line->str, rig->line->len);
            g_string_truncate(rig->line, 0);
            return rest;
        }
        rig->begin = 0;
        rig->end = (size_t)n;
    }
}

/* The next line, whatever it is. (transfer full) */
static char *hear_any(Rig *rig, int peer)
{
    char *line;

    while ((line = hear_now(rig, peer)) == NULL)
        pump_until_readable(rig, peer);
    return line;
}

static void assert_heard_any(Rig *rig, int peer, const char *expected)
{
    g_autofree char *line = hear_any(rig, peer);

    g_assert_cmpstr(line, ==, expected);
}

static void say_bytes(Rig *rig, int peer, const char *bytes, size_t length)
{
    while (length > 0) {
        g_assert_cmpint(peer, ==, rig->peer.descriptor);
        ssize_t n = stream_send(&rig->peer, bytes, length);

        g_assert_true(n > 0 || errno == EAGAIN);
        if (n > 0) {
            bytes += n;
            length -= (size_t)n;
        } else {
            pump(rig);
        }
    }
}

static void say(Rig *rig, int peer, const char *text)
{
    say_bytes(rig, peer, text, strlen(text));
}

static void say_sums(Rig *rig, int peer, int part)
{
    uint64_t sums[STORE_SHARDS], leaves[STORE_LEAVES], root = 0;
    g_autoptr(GString) text = g_string_new(NULL);

    if (part >= 0) {
        store_leaf_sums(rig->theirs, (unsigned)part, leaves);
        message_append_sums(text, part, leaves, STORE_LEAVES);
    } else {
        store_shard_sums(rig->theirs, sums);
        for (unsigned i = 0; i < STORE_SHARDS; i++)
            root += sums[i];
        if (part == PART_ROOT)
            message_append_sums(text, part, &root, 1);
        else
            message_append_sums(text, part, sums, STORE_SHARDS);
    }
    say_bytes(rig, peer, text->str, text->len);
}

/* What a member does with @line. FALSE: it is no question. */
static bool answer(Rig *rig, int peer, const char *line)
{
    Message m = message_parse((Slice){.data = line, .length = strlen(line)});

    if (m.kind == MESSAGE_PING) {
        say(rig, peer, "PONG\n");
        return true;
    }
    if (m.kind == MESSAGE_DIGEST) {
        rig->questions++;
        say_sums(rig, peer, m.digest.part);
        return true;
    }
    if (m.kind == MESSAGE_AT || m.kind == MESSAGE_SYNC) {
        g_autoptr(Record) record = record_new(&m.at);

        store_put(rig->theirs, record, 0);
    }
    return false;
}

/* The next line that is no question; those are answered. (transfer full) */
static char *hear(Rig *rig, int peer)
{
    char *line = hear_any(rig, peer);

    while (answer(rig, peer, line)) {
        g_free(line);
        line = hear_any(rig, peer);
    }
    return line;
}

static void assert_heard(Rig *rig, int peer, const char *expected)
{
    g_autofree char *line = hear(rig, peer);

    g_assert_cmpstr(line, ==, expected);
}

static void assert_hello(Rig *rig, int peer)
{
    g_autofree char *hello = message_format_hello("Bailey", "Bona", incarnation());

    assert_heard_any(rig, peer, hello);
}

/* The link to Bona in her run @run is up. */
static int bring_up_run(Rig *rig, int64_t run)
{
    int peer = accept_link(rig);
    uint64_t before = counters_read(COUNT_LINKS_UP);
    g_autofree char *hello = message_format_hello("Bona", "Bailey", run);

    assert_hello(rig, peer);
    say(rig, peer, hello);
    pump_until_counted(rig, COUNT_LINKS_UP, before + 1);
    return peer;
}

static int bring_up(Rig *rig)
{
    return bring_up_run(rig, INCARNATION_UNKNOWN);
}

/* A record of client number @client at @time. (transfer full) */
static Record *record_of(int client, int time)
{
    g_autofree char *line = g_strdup_printf("AT Clark +0.000000001 %d " PLACE " %d", client, time);
    Message m = message_parse(slice_of(line));

    g_assert_cmpint(m.kind, ==, MESSAGE_AT);
    return record_new(&m.at);
}

static void offer(Rig *rig, int client, int time)
{
    g_autoptr(Record) record = record_of(client, time);

    link_offer(rig->link, record, false);
}

static void put_into(Store *store, int client, int time)
{
    g_autoptr(Record) record = record_of(client, time);

    g_assert_cmpint(store_put(store, record, 0), ==, STORE_STORED);
}

static void put(Rig *rig, int client, int time)
{
    put_into(rig->store, client, time);
}

/* As a worker does with what a client says. */
static void update(Rig *rig, int client, int time)
{
    put(rig, client, time);
    offer(rig, client, time);
}

static Heard heard_in(const char *line)
{
    Heard heard = {.client = -1, .found = g_str_has_prefix(line, "SYNC ")};
    char end = 0;

    g_assert_true(heard.found || g_str_has_prefix(line, "AT "));
    g_assert_cmpint(sscanf(line + (heard.found ? 5 : 3), "Clark +0.000000001 %d " PLACE " %d%c",
                           &heard.client, &heard.time, &end),
                    ==, 3);
    g_assert_cmpint(end, ==, '\n');
    return heard;
}

/* Hears one update. */
static Heard hear_update(Rig *rig, int peer)
{
    g_autofree char *line = hear(rig, peer);

    return heard_in(line);
}

/* All updates that come until the link has nothing more to say. (transfer full) of Heard */
static GArray *hear_all(Rig *rig, int peer)
{
    GArray *all = g_array_new(FALSE, FALSE, sizeof(Heard));
    int64_t deadline = monotonic_ms() + DEADLINE_MS;

    for (bool idle = false; !idle;) {
        g_autofree char *line = NULL;

        g_assert_cmpint(monotonic_ms(), <, deadline);
        pump(rig);
        idle = link_is_idle(rig->link);
        while ((line = hear_now(rig, peer)) != NULL) {
            if (!answer(rig, peer, line)) {
                Heard heard = heard_in(line);

                g_array_append_val(all, heard);
            }
            g_clear_pointer(&line, g_free);
        }
    }
    /* What is on its way comes before this. */
    update(rig, FENCE, ++rig->fences);
    for (Heard heard; (heard = hear_update(rig, peer)).client != FENCE;)
        g_array_append_val(all, heard);
    return all;
}
