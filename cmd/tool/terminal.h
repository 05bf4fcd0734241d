/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What standard output or standard error is, and how to write to it: with colours and to a width on
 * a terminal, plain and whole into a file or a pipe.
 */

#include "core/slice.h"

#include <stdbool.h>
#include <stdio.h>

typedef enum {
    STYLE_PLAIN,
    STYLE_TITLE,
    STYLE_GOOD,
    STYLE_WARNING,
    STYLE_BAD,
} Style;

typedef struct {
    FILE *stream;
    bool is_terminal;
    bool has_colours; /* a terminal, and neither NO_COLOR nor TERM=dumb forbids them */
    bool has_utf8;    /* what is written need not be ASCII */
    unsigned columns; /* 0: no bound, since it is no terminal */
    unsigned rows;
} Terminal;

/* What stdout or stderr is now. */
Terminal terminal_of(FILE *stream);

/* What begins and ends text in that style; empty without colours. (transfer none) */
const char *terminal_begin(const Terminal *terminal, Style style);
const char *terminal_end(const Terminal *terminal, Style style);

/* Writes text that text_clean() or the program itself has made; in ASCII where nothing else can be
 * shown. */
void terminal_write(const Terminal *terminal, const char *text);

/* Writes what a member has said: byte for byte into a file or a pipe; to a terminal nothing that it
 * would obey. */
void terminal_write_raw(const Terminal *terminal, Slice bytes);
