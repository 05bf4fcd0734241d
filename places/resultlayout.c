/* SPDX-License-Identifier: MIT */
#include "places/resultlayout.h"

#include "places/fixedpoint.h"
#include "places/json/jsonlayout.h"
#include "places/types.h"

#define VIEWPORT_HALF_HEIGHT 1349000 /* 0.001349 degrees, as Google has it for a point */
#define TYPES_MAX            32

#define LATITUDE_MAX  (90 * NANODEGREES_PER_DEGREE)
#define LONGITUDE_MAX (180 * NANODEGREES_PER_DEGREE)

#define I1 JSONLAYOUT_INDENT
#define I2 I1 I1
#define I3 I2 I1
#define I4 I3 I1
#define I5 I4 I1
#define I6 I5 I1

/* For literals; g_string_append() would measure them each time. */
#define APPEND(out, literal) g_string_append_len(out, literal, sizeof(literal) - 1)

static void append_slice(GString *json, Slice text)
{
    g_string_append_len(json, text.data, (gssize)text.length);
}

static void append_degrees(GString *json, int64_t nanodegrees, Slice written)
{
    if (written.length > 0)
        append_slice(json, written);
    else
        fixedpoint_append(json, nanodegrees, NANODEGREE_DIGITS);
}

static void append_position(GString *json, Slice indent, const PlaceResult *at)
{
    append_slice(json, indent);
    APPEND(json, "\"lat\" : ");
    append_degrees(json, at->location.latitude, at->latitude);
    APPEND(json, ",\n");
    append_slice(json, indent);
    APPEND(json, "\"lng\" : ");
    append_degrees(json, at->location.longitude, at->longitude);
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

static void append_geometry(GString *json, const PlaceResult *result)
{
    int64_t latitude = result->location.latitude;
    int64_t longitude = result->location.longitude;
    PlaceResult northeast = {
        .location = {.latitude = MIN(latitude + VIEWPORT_HALF_HEIGHT, LATITUDE_MAX),
                     .longitude = wrap_longitude(longitude + VIEWPORT_HALF_HEIGHT)}};
    PlaceResult southwest = {
        .location = {.latitude = MAX(latitude - VIEWPORT_HALF_HEIGHT, -LATITUDE_MAX),
                     .longitude = wrap_longitude(longitude - VIEWPORT_HALF_HEIGHT)}};

    APPEND(json, I3 "\"geometry\" : {\n" I4 "\"location\" : {\n");
    append_position(json, SLICE(I5), result);
    APPEND(json, I4 "},\n" I4 "\"viewport\" : {\n" I5 "\"northeast\" : {\n");
    append_position(json, SLICE(I6), &northeast);
    APPEND(json, I5 "},\n" I5 "\"southwest\" : {\n");
    append_position(json, SLICE(I6), &southwest);
    APPEND(json, I5 "}\n" I4 "}\n" I3 "},\n");
}

static void append_types(GString *json, Slice types)
{
    JsonValue values[TYPES_MAX];
    JsonValue array = {.type = JSON_ARRAY};
    Slice type;

    while (array.count < TYPES_MAX && types_next(&types, &type)) {
        JsonValue *value = &values[array.count];

        *value = (JsonValue){.type = JSON_STRING, .text = type};
        if (array.count > 0)
            values[array.count - 1].next = value;
        array.count++;
    }
    array.first = array.count > 0 ? &values[0] : NULL;
    jsonlayout_append(json, &array, 3);
}

void resultlayout_begin(GString *json, Slice attribution)
{
    JsonValue value = {.type = JSON_STRING, .text = attribution};
    JsonValue array = {.type = JSON_ARRAY};

    if (attribution.length > 0) {
        array.count = 1;
        array.first = array.last = &value;
    }
    APPEND(json, "{\n" I1 "\"html_attributions\" : ");
    jsonlayout_append(json, &array, 1);
    APPEND(json, ",\n" I1 "\"results\" : [");
}

void resultlayout_append(GString *json, const PlaceResult *result, size_t before)
{
    if (before > 0)
        g_string_append_c(json, ',');
    g_string_append_c(json, '\n');
    APPEND(json, I2 "{\n");
    append_geometry(json, result);
    APPEND(json, I3 "\"name\" : ");
    jsonlayout_append_string(json, result->name);
    APPEND(json, ",\n" I3 "\"place_id\" : ");
    jsonlayout_append_string(json, result->id);
    APPEND(json, ",\n" I3 "\"reference\" : ");
    jsonlayout_append_string(json, result->id);
    APPEND(json, ",\n" I3 "\"types\" : ");
    append_types(json, result->types);
    APPEND(json, ",\n" I3 "\"vicinity\" : ");
    jsonlayout_append_string(json, result->vicinity);
    APPEND(json, "\n" I2 "}");
}

PlacesStatus resultlayout_end(GString *json, size_t count)
{
    PlacesStatus status = count > 0 ? PLACES_OK : PLACES_ZERO_RESULTS;

    if (count > 0)
        APPEND(json, "\n" I1);
    APPEND(json, "],\n" I1 "\"status\" : \"");
    g_string_append(json, places_status_name(status));
    APPEND(json, "\"\n}");
    return status;
}
