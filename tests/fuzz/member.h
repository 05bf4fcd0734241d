/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Bailey at work in this thread alone: net/worker.c with all that it executes, and around it what
 * the linker puts in place of sockets, ready set, flood thread, log and clock (-Wl,--wrap, see
 * meson.build). So a run takes microseconds, and what a socket gives and takes is chosen here.
 */

#include "fuzz.h"

#include "core/counters.h"
#include "core/message.h"
#include "core/thread.h"
#include "net/worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define BAILEY  "127.0.0.1"
#define BONA    "127.0.0.2" /* a neighbour */
#define RILEY   "127.0.0.3" /* another, of another implementation */
#define NOBODY  "127.0.0.9"
#define TURNS   1000000                /* more than any input takes */
#define EXPIRED INT64_C(2000000000000) /* later than any time that R8 allows */

#define PIECE_MAX 400 /* bytes that come at once */

#define LINE_MAX_SET    256
#define RECORDS_MAX_SET 6
#define FUTURE_MAX_SET  1000 /* seconds */

/* When everything comes in. */
static const Timestamp clock_time = {.seconds = 1621464827, .nanoseconds = 959498503};

/* How the peer's bytes come and how it takes ours. */
typedef enum {
    WIRE_WHOLE,  /* at once, then the end */
    WIRE_PIECES, /* in pieces of any size, then the end; it takes them so, too */
    WIRE_RESET,  /* in pieces, then it is gone */
} WireKind;

typedef struct {
    WireKind kind;
    const char *from; /* address */
    Slice input;
    size_t at; /* of input, to be read next */
    Chance chance;
    bool may_read; /* something has come since the last look */
    unsigned turns;
    Connection *waiting; /* that somebody is to have next */
    GString *said;       /* (owned) to the peer */
    GPtrArray *stored;   /* (owned) of Record, in the order in which they are flooded */
} Wire;

static Wire *wire; /* of the run */
static WorkerContext context;

/* ---- in place of the system and of other threads ---- */

ssize_t __wrap_recv(int descriptor, void *buffer, size_t size, int flags);
ssize_t __wrap_send(int descriptor, const void *bytes, size_t size, int flags);
int __wrap_getpeername(int descriptor, struct sockaddr *address, socklen_t *length);
unsigned __wrap_ready_set_take(ReadySet *set, Connection **connections, unsigned most);
void __wrap_ready_set_arm(ReadySet *set, Connection *connection);
void __wrap_ready_set_resume(ReadySet *set, Connection *connection);
void __wrap_flood_push(Flood *flood, const FloodUpdate *updates, size_t count);
void __wrap_flood_poke(Flood *flood, GQuark neighbour, int64_t incarnation);
Timestamp __wrap_timestamp_now(void);
bool __wrap_log_wants_messages(const Log *log);
bool __wrap_log_wants_invalid(const Log *log);
void __wrap_log_event(Log *log, LogLevel level, const char *format, ...) G_GNUC_PRINTF(3, 4);
void __wrap_log_received(Log *log, const char *peer, Slice line);
void __wrap_log_sent(Log *log, const char *peer, Slice line);

ssize_t __wrap_recv(int descriptor G_GNUC_UNUSED, void *buffer, size_t size,
                    int flags G_GNUC_UNUSED)
{
    size_t length = MIN(size, wire->input.length - wire->at);

    if (!wire->may_read) {
        errno = EAGAIN;
        return -1;
    }
    wire->may_read = wire->kind == WIRE_WHOLE;
    if (length == 0 && wire->kind == WIRE_RESET) {
        errno = ECONNRESET;
        return -1;
    }
    if (wire->kind != WIRE_WHOLE && length > 0) {
        size_t most = 1 + chance_below(&wire->chance, PIECE_MAX);

        length = 1 + chance_below(&wire->chance, MIN(length, most));
    }
    memcpy(buffer, wire->input.data + wire->at, length);
    wire->at += length;
    return (ssize_t)length;
}

