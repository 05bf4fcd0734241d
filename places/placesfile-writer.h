/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Makes a places file: rows are added in any order, then all is written at once.
 *
 * Everything is kept in memory until then: about 60 bytes a row and the row's text. The file
 * depends on nothing but the rows and their order. A writer belongs to one thread at a time.
 */

#include "places/placesfile.h"

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>

typedef struct PlacesFileWriter PlacesFileWriter;

/* @attribution: HTML that names the source and its licence, or "". Copied. */
PlacesFileWriter *placesfile_writer_new(const char *attribution);
void placesfile_writer_free(PlacesFileWriter *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PlacesFileWriter, placesfile_writer_free)

/* Adds a copy of @place. FALSE with HERD_PLACES_ERROR_DATA set, and nothing added, when it cannot
 * be in a places file: not on the globe, text that is too long or not UTF-8, no id, or too many
 * rows or lists of types. */
bool placesfile_writer_add(PlacesFileWriter *writer, const Place *place, GError **error);

/* Writes the file to @out, whose position is its start, and flushes it; may block on the disk. Once
 * only. FALSE with HERD_PLACES_ERROR_DATA set when that fails; what @out holds is then of no use.
 */
bool placesfile_writer_finish(PlacesFileWriter *writer, FILE *out, GError **error);
