/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What net asks of places, which it does not include: cmd fills this in.
 */

#include "core/query.h"

#include <glib.h>
#include <stdbool.h>

typedef struct {
    void *self; /* handed to the functions */

    /* Appends the JSON of PROTOCOL R13-R15 for @query, without LF at its end, if nobody else has to
     * be waited for. FALSE: nothing is appended; it takes nearby(), fenced (net/lookups.h). Called
     * from workers, several at once, no lock held; does not block. */
    bool (*at_once)(void *self, const PlacesQuery *query, GString *json);

    /* Appends it in any case; may block. Likewise. */
    void (*nearby)(void *self, const PlacesQuery *query, GString *json);

    /* Appends the JSON of a query that was not asked because too many wait (R15: OVER_QUERY_LIMIT).
     * Likewise; does not block. */
    void (*refuse)(void *self, const PlacesQuery *query, GString *json);
} Nearby;
