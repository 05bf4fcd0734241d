/* SPDX-License-Identifier: MIT */
#include "places/embedded-data.h"
#include "places/filelayout.h"
#include "places/provider.h"

typedef struct {
    Provider base;
    PlacesFile *file; /* (owned) read-only after new */
} Embedded;

static PlacesStatus embedded_nearby(Provider *provider, const PlacesQuery *query, GString *json,
                                    ProviderFailure *failure G_GNUC_UNUSED)
{
    const Embedded *embedded = (const Embedded *)provider;

    return filelayout_append(embedded->file, query, json);
}

static void embedded_free(Provider *provider)
{
    Embedded *embedded = (Embedded *)provider;

    placesfile_free(embedded->file);
    g_free(embedded);
}

static const ProviderClass embedded_class = {
    .blocks = false,
    .nearby = embedded_nearby,
    .free = embedded_free,
};

Provider *embedded_new(GError **error)
{
    PlacesFile *file = placesfile_open(places_embedded_data, places_embedded_size, error);

    if (file == NULL)
        return NULL;
    Embedded *embedded = g_new0(Embedded, 1);
    embedded->base.class = &embedded_class;
    embedded->file = file;
    return &embedded->base;
}
