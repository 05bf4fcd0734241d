/* SPDX-License-Identifier: MIT */
#pragma once

/* Connections that report once and are then held without a word. Called from main. */

#include "cmd/load/outcome.h"
#include "cmd/load/settings.h"

#include <glib.h>

typedef struct Idle Idle;

/* Opens as many as @settings has, one after the other. All of them report the same client, so that
 * what they cost a server is connections alone. NULL with @error set. */
Idle *idle_open(const Settings *settings, GError **error);

/* Closes them. */
void idle_free(Idle *idle);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Idle, idle_free)

/* Counts those that are no longer open and silent as lost. */
void idle_check(Idle *idle, Outcome *outcome);
