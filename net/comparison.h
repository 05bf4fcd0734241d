/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * How a link finds out what its neighbour lacks, at a cost that follows the difference and not the
 * store.
 *
 *     we:  DIGEST ROOT      they: SUMS ROOT sum           equal: there is no difference
 *     we:  DIGEST SHARDS    they: SUMS SHARDS sum...      one a shard
 *     we:  DIGEST 17        they: SUMS 17 sum...          one a leaf, of each shard that differs
 * and in which we have something
 *
 * Then the records of the leaves that differ are sent. What the neighbour has and we do not is its
 * own link's affair. A few questions are under way at a time, and shards are taken in an order that
 * begins anywhere, so that two neighbours that fill an empty member share the work.
 *
 * Updates that are under way make sums differ too. Where a difference is expected (the link has
 * just come up) that costs some records sent twice; where none is (comparison_check()) a shard is
 * looked at twice before it counts.
 *
 * Belongs to the flood thread: no locks of its own.
 */

#include "core/message.h"
#include "core/store.h"

#include <glib.h>
#include <stdbool.h>

typedef struct Comparison Comparison;

Comparison *comparison_new(Store *store);
void comparison_free(Comparison *comparison);

/* Nothing is to be compared, no question is under way: the link is down. */
void comparison_reset(Comparison *comparison);

/* Compare everything: the link has come up. */
void comparison_begin(Comparison *comparison);

/* Compare everything although there should be no difference; one that stays is counted and mended.
 */
void comparison_check(Comparison *comparison);

/* Compare @shard, in which something has changed that the neighbour is not told about record by
 * record. */
void comparison_add(Comparison *comparison, unsigned shard);

/* Appends the next question to @text as a line. FALSE: there is none now. */
bool comparison_ask(Comparison *comparison, GString *text);

/* Takes @answer, a MESSAGE_SUMS, and appends what is to be sent to @found (owned Record). FALSE: it
 * answers no question of ours. */
bool comparison_answer(Comparison *comparison, const Message *answer, GPtrArray *found);

/* Whether comparison_ask() has a question to give. */
bool comparison_is_ready(const Comparison *comparison);

/* Whether there is nothing to be asked and no answer to come. */
bool comparison_is_idle(const Comparison *comparison);
