/* SPDX-License-Identifier: MIT */
#pragma once

/* The members of a configuration, each with its own view of it: [http Bailey] is Bailey's alone. */

#include "core/config.h"

#include <glib.h>

typedef struct {
    const Member *member; /* owned by the roster */
    Config *config;       /* (owned) (nullable) as that member reads it; NULL for another
                             implementation's, and where it is wrong */
    Endpoint *http;       /* (owned) (nullable) where it tells how it is */
    char *problem;        /* (owned) (nullable) what is wrong with the configuration of this one */
} RosterEntry;

typedef struct {
    GArray *entries; /* RosterEntry, in the order of the file; at least one has a config */
} Roster;

/* NULL with @error set: the configuration at @path is wrong for every member. May block on name
 * resolution. (transfer full) */
Roster *roster_load(const char *path, GError **error);
void roster_free(Roster *roster);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Roster, roster_free)

size_t roster_length(const Roster *roster);
const RosterEntry *roster_at(const Roster *roster, size_t index);

/* The member called @name, or NULL. (transfer none) */
const RosterEntry *roster_find(const Roster *roster, const char *name);
