/* SPDX-License-Identifier: MIT */

/* herd check: whether a herd can run as its configuration says, and whether it does. */

#include "cmd/tool/check-host.h"
#include "cmd/tool/checklist.h"
#include "cmd/tool/command.h"
#include "cmd/tool/commands.h"
#include "cmd/tool/phrase.h"
#include "cmd/tool/survey.h"
#include "cmd/tool/wire.h"

#include <math.h>
#include <string.h>

static const char summary[] =
    "Checks the configuration as each member reads it; for members on this host the files that it\n"
    "names and the limit on open files; then what runs: every listen address, [http] listen, both\n"
    "ends of each link, and the members' clocks (as /status tells them, in whole seconds).\n"
    "It changes nothing and reports no location. A line each: ok, note, warn or bad.";

static const char description[] =
    "Examples:\n"
    "  herd check\n"
    "  herd check --config /etc/herd/herd.conf | grep -v '^ok'\n"
    "\n"
    "Exit status: 0 all is well; 1 there are warnings; 2 something is bad, or wrong use.";

/* Warnings are mostly the same for all members: each is told once. */
static void check_configuration(Checklist *list, const Roster *roster)
{
    g_autoptr(GHashTable) told = g_hash_table_new(g_str_hash, g_str_equal);

    for (size_t i = 0; i < roster_length(roster); i++) {
        const RosterEntry *entry = roster_at(roster, i);
        const char *name = entry->member->name;

        if (entry->problem != NULL)
            checklist_add(list, CHECK_BAD, "%s: %s", name, entry->problem);
        else if (entry->config == NULL)
            checklist_add(list, CHECK_NOTE, "%s: another implementation's (%s)", name,
                          member_dialect_name(entry->member->dialect));
        else
            checklist_add(list, CHECK_OK, "%s: its configuration is right", name);
        for (unsigned k = 0; entry->config != NULL && k < entry->config->warnings->len; k++) {
            const char *warning = entry->config->warnings->pdata[k];

            if (g_hash_table_add(told, entry->config->warnings->pdata[k]))
                checklist_add(list, CHECK_WARNING, "%s", warning);
        }
    }
}

/* Every address of every member, all at once. */
static void check_addresses(Checklist *list, const Roster *roster, int64_t timeout_us)
{
    g_autoptr(GArray) calls = g_array_new(FALSE, FALSE, sizeof(WireCall));

    for (size_t i = 0; i < roster_length(roster); i++) {
        const RosterEntry *entry = roster_at(roster, i);

        for (unsigned k = 0; k < entry->member->listen->len; k++) {
            WireCall call = {
                .kind = entry->config != NULL ? WIRE_PROBE : WIRE_CONNECT,
                .endpoint = entry->member->listen->pdata[k],
                .name = entry->member->name,
                .tls = entry->config != NULL ? &entry->config->tls : NULL,
            };

            g_array_append_val(calls, call);
        }
    }
    wire_call((WireCall *)(void *)calls->data, calls->len, timeout_us, -1);
    for (unsigned i = 0; i < calls->len; i++) {
        const WireCall *call = &g_array_index(calls, WireCall, i);
        g_autofree char *span = phrase_span((double)call->took_us / 1e6);

        if (call->done)
            checklist_add(list, CHECK_OK, "%s: it serves at %s (%s)", call->name,
                          call->endpoint->text, span);
        else
            checklist_add(list, CHECK_BAD, "%s: %s: %s", call->name, call->endpoint->text,
                          call->why);
    }
    wire_clear((WireCall *)(void *)calls->data, calls->len);
}

static void check_status(Checklist *list, const SurveyRow *row)
{
    const char *name = row->entry->member->name;
    const MemberStatus *status = row->status;

    if (row->entry->http == NULL) {
        if (row->entry->config != NULL)
            checklist_add(list, CHECK_NOTE,
                          "%s: without [http] listen its links and its clock cannot be seen", name);
        return;
    }
    if (status == NULL) {
        checklist_add(list, CHECK_BAD, "%s: %s", name, row->unseen);
        return;
    }
    checklist_add(list, status->ready ? CHECK_OK : CHECK_WARNING, "%s: http://%s/status: %s", name,
                  row->entry->http->text, status->ready ? "ready" : "not ready");
    if (status->provider_state != NULL && !g_str_equal(status->provider_state, "ok"))
        checklist_add(list, CHECK_WARNING, "%s: places = %s: %s%s%s", name,
                      status->provider != NULL ? status->provider : "-", status->provider_state,
                      status->provider_detail != NULL ? ": " : "",
                      status->provider_detail != NULL ? status->provider_detail : "");
    if (!row->clock_told)
        checklist_add(list, CHECK_NOTE, "%s: it does not tell its clock", name);
    else if (fabs(row->clock_off_s) > 0)
        checklist_add(list, CHECK_WARNING, "%s: its clock is %.1f s or more %s ours", name,
                      fabs(row->clock_off_s), row->clock_off_s > 0 ? "ahead of" : "behind");
    else
        checklist_add(list, CHECK_OK, "%s: its clock and ours agree, as far as whole seconds tell",
                      name);
}

