/* SPDX-License-Identifier: MIT */
#include "cmd/load/procstat.h"

#include "cmd/load/clock.h"
#include "cmd/load/socket.h"

#include <string.h>
#include <unistd.h>

/* Of utime and of stime each a tick may be half begun. */
#define TICKS_UNCERTAIN 2

/* A file of the process. NULL with @error set. (transfer full) */
static char *read_file(pid_t pid, const char *name, GError **error)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/%s", (int)pid, name);
    g_autoptr(GError) why = NULL;
    char *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, &why))
        g_set_error(error, LOAD_ERROR, LOAD_ERROR_PROCESS, "process %d: %s", (int)pid,
                    why->message);
    return text;
}

/* utime + stime: fields 14 and 15, counted behind the name, which may hold anything. */
static bool read_ticks(pid_t pid, int64_t *ret_ticks, GError **error)
{
    g_autofree char *text = read_file(pid, "stat", error);

    if (text == NULL)
        return false;
    const char *rest = strrchr(text, ')');
    g_auto(GStrv) fields = g_strsplit(rest != NULL ? rest : "", " ", 15);
    if (g_strv_length(fields) < 15) {
        g_set_error(error, LOAD_ERROR, LOAD_ERROR_PROCESS, "process %d: what is in stat?",
                    (int)pid);
        return false;
    }
    *ret_ticks = g_ascii_strtoll(fields[12], NULL, 10) + g_ascii_strtoll(fields[13], NULL, 10);
    return true;
}

bool procstat_cpu(pid_t pid, ProcessCpu *ret_cpu, GError **error)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/task", (int)pid);
    g_autoptr(GError) why = NULL;
    g_autoptr(GDir) tasks = g_dir_open(path, 0, &why);
    ProcessCpu cpu = {0};
    const char *task;

    if (tasks == NULL) {
        g_set_error(error, LOAD_ERROR, LOAD_ERROR_PROCESS, "process %d: %s", (int)pid,
                    why->message);
        return false;
    }
    while ((task = g_dir_read_name(tasks)) != NULL) {
        g_autofree char *name = g_strdup_printf("task/%s/schedstat", task);
        g_autofree char *text = read_file(pid, name, NULL); /* NULL: the thread has just ended */

        cpu.tasks_ns += text != NULL ? g_ascii_strtoll(text, NULL, 10) : 0;
    }
    if (!read_ticks(pid, &cpu.ticks, error))
        return false;
    *ret_cpu = cpu;
    return true;
}

double procstat_cpu_between(const ProcessCpu *before, const ProcessCpu *after)
{
    double tasks = (double)(after->tasks_ns - before->tasks_ns) / (double)NS_PER_S;
    double least =
        (double)(after->ticks - before->ticks - TICKS_UNCERTAIN) / (double)sysconf(_SC_CLK_TCK);

    return MAX(MAX(tasks, least), 0);
}

/* Bytes behind @name in smaps_rollup, which counts in kB. */
static int64_t find_bytes(const char *text, const char *name)
{
    const char *at = strstr(text, name);

    return at == NULL ? 0 : g_ascii_strtoll(at + strlen(name), NULL, 10) * 1024;
}

bool procstat_memory(pid_t pid, int64_t *ret_resident, int64_t *ret_anonymous, GError **error)
{
    g_autofree char *text = read_file(pid, "smaps_rollup", error);

    if (text == NULL)
        return false;
    *ret_resident = find_bytes(text, "\nRss:");
    *ret_anonymous = find_bytes(text, "\nAnonymous:");
    return true;
}

int64_t procstat_resident(pid_t pid)
{
    g_autofree char *text = read_file(pid, "statm", NULL);
    const char *second = text != NULL ? strchr(text, ' ') : NULL;

    return second == NULL ? 0 : g_ascii_strtoll(second, NULL, 10) * sysconf(_SC_PAGESIZE);
}
