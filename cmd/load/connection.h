/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * One connection to a server: its socket, the requests that are under way on it in the order of
 * their replies, what has come of a reply, and what the socket has not taken yet. Owned by one
 * generator thread. Nothing is allocated a request.
 */

#include "cmd/load/protocol.h"
#include "core/endpoint.h"
#include "net/stream.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    int64_t start;   /* from when its latency counts, now_ns() */
    int64_t sent;    /* now_ns() */
    uint32_t client; /* its index in the population */
    RequestKind kind;
    Report report;
} Request;

/* Bytes in a buffer that grows as it has to. */
typedef struct {
    char *bytes; /* (owned) (nullable) */
    size_t length;
    size_t size;
} Buffer;

typedef struct {
    Stream stream;          /* its descriptor is -1: closed */
    bool is_connecting;     /* or shaking hands */
    bool awaits_output;     /* epoll tells when the socket takes bytes */
    bool is_proven;         /* it has had a reply since it was opened */
    int64_t down_since;     /* with --retry: now_ns(); 0: it is up, or given up */
    const Endpoint *target; /* (transfer none) */
    unsigned target_index;  /* among all of them */
    uint32_t first_client;  /* of those that speak over it alone */
    uint32_t client_count;
    uint32_t filled;   /* of these: they have been reported by --fill */
    unsigned capacity; /* of requests */
    unsigned head;
    unsigned count;
    Request *requests; /* (owned) a ring */
    Buffer partial;    /* of a reply */
    Buffer unsent;
} Connection;

/* Not open yet, to @index of @targets (of Endpoint, transfer none); @capacity is how many requests
 * may be under way. */
void connection_init(Connection *c, const GPtrArray *targets, unsigned index, unsigned capacity);

/* Connects to its target, or else to the next ones of @targets, up to @tries of them; blocks for up
 * to @timeout_ns each. FALSE with @error set. */
bool connection_open(Connection *c, const GPtrArray *targets, unsigned tries, Tls *tls,
                     int64_t timeout_ns, GError **error);

/* Has @epoll tell of input, and of room for output if that is awaited. FALSE: errno says why it
 * does not. */
bool connection_watch(Connection *c, int epoll);

/* Whether epoll is to tell of room for output from now on. It is watched already. */
void connection_await_output(Connection *c, int epoll, bool awaits);

/* Begins to connect to its target; @epoll tells of output when that is over. FALSE: errno says why
 * it cannot, and it is closed. */
bool connection_begin(Connection *c, int epoll);

/* Goes on with what connection_begin() has begun, now that the socket is ready. HANDSHAKE_WAITS:
 * see stream_awaits_output(). HANDSHAKE_FAILED: @ret_why says why, until it is closed. */
Handshake connection_go_on(Connection *c, Tls *tls, const char **ret_why);

/* Closes the socket. The requests stay. */
void connection_close(Connection *c);

/* To the next of @targets. It is closed. */
void connection_turn(Connection *c, const GPtrArray *targets);
void connection_clear(Connection *c);

/* The oldest of the requests under way, of which there must be one. */
static inline Request *connection_oldest(const Connection *c)
{
    return &c->requests[c->head];
}

/* The one that came after @i others. */
const Request *connection_nth(const Connection *c, unsigned i);

/* Whether a request can be sent now. */
bool connection_has_room(const Connection *c);

/* A new one, for the caller to fill in; there must be room. */
Request *connection_push(Connection *c);

/* The oldest one has its reply. */
void connection_pop(Connection *c);

/* Sends @bytes, or keeps what the socket does not take in unsent, which must be empty. FALSE: errno
 * says what has gone wrong. */
bool connection_send(Connection *c, Slice bytes);

/* Sends what is unsent, or some of it. FALSE: errno says what has gone wrong. */
bool connection_send_rest(Connection *c);

/* Replaces what a buffer has by @bytes, which may be of itself. */
void buffer_set(Buffer *buffer, Slice bytes);
