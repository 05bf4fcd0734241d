/* SPDX-License-Identifier: MIT */
#pragma once

/* What a thread of the generator has measured. Owned by that thread, merged when it has ended. */

#include "cmd/load/histogram.h"
#include "cmd/load/protocol.h"

#include <glib.h>
#include <stdint.h>

typedef enum {
    ERROR_WRONG_REPLY,
    ERROR_LOST_CONNECTION,
    ERROR_TIMEOUT,
    ERROR_KINDS,
} ErrorKind;

typedef struct {
    uint64_t sent;             /* requests of the measured time */
    uint64_t answered;         /* of these */
    uint64_t answered_in_time; /* answers within the measured time, of whichever requests */
    uint64_t reconnects;       /* with --retry: connections that were opened anew */
    uint64_t repeated;         /* with --retry: requests that were said again */
    uint64_t errors[ERROR_KINDS];
    char *first_error;                 /* (owned) (nullable) */
    int64_t first_error_at;            /* now_ns() */
    Histogram *latency[REQUEST_KINDS]; /* (owned) of the requests of the measured time */
    Histogram *fill;                   /* (owned) */
    Histogram *propagation;            /* (owned) */
    int64_t cpu_ns;                    /* within the measured time */
    int64_t busiest_ns;                /* the most of one thread */
    int64_t ended;                     /* when the last thread had no more to do, now_ns() */
} Outcome;

Outcome *outcome_new(void);
void outcome_free(Outcome *outcome);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Outcome, outcome_free)

/* Counts @count errors; the first one of all is kept as text. */
void outcome_add_errors(Outcome *outcome, ErrorKind kind, uint64_t count, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

/* Counts a wrong @reply of @server to @request; @why says what is wrong with it. */
void outcome_add_wrong(Outcome *outcome, const char *server, Slice request, Slice reply,
                       const char *why);

/* Adds all that @other has. */
void outcome_merge(Outcome *outcome, const Outcome *other);

uint64_t outcome_errors(const Outcome *outcome);
