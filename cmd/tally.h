/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What was left out, counted by reason, with the first few lines of each. Called from main.
 */

#include <glib.h>
#include <stdint.h>

typedef struct Tally Tally;

Tally *tally_new(void);
void tally_free(Tally *tally);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Tally, tally_free)

/* @reason is copied; there should be few different ones. */
void tally_add(Tally *tally, const char *reason, uint64_t line);

/* All reasons together. */
uint64_t tally_total(const Tally *tally);

/* Appends a line for each reason, the most frequent first: "no name: 13 (lines 4, 19, 77, ...)". */
void tally_describe(const Tally *tally, GString *text);
