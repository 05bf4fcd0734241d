/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What members of other implementations say to each other (PROTOCOL R24): one update formatted for
 * them, and the lines that come from them.
 *
 * Everything here is a pure function of its arguments.
 */

#include "core/record.h"
#include "core/slice.h"
#include "core/timestamp.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum {
    DIALECT_NATIVE, /* herdd's own: AT origin skew client lat-lon time */
    DIALECT_PLAIN,  /* the same line, without links */
    DIALECT_PATH,   /* behind it the members that it went through */
    DIALECT_LAST,   /* behind it the member that sends it */
    DIALECT_ECHO,   /* ECHO client lat-lon time received-time sender */
} Dialect;

/* How updates are brought to a neighbour. */
typedef enum {
    DELIVERY_LINK,    /* over one connection that is kept */
    DELIVERY_MESSAGE, /* over connections that are closed again: with native members when all is
                         said, otherwise after each */
} Delivery;

/* What ends an update. */
typedef enum {
    TERMINATOR_LF,
    TERMINATOR_CRLF,
    TERMINATOR_NONE, /* the end of the connection */
} Terminator;

#define DIALECT_PATH_MAX 64 /* names; a line with more is invalid */

/* An update that another implementation sent. Its slices point into the line and, fields.skew, into
 * the struct itself: do not copy it. */
typedef struct {
    RecordFields fields;           /* as record_new() takes them */
    char skew[TIMESTAMP_SKEW_MAX]; /* the bytes of fields.skew: theirs in the form of R5 */
    Slice path[DIALECT_PATH_MAX];  /* the members that it says it went through, the last of which
                                      sent it; none in a line of DIALECT_PLAIN */
    unsigned path_length;          /* names in path */
} DialectUpdate;

/*
 * Writes @record as member @self says it to @neighbour, @terminator included, into @buffer of @size
 * bytes (NULL is fine for 0). Returns how many bytes that takes: if they are more than @size it did
 * not fit, and what the buffer holds is of no use.
 */
size_t dialect_format(Dialect dialect, Terminator terminator, const Record *record, Slice self,
                      Slice neighbour, char *buffer, size_t size);

/*
 * What stands in @line, which has no LF, in whichever dialect. FALSE: it has not exactly the form
 * of one of them (by its number of fields: AT 6 plain, 7 last or path, 8 and more path; ECHO 6), a
 * name is longer than MEMBER_NAME_MAX, location or time are not valid by R7 and R8, or the skew is
 * no number of at most 13 digits of seconds; @ret_update is of no use then. An ECHO's origin is its
 * sender.
 */
bool dialect_parse(Slice line, DialectUpdate *ret_update);

/* Whether @line, valid or not, begins as an update between members does, in any dialect. */
bool dialect_is_update(Slice line);

/* Who sent @update; empty if it does not say. */
Slice dialect_sender(const DialectUpdate *update);
