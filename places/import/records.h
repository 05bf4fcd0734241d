/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Records with a delimiter between them, such as lines, of an input of any length; in memory there
 * is one of them, and of one that is too long nothing. Belongs to one thread.
 */

#include "places/import/import.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    RECORDS_ONE,
    RECORDS_TOO_LONG, /* one that was passed over */
    RECORDS_END,
    RECORDS_FAILED, /* the input could not be read */
} RecordsOutcome;

typedef struct Records Records;

/* @input outlives it. A record has at most @length_max bytes. */
Records *records_new(const ImportInput *input, size_t length_max);
void records_free(Records *records);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Records, records_free)

/* The next byte, which stays there; a byte order mark at the very begin is passed over. Outcome
 * ONE, END or, with @error set, FAILED. */
RecordsOutcome records_peek(Records *records, char *ret_byte, GError **error);

/* The bytes up to @delimiter or the end, valid until the next call, and the line in which they
 * begin. @error is set for FAILED. */
RecordsOutcome records_next(Records *records, char delimiter, Slice *ret_record, uint64_t *ret_line,
                            GError **error);
