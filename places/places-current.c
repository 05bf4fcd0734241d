/* SPDX-License-Identifier: MIT */
#include "places/places-current.h"

#include "core/thread.h"

struct PlacesCurrent {
    pthread_mutex_t lock;
    Places *places; /* (owned) protected by lock */
};

PlacesCurrent *places_current_new(Places *places)
{
    PlacesCurrent *current = g_new0(PlacesCurrent, 1);

    pthread_mutex_init(&current->lock, NULL);
    current->places = places;
    return current;
}

void places_current_free(PlacesCurrent *current)
{
    if (current == NULL)
        return;
    places_unref(current->places);
    pthread_mutex_destroy(&current->lock);
    g_free(current);
}

Places *places_current_get(PlacesCurrent *current)
{
    mutex_lock(&current->lock);
    Places *places = places_ref(current->places);
    mutex_unlock(&current->lock);
    return places;
}

void places_current_replace(PlacesCurrent *current, Places *places)
{
    mutex_lock(&current->lock);
    Places *old = current->places;
    current->places = places;
    mutex_unlock(&current->lock);
    places_unref(old);
}
