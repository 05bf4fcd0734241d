/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Answers kept for a moment, in memory, for queries that are equal but for a few metres: positions
 * are rounded to CACHE_GRID nanodegrees. Off unless asked for: a provider's terms may forbid it,
 * and so nothing of it is ever on a disk or goes to another member.
 *
 * Bounded by CACHE_ENTRIES_MAX and CACHE_BYTES_MAX; the oldest go first. Any thread may use a
 * cache; its mutex is a leaf.
 */

#include "places/places.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define CACHE_GRID        INT64_C(100000) /* nanodegrees: 0.0001 degrees, about 11 metres */
#define CACHE_ENTRIES_MAX 4096
#define CACHE_BYTES_MAX   ((size_t)16 << 20)

typedef struct Cache Cache;

/* Answers serve for @seconds; 0: none is kept. (transfer full) */
Cache *cache_new(unsigned seconds);
void cache_free(Cache *cache); /* NULL is fine */

/* Appends the answer to @query to @json. FALSE: there is none. @now_ms: monotonic_ms(). */
bool cache_get(Cache *cache, int64_t now_ms, const PlacesQuery *query, GString *json,
               PlacesStatus *ret_status);

/* Keeps a copy of @answer, in place of an earlier one. */
void cache_put(Cache *cache, int64_t now_ms, const PlacesQuery *query, Slice answer,
               PlacesStatus status);

/* Drops what serves no more. */
void cache_sweep(Cache *cache, int64_t now_ms);
