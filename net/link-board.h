/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * How the links are, for everybody to read: the flood thread posts it, when a link goes up or down
 * at once and otherwise every LINK_BOARD_EVERY_MS at the most.
 *
 * Lock order: its mutex is a leaf; only pointers are swapped and small texts copied under it.
 */

#include "core/timestamp.h"
#include "net/link.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define LINK_BOARD_EVERY_MS 100

typedef struct LinkBoard LinkBoard;

typedef enum {
    LINK_STATUS_UP,         /* the neighbour is told what is new */
    LINK_STATUS_CONNECTING, /* it has not been tried to the end yet */
    LINK_STATUS_DOWN,       /* it is tried again and again */
} LinkStatusState;

/* What stands there of one link. */
typedef struct {
    GQuark neighbour; /* Member.id */
    bool is_native;
    char *address; /* (owned) where the neighbour listens, as configured */
    LinkStatusState state;
    Timestamp since; /* when it came to be in that state */
    char *reason;    /* (owned) (nullable) why it is down */
    size_t pending;  /* records that wait to be sent */
    int64_t oldest;  /* monotonic_ms() since when the oldest waits; INT64_MAX: none does */
} LinkPost;

LinkBoard *link_board_new(void);
void link_board_free(LinkBoard *board); /* NULL is fine; no other thread uses it any more */

/* Posts how @links (Link) are if that differs from what stands there. Returns when it wants to be
 * called again even if nothing happens, in monotonic_ms(), or INT64_MAX. Called by the flood
 * thread. */
int64_t link_board_update(LinkBoard *board, const GPtrArray *links, int64_t now_ms);

/* All posts (owned LinkPost), in the order of the links. (transfer full). Any thread, no lock held.
 */
GPtrArray *link_board_read(LinkBoard *board);

/* How long the oldest of what waits has waited at @now_ms, in milliseconds; 0: nothing waits. */
static inline int64_t link_post_lag_ms(const LinkPost *post, int64_t now_ms)
{
    return post->oldest == INT64_MAX ? 0 : MAX(now_ms - post->oldest, 0);
}
