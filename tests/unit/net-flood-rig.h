/* SPDX-License-Identifier: MIT */
#pragma once

/* What the tests of flooding share: Bailey, whose neighbours the test is. */

#include "core/incarnation.h"
#include "core/message.h"
#include "core/thread.h"
#include "net/flood.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEADLINE_MS 60000
#define PORT        10001
#define FIRST       1000000 /* client whose record is in the store from the start */
#define RUN         7       /* incarnation of each neighbour, unless a test says otherwise */

/* Bailey's neighbours, in the order of their names: the test is both of them. */
enum { BONA, CAMPBELL, NEIGHBOURS };
static const char *const names[] = {"Bona", "Campbell"};

enum { CLIENT = -1 }; /* in place of a neighbour */

typedef struct {
    int socket;
    unsigned found;    /* updates heard that a comparison has brought */
    bool mute;         /* the flood has ended: an answer would only reset the connection */
    size_t begin, end; /* of what is read and not heard yet */
    char bytes[65536];
} Peer;

typedef struct {
    char *folder; /* (owned) */
    char *host;   /* (owned) of this process alone, so that tests may run beside each other */
    ConfigCurrent *configs; /* (owned) */
    Store *store;
    Log *log;
    Flood *flood;
    int listeners[NEIGHBOURS];
} Rig;

static int listen_on(const Rig *rig, int neighbour)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)(PORT + neighbour))};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1, little = 1 << 17; /* so that a neighbour that does not read is soon full */

    g_assert_cmpint(inet_pton(AF_INET, rig->host, &address.sin_addr), ==, 1);
    g_assert_cmpint(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), ==, 0);
    g_assert_cmpint(setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &little, sizeof little), ==, 0);
    g_assert_cmpint(bind(listener, (struct sockaddr *)&address, sizeof address), ==, 0);
    g_assert_cmpint(listen(listener, 10), ==, 0);
    return listener;
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

/* Everything, with neighbours that listen. */
static Rig *rig_new(void)
{
    Rig *rig = g_new0(Rig, 1);
    g_autoptr(GError) error = NULL;
    unsigned pid = (unsigned)getpid();

    rig->host = g_strdup_printf("127.%u.%u.%u", 4 + (pid >> 16 & 31), pid >> 8 & 255, pid & 255);
    rig->folder = g_dir_make_tmp("herd-flood-XXXXXX", &error);
    g_assert_no_error(error);
    g_autofree char *path = g_build_filename(rig->folder, "herd.conf", NULL);
    g_autofree char *text =
        g_strdup_printf("[herd]\nlog_dir = %s\nresync_interval_s = 0\n"
                        "[limits]\nlink_timeout_s = 3600\n"
                        "[member Bailey]\nlisten = %s:10000\nneighbours = Campbell;Bona\n"
                        "[member Bona]\nlisten = %s:%d\n[member Campbell]\nlisten = %s:%d\n",
                        rig->folder, rig->host, rig->host, PORT + BONA, rig->host, PORT + CAMPBELL);
    g_assert_true(g_file_set_contents(path, text, -1, &error));
    Config *config = config_load(path, "Bailey", &error);
    g_assert_no_error(error);
    rig->configs = config_current_new(config);
    g_remove(path);
    for (int i = 0; i < NEIGHBOURS; i++)
        rig->listeners[i] = listen_on(rig, i);
    rig->store = store_new();
    g_autoptr(Record) first = record_of(FIRST, 1);
    store_put(rig->store, first, 0);
    rig->log = log_new(rig->folder, "Bailey", LOG_MESSAGES_NONE, &error);
    g_assert_no_error(error);
    rig->flood = flood_new(rig->configs, NULL, NULL, rig->store, rig->log, &error);
    g_assert_no_error(error);
    return rig;
}

static void rig_free(Rig *rig)
{
    g_autofree char *path = g_build_filename(rig->folder, "Bailey.log", NULL);

    flood_free(rig->flood);
    for (int i = 0; i < NEIGHBOURS; i++)
        if (rig->listeners[i] >= 0)
            close(rig->listeners[i]);
    store_free(rig->store);
    log_free(rig->log);
    config_current_free(rig->configs);
    g_remove(path);
    g_rmdir(rig->folder);
    g_free(rig->folder);
    g_free(rig->host);
    g_free(rig);
}

static void wait_readable(int descriptor)
{
    struct pollfd polled = {.fd = descriptor, .events = POLLIN};

    g_assert_cmpint(poll(&polled, 1, DEADLINE_MS), ==, 1);
}

