/* SPDX-License-Identifier: MIT */
#include "cmd/process.h"

#include <glib.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static uint64_t resident_bytes(void)
{
    uint64_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    if (file == NULL)
        return 0;
    if (fscanf(file, "%*u %" G_GUINT64_FORMAT, &pages) != 1)
        pages = 0;
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t open_descriptors(void)
{
    uint64_t count = 0;
    GDir *folder = g_dir_open("/proc/self/fd", 0, NULL);

    if (folder == NULL)
        return 0;
    while (g_dir_read_name(folder) != NULL)
        count++;
    g_dir_close(folder);
    return count - 1; /* without the one that this took */
}

ProcessUse process_use(void)
{
    ProcessUse use = {.resident = resident_bytes(), .descriptors = open_descriptors()};
    struct timespec cpu;
    struct rlimit limit;

    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) == 0)
        use.cpu_s = (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9;
    use.descriptors_max = UINT64_MAX;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        use.descriptors_max = limit.rlim_cur;
    return use;
}
