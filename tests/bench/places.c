/* SPDX-License-Identifier: MIT */

/*
 * Places by the million, and how long it takes to say what is near.
 *
 *     places make ROWS                 rows in GeoNames' format to stdout: crowds of places that
 * are large and small as cities are; the same ones each time places query FILE KM COUNT [TYPE] asks
 * COUNT times for 20 places up to KM around some place of FILE ("embedded": of the built-in data),
 * all answers as JSON; prints places an answer, and p50, p99 and the most in microseconds
 */

#include "places/places.h"
#include "places/file/embedded-data.h"
#include "places/file/placesfile.h"
#include "places/geometry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SEED    20240229
#define CITIES  20000
#define WARM_UP 1000 /* queries that are not counted */

typedef struct {
    double latitude; /* degrees */
    double longitude;
    double spread;
    double places_before; /* share of all places that is in the cities before this one */
} City;

static double normal(GRand *random)
{
    return sqrt(-2 * log(1 - g_rand_double(random))) * cos(2 * M_PI * g_rand_double(random));
}

/* By Zipf: the n-th city has an n-th of the first one's places, and its area goes with them. */
static City *make_cities(GRand *random)
{
    City *cities = g_new(City, CITIES);
    double sum = 0;

    for (unsigned i = 0; i < CITIES; i++) {
        cities[i] = (City){
            .latitude = g_rand_double_range(random, -50, 65),
            .longitude = g_rand_double_range(random, -180, 180),
            .spread = 0.01 + 0.1 / sqrt(i + 1),
            .places_before = sum,
        };
        sum += 1.0 / (i + 1);
    }
    for (unsigned i = 0; i < CITIES; i++)
        cities[i].places_before /= sum;
    return cities;
}

static const City *pick_city(const City *cities, double share)
{
    size_t first = 0;
    size_t end = CITIES;

    while (end - first > 1) {
        size_t middle = first + (end - first) / 2;

        if (cities[middle].places_before <= share)
            first = middle;
        else
            end = middle;
    }
    return &cities[first];
}

static int make(unsigned long rows)
{
    static const char *const codes[] = {"REST", "REST", "REST", "HTL", "SCH", "CH",
                                        "MALL", "BANK", "HSP",  "MUS", "PO",  "ZOO"};
    GRand *random = g_rand_new_with_seed(SEED);
    City *cities = make_cities(random);

    for (unsigned long row = 0; row < rows; row++) {
        const City *city = pick_city(cities, g_rand_double(random));
        double longitude = city->longitude + city->spread * normal(random);
        unsigned code = (unsigned)g_rand_int_range(random, 0, G_N_ELEMENTS(codes));

        printf(
            "%lu\tPlace number %lu\t\t\t%.5f\t%.5f\tS\t%s\tXX\t\t\t\t\t\t0\t\t0\tUTC\t2024-02-29\n",
            row, row, city->latitude + city->spread * normal(random), remainder(longitude, 360),
            codes[code]);
    }
    g_free(cities);
    g_rand_free(random);
    return fflush(stdout) == 0 ? 0 : 1;
}

static int compare_numbers(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return (left > right) - (left < right);
}

static double now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* How often @what is in @text. */
static size_t count_of(const char *text, const char *what)
{
    size_t count = 0;

    for (text = strstr(text, what); text != NULL; text = strstr(text + 1, what))
        count++;
    return count;
}

static void measure(Places *places, const PlacesFile *file, int64_t km, unsigned count)
{
    g_autofree double *times = g_new(double, count);
    g_autoptr(GString) json = g_string_new(NULL);
    GRand *random = g_rand_new_with_seed(SEED);
    size_t found = 0;

    for (unsigned i = 0; i < WARM_UP + count; i++) {
        uint32_t row = (uint32_t)(g_rand_double(random) * placesfile_row_count(file));
        PlacesQuery query = {.center = placesfile_location(file, row),
                             .radius = km * MILLIMETRES_PER_KM,
                             .bound = PLACES_BOUND_MAX};

        g_string_truncate(json, 0);
        double begin = now_us();
        places_nearby(places, &query, json);
        if (i < WARM_UP)
            continue;
        times[i - WARM_UP] = now_us() - begin;
        found += count_of(json->str, "\"place_id\"");
    }
    g_rand_free(random);
    qsort(times, count, sizeof *times, compare_numbers);
    printf("%.1f %.1f %.1f %.1f\n", (double)found / count, times[count / 2],
           times[count - 1 - count / 100], times[count - 1]);
}

static int query(char *path, int64_t km, unsigned count, char *type)
{
    bool embedded = strcmp(path, "embedded") == 0;
    PlacesOptions options = {
        .provider = embedded ? PROVIDER_EMBEDDED : PROVIDER_FILE, .file = path, .type = type};
    g_autoptr(GError) error = NULL;
    g_autoptr(GMappedFile) mapped = embedded ? NULL : g_mapped_file_new(path, FALSE, &error);
    g_autoptr(Places) places = error == NULL ? places_new(&options, &error) : NULL;

    if (places == NULL) {
        fprintf(stderr, "places: %s\n", error->message);
        return 1;
    }
    const void *bytes = embedded ? (const void *)places_embedded_data
                                 : (const void *)g_mapped_file_get_contents(mapped);
    size_t size = embedded ? places_embedded_size : g_mapped_file_get_length(mapped);
    g_autoptr(PlacesFile) file = placesfile_open(bytes, size, &error);
    if (file == NULL)
        return 1;
    measure(places, file, km, count);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "make") == 0)
        return make(strtoul(argv[2], NULL, 10));
    if ((argc == 5 || argc == 6) && strcmp(argv[1], "query") == 0)
        return query(argv[2], strtol(argv[3], NULL, 10), (unsigned)strtoul(argv[4], NULL, 10),
                     argc == 6 ? argv[5] : NULL);
    fprintf(stderr, "usage: places make ROWS | places query FILE KM COUNT [TYPE]\n");
    return 2;
}
