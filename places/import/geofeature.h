/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A GeoJSON Feature as a place. Its properties may be
 *
 *   OpenStreetMap's tags, as osmium exports them (osmtags.h);
 *   Overture's: names.primary, categories.primary, addresses[0], operating_status;
 *   or plain ones: name, types (an array, or a text with commas) or category, vicinity or address,
 *   which win over the others.
 *
 * The id is the feature's, else the properties' id or @id.
 */

#include "places/import/import.h"
#include "places/json/jsontree.h"

/* Text of a place that stands nowhere as such. */
typedef struct {
    GString *id;
    GString *types;
    GString *vicinity;
} GeoFeatureText;

void geofeature_text_init(GeoFeatureText *text);
void geofeature_text_clear(GeoFeatureText *text);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(GeoFeatureText, geofeature_text_clear)

/* NULL when @feature, which is row @row of its input, is a place: @ret_place points into @feature
 * and @text. Else why not, as ImportSink wants it. */
const char *geofeature_read(const JsonValue *feature, uint64_t row, GeoFeatureText *text,
                            Place *ret_place);
