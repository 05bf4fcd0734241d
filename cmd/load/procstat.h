/* SPDX-License-Identifier: MIT */
#pragma once

/* The CPU time and the memory of another process, from /proc. */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* CPU time so far. Only differences of two have a meaning. */
typedef struct {
    int64_t tasks_ns; /* of the threads that there are, to the nanosecond */
    int64_t ticks;    /* of the whole process, ended threads too, in clock ticks */
} ProcessCpu;

/* FALSE with @error set: there is no such process, or it may not be looked at. */
bool procstat_cpu(pid_t pid, ProcessCpu *ret_cpu, GError **error);

/*
 * Seconds of CPU between two looks: what the threads have used, by the scheduler's own account.
 * Where that is less than the process has used for certain, because threads have ended meanwhile,
 * it is the latter, which is counted in clock ticks.
 */
double procstat_cpu_between(const ProcessCpu *before, const ProcessCpu *after);

/* Bytes that are resident and, of these, the process's own. It is counted page by page, which takes
 * some milliseconds for gigabytes. FALSE with @error set. */
bool procstat_memory(pid_t pid, int64_t *ret_resident, int64_t *ret_anonymous, GError **error);

/* Bytes that are resident, as the kernel has them at hand; 0: the process is gone. */
int64_t procstat_resident(pid_t pid);
