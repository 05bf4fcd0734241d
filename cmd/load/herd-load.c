/* SPDX-License-Identifier: MIT */

/* herd-load: the load generator. */

#include "cmd/load/clock.h"
#include "cmd/load/generator.h"
#include "cmd/load/idle.h"
#include "cmd/load/options.h"
#include "cmd/load/prober.h"
#include "cmd/load/result.h"
#include "cmd/load/servers.h"
#include "cmd/load/socket.h"
#include "core/thread.h"

#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define SAMPLE_INTERVAL_NS (50 * NS_PER_MS)
#define DESCRIPTORS_OTHER  64 /* besides one a connection */

enum {
    EXIT_ERRORS = 1,
    EXIT_USAGE = 2,
    EXIT_CANNOT_BEGIN = 3,
};

typedef struct {
    const Settings *settings;
    GPtrArray *generators; /* owned Generator, one a thread */
    Prober *prober;        /* (owned) (nullable) */
    Idle *idle;            /* (owned) */
    GArray *servers;       /* (owned) */
    int64_t begin;         /* of the phase that runs, now_ns() */
    atomic_uint running;   /* threads of that phase */
} Run;

typedef struct {
    Run *run;
    Generator *generator; /* (transfer none); NULL: the prober's */
    void (*phase)(Generator *generator, int64_t begin);
    pthread_t thread;
} Task;

