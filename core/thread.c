/* SPDX-License-Identifier: MIT */
#include "core/thread.h"

#include <errno.h>
#include <time.h>

/* Enough for libcurl and a name look-up under a sanitizer; only what is touched costs memory. */
#define STACK_SIZE ((size_t)1 << 20)
#define SHOWN_NAME 15 /* pthread_setname_np(3) */

GQuark herd_thread_error_quark(void)
{
    return g_quark_from_static_string("herd-thread-error-quark");
}

typedef struct {
    ThreadMain main;
    void *argument;
    char *name; /* (owned) */
} Start;

static _Thread_local const char *current_name = "main";

static void *run(void *argument)
{
    Start *start = argument;
    char shown[SHOWN_NAME + 1];

    current_name = start->name;
    g_strlcpy(shown, start->name, sizeof shown);
    pthread_setname_np(pthread_self(), shown); /* it fails only for a name that is too long */
    start->main(start->argument);
    g_free(start->name);
    g_free(start);
    return NULL;
}

bool thread_start(pthread_t *ret_thread, const char *name, ThreadMain main, void *argument,
                  GError **error)
{
    Start *start = g_new(Start, 1);
    pthread_attr_t attributes;
    pthread_t thread;

    *start = (Start){.main = main, .argument = argument, .name = g_strdup(name)};
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    int failed = pthread_create(&thread, &attributes, run, start);
    pthread_attr_destroy(&attributes);
    if (failed != 0) {
        g_set_error(error, HERD_THREAD_ERROR, HERD_THREAD_ERROR_START,
                    "cannot start the thread %s: %s", name, g_strerror(failed));
        g_free(start->name);
        g_free(start);
        return false;
    }
    *ret_thread = thread;
    return true;
}

void thread_join(pthread_t thread)
{
    int failed = pthread_join(thread, NULL);

    g_assert(failed == 0);
}

bool thread_join_within(pthread_t thread, int64_t wait_ms)
{
    struct timespec deadline;

    clock_gettime(CLOCK_REALTIME, &deadline); /* the only clock that there is for it everywhere */
    deadline.tv_sec += (time_t)(wait_ms / 1000);
    deadline.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    if (deadline.tv_nsec >= 1000000000) {
        deadline.tv_sec++;
        deadline.tv_nsec -= 1000000000;
    }
    int failed = pthread_timedjoin_np(thread, NULL, &deadline);

    g_assert(failed == 0 || failed == ETIMEDOUT);
    return failed == 0;
}

const char *thread_name(void)
{
    return current_name;
}

int64_t monotonic_ms(void)
{
    return monotonic_ns() / 1000000;
}

void condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    int failed = pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
    g_assert(failed == 0);
}

bool condition_wait_until(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t deadline_ms)
{
    struct timespec deadline = {
        .tv_sec = (time_t)(deadline_ms / 1000),
        .tv_nsec = (long)(deadline_ms % 1000) * 1000000,
    };
    int failed = pthread_cond_timedwait(condition, mutex, &deadline);

    g_assert(failed == 0 || failed == ETIMEDOUT);
    return failed == 0;
}
