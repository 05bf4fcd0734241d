/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What one neighbour is told, and the connections that we open to it for that.
 *
 *     WAITING --> CONNECTING --> GREETING --hello accepted--> TALKING --all is said--> ENDING
 *        ^ \                         foreign: no hello ----------^                       |
 *        |  `------------------ any failure, with its reason: the link is down ----------'
 *
 * A native neighbour is told over one connection that is kept (delivery = link). When it comes up a
 * comparison (net/comparison.h) finds what the neighbour lacks; from then on it is told what is
 * new, and asked once a second whether it is there. With delivery = message a connection lives only
 * as long as there is something to say, and the link is up as long as the last one went well. A
 * foreign neighbour (PROTOCOL R24) is told everything when its link comes up, since it cannot be
 * asked.
 *
 * Bytes go through a buffer of bounded size. What does not fit waits in the outbox (net/outbox.h),
 * which holds the newest of each client. A neighbour that is down costs nothing: what it misses is
 * found when it is back.
 *
 * Everything here belongs to the flood thread: no locks.
 */

#include "core/config.h"
#include "core/log.h"
#include "core/record.h"
#include "core/store.h"
#include "core/trust.h"
#include "net/tls.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct Link Link;

/* How a link is. */
typedef struct {
    const Member *neighbour; /* config's */
    bool up;                 /* the neighbour is told what is new */
    const char *reason; /* (nullable) why it is down, the link's; NULL: it is up, or was not tried
                           to the end yet */
    size_t pending;     /* records that wait to be sent */
    int64_t oldest; /* monotonic_ms() since when the oldest bytes or records wait; INT64_MAX: none
                       do */
} LinkStatus;

/* A link of @config's member to its neighbour @name, which has to prove the secret of @trust (NULL:
 * there is none), in WAITING with its first try at once. @epoll
 * is the flood thread's; the link's socket is put there with the link as its data. */
Link *link_new(const Config *config, Trust *trust, Tls *tls, const char *name, Store *store,
               Log *log, int epoll);

/* Closes it. */
void link_free(void *link);

/* Goes on by @config, which has replaced the one that it went by. FALSE: there the neighbour is no
 * neighbour, or is talked to in another way; the link is as it was, and to be ended. */
bool link_take_config(Link *link, const Config *config);

/* The link ends for @reason, which the log is told. */
void link_drop(Link *link, const char *reason);

/* Tells the neighbour about @record, now or as soon as it takes it. @found: it came in by a
 * comparison, as many may, so that it is left to a comparison whether this neighbour lacks it.
 * Sends nothing before link_tick(). */
void link_offer(Link *link, Record *record, bool found);

/* What epoll says of the link's socket. */
void link_ready(Link *link, uint32_t events);

/* Does what is due at @now_ms, sends what the socket takes, and returns when it wants to be called
 * again, in monotonic_ms(), or INT64_MAX. */
int64_t link_tick(Link *link, int64_t now_ms);

/* The neighbour says hello, in its run @incarnation: a link that is down tries at once. */
void link_poke(Link *link, int64_t incarnation);

/* Member.id of the neighbour. */
GQuark link_neighbour(const Link *link);

/* How it is, as of the last link_tick(). */
LinkStatus link_status(const Link *link);

/* Of the neighbour, as it said last. */
int64_t link_incarnation(const Link *link);

/* The member stops: when all is said the link is shut, so that the neighbour reads all of it; to
 * close a socket in which an answer waits to be read could take from it what it has not read yet.
 */
void link_end(Link *link);

/* Whether nothing is under way that the end of the member should wait for. */
bool link_is_idle(const Link *link);

/* Changes as long as the neighbour takes what it is sent. */
uint64_t link_progress(const Link *link);
