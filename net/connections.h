/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * All open connections: counted against the limit, swept for deadlines, and shut down when the
 * member stops.
 *
 * A descriptor is closed only by connections_close(), under the mutex here, so that a sweep never
 * shuts down a descriptor that has come to belong to somebody else. shutdown() and close() of a
 * socket do not block.
 *
 * Lock order: its mutex is a leaf.
 */

#include "net/connection.h"
#include "net/ready-set.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct Connections Connections;

Connections *connections_new(void);

/* Closes and frees what is still open. No other thread uses it any more. */
void connections_free(Connections *connections);

void connections_add(Connections *connections, Connection *connection);

/* Closes and frees @connection, which the caller owns. */
void connections_close(Connections *connections, Connection *connection);

unsigned connections_count(Connections *connections);

/* How many there are from where @address is, see endpoint_network_of(). */
unsigned connections_count_from(Connections *connections, const struct sockaddr_storage *address);

/* @connection, which the caller owns, has become its neighbour's link to us; it is until it is
 * closed. */
void connections_join(Connections *connections, Connection *connection);

/* How many links of @neighbour to us are open. Any thread. */
unsigned connections_joined(Connections *connections, GQuark neighbour);

/* Shuts down each connection whose deadline is over, so that a worker finds it at its end and
 * closes it. */
void connections_sweep(Connections *connections, int64_t now_ms);

/* Has every connection take a turn, idle or not: what it goes by has changed. Calls no lock of
 * @ready with its own held. Any thread. */
void connections_rouse(Connections *connections, ReadySet *ready);

/* Ends every connection's input and rouses it, so that a worker answers the lines that have
 * arrived, says that this was all, and closes it. Those that are added later are not ended. */
void connections_end_input(Connections *connections, ReadySet *ready);

/* Waits until there are none. FALSE: there still were at @deadline_ms. */
bool connections_wait_none(Connections *connections, int64_t deadline_ms);
