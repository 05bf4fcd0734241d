/* SPDX-License-Identifier: MIT */
#pragma once

/* What the processes of --pid use meanwhile. Called from main. */

#include "cmd/load/procstat.h"

#include <glib.h>

typedef struct {
    pid_t pid;
    bool has_ended; /* before the measured time was over: what follows is not complete */
    double cpu_s;   /* within the measured time */
    int64_t rss_before;
    int64_t rss_most;
    int64_t rss_after;
    int64_t anonymous_before;
    int64_t anonymous_after;
    ProcessCpu begin; /* of the measured time */
} ServerUse;

/* For each of @pids, whose memory is looked at now. NULL with @error set. (transfer full) */
GArray *servers_new(const GArray *pids, GError **error);

/* The measured time begins. */
void servers_begin(GArray *servers);

/* Looks at the memory, so that the most of it is known. */
void servers_sample(GArray *servers);

/* The measured time is over. */
void servers_end(GArray *servers);
