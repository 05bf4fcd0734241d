/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A pool at work for tests: workers over socket pairs, with a provider that can be made to block.
 * Who includes this defines BLOCKS before: whether the provider is fenced.
 */

#include "core/thread.h"
#include "net/pool.h"

#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DEADLINE_MS 60000 /* for what is to happen at once */

/* What workers need, and a provider that can be made to block. */
typedef struct {
    char *folder;           /* (owned) */
    ConfigCurrent *configs; /* (owned) */
    const Config *config;   /* of configs */
    WorkerContext context;
    Pool *pool;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool hold;          /* lookups do not end; protected by lock */
    int held_radius_km; /* nor do those of that radius, where it is not 0; protected by lock */
    unsigned running;   /* lookups; protected by lock */
    unsigned asked;     /* lookups so far; protected by lock */
} Rig;

typedef struct {
    int socket;
    Connection *connection; /* the pool's; of use as long as it cannot have been closed */
} Client;

static void append_answer(const PlacesQuery *query, GString *json)
{
    g_string_append_printf(json, "{\n   \"radius\" : %d,\n   \"bound\" : %u\n}",
                           (int)(query->radius / MILLIMETRES_PER_KM), query->bound);
}

static void fake_nearby(void *self, const PlacesQuery *query, GString *json)
{
    Rig *rig = self;

    mutex_lock(&rig->lock);
    rig->asked++;
    rig->running++;
    condition_broadcast(&rig->changed);
    while (rig->hold || (rig->held_radius_km != 0 &&
                         query->radius == (int64_t)rig->held_radius_km * MILLIMETRES_PER_KM))
        condition_wait(&rig->changed, &rig->lock);
    rig->running--;
    mutex_unlock(&rig->lock);
    append_answer(query, json);
}

static bool fake_at_once(void *self, const PlacesQuery *query, GString *json)
{
    if (BLOCKS && query->radius != 0)
        return false;
    fake_nearby(self, query, json);
    return true;
}

static void fake_refuse(void *self G_GNUC_UNUSED, const PlacesQuery *query G_GNUC_UNUSED,
                        GString *json)
{
    g_string_append(json, "{ refused }");
}

/* Everything but the pool; @options: of the configuration. */
static Rig *rig_new(const char *options, unsigned active, unsigned most, unsigned most_waiting)
{
    Rig *rig = g_new0(Rig, 1);
    g_autoptr(GError) error = NULL;

    pthread_mutex_init(&rig->lock, NULL);
    condition_init(&rig->changed);
    rig->folder = g_dir_make_tmp("herd-worker-XXXXXX", &error);
    g_assert_no_error(error);
    g_autofree char *path = g_build_filename(rig->folder, "herd.conf", NULL);
    g_autofree char *text =
        g_strdup_printf("[herd]\nlog_dir = %s\nlog_messages = none\n%s\n"
                        "[member Bailey]\nlisten = 127.0.0.1:1\nneighbours = Bona\n"
                        "[member Bona]\nlisten = 127.0.0.1:2\n",
                        rig->folder, options);
    g_assert_true(g_file_set_contents(path, text, -1, &error));
    Config *config = config_load(path, "Bailey", &error);
    g_assert_no_error(error);
    rig->configs = config_current_new(config);
    rig->config = config;
    g_remove(path);

    WorkerContext *context = &rig->context;
    context->configs = rig->configs;
    context->session.store = store_new();
    context->session.log = log_new(rig->folder, "Bailey", rig->config->log_messages, &error);
    g_assert_no_error(error);
    context->session.flood =
        flood_new(rig->configs, NULL, NULL, context->session.store, context->session.log, &error);
    g_assert_no_error(error);
    context->session.nearby = (Nearby){
        .self = rig, .at_once = fake_at_once, .nearby = fake_nearby, .refuse = fake_refuse};
    context->ready = ready_set_new(&error);
    g_assert_no_error(error);
    context->active = active_set_new(active);
    context->connections = connections_new();
    context->lookups = lookups_new(context->ready, most, most_waiting, 1000000);
    return rig;
}

static void rig_start(Rig *rig, unsigned workers)
{
    g_autoptr(GError) error = NULL;

    rig->pool = pool_new(&rig->context, workers, &error);
    g_assert_no_error(error);
}

