/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The link to one neighbour: a connection that we opened to it and that carries what we have to
 * tell it.
 *
 *     WAITING --retry--> CONNECTING --> GREETING --hello answered--> UP
 *        ^------------------ any failure, with its reason --------------'
 *
 * When it comes up the whole store is sent, shard by shard, beside what is new. Bytes go through a
 * buffer of bounded size. What does not fit waits in a set keyed by client, where a newer record
 * replaces an older one, so a neighbour that does not read costs one entry a client at the most;
 * one that is down costs nothing.
 *
 * Everything here belongs to the flood thread: no locks.
 */

#include "core/config.h"
#include "core/log.h"
#include "core/record.h"
#include "core/store.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct Link Link;

/* A link of @config's member to its neighbour @name, in WAITING with its first try at once. @epoll
 * is the flood thread's; the link's socket is put there with the link as its data. */
Link *link_new(const Config *config, const char *name, Store *store, Log *log, int epoll);

/* Closes it. */
void link_free(void *link);

/* Tells the neighbour about @record, now or as soon as it takes it. Sends nothing before
 * link_send(). */
void link_offer(Link *link, Record *record);

/* Sends what the socket takes. */
void link_send(Link *link);

/* What epoll says of the link's socket. */
void link_ready(Link *link, uint32_t events);

/* Does what is due at @now_ms and returns when it wants to be called again, in monotonic_ms(), or
 * INT64_MAX. */
int64_t link_tick(Link *link, int64_t now_ms);

/* The neighbour shows signs of life: a link in WAITING tries at once. */
void link_poke(Link *link);

/* Of the neighbour, as it said when the link came up. */
int64_t link_incarnation(const Link *link);

/* Whether it is down or all that it had to say is sent. */
bool link_idle(const Link *link);
