/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A table of text: columns that are as wide as what stands in them, and on a terminal never more
 * than it has. What is cut is cut on a terminal only.
 */

#include "cmd/tool/terminal.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct {
    const char *title;
    bool right;    /* aligned, as numbers are */
    bool flexible; /* is cut first, down to TABLE_CUT_LEAST columns */
    unsigned rank; /* where a terminal is too narrow for all, the columns with the greatest rank are
                      left out first; 0: never */
} TableColumn;

#define TABLE_CUT_LEAST 8

typedef struct Table Table;

/* @columns outlive the table. */
Table *table_new(const TableColumn *columns, size_t count);
void table_free(Table *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Table, table_free)

/* What is added from now on stands in a new row. */
void table_begin_row(Table *table);

/* Adds a cell to the last row; its text is cleaned. If it is the last of a row that has fewer cells
 * than there are columns, it goes on over the rest of them. */
void table_add(Table *table, Style style, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* How many rows were begun. */
size_t table_length(const Table *table);

/* Appends the titles and the rows, a line each. */
void table_append(const Table *table, const Terminal *terminal, GString *out);
