/* SPDX-License-Identifier: MIT */

/*
 * A places file of the operator's own, which is replaced while lookups run: each keeps the one
 * that it began with.
 */

#include "places/file/dataset.h"
#include "places/provider.h"

#include "core/thread.h"

#include <pthread.h>

typedef struct {
    Provider base;
    char *path; /* (owned) read-only after new */
    char *type; /* (owned) (nullable) read-only after new */
    pthread_mutex_t lock;
    Dataset *dataset; /* (owned) protected by lock, which is held only to copy the pointer */
} FileProvider;

/* What to answer from now. (transfer full) */
static Dataset *current(FileProvider *file)
{
    mutex_lock(&file->lock);
    Dataset *dataset = dataset_ref(file->dataset);
    mutex_unlock(&file->lock);
    return dataset;
}

static PlacesStatus file_nearby(Provider *provider, const PlacesQuery *query, GString *json,
                                ProviderFailure *failure G_GNUC_UNUSED)
{
    g_autoptr(Dataset) dataset = current((FileProvider *)provider);

    return dataset_nearby(dataset, query, json);
}

static bool file_reload(Provider *provider, GError **error)
{
    FileProvider *file = (FileProvider *)provider;
    Dataset *fresh = dataset_map(file->path, file->type, error);

    if (fresh == NULL)
        return false;
    mutex_lock(&file->lock);
    Dataset *old = file->dataset;
    file->dataset = fresh;
    mutex_unlock(&file->lock);
    dataset_unref(old);
    return true;
}

static char *file_describe(Provider *provider)
{
    FileProvider *file = (FileProvider *)provider;
    g_autoptr(Dataset) dataset = current(file);

    return g_strdup_printf("%s rows=%u", file->path, dataset_row_count(dataset));
}

static void file_free(Provider *provider)
{
    FileProvider *file = (FileProvider *)provider;

    dataset_unref(file->dataset);
    pthread_mutex_destroy(&file->lock);
    g_free(file->path);
    g_free(file->type);
    g_free(file);
}

static const ProviderClass file_class = {
    .blocks = false,
    .nearby = file_nearby,
    .reload = file_reload,
    .describe = file_describe,
    .free = file_free,
};

Provider *file_new(const PlacesOptions *options, GError **error)
{
    if (options->file == NULL) {
        g_set_error_literal(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_DATA,
                            "file: is missing: the path of a places file, which \"herd places "
                            "import\" makes");
        return NULL;
    }

    Dataset *dataset = dataset_map(options->file, options->type, error);
    if (dataset == NULL) {
        g_prefix_error(error, "file: ");
        return NULL;
    }
    FileProvider *file = g_new0(FileProvider, 1);
    file->base.class = &file_class;
    file->path = g_strdup(options->file);
    file->type = g_strdup(options->type);
    pthread_mutex_init(&file->lock, NULL);
    file->dataset = dataset;
    return &file->base;
}
