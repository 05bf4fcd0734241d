/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A places file, opened for reading: rows of places, and which of them are near a location.
 *
 * The file is the memory that it lies in (part of the program, or mapped); a PlacesFile only points
 * there. Opening checks the header and the sizes and reads nothing else; what a row or the tree
 * says is checked when it is used, so that a damaged file gives wrong answers at worst. A
 * PlacesFile does not change: any number of threads may read it without a lock.
 */

#include "core/query.h"
#include "core/slice.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct PlacesFile PlacesFile;

/* One row. The slices point into the file. */
typedef struct {
    Slice id;
    Slice name;
    Slice vicinity;
    Slice types;       /* with a comma between two */
    int32_t latitude;  /* 1e-7 degrees */
    int32_t longitude; /* 1e-7 degrees */
} Place;

/* A row that was found. */
typedef struct {
    double haversine; /* how far it is: see geometry.h */
    uint32_t row;
} PlacesHit;

/* The file in the @size bytes at @data, which stay where they are, aligned to 8, until
 * placesfile_free(). NULL with HERD_PLACES_ERROR_DATA set when they are not a places file. */
PlacesFile *placesfile_open(const void *data, size_t size, GError **error);
void placesfile_free(PlacesFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PlacesFile, placesfile_free)

uint32_t placesfile_row_count(const PlacesFile *file);

/* HTML that names where the data is from and its licence; may be empty. */
Slice placesfile_attribution(const PlacesFile *file);

/* Where row @row is. @row is below placesfile_row_count(). */
Location placesfile_location(const PlacesFile *file, uint32_t row);

/* FALSE when the row points out of the file, which is damaged then; @ret_place is untouched. */
bool placesfile_place(const PlacesFile *file, uint32_t row, Place *ret_place);

/* Which rows are wanted, by their types. It does not change, either. */
typedef struct PlacesFilter PlacesFilter;

/* The rows of @file that have @type among their types. */
PlacesFilter *placesfile_filter_new(const PlacesFile *file, Slice type);
void placesfile_filter_free(PlacesFilter *filter);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PlacesFilter, placesfile_filter_free)

/*
 * The rows at most @radius millimetres from @center, of those that @filter (nullable: all) wants,
 * at most @max of them, the nearest, into @hits: nearest first, the lower row before the higher
 * where the distance is equal. Returns how many.
 */
size_t placesfile_nearest(const PlacesFile *file, const PlacesFilter *filter, Location center,
                          int64_t radius, PlacesHit *hits, size_t max);
