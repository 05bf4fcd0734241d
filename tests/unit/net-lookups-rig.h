/* SPDX-License-Identifier: MIT */
#pragma once

/* What the tests of lookups share. */

#include "core/counters.h"
#include "core/message.h"
#include "core/thread.h"
#include "net/lookups.h"

#include <glib.h>
#include <sched.h>
#include <stdatomic.h>

#define TAKE_MAX 64
#define WAIT_MS  1000000

typedef struct {
    ReadySet *ready;
    Lookups *lookups;
    Connection *mark; /* resumed by the test, to see what was resumed before it */
    Record *record;
} Rig;

static void fill(Connection **connections, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        connections[i] = connection_new(-1, &(struct sockaddr_storage){0});
        connections[i]->position = i;
    }
}

static void drop(Connection **connections, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        connection_free(connections[i]);
}

static Record *record_new_any(void)
{
    Message m = message_parse(SLICE("AT Bona +0.000000001 kiwi +34.068930-118.445127 5"));

    g_assert_cmpint(m.kind, ==, MESSAGE_AT);
    return record_new(&m.at);
}

static Rig rig_new(unsigned most, unsigned most_waiting)
{
    g_autoptr(GError) error = NULL;
    Rig rig = {.ready = ready_set_new(&error)};

    g_assert_no_error(error);
    rig.lookups = lookups_new(rig.ready, most, most_waiting, WAIT_MS);
    fill(&rig.mark, 1);
    rig.record = record_new_any();
    return rig;
}

static void rig_free(Rig *rig)
{
    lookups_free(rig->lookups);
    ready_set_free(rig->ready);
    connection_free(rig->mark);
    record_unref(rig->record);
}

/* Queries that differ by one field each. */
static PlacesQuery query_of(unsigned number)
{
    PlacesQuery query = {.center = {34, -118}, .radius = 10, .bound = 5};

    switch (number) {
    case 0:
        break;
    case 1:
        query.center.latitude++;
        break;
    case 2:
        query.center.longitude++;
        break;
    case 3:
        query.radius++;
        break;
    default:
        query.bound += number - 3;
    }
    return query;
}

/* @connection asks; the outcome is @turn. Returns the flight of LOOKUP_RUN. */
static Flight *enter(const Rig *rig, Connection *connection, unsigned query, LookupTurn turn)
{
    PlacesQuery wanted = query_of(query);
    Flight *flight = NULL;

    g_assert_cmpint(lookups_enter(rig->lookups, connection, rig->record, &wanted, &flight), ==,
                    turn);
    g_assert_true((flight != NULL) == (turn == LOOKUP_RUN));
    g_assert_true((connection->wait != NULL) == (turn == LOOKUP_WAIT));
    return flight;
}

static void finish(const Rig *rig, Flight *flight, const char *json)
{
    lookups_finish(rig->lookups, flight, json, strlen(json));
}

/* What has been resumed, in order. (transfer container) */
static GPtrArray *take_resumed(const Rig *rig)
{
    GPtrArray *resumed = g_ptr_array_new();

    ready_set_resume(rig->ready, rig->mark);
    for (;;) {
        Connection *taken[TAKE_MAX];
        unsigned count = ready_set_take(rig->ready, taken, TAKE_MAX);

        g_assert_cmpuint(count, >, 0);
        for (unsigned i = 0; i < count; i++) {
            if (taken[i] == rig->mark) {
                g_assert_cmpuint(i + 1, ==, count);
                return resumed;
            }
            g_ptr_array_add(resumed, taken[i]);
        }
    }
}

static void assert_none_resumed(const Rig *rig)
{
    g_autoptr(GPtrArray) resumed = take_resumed(rig);

    g_assert_cmpuint(resumed->len, ==, 0);
}

/* The next that goes on is @connection, alone, with @turn; its wait is over. Returns its flight. */
static Flight *assert_resumed(const Rig *rig, Connection *connection, LookupTurn turn)
{
    g_autoptr(GPtrArray) resumed = take_resumed(rig);

    g_assert_cmpuint(resumed->len, ==, 1);
    g_assert_true(resumed->pdata[0] == connection);
    g_assert_nonnull(connection->wait);
    g_assert_cmpint(connection->wait->turn, ==, turn);
    g_assert_true(connection->wait->record == rig->record);
    Flight *flight = connection->wait->flight;
    g_assert_true((flight != NULL) == (turn == LOOKUP_RUN));
    g_clear_pointer(&connection->wait, lookup_wait_free);
    return flight;
}

static void assert_answer(const Connection *connection, const char *json)
{
    g_assert_cmpuint(connection->wait->answer_length, ==, strlen(json));
    g_assert_true(memcmp(connection->wait->answer, json, strlen(json)) == 0);
}
