/* SPDX-License-Identifier: MIT */
#include "core/memory.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static atomic_bool is_short; /* atomic; set by who measures */

/* Bytes of memory that are resident and of no file: proc(5), statm. 0: nobody knows. */
static size_t resident(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    size_t pages = 0, shared = 0;

    if (file == NULL)
        return 0;
    if (fscanf(file, "%*u %zu %zu", &pages, &shared) != 2 || pages < shared)
        pages = shared = 0;
    fclose(file);
    return (pages - shared) * (size_t)sysconf(_SC_PAGESIZE);
}

/* Bytes that malloc() has handed out; it looks at each free block, so only when it matters. 0: it
 * does not tell, as the allocators of sanitizers. */
static size_t in_use(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

size_t memory_measure(unsigned most)
{
    size_t limit = (size_t)most << 20;
    size_t bytes = resident();
    bool above = most > 0 && bytes > limit;

    if (above) {
        size_t used = in_use();

        above = used == 0 || used > limit;
    }
    atomic_store_explicit(&is_short, above, memory_order_relaxed);
    return bytes;
}

bool memory_is_short(void)
{
    return atomic_load_explicit(&is_short, memory_order_relaxed);
}
