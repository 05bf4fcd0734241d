/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What is said to servers, and whether what they answer is right: the herd's protocol, and those of
 * servers that it is compared with, which are told the same bytes of a client, its place and the
 * time.
 *
 * Everything here is a pure function of its arguments.
 */

#include "cmd/load/population.h"
#include "core/slice.h"

#include <stdbool.h>

#define REQUEST_MAX 256               /* bytes of any request */
#define REPLY_MAX   ((size_t)1 << 20) /* bytes of any reply */

typedef enum {
    REQUEST_IAMAT,
    REQUEST_WHATSAT,
    REQUEST_KINDS,
} RequestKind;

typedef enum {
    REPLY_PARTIAL, /* more has to come */
    REPLY_RIGHT,
    REPLY_WRONG,
} ReplyState;

typedef struct {
    ReplyState state;
    size_t length;   /* of a reply that is not partial */
    const char *why; /* (transfer none) of a wrong one */
} Reply;

typedef struct {
    const char *name;
    bool has_whatsat;
    /* Writes a request for what @report says; WHATSAT asks for @area, "RADIUS BOUND". Returns the
     * bytes written, at most REQUEST_MAX. */
    size_t (*format)(char *to, RequestKind kind, const Report *report, Slice area);
    /* Takes one reply off the start of @bytes: to a request of @kind, where @report is what an
     * IAMAT said, and what the last one about the client said if it is a WHATSAT. */
    Reply (*take)(Slice bytes, RequestKind kind, const Report *report);
} Protocol;

/* NULL: there is none of that name. */
const Protocol *protocol_find(const char *name);

/* The names of all, with commas. (transfer full) */
char *protocol_names(void);

/* Whether @line, without its LF, is an AT line about what @report says: any member, any skew
 * (PROTOCOL R5). NULL: yes. Otherwise what is wrong. (transfer none) */
const char *protocol_check_at(Slice line, const Report *report);
