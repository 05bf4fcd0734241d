/* SPDX-License-Identifier: MIT */
#include "places/file/dataset.h"
#include "places/file/embedded-data.h"
#include "places/provider.h"

typedef struct {
    Provider base;
    Dataset *dataset; /* (owned) read-only after new */
} Embedded;

static PlacesStatus embedded_nearby(Provider *provider, const PlacesQuery *query, GString *json,
                                    ProviderFailure *failure G_GNUC_UNUSED)
{
    return dataset_nearby(((const Embedded *)provider)->dataset, query, json);
}

static void embedded_free(Provider *provider)
{
    Embedded *embedded = (Embedded *)provider;

    dataset_unref(embedded->dataset);
    g_free(embedded);
}

static const ProviderClass embedded_class = {
    .blocks = false,
    .nearby = embedded_nearby,
    .free = embedded_free,
};

Provider *embedded_new(const char *type, GError **error)
{
    Dataset *dataset = dataset_new(places_embedded_data, places_embedded_size, type, error);

    if (dataset == NULL)
        return NULL;
    Embedded *embedded = g_new0(Embedded, 1);
    embedded->base.class = &embedded_class;
    embedded->dataset = dataset;
    return &embedded->base;
}
