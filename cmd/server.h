/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * One running member: its parts made, tied together, started in order and stopped in the opposite
 * one.
 *
 * All functions are called from main.
 */

#include "core/config.h"
#include "core/trust.h"
#include "net/tls.h"
#include "places/places.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Server Server;

/* Starts the member that @config (transfer full), read from @config_path, is for, with @places
 * (transfer full) and what @config's files say of whom to believe, which it takes from @files,
 * and what its TLS connections are made with, @tls (transfer full) (nullable). It
 * listens by the sockets of @handed (of HandedSocket) as far as they are at its addresses. When it
 * returns, the member serves. NULL with @error set: nothing is left running. */
Server *server_start(const char *config_path, Config *config, Places *places, TrustFiles *files,
                     TlsContext *tls, GArray *handed, GError **error);

/* The configuration in force. (transfer none) */
const Config *server_config(const Server *server);

/* Its listening sockets, of Listener, until it begins to stop. (transfer none) */
const GArray *server_listeners(const Server *server);

/* What it is doing, in one line for people. (transfer full) */
char *server_status(const Server *server);

/* Opens the log anew, and reads the configuration, the files that it names and the operator's own
 * places anew. A configuration that is no good changes nothing; no connection or link that a good
 * one leaves as it is notices it. The log says how it went. */
void server_reload(Server *server);

/* Whether the acceptor and the workers move: a pulse goes from one to the other once a second, and
 * the last one is no more than some seconds old. Any thread. */
bool server_is_alive(const Server *server);

/* Begins to stop: takes no more connections, and ends the input of those that there are. What has
 * arrived is answered. */
void server_begin_stop(Server *server);

/* Once that has begun: waits for up to @wait_ms until every client has taken what it is owed. TRUE:
 * they have all been left. */
bool server_wait_ended(Server *server, int64_t wait_ms);

/* Stops: leaves the clients that there still are, tells the neighbours, saves the state, writes the
 * log. Bounded where a neighbour or the disk of the log does not go along (stop_timeout_s, 2 s),
 * and by timeout_ms where a provider does not; not where the disk of a state_dir hangs. */
void server_stop(Server *server);
