/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The clients that a generator thread speaks for: where each is, and what it has reported last.
 *
 * A client has a home, from which it wanders in steps of a fixed length. Its reports carry the time
 * of day, each a later one than the one before. Sixteen bytes a client; a report is written by
 * hand, not by snprintf(), since there are a million a second. Owned by one thread.
 */

#include "core/slice.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define PREFIX_MAX  32 /* bytes of a client ID before its number */
#define REPORT_MAX  112
#define CLIENTS_MAX 1000000000

/* What a report says, as IAMAT has it: "CLIENT PLACE TIME". */
typedef struct {
    uint8_t length;
    uint8_t client_length; /* the place is REPORT_PLACE_LENGTH bytes */
    char text[REPORT_MAX - 2];
} Report;

#define REPORT_PLACE_LENGTH 21 /* +34.068930-118.445127 */
#define REPORT_TIME_LENGTH  20 /* 1621464827.959498503 */

static inline Slice report_text(const Report *report)
{
    return (Slice){.data = report->text, .length = report->length};
}

static inline Slice report_client(const Report *report)
{
    return (Slice){.data = report->text, .length = report->client_length};
}

static inline Slice report_place(const Report *report)
{
    return (Slice){.data = report->text + report->client_length + 1, .length = REPORT_PLACE_LENGTH};
}

static inline Slice report_time(const Report *report)
{
    return (Slice){.data = report->text + report->length - REPORT_TIME_LENGTH,
                   .length = REPORT_TIME_LENGTH};
}

/* The place and the time, with the blank between. */
static inline Slice report_place_and_time(const Report *report)
{
    return (Slice){.data = report->text + report->client_length + 1,
                   .length = (size_t)report->length - report->client_length - 1};
}

typedef struct Population Population;

/* The clients PREFIX-FIRST.example and so on, @count of them; @step is in metres. A client's home
 * depends on @seed and its number alone. */
Population *population_new(const char *prefix, uint32_t first, uint32_t count, double step,
                           uint64_t seed);
void population_free(Population *population);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Population, population_free)

/* Moves client @index (from 0 on) a step and writes what it reports at @now, nanoseconds since
 * 1970. */
void population_report(Population *population, uint32_t index, int64_t now, Report *ret_report);

/* Writes what client @index has reported last. FALSE: nothing yet, or it is not certain. */
bool population_last(const Population *population, uint32_t index, Report *ret_report);

/* Nobody knows whether the last report of client @index arrived. */
void population_doubt(Population *population, uint32_t index);

/* A report by one who is not in the population, PREFIX-NAME.example, from Los Angeles at @now. */
void population_write_other(const char *prefix, const char *name, int64_t now, Report *ret_report);
