/* SPDX-License-Identifier: MIT */

/*
 * What is imported (import.h): places that can be places, and every row either that or skipped with
 * a reason; the same however the input comes in pieces.
 *
 * The first byte of an input says what it is: c CSV, j GeoJSON, s a sequence of features, all else
 * GeoNames' dump.
 */

#include "fuzz.h"

#include "places/geometry.h"
#include "places/import/import.h"
#include "places/places.h"

typedef struct {
    Slice rest;
    bool whole;
    Chance chance;
    GString *told; /* (owned) what was handed over, row by row */
    uint64_t line; /* of the last row */
} Run;

static gssize read_input(void *self, char *buffer, size_t size, GError **error G_GNUC_UNUSED)
{
    Run *run = self;
    size_t length = MIN(size, run->rest.length);

    if (!run->whole && length > 0)
        length = 1 + chance_below(&run->chance, MIN(length, 100));
    memcpy(buffer, run->rest.data, length);
    run->rest.data += length;
    run->rest.length -= length;
    return (gssize)length;
}

static void tell(GString *told, Slice text)
{
    g_string_append_len(told, text.data, (gssize)text.length);
    g_string_append_c(told, '|');
}

static void take_line(Run *run, uint64_t line)
{
    g_assert_cmpuint(line, >=, MAX(run->line, 1));
    run->line = line;
    g_string_append_printf(run->told, "\n%" G_GUINT64_FORMAT " ", line);
}

static bool take_place(void *self, uint64_t line, const Place *place, GError **error G_GNUC_UNUSED)
{
    Run *run = self;

    take_line(run, line);
    g_assert_cmpint(ABS(place->latitude), <=, 90 * UNITS_PER_DEGREE);
    g_assert_cmpint(ABS(place->longitude), <=, 180 * UNITS_PER_DEGREE);
    g_assert_cmpuint(place->id.length, >, 0);
    g_assert_cmpuint(place->name.length, >, 0);
    g_assert_cmpuint(place->types.length, >, 0);
    g_string_append_printf(run->told, "%d %d ", place->latitude, place->longitude);
    tell(run->told, place->id);
    tell(run->told, place->name);
    tell(run->told, place->types);
    tell(run->told, place->vicinity);
    return true;
}

static void take_skipped(void *self, uint64_t line, const char *reason)
{
    Run *run = self;

    take_line(run, line);
    g_assert_true(*reason != '\0');
    g_string_append(run->told, reason);
}

static GString *import(ImportReader *reader, Slice text, bool whole)
{
    g_autoptr(GError) error = NULL;
    Run run = {.rest = text, .whole = whole, .chance = chance_of(text)};
    ImportInput input = {.self = &run, .read = read_input};
    ImportSink sink = {.self = &run, .place = take_place, .skipped = take_skipped};

    run.told = g_string_new(NULL);
    bool done = reader(&input, &sink, &error);
    g_assert_true(done == (error == NULL));
    if (!done) {
        g_assert_true(error->domain == HERD_PLACES_ERROR && error->code == HERD_PLACES_ERROR_DATA);
        g_assert_null(strchr(error->message, '\n'));
        g_string_append_printf(run.told, "\n%s", error->message);
    }
    return run.told;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;

    Slice text = slice_of_input(data + 1, size - 1);
    ImportReader *reader = *data == 'c'   ? import_csv
                           : *data == 'j' ? import_geojson
                           : *data == 's' ? import_geojsonseq
                                          : import_geonames;
    g_autoptr(GString) whole = import(reader, text, true);
    g_autoptr(GString) pieces = import(reader, text, false);
    g_assert_true(slice_equal(slice_of_string(whole), slice_of_string(pieces)));
    return 0;
}
