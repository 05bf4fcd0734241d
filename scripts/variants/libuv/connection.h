/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * An accepted connection, of a client or of a neighbour that brings its updates.
 *
 * All complete lines of a read are executed where they lie, in the one buffer of the loop, and
 * their replies leave in one write. A connection that has to wait, for its peer to take replies or
 * for a lookup, keeps what it has read and reads nothing more. So it owns memory only while it
 * holds half a line, or waits.
 */

#include "core/endpoint.h"
#include "core/slice.h"
#include "core/timestamp.h"
#include "scripts/variants/libuv/server.h"

#define CONNECTION_CLIENT (-1)

typedef struct Connection Connection;
typedef struct Lookup Lookup;

struct Connection {
    uv_tcp_t tcp;
    Server *server;
    GList position; /* in server->connections */
    char *input;    /* (owned) (nullable) read and not executed yet */
    size_t input_length;
    Timestamp received; /* when what is being executed came in */
    Lookup *lookup;     /* (nullable) what it waits for */
    uint64_t expires;   /* uv_now(): when it is closed, whatever is left; 0: never */
    int neighbour;      /* index, once it has said so; CONNECTION_CLIENT before */
    bool paused;        /* reads nothing */
    bool had_turn;      /* has filled the buffer: others come first */
    bool end_of_input;
    bool truncated; /* its input was ended by us: half a line is no command */
    bool too_long;  /* has sent a line that is too long, and is closed after the reply */
    bool lingering; /* all is sent; waits for the peer to end too */
    char peer[ENDPOINT_TEXT_MAX]; /* its address; empty if nothing is logged of messages */
};

/* Accepts what waits on @listener. */
void connection_accept(Server *server, uv_stream_t *listener);

/* No more is read than has arrived; then the connection ends as if the peer had ended it. */
void connection_end_input(Connection *connection);

/* Closes it, whatever it still has to say. */
void connection_close(Connection *connection, const char *reason);

/* What a lookup has found: the rest of the reply to the WHATSAT that @connection waits with. */
void connection_resume(Connection *connection, const Record *record, Slice json);
