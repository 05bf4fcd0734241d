/* SPDX-License-Identifier: MIT */

#include "core/thread.h"
#include "places/cache.h"

static PlacesQuery query_at(int64_t latitude, int64_t longitude)
{
    return (PlacesQuery){.center = {.latitude = latitude, .longitude = longitude},
                         .radius = 5 * MILLIMETRES_PER_KM,
                         .bound = 5};
}

static void put(Cache *cache, int64_t now, PlacesQuery query, const char *answer)
{
    cache_put(cache, now, &query, slice_of(answer), PLACES_OK);
}

static void assert_answer(Cache *cache, int64_t now, PlacesQuery query, const char *expected)
{
    g_autoptr(GString) json = g_string_new("AT ...\n");
    g_autofree char *whole = g_strconcat("AT ...\n", expected, NULL);
    PlacesStatus status = PLACES_UNKNOWN_ERROR;

    g_assert_true(cache_get(cache, now, &query, json, &status));
    g_assert_cmpstr(json->str, ==, whole);
    g_assert_cmpint(status, ==, PLACES_OK);
}

static void assert_none(Cache *cache, int64_t now, PlacesQuery query)
{
    g_autoptr(GString) json = g_string_new("AT ...\n");
    PlacesStatus status;

    g_assert_false(cache_get(cache, now, &query, json, &status));
    g_assert_cmpstr(json->str, ==, "AT ...\n");
}

static void test_serves_for_so_long(void)
{
    Cache *cache = cache_new(10);
    PlacesQuery query = query_at(34000000000, -118000000000);

    assert_none(cache, 0, query);
    put(cache, 1000, query, "{}");
    assert_answer(cache, 1000, query, "{}");
    assert_answer(cache, 10999, query, "{}");
    assert_none(cache, 11000, query);
    cache_free(cache);
}

static void test_off_keeps_nothing(void)
{
    Cache *cache = cache_new(0);
    PlacesQuery query = query_at(0, 0);

    put(cache, 0, query, "{}");
    assert_none(cache, 0, query);
    cache_free(cache);
}

static void test_a_newer_answer_takes_the_place(void)
{
    Cache *cache = cache_new(10);
    PlacesQuery query = query_at(0, 0);

    put(cache, 0, query, "old");
    put(cache, 5000, query, "new");
    assert_answer(cache, 5000, query, "new");
    assert_answer(cache, 10000, query, "new"); /* when the old one goes */
    assert_none(cache, 15000, query);
    cache_free(cache);
}

static void test_key_is_rounded_position_radius_and_bound(void)
{
    Cache *cache = cache_new(10);
    PlacesQuery query = query_at(34068900000, -118445100000);
    PlacesQuery other = query;

    put(cache, 0, query, "{}");
    other.center.latitude += CACHE_GRID / 2 - 1;
    other.center.longitude -= CACHE_GRID / 2 - 1;
    assert_answer(cache, 0, other, "{}");
    other.center.latitude += 2;
    assert_none(cache, 0, other);
    other = query;
    other.center.longitude -= CACHE_GRID;
    assert_none(cache, 0, other);
    other = query;
    other.radius++;
    assert_none(cache, 0, other);
    other = query;
    other.bound++;
    assert_none(cache, 0, other);
    cache_free(cache);
}

/* North and south, east and west of zero are no neighbours of one cell. */
static void test_rounding_is_even_around_zero(void)
{
    Cache *cache = cache_new(10);

    put(cache, 0, query_at(CACHE_GRID, CACHE_GRID), "north");
    put(cache, 0, query_at(-CACHE_GRID, -CACHE_GRID), "south");
    assert_answer(cache, 0, query_at(CACHE_GRID / 2, CACHE_GRID / 2), "north");
    assert_answer(cache, 0, query_at(-CACHE_GRID / 2, -CACHE_GRID / 2), "south");
    assert_none(cache, 0, query_at(CACHE_GRID / 2 - 1, CACHE_GRID / 2 - 1));
    assert_none(cache, 0, query_at(0, 0));
    cache_free(cache);
}

