/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Named threads, and pthread calls that cannot fail unless the program is wrong: such a failure
 * aborts, since going on without the lock would be worse.
 *
 * pthreads and C11 atomics rather than GLib's: ThreadSanitizer sees these (ARCHITECTURE.md, "Why
 * pthreads").
 */

#include <glib.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define HERD_THREAD_ERROR (herd_thread_error_quark())
GQuark herd_thread_error_quark(void);

typedef enum {
    HERD_THREAD_ERROR_START, /* the system has no more threads to give */
} HerdThreadError;

typedef void (*ThreadMain)(void *argument);

/*
 * Starts @main(@argument) in a new thread that is called @name (15 bytes at most are shown by ps
 * and top; the program's own log has it whole). FALSE with @error set: there is no such thread. The
 * thread inherits the caller's signal mask; the owner joins it with thread_join().
 */
bool thread_start(pthread_t *ret_thread, const char *name, ThreadMain main, void *argument,
                  GError **error);

/* Waits for @thread to end. */
void thread_join(pthread_t thread);

/* The same, but no longer than @wait_ms. FALSE: it still runs, and goes on doing so. */
bool thread_join_within(pthread_t thread, int64_t wait_ms);

/* The name that the calling thread was started with; "main" for the one that was not. (transfer
 * none) */
const char *thread_name(void);

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t monotonic_ms(void);

/* Nanoseconds of it. */
static inline int64_t monotonic_ns(void)
{
    struct timespec now;
    int failed = clock_gettime(CLOCK_MONOTONIC, &now);

    g_assert(failed == 0);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline void mutex_lock(pthread_mutex_t *mutex)
{
    int failed = pthread_mutex_lock(mutex);

    g_assert(failed == 0);
}

static inline void mutex_unlock(pthread_mutex_t *mutex)
{
    int failed = pthread_mutex_unlock(mutex);

    g_assert(failed == 0);
}

/* A condition variable whose timed waits go by CLOCK_MONOTONIC. */
void condition_init(pthread_cond_t *condition);

static inline void condition_wait(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
    int failed = pthread_cond_wait(condition, mutex);

    g_assert(failed == 0);
}

/* FALSE: monotonic_ms() has reached @deadline_ms. */
bool condition_wait_until(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t deadline_ms);

static inline void condition_signal(pthread_cond_t *condition)
{
    int failed = pthread_cond_signal(condition);

    g_assert(failed == 0);
}

static inline void condition_broadcast(pthread_cond_t *condition)
{
    int failed = pthread_cond_broadcast(condition);

    g_assert(failed == 0);
}
