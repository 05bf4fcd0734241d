/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * OpenStreetMap's tags, said in the words of Google's legacy Nearby Search.
 *
 * Tags are the members of a JSON object: Overpass' "tags", or GeoJSON's "properties". A value that
 * is no string is as good as absent (a house number may be a number). Nothing is kept, no I/O.
 */

#include "places/json/jsontree.h"

#include <glib.h>
#include <stdbool.h>

/* Where the data is from, as HTML: OpenStreetMap wants it shown beside what is made of it. */
#define OSM_ATTRIBUTION                                                                       \
    "© <a href=\"https://www.openstreetmap.org/copyright\">OpenStreetMap</a> contributors, " \
    "ODbL"

/* What one value of a key means, perhaps only beside another tag. */
typedef struct {
    const char *value;
    const char *types;    /* with a comma between two, the most specific first */
    const char *also_key; /* (nullable) a tag that must be there too */
    const char *also_value;
} OsmMeaning;

typedef struct {
    const char *key;
    const OsmMeaning *meanings; /* the first that fits counts */
    size_t meaning_count;
    const char *otherwise; /* (nullable) the types of any other value; NULL: it means nothing */
    bool common;           /* so much of it that it would hide the rest where nobody asks for it */
} OsmKey;

/* All that is known of tags: the keys, the ones that count first first. (transfer none) static */
const OsmKey *osmtags_keys(size_t *ret_count);

/*
 * The types of a thing with these tags, with a comma between two, the most specific first; empty
 * if it is nothing that we know. The first key with a meaning for its value counts; without one the
 * first with types for any value. Of several values with a semicolon between them only the first
 * is looked at. Static.
 */
Slice osmtags_types(const JsonValue *tags);

/* Its name in @language (nullable: no matter which), or if there is none, as people there say.
 * FALSE: it has no name, @ret_name untouched. The name belongs to the tree of @tags. */
bool osmtags_name(const JsonValue *tags, const char *language, Slice *ret_name);

/* Appends "12 Long Street, Springfield", or what is known of it; nothing if that is nothing. */
void osmtags_append_vicinity(const JsonValue *tags, GString *out);
