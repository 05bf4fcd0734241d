/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * One accepted connection, of a client or of a neighbour.
 *
 * Ownership goes from hand to hand and is never shared: the ready set has an armed connection; the
 * worker that took it from there owns it until it arms it again, resumes it, hands it to the
 * lookups (where it waits, unarmed) or closes it. Each hand-over is a release and an acquire, of
 * `armed` or of a mutex, so the fields need no lock of their own. What others may touch while
 * somebody else owns the connection says so.
 */

#include "core/slice.h"
#include "core/timestamp.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define CONNECTION_CLIENT (-1) /* neighbour of a connection that is no link */

typedef struct LookupWait LookupWait;

/* Bytes that a connection keeps between turns, because they are half a line or because the peer
 * does not take them. */
typedef struct {
    size_t length;
    char bytes[];
} Kept;

typedef struct Connection Connection;
struct Connection {
    int descriptor;      /* (owned) read-only after new; closed under the lock of Connections */
    int neighbour;       /* index among the member's neighbours once a hello was accepted, or
                            CONNECTION_CLIENT */
    int64_t incarnation; /* of that neighbour, as its hello said */
    Timestamp received;  /* when the last of input came in */
    unsigned position;   /* in Connections; protected by its lock */
    _Atomic int64_t
        deadline; /* atomic; monotonic_ms() after which it is closed, 0: none. Read by the sweep */
    atomic_bool expired; /* atomic; set by the sweep that shut the socket down */
    atomic_bool cut;     /* atomic; we have ended its input, by the sweep or to stop */
    atomic_bool armed;   /* atomic; in the ready set, see ready_set_arm() */
    bool must_greet;     /* it is above max_connections and stays only if its first line is a
                            neighbour's hello */
    bool is_foreign;     /* a foreign neighbour's update has come over it */
    bool end_of_input;   /* there is no more to read */
    bool truncated;      /* it was cut, so what is left of a line is no command */
    bool has_lines;      /* input holds a complete line: it has to be executed, not waited for */
    bool closing;        /* nothing more is executed; when output is sent, linger */
    bool lingering;      /* output is shut down; input is thrown away until its end */
    Kept *input;         /* (owned) (nullable) not executed yet */
    Kept *output;        /* (owned) (nullable) not sent yet; nothing is read while there is any */
    LookupWait *wait; /* (owned) (nullable) the WHATSAT at the head of input, which has been to the
                         lookups */
    Connection *next; /* in the ready set's list of resumed connections; protected by its lock */
    char peer[];      /* address as text */
};

/* Takes over @descriptor, whose peer is @address. */
Connection *connection_new(int descriptor, const struct sockaddr_storage *address);

/* Frees it with all that it keeps; the descriptor is closed already. */
void connection_free(Connection *connection);

/* Keeps a copy of @bytes; NULL for none. */
Kept *kept_new(Slice bytes);
