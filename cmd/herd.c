/* SPDX-License-Identifier: MIT */

/* herd: the tool for people. What it can do is in other files; this one finds the command. */

#include "cmd/places-import.h"
#include "cmd/tool/commands.h"

#include <errno.h>
#include <glib.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 2 };

#define WORDS_MAX 2 /* of a command's name */

typedef struct {
    const char *words[WORDS_MAX]; /* of its name, NULL after the last */
    const char *summary;
    int (*run)(int argc, char **argv); /* with the name in argv[0]; returns the exit status */
} Command;

static const Command commands[] = {
    {{"iamat"}, "tell a member where a client is", command_iamat},
    {{"whatsat"}, "show what is near a client", command_whatsat},
    {{"where"}, "ask every member where a client is, and whether they agree", command_where},
    {{"status"}, "show how each member is", command_status},
    {{"watch"}, "the same, live", command_watch},
    {{"check"}, "check the configuration, and what runs by it", command_check},
    {{"places", "import"}, "make a places file of GeoNames, GeoJSON or CSV data", places_import},
};

static char *name_of(const Command *command)
{
    return g_strjoin(" ", command->words[0], command->words[1], NULL);
}

static void print_help(void)
{
    printf("Usage:\n  herd COMMAND [OPTION...] [ARGUMENT...]\n\nCommands:\n");
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        g_autofree char *name = name_of(&commands[i]);

        printf("  %-14s  %s\n", name, commands[i].summary);
    }
    printf("\nherd COMMAND --help, or herd help COMMAND, tells more of one; herd --version says "
           "which herd this is.\n");
}

/* How many words of @words, which end with NULL, are the name of @command; 0: it is not named. */
static int count_words(const Command *command, char **words)
{
    int count = 0;

    while (count < WORDS_MAX && command->words[count] != NULL) {
        if (words[count] == NULL || !g_str_equal(words[count], command->words[count]))
            return 0;
        count++;
    }
    return count;
}

/* NULL: @words begin with no command. @ret_count: of the words that are its name. */
static const Command *find_command(char **words, int *ret_count)
{
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        *ret_count = count_words(&commands[i], words);
        if (*ret_count > 0)
            return &commands[i];
    }
    return NULL;
}

/* How many letters have to be put in, left out or replaced to make @a into @b. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t length = strlen(b);
    g_autofree size_t *row = g_new(size_t, length + 1);

    for (size_t k = 0; k <= length; k++)
        row[k] = k;
    for (size_t i = 1; *a != '\0'; i++, a++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t k = 1; k <= length; k++) {
            size_t replaced = diagonal + (*a != b[k - 1]);

            diagonal = row[k];
            row[k] = MIN(MIN(row[k], row[k - 1]) + 1, replaced);
        }
    }
    return row[length];
}

/* The command whose name begins with @name, or is most like it. (transfer full) */
static char *nearest_command(const char *name)
{
    char *nearest = NULL;
    size_t least = G_MAXSIZE;

    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        g_autofree char *candidate = name_of(&commands[i]);
        size_t distance = g_str_has_prefix(candidate, name) ? 0 : edit_distance(name, candidate);

        if (distance < least) {
            least = distance;
            g_free(nearest);
            nearest = g_steal_pointer(&candidate);
        }
    }
    return nearest;
}

static int complain_unknown(char **words)
{
    bool is_group = false;

    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
        is_group |= commands[i].words[1] != NULL && g_str_equal(commands[i].words[0], words[0]);
    g_autofree char *name = g_strjoin(" ", words[0], is_group ? words[1] : NULL, NULL);
    g_autofree char *escaped = g_strescape(name, NULL);
    g_autofree char *nearest = nearest_command(name);
    fprintf(stderr, "herd: there is no command \"%.80s\"; did you mean %s? See herd --help\n",
            escaped, nearest);
    return EXIT_USAGE;
}

static int run(const Command *command, int argc, char **argv)
{
    g_autofree char *name = name_of(command);
    g_autofree char *program = g_strconcat("herd ", name, NULL);

    g_set_prgname(program);
    int status = command->run(argc, argv);
    if ((fflush(stdout) != 0 || ferror(stdout)) && errno != EPIPE) {
        fprintf(stderr, "herd: cannot write to standard output: %s\n", g_strerror(errno));
        return EXIT_FAILURE;
    }
    return status;
}

/* herd help, herd help COMMAND. */
static int help(char **words)
{
    int count;
    const Command *command = find_command(words, &count);

    if (words[0] == NULL) {
        print_help();
        return EXIT_SUCCESS;
    }
    if (command == NULL)
        return complain_unknown(words);
    char name[] = "herd", option[] = "--help";
    char *arguments[] = {name, option, NULL};
    return run(command, 2, arguments);
}

static bool wants_help(const char *word)
{
    return g_str_equal(word, "--help") || g_str_equal(word, "-h") || g_str_equal(word, "help");
}

int main(int argc, char **argv)
{
    int count;
    char **words = argv + (argc > 0); /* end with NULL */
    const Command *command = find_command(words, &count);

    setlocale(LC_CTYPE, ""); /* for what is shown; numbers stay what they are */
    if (command != NULL)
        return run(command, argc - count, argv + count);
    if (words[0] == NULL) {
        fprintf(stderr, "herd: name a command; see herd --help\n");
        return EXIT_USAGE;
    }
    if (wants_help(words[0]))
        return help(words + 1);
    if (words[1] != NULL && wants_help(words[1]) && g_str_equal(words[0], "places"))
        return help(words + 2);
    if (g_str_equal(words[0], "--version")) {
        printf("herd " HERD_VERSION "\n");
        return EXIT_SUCCESS;
    }
    return complain_unknown(words);
}
