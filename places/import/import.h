/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Places read from the formats that they come in. A reader takes bytes and hands over places, or
 * says of a row why it is none; it keeps nothing but the row that it is at, and of a row that is
 * too long not even that. Text is handed over as it is written; whether it is UTF-8 and fits into a
 * places file is for placesfile_writer_add() to say.
 *
 * Lines are counted from 1. A row stands in one line or more, and is named by its first. A row
 * without an id of its own is called `row:N`, counting rows from 1.
 */

#include "places/file/placesfile.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define IMPORT_LINE_MAX    ((size_t)1024 * 1024)      /* bytes of a row, all but GeoJSON's */
#define IMPORT_FEATURE_MAX ((size_t)16 * 1024 * 1024) /* of a row of a GeoJSON sequence */
#define IMPORT_TYPES_MAX   32                         /* of one place; more are left out */

/* Where bytes come from. */
typedef struct {
    void *self;

    /* Up to @size bytes into @buffer; returns how many, 0 at the end, below 0 with @error set. */
    gssize (*read)(void *self, char *buffer, size_t size, GError **error);
} ImportInput;

/* Where places go. Exactly one call for each row. */
typedef struct {
    void *self;

    /* The slices of @place are valid during the call. FALSE with @error set: stop. */
    bool (*place)(void *self, uint64_t line, const Place *place, GError **error);

    /* The row in @line is no place. @reason: a few words, the same for equal reasons; static. */
    void (*skipped)(void *self, uint64_t line, const char *reason);
} ImportSink;

/* Reads all of @input. FALSE with @error set by @input or @sink, or HERD_PLACES_ERROR_DATA when the
 * input as a whole is not of the format. Called from one thread; blocks as @input and @sink do. */
typedef bool ImportReader(const ImportInput *input, const ImportSink *sink, GError **error);

/* GeoNames' dump: 19 columns with tabs between them, one row a line. */
ImportReader import_geonames;

/* A GeoJSON FeatureCollection (RFC 7946). */
ImportReader import_geojson;

/* GeoJSON features one a line, or with a record separator before each (RFC 8142). */
ImportReader import_geojsonseq;

/* Comma-separated values (RFC 4180) with a header that names the columns id, name, lat (latitude),
 * lon (lng, longitude), types (type) and vicinity (address), in any order and case; others are
 * ignored. Instead of commas there may be semicolons or tabs. */
ImportReader import_csv;

/* ---- for the readers ---- */

#define IMPORT_NO_NAME     "no name"
#define IMPORT_NO_POSITION "its coordinates are not a position on the globe"

/* What a place is if nothing is said about it. */
#define IMPORT_TYPES_DEFAULT "point_of_interest,establishment"

/* Without white space at its ends. */
Slice import_trim(Slice text);

/* Appends the types in @text, which stand between any of the characters ; | and comma, as Google
 * writes them: "Coffee Shop" is coffee_shop. */
void import_append_types(GString *types, Slice text);

/* "row:N" in @id. */
Slice import_row_id(GString *id, uint64_t row);
