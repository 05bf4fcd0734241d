/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The Places that is asked now, which a reload may swap for another. A lookup that has begun ends
 * with the one that it began with, and the last of those frees it.
 *
 * Lock order: its mutex is a leaf.
 */

#include "places/places.h"

typedef struct PlacesCurrent PlacesCurrent;

/* @places (transfer full) is asked. */
PlacesCurrent *places_current_new(Places *places);
void places_current_free(PlacesCurrent *current); /* NULL is fine; no other thread uses it */

/* The one to ask now. Any thread. (transfer full) */
Places *places_current_get(PlacesCurrent *current);

/* @places (transfer full) is asked from now on. Any thread. */
void places_current_replace(PlacesCurrent *current, Places *places);
