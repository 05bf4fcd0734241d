/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The fence around lookups that block: at most so many at once, a bounded line of WHATSATs that
 * wait in their connections (not in workers), and one upstream call for equal queries in flight.
 *
 * A worker that has a WHATSAT asks lookups_enter(). It is told to run the lookup itself, or that
 * the connection now waits and belongs to the lookups, or that there is no room. Whoever ran a
 * lookup hands the answer to lookups_finish(), which gives it to all that waited for it, admits the
 * next in line, and puts those connections back into the ready set, each with a LookupWait that
 * says how to go on.
 *
 * Lock order: its mutex is a leaf; connections are resumed after it is given back.
 */

#include "core/query.h"
#include "core/record.h"
#include "net/connection.h"
#include "net/ready-set.h"

#include <glib.h>
#include <stdint.h>

typedef struct Lookups Lookups;

/* A lookup that is being run; the worker that runs it ends it with lookups_finish(). */
typedef struct Flight Flight;

typedef enum {
    LOOKUP_RUN,      /* the caller runs it, then calls lookups_finish() */
    LOOKUP_WAIT,     /* the connection waits; the caller has nothing to do with it any more */
    LOOKUP_REFUSED,  /* too many wait, or it waited too long: PROTOCOL R15's OVER_QUERY_LIMIT */
    LOOKUP_ANSWERED, /* (in a LookupWait) an equal lookup was answered */
} LookupTurn;

/* How a WHATSAT that has waited goes on. Owned by its connection. */
struct LookupWait {
    Connection *connection;
    Record *record; /* (owned) of the client that was asked about, when it was asked */
    PlacesQuery query;
    int64_t asked;    /* monotonic_ns() */
    int64_t deadline; /* monotonic_ms() */
    LookupTurn turn;  /* LOOKUP_WAIT until it is resumed */
    Flight *flight;   /* LOOKUP_RUN: to be run and finished */
    char *answer;     /* (owned) LOOKUP_ANSWERED: JSON */
    size_t answer_length;
};

void lookup_wait_free(LookupWait *wait); /* NULL is fine */

/* At most @most lookups at once and @most_waiting connections in wait, none for longer than
 * @wait_ms before its lookup begins. */
Lookups *lookups_new(ReadySet *ready, unsigned most, unsigned most_waiting, unsigned wait_ms);

/* The same bounds as lookups_new(), from now on: what is running goes on, and who waits does so
 * for as long as it was going to. Any thread, no lock held. */
void lookups_set_bounds(Lookups *lookups, unsigned most, unsigned most_waiting, unsigned wait_ms);

void lookups_free(Lookups *lookups); /* no worker uses it any more */

/*
 * Asks for a lookup of @query, at the place of @record, for @connection, which the calling worker
 * owns and has left ready to be resumed by another: everything it keeps is in it. LOOKUP_RUN:
 * @ret_flight is set.
 */
LookupTurn lookups_enter(Lookups *lookups, Connection *connection, Record *record,
                         const PlacesQuery *query, Flight **ret_flight);

/* Ends @flight with its answer, JSON of @length bytes. The worker that ran it, no lock held. */
void lookups_finish(Lookups *lookups, Flight *flight, const char *json, size_t length);

typedef struct {
    unsigned running; /* lookups */
    unsigned waiting; /* connections, for a lookup to begin or for the answer to an equal one */
} LookupFigures;

/* How many there are. Any thread. */
LookupFigures lookups_figures(Lookups *lookups);

/* Resumes those whose wait in line is over. Called by the acceptor. */
void lookups_sweep(Lookups *lookups, int64_t now_ms);
