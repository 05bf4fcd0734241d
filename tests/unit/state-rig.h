/* SPDX-License-Identifier: MIT */
#pragma once

/* A state in a folder of the test's own, and what is in it. */

#include "core/counters.h"
#include "core/message.h"
#include "core/state.h"
#include "core/thread.h"
#include "tests/unit/log-files.h"

#include <sqlite3.h>
#include <sys/wait.h>

enum { SYNC_MS = 20 };

/* (transfer full) */
static char *state_file_in(const Place *place)
{
    return place_file(place, "Bailey.db");
}

/* The record of @client that its phone reported at @time. (transfer full) */
static Record *record_at(const char *client, unsigned time)
{
    g_autofree char *line =
        g_strdup_printf("AT Bailey +0.000000000 %s +34.068930-118.445127 %u", client, time);
    Message m = message_parse(slice_of(line));

    g_assert_cmpint(m.kind, ==, MESSAGE_AT);
    return record_new(&m.at);
}

static State *open_state(const Place *place, Log *log)
{
    g_autoptr(GError) error = NULL;
    State *state = state_open(place->folder, "Bailey", SYNC_MS, log, &error);

    g_assert_no_error(error);
    g_assert_nonnull(state);
    return state;
}

static State *start_state(const Place *place, Log *log)
{
    g_autoptr(GError) error = NULL;
    State *state = open_state(place, log);
    bool started = state_start(state, &error);

    g_assert_no_error(error);
    g_assert_true(started);
    return state;
}

static void keep(State *state, const char *client, unsigned time)
{
    g_autoptr(Record) record = record_at(client, time);

    state_keep(state, record);
}

static void forget(State *state, const char *client, unsigned time)
{
    g_autoptr(Record) record = record_at(client, time);

    state_forget(state, record);
}

static void wait_for_saved(uint64_t count)
{
    while (counters_read(COUNT_STATE_SAVED) < count)
        sched_yield();
    g_assert_cmpuint(counters_read(COUNT_STATE_SAVED), ==, count);
}

static void add_time(void *user, Record *record)
{
    Slice client = record_client(record);
    bool added = g_hash_table_insert(user, g_strndup(client.data, client.length),
                                     GUINT_TO_POINTER((unsigned)record_time(record).seconds));

    g_assert_true(added); /* none comes twice */
}

/* What a member that starts in @folder would know: owned client -> time of its record. NULL with
 * @error set. (transfer full) */
static GHashTable *load_times(const char *folder, Log *log, GError **error)
{
    g_autoptr(State) state = state_open(folder, "Bailey", SYNC_MS, log, error);
    GHashTable *times = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    if (state != NULL && state_load(state, add_time, times, error))
        return times;
    g_hash_table_unref(times);
    return NULL;
}

/* @expected is "client=time client=time", in any order. */
static void assert_times(const char *folder, Log *log, const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GHashTable) times = load_times(folder, log, &error);
    g_auto(GStrv) pairs = g_strsplit(expected, " ", -1);
    unsigned count = 0;

    g_assert_no_error(error);
    for (; pairs[count] != NULL; count++) {
        g_auto(GStrv) pair = g_strsplit(pairs[count], "=", 2);

        g_assert_cmpuint(GPOINTER_TO_UINT(g_hash_table_lookup(times, pair[0])), ==,
                         (unsigned)g_ascii_strtoull(pair[1], NULL, 10));
    }
    g_assert_cmpuint(g_hash_table_size(times), ==, count);
}
