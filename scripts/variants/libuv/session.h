/* SPDX-License-Identifier: MIT */
#pragma once

/* What a member does with a line: PROTOCOL R3-R17 for clients, R20-R22 for neighbours. Replies are
 * appended to the server's output; nothing here touches a socket. */

#include "core/record.h"
#include "core/slice.h"
#include "scripts/variants/libuv/connection.h"

/* Executes @line, which has no LF and no CR before it. Afterwards connection->lookup may be what
 * the rest of its input has to wait for. */
void session_execute(Connection *connection, Slice line);

/* Appends the reply to a WHATSAT: the AT line of @record, @json, two LF (PROTOCOL R12, R13). */
void session_places(const Connection *connection, const Record *record, Slice json);

/* Appends the reply to a line that is too long, of which @head is the beginning (PROTOCOL R4). */
void session_too_long(const Connection *connection, Slice head);

/* What a connection is called in the log: a neighbour's name, or the peer's address. */
const char *session_peer(const Connection *connection);
