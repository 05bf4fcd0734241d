/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What net asks of places, which it does not include: cmd fills this in.
 */

#include "core/query.h"

#include <glib.h>
#include <stdbool.h>

typedef struct {
    void *self;  /* handed to the functions */
    bool blocks; /* nearby() may wait for somebody else, so it is fenced (net/lookups.h) */

    /* Appends the JSON of PROTOCOL R13-R15 for @query, without LF at its end. FALSE: it tells of a
     * failure. Called from workers, several at once, no lock held. */
    bool (*nearby)(void *self, const PlacesQuery *query, GString *json);

    /* Appends the JSON of a query that was not asked because too many wait (R15: OVER_QUERY_LIMIT).
     * Likewise. */
    void (*refuse)(void *self, GString *json);
} Nearby;
