/* SPDX-License-Identifier: MIT */
#pragma once

/* What the tests of sessions share: Bailey, whose neighbours are Bona, Campbell and, of another
 * implementation, Riley. */

#include "core/counters.h"
#include "core/message.h"
#include "net/session.h"

#include <arpa/inet.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* Hosts of this process alone, so that tests may run beside each other. */
enum { OWN, BONA, STRANGER, RILEY, HOSTS };

typedef struct {
    char *folder; /* (owned) */
    char *hosts[HOSTS];
    ConfigCurrent *configs; /* (owned) */
    const Config *config;   /* of configs */
    SessionContext context;
    Turn turn;
    Connection *client;   /* of no socket */
    Connection *link;     /* from Bona, its hello accepted */
    bool blocks;          /* the provider is one that has to be waited for */
    PlacesQuery asked;    /* what at_once() answered */
    unsigned asked_times; /* how often */
} Rig;

static bool fake_at_once(void *self, const PlacesQuery *query, GString *json)
{
    Rig *rig = self;

    if (rig->blocks && query->radius > 0)
        return false;
    rig->asked = *query;
    rig->asked_times++;
    g_string_append(json, "{\n   \"results\" : []\n}");
    return true;
}

static Rig *rig_new(const char *options)
{
    Rig *rig = g_new0(Rig, 1);
    g_autoptr(GError) error = NULL;
    unsigned pid = (unsigned)getpid();

    for (unsigned i = 0; i < HOSTS; i++)
        rig->hosts[i] = g_strdup_printf("127.%u.%u.%u", 64 * i + 1 + (pid >> 16 & 31),
                                        pid >> 8 & 255, pid & 255);
    rig->folder = g_dir_make_tmp("herd-session-XXXXXX", &error);
    g_assert_no_error(error);
    g_autofree char *path = g_build_filename(rig->folder, "herd.conf", NULL);
    g_autofree char *text =
        g_strdup_printf("[herd]\nlog_dir = %s\n%s\n"
                        "[member Bailey]\nlisten = %s:10000\nneighbours = Bona;Campbell\n"
                        "[member Bona]\nlisten = %s:10001\n"
                        "[member Campbell]\nlisten = %s:10002\n"
                        "[member Clark]\nlisten = %s:10003\nneighbours = Bona\n"
                        "[member Riley]\nlisten = %s:10004\nneighbours = Bailey\ndialect = plain\n",
                        rig->folder, options, rig->hosts[OWN], rig->hosts[BONA], rig->hosts[OWN],
                        rig->hosts[OWN], rig->hosts[RILEY]);
    g_assert_true(g_file_set_contents(path, text, -1, &error));
    Config *config = config_load(path, "Bailey", &error);
    g_assert_no_error(error);
    rig->configs = config_current_new(config);
    rig->config = config;
    g_remove(path);

    SessionContext *context = &rig->context;
    context->config = rig->config;
    context->store = store_new();
    context->log = log_new(rig->folder, "Bailey", rig->config->log_messages, &error);
    g_assert_no_error(error);
    context->flood = flood_new(rig->configs, NULL, NULL, context->store, context->log, &error);
    g_assert_no_error(error);
    context->nearby = (Nearby){.self = rig, .at_once = fake_at_once};
    rig->turn.output = g_string_new(NULL);
    rig->turn.updates = g_array_new(FALSE, FALSE, sizeof(FloodUpdate));
    rig->turn.received = (Timestamp){.seconds = 1000, .nanoseconds = 5};
    rig->client = connection_new(-1, &(struct sockaddr_storage){0});
    rig->link = connection_new(-1, &(struct sockaddr_storage){0});
    rig->link->neighbour = g_quark_from_string("Bona");
    return rig;
}

/* Ends the log and returns it. (transfer full) */
static char *end_log(Rig *rig)
{
    g_autofree char *path = g_build_filename(rig->folder, "Bailey.log", NULL);
    char *text = NULL;

    g_clear_pointer(&rig->context.flood, flood_free);
    g_clear_pointer(&rig->context.log, log_free);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_remove(path);
    g_rmdir(rig->folder);
    return text;
}

