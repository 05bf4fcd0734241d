/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What one neighbour is still to be told, record by record.
 *
 * News waits in a set keyed by client, where a newer record replaces an older one, so that a
 * neighbour that does not read costs one entry a client, and one more for those whose turn has
 * come. What a comparison has found is sent in turns with the news, so that neither waits for the
 * other, and no client of the one for those before it; and at a pace, OUTBOX_FOUND_PER_MS: as fast
 * as it goes it would take both sides' processors away from clients for a second or two. A
 * neighbour that cannot be compared with is told the whole store in place of that.
 *
 * Belongs to the flood thread: no locks.
 */

#include "core/record.h"
#include "core/store.h"

#include <stdbool.h>

#define OUTBOX_FOUND_PER_MS 128 /* a million records in eight seconds */

typedef struct Outbox Outbox;

typedef struct {
    const Record *record; /* (transfer none) as long as it is in the outbox */
    bool found;           /* by a comparison or in the store; otherwise it is news */
} OutboxEntry;

Outbox *outbox_new(Store *store);
void outbox_free(Outbox *outbox);

/* Adds news, with a reference of its own. */
void outbox_add(Outbox *outbox, Record *record);

/* Adds all that the store has, which is collected a shard after the other. If that was begun before
 * and cut short by outbox_clear(), it begins with what was left: so it gets round even where it is
 * cut short again and again. */
void outbox_add_store(Outbox *outbox);

/* Where to append what a comparison has found (owned Record). (transfer none) */
GPtrArray *outbox_found(Outbox *outbox);

/* Says what time it is, in monotonic_ms(). Returns when there will be more to give than now because
 * it is later; INT64_MAX: that does not depend on the time. */
int64_t outbox_tick(Outbox *outbox, int64_t now_ms);

/* What is to be sent next. FALSE: there is nothing, or not yet. */
bool outbox_next(Outbox *outbox, OutboxEntry *ret_entry);

/* That is sent: @entry is as the last outbox_next() gave it. */
void outbox_sent(Outbox *outbox, const OutboxEntry *entry);

/* Whether outbox_next() has something to give. */
bool outbox_is_ready(const Outbox *outbox);

bool outbox_is_empty(const Outbox *outbox);

/* How many records there are to be sent. A client that moves while its turn comes may count twice;
 * what the store has and outbox_add_store() has not collected yet does not count. */
size_t outbox_count(const Outbox *outbox);

/* Since when the longest waiting of them waits, as outbox_tick() has seen it, in monotonic_ms();
 * INT64_MAX: nothing does. At the earliest: news that is sent by and by counts as of one time. */
int64_t outbox_oldest(const Outbox *outbox);
void outbox_clear(Outbox *outbox);
