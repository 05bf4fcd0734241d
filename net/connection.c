/* SPDX-License-Identifier: MIT */
#include "net/connection.h"

#include "core/endpoint.h"
#include "net/lookups.h"

#include <glib.h>

Connection *connection_new(int descriptor, const struct sockaddr_storage *address)
{
    char peer[ENDPOINT_TEXT_MAX];

    endpoint_format(address, peer);

    size_t length = strlen(peer) + 1;
    Connection *connection = g_malloc0(offsetof(Connection, peer) + length);
    connection->descriptor = descriptor;
    connection->neighbour = CONNECTION_CLIENT;
    memcpy(connection->peer, peer, length);
    return connection;
}

void connection_free(Connection *connection)
{
    g_free(connection->input);
    g_free(connection->output);
    lookup_wait_free(connection->wait);
    g_free(connection);
}

Kept *kept_new(Slice bytes)
{
    if (bytes.length == 0)
        return NULL;

    Kept *kept = g_malloc(sizeof *kept + bytes.length);
    kept->length = bytes.length;
    memcpy(kept->bytes, bytes.data, bytes.length);
    return kept;
}