static void run_clear(Run *run)
{
    idle_free(run->idle);
    prober_free(run->prober);
    g_clear_pointer(&run->generators, g_ptr_array_unref);
    g_clear_pointer(&run->servers, g_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Run, run_clear)

static void say_progress(const Run *run, const char *what)
{
    if (!run->settings->quiet && isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[Kherd-load: %s", what);
}

static void end_progress(const Run *run)
{
    if (!run->settings->quiet && isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K");
}

static void fill_phase(Generator *generator, G_GNUC_UNUSED int64_t begin)
{
    generator_fill(generator);
}

static void task_main(void *argument)
{
    Task *task = argument;

    if (task->generator != NULL)
        task->phase(task->generator, task->run->begin);
    else
        prober_run(task->run->prober, task->run->begin);
    atomic_fetch_sub(&task->run->running, 1);
}

/* Runs @phase in a thread a generator, and the prober beside them if there is one and it is to run;
 * main goes through @meanwhile. Returns when all have ended. FALSE with @error set. */
static bool run_threads(Run *run, void (*phase)(Generator *, int64_t), bool with_prober,
                        void (*meanwhile)(Run *), GError **error)
{
    unsigned count = run->generators->len + (with_prober ? 1 : 0), started = 0;
    g_autofree Task *tasks = g_new0(Task, count);
    bool good = true;

    run->begin = now_ns();
    for (; good && started < count; started++) {
        Task *task = &tasks[started];
        g_autofree char *name = g_strdup_printf("load/%u", started);

        task->run = run;
        task->phase = phase;
        task->generator = started < run->generators->len ? run->generators->pdata[started] : NULL;
        atomic_fetch_add(&run->running, 1);
        good = thread_start(&task->thread, name, task_main, task, error);
        if (!good) {
            atomic_fetch_sub(&run->running, 1);
            break;
        }
    }
    if (good && meanwhile != NULL)
        meanwhile(run);
    for (unsigned i = 0; i < started; i++)
        thread_join(tasks[i].thread);
    return good;
}

/* Until @moment or until no thread runs any more, with a look at the servers' memory now and then.
 */
static void sample_until(Run *run, int64_t moment, const char *what)
{
    for (int64_t now = now_ns(); now < moment && atomic_load(&run->running) > 0; now = now_ns()) {
        g_autofree char *text =
            g_strdup_printf("%s, %.0f s to go", what, (double)(moment - now) / (double)NS_PER_S);

        say_progress(run, text);
        servers_sample(run->servers);
        wait_until_ns(MIN(now + SAMPLE_INTERVAL_NS, moment));
    }
}

static void measure_servers(Run *run)
{
    int64_t begin = run->begin + run->settings->warmup_ns;

    sample_until(run, begin, "warm-up");
    servers_begin(run->servers);
    sample_until(run, begin + run->settings->measured_ns, "measuring");
    servers_end(run->servers);
    say_progress(run, "waiting for the last replies");
}

/* Thousands of connections need thousands of descriptors; the soft limit is often 1,024. */
static bool raise_descriptor_limit(const Settings *settings, GError **error)
{
    rlim_t needed = (rlim_t)settings->connections + settings->idle + DESCRIPTORS_OTHER;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed)
        return true;
    if (limit.rlim_max < needed) {
        g_set_error(error, LOAD_ERROR, LOAD_ERROR_CONNECT,
                    "%u connections need more open files than the limit of %llu",
                    settings->connections + settings->idle, (unsigned long long)limit.rlim_max);
        return false;
    }
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        g_set_error(error, LOAD_ERROR, LOAD_ERROR_CONNECT,
                    "cannot raise the limit on open files: %s", g_strerror(errno));
        return false;
    }
    return true;
}

/* Opens what there is to be opened. */
static bool begin(Run *run, GError **error)
{
    const Settings *settings = run->settings;

    if (!raise_descriptor_limit(settings, error))
        return false;
    for (unsigned i = 0; i < settings->threads; i++)
        g_ptr_array_add(run->generators, generator_new(settings, i));
    say_progress(run, "connecting");
    run->begin = now_ns();
    for (unsigned i = 0; i < run->generators->len; i++)
        if (!generator_connect(run->generators->pdata[i], run->begin, error))
            return false;
    if (settings->watch != NULL && (run->prober = prober_new(settings, error)) == NULL)
        return false;
    run->servers = servers_new(settings->pids, error);
    if (run->servers == NULL)
        return false;
    run->idle = idle_open(settings, error);
    return run->idle != NULL;
}

/* Puts the load on. @ret_result's outcome is complete but for what idle connections have suffered.
 */
static bool measure(Run *run, Outcome *outcome, Result *ret_result, GError **error)
{
    const Settings *settings = run->settings;

    if (settings->fill) {
        int64_t started = now_ns();

        say_progress(run, "reporting every client");
        if (!run_threads(run, fill_phase, false, NULL, error))
            return false;
        ret_result->fill_seconds = (double)(now_ns() - started) / (double)NS_PER_S;
    }
    if (settings->measured_ns == 0) {
        servers_end(run->servers);
    } else if (!run_threads(run, generator_run, run->prober != NULL, measure_servers, error)) {
        return false;
    }
    for (unsigned i = 0; i < run->generators->len; i++)
        outcome_merge(outcome, generator_outcome(run->generators->pdata[i]));
    if (run->prober != NULL)
        outcome_merge(outcome, prober_outcome(run->prober));
    idle_check(run->idle, outcome);
    if (settings->measured_ns > 0)
        ret_result->seconds =
            (double)MAX(outcome->ended - run->begin - settings->warmup_ns, 0) / (double)NS_PER_S;
    ret_result->settings = settings;
    ret_result->outcome = outcome;
    ret_result->servers = run->servers;
    return true;
}

static int run_load(const Settings *settings)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Outcome) outcome = outcome_new();
    g_auto(Run) run = {
        .settings = settings,
        .generators = g_ptr_array_new_with_free_func((GDestroyNotify)generator_free),
    };
    Result result = {0};
    bool good = begin(&run, &error) && measure(&run, outcome, &result, &error);

    end_progress(&run);
    if (!good) {
        fprintf(stderr, "herd-load: %s\n", error->message);
        return EXIT_CANNOT_BEGIN;
    }
    g_autofree char *text = settings->json ? result_json(&result) : result_text(&result);
    if (fputs(text, stdout) == EOF || fflush(stdout) == EOF) {
        fprintf(stderr, "herd-load: cannot write the result: %s\n", g_strerror(errno));
        return EXIT_ERRORS;
    }
    return outcome_errors(outcome) == 0 ? EXIT_SUCCESS : EXIT_ERRORS;
}

int main(int argc, char **argv)
{
    g_autoptr(Settings) settings = NULL;
    g_autoptr(GError) error = NULL;

    signal(SIGPIPE, SIG_IGN); /* OpenSSL's write(2) to a server that has closed */
    setlocale(LC_CTYPE, "");  /* for what GOption prints; numbers stay what they are */
    switch (options_parse(&argc, &argv, &settings, &error)) {
    case OPTIONS_RUN:
        return run_load(settings);
    case OPTIONS_DONE:
        return EXIT_SUCCESS;
    case OPTIONS_WRONG:
        break;
    }
    fprintf(stderr, "herd-load: %s; see herd-load --help\n", error->message);
    return EXIT_USAGE;
}
