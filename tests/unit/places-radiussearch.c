/* SPDX-License-Identifier: MIT */

/* radiussearch against a server made of points: compared with all of them. */

#include "places/osm/radiussearch.h"

#include "core/query.h"

#include <glib.h>
#include <math.h>
#include <stdlib.h>

#define KM        ((double)MILLIMETRES_PER_KM)
#define ANSWER    500 /* places that the server tells at most */
#define POINT_MAX 200000
#define METRE     1000

/* The server: distances from the centre in the order in which it tells them, that of their ids. */
typedef struct {
    int64_t *distances;
    size_t count;
} World;

typedef struct {
    int64_t known[PLACES_BOUND_MAX]; /* the nearest, in order */
    size_t count;
    unsigned calls;
    bool settled;
} Found;

static int compare_distances(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;

    return (left > right) - (left < right);
}

/* ---- worlds ---- */

/* Spread evenly up to @reach, as a plain is, if @exponent is 2; more toward the centre if it is
 * less, more toward the edge if it is more. */
static World world_new(size_t count, double reach, double exponent)
{
    World world = {.distances = g_new(int64_t, count + 1), .count = count};

    for (size_t i = 0; i < count; i++)
        world.distances[i] = (int64_t)(reach * pow(g_test_rand_double(), 1 / exponent));
    return world;
}

static World random_world(void)
{
    static const double exponents[] = {0.5, 1, 2, 2, 2, 4, 8};
    size_t count = (size_t)pow(POINT_MAX, g_test_rand_double()) - 1;
    double reach = KM * pow(10, g_test_rand_double_range(-2, 1.9));
    size_t kind = (size_t)g_test_rand_int_range(0, G_N_ELEMENTS(exponents));

    return world_new(count, reach, exponents[kind]);
}

/* The far ones have the lower ids, so that a cut answer has none that is near. */
static void put_far_ones_first(World *world)
{
    qsort(world->distances, world->count, sizeof *world->distances, compare_distances);
    for (size_t i = 0; i < world->count / 2; i++) {
        int64_t *a = &world->distances[i];
        int64_t *b = &world->distances[world->count - 1 - i];
        int64_t swapped = *a;

        *a = *b;
        *b = swapped;
    }
}

static size_t count_within(const World *world, int64_t radius)
{
    size_t count = 0;

    for (size_t i = 0; i < world->count; i++)
        count += world->distances[i] <= radius;
    return count;
}

static void world_clear(World *world)
{
    g_free(world->distances);
}

/* ---- the search ---- */

static void learn(Found *found, size_t bound, int64_t distance)
{
    size_t at = found->count;

    if (at == bound && distance >= found->known[at - 1])
        return;
    if (at == bound)
        at--;
    else
        found->count++;
    for (; at > 0 && found->known[at - 1] > distance; at--)
        found->known[at] = found->known[at - 1];
    found->known[at] = distance;
}

/* What an answer of the server tells; an answer tells nothing new of a place that is known. */
static bool ask(const World *world, int64_t radius, bool *told, Found *found, size_t bound)
{
    size_t given = 0;

    for (size_t i = 0; i < world->count && given < ANSWER; i++) {
        if (world->distances[i] > radius)
            continue;
        given++;
        if (!told[i])
            learn(found, bound, world->distances[i]);
        told[i] = true;
    }
    return given == ANSWER;
}

static Found search_in(const World *world, int64_t limit, size_t bound)
{
    RadiusSearch search = radiussearch_begin(limit, bound);
    g_autofree bool *told = g_new0(bool, world->count + 1);
    Found found = {0};
    RadiusSearchSeen seen;
    bool more = true;

    while (more) {
        g_assert_cmpint(search.radius, >, 0);
        g_assert_cmpint(search.radius, <=, limit);
        found.calls++;
        g_assert_cmpuint(found.calls, <=, RADIUSSEARCH_CALLS_MAX);
        seen.cut = ask(world, search.radius, told, &found, bound);
        seen.known = found.count;
        seen.farthest = found.count > 0 ? found.known[found.count - 1] : 0;
        more = radiussearch_go_on(&search, &seen);
    }
    found.settled = radiussearch_is_settled(&search, &seen);
    return found;
}

static void assert_nearest(const World *world, int64_t limit, size_t bound, const Found *found)
{
    g_autofree int64_t *all = g_memdup2(world->distances, (world->count + 1) * sizeof *all);
    size_t within = 0;

    qsort(all, world->count, sizeof *all, compare_distances);
    while (within < world->count && within < bound && all[within] <= limit)
        within++;
    g_assert_cmpuint(found->count, ==, within);
    for (size_t i = 0; i < within; i++)
        g_assert_cmpint(found->known[i], ==, all[i]);
}

/* ---- tests ---- */

/* What is said to be the nearest is; and it nearly always is said, unless a metre more or less has
 * more places than an answer. */
