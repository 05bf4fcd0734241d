/* SPDX-License-Identifier: MIT */
#pragma once

/* One command said to one member: the one that is named, or the first of the file that answers. */

#include "cmd/tool/command.h"
#include "cmd/tool/wire.h"

#include <glib.h>

typedef struct {
    char *member;     /* (owned) (nullable) a name; NULL: whichever answers first */
    char *token_file; /* (owned) (nullable) path of the token that is said first */
} AskOptions;

/* The options that set an AskOptions @ask, for a CommandUsage. */
#define ASK_OPTIONS(ask)                                                                 \
    {"member",                                                                           \
     'm',                                                                                \
     0,                                                                                  \
     G_OPTION_ARG_STRING,                                                                \
     &(ask)->member,                                                                     \
     "Ask this member; without it the first of the file that answers",                   \
     "NAME"},                                                                            \
    {                                                                                    \
        "token-file", 0, 0, G_OPTION_ARG_FILENAME, &(ask)->token_file,                   \
            "Say the token in FILE first, for members with an access rules file", "FILE" \
    }

typedef struct {
    const RosterEntry *entry; /* who answered; owned by the roster */
    Roster *roster;           /* (owned) */
    GString *answer;          /* (owned) whole, LF included */
} Answer;

/* Says @line, LF included, and fills in the answer; members that did not answer are told on stderr.
 * Returns EXIT_GOOD, or what to exit with: nobody answered, the token was refused, or wrong use,
 * which has been told. */
int ask(const CommandLine *line, const AskOptions *options, WireKind kind, const char *text,
        Answer *ret_answer);
void ask_clear(AskOptions *options);
void answer_clear(Answer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AskOptions, ask_clear)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Answer, answer_clear)

/* Whether the member refused: "? " and the line (PROTOCOL R16). */
bool answer_is_refusal(const Answer *answer);

/* The answer's first line, without its LF. */
Slice answer_line(const Answer *answer);
