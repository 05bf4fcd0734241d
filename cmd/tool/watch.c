/* SPDX-License-Identifier: MIT */

/* herd watch: how each member is, again and again. */

#include "cmd/tool/command.h"
#include "cmd/tool/commands.h"
#include "cmd/tool/screen.h"
#include "cmd/tool/survey-view.h"
#include "cmd/tool/survey.h"
#include "cmd/tool/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define HISTORY        20 /* rates that are kept of a member, and shown */
#define INTERVAL_S     2.0
#define INTERVAL_LEAST 0.1
#define INTERVAL_MOST  3600.0

static const char summary[] =
    "Shows what herd status shows, again and again until Ctrl-C, with a bar of the IAMATs a "
    "second\n"
    "that each member got so far, all to one scale. On a terminal it is drawn over in place;\n"
    "elsewhere each look is a block of lines with an empty one behind it.";

static const char description[] = "Examples:\n"
                                  "  herd watch\n"
                                  "  herd watch --interval 10 | tee -a herd.txt\n"
                                  "\n"
                                  "Exit status: 0 ended by SIGINT (Ctrl-C), SIGTERM, SIGHUP or "
                                  "SIGQUIT; 1 it cannot run; 2 wrong\n"
                                  "use, or the configuration is wrong.";

typedef struct {
    const CommandLine *line;
    Roster *roster;  /* (owned) */
    double *history; /* (owned) HISTORY rates a member, the newest last */
    double interval_s;
} Watch;

static void keep_history(Watch *watch, const Survey *survey)
{
    for (size_t i = 0; i < survey_length(survey); i++) {
        const MemberStatus *status = survey_at(survey, i)->status;
        double *rates = watch->history + i * HISTORY;

        memmove(rates, rates + 1, (HISTORY - 1) * sizeof *rates);
        rates[HISTORY - 1] = status != NULL ? status->iamat_rate : (double)NAN;
    }
}

static char **make_bars(const Watch *watch, size_t members)
{
    char **bars = g_new0(char *, members + 1);
    double most = 0;

    for (size_t i = 0; i < members * HISTORY; i++)
        if (watch->history[i] > most)
            most = watch->history[i];
    for (size_t i = 0; i < members; i++)
        bars[i] = survey_history_bar(watch->history + i * HISTORY, HISTORY, most);
    return bars;
}

static void draw(const Watch *watch, const Survey *survey, const Screen *screen)
{
    Terminal terminal = terminal_of(stdout);
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    g_autofree char *time = g_date_time_format(now, "%Y-%m-%d %H:%M:%S");
    g_autofree char *path = text_clean(slice_of(watch->line->config));
    g_autofree char *title = g_strdup_printf("%s  %s  every %g s", time, path, watch->interval_s);
    g_auto(GStrv) bars = make_bars(watch, survey_length(survey));
    g_autoptr(GString) out = g_string_new(NULL);

    text_append_cut(out, title, terminal.columns > 0 ? terminal.columns : G_MAXINT);
    g_string_append(out, "\n\n");
    survey_append_members(survey, &terminal, bars, out);
    /* Two more for the empty line and the titles. */
    size_t links = 2;
    for (size_t i = 0; i < survey_length(survey); i++)
        if (survey_at(survey, i)->status != NULL)
            links += survey_at(survey, i)->status->links->len;
    bool has_room = terminal.rows == 0 || 3 + survey_length(survey) + links <= terminal.rows;
    survey_append_links(survey, &terminal, !has_room, out);
    if (!terminal.is_terminal)
        g_string_append_c(out, '\n');
    screen_draw(screen, &terminal, out->str);
}

/* Returns when a signal ends it. */
static void look_on(Watch *watch, Screen *screen)
{
    static char *everybody[] = {NULL};
    g_autoptr(Survey) survey = NULL;
    int64_t due_us = g_get_monotonic_time();
    ScreenEvent event = SCREEN_TIME;

    while (event != SCREEN_END && !ferror(stdout)) {
        if (event == SCREEN_TIME) {
            Survey *seen = survey_new(watch->roster, everybody, watch->line->timeout_us,
                                      screen_descriptor(screen));
            if (seen->complete) {
                survey_free(survey);
                survey = seen;
                keep_history(watch, survey);
                due_us = MAX(due_us + (int64_t)(watch->interval_s * 1e6), g_get_monotonic_time());
            } else {
                survey_free(seen);
            }
        }
        if (survey != NULL)
            draw(watch, survey, screen);
        event = screen_wait(screen, MAX(due_us, g_get_monotonic_time() + 1));
    }
}

int command_watch(int argc, char **argv)
{
    Watch watch = {.interval_s = INTERVAL_S};
    const GOptionEntry options[] = {
        {"interval", 'i', 0, G_OPTION_ARG_DOUBLE, &watch.interval_s,
         "Look every S seconds, 0.1 to 3600; without it 2", "S"},
        {0},
    };
    const CommandUsage usage = {
        .parameters = "", .summary = summary, .description = description, .options = options};
    g_auto(CommandLine) line = {0};
    g_autoptr(GError) error = NULL;

    if (!commandline_parse(&line, &usage, argc, argv))
        return EXIT_USAGE;
    if (!(watch.interval_s >= INTERVAL_LEAST && watch.interval_s <= INTERVAL_MOST))
        return command_misused("--interval takes from %g to %g seconds", INTERVAL_LEAST,
                               INTERVAL_MOST);
    g_autoptr(Roster) roster = commandline_load(&line, true);
    if (roster == NULL)
        return EXIT_USAGE;
    size_t rates = roster_length(roster) * HISTORY;
    g_autofree double *history = g_new(double, rates);
    for (size_t i = 0; i < rates; i++)
        history[i] = (double)NAN;
    watch.line = &line;
    watch.roster = roster;
    watch.history = history;

    g_autoptr(Screen) screen = screen_new(&error);
    if (screen == NULL)
        return command_complain(EXIT_BAD, "%s", error->message);
    look_on(&watch, screen);
    return EXIT_GOOD;
}
