/* SPDX-License-Identifier: MIT */
#include "places/places-current.h"
#include "core/thread.h"

#include <stdatomic.h>

/* The built-in ones. (transfer full) */
static Places *places_any(void)
{
    PlacesOptions options = {.provider = PROVIDER_EMBEDDED};
    g_autoptr(GError) error = NULL;
    Places *places = places_new(&options, &error);

    g_assert_no_error(error);
    return places;
}

/* @places still answers. */
static void assert_answers(Places *places)
{
    const PlacesQuery query = {
        .center = {.latitude = 34068930000, .longitude = -118445127000},
        .radius = 10 * MILLIMETRES_PER_KM,
        .bound = 1,
    };
    g_autoptr(GString) json = g_string_new(NULL);

    g_assert_cmpint(places_nearby(places, &query, json), ==, PLACES_OK);
}

static void test_replace(void)
{
    Places *first = places_any();
    PlacesCurrent *current = places_current_new(first);
    g_autoptr(Places) begun = places_current_get(current);

    g_assert_true(begun == first);
    places_current_replace(current, places_any());
    g_autoptr(Places) next = places_current_get(current);
    g_assert_true(next != first);
    places_current_free(current);
    assert_answers(begun);
    assert_answers(next);
    places_current_free(NULL);
}

typedef struct {
    PlacesCurrent *current;
    atomic_bool stop;
    atomic_uint asked;
} Asker;

static void ask(void *argument)
{
    Asker *asker = argument;

    while (!atomic_load(&asker->stop)) {
        g_autoptr(Places) places = places_current_get(asker->current);

        assert_answers(places);
        atomic_fetch_add(&asker->asked, 1);
    }
}

/* The last of those that have begun with it frees it, whoever that is. */
static void test_replaced_while_asked(void)
{
    enum { ASKERS = 3, TIMES = 100 };
    Asker asker = {.current = places_current_new(places_any())};
    pthread_t threads[ASKERS];

    for (int i = 0; i < ASKERS; i++)
        g_assert_true(thread_start(&threads[i], "asker", ask, &asker, NULL));
    for (unsigned i = 0; i < TIMES; i++) {
        places_current_replace(asker.current, places_any());
        while (atomic_load(&asker.asked) < i)
            sched_yield();
    }
    atomic_store(&asker.stop, true);
    for (int i = 0; i < ASKERS; i++)
        thread_join(threads[i]);
    places_current_free(asker.current);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/places-current/replace/what-has-begun-goes-on", test_replace);
    g_test_add_func("/places-current/replace/while-it-is-asked", test_replaced_while_asked);
    return g_test_run();
}
