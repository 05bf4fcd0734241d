/* SPDX-License-Identifier: MIT */
#include "places/import/geopoint.h"

#include "places/degrees.h"
#include "places/geometry.h"

#include <glib.h>
#include <math.h>

#define TURN (360 * UNITS_PER_DEGREE)

/* Points in the order of a geometry, and the sums that centroids are made of. All but the positions
 * on the globe is relative to the first point, with longitudes that go on across the date line. */
typedef struct {
    size_t count;
    int32_t latitude; /* of the first point, in 1e-7 degrees */
    int32_t longitude;
    double stretch; /* how long a degree of longitude is there, in degrees of latitude */
    double x, y;    /* of the last point: east, north */
    double west, east, south, north;
    double sum_x, sum_y;
    double length, length_x, length_y;
    double area, area_x, area_y; /* twice the area, with its sign, and six times its moments */
} Outline;

static bool position_of(const JsonValue *position, int32_t *ret_latitude, int32_t *ret_longitude)
{
    if (position == NULL || position->type != JSON_ARRAY || position->count < 2)
        return false;

    const JsonValue *longitude = position->first;
    const JsonValue *latitude = longitude->next;
    return longitude->type == JSON_NUMBER && latitude->type == JSON_NUMBER &&
           degrees_parse(longitude->text, 180, ret_longitude) &&
           degrees_parse(latitude->text, 90, ret_latitude);
}

static void add_segment(Outline *outline, double x, double y)
{
    double length = hypot((x - outline->x) * outline->stretch, y - outline->y);
    double cross = outline->x * y - x * outline->y;

    outline->length += length;
    outline->length_x += length * (outline->x + x) / 2;
    outline->length_y += length * (outline->y + y) / 2;
    outline->area += cross;
    outline->area_x += cross * (outline->x + x);
    outline->area_y += cross * (outline->y + y);
}

/* @joined: a segment leads there from the last point. */
static bool add_position(Outline *outline, const JsonValue *position, bool joined)
{
    int32_t latitude;
    int32_t longitude;

    if (!position_of(position, &latitude, &longitude))
        return false;
    if (outline->count++ == 0) {
        outline->latitude = latitude;
        outline->longitude = longitude;
        outline->stretch =
            cos((double)latitude * (double)NANODEGREES_PER_UNIT * RADIANS_PER_NANODEGREE);
        return true;
    }

    double y = (double)((int64_t)latitude - outline->latitude);
    double x = (double)((int64_t)longitude - outline->longitude);
    x -= (double)TURN *
         round((x - outline->x) / (double)TURN); /* the shorter way from the last point */
    if (joined)
        add_segment(outline, x, y);
    outline->sum_x += x;
    outline->sum_y += y;
    outline->x = x;
    outline->y = y;
    outline->west = MIN(outline->west, x);
    outline->east = MAX(outline->east, x);
    outline->south = MIN(outline->south, y);
    outline->north = MAX(outline->north, y);
    return true;
}

static bool add_positions(Outline *outline, const JsonValue *positions, bool joined)
{
    if (positions == NULL || positions->type != JSON_ARRAY)
        return false;
    for (const JsonValue *at = positions->first; at != NULL; at = at->next)
        if (!add_position(outline, at, joined && at != positions->first))
            return false;
    return true;
}

/* The outer ring of @polygon. Its last point should be its first. */
static bool add_polygon(Outline *outline, const JsonValue *polygon)
{
    if (polygon == NULL || polygon->type != JSON_ARRAY ||
        !add_positions(outline, polygon->first, true) || outline->count == 0)
        return false;
    add_segment(outline, 0, 0);
    return true;
}

static bool add_lines(Outline *outline, const JsonValue *lines)
{
    if (lines == NULL || lines->type != JSON_ARRAY)
        return false;
    for (const JsonValue *line = lines->first; line != NULL; line = line->next)
        if (!add_positions(outline, line, true))
            return false;
    return true;
}

static bool add_largest_polygon(Outline *outline, const JsonValue *polygons)
{
    if (polygons == NULL || polygons->type != JSON_ARRAY)
        return false;
    for (const JsonValue *polygon = polygons->first; polygon != NULL; polygon = polygon->next) {
        Outline one = {0};

        if (!add_polygon(&one, polygon))
            return false;
        if (outline->count == 0 || fabs(one.area) > fabs(outline->area))
            *outline = one;
    }
    return true;
}

/* FALSE: there is none. A ring that crosses itself can have next to no area, and a centroid by it
 * far away. */
static bool centroid_by_area(const Outline *outline, double *ret_x, double *ret_y)
{
    if (!(fabs(outline->area) > 0))
        return false;
    *ret_x = outline->area_x / (3 * outline->area);
    *ret_y = outline->area_y / (3 * outline->area);
    return *ret_x >= outline->west && *ret_x <= outline->east && *ret_y >= outline->south &&
           *ret_y <= outline->north;
}

static void set_centroid(const Outline *outline, int32_t *ret_latitude, int32_t *ret_longitude)
{
    bool is_line = outline->length > 0;
    double weight = is_line ? outline->length : (double)outline->count;
    double x;
    double y;

    if (!centroid_by_area(outline, &x, &y)) {
        x = (is_line ? outline->length_x : outline->sum_x) / weight;
        y = (is_line ? outline->length_y : outline->sum_y) / weight;
    }
    *ret_latitude = (int32_t)(outline->latitude + llround(y));
    *ret_longitude = (int32_t)remainder((double)(outline->longitude + llround(x)), (double)TURN);
}

/* FALSE: its coordinates are not as they should be. */
static bool add_geometry(Outline *outline, Slice type, const JsonValue *coordinates,
                         bool *ret_known)
{
    *ret_known = true;
    if (slice_equal(type, SLICE("Point")))
        return add_position(outline, coordinates, false);
    if (slice_equal(type, SLICE("MultiPoint")))
        return add_positions(outline, coordinates, false);
    if (slice_equal(type, SLICE("LineString")))
        return add_positions(outline, coordinates, true);
    if (slice_equal(type, SLICE("MultiLineString")))
        return add_lines(outline, coordinates);
    if (slice_equal(type, SLICE("Polygon")))
        return add_polygon(outline, coordinates);
    if (slice_equal(type, SLICE("MultiPolygon")))
        return add_largest_polygon(outline, coordinates);
    *ret_known = false;
    return false;
}

const char *geopoint_of(const JsonValue *geometry, int32_t *ret_latitude, int32_t *ret_longitude)
{
    Outline outline = {0};
    bool known = true;

    if (geometry == NULL || geometry->type != JSON_OBJECT)
        return "no geometry";

    const JsonValue *type = jsontree_member(geometry, SLICE("type"), NULL);
    const JsonValue *coordinates = jsontree_member(geometry, SLICE("coordinates"), NULL);
    bool added = type != NULL && type->type == JSON_STRING &&
                 add_geometry(&outline, type->text, coordinates, &known);
    if (!known)
        return "a kind of geometry that has no point to stand for it";
    if (!added || outline.count == 0)
        return "its coordinates are not positions on the globe";
    set_centroid(&outline, ret_latitude, ret_longitude);
    return NULL;
}
