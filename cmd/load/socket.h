/* SPDX-License-Identifier: MIT */
#pragma once

/* TCP connections to servers, with TLS or without: non-blocking, with TCP_NODELAY, closed on exec.
 */

#include "core/endpoint.h"
#include "core/slice.h"
#include "net/stream.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define LOAD_ERROR (load_error_quark())
GQuark load_error_quark(void);

typedef enum {
    LOAD_ERROR_CONNECT, /* a server does not take a connection, or ends it */
    LOAD_ERROR_TIMEOUT, /* it does not answer in time */
    LOAD_ERROR_REPLY,   /* it does not answer as it should */
    LOAD_ERROR_PROCESS, /* a process cannot be looked at */
} LoadError;

/* Begins to connect; when the socket is writable socket_error() says how it went. Returns the
 * descriptor; -1: errno says why not. */
int socket_begin(const Endpoint *target);

/* 0, or the errno of what has gone wrong at a socket. */
int socket_error(int descriptor);

/* Connects, and shakes hands if @target is spoken to over TLS; blocks for up to @timeout_ns. A
 * stream without descriptor, with @error set. */
Stream socket_open(const Endpoint *target, Tls *tls, int64_t timeout_ns, GError **error);

/* Sends all of @bytes; blocks until now_ns() is @deadline. FALSE with @error set. */
bool socket_send_all(Stream *stream, Slice bytes, int64_t deadline, GError **error);

/* Receives some bytes; blocks until now_ns() is @deadline. 0 with @error set: there are none, or
 * the connection has ended. */
size_t socket_receive(Stream *stream, char *bytes, size_t size, int64_t deadline, GError **error);

/* Whether the server has closed, or said what nobody asked for. */
bool socket_is_disturbed(Stream *stream);
