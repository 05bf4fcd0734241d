/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The connection that this member opens to one neighbour, to tell it what is new: "MEMBER us them",
 * then the whole store, then each newer record as it comes, all as AT lines. Nothing comes back
 * over it; the neighbour tells us what it knows over a link of its own.
 *
 * A link that is down keeps nothing, since it begins with the whole store. A neighbour that does
 * not take what it is told costs a bounded buffer, then two entries a client at the most: in the
 * set of what is pending the newest record of a client replaces an older one.
 */

#include "core/record.h"
#include "scripts/variants/libuv/server.h"

/* Dials, and goes on doing so. */
Link *link_new(Server *server, const Member *neighbour);

/* After link_stop(), when the loop has ended. */
void link_free(void *link);

/* Something to tell. */
void link_offer(Link *link, Record *record);

/* Sends what has gathered since the last time. */
void link_flush(Link *link);

/* The neighbour has just been heard of: if the link is down it is tried again soon. */
void link_poke(Link *link);

/* Closes once all is sent. */
void link_stop(Link *link);

/* Closes at once. */
void link_close(Link *link);
