/* SPDX-License-Identifier: MIT */
#pragma once

/* The command line of herd-load. */

#include "cmd/load/settings.h"

#include <glib.h>

typedef enum {
    OPTIONS_RUN,   /* *ret_settings says what */
    OPTIONS_DONE,  /* what was asked for, a version, has been printed */
    OPTIONS_WRONG, /* error set */
} OptionsOutcome;

/* May ask the resolver for the targets' addresses. */
OptionsOutcome options_parse(int *argc, char ***argv, Settings **ret_settings, GError **error);

void settings_free(Settings *settings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Settings, settings_free)
