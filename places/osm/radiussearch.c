/* SPDX-License-Identifier: MIT */
#include "places/osm/radiussearch.h"

#include <math.h>

#define METRE INT64_C(1000)

/* With 640 named places in the square kilometre, as in the middle of a large town, 500 are within
 * it. */
#define FIRST (500 * METRE)

/* A radius that is to have enough places should have some more: they are not spread evenly. */
#define ENOUGH 5.0

static int64_t whole_metres(double radius)
{
    return (int64_t)ceil(radius / (double)METRE) * METRE;
}

RadiusSearch radiussearch_begin(int64_t limit, size_t bound)
{
    return (RadiusSearch){
        .radius = limit < FIRST ? limit : FIRST, .limit = limit, .bound = bound, .cut = INT64_MAX};
}

bool radiussearch_is_settled(const RadiusSearch *search, const RadiusSearchSeen *seen)
{
    return search->complete >= search->limit ||
           (seen->known == search->bound && seen->farthest <= search->complete);
}

/* No answer was cut so far, and too few places are known. */
static double grown(const RadiusSearch *search, size_t known)
{
    double complete = (double)search->complete;
    double wanted = ENOUGH * (double)search->bound;
    /* The call before the last is for the limit, the last for what is left if that is cut. */
    double calls = (double)(RADIUSSEARCH_CALLS_MAX - 1 - search->calls);

    if (calls <= 1)
        return (double)search->limit;
    double by_time = complete * pow((double)search->limit / complete, 1 / calls);
    double by_density = known == 0 ? 0 : complete * sqrt(wanted / (double)known);
    return by_time > by_density ? by_time : by_density;
}

/* Between what is complete and what was cut, when the places known do not say where. */
static double between(const RadiusSearch *search)
{
    double low = (double)search->complete;
    double high = (double)search->cut;

    return low > high / 16 ? sqrt(low * high) : high / 4;
}

static double next_radius(const RadiusSearch *search, const RadiusSearchSeen *seen)
{
    /* A metre more, for servers that measure with another Earth or fewer digits. */
    double farthest = (double)(seen->farthest + METRE);

    if (seen->known == search->bound && farthest < (double)search->cut)
        return farthest;
    return search->cut == INT64_MAX ? grown(search, seen->known) : between(search);
}

bool radiussearch_go_on(RadiusSearch *search, const RadiusSearchSeen *seen)
{
    search->calls++;
    if (!seen->cut && search->radius > search->complete)
        search->complete = search->radius;
    if (seen->cut && search->radius < search->cut)
        search->cut = search->radius;
    if (radiussearch_is_settled(search, seen) || search->calls == RADIUSSEARCH_CALLS_MAX)
        return false;

    int64_t radius = whole_metres(next_radius(search, seen));
    if (radius > search->limit)
        radius = search->limit;
    search->radius = radius;
    /* Else a metre holds more than an answer may have. */
    return radius > search->complete && radius < search->cut;
}
