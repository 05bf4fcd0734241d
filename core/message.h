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

#include <glib.h>
#include <stdbool.h>

#define LINK_VERSION 1 /* of the conversation between members, said in the hello */

typedef enum {
    MESSAGE_INVALID,   /* PROTOCOL R16: anything else */
    MESSAGE_IAMAT,     /* R5-R9 */
    MESSAGE_WHATSAT,   /* R10-R15 */
    MESSAGE_AT,        /* R20: an update between members */
    MESSAGE_SYNC,      /* the same fields: a record that a comparison has shown to be missing */
    MESSAGE_HELLO,     /* R22: what makes a connection a link */
    MESSAGE_CHALLENGE, /* answers a hello where there is a secret: see core/proof.h */
    MESSAGE_PROOF,     /* answers a challenge */
    MESSAGE_AUTH,      /* a client's token: see core/access.h */
    MESSAGE_PING,      /* between members: are you there? */
    MESSAGE_PONG,      /* I am */
    MESSAGE_DIGEST,    /* what are the sums of this part of your store? */
    MESSAGE_SUMS,      /* these */
} MessageKind;

/* The parts of a store that sums are asked for: one of these or a shard's number. */
enum {
    PART_ROOT = -2,   /* one sum: of everything */
    PART_SHARDS = -1, /* a sum a shard */
};

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
        RecordFields at; /* of MESSAGE_SYNC too */
        struct {
            Slice from;
            Slice to;
            int64_t incarnation; /* of from, INCARNATION_UNKNOWN if it is not said */
            Slice nonce;         /* empty: from wants no proof */
        } hello;
        struct {
            Slice nonce;
            Slice proof;
        } challenge;
        Slice proof;
        Slice token; /* of MESSAGE_AUTH */
        struct {
            int part;   /* of MESSAGE_DIGEST and MESSAGE_SUMS */
            Slice sums; /* MESSAGE_SUMS: for message_parse_sums() */
        } digest;
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

/* Appends the same, with @nonce (nullable) behind it. */
void message_append_hello(GString *text, const char *from, const char *to, int64_t incarnation,
                          const char *nonce);

/* Appends "CHALLENGE nonce proof" LF, or "PROOF proof" LF. */
void message_append_challenge(GString *text, const char *nonce, const char *proof);
void message_append_proof(GString *text, const char *proof);

/* @line as it may stand in a log: what proves something to somebody is left out, whether the line
 * is valid or not. Points into @line or is constant. */
Slice message_shown(Slice line);

/* Appends "DIGEST part" LF. */
void message_append_digest(GString *text, int part);

/* Appends "SUMS part" with @count sums, LF. */
void message_append_sums(GString *text, int part, const uint64_t *sums, unsigned count);

/* Reads the sums of a MESSAGE_SUMS. FALSE: they are not exactly @count sums. */
bool message_parse_sums(const Message *answer, uint64_t *sums, unsigned count);
