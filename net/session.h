/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a member does with a line: PROTOCOL R3-R17 for clients, R20-R22 for neighbours.
 *
 * Nothing here reads or writes a socket; the worker does (net/worker.h).
 */

#include "core/config.h"
#include "core/log.h"
#include "core/record.h"
#include "core/state.h"
#include "core/store.h"
#include "core/trust.h"
#include "net/connection.h"
#include "net/flood.h"
#include "net/nearby.h"

#include <glib.h>
#include <stdbool.h>

#define SESSION_TOKENS_TRIED 3 /* wrong ones, after which a connection is closed */

/* What the commands of one member work on. Each worker has its own; what the pointers point to says
 * which lock it has. */
typedef struct {
    const Config *config; /* in force when what is being executed began */
    Store *store;
    Flood *flood;
    State *state; /* (nullable) where what is stored is saved too */
    Log *log;
    Trust *trust;   /* (nullable) */
    Access *access; /* (nullable) the rules of trust, in force when what is being executed began;
                       each worker has its own reference */
    Nearby nearby;
} SessionContext;

/* What a worker gathers while it executes the lines of one connection. Owned by the worker. */
typedef struct {
    GString *output; /* replies, to be sent */
    GArray *updates; /* of FloodUpdate: what was stored, to be flooded before the replies are sent;
                        owns them */
    Timestamp received; /* when what is being executed came in */
    bool repeated;      /* it was executed up to its lookup before: not counted and logged again */
    Record *record;     /* (owned) (nullable) SESSION_LOOKUP: the record that was asked about */
    PlacesQuery query;  /* SESSION_LOOKUP: what to ask */
} Turn;

typedef enum {
    SESSION_DONE,   /* executed; its reply, if it has one, is in the output */
    SESSION_LOOKUP, /* a WHATSAT that needs a lookup which blocks; session_places() then ends it */
} SessionOutcome;

/* Executes @line, which has no LF and no CR before it, as the next command on @connection. If it
 * was the last, the connection is closing. Called by the worker that owns the connection. */
SessionOutcome session_execute(const SessionContext *context, Connection *connection, Slice line,
                               Turn *turn);

/* From now on @connection goes by the configuration of @context. FALSE: by that it is the link of
 * somebody who is no neighbour any more, and has to be closed. */
bool session_take_config(const SessionContext *context, Connection *connection);

/* Whether @line looks like a WHATSAT, which may search for long. A guess. */
bool session_may_take_long(Slice line);

/* Appends the reply to a WHATSAT: the AT line of @record, then @json, then two LF (PROTOCOL R12,
 * R13). */
void session_places(const SessionContext *context, const Connection *connection,
                    const Record *record, Slice json, Turn *turn);

/* Appends the reply to a line that is too long, of which @head is the beginning (PROTOCOL R4). */
void session_too_long(const SessionContext *context, const Connection *connection, Slice head,
                      Turn *turn);

/* What a connection is called in the log: a neighbour's name, or the peer's address. */
const char *session_peer(const Connection *connection);
