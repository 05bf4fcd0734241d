/* SPDX-License-Identifier: MIT */
#pragma once

#include "core/endpoint.h"
#include "net/stream.h"

/* Begins to connect a socket to @to, from the address of @from (with a port of the kernel's choice)
 * if they are of one family. It does not block, and ends by itself when the other side acknowledges
 * nothing for @timeout_ms. Returns its descriptor (transfer full), which becomes writable when it
 * is connected or has failed; or -1 with errno set. */
int dial(const Endpoint *from, const Endpoint *to, int timeout_ms);

typedef enum {
    DIAL_DONE,   /* what is said over the stream is heard by whom it is for */
    DIAL_WAITS,  /* shaking hands; go on when the socket is ready, see stream_awaits_output() */
    DIAL_FAILED, /* @ret_why says why; the caller closes it */
} DialOutcome;

/* Goes on with a @stream that dial() has begun to @to, whose socket is ready: it is connected, and
 * where @to is spoken to over TLS, hands are shaken. @name: (nullable) whose certificate the other
 * side has to have. @ret_why: (transfer full) */
DialOutcome dial_go_on(Stream *stream, const Endpoint *to, Tls *tls, const char *name,
                       char **ret_why);

/* The same socket, from now on with @timeout_ms. */
void dial_set_timeout(int descriptor, int timeout_ms);
