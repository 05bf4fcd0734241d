/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What is near, from a places file, in the shape of Google's Nearby Search: it has localities among
 * its results, too, and those look just like this. Members that the file does not know (icon,
 * rating, opening_hours) are not made up.
 */

#include "places/file/placesfile.h"
#include "places/places.h"

/* As places_nearby(), with bound and radius above 0; nearest first, of those that @filter
 * (nullable) wants. */
PlacesStatus filelayout_append(const PlacesFile *file, const PlacesFilter *filter,
                               const PlacesQuery *query, GString *json);
