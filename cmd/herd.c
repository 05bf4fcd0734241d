/* SPDX-License-Identifier: MIT */

/* herd: the tool for people. What it can do is in other files; this one finds the command. */

#include "cmd/places-import.h"

#include <glib.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { EXIT_USAGE = 2 };

typedef struct {
    const char *group;
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv); /* with the name in argv[0]; returns the exit status */
} Command;

static const Command commands[] = {
    {"places", "import", "make a places file of GeoNames, GeoJSON or CSV data", places_import},
};

static void print_help(void)
{
    printf("Usage:\n  herd COMMAND [OPTION...] [ARGUMENT...]\n\nCommands:\n");
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
        printf("  %s %-10s %s\n", commands[i].group, commands[i].name, commands[i].summary);
    printf("\nherd COMMAND --help tells more of one; herd --version says which herd this is.\n");
}

static bool is_group(const char *word)
{
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
        if (g_str_equal(commands[i].group, word))
            return true;
    return false;
}

/* NULL: there is no such command. */
static const Command *find_command(const char *group, const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
        if (g_str_equal(commands[i].group, group) && g_str_equal(commands[i].name, name))
            return &commands[i];
    return NULL;
}

static bool wants_help(const char *word)
{
    return g_str_equal(word, "--help") || g_str_equal(word, "-h") || g_str_equal(word, "help");
}

int main(int argc, char **argv)
{
    const char *group = argc > 1 ? argv[1] : "";
    const char *name = argc > 2 ? argv[2] : "";
    const Command *command = find_command(group, name);

    setlocale(LC_CTYPE, ""); /* for what GOption prints; numbers stay what they are */
    if (command != NULL) {
        g_autofree char *program = g_strdup_printf("herd %s %s", group, name);

        g_set_prgname(program);
        return command->run(argc - 2, argv + 2);
    }
    if (wants_help(group) || (is_group(group) && wants_help(name))) {
        print_help();
        return EXIT_SUCCESS;
    }
    if (g_str_equal(group, "--version")) {
        printf("herd " HERD_VERSION "\n");
        return EXIT_SUCCESS;
    }
    if (argc < 2)
        fprintf(stderr, "herd: name a command; see herd --help\n");
    else
        fprintf(stderr, "herd: there is no command \"%s%s%s\"; see herd --help\n", group,
                *name != '\0' ? " " : "", name);
    return EXIT_USAGE;
}
