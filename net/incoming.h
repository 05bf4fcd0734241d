/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Bytes that have come from one socket: a buffer of bounded size, which is read line by line.
 *
 * Belongs to the flood thread: no locks.
 */

#include "core/slice.h"
#include "net/stream.h"

#include <stdbool.h>
#include <sys/types.h>

#define INCOMING_SIZE ((size_t)32 << 10) /* of an answer: SUMS SHARDS is the longest, 17 KiB */

typedef struct Incoming Incoming;

Incoming *incoming_new(void);
void incoming_free(Incoming *incoming);

/* Forgets everything: there is another socket, or none. */
void incoming_reset(Incoming *incoming);

/* Receives once what @stream has, as stream_receive() says. There is room, or there is no line in
 * it and never will be: see incoming_is_full(). */
ssize_t incoming_receive(Incoming *incoming, Stream *stream);

/* The next line, without its LF, up to the next call. (transfer none) FALSE: none is complete. */
bool incoming_next_line(Incoming *incoming, Slice *ret_line);

/* Whether there is no room for the rest of the line that has begun. */
bool incoming_is_full(const Incoming *incoming);
