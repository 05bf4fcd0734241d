/* SPDX-License-Identifier: MIT */
#include "core/location.h"

#include "core/decimal.h"

#define DEGREE_DIGITS     3
#define NANODEGREE_DIGITS 9

static bool parse_degrees(Slice text, int64_t limit, int64_t *ret_nanodegrees)
{
    Decimal d;

    if (!decimal_parse(text, &d) || d.sign == 0 || d.whole_digits > DEGREE_DIGITS ||
        decimal_exceeds(&d, limit))
        return false;

    int64_t nanodegrees =
        d.whole * NANODEGREES_PER_DEGREE + decimal_fraction(&d, NANODEGREE_DIGITS);
    *ret_nanodegrees = d.sign == '-' ? -nanodegrees : nanodegrees;
    return true;
}

bool location_parse(Slice text, Location *ret_location)
{
    size_t split = 1;
    Location location;

    /* The second sign is where the longitude begins. */
    while (split < text.length && text.data[split] != '+' && text.data[split] != '-')
        split++;
    if (split >= text.length)
        return false;

    Slice latitude = {.data = text.data, .length = split};
    Slice longitude = {.data = text.data + split, .length = text.length - split};
    if (!parse_degrees(latitude, 90, &location.latitude) ||
        !parse_degrees(longitude, 180, &location.longitude))
        return false;
    *ret_location = location;
    return true;
}
