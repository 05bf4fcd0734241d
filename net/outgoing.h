/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Bytes on their way into one socket: a buffer of bounded size, filled at its end and sent from its
 * beginning.
 *
 * Belongs to the flood thread: no locks.
 */

#include "core/slice.h"
#include "net/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define OUTGOING_SIZE ((size_t)256 << 10) /* bytes */

typedef struct Outgoing Outgoing;

Outgoing *outgoing_new(void);
void outgoing_free(Outgoing *outgoing);

/* Forgets everything: there is another socket, or none. */
void outgoing_reset(Outgoing *outgoing);

bool outgoing_is_empty(const Outgoing *outgoing);

/* Appends @bytes. FALSE: there is no room for all of them now, and none are. */
bool outgoing_append(Outgoing *outgoing, Slice bytes);

/* Where to put more by hand, and in @ret_size how much; then outgoing_added(). (transfer none) */
char *outgoing_room(Outgoing *outgoing, size_t *ret_size);
void outgoing_added(Outgoing *outgoing, size_t length);

/* Sends once what @stream takes; returns how much, or -1 with errno set. */
ssize_t outgoing_send(Outgoing *outgoing, Stream *stream);

/* Says what time it is, in monotonic_ms(), after what the socket took was sent. */
void outgoing_tick(Outgoing *outgoing, int64_t now_ms);

/* Since when the oldest bytes wait, as outgoing_tick() has seen it; INT64_MAX: none do. At the
 * earliest: bytes that are sent by and by count as of one time. */
int64_t outgoing_oldest(const Outgoing *outgoing);

/* Bytes that the other side of @stream has taken so far. */
uint64_t outgoing_acked(const Outgoing *outgoing, const Stream *stream);

/* Whether the other side of @stream has taken some of what is under way since this was last asked.
 */
bool outgoing_is_moving(Outgoing *outgoing, const Stream *stream);
