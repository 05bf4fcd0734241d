/* SPDX-License-Identifier: MIT */
#include "cmd/tool/phrase.h"

#include "places/geometry.h"

#include <glib.h>
#include <math.h>
#include <time.h>

#define MINUTE 60.0
#define HOUR   3600.0
#define DAY    86400.0
#define YEAR   31556952.0 /* the mean one of the Gregorian calendar */

/* "5 min 3 s": whole units of @large and what is left in units of @small. */
static char *two_units(double seconds, double large, const char *large_name, double small,
                       const char *small_name)
{
    double whole = floor(seconds / large);
    double rest = floor((seconds - whole * large) / small);

    if (rest < 1)
        return g_strdup_printf("%.0f %s", whole, large_name);
    return g_strdup_printf("%.0f %s %.0f %s", whole, large_name, rest, small_name);
}

char *phrase_span(double seconds)
{
    double span = fabs(seconds);

    if (isnan(span))
        return g_strdup("-");
    if (span < 1e-6)
        return g_strdup_printf("%.0f ns", span * 1e9);
    if (span < 1e-4)
        return g_strdup_printf("%.1f \xc2\xb5s", span * 1e6);
    if (span < 0.1)
        return g_strdup_printf("%.1f ms", span * 1e3);
    if (span < 10)
        return g_strdup_printf("%.2f s", span);
    if (span < MINUTE)
        return g_strdup_printf("%.1f s", span);
    if (span < HOUR)
        return two_units(span, MINUTE, "min", 1, "s");
    if (span < DAY)
        return two_units(span, HOUR, "h", MINUTE, "min");
    if (span < YEAR)
        return two_units(span, DAY, "d", HOUR, "h");
    return g_strdup_printf("%.1f years", span / YEAR);
}

char *phrase_timestamp_span(Timestamp span)
{
    return phrase_span((double)span.seconds + (double)span.nanoseconds / 1e9);
}

char *phrase_time(Timestamp time)
{
    time_t seconds = (time_t)time.seconds;
    struct tm parts;

    if (gmtime_r(&seconds, &parts) == NULL)
        return g_strdup_printf("%" G_GINT64_FORMAT " s", time.seconds);
    return g_strdup_printf("%04lld-%02d-%02d %02d:%02d:%02d.%03d UTC", parts.tm_year + 1900LL,
                           parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min,
                           parts.tm_sec, time.nanoseconds / 1000000);
}

double distance_between(Location from, Location to)
{
    return haversine_to_metres(haversine(from, to));
}

const char *direction_between(Location from, Location to)
{
    static const char *const names[] = {"N", "NE", "E", "SE", "S", "SW", "W", "NW"};
    double here = (double)from.latitude * RADIANS_PER_NANODEGREE;
    double there = (double)to.latitude * RADIANS_PER_NANODEGREE;
    double east = (double)(to.longitude - from.longitude) * RADIANS_PER_NANODEGREE;
    /* The first bearing of the great circle. */
    double x = sin(east) * cos(there);
    double y = cos(here) * sin(there) - sin(here) * cos(there) * cos(east);

    if (from.latitude == to.latitude && from.longitude == to.longitude)
        return "-";
    double eighths = atan2(x, y) / (M_PI / 4);
    return names[((int)lround(eighths) + 8) % 8];
}
