/* SPDX-License-Identifier: MIT */
#pragma once

/* A survey as tables for people, and as JSON for programs. */

#include "cmd/tool/survey.h"
#include "cmd/tool/terminal.h"

#include <glib.h>

/* Appends a row a member. @history (nullable): a text for each row, such as survey_history_bar()
 * makes, in a column of its own. */
void survey_append_members(const Survey *survey, const Terminal *terminal, char **history,
                           GString *out);

/* Appends a row a link that a member tells of, if there are any; with @only_bad those that are not
 * well. */
void survey_append_links(const Survey *survey, const Terminal *terminal, bool only_bad,
                         GString *out);

/* Appends one JSON object: "members", each with its state, and /status as it came. */
void survey_append_json(const Survey *survey, GString *out);

/* @rates as a bar of one column each, the oldest first; @most is as high as it goes. NAN: nothing
 * is known. (transfer full) */
char *survey_history_bar(const double *rates, size_t count, double most);
