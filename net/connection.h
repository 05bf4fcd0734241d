/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * One accepted connection, of a client or of a neighbour.
 *
 * Ownership goes from hand to hand and is never shared: the ready set has an armed connection; the
 * worker that took it from there owns it until it arms it again, resumes it, hands it to the
 * lookups (where it waits, unarmed) or closes it. Each hand-over is a release and an acquire, of
 * `state` or of a mutex, so the fields need no lock of their own. What others may touch while
 * somebody else owns the connection says so.
 */

#include "core/config.h"
#include "core/log.h"
#include "core/slice.h"
#include "core/timestamp.h"
#include "net/pace.h"
#include "net/stream.h"

#include <glib.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#define CONNECTION_CLIENT 0 /* neighbour of a connection that is no link */

typedef struct LookupWait LookupWait;
typedef struct PendingHello PendingHello;

/* Bytes that a connection keeps between turns, because they are half a line or because the peer
 * does not take them. */
typedef struct {
    size_t length;
    char bytes[];
} Kept;

/* Bits of a connection's state: who has it, and what its socket has told since that was looked at.
 */
enum {
    STATE_OWNED = 1 << 0,    /* not by the ready set */
    STATE_READABLE = 1 << 1, /* there may be input that nobody has read */
    STATE_WRITABLE = 1 << 2, /* the socket may take output again */
    STATE_READ_OUT = 1 << 3, /* a read that gets less than it might does not say that the socket is
                                empty: read until it says so. Stays */
    STATE_SENDING = 1 << 4,  /* armed for output, so that input has to wait */
    STATE_ROUSED = 1 << 5,   /* somebody wants it to have a turn, whatever its socket tells */
};

/* What a connection waits for until its deadline. */
typedef enum {
    AWAITS_LINE, /* the next one */
    AWAITS_REST, /* of a line */
    AWAITS_ROOM, /* for its output */
    AWAITS_LINK, /* a word of the neighbour, or the rest of its hello */
} Awaits;

typedef struct Connection Connection;
struct Connection {
    /* atomic; see ready-set.c. A worker may look at it when the connection has been closed, so the
     * first member lives as long as the process: see connection_free() */
    atomic_uint state;

    /* its descriptor is owned, read-only after new, and closed under the lock of Connections */
    Stream stream;
    GQuark neighbour;    /* its Member.id once a hello was accepted, or CONNECTION_CLIENT */
    int64_t incarnation; /* of that neighbour, as its hello said */
    Timestamp received;  /* when the last of input came in */
    int64_t heard;       /* monotonic_ns() when the worker heard of it, before it read */
    unsigned position;   /* in Connections; protected by its lock */
    struct in6_addr
        network; /* that it comes from, see endpoint_network_of(); read-only after new */
    /* That its last turn went by; NULL before the first. */
    const Config *config;
    _Atomic int64_t
        deadline; /* atomic; monotonic_ms() after which it is closed, 0: none. Read by the sweep */
    atomic_bool expired; /* atomic; set by the sweep that shut the socket down */
    atomic_bool cut;     /* atomic; the sweep has ended its input */
    atomic_bool ending;  /* atomic; the member stops: what has arrived is the rest of its input */
    Pace pace;           /* of a client, if there is max_lines_per_s */
    bool must_greet; /* it is above a limit and stays only if its first line is a neighbour's hello
                      */
    bool watches_output;  /* the ready set hears when the socket takes output again */
    bool joined;          /* counted as the neighbour's link: connections_join() */
    bool is_foreign;      /* a foreign neighbour's update has come over it */
    bool end_of_input;    /* there is no more to read */
    bool truncated;       /* it was cut, so what is left of a line is no command */
    bool counted;         /* it is ending, and `unread` says how much input there is left */
    bool quiet;           /* it was counted when nothing had come for long */
    bool has_lines;       /* input holds a complete line: it has to be executed, not waited for */
    bool repeats;         /* that line is a WHATSAT that was counted and logged when it came to its
                             turn, but waits for the peer to take what was said before */
    bool closing;         /* nothing more is executed; when output is sent, linger */
    bool lingering;       /* input is thrown away until its end */
    bool never_opened;    /* its handshake has failed, which the log has */
    uint8_t bad_tokens;   /* said so far */
    uint8_t awaits;       /* Awaits */
    int unread;           /* bytes of input that had arrived when it was counted */
    int64_t linger_until; /* monotonic_ms() */
    Kept *input;          /* (owned) (nullable) not executed yet */
    Kept *output;         /* (owned) (nullable) not sent yet; nothing is read while there is any */
    LookupWait *wait; /* (owned) (nullable) the WHATSAT at the head of input, which has been to the
                         lookups */
    Connection *next; /* in the ready set's list of resumed connections, protected by its lock; when
                         closed, of those to be used again, protected by another */
    char *peer;       /* (owned) address as text */

    /* Who it is: core/access.h, net/hello.h */
    uint8_t *token;      /* (owned) (nullable) digest of the token that was said */
    PendingHello *hello; /* (owned) (nullable) that is still to be proved */
};

/* Takes over @descriptor, whose peer is @address. The caller owns the connection. */
Connection *connection_new(int descriptor, const struct sockaddr_storage *address);

/* What is said over @connection, which is new, is said over TLS. FALSE: @max_handshakes are not
 * finished (or the system has no memory). */
bool connection_begin_tls(Connection *connection, Tls *tls, unsigned max_handshakes);

/* Goes on with the handshake of @connection, counts how it went and tells @log. HANDSHAKE_FAILED:
 * it is over with TLS, and @connection is to linger, so that the peer hears why. Called by its
 * owner. */
Handshake connection_shake_hands(Connection *connection, Log *log);

/* Frees all that it keeps; the descriptor is closed already. The connection itself is kept for the
 * next that is made, since a worker may still hold an event of its socket. */
void connection_free(Connection *connection);

/* Moves the input that @connection has kept to @bytes, where there is room for it; returns how
 * much.
 */
static inline size_t connection_take_input(Connection *connection, char *bytes)
{
    Kept *kept = g_steal_pointer(&connection->input);
    size_t length = kept != NULL ? kept->length : 0;

    if (kept != NULL)
        memcpy(bytes, kept->bytes, length);
    g_free(kept);
    return length;
}

/* Keeps a copy of @bytes; NULL for none. */
Kept *kept_new(Slice bytes);
