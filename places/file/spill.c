/* SPDX-License-Identifier: MIT */
#include "places/file/spill.h"

#include "places/places.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct Spill {
    FILE *file; /* (owned) */
    uint64_t size;
    void *map; /* NULL until mapped */
    size_t map_size;
};

static bool fail(GError **error)
{
    g_set_error(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_DISK, "a temporary file: %s",
                g_strerror(errno));
    return false;
}

/* Not every file system can make files without names: there it has one for a moment. */
static int open_unnamed(const char *folder)
{
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd >= 0)
        return fd;
    g_autofree char *path = g_build_filename(folder, ".herd-XXXXXX", NULL);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

Spill *spill_new(const char *folder, GError **error)
{
    int fd = open_unnamed(folder);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w+");

    if (file == NULL) {
        fail(error);
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    Spill *spill = g_new0(Spill, 1);
    spill->file = file;
    return spill;
}

void spill_free(Spill *spill)
{
    if (spill == NULL)
        return;
    if (spill->map != NULL)
        munmap(spill->map, spill->map_size);
    fclose(spill->file);
    g_free(spill);
}

bool spill_append(Spill *spill, const void *data, size_t size, GError **error)
{
    if (size > 0 && fwrite(data, size, 1, spill->file) != 1)
        return fail(error);
    spill->size += size;
    return true;
}

uint64_t spill_size(const Spill *spill)
{
    return spill->size;
}

void *spill_map(Spill *spill, GError **error)
{
    /* mmap() refuses to map nothing. */
    size_t size = MAX(spill->size, 1);

    if (fflush(spill->file) != 0) {
        fail(error);
        return NULL;
    }
    void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(spill->file), 0);
    if (map == MAP_FAILED) {
        fail(error);
        return NULL;
    }
    spill->map = map;
    spill->map_size = size;
    return map;
}
