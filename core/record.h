/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The latest known location of one client, and the one order in which records supersede each other.
 *
 * A Record is immutable and reference counted: one allocation that holds the AT line as its origin
 * wrote it (PROTOCOL R5, R20). Any thread may read one that it has a reference to, without a lock.
 * Slices that the functions below return point into the record and live as long as it.
 */

#include "core/location.h"
#include "core/slice.h"
#include "core/timestamp.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Record Record;

/* A client ID as hash tables want it. A Record begins with its client's key, so that a table of
 * records is a set (GHashTable with key == value) that can be searched by client alone: see
 * record_key_hash(). */
typedef struct {
    const char *client;
    uint32_t length;
    uint32_t hash;
} RecordKey;

/* The key of @client, whose bytes it points to. The hash is keyed with a secret of this process. */
RecordKey record_key(Slice client);

/* GHashFunc and GEqualFunc for tables whose keys are RecordKey or Record. */
unsigned record_key_hash(const void *key);
int record_key_equal(const void *a, const void *b);

/* Which of RECORD_PLACES parts of a store a client belongs to: the same on every member, so that
 * members can compare part by part. Anybody can choose IDs that share one, unlike RecordKey.hash.
 */
#define RECORD_PLACE_BITS 16
#define RECORD_PLACES     (1u << RECORD_PLACE_BITS)
unsigned record_place_of(Slice client);

/* The fields of an AT line. Slices of somebody else's text. */
typedef struct {
    Slice origin;
    Slice skew;
    Slice client;
    Slice location;
    Slice time;
    Timestamp time_value; /* what @time says */
} RecordFields;

/* A record of @fields, which the caller has validated; their bytes are copied. (transfer full) */
Record *record_new(const RecordFields *fields);

Record *record_ref(Record *record);
void record_unref(Record *record); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Record, record_unref)

Slice record_line(const Record *record); /* the AT line, LF included */
Slice record_client(const Record *record);
Slice record_origin(const Record *record);
Slice record_location(const Record *record);  /* as written, valid by R7 */
Slice record_time_text(const Record *record); /* as written, valid by R8 */
Timestamp record_time(const Record *record);
Timestamp record_skew(const Record *record); /* the received time minus the client's */

/* record_place_of() its client. */
unsigned record_place(const Record *record);

/* 64 bits that say which record it is, the same on every member: a hash of its line. Never zero. */
uint64_t record_digest(const Record *record);

/*
 * PROTOCOL R21: below zero if @a is older than @b, above if newer, zero if they are one and the
 * same update. A total order over everything that a line says: where time, origin, location and
 * skew are all equal, the bytes of the line decide (+5.0 and 5.0 are the same time), so that
 * members agree to the byte.
 */
int record_compare(const Record *a, const Record *b);

/*
 * Whether two records are one update, of which one has been through a program that keeps positions
 * and times as doubles and writes origin, skew and digits anew: the same client, the same location
 * by value, and times less than a microsecond apart. What comes back like that is no news.
 */
bool record_is_copy(const Record *a, const Record *b);
