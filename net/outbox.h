/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What one neighbour is still to be told, record by record.
 *
 * News waits in a set keyed by client, where a newer record replaces an older one, so that a
 * neighbour that does not read costs one entry a client at the most. What a comparison has found is
 * sent in turns with the news, so that neither waits for the other, and no client of the one for
 * those before it.
 *
 * Belongs to the flood thread: no locks.
 */

#include "core/record.h"

#include <stdbool.h>

typedef struct Outbox Outbox;

typedef struct {
    const Record *record; /* (transfer none) as long as it is in the outbox */
    bool found;           /* by a comparison; otherwise it is news */
} OutboxEntry;

Outbox *outbox_new(void);
void outbox_free(Outbox *outbox);

/* Adds news, with a reference of its own. */
void outbox_add(Outbox *outbox, Record *record);

/* Where to append what a comparison has found (owned Record). (transfer none) */
GPtrArray *outbox_found(Outbox *outbox);

/* What is to be sent next: the same one until outbox_sent(). FALSE: there is nothing. */
bool outbox_next(Outbox *outbox, OutboxEntry *ret_entry);

/* That is sent. */
void outbox_sent(Outbox *outbox);

bool outbox_is_empty(const Outbox *outbox);
void outbox_clear(Outbox *outbox);
