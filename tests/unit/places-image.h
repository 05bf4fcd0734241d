/* SPDX-License-Identifier: MIT */
#pragma once

/* Places files in memory, made row by row. */

#include "places/file/placesfile-writer.h"
#include "places/file/placesfile.h"
#include "places/places.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>

/* A file in memory. malloc() aligns it. */
typedef struct {
    char *bytes; /* (owned) */
    size_t size;
} Image;

static void image_clear(Image *image)
{
    free(image->bytes);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Image, image_clear)

static PlacesFileWriter *new_writer(const char *attribution)
{
    GError *error = NULL;
    PlacesFileWriter *writer = placesfile_writer_new(attribution, g_get_tmp_dir(), &error);

    g_assert_no_error(error);
    return writer;
}

/* What @writer makes. */
static Image finish(PlacesFileWriter *writer)
{
    Image image = {0};
    FILE *out = open_memstream(&image.bytes, &image.size);
    GError *error = NULL;

    g_assert_nonnull(out);
    placesfile_writer_finish(writer, out, NULL, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpint(fclose(out), ==, 0);
    return image;
}

static PlacesFile *open_image(const Image *image)
{
    GError *error = NULL;
    PlacesFile *file = placesfile_open(image->bytes, image->size, &error);

    g_assert_no_error(error);
    g_assert_nonnull(file);
    return file;
}

static void add(PlacesFileWriter *writer, const char *id, const char *name, const char *vicinity,
                const char *types, int32_t latitude, int32_t longitude)
{
    Place place = {.id = slice_of(id),
                   .name = slice_of(name),
                   .vicinity = slice_of(vicinity),
                   .types = slice_of(types),
                   .latitude = latitude,
                   .longitude = longitude};
    GError *error = NULL;

    placesfile_writer_add(writer, &place, &error);
    g_assert_no_error(error);
}
