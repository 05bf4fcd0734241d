/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Answers that are made here rather than passed on, in the shape of a Nearby Search and the layout
 * of PROTOCOL R14: resultlayout_begin(), a resultlayout_append() for each place,
 * resultlayout_end().
 */

#include "core/query.h"
#include "core/slice.h"
#include "places/places.h"

#include <glib.h>
#include <stddef.h>

typedef struct {
    Location location;
    Slice latitude; /* as the provider wrote it; empty: as location says it */
    Slice longitude;
    Slice id;
    Slice name;
    Slice types; /* with a comma between two */
    Slice vicinity;
} PlaceResult;

/* @attribution: HTML, or empty. The source is named even when nothing was found: it tells why. */
void resultlayout_begin(GString *json, Slice attribution);

/* @before: how many results stand before this one. */
void resultlayout_append(GString *json, const PlaceResult *result, size_t before);

/* @count: the results in all. Returns the status of the answer: OK or ZERO_RESULTS. */
PlacesStatus resultlayout_end(GString *json, size_t count);