static void forget_updates(Rig *rig)
{
    for (unsigned i = 0; i < rig->turn.updates->len; i++)
        record_unref(g_array_index(rig->turn.updates, FloodUpdate, i).record);
    g_array_set_size(rig->turn.updates, 0);
}

static void rig_free(Rig *rig)
{
    if (rig->context.log != NULL)
        g_free(end_log(rig));
    forget_updates(rig);
    g_array_unref(rig->turn.updates);
    g_string_free(rig->turn.output, TRUE);
    record_unref(rig->turn.record);
    connection_free(rig->client);
    connection_free(rig->link);
    store_free(rig->context.store);
    config_current_free(rig->configs);
    for (unsigned i = 0; i < HOSTS; i++)
        g_free(rig->hosts[i]);
    g_free(rig->folder);
    g_free(rig);
}

/* Executes @line; the reply is @reply, byte for byte. */
static void assert_reply_bytes(Rig *rig, Connection *connection, Slice line, Slice reply)
{
    g_string_truncate(rig->turn.output, 0);
    g_assert_cmpint(session_execute(&rig->context, connection, line, &rig->turn), ==, SESSION_DONE);
    Slice output = {.data = rig->turn.output->str, .length = rig->turn.output->len};
    if (!slice_equal(output, reply))
        g_assert_cmpstr(output.data, ==, reply.data);
    g_assert_true(slice_equal(output, reply));
}

static void assert_reply(Rig *rig, Connection *connection, const char *line, const char *reply)
{
    assert_reply_bytes(rig, connection, (Slice){.data = line, .length = strlen(line)},
                       (Slice){.data = reply, .length = strlen(reply)});
}

static void assert_invalid(Rig *rig, Connection *connection, const char *line)
{
    g_autofree char *reply = g_strdup_printf("? %s\n", line);
    uint64_t before = counters_read(COUNT_INVALID);

    assert_reply(rig, connection, line, reply);
    g_assert_cmpuint(rig->turn.updates->len, ==, 0);
    g_assert_cmpuint(counters_read(COUNT_INVALID), ==, before + 1);
}

/* What is to be flooded is @line, from @from (NULL: a client), and nothing else; NULL: nothing at
 * all. */
static void assert_flooded(Rig *rig, const char *line, const char *from)
{
    g_assert_cmpuint(rig->turn.updates->len, ==, line != NULL ? 1 : 0);
    if (line == NULL)
        return;
    const FloodUpdate *update = &g_array_index(rig->turn.updates, FloodUpdate, 0);
    g_autofree char *text =
        g_strndup(record_line(update->record).data, record_line(update->record).length);
    g_assert_cmpstr(text, ==, line);
    g_assert_cmpstr(g_quark_to_string(update->from), ==, from);
    forget_updates(rig);
}

static void assert_kept(Rig *rig, const char *client, const char *line)
{
    g_autoptr(Record) record =
        store_get(rig->context.store, (Slice){.data = client, .length = strlen(client)});

    g_assert_true((record != NULL) == (line != NULL));
    if (record == NULL)
        return;
    g_autofree char *text = g_strndup(record_line(record).data, record_line(record).length);
    g_assert_cmpstr(text, ==, line);
}

/* A connection that comes from @host. @ret_peer is the other end. */
static Connection *connect_from(const char *host, int *ret_peer)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in from = {.sin_family = AF_INET};
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof to;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(bind(listener, (struct sockaddr *)&to, sizeof to), ==, 0);
    g_assert_cmpint(listen(listener, 1), ==, 0);
    g_assert_cmpint(getsockname(listener, (struct sockaddr *)&to, &length), ==, 0);
    *ret_peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(inet_pton(AF_INET, host, &from.sin_addr), ==, 1);
    g_assert_cmpint(bind(*ret_peer, (struct sockaddr *)&from, sizeof from), ==, 0);
    g_assert_cmpint(connect(*ret_peer, (struct sockaddr *)&to, sizeof to), ==, 0);
    length = sizeof address;
    int descriptor = accept4(listener, (struct sockaddr *)&address, &length, SOCK_CLOEXEC);
    g_assert_cmpint(descriptor, >=, 0);
    close(listener);
    return connection_new(descriptor, &address);
}
