/* SPDX-License-Identifier: MIT */

/*
 * Runs at build time: turns the rows of data/cities500.tsv into a places file, and writes the
 * assembler source that puts that file into the program.
 *
 *     embed-cities ROWS.tsv OUT.places OUT.S
 *
 * The assembler source is written last and names the places file, so that whatever changes the data
 * changes the source too, and the build knows that its object is out of date.
 */

#include "places/degrees.h"
#include "places/file/placesfile-writer.h"
#include "places/places.h"

#include <errno.h>
#include <stdlib.h>

#define COLUMNS 5 /* geonameid, name, latitude, longitude, kind: scripts/reduce-cities500 */

static bool add_row(PlacesFileWriter *writer, const char *line, GError **error)
{
    g_auto(GStrv) fields = g_strsplit(line, "\t", -1);
    Place place;

    if (g_strv_length(fields) != COLUMNS) {
        g_set_error(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_DATA, "not %d columns", COLUMNS);
        return false;
    }
    if (!degrees_parse(slice_of(fields[2]), 90, &place.latitude) ||
        !degrees_parse(slice_of(fields[3]), 180, &place.longitude)) {
        g_set_error(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_DATA, "not a position");
        return false;
    }

    g_autofree char *id = g_strconcat("gn:", fields[0], NULL);
    place.id = slice_of(id);
    place.name = (Slice){.data = fields[1], .length = strlen(fields[1])};
    place.vicinity = place.name;
    place.types =
        strcmp(fields[4], "s") == 0 ? SLICE("sublocality,political") : SLICE("locality,political");
    return placesfile_writer_add(writer, &place, error);
}

static PlacesFileWriter *read_rows(const char *path, const char *folder, GError **error)
{
    g_autofree char *text = NULL;
    g_autoptr(PlacesFileWriter) writer = placesfile_writer_new(GEONAMES_ATTRIBUTION, folder, error);
    unsigned number = 1;

    if (writer == NULL || !g_file_get_contents(path, &text, NULL, error))
        return NULL;
    for (char *line = text; *line != '\0'; number++) {
        char *end = strchr(line, '\n');

        if (end != NULL)
            *end = '\0';
        if (!add_row(writer, line, error)) {
            g_prefix_error(error, "%s:%u: ", path, number);
            return NULL;
        }
        if (end == NULL)
            break;
        line = end + 1;
    }
    return g_steal_pointer(&writer);
}

static bool write_file(PlacesFileWriter *writer, const char *path, GError **error)
{
    FILE *out = fopen(path, "wb");

    if (out == NULL) {
        g_set_error(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_DATA, "%s: %s", path,
                    g_strerror(errno));
        return false;
    }
    bool written = placesfile_writer_finish(writer, out, NULL, NULL, error);
    fclose(out); /* flushed by then */
    return written;
}

static bool write_assembler(const char *path, const char *data, GError **error)
{
    g_autofree char *source = g_strdup_printf("/* Made by embed-cities. */\n"
                                              "    .section .rodata\n"
                                              "    .globl places_embedded_data\n"
                                              "    .hidden places_embedded_data\n"
                                              "    .type places_embedded_data, %%object\n"
                                              "    .balign 64\n"
                                              "places_embedded_data:\n"
                                              "    .incbin \"%s\"\n"
                                              ".Lend:\n"
                                              "    .size places_embedded_data, . - "
                                              "places_embedded_data\n"
                                              "    .globl places_embedded_size\n"
                                              "    .hidden places_embedded_size\n"
                                              "    .type places_embedded_size, %%object\n"
                                              "    .balign 8\n"
                                              "places_embedded_size:\n"
                                              "    .quad .Lend - places_embedded_data\n"
                                              "    .size places_embedded_size, 8\n"
                                              "    .section .note.GNU-stack,\"\",%%progbits\n",
                                              data);

    return g_file_set_contents(path, source, -1, error);
}

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;

    if (argc != 4) {
        g_printerr("usage: embed-cities ROWS.tsv OUT.places OUT.S\n");
        return 2;
    }
    g_autofree char *folder = g_path_get_dirname(argv[2]);
    g_autoptr(PlacesFileWriter) writer = read_rows(argv[1], folder, &error);
    if (writer == NULL || !write_file(writer, argv[2], &error) ||
        !write_assembler(argv[3], argv[2], &error)) {
        g_printerr("embed-cities: %s\n", error->message);
        return 1;
    }
    return 0;
}
