/* SPDX-License-Identifier: MIT */
#include "cmd/load/servers.h"

GArray *servers_new(const GArray *pids, GError **error)
{
    g_autoptr(GArray) servers = g_array_new(FALSE, TRUE, sizeof(ServerUse));

    for (unsigned i = 0; i < pids->len; i++) {
        ServerUse use = {.pid = g_array_index(pids, pid_t, i)};

        /* The CPU time only to see now, not later, whether it can be had. */
        if (!procstat_cpu(use.pid, &use.begin, error) ||
            !procstat_memory(use.pid, &use.rss_before, &use.anonymous_before, error))
            return NULL;
        use.rss_most = use.rss_before;
        g_array_append_val(servers, use);
    }
    return g_steal_pointer(&servers);
}

bool servers_begin(GArray *servers, GError **error)
{
    for (unsigned i = 0; i < servers->len; i++) {
        ServerUse *use = &g_array_index(servers, ServerUse, i);

        if (!procstat_cpu(use->pid, &use->begin, error))
            return false;
    }
    return true;
}

void servers_sample(GArray *servers)
{
    for (unsigned i = 0; i < servers->len; i++) {
        ServerUse *use = &g_array_index(servers, ServerUse, i);

        use->rss_most = MAX(use->rss_most, procstat_resident(use->pid));
    }
}

bool servers_end(GArray *servers, bool measured, GError **error)
{
    /* All of the CPU times first, since they change while memory is counted. */
    for (unsigned i = 0; measured && i < servers->len; i++) {
        ServerUse *use = &g_array_index(servers, ServerUse, i);
        ProcessCpu end;

        if (!procstat_cpu(use->pid, &end, error))
            return false;
        use->cpu_s = procstat_cpu_between(&use->begin, &end);
    }
    for (unsigned i = 0; i < servers->len; i++) {
        ServerUse *use = &g_array_index(servers, ServerUse, i);

        if (!procstat_memory(use->pid, &use->rss_after, &use->anonymous_after, error))
            return false;
        use->rss_most = MAX(use->rss_most, use->rss_after);
    }
    return true;
}
