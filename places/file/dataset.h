/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Places data that is being answered from: an open places file, the memory that it lies in, and
 * which of its places are wanted. It does not change, so any number of threads may use it.
 */

#include "places/places.h"

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Dataset Dataset;

/* The places file in the @size bytes at @data, which stay where they are; only places of @type
 * (nullable). NULL with HERD_PLACES_ERROR_DATA set. */
Dataset *dataset_new(const void *data, size_t size, const char *type, GError **error);

/* The same for the file at @path, which is mapped until the last reference is gone; it must be
 * replaced, never changed. NULL with HERD_PLACES_ERROR_DATA set. */
Dataset *dataset_map(const char *path, const char *type, GError **error);

/* Any thread, no lock. (transfer full) */
Dataset *dataset_ref(Dataset *dataset);
void dataset_unref(Dataset *dataset);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Dataset, dataset_unref)

uint32_t dataset_row_count(const Dataset *dataset);

/* As places_nearby(), with bound and radius above 0. */
PlacesStatus dataset_nearby(const Dataset *dataset, const PlacesQuery *query, GString *json);