ssize_t __wrap_send(int descriptor G_GNUC_UNUSED, const void *bytes, size_t size,
                    int flags G_GNUC_UNUSED)
{
    if (wire->kind != WIRE_WHOLE) {
        if (chance_below(&wire->chance, 4) == 0) {
            errno = EAGAIN;
            return -1;
        }
        size = 1 + chance_below(&wire->chance, size);
    }
    g_string_append_len(wire->said, bytes, (gssize)size);
    return (ssize_t)size;
}

int __wrap_getpeername(int descriptor G_GNUC_UNUSED, struct sockaddr *address, socklen_t *length)
{
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(1)};

    g_assert_cmpint(inet_pton(AF_INET, wire->from, &peer.sin_addr), ==, 1);
    g_assert_cmpuint(*length, >=, sizeof peer);
    memcpy(address, &peer, sizeof peer);
    *length = sizeof peer;
    return 0;
}

unsigned __wrap_ready_set_take(ReadySet *set G_GNUC_UNUSED, Connection **connections,
                               unsigned most G_GNUC_UNUSED)
{
    g_assert_cmpuint(++wire->turns, <, TURNS);
    wire->may_read = true;
    connections[0] = g_steal_pointer(&wire->waiting);
    return connections[0] != NULL;
}

void __wrap_ready_set_arm(ReadySet *set G_GNUC_UNUSED, Connection *connection)
{
    g_assert_null(wire->waiting);
    wire->waiting = connection;
}

void __wrap_ready_set_resume(ReadySet *set, Connection *connection)
{
    __wrap_ready_set_arm(set, connection);
}

void __wrap_flood_push(Flood *flood G_GNUC_UNUSED, const FloodUpdate *updates, size_t count)
{
    for (size_t i = 0; i < count; i++)
        g_ptr_array_add(wire->stored, updates[i].record);
}

void __wrap_flood_poke(Flood *flood G_GNUC_UNUSED, GQuark neighbour,
                       int64_t incarnation G_GNUC_UNUSED)
{
    g_assert_cmpuint(neighbour, !=, CONNECTION_CLIENT);
}

Timestamp __wrap_timestamp_now(void)
{
    return clock_time;
}

bool __wrap_log_wants_messages(const Log *log G_GNUC_UNUSED)
{
    return true;
}

bool __wrap_log_wants_invalid(const Log *log G_GNUC_UNUSED)
{
    return true;
}

void __wrap_log_event(Log *log G_GNUC_UNUSED, LogLevel level G_GNUC_UNUSED, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_free(g_strdup_vprintf(format, arguments));
    va_end(arguments);
}

/* An event is one line. */
void __wrap_log_received(Log *log G_GNUC_UNUSED, const char *peer G_GNUC_UNUSED, Slice line)
{
    g_assert_true(line.length == 0 || memchr(line.data, '\n', line.length) == NULL);
}

void __wrap_log_sent(Log *log, const char *peer, Slice line)
{
    __wrap_log_received(log, peer, line);
}

/* ---- the provider: it says what it was asked; what has an odd bound it has to be waited for ----
 */

static void append_answer(const PlacesQuery *query, GString *json)
{
    g_string_append_printf(
        json, "{ %" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %u }",
        query->center.latitude, query->center.longitude, query->radius, query->bound);
}

static void fake_nearby(void *self G_GNUC_UNUSED, const PlacesQuery *query, GString *json)
{
    append_answer(query, json);
}

static bool fake_at_once(void *self, const PlacesQuery *query, GString *json)
{
    if (query->bound % 2 != 0)
        return false;
    fake_nearby(self, query, json);
    return true;
}

static void fake_refuse(void *self G_GNUC_UNUSED, const PlacesQuery *query G_GNUC_UNUSED,
                        GString *json G_GNUC_UNUSED)
{
    g_assert_not_reached(); /* there is always room */
}

/* ---- runs ---- */

/* What @text configures @member to be. (transfer full) */
static Config *config_of(const char *text, const char *member)
{
    g_autoptr(GError) error = NULL;
    int file = memfd_create("herd.conf", MFD_CLOEXEC);
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", file);

    g_assert_cmpint(write(file, text, strlen(text)), ==, (gssize)strlen(text));
    Config *config = config_load(path, member, &error);
    g_assert_no_error(error);
    close(file);
    return config;
}