static void test_bounded_by_entries(void)
{
    Cache *cache = cache_new(10);

    for (int64_t i = 0; i <= CACHE_ENTRIES_MAX; i++)
        put(cache, 0, query_at(i * CACHE_GRID, 0), "{}");
    assert_none(cache, 0, query_at(0, 0));
    assert_answer(cache, 0, query_at(CACHE_GRID, 0), "{}");
    assert_answer(cache, 0, query_at(CACHE_ENTRIES_MAX * CACHE_GRID, 0), "{}");
    cache_free(cache);
}

static void test_bounded_by_bytes(void)
{
    Cache *cache = cache_new(10);
    g_autofree char *large = g_strnfill(CACHE_BYTES_MAX / 4 + 1, 'x');
    g_autofree char *too_large = g_strnfill(CACHE_BYTES_MAX + 1, 'x');

    for (int64_t i = 0; i < 4; i++)
        put(cache, 0, query_at(i * CACHE_GRID, 0), large);
    assert_none(cache, 0, query_at(0, 0));
    assert_answer(cache, 0, query_at(3 * CACHE_GRID, 0), large);

    put(cache, 0, query_at(9 * CACHE_GRID, 0), too_large);
    assert_none(cache, 0, query_at(9 * CACHE_GRID, 0));
    assert_answer(cache, 0, query_at(3 * CACHE_GRID, 0), large);

    cache_sweep(cache, 10000);
    for (int64_t i = 0; i < 3; i++) /* there is room again */
        put(cache, 10000, query_at(i * CACHE_GRID, 0), large);
    assert_answer(cache, 10000, query_at(0, 0), large);
    cache_free(cache);
}

typedef struct {
    Cache *cache;
    guint32 seed;
} Share;

static void *use(void *data)
{
    const Share *share = data;
    g_autoptr(GRand) random = g_rand_new_with_seed(share->seed);

    for (int64_t now = 0; now < 20000; now++) {
        int64_t place = g_rand_int_range(random, 0, 50);
        g_autofree char *answer = g_strdup_printf("{ %d }", (int)place);
        PlacesQuery query = query_at(place * CACHE_GRID, 0);
        g_autoptr(GString) json = g_string_new(NULL);
        PlacesStatus status;

        if (cache_get(share->cache, now, &query, json, &status))
            g_assert_cmpstr(json->str, ==, answer);
        else
            put(share->cache, now, query, answer);
        if (now % 1000 == 0)
            cache_sweep(share->cache, now);
    }
    return NULL;
}

static void test_threads_share_it(void)
{
    Cache *cache = cache_new(1);
    guint32 seed = g_random_int();
    pthread_t threads[4];
    Share shares[G_N_ELEMENTS(threads)];

    g_test_message("seed %u", seed);
    for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++) {
        shares[i] = (Share){.cache = cache, .seed = seed + i};
        g_assert_cmpint(pthread_create(&threads[i], NULL, use, &shares[i]), ==, 0);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
        pthread_join(threads[i], NULL);
    cache_free(cache);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/places/cache/serves-for-so-long", test_serves_for_so_long);
    g_test_add_func("/places/cache/off-keeps-nothing", test_off_keeps_nothing);
    g_test_add_func("/places/cache/a-newer-answer-takes-the-place",
                    test_a_newer_answer_takes_the_place);
    g_test_add_func("/places/cache/key-is-rounded-position-radius-and-bound",
                    test_key_is_rounded_position_radius_and_bound);
    g_test_add_func("/places/cache/rounding-is-even-around-zero",
                    test_rounding_is_even_around_zero);
    g_test_add_func("/places/cache/bounded-by-entries", test_bounded_by_entries);
    g_test_add_func("/places/cache/bounded-by-bytes", test_bounded_by_bytes);
    g_test_add_func("/places/cache/threads-share-it", test_threads_share_it);
    return g_test_run();
}
