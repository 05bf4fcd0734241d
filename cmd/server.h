/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * One running member: its parts made, tied together, started in order and stopped in the opposite
 * one.
 *
 * All functions are called from main.
 */

#include "core/config.h"
#include "places/places.h"

#include <glib.h>

typedef struct Server Server;

/* Starts the member that @config (transfer full), read from @config_path, is for, with @places
 * (transfer full). When it returns, the member serves. NULL with @error set: nothing is left
 * running. */
Server *server_start(const char *config_path, Config *config, Places *places, GError **error);

/* Opens the log anew, and reads the configuration and the operator's own places anew. A
 * configuration that is no good changes nothing; no connection or link that a good one leaves as it
 * is notices it. The log says how it went. */
void server_reload(Server *server);

/* Stops in order: takes no more connections, answers what has arrived, tells the neighbours, writes
 * the log. Bounded where a client, a neighbour or the disk does not go along (5, 1 and 2 seconds),
 * and by timeout_ms where a provider does not; not where the disk of a state_dir hangs. */
void server_stop(Server *server);