static void member_start(void)
{
    g_autofree char *text = g_strdup_printf(
        "[limits]\nmax_line = %d\nmax_records = %d\nmax_future_skew_s = %d\n"
        "[member Bailey]\nlisten = " BAILEY ":10000\nneighbours = Bona\n"
        "[member Bona]\nlisten = " BONA ":10001\n"
        "[member Riley]\nlisten = " RILEY ":10002\nneighbours = Bailey\ndialect = plain\n",
        LINE_MAX_SET, RECORDS_MAX_SET, FUTURE_MAX_SET);

    context.configs = config_current_new(config_of(text, "Bailey"));
    context.session.store = store_new();
    context.session.nearby =
        (Nearby){.at_once = fake_at_once, .nearby = fake_nearby, .refuse = fake_refuse};
    context.connections = connections_new();
    context.lookups = lookups_new(NULL, 1, 1, 1000);
}

/* What Bailey says and stores when @input comes from @from. The store is empty before. */
static void member_hear(Wire *run, WireKind kind, const char *from, Slice input)
{
    struct sockaddr_storage address = {.ss_family = AF_INET};
    int descriptor = eventfd(0, EFD_CLOEXEC);

    *run = (Wire){.kind = kind, .from = from, .input = input, .chance = chance_of(input)};
    run->said = g_string_new(NULL);
    run->stored = g_ptr_array_new_with_free_func((GDestroyNotify)record_unref);
    wire = run;

    g_assert_cmpint(descriptor, >=, 0);
    Connection *connection = connection_new(descriptor, &address);
    connections_add(context.connections, connection);
    run->waiting = connection;
    context.active = active_set_new(1);
    worker_main(&context);
    active_set_free(context.active);
    g_assert_cmpuint(connections_count(context.connections), ==, 0);
}

/* Empties the store of what @run has put there. */
static void member_forget(const Wire *run)
{
    g_autoptr(GPtrArray) removed = g_ptr_array_new_with_free_func((GDestroyNotify)record_unref);

    store_set_horizon(context.session.store, EXPIRED);
    for (unsigned i = 0; i < run->stored->len; i++)
        store_sweep(context.session.store, store_shard_of(run->stored->pdata[i]), removed);
    store_set_horizon(context.session.store, INT64_MIN);
    g_assert_cmpuint(store_size(context.session.store), ==, 0);
}

static void wire_clear(Wire *run)
{
    g_string_free(run->said, TRUE);
    g_ptr_array_unref(run->stored);
}

/* The next line of @text, without its LF, which is taken from it. FALSE: there is none. */
static bool take_line(Slice *text, Slice *ret_line)
{
    const char *end = text->length > 0 ? memchr(text->data, '\n', text->length) : NULL;

    if (text->length == 0)
        return false;
    ret_line->data = text->data;
    ret_line->length = end != NULL ? (size_t)(end - text->data) : text->length;
    size_t taken = ret_line->length + (end != NULL);
    text->data += taken;
    text->length -= taken;
    return true;
}

/* Whether what came in pieces was answered and stored as what came whole. */
static void assert_same(const Wire *a, const Wire *b)
{
    g_assert_true(slice_equal(slice_of_string(a->said), slice_of_string(b->said)));
    g_assert_cmpuint(a->stored->len, ==, b->stored->len);
    for (unsigned i = 0; i < a->stored->len; i++)
        g_assert_true(
            slice_equal(record_line(a->stored->pdata[i]), record_line(b->stored->pdata[i])));
}

/* Heard in pieces @input, which was heard @whole, comes to the same; ended by a reset, to no more.
 */
static void assert_heard_alike(const Wire *whole, const char *from, Slice input)
{
    Wire pieces, reset;

    member_hear(&pieces, WIRE_PIECES, from, input);
    member_forget(&pieces);
    assert_same(whole, &pieces);

    member_hear(&reset, WIRE_RESET, from, input);
    member_forget(&reset);
    g_assert_cmpuint(reset.said->len, <=, whole->said->len);
    g_assert_true(memcmp(reset.said->str, whole->said->str, reset.said->len) == 0);

    wire_clear(&pieces);
    wire_clear(&reset);
}
