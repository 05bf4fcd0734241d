/* SPDX-License-Identifier: MIT */
#include "net/connection.h"

#include "core/endpoint.h"
#include "core/thread.h"
#include "net/lookups.h"

#include <glib.h>

/* Closed connections, for new ones. They are as many as were open at once. */
static pthread_mutex_t spare_lock = PTHREAD_MUTEX_INITIALIZER;
static Connection *spare; /* linked by next; protected by spare_lock */

static Connection *take_spare(void)
{
    mutex_lock(&spare_lock);
    Connection *connection = spare;
    if (connection != NULL)
        spare = connection->next;
    mutex_unlock(&spare_lock);
    return connection;
}

Connection *connection_new(int descriptor, const struct sockaddr_storage *address)
{
    const size_t kept = offsetof(Connection, state) + sizeof(atomic_uint);
    char peer[ENDPOINT_TEXT_MAX];
    Connection *connection = take_spare();

    if (connection == NULL)
        connection = g_new0(Connection, 1);
    else
        memset((char *)connection + kept, 0, sizeof *connection - kept);
    atomic_store(&connection->state, STATE_OWNED);
    connection->descriptor = descriptor;
    connection->neighbour = CONNECTION_CLIENT;
    connection->network = endpoint_network_of(address);
    endpoint_format(address, peer);
    connection->peer = g_strdup(peer);
    return connection;
}

void connection_free(Connection *connection)
{
    g_free(connection->token);
    g_free(connection->hello);
    g_free(connection->input);
    g_free(connection->output);
    g_free(connection->peer);
    lookup_wait_free(connection->wait);

    mutex_lock(&spare_lock);
    connection->next = spare;
    spare = connection;
    mutex_unlock(&spare_lock);
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