/* The next line, LF included; empty at the end. (transfer full) */
static char *hear_any(Peer *peer)
{
    GString *line = g_string_new(NULL);

    for (;;) {
        while (peer->begin < peer->end) {
            char byte = peer->bytes[peer->begin++];

            g_string_append_c(line, byte);
            if (byte == '\n')
                return g_string_free(line, FALSE);
        }
        wait_readable(peer->socket);
        ssize_t n = recv(peer->socket, peer->bytes, sizeof peer->bytes, 0);
        if (n == 0)
            return g_string_free(line, FALSE);
        g_assert_cmpint(n, >, 0);
        peer->begin = 0;
        peer->end = (size_t)n;
    }
}

static void say(const Peer *peer, const char *bytes, size_t length)
{
    g_assert_cmpint(send(peer->socket, bytes, length, MSG_NOSIGNAL), ==, (ssize_t)length);
}

/* As a member does that has nothing. FALSE: @line is no question. */
static bool answer(const Peer *peer, const char *line)
{
    static const uint64_t none[STORE_SHARDS] = {0};
    Message m = message_parse((Slice){.data = line, .length = strlen(line)});

    if (m.kind != MESSAGE_PING && m.kind != MESSAGE_DIGEST)
        return false;
    if (peer->mute)
        return true;
    g_autoptr(GString) text = g_string_new("PONG\n");
    if (m.kind == MESSAGE_DIGEST) {
        g_string_truncate(text, 0);
        message_append_sums(text, m.digest.part, none,
                            m.digest.part == PART_ROOT     ? 1
                            : m.digest.part == PART_SHARDS ? STORE_SHARDS
                                                           : STORE_LEAVES);
    }
    say(peer, text->str, text->len);
    return true;
}

/* The next line that is no question; those are answered. (transfer full) */
static char *hear(Peer *peer)
{
    char *line = hear_any(peer);

    while (answer(peer, line)) {
        g_free(line);
        line = hear_any(peer);
    }
    return line;
}

static void assert_heard(Peer *peer, const char *expected)
{
    g_autofree char *line = hear(peer);

    g_assert_cmpstr(line, ==, expected);
}

/* The link to @neighbour in its run @run, its hello answered. (transfer full) */
static Peer *greet_run(const Rig *rig, int neighbour, int64_t run)
{
    g_autofree char *hello = message_format_hello("Bailey", names[neighbour], incarnation());
    g_autofree char *reply = message_format_hello(names[neighbour], "Bailey", run);
    Peer *peer = g_new0(Peer, 1);

    wait_readable(rig->listeners[neighbour]);
    peer->socket = accept4(rig->listeners[neighbour], NULL, NULL, SOCK_CLOEXEC);
    g_assert_cmpint(peer->socket, >=, 0);
    assert_heard(peer, hello);
    say(peer, reply, strlen(reply));
    return peer;
}

static Peer *greet(const Rig *rig, int neighbour)
{
    return greet_run(rig, neighbour, RUN);
}

static void peer_free(Peer *peer)
{
    close(peer->socket);
    g_free(peer);
}

/* What updates call @neighbour. */
static GQuark id_of(int neighbour)
{
    return neighbour == CLIENT ? 0 : g_quark_from_string(names[neighbour]);
}

/* As a worker does: store, then flood. */
static void update_as(Rig *rig, int client, int time, const FloodUpdate *from)
{
    FloodUpdate pushed = *from;

    pushed.record = record_of(client, time);
    store_put(rig->store, pushed.record, 0);
    flood_push(rig->flood, &pushed, 1);
}

static void update(Rig *rig, int client, int time, int from)
{
    update_as(rig, client, time, &(FloodUpdate){.from = id_of(from), .incarnation = RUN});
}

/* Hears one update; which client's it is, or -1 at the end. */
static int hear_update(Peer *peer, int *ret_time)
{
    g_autofree char *line = hear(peer);
    int client = -1;
    char end = 0;

    if (*line == '\0')
        return -1;
    bool found = g_str_has_prefix(line, "SYNC ");
    peer->found += found;
    g_assert_true(found || g_str_has_prefix(line, "AT "));
    g_assert_cmpint(sscanf(line + (found ? 5 : 3),
                           "Clark +0.000000001 %d +34.068930-118.445127 %d%c", &client, ret_time,
                           &end),
                    ==, 3);
    g_assert_cmpint(end, ==, '\n');
    return client;
}

/* Hears updates until the one of @client at @time; how many came before. */
static int hear_until(Peer *peer, int client, int time)
{
    for (int before = 0;; before++) {
        int heard_time;
        int heard = hear_update(peer, &heard_time);

        g_assert_cmpint(heard, >=, 0);
        if (heard == client && heard_time == time)
            return before;
    }
}

/* Links that are up. The comparison is over by the time that the store's only record arrives, so
 * nothing comes twice from here on. */
static void greet_all(Rig *rig, Peer **peers)
{
    for (int i = 0; i < NEIGHBOURS; i++) {
        peers[i] = greet(rig, i);
        g_assert_cmpint(hear_until(peers[i], FIRST, 1), ==, 0);
    }
}