static void rig_free(Rig *rig)
{
    WorkerContext *context = &rig->context;
    g_autofree char *path = g_build_filename(rig->folder, "Bailey.log", NULL);

    pool_free(rig->pool);
    flood_free(context->session.flood);
    connections_free(context->connections);
    lookups_free(context->lookups);
    active_set_free(context->active);
    ready_set_free(context->ready);
    store_free(context->session.store);
    log_free(context->session.log);
    config_current_free(rig->configs);
    g_remove(path);
    g_rmdir(rig->folder);
    g_free(rig->folder);
    pthread_cond_destroy(&rig->changed);
    pthread_mutex_destroy(&rig->lock);
    g_free(rig);
}

/* A connection to the pool whose sockets have as little room as the kernel gives, or as much as is
 * usual. */
static Client client_new(Rig *rig, bool small)
{
    int ends[2], least = 1;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), ==,
                    0);
    for (int i = 0; i < 2 && small; i++)
        g_assert_cmpint(setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &least, sizeof least), ==, 0);

    Connection *connection = connection_new(ends[1], &(struct sockaddr_storage){0});
    connections_add(rig->context.connections, connection);
    g_assert_true(ready_set_add(rig->context.ready, connection));
    return (Client){.socket = ends[0], .connection = connection};
}

static void wait_socket(int socket, short events)
{
    struct pollfd polled = {.fd = socket, .events = events};

    g_assert_cmpint(poll(&polled, 1, DEADLINE_MS), ==, 1);
}

static void say(const Client *client, Slice text)
{
    while (text.length > 0) {
        ssize_t n = send(client->socket, text.data, text.length, MSG_NOSIGNAL);

        if (n < 0) {
            g_assert_cmpint(errno, ==, EAGAIN);
            wait_socket(client->socket, POLLOUT);
            continue;
        }
        text.data += n;
        text.length -= (size_t)n;
    }
}

static void say_text(const Client *client, const char *text)
{
    say(client, (Slice){.data = text, .length = strlen(text)});
}

/* The skew of each AT line depends on the clock: it becomes "*". */
static void hide_skews(GString *text)
{
    static const char begin[] = "AT Bailey ";

    for (size_t at = 0; at < text->len;) {
        const char *line = text->str + at;

        if (g_str_has_prefix(line, begin)) {
            size_t skew = at + strlen(begin);
            size_t length = strcspn(text->str + skew, " ");

            g_string_erase(text, (gssize)skew, (gssize)length);
            g_string_insert_c(text, (gssize)skew, '*');
        }
        const char *end = memchr(text->str + at, '\n', text->len - at);
        if (end == NULL)
            return;
        at = (size_t)(end - text->str) + 1;
    }
}

/* The next reply is @expected, skews hidden. */
static void assert_said(const Client *client, const char *expected)
{
    g_autoptr(GString) text = g_string_new(NULL);
    unsigned lines = 0;

    for (const char *at = expected; *at != '\0'; at++)
        lines += *at == '\n';
    while (lines > 0) {
        char byte;
        ssize_t n = recv(client->socket, &byte, 1, 0);

        if (n < 0) {
            g_assert_cmpint(errno, ==, EAGAIN);
            wait_socket(client->socket, POLLIN);
            continue;
        }
        if (n == 0)
            break;
        g_string_append_c(text, byte);
        lines -= byte == '\n';
    }
    hide_skews(text);
    g_assert_cmpstr(text->str, ==, expected);
}

/* All up to the end, skews hidden. (transfer full) */
static GString *read_to_end(const Client *client)
{
    GString *text = g_string_new(NULL);
    char bytes[4096];

    for (;;) {
        ssize_t n = recv(client->socket, bytes, sizeof bytes, 0);

        if (n == 0)
            break;
        if (n > 0) {
            g_string_append_len(text, bytes, n);
            continue;
        }
        g_assert_cmpint(errno, ==, EAGAIN);
        wait_socket(client->socket, POLLIN);
    }
    hide_skews(text);
    return text;
}

static void end_input(const Client *client)
{
    g_assert_cmpint(shutdown(client->socket, SHUT_WR), ==, 0);
}

/* The rest is @expected, and then the connection is at its end. */
static void assert_ends(const Client *client, const char *expected)
{
    g_autoptr(GString) text = read_to_end(client);

    g_assert_cmpstr(text->str, ==, expected);
    close(client->socket);
}

/* Until the worker has read all that was said. */
static void wait_until_read(const Client *client)
{
    int unread = 1;

    while (unread > 0) {
        g_assert_cmpint(ioctl(client->socket, SIOCOUTQ, &unread), ==, 0);
        sched_yield();
    }
}
