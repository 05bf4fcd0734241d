/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * One connection to a server: its socket, the requests that are under way on it in the order of
 * their replies, what has come of a reply, and what the socket has not taken yet. Owned by one
 * generator thread. Nothing is allocated a request.
 */

#include "cmd/load/protocol.h"
#include "core/endpoint.h"

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
    int descriptor; /* -1: closed */
    bool is_connecting;
    bool awaits_output;     /* epoll tells when the socket takes bytes */
    const Endpoint *target; /* (transfer none) */
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

/* Not open yet; @capacity is how many requests may be under way. */
void connection_init(Connection *c, const Endpoint *target, unsigned capacity);
void connection_clear(Connection *c);

/* The oldest of the requests under way, of which there must be one. */
static inline Request *connection_oldest(const Connection *c)
{
    return &c->requests[c->head];
}

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
