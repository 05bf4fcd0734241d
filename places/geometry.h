/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Positions on the sphere: unit vectors, and the distance that counts.
 *
 * Distances are kept as haversines, h = sin^2(angle / 2): they grow with the distance, are exact
 * where it is small, and need no inverse function to be compared. The chord between two unit
 * vectors is 2 sqrt(h).
 */

#include "core/query.h"

#include <math.h>
#include <stdint.h>

#define EARTH_RADIUS_M 6371008.8 /* the mean radius of WGS 84 */

/* What a places file counts positions in: 1e-7 degrees. */
#define NANODEGREES_PER_UNIT INT64_C(100)
#define UNITS_PER_DEGREE     INT64_C(10000000)

#define RADIANS_PER_NANODEGREE (M_PI / 180e9)

typedef struct {
    double axis[3]; /* toward 0N 0E, 0N 90E, the north pole */
} UnitVector;

static inline UnitVector unit_vector(Location location)
{
    double latitude = (double)location.latitude * RADIANS_PER_NANODEGREE;
    double longitude = (double)location.longitude * RADIANS_PER_NANODEGREE;
    double off_axis = cos(latitude);

    return (UnitVector){
        .axis = {off_axis * cos(longitude), off_axis * sin(longitude), sin(latitude)}};
}

/* The differences are taken between integers, so that nothing is lost where @a and @b are close. */
static inline double haversine(Location a, Location b)
{
    double half = RADIANS_PER_NANODEGREE / 2;
    double north = sin((double)(a.latitude - b.latitude) * half);
    double east = sin((double)(a.longitude - b.longitude) * half);

    return north * north + cos((double)a.latitude * RADIANS_PER_NANODEGREE) *
                               cos((double)b.latitude * RADIANS_PER_NANODEGREE) * east * east;
}

/* @radius in millimetres, at most half way around the Earth. */
static inline double haversine_of_radius(int64_t radius)
{
    double half_angle = (double)radius / 1000 / EARTH_RADIUS_M / 2;
    double s = half_angle >= M_PI / 2 ? 1 : sin(half_angle);

    return s * s;
}

/* In metres. */
static inline double haversine_to_metres(double h)
{
    return 2 * EARTH_RADIUS_M * asin(sqrt(h > 1 ? 1 : h));
}
