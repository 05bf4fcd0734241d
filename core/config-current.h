/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The configuration in force: one pointer, which a reload swaps.
 *
 * Any thread may read it at any time and keep what it got for as long as the member runs: a
 * configuration that has been replaced is only freed at the end, since nobody knows who still reads
 * it. That costs a few kilobytes for each one that differs from the one before; one that says the
 * same is not taken, so that a logrotate which sends SIGHUP every night costs nothing.
 *
 * Whoever works on one thing, such as a turn of a connection, reads the pointer once and goes by
 * what it got until the end, so that nothing is half old and half new.
 */

#include "core/config.h"

#include <glib.h>
#include <stdbool.h>

typedef struct ConfigCurrent ConfigCurrent;

/* @config (transfer full) is in force. */
ConfigCurrent *config_current_new(Config *config);

/* Frees every configuration there was. No other thread uses them any more. NULL is fine. */
void config_current_free(ConfigCurrent *current);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ConfigCurrent, config_current_free)

/* The one that is in force now. Any thread. (transfer none) */
const Config *config_current_get(const ConfigCurrent *current);

/* Puts @config (transfer full) in force if it differs from the one that is. FALSE: it says the
 * same, and is freed. Called from main. */
bool config_current_replace(ConfigCurrent *current, Config *config);
