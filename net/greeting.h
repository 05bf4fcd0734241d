/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The dialling side of a hello: what is said first over a connection that we have opened to a
 * native neighbour, and what its answers mean. With a secret both sides prove that they have it
 * (core/proof.h). net/hello.h is the other side.
 *
 * Nothing here reads or writes a socket; the link does (net/link.h). Belongs to the flood thread.
 */

#include "core/message.h"
#include "core/secret.h"
#include "core/slice.h"
#include "net/stream.h"

#include <glib.h>
#include <stdint.h>

typedef struct Greeting Greeting;

typedef enum {
    GREETING_GOES_ON,  /* there is another line to be said */
    GREETING_ACCEPTED, /* the neighbour listens to us */
    GREETING_FAILED,   /* not the neighbour, or it does not take us for what we are */
} GreetingOutcome;

/* Member @self greets member @neighbour, whose names outlive it. @secret: (transfer full)
 * (nullable) NULL: nothing is to be proved. @stream is the connection, whose hands are
 * shaken; it is not kept. */
Greeting *greeting_new(const char *self, const char *neighbour, Secret *secret,
                       const Stream *stream);
void greeting_free(Greeting *greeting);

/* The line that is to be said next, LF included: at first the hello. (transfer none), until the
 * next call */
Slice greeting_line(const Greeting *greeting);

/* Takes a line of the neighbour's, without its LF, and what is in it. GREETING_GOES_ON: there is
 * another line to be said; GREETING_ACCEPTED: @ret_incarnation is of the neighbour's run;
 * GREETING_FAILED: @ret_why (transfer none) says why. After one of the latter there is no more. */
GreetingOutcome greeting_take(Greeting *greeting, Slice line, const Message *message,
                              int64_t *ret_incarnation, const char **ret_why);
