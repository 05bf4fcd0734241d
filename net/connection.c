/* SPDX-License-Identifier: MIT */
#include "net/connection.h"

#include "core/counters.h"
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
    connection->stream.descriptor = descriptor;
    connection->neighbour = CONNECTION_CLIENT;
    connection->network = endpoint_network_of(address);
    endpoint_format(address, peer);
    connection->peer = g_strdup(peer);
    return connection;
}

bool connection_begin_tls(Connection *connection, Tls *tls, unsigned max_handshakes)
{
    if (!stream_accept_tls(&connection->stream, tls, max_handshakes))
        return false;
    /* A record's end is no sign that the socket is empty. */
    atomic_fetch_or(&connection->state, STATE_READ_OUT);
    return true;
}

static void log_open(const Connection *connection, Log *log)
{
    const char *name = stream_certificate_name(&connection->stream);

    log_event(log, LOG_INFO, "open %s tls %s%s%s", connection->peer,
              stream_tls_version(&connection->stream), name != NULL ? " certificate of " : "",
              name != NULL ? name : "");
}

Handshake connection_shake_hands(Connection *connection, Log *log)
{
    Handshake outcome = stream_shake_hands(&connection->stream);
    bool expired = atomic_load(&connection->expired);
    bool ending = atomic_load(&connection->ending);

    if (outcome == HANDSHAKE_WAITS && ending)
        outcome = HANDSHAKE_FAILED;

    if (outcome == HANDSHAKE_DONE) {
        counters_add(COUNT_HANDSHAKES, 1);
        log_open(connection, log);
    }
    if (outcome != HANDSHAKE_FAILED)
        return outcome;
    counters_add(COUNT_HANDSHAKES_FAILED, 1);
    counters_add(COUNT_TIMEOUTS, expired);
    log_event(log, LOG_WARNING, "close %s TLS handshake failed: %s", connection->peer,
              expired  ? "it takes too long"
              : ending ? "we stop"
                       : stream_problem(&connection->stream));
    stream_drop_tls(&connection->stream);
    connection->never_opened = true;
    connection->closing = true;
    return outcome;
}

void connection_free(Connection *connection)
{
    g_free(connection->token);
    g_free(connection->hello);
    g_free(connection->input);
    g_free(connection->output);
    g_free(connection->peer);
    lookup_wait_free(connection->wait);
    stream_drop_tls(&connection->stream);

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
