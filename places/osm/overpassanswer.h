/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What Overpass servers answer, and the nearest places of all answers to one lookup.
 *
 * Belongs to one thread at a time.
 */

#include "core/query.h"
#include "places/http/httpclient.h"
#include "places/osm/radiussearch.h"
#include "places/provider.h"

#include <glib.h>

typedef struct OverpassAnswer OverpassAnswer;

/* For @query, whose bound is above 0; of places of @type (nullable: all), with names in @language
 * (nullable). Both outlive it. */
OverpassAnswer *overpassanswer_new(const PlacesQuery *query, const char *type,
                                   const char *language);
void overpassanswer_free(OverpassAnswer *answer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OverpassAnswer, overpassanswer_free)

/* Takes in what was answered to a query for at most @elements_max elements. Returns OK, and
 * @ret_seen tells what is known now; or another status with @failure filled in, and then what was
 * known stays. */
PlacesStatus overpassanswer_add(OverpassAnswer *answer, const HttpReply *reply, size_t elements_max,
                                RadiusSearchSeen *ret_seen, ProviderFailure *failure);

/* Whether as many places are known as are wanted. */
bool overpassanswer_is_full(const OverpassAnswer *answer);

/* Appends what is known, the nearest first. Returns OK or ZERO_RESULTS. */
PlacesStatus overpassanswer_append(const OverpassAnswer *answer, GString *json);
