/* SPDX-License-Identifier: MIT */
#pragma once

/* What herd check looks at on the host that a member runs on. */

#include "cmd/tool/checklist.h"
#include "cmd/tool/survey.h"

#include <stdbool.h>

/* Whether the member at @entry runs on this host, by its addresses. */
bool check_is_here(const RosterEntry *entry);

/* The files and folders that the configuration of @entry names: that they are there, and who may
 * read what is secret. Nothing of what is in them is shown. */
void check_files(Checklist *list, const RosterEntry *entry);

/* Whether the member may have as many descriptors as its max_connections needs: the process's own
 * limit where it can be read, else what a program started from here would get. */
void check_descriptors(Checklist *list, const SurveyRow *row);
