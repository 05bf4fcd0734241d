/* SPDX-License-Identifier: MIT */
#include "places/filelayout.h"

#include "places/fixedpoint.h"
#include "places/geometry.h"
#include "places/jsonlayout.h"

#define UNIT_DIGITS          7     /* of 1e-7 degrees */
#define VIEWPORT_HALF_HEIGHT 13490 /* 0.001349 degrees, as Google has it for a point */
#define TYPES_MAX            32

#define LATITUDE_MAX  (90 * UNITS_PER_DEGREE)
#define LONGITUDE_MAX (180 * UNITS_PER_DEGREE)

#define I1 JSONLAYOUT_INDENT
#define I2 I1 I1
#define I3 I2 I1
#define I4 I3 I1
#define I5 I4 I1
#define I6 I5 I1

/* For literals; g_string_append() would measure them each time. */
#define APPEND(out, literal) g_string_append_len(out, literal, sizeof(literal) - 1)

static void append_position(GString *json, Slice indent, int64_t latitude, int64_t longitude)
{
    g_string_append_len(json, indent.data, (gssize)indent.length);
    APPEND(json, "\"lat\" : ");
    fixedpoint_append(json, latitude, UNIT_DIGITS);
    APPEND(json, ",\n");
    g_string_append_len(json, indent.data, (gssize)indent.length);
    APPEND(json, "\"lng\" : ");
    fixedpoint_append(json, longitude, UNIT_DIGITS);
    g_string_append_c(json, '\n');
}

static int64_t wrap_longitude(int64_t longitude)
{
    if (longitude > LONGITUDE_MAX)
        return longitude - 2 * LONGITUDE_MAX;
    if (longitude < -LONGITUDE_MAX)
        return longitude + 2 * LONGITUDE_MAX;
    return longitude;
}

static void append_geometry(GString *json, int64_t latitude, int64_t longitude)
{
    int64_t north = MIN(latitude + VIEWPORT_HALF_HEIGHT, LATITUDE_MAX);
    int64_t south = MAX(latitude - VIEWPORT_HALF_HEIGHT, -LATITUDE_MAX);
    int64_t east = wrap_longitude(longitude + VIEWPORT_HALF_HEIGHT);
    int64_t west = wrap_longitude(longitude - VIEWPORT_HALF_HEIGHT);

    APPEND(json, I3 "\"geometry\" : {\n" I4 "\"location\" : {\n");
    append_position(json, SLICE(I5), latitude, longitude);
    APPEND(json, I4 "},\n" I4 "\"viewport\" : {\n" I5 "\"northeast\" : {\n");
    append_position(json, SLICE(I6), north, east);
    APPEND(json, I5 "},\n" I5 "\"southwest\" : {\n");
    append_position(json, SLICE(I6), south, west);
    APPEND(json, I5 "}\n" I4 "}\n" I3 "},\n");
}

/* @types has a comma between two. */
static void append_types(GString *json, Slice types)
{
    JsonValue values[TYPES_MAX];
    JsonValue array = {.type = JSON_ARRAY};

    while (types.length > 0 && array.count < TYPES_MAX) {
        const char *comma = memchr(types.data, ',', types.length);
        size_t length = comma == NULL ? types.length : (size_t)(comma - types.data);
        JsonValue *value = &values[array.count];

        *value = (JsonValue){.type = JSON_STRING, .text = {.data = types.data, .length = length}};
        if (array.count > 0)
            values[array.count - 1].next = value;
        array.count++;
        length += comma != NULL;
        types = (Slice){.data = types.data + length, .length = types.length - length};
    }
    array.first = array.count > 0 ? &values[0] : NULL;
    jsonlayout_append(json, &array, 3);
}

static void append_result(GString *json, const Place *place)
{
    APPEND(json, I2 "{\n");
    append_geometry(json, place->latitude, place->longitude);
    APPEND(json, I3 "\"name\" : ");
    jsonlayout_append_string(json, place->name);
    APPEND(json, ",\n" I3 "\"place_id\" : ");
    jsonlayout_append_string(json, place->id);
    APPEND(json, ",\n" I3 "\"reference\" : ");
    jsonlayout_append_string(json, place->id);
    APPEND(json, ",\n" I3 "\"types\" : ");
    append_types(json, place->types);
    APPEND(json, ",\n" I3 "\"vicinity\" : ");
    jsonlayout_append_string(json, place->vicinity);
    APPEND(json, "\n" I2 "}");
}

/* The source is named even when nothing was found: it tells why. */
static void append_attributions(GString *json, Slice attribution)
{
    JsonValue value = {.type = JSON_STRING, .text = attribution};
    JsonValue array = {.type = JSON_ARRAY};

    if (attribution.length > 0) {
        array.count = 1;
        array.first = array.last = &value;
    }
    APPEND(json, I1 "\"html_attributions\" : ");
    jsonlayout_append(json, &array, 1);
}

PlacesStatus filelayout_append(const PlacesFile *file, const PlacesQuery *query, GString *json)
{
    PlacesHit hits[PLACES_BOUND_MAX];
    size_t found = placesfile_nearest(file, query->center, query->radius, hits,
                                      MIN(query->bound, PLACES_BOUND_MAX));
    size_t written = 0;

    APPEND(json, "{\n");
    append_attributions(json, placesfile_attribution(file));
    APPEND(json, ",\n" I1 "\"results\" : [");
    for (size_t i = 0; i < found; i++) {
        Place place;

        if (!placesfile_place(file, hits[i].row, &place))
            continue; /* damaged: answer with what is whole */
        if (written++ > 0)
            g_string_append_c(json, ',');
        g_string_append_c(json, '\n');
        append_result(json, &place);
    }

    PlacesStatus status = written > 0 ? PLACES_OK : PLACES_ZERO_RESULTS;
    if (written > 0)
        APPEND(json, "\n" I1);
    APPEND(json, "],\n" I1 "\"status\" : \"");
    g_string_append(json, places_status_name(status));
    APPEND(json, "\"\n}");
    return status;
}
