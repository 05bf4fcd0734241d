/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The lines of the herd protocol: what a client or a neighbour may say, parsed and formatted.
 *
 * Everything here is a pure function of its arguments. A Message's slices point into the line that
 * it was parsed from.
 */

#include "core/query.h"
#include "core/record.h"
#include "core/slice.h"
#include "core/timestamp.h"

#include <stdbool.h>

#define LINK_VERSION 1 /* of the conversation between members, said in the hello */

typedef enum {
    MESSAGE_INVALID, /* PROTOCOL R16: anything else */
    MESSAGE_IAMAT,   /* R5-R9 */
    MESSAGE_WHATSAT, /* R10-R15 */
    MESSAGE_AT,      /* R20: an update between members */
    MESSAGE_HELLO,   /* R22: what makes a connection a link */
} MessageKind;

typedef struct {
    MessageKind kind;
    union {
        struct {
            Slice client;
            Slice location;
            Slice time;
            Timestamp time_value;
        } iamat;
        struct {
            Slice client;
            int64_t radius; /* millimetres */
            unsigned bound;
        } whatsat;
        RecordFields at;
        struct {
            Slice from;
            Slice to;
            int64_t incarnation; /* of from, INCARNATION_UNKNOWN if it is not said */
        } hello;
    };
} Message;

/* PROTOCOL R2: splits @line at white space into at most @most fields. Returns how many there are;
 * @most + 1 means "more". */
unsigned message_split(Slice line, Slice *fields, unsigned most);

/* What stands in @line, which has no LF. A line that is not valid by its rule is MESSAGE_INVALID,
 * whatever its verb. */
Message message_parse(Slice line);

/* The record that member @origin makes of an IAMAT which it received at @received (PROTOCOL R5).
 * (transfer full) */
Record *message_iamat_record(const Message *iamat, Slice origin, Timestamp received);

/* "HELLO 1 from to incarnation" LF. (transfer full) */
char *message_format_hello(const char *from, const char *to, int64_t incarnation);
