/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Asking members: any number of calls at once, each over a connection of its own, all within one
 * time. libcurl makes the connections, with TLS where an Endpoint says so.
 *
 * What comes back is bounded in length and is whatever the other end says: nothing of it is
 * trusted.
 */

#include "core/config.h"
#include "core/endpoint.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

typedef enum {
    WIRE_CONNECT, /* whether somebody accepts connections */
    WIRE_PROBE,   /* the same, and whether he who ends what he says at once gets an end back, as a
                     member that is at work does; says nothing. Over TLS the handshake tells that. */
    WIRE_LINE,    /* a line, answered by a line */
    WIRE_ANSWER,  /* a line, answered by lines up to an empty one, or by one that begins with "?" */
    WIRE_STATUS,  /* GET /status */
} WireKind;

typedef struct {
    /* What is to be done. All of it outlives the call. */
    WireKind kind;
    const Endpoint *endpoint;
    const char *name;         /* the member's, which a verified certificate has to be for */
    const TlsOptions *tls;    /* (nullable) */
    const char *line;         /* WIRE_LINE, WIRE_ANSWER: LF included */
    const char *introduction; /* (nullable) a line to be said first, LF included, and answered by */
    const char *welcome;      /* this one; if it is not, the answer is what came instead */

    /* What has become of it. */
    bool done;        /* connected, or answered; else why is set */
    bool introduced;  /* the introduction, if there is one, was welcome */
    GString *answer;  /* (owned) LF included; of WIRE_STATUS the body */
    char *why;        /* (owned) what went wrong, a phrase; cleaned */
    int64_t took_us;  /* from the beginning */
    time_t their_now; /* WIRE_STATUS: what their clock said, to the second; -1: not told */
} WireCall;

/* Makes all @calls, and returns when each is done or has failed, which it has after @timeout_us.
 * FALSE: @interrupt, a descriptor, was readable first (-1: there is none). Called from main; says
 * once on stderr that members are not verified, where that is so. */
bool wire_call(WireCall *calls, size_t count, int64_t timeout_us, int interrupt);

/* Frees what has become of them. */
void wire_clear(WireCall *calls, size_t count);
