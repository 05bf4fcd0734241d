/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Makes a places file: rows are added in any order, then all is written at once.
 *
 * What is added lies in temporary files until then (spill.h): 40 bytes a row and the row's text,
 * and about twice that while it is written. In memory there are only the different lists of types.
 * The file depends on nothing but the rows and their order. A writer belongs to one thread at a
 * time.
 */

#include "places/file/placesfile.h"

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>

/* HTML that names GeoNames and its licence, which wants that. */
#define GEONAMES_ATTRIBUTION                               \
    "<a href=\"https://www.geonames.org/\">GeoNames</a>, " \
    "<a href=\"https://creativecommons.org/licenses/by/4.0/\">CC BY 4.0</a>"

typedef struct PlacesFileWriter PlacesFileWriter;

typedef enum {
    PLACESFILE_SORTING,
    PLACESFILE_WRITING,
} PlacesFilePhase;

/* Told now and then how far finishing is, in rows. */
typedef void (*PlacesFileProgress)(void *self, PlacesFilePhase phase, uint64_t done,
                                   uint64_t total);

/* @attribution: HTML that names the source and its licence, or "". Copied. @folder: where the
 * temporary files go. NULL with HERD_PLACES_ERROR_DISK set. */
PlacesFileWriter *placesfile_writer_new(const char *attribution, const char *folder,
                                        GError **error);
void placesfile_writer_free(PlacesFileWriter *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PlacesFileWriter, placesfile_writer_free)

/* Adds a copy of @place. FALSE with HERD_PLACES_ERROR_DATA set, and nothing added, when it cannot
 * be in a places file: not on the globe, text that is too long or not UTF-8, no id, or too many
 * rows or lists of types. FALSE with HERD_PLACES_ERROR_DISK: the writer is of no more use. */
bool placesfile_writer_add(PlacesFileWriter *writer, const Place *place, GError **error);

uint32_t placesfile_writer_row_count(const PlacesFileWriter *writer);

/* Writes the file to @out, whose position is its start, and flushes it; may block on the disk. Once
 * only. @progress (nullable) gets @self. FALSE with HERD_PLACES_ERROR_DISK set when that fails;
 * what @out holds is then of no use. */
bool placesfile_writer_finish(PlacesFileWriter *writer, FILE *out, PlacesFileProgress progress,
                              void *self, GError **error);
