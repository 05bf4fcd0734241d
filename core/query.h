/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What is asked of a places provider. Plain values: copy them freely.
 *
 * Positions are integers, so that two queries are equal exactly when their fields are.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define NANODEGREES_PER_DEGREE INT64_C(1000000000)
#define MILLIMETRES_PER_KM     INT64_C(1000000)
#define PLACES_RADIUS_MAX_KM   50 /* PROTOCOL R10 */
#define PLACES_BOUND_MAX       20 /* PROTOCOL R10 */

typedef struct {
    int64_t latitude;  /* nanodegrees, -90e9 to 90e9 */
    int64_t longitude; /* nanodegrees, -180e9 to 180e9 */
} Location;

typedef struct {
    Location center;
    int64_t radius; /* millimetres, 0 to 50 km */
    unsigned bound; /* the most results wanted, 0 to 20 */
} PlacesQuery;

/* These two are also for a GHashTable whose keys begin with a PlacesQuery. */
static inline gboolean places_query_equal(gconstpointer left, gconstpointer right)
{
    const PlacesQuery *a = left;
    const PlacesQuery *b = right;

    return a->center.latitude == b->center.latitude && a->center.longitude == b->center.longitude &&
           a->radius == b->radius && a->bound == b->bound;
}

static inline guint places_query_hash(gconstpointer pointer)
{
    const PlacesQuery *query = pointer;
    int64_t mixed = query->center.latitude * 31 + query->center.longitude;

    return g_int64_hash(&mixed) ^ g_int64_hash(&query->radius) ^ query->bound;
}
