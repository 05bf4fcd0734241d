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

void servers_begin(GArray *servers)
{
    for (unsigned i = 0; i < servers->len; i++) {
        ServerUse *use = &g_array_index(servers, ServerUse, i);

        use->has_ended = !procstat_cpu(use->pid, &use->begin, NULL);
    }
}

void servers_sample(GArray *servers)
{
    for (unsigned i = 0; i < servers->len; i++) {
        ServerUse *use = &g_array_index(servers, ServerUse, i);

        use->rss_most = MAX(use->rss_most, procstat_resident(use->pid));
    }
}

void servers_end(GArray *servers)
{
    /* All of the CPU times first, since they change while memory is counted. */
    for (unsigned i = 0; i < servers->len; i++) {
        ServerUse *use = &g_array_index(servers, ServerUse, i);
        ProcessCpu end;

        if (use->has_ended || !procstat_cpu(use->pid, &end, NULL))
            use->has_ended = true;
        else
            use->cpu_s = procstat_cpu_between(&use->begin, &end);
    }
    for (unsigned i = 0; i < servers->len; i++) {
        ServerUse *use = &g_array_index(servers, ServerUse, i);

        if (!procstat_memory(use->pid, &use->rss_after, &use->anonymous_after, NULL))
            use->has_ended = true;
        use->rss_most = MAX(use->rss_most, use->rss_after);
    }
}
