/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a configuration that is read anew changes in a member that runs, and what of it has to wait
 * for the member's next start.
 */

#include "core/config.h"

#include <glib.h>
#include <stdbool.h>

typedef struct {
    GPtrArray *taken; /* owned char *: "[limits] max_line = 512", "member Clark added" */
    GPtrArray *held;  /* owned char *: "[herd] workers", "[member Bailey] listen" */
    bool places;      /* the places come from elsewhere, or are asked for in another way */
} ConfigChange;

/* Compares @config, which is new, with @running. What is used only at a start gets its value in
 * @running, so that @config says what is really in force. (transfer full) */
ConfigChange *config_change_new(Config *config, const Config *running);
void config_change_free(ConfigChange *change); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ConfigChange, config_change_free)

/* @names in one line, ", " between them. (transfer full) */
char *config_change_join(const GPtrArray *names);
