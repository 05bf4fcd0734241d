/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The dedicated outbound thread: it tells every neighbour what is new (PROTOCOL R19-R23).
 *
 * Workers put updates into its queue and go on. The thread never blocks but in its own
 * epoll_wait(): each neighbour's link (net/link.h) has a bounded buffer and a pending set, so a
 * slow or dead neighbour holds nobody up.
 */

#include "core/config-current.h"
#include "core/log.h"
#include "core/record.h"
#include "core/store.h"
#include "core/trust.h"
#include "net/link-board.h"
#include "net/tls.h"

#include <glib.h>

typedef struct Flood Flood;

/* One record for every neighbour but the one that it came from. */
typedef struct {
    Record *record;      /* (owned) NULL: no more than a sign of life of neighbour `from`, if any */
    GQuark from;         /* Member.id of that neighbour; 0: none of them, a client */
    int64_t incarnation; /* of that neighbour: what came from an earlier run of it is news to this
                            one */
    bool found;          /* by that neighbour's comparison, as many may be: see link_offer() */
} FloodUpdate;

/* Starts the thread, which begins to connect. @trust (nullable) has the herd's secret. NULL with
 * @error set. Called from main. */
Flood *flood_new(const ConfigCurrent *configs, Trust *trust, Tls *tls, Store *store, Log *log,
                 GError **error);

/* The configuration has been replaced: links to who is no neighbour any more are ended, those to
 * who is one now begun, those to who is talked to in another way begun anew; all others go on. The
 * thread does it soon after. Called from main. */
void flood_take_config(Flood *flood);

/* Sends what is queued and buffered, for as long as some neighbour takes some of it within a second
 * and all in all for stop_timeout_s, and ends. No other thread uses it any more. */
void flood_free(Flood *flood);

/* Floods @count updates, whose records it takes. Waits while the queue is full; the thread that
 * empties it never blocks. Any thread, no lock held. */
void flood_push(Flood *flood, const FloodUpdate *updates, size_t count);

/* Neighbour @neighbour, in its run @incarnation, has just connected to us: it is worth trying at
 * once. Any thread, no lock held. */
void flood_poke(Flood *flood, GQuark neighbour, int64_t incarnation);

/* How the links are (owned LinkPost). (transfer full). Any thread, no lock held. */
GPtrArray *flood_links(Flood *flood);

/* How many updates are in the queue. Any thread. */
size_t flood_queue_length(Flood *flood);
