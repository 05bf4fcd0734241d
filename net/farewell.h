/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * How connections end when the member stops (connections_end_input()): what had arrived by then is
 * the rest of the input. It is answered, then the peer is told that this was all, and what it goes
 * on to say is thrown away for a moment (see worker.c: linger()).
 *
 * shutdown(SHUT_RD) would not do: a peer that goes on to send would go on to be served, and once
 * our side is shut it would be reset, which can take its last reply with it.
 *
 * Called by the worker that owns the connection.
 */

#include "net/connection.h"

#define LINGER_MS 2000 /* for a peer to take what it was sent last */

/*
 * Reads what is left of the input of @connection, which is ending, into @bytes, up to @size.
 * @ret_received: how many came; fewer than @size: this was the rest, end_of_input says so, and
 * truncated unless the peer itself had ended it there. FALSE: nothing came, and the peer is gone.
 */
bool farewell_receive(Connection *connection, char *bytes, size_t size, size_t *ret_received);

/* Whether the peer of @connection, whose input is at its end and answered, is to be lingered for:
 * the end came from us, and the peer may be talking. */
bool farewell_is_due(const Connection *connection);

/* When one that lingers at @now is to be closed, in monotonic_ms(): soon if the member stops and
 * the peer is silent, and not after linger_until in any case. */
int64_t farewell_deadline(Connection *connection, int64_t now);
