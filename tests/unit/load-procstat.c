/* SPDX-License-Identifier: MIT */
#include "cmd/load/clock.h"
#include "cmd/load/procstat.h"
#include "cmd/load/servers.h"
#include "cmd/load/socket.h"
#include "core/thread.h"

#include <glib.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORK_NS (200 * NS_PER_MS)

/* Uses the CPU for WORK_NS, by this thread's own clock. */
static void work(G_GNUC_UNUSED void *unused)
{
    int64_t begin = clock_ns(CLOCK_THREAD_CPUTIME_ID);

    while (clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin < WORK_NS)
        continue;
}

static ProcessCpu cpu(void)
{
    g_autoptr(GError) error = NULL;
    ProcessCpu now;
    bool good = procstat_cpu(getpid(), &now, &error);

    g_assert_no_error(error);
    g_assert_true(good);
    return now;
}

/* As exact as the kernel's account of a task that runs, which it brings up to date at each tick. */
static void test_cpu(void)
{
    ProcessCpu before = cpu();
    work(NULL);
    ProcessCpu after = cpu();
    double used = procstat_cpu_between(&before, &after);

    g_assert_cmpfloat(used, >, 0.18);
    g_assert_cmpfloat(used, <, 0.4);
}

/* The tasks of threads that have ended are gone, what they have used is not. */
static void test_cpu_of_ended_threads(void)
{
    g_autoptr(GError) error = NULL;
    pthread_t thread;
    ProcessCpu before = cpu();

    thread_start(&thread, "work", work, NULL, &error);
    g_assert_no_error(error);
    thread_join(thread);
    ProcessCpu after = cpu();
    double used = procstat_cpu_between(&before, &after);
    g_assert_cmpfloat(used, >, 0.15);
    g_assert_cmpfloat(used, <, 0.4);
}

static void test_cpu_between(void)
{
    ProcessCpu before = {.tasks_ns = 5 * NS_PER_S, .ticks = 500};
    ProcessCpu exact = {.tasks_ns = 6 * NS_PER_S + 1, .ticks = 601};
    ProcessCpu fewer = {.tasks_ns = 4 * NS_PER_S, .ticks = 500 + 2 * sysconf(_SC_CLK_TCK) + 2};
    ProcessCpu none = {.tasks_ns = 4 * NS_PER_S, .ticks = 500};

    g_assert_cmpfloat_with_epsilon(procstat_cpu_between(&before, &exact), 1.000000001, 1e-12);
    g_assert_cmpfloat_with_epsilon(procstat_cpu_between(&before, &fewer), 2, 1e-12);
    g_assert_cmpfloat_with_epsilon(procstat_cpu_between(&before, &none), 0, 1e-12);
}

static void test_memory(void)
{
    const size_t size = 32 << 20;
    int64_t resident_before, resident_after, anonymous_before, anonymous_after;

    g_assert_true(procstat_memory(getpid(), &resident_before, &anonymous_before, NULL));
    char *block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    g_assert_true(block != MAP_FAILED);
    memset(block, 1, size);
    g_assert_true(procstat_memory(getpid(), &resident_after, &anonymous_after, NULL));
    g_assert_cmpint(resident_after - resident_before, >=, (int64_t)size * 9 / 10);
    g_assert_cmpint(anonymous_after - anonymous_before, >=, (int64_t)size * 9 / 10);
    g_assert_cmpint(procstat_resident(getpid()), >=, (int64_t)size * 9 / 10);
    munmap(block, size);
}

/* A child that has ended and been waited for. */
static pid_t ended_process(void)
{
    pid_t child = fork();

    if (child == 0)
        _exit(0);
    g_assert_cmpint(child, >, 0);
    g_assert_cmpint(waitpid(child, NULL, 0), ==, child);
    return child;
}

static void test_no_such_process(void)
{
    pid_t pid = ended_process();
    g_autofree char *named = g_strdup_printf("process %d: ", (int)pid);
    g_autoptr(GArray) pids = g_array_new(FALSE, FALSE, sizeof pid);
    int64_t resident, anonymous;
    ProcessCpu now;
    GError *error = NULL;

    g_assert_false(procstat_cpu(pid, &now, &error));
    g_assert_error(error, LOAD_ERROR, LOAD_ERROR_PROCESS);
    g_assert_true(g_str_has_prefix(error->message, named));
    g_clear_error(&error);
    g_assert_false(procstat_memory(pid, &resident, &anonymous, &error));
    g_assert_error(error, LOAD_ERROR, LOAD_ERROR_PROCESS);
    g_clear_error(&error);
    g_assert_cmpint(procstat_resident(pid), ==, 0);
    g_array_append_val(pids, pid);
    g_assert_null(servers_new(pids, &error));
    g_assert_error(error, LOAD_ERROR, LOAD_ERROR_PROCESS);
    g_clear_error(&error);
}

static void test_servers(void)
{
    pid_t pid = getpid();
    g_autoptr(GArray) pids = g_array_new(FALSE, FALSE, sizeof pid);
    g_autoptr(GError) error = NULL;

    g_array_append_val(pids, pid);
    g_autoptr(GArray) servers = servers_new(pids, &error);
    g_assert_no_error(error);
    servers_begin(servers);
    work(NULL);
    servers_sample(servers);
    servers_end(servers);
    const ServerUse *use = &g_array_index(servers, ServerUse, 0);
    g_assert_false(use->has_ended);
    g_assert_cmpfloat(use->cpu_s, >, 0.15);
    g_assert_cmpint(use->rss_most, >=, use->rss_before);
    g_assert_cmpint(use->rss_most, >=, use->rss_after);
    g_assert_cmpint(use->anonymous_after, >, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/load-procstat/cpu", test_cpu);
    g_test_add_func("/load-procstat/cpu/ended-threads", test_cpu_of_ended_threads);
    g_test_add_func("/load-procstat/cpu/between", test_cpu_between);
    g_test_add_func("/load-procstat/memory", test_memory);
    g_test_add_func("/load-procstat/no-such-process", test_no_such_process);
    g_test_add_func("/load-procstat/servers", test_servers);
    return g_test_run();
}
