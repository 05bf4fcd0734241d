/* SPDX-License-Identifier: MIT */
#include "places/file/filelayout.h"

#include "places/resultlayout.h"

PlacesStatus filelayout_append(const PlacesFile *file, const PlacesFilter *filter,
                               const PlacesQuery *query, GString *json)
{
    PlacesHit hits[PLACES_BOUND_MAX];
    size_t found = placesfile_nearest(file, filter, query->center, query->radius, hits,
                                      MIN(query->bound, PLACES_BOUND_MAX));
    size_t written = 0;

    resultlayout_begin(json, placesfile_attribution(file));
    for (size_t i = 0; i < found; i++) {
        Place place;

        if (!placesfile_place(file, hits[i].row, &place))
            continue; /* damaged: answer with what is whole */
        PlaceResult result = {.location = placesfile_location(file, hits[i].row),
                              .id = place.id,
                              .name = place.name,
                              .types = place.types,
                              .vicinity = place.vicinity};
        resultlayout_append(json, &result, written++);
    }
    return resultlayout_end(json, written);
}
