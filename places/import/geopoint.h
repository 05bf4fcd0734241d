/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The one point that stands for a GeoJSON geometry (RFC 7946):
 *
 *   Point                        itself
 *   MultiPoint                   the mean of its points
 *   LineString, MultiLineString  the centroid of its segments, by their length
 *   Polygon                      the centroid of its outer ring, by area; holes do not count
 *   MultiPolygon                 that of the polygon with the largest area: not the sea between two
 *                                islands
 *
 * Areas are those of the map of degrees, where the centroid is the same as on any map that
 * stretches it evenly. Of two neighbouring points the way is taken that is shorter, across the date
 * line if need be. A ring without area counts as a line, a line without length as its points. The
 * centroid of what is bent may lie outside of it.
 */

#include "places/json/jsontree.h"

#include <stdint.h>

/* NULL when it is found, in 1e-7 degrees; else why it is not, in a few words (transfer none); then
 * the rest is untouched. */
const char *geopoint_of(const JsonValue *geometry, int32_t *ret_latitude, int32_t *ret_longitude);
