/* SPDX-License-Identifier: MIT */
#pragma once

/* The result of a run, for people and as JSON. Called from main. */

#include "cmd/load/outcome.h"
#include "cmd/load/servers.h"
#include "cmd/load/settings.h"

#include <glib.h>

typedef struct {
    const Settings *settings; /* (transfer none) */
    const Outcome *outcome;   /* (transfer none) of all threads together */
    const GArray *servers;    /* (transfer none) of ServerUse */
    double seconds;           /* of measured time, as it was */
    double fill_seconds;
} Result;

/* A table. (transfer full) */
char *result_text(const Result *result);

/* One JSON object and LF. (transfer full) */
char *result_json(const Result *result);

/* Answers a second of measured time. */
double result_per_s(const Result *result);

/* The share of the measured time that the generator's busiest thread was on a CPU. */
double result_busy(const Result *result);

/* Of all servers together; below 0: there is none to be told. */
double result_cpu_us_per_request(const Result *result);
