/* SPDX-License-Identifier: MIT */
#pragma once

/* What the commands of herd have in common: options, arguments, exit statuses, complaints. */

#include "cmd/tool/roster.h"
#include "cmd/tool/terminal.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    EXIT_GOOD = 0,
    EXIT_BAD = 1,   /* what was asked is not so, or could not be found out */
    EXIT_USAGE = 2, /* wrong use, or a wrong configuration */
};

typedef struct {
    const char *parameters; /* "CLIENT LAT-LON [TIME]" */
    unsigned least, most;   /* of them */
    const char *summary;
    const char *description;     /* examples and exit statuses */
    const GOptionEntry *options; /* (nullable) the command's own */
} CommandUsage;

typedef struct {
    char *config;       /* (owned) the path */
    int64_t timeout_us; /* for all that is asked at once */
    char **arguments;   /* (owned) NULL-terminated */
    unsigned count;     /* of them */
    Terminal terminal;
} CommandLine;

/* Reads @argv, whose first word is the command's name. An argument that begins with a minus sign
 * and a digit is no option: coordinates and times do. FALSE: wrong use, which has been told. */
bool commandline_parse(CommandLine *line, const CommandUsage *usage, int argc, char **argv);
void commandline_clear(CommandLine *line);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CommandLine, commandline_clear)

/* The members of the configuration; NULL: it is wrong, which has been told. With @strict it has to
 * be right for every member. */
Roster *commandline_load(const CommandLine *line, bool strict);

/* One line on stderr, "herd: ...", cleaned. Returns @status. */
int command_complain(int status, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* The same for wrong use, and where to read more. Returns EXIT_USAGE. */
int command_misused(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* Whether @text is one field of a command: neither empty nor with white space in it. */
bool command_is_field(const char *text);
