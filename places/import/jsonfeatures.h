/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A GeoJSON FeatureCollection of any size, read in pieces: each value of its array `features` is
 * handed over as a tree of its own as soon as it is complete.
 *
 * Memory is bounded by one feature: of one that is too large only its end is awaited. All of the
 * text is checked to be JSON. Belongs to one thread at a time.
 */

#include "places/json/jsontree.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define JSONFEATURES_VALUES_MAX ((size_t)1000 * 1000)      /* of a feature */
#define JSONFEATURES_TEXT_MAX   ((size_t)16 * 1024 * 1024) /* of a feature, and of one string */

typedef struct {
    void *self;

    /* A value of `features` that begins in @line, counted from 1. @feature is NULL if it is too
     * large. FALSE, with @error set: no more of them. */
    bool (*feature)(void *self, uint64_t line, const JsonValue *feature, GError **error);
} JsonFeaturesSink;

typedef struct JsonFeatures JsonFeatures;

/* Hands over to @sink, a copy. */
JsonFeatures *jsonfeatures_new(const JsonFeaturesSink *sink);
void jsonfeatures_free(JsonFeatures *features);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(JsonFeatures, jsonfeatures_free)

/* Reads the next piece; a byte order mark at the very begin is passed over. FALSE with @error set
 * by the sink, or HERD_PLACES_ERROR_DATA that names the line when the text is not a
 * FeatureCollection in JSON, or a string in it is too long. */
bool jsonfeatures_feed(JsonFeatures *features, Slice piece, GError **error);

/* The text has ended. Likewise. */
bool jsonfeatures_finish(JsonFeatures *features, GError **error);