/* How @here says its link to @there is. FALSE: it does not tell, or it is another implementation's
 */
static bool describe_end(const Survey *survey, const char *here, const char *there, bool *ret_up,
                         char **ret_why)
{
    const SurveyRow *row = survey_find(survey, here);
    const LinkView *link = row->status != NULL ? memberstatus_link(row->status, there) : NULL;

    if (row->status == NULL)
        return false;
    *ret_up = link != NULL && link->state != NULL && g_str_equal(link->state, "up");
    if (!*ret_up)
        *ret_why =
            g_strdup_printf("%s says %s%s%s", here,
                            link == NULL || link->state == NULL ? "nothing of it" : link->state,
                            link != NULL && link->reason != NULL ? ": " : "",
                            link != NULL && link->reason != NULL ? link->reason : "");
    return true;
}

static void check_edge(Checklist *list, const Survey *survey, const char *a, const char *b)
{
    bool a_up = false, b_up = false;
    g_autofree char *a_why = NULL, *b_why = NULL;
    bool a_told = describe_end(survey, a, b, &a_up, &a_why);
    bool b_told = describe_end(survey, b, a, &b_up, &b_why);

    if (!a_told && !b_told)
        return;
    if (a_why != NULL || b_why != NULL)
        checklist_add(list, CHECK_BAD, "link %s - %s: %s%s%s", a, b, a_why != NULL ? a_why : "",
                      a_why != NULL && b_why != NULL ? "; " : "", b_why != NULL ? b_why : "");
    else
        checklist_add(list, CHECK_OK, "link %s - %s: up%s%s", a, b,
                      a_told && b_told ? " from both sides" : ", says ",
                      a_told && b_told ? ""
                      : a_told         ? a
                                       : b);
}

static void check_links(Checklist *list, const Roster *roster, const Survey *survey)
{
    for (size_t i = 0; i < roster_length(roster); i++) {
        const Member *member = roster_at(roster, i)->member;

        for (unsigned k = 0; k < member->neighbours->len; k++) {
            const char *neighbour = member->neighbours->pdata[k];

            if (strcmp(member->name, neighbour) < 0)
                check_edge(list, survey, member->name, neighbour);
        }
    }
}

static void check_hosts(Checklist *list, const Survey *survey)
{
    for (size_t i = 0; i < survey_length(survey); i++) {
        const SurveyRow *row = survey_at(survey, i);

        if (row->entry->config == NULL)
            continue;
        if (check_is_here(row->entry)) {
            check_files(list, row->entry);
            check_descriptors(list, row);
        } else {
            checklist_add(list, CHECK_NOTE,
                          "%s: it is on another host: run this there to check its files",
                          row->entry->member->name);
        }
    }
}

static int summarize(const Checklist *list)
{
    g_autofree char *text = g_strdup_printf("%u ok, %u to note, %u warnings, %u bad\n",
                                            list->counts[CHECK_OK], list->counts[CHECK_NOTE],
                                            list->counts[CHECK_WARNING], list->counts[CHECK_BAD]);

    terminal_write(&list->terminal, text);
    if (list->counts[CHECK_BAD] > 0)
        return 2;
    return list->counts[CHECK_WARNING] > 0 ? 1 : 0;
}

int command_check(int argc, char **argv)
{
    static char *everybody[] = {NULL};
    const CommandUsage usage = {.parameters = "", .summary = summary, .description = description};
    g_auto(CommandLine) line = {0};
    g_autoptr(GError) error = NULL;

    if (!commandline_parse(&line, &usage, argc, argv))
        return EXIT_USAGE;
    Checklist list = {.terminal = line.terminal};
    g_autoptr(Roster) roster = roster_load(line.config, &error);
    if (roster == NULL) {
        checklist_add(&list, CHECK_BAD, "%s", error->message);
        return summarize(&list);
    }
    check_configuration(&list, roster);
    g_autoptr(Survey) survey = survey_new(roster, everybody, line.timeout_us, -1);
    check_hosts(&list, survey);
    check_addresses(&list, roster, line.timeout_us);
    for (size_t i = 0; i < survey_length(survey); i++)
        check_status(&list, survey_at(survey, i));
    check_links(&list, roster, survey);
    return summarize(&list);
}
