/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a member says of itself at /status. A figure that it does not tell, or not as a number, is
 * NAN; a text is NULL. Texts are cleaned.
 */

#include "core/slice.h"

#include <glib.h>
#include <stdbool.h>

typedef struct {
    char *neighbour; /* (owned) */
    char *state;     /* (owned) (nullable) up, connecting, down */
    char *reason;    /* (owned) (nullable) why it is down */
    double since;    /* POSIX time */
    double pending;  /* clients whose newest location the neighbour has not been told */
    double lag_ms;   /* of the oldest update that was not sent yet */
    bool joined;     /* the neighbour's own link to this member is open, too */
} LinkView;

typedef struct {
    char *name; /* (owned) */
    char *version;
    double pid;
    double uptime_s;
    bool ready;
    double connections, connections_most;
    double workers, workers_active, workers_in_lookups;
    double lookups_waiting;
    double iamat_rate, whatsat_rate, invalid_rate; /* a second */
    double records;
    double memory_bytes;
    char *provider;        /* (owned) (nullable) */
    char *provider_state;  /* (owned) (nullable) ok, or what else */
    char *provider_detail; /* (owned) (nullable) */
    GArray *links;         /* LinkView */
} MemberStatus;

/* NULL: @text is no status, and @ret_why (transfer full) says why not. (transfer full) */
MemberStatus *memberstatus_parse(Slice text, char **ret_why);
void memberstatus_free(MemberStatus *status);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MemberStatus, memberstatus_free)

/* The link to @neighbour; NULL if it tells of none. (transfer none) */
const LinkView *memberstatus_link(const MemberStatus *status, const char *neighbour);
