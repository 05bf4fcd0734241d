/* SPDX-License-Identifier: MIT */
#pragma once

/* Time in nanoseconds, for what is measured. */

#include <stdint.h>
#include <time.h>

#define NS_PER_S  INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

static inline int64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now); /* cannot fail: these clocks are there */
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* CLOCK_MONOTONIC. */
static inline int64_t now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

/* What epoll_pwait2() and clock_nanosleep() take; what is below zero is zero. */
static inline struct timespec timespec_of(int64_t nanoseconds)
{
    int64_t ns = nanoseconds > 0 ? nanoseconds : 0;

    return (struct timespec){.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};
}

/* Returns once CLOCK_MONOTONIC has reached @moment. */
static inline void wait_until_ns(int64_t moment)
{
    struct timespec until = timespec_of(moment);

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0)
        continue; /* a signal */
}
