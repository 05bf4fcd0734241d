/* SPDX-License-Identifier: MIT */

/* herd status: how each member is. */

#include "cmd/tool/command.h"
#include "cmd/tool/commands.h"
#include "cmd/tool/survey-view.h"
#include "cmd/tool/survey.h"

static const char summary[] =
    "Shows how each member of the herd is, or each that is named: since when it is up, its\n"
    "connections, workers that are busy, WHATSATs that wait for a lookup, rates over the last\n"
    "seconds, records, its source of places; and its links to its neighbours. All are asked at\n"
    "once, at [http] listen. A member without that tells only that it is up.";

static const char description[] =
    "Examples:\n"
    "  herd status\n"
    "  herd status Bailey Bona\n"
    "  herd status --json | jq '.members[] | select(.state != \"up\")'\n"
    "\n"
    "Exit status: 0 all are up; 1 some are not; 2 wrong use, or the configuration is wrong.";

int command_status(int argc, char **argv)
{
    gboolean json = FALSE;
    const GOptionEntry options[] = {
        {"json", 'j', 0, G_OPTION_ARG_NONE, &json,
         "Print one JSON object, with all that /status says", NULL},
        {0},
    };
    const CommandUsage usage = {.parameters = "[NAME...]",
                                .most = G_MAXUINT,
                                .summary = summary,
                                .description = description,
                                .options = options};
    g_auto(CommandLine) line = {0};

    if (!commandline_parse(&line, &usage, argc, argv))
        return EXIT_USAGE;
    g_autoptr(Roster) roster = commandline_load(&line, true);
    if (roster == NULL || !survey_check_names(roster, line.arguments))
        return EXIT_USAGE;
    g_autoptr(Survey) survey = survey_new(roster, line.arguments, line.timeout_us, -1);
    g_autoptr(GString) out = g_string_new(NULL);
    if (json) {
        survey_append_json(survey, out);
        terminal_write_raw(&line.terminal, (Slice){.data = out->str, .length = out->len});
    } else {
        survey_append_members(survey, &line.terminal, NULL, out);
        survey_append_links(survey, &line.terminal, false, out);
        terminal_write(&line.terminal, out->str);
    }
    return survey_is_good(survey) ? EXIT_GOOD : EXIT_BAD;
}
