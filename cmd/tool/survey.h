/* SPDX-License-Identifier: MIT */
#pragma once

/* How the members of a herd are, all asked at once: by /status where [http] listen is set,
 * otherwise by whether they accept connections. */

#include "cmd/tool/member-status.h"
#include "cmd/tool/roster.h"
#include "cmd/tool/terminal.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    MEMBER_DOWN,
    MEMBER_NOT_READY, /* it says so itself: starting, or stopping */
    MEMBER_UP,
} MemberState;

typedef struct {
    const RosterEntry *entry;
    MemberState state;
    MemberStatus *status; /* (owned) (nullable) */
    char *body;           /* (owned) (nullable) what status was read from */
    char *unseen;         /* (owned) (nullable) why its [http] listen told nothing */
    char *note;           /* (owned) (nullable) why it is down; or why no more of it is seen */
    bool clock_told;
    double clock_off_s; /* how far its clock is at least ahead of ours, below 0: behind; 0: they
                           agree as far as one can see in whole seconds */
} SurveyRow;

typedef struct {
    GArray *rows;  /* SurveyRow, in the order of the file */
    bool complete; /* false: interrupted */
} Survey;

/* Of all members, or of those in @names if there are any, which are in the roster. @interrupt: see
 * wire_call(). (transfer full) */
Survey *survey_new(const Roster *roster, char **names, int64_t timeout_us, int interrupt);
void survey_free(Survey *survey);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Survey, survey_free)

size_t survey_length(const Survey *survey);
const SurveyRow *survey_at(const Survey *survey, size_t index);

/* The row of the member @name, or NULL. */
const SurveyRow *survey_find(const Survey *survey, const char *name);

/* Whether every member is up. */
bool survey_is_good(const Survey *survey);

/* Checks @names against @roster. FALSE: one is not in it, which has been told. */
bool survey_check_names(const Roster *roster, char **names);
