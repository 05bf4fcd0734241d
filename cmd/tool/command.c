/* SPDX-License-Identifier: MIT */
#include "cmd/tool/command.h"

#include "cmd/config-path.h"
#include "cmd/tool/text.h"

#include "core/decimal.h"
#include "core/message.h"

#include <stdio.h>
#include <string.h>

#define TIMEOUT_S     3.0
#define TIMEOUT_LEAST 0.001
#define TIMEOUT_MOST  3600.0

/* Stands for the minus sign of an argument while GOption looks for options. */
#define HIDDEN_MINUS '\x01'

static const char about_config[] =
    "Read the herd's configuration from FILE; without it " CONFIG_PATH_LOCAL
    ", else " CONFIG_PATH_INSTALLED;

static void complain(const char *text)
{
    Terminal terminal = terminal_of(stderr);
    g_autofree char *clean = text_clean(slice_of(text));
    g_autofree char *line = g_strdup_printf("herd: %s\n", clean);

    terminal_write(&terminal, line);
}

int command_complain(int status, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    complain(text);
    return status;
}

int command_misused(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_autofree char *whole = g_strdup_printf("%s; see %s --help", text, g_get_prgname());
    complain(whole);
    return EXIT_USAGE;
}

static void hide_minus(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (argv[i][0] == '-' && digit_is(argv[i][1]))
            argv[i][0] = HIDDEN_MINUS;
}

static void show_minus(char *word)
{
    if (word != NULL && word[0] == HIDDEN_MINUS)
        word[0] = '-';
}

/* In all texts that GOption has copied. */
static void show_all(CommandLine *line, const CommandUsage *usage)
{
    const GOptionEntry *option = usage->options;

    show_minus(line->config);
    for (char **word = line->arguments; *word != NULL; word++)
        show_minus(*word);
    for (; option != NULL && option->long_name != NULL; option++)
        if (option->arg == G_OPTION_ARG_STRING || option->arg == G_OPTION_ARG_FILENAME)
            show_minus(*(char **)option->arg_data);
}

static bool parse_options(CommandLine *line, double *timeout_s, const CommandUsage *usage, int argc,
                          char **argv, GError **error)
{
    const GOptionEntry common[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &line->config, about_config, "FILE"},
        {"timeout", 't', 0, G_OPTION_ARG_DOUBLE, timeout_s,
         "Give members S seconds to answer; without it 3", "S"},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &line->arguments, NULL,
         usage->parameters},
        {0},
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);

    g_option_context_set_summary(context, usage->summary);
    g_option_context_set_description(context, usage->description);
    if (usage->options != NULL)
        g_option_context_add_main_entries(context, usage->options, NULL);
    g_option_context_add_main_entries(context, common, NULL);
    return g_option_context_parse(context, &argc, &argv, error);
}

bool commandline_parse(CommandLine *line, const CommandUsage *usage, int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    double timeout_s = TIMEOUT_S;

    *line = (CommandLine){.terminal = terminal_of(stdout)};
    hide_minus(argc, argv);
    if (!parse_options(line, &timeout_s, usage, argc, argv, &error)) {
        /* A value that GOption quotes may have been hidden. */
        g_strdelimit(error->message, (char[]){HIDDEN_MINUS, '\0'}, '-');
        command_misused("%s", error->message);
        return false;
    }
    if (line->arguments == NULL)
        line->arguments = g_new0(char *, 1);
    show_all(line, usage);
    line->count = g_strv_length(line->arguments);
    if (line->config == NULL)
        line->config = g_strdup(config_path_default());
    if (!(timeout_s >= TIMEOUT_LEAST && timeout_s <= TIMEOUT_MOST)) {
        command_misused("--timeout takes from %g to %g seconds", TIMEOUT_LEAST, TIMEOUT_MOST);
        return false;
    }
    line->timeout_us = (int64_t)(timeout_s * 1e6);
    if (line->count < usage->least || line->count > usage->most) {
        command_misused("the usage is: %s [OPTION...]%s%s", g_get_prgname(),
                        *usage->parameters != '\0' ? " " : "", usage->parameters);
        return false;
    }
    return true;
}

void commandline_clear(CommandLine *line)
{
    g_free(line->config);
    g_strfreev(line->arguments);
}

Roster *commandline_load(const CommandLine *line, bool strict)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Roster) roster = roster_load(line->config, &error);

    if (roster == NULL) {
        command_complain(EXIT_USAGE, "%s", error->message);
        return NULL;
    }
    for (size_t i = 0; strict && i < roster_length(roster); i++) {
        if (roster_at(roster, i)->problem != NULL) {
            command_complain(EXIT_USAGE, "%s", roster_at(roster, i)->problem);
            return NULL;
        }
    }
    return g_steal_pointer(&roster);
}

bool command_is_field(const char *text)
{
    Slice field;

    return message_split(slice_of(text), &field, 1) == 1 && field.length == strlen(text);
}
