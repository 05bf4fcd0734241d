/* SPDX-License-Identifier: MIT */
#include "cmd/load/population.h"

#include "cmd/load/clock.h"
#include "cmd/load/random.h"

#include <math.h>

#define DEGREE            1000000            /* of which places have six decimals */
#define HALF_TURN         INT64_C(180000000) /* likewise */
#define METRES_PER_DEGREE 111195.0           /* of latitude, on a sphere of 6,371 km */
#define SOUTHERNMOST_HOME (-55 * DEGREE)
#define NORTHERNMOST_HOME (70 * DEGREE)
#define FARTHEST          INT64_C(85000000) /* from the equator; Redis knows places up to 85.05 */
#define NUMBER_DIGITS     7
#define DIRECTIONS        256
#define DOMAIN            ".example"

typedef struct {
    int32_t latitude; /* millionths of a degree */
    int32_t longitude;
    int64_t reported; /* nanoseconds since 1970 of the last report; 0: none; negative: in doubt */
} Client;

struct Population {
    char *prefix; /* (owned) with its hyphen */
    size_t prefix_length;
    uint32_t first;
    uint32_t count;
    uint64_t random;
    int32_t north[DIRECTIONS]; /* a step, in millionths of a degree */
    int32_t east[DIRECTIONS];  /* at the equator */
    float
        stretch[FARTHEST / DEGREE + 1]; /* of a degree of longitude, by whole degrees of latitude */
    Client clients[];
};

Population *population_new(const char *prefix, uint32_t first, uint32_t count, double step,
                           uint64_t seed)
{
    Population *p = g_malloc0(sizeof *p + count * sizeof(Client));
    double length = step / METRES_PER_DEGREE * DEGREE;

    g_assert(strlen(prefix) <= PREFIX_MAX);
    p->prefix = g_strdup_printf("%s-", prefix);
    p->prefix_length = strlen(p->prefix);
    p->first = first;
    p->count = count;
    p->random = seed ^ first;
    for (size_t i = 0; i < DIRECTIONS; i++) {
        double angle = 2 * G_PI * (double)i / DIRECTIONS;

        p->north[i] = (int32_t)lround(length * cos(angle));
        p->east[i] = (int32_t)lround(length * sin(angle));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(p->stretch); i++)
        p->stretch[i] = (float)(1 / cos((double)i * G_PI / 180));
    for (uint32_t i = 0; i < count; i++) {
        uint64_t state = seed * UINT64_C(0x2545f4914f6cdd1d) + first + i;

        p->clients[i].latitude =
            SOUTHERNMOST_HOME +
            (int32_t)random_below(&state, NORTHERNMOST_HOME - SOUTHERNMOST_HOME + 1);
        p->clients[i].longitude = (int32_t)random_below(&state, 360 * DEGREE) - 180 * DEGREE;
    }
    return p;
}

void population_free(Population *population)
{
    if (population == NULL)
        return;
    g_free(population->prefix);
    g_free(population);
}

/* Writes @value in @digits digits; returns where they end. */
static char *put_digits(char *to, uint64_t value, unsigned digits)
{
    for (unsigned i = digits; i-- > 0; value /= 10)
        to[i] = (char)('0' + value % 10);
    return to + digits;
}

static char *put_bytes(char *to, const char *bytes, size_t length)
{
    memcpy(to, bytes, length);
    return to + length;
}

static char *put_degrees(char *to, int32_t millionths, unsigned digits)
{
    uint32_t size = (uint32_t)ABS(millionths);

    *to++ = millionths < 0 ? '-' : '+';
    to = put_digits(to, size / DEGREE, digits);
    *to++ = '.';
    return put_digits(to, size % DEGREE, 6);
}

/* " PLACE TIME" */
static char *put_place_and_time(char *to, int32_t latitude, int32_t longitude, int64_t time)
{
    *to++ = ' ';
    to = put_degrees(to, latitude, 2);
    to = put_degrees(to, longitude, 3);
    *to++ = ' ';
    to = put_digits(to, (uint64_t)(time / NS_PER_S), 10);
    *to++ = '.';
    return put_digits(to, (uint64_t)(time % NS_PER_S), 9);
}

static void write_report(const Population *p, uint32_t index, Report *report)
{
    const Client *client = &p->clients[index];
    uint64_t number = (uint64_t)p->first + index;
    char *at = put_bytes(report->text, p->prefix, p->prefix_length);
    unsigned digits = NUMBER_DIGITS;

    for (uint64_t limit = 10000000; number >= limit; limit *= 10)
        digits++;
    at = put_digits(at, number, digits);
    at = put_bytes(at, DOMAIN, sizeof DOMAIN - 1);
    report->client_length = (uint8_t)(at - report->text);
    at = put_place_and_time(at, client->latitude, client->longitude, client->reported);
    report->length = (uint8_t)(at - report->text);
}

static void move(Population *p, Client *client)
{
    size_t direction = random_next(&p->random) % DIRECTIONS;
    int64_t latitude = (int64_t)client->latitude + p->north[direction];
    float stretch = p->stretch[ABS(client->latitude) / DEGREE];
    int64_t longitude = client->longitude + (int64_t)((float)p->east[direction] * stretch);

    if (ABS(latitude) > FARTHEST) /* back, and no farther than that either */
        latitude = CLAMP((int64_t)client->latitude - p->north[direction], -FARTHEST, FARTHEST);
    client->latitude = (int32_t)latitude;
    /* In [-180, 180) again, however long the step was. */
    longitude = (longitude + HALF_TURN) % (2 * HALF_TURN);
    client->longitude = (int32_t)(longitude < 0 ? longitude + HALF_TURN : longitude - HALF_TURN);
}

void population_report(Population *population, uint32_t index, int64_t now, Report *ret_report)
{
    Client *client = &population->clients[index];
    int64_t last = ABS(client->reported);

    move(population, client);
    client->reported = MAX(now, last + 1);
    write_report(population, index, ret_report);
}

bool population_last(const Population *population, uint32_t index, Report *ret_report)
{
    if (population->clients[index].reported <= 0)
        return false;
    write_report(population, index, ret_report);
    return true;
}

void population_doubt(Population *population, uint32_t index)
{
    Client *client = &population->clients[index];

    client->reported = -ABS(client->reported);
}

void population_write_other(const char *prefix, const char *name, int64_t now, Report *ret_report)
{
    char *text = ret_report->text;
    int length = g_snprintf(text, sizeof ret_report->text, "%s-%s" DOMAIN, prefix, name);

    g_assert(length > 0 && (size_t)length + REPORT_PLACE_LENGTH + REPORT_TIME_LENGTH + 2 <=
                               sizeof ret_report->text);
    ret_report->client_length = (uint8_t)length;
    ret_report->length =
        (uint8_t)(put_place_and_time(text + length, 34068930, -118445127, now) - text);
}
