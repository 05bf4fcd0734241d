/* SPDX-License-Identifier: MIT */
#pragma once

/* A list of what was looked at and how it was found, printed line by line. */

#include "cmd/tool/terminal.h"

#include <glib.h>

typedef enum {
    CHECK_OK,
    CHECK_NOTE, /* could not be looked at from here; nothing follows from it */
    CHECK_WARNING,
    CHECK_BAD,
} CheckLevel;

typedef struct {
    Terminal terminal;
    unsigned counts[CHECK_BAD + 1];
} Checklist;

/* Prints a line; the text is cleaned. */
void checklist_add(Checklist *list, CheckLevel level, const char *format, ...) G_GNUC_PRINTF(3, 4);
