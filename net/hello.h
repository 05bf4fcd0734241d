/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The accepting side of a hello (PROTOCOL R17, R22): whether who has opened a connection is the
 * neighbour that it says it is, and may update us. With a secret it has to prove that it has it
 * (core/proof.h), wherever it comes from; without one its address has to be the neighbour's.
 * net/greeting.h is the other side.
 *
 * What is refused is counted, and logged with its reason: once a second and reason, so that
 * strangers cannot fill the log.
 */

#include "core/message.h"
#include "net/session.h"

/* Takes the hello or the proof of a hello, @message, that has come over @connection. TRUE: the
 * answer is in @output; when the hello is accepted, @connection has become its neighbour's link.
 * FALSE: what was said is a client's invalid line. Called by the worker that owns the connection.
 */
bool hello_take(const SessionContext *context, Connection *connection, const Message *message,
                GString *output);

/* Something else was said than the proof of the hello before. */
void hello_forget(const SessionContext *context, Connection *connection);

/* Whether the neighbour whose link @connection is would still be one by a configuration that has
 * come into force since. */
bool hello_holds(const SessionContext *context, const Connection *connection);
