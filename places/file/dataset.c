/* SPDX-License-Identifier: MIT */
#include "places/file/dataset.h"

#include "places/file/filelayout.h"
#include "places/file/placesfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct Dataset {
    atomic_uint references;
    PlacesFile *file;     /* (owned) read-only after new */
    PlacesFilter *filter; /* (owned) (nullable) read-only after new */
    void *map;            /* (owned) (nullable) read-only after new */
    size_t map_size;
};

Dataset *dataset_new(const void *data, size_t size, const char *type, GError **error)
{
    PlacesFile *file = placesfile_open(data, size, error);

    if (file == NULL)
        return NULL;
    Dataset *dataset = g_new0(Dataset, 1);
    atomic_init(&dataset->references, 1);
    dataset->file = file;
    if (type != NULL)
        dataset->filter = placesfile_filter_new(file, slice_of(type));
    return dataset;
}

/* NULL, with errno set. */
static void *map_open_file(int fd, size_t *ret_size)
{
    struct stat status;

    if (fstat(fd, &status) != 0)
        return NULL;
    if (!S_ISREG(status.st_mode)) {
        errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
        return NULL;
    }
    *ret_size = (size_t)status.st_size;
    void *map = mmap(NULL, MAX(*ret_size, 1), PROT_READ, MAP_SHARED, fd, 0);
    return map == MAP_FAILED ? NULL : map;
}

static void *map_file(const char *path, size_t *ret_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* no fifo is waited for */

    if (fd < 0)
        return NULL;
    void *map = map_open_file(fd, ret_size);
    int reason = errno;
    close(fd);
    errno = reason;
    return map;
}

Dataset *dataset_map(const char *path, const char *type, GError **error)
{
    size_t size = 0;
    void *map = map_file(path, &size);

    if (map == NULL) {
        g_set_error(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_DATA, "%s: %s", path,
                    g_strerror(errno));
        return NULL;
    }
    Dataset *dataset = dataset_new(map, size, type, error);
    if (dataset == NULL) {
        g_prefix_error(error, "%s: ", path);
        munmap(map, MAX(size, 1));
        return NULL;
    }
    dataset->map = map;
    dataset->map_size = MAX(size, 1);
    return dataset;
}

Dataset *dataset_ref(Dataset *dataset)
{
    atomic_fetch_add_explicit(&dataset->references, 1, memory_order_relaxed);
    return dataset;
}

void dataset_unref(Dataset *dataset)
{
    if (dataset == NULL ||
        atomic_fetch_sub_explicit(&dataset->references, 1, memory_order_acq_rel) > 1)
        return;
    placesfile_filter_free(dataset->filter);
    placesfile_free(dataset->file);
    if (dataset->map != NULL)
        munmap(dataset->map, dataset->map_size);
    g_free(dataset);
}

uint32_t dataset_row_count(const Dataset *dataset)
{
    return placesfile_row_count(dataset->file);
}

PlacesStatus dataset_nearby(const Dataset *dataset, const PlacesQuery *query, GString *json)
{
    return filelayout_append(dataset->file, dataset->filter, query, json);
}
