/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The table of every option but those of members: type, range, default, and where it
 * goes in a Config. config.c reads files with it; nobody else has to know. Called from main.
 */

#include "core/config.h"

/* Whether there are options in [@group]. */
bool options_has_group(const char *group);

/* Whether members that differ in this option would never agree, so that no group for one member may
 * have it. */
bool options_is_common(const char *group, const char *key);

/* Gives every option of @config its default. What texts it has must have been cleared. */
void options_set_defaults(Config *config);

/* Sets the option @key of [@group] to what @value says. FALSE: @ret_code and @ret_why (transfer
 * full) say why not. */
bool options_set(Config *config, const char *group, const char *key, const char *value,
                 HerdConfigError *ret_code, char **ret_why);

/* Gives each option of @config that is used only at the start of a member its value in @running; if
 * it had another, "[herd] workers" is appended to @held (owned char *). */
void options_hold(Config *config, const Config *running, GPtrArray *held);

/* Appends "[limits] max_line = 512" to @differences (owned char *) for each option of @config that
 * differs in @from. */
void options_compare(const Config *from, const Config *config, GPtrArray *differences);

/* Whether all of [@group] is the same in both, but for the keys @but, which end in NULL. */
bool options_equal(const Config *a, const Config *b, const char *group, const char *const *but);

/* As it stands in the file. */
const char *options_provider_name(PlacesProvider provider);

/* Appends every option as it stands in @config, as groups of a key file. */
void options_describe(const Config *config, GString *text);

/* Frees the texts. */
void options_clear(Config *config);