static void test_random_worlds(void)
{
    enum { ROUNDS = 600 };
    unsigned unsettled = 0;
    unsigned calls[RADIUSSEARCH_CALLS_MAX + 1] = {0};

    for (unsigned round = 0; round < ROUNDS; round++) {
        World world = random_world();
        int64_t limit = 1 + (int64_t)(50 * KM * pow(g_test_rand_double(), 4));
        size_t bound = (size_t)g_test_rand_int_range(1, PLACES_BOUND_MAX + 1);
        Found found = search_in(&world, limit, bound);

        if (found.settled)
            assert_nearest(&world, limit, bound, &found);
        else if (found.calls == RADIUSSEARCH_CALLS_MAX)
            unsettled++;
        else
            g_assert_cmpuint(count_within(&world, found.known[found.count - 1] + 2 * METRE), >=,
                             ANSWER);
        calls[found.calls]++;
        world_clear(&world);
    }
    g_test_message("of %u with 1 to 5 calls: %u %u %u %u %u; not settled by then: %u", ROUNDS,
                   calls[1], calls[2], calls[3], calls[4], calls[5], unsettled);
    g_assert_cmpuint(unsettled, <=, ROUNDS / 100);
}

/* Then the calls need not suffice; but nothing is claimed that is not so. */
static void test_worlds_whose_near_places_come_last(void)
{
    enum { ROUNDS = 200 };
    unsigned settled = 0;

    for (unsigned round = 0; round < ROUNDS; round++) {
        World world = random_world();
        int64_t limit = 1 + (int64_t)(50 * KM * pow(g_test_rand_double(), 4));

        put_far_ones_first(&world);
        Found found = search_in(&world, limit, PLACES_BOUND_MAX);
        if (found.settled)
            assert_nearest(&world, limit, PLACES_BOUND_MAX, &found);
        settled += found.settled;
        world_clear(&world);
    }
    g_test_message("%u of %u settled", settled, ROUNDS);
    g_assert_cmpuint(settled, >, 0);
}

/* Even spreads, from a desert to the densest town, ten kilometres around. */
static void test_calls_by_density(void)
{
    static const struct {
        double a_square_km;
        unsigned calls_max;
    } cases[] = {{0, 4},   {0.01, 4}, {0.3, 4},  {3, 4},    {30, 2},
                 {100, 1}, {500, 1},  {3000, 2}, {30000, 3}};
    const double reach = 2.2 * KM; /* nothing of the rest is ever asked of dense ones */

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        double spread = cases[i].a_square_km < 5 ? 11 * KM : reach;
        size_t count = (size_t)(cases[i].a_square_km * M_PI * spread * spread / KM / KM);
        World world = world_new(count, spread, 2);
        Found found = search_in(&world, 10 * MILLIMETRES_PER_KM, PLACES_BOUND_MAX);

        g_test_message("%g a square kilometre: %u calls", cases[i].a_square_km, found.calls);
        g_assert_true(found.settled);
        assert_nearest(&world, 10 * MILLIMETRES_PER_KM, PLACES_BOUND_MAX, &found);
        g_assert_cmpuint(found.calls, <=, cases[i].calls_max);
        world_clear(&world);
    }
}

static void test_small_radius_is_asked_once(void)
{
    World world = world_new(300, KM, 2);
    const int64_t limit = 200000;
    Found found = search_in(&world, limit, PLACES_BOUND_MAX);

    g_assert_cmpuint(found.calls, ==, 1);
    assert_nearest(&world, limit, PLACES_BOUND_MAX, &found);
    world_clear(&world);
}

/* More places on one spot than an answer may have: never settled, and it ends. */
static void test_one_spot(void)
{
    World world = {.distances = g_new0(int64_t, 2 * ANSWER), .count = 2 * ANSWER};

    for (size_t i = 0; i < world.count; i++)
        world.distances[i] = 5000;
    Found found = search_in(&world, 10 * MILLIMETRES_PER_KM, PLACES_BOUND_MAX);
    g_assert_false(found.settled);
    g_assert_cmpuint(found.count, ==, PLACES_BOUND_MAX);
    g_assert_cmpint(found.known[0], ==, 5000);
    world_clear(&world);
}

/* Answers that are full of what is no place, so that the places known do not say where to look. */
static void test_cut_answers_without_places(void)
{
    RadiusSearch search = radiussearch_begin(50 * MILLIMETRES_PER_KM, PLACES_BOUND_MAX);
    RadiusSearchSeen seen = {.cut = true, .known = 0};
    int64_t last = INT64_MAX;
    unsigned calls = 0;
    bool more = true;

    while (more) {
        g_assert_cmpint(search.radius, >, 0);
        g_assert_cmpint(search.radius, <, last);
        last = search.radius;
        calls++;
        more = radiussearch_go_on(&search, &seen);
    }
    g_assert_cmpuint(calls, ==, RADIUSSEARCH_CALLS_MAX);
    g_assert_false(radiussearch_is_settled(&search, &seen));
}

int main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/radiussearch/random-worlds", test_random_worlds);
    g_test_add_func("/radiussearch/worlds-whose-near-places-come-last",
                    test_worlds_whose_near_places_come_last);
    g_test_add_func("/radiussearch/calls-by-density", test_calls_by_density);
    g_test_add_func("/radiussearch/small-radius-is-asked-once", test_small_radius_is_asked_once);
    g_test_add_func("/radiussearch/one-spot", test_one_spot);
    g_test_add_func("/radiussearch/cut-answers-without-places", test_cut_answers_without_places);
    return g_test_run();
}
