/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What an Overpass server is asked, in its query language: all named things within a radius that
 * have a meaning by osmtags.h, or only those that may be of one type.
 *
 *   [out:json][timeout:5];(nwr(around:500,34.06893,-118.445127)[name][~"^(amenity|shop)$"~"."];
 *   nwr(around:500,34.06893,-118.445127)[name]["railway"~"^(station)(;|$)"];);out tags center 500;
 */

#include "core/query.h"

#include <glib.h>

/* Elements of an answer, at most. They take about 600 bytes each, so that an answer stays well
 * below HTTP_BODY_MAX. */
#define OVERPASSQUERY_ELEMENTS_MAX 500

/* The filters for places of @type (nullable: of all), NULL after the last. (transfer full) NULL
 * with HERD_PLACES_ERROR_DATA set if no tag leads to @type. */
char **overpassquery_filters(const char *type, GError **error);

/* Appends the query as the body of a form. @radius: millimetres. @timeout_s: after which the server
 * gives up. */
void overpassquery_append(GString *form, char *const *filters, Location center, int64_t radius,
                          int64_t timeout_s);
