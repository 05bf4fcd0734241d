/* SPDX-License-Identifier: MIT */
#include "net/connections.h"

#include "core/endpoint.h"
#include "core/record.h"
#include "core/thread.h"

#include <unistd.h>

#define SWEEP_CHUNK 256 /* connections looked at without giving the lock back */

struct Connections {
    pthread_mutex_t lock;
    pthread_cond_t none; /* all has become empty; signalled under lock */
    GPtrArray *all;      /* owned Connection, each at its position; protected by lock */
    GHashTable *sources; /* set of owned Source; protected by lock */
    GHashTable *joined;  /* neighbour -> how many of all are its link; protected by lock */
};

/* A network that there are connections from. Its key is that of records: any bytes, and a hash that
 * nobody can foresee. */
typedef struct {
    RecordKey key;
    struct in6_addr network;
    unsigned count;
} Source;

static RecordKey source_key(const struct in6_addr *network)
{
    return record_key((Slice){.data = (const char *)network, .length = sizeof *network});
}

Connections *connections_new(void)
{
    Connections *connections = g_new0(Connections, 1);

    pthread_mutex_init(&connections->lock, NULL);
    condition_init(&connections->none);
    connections->all = g_ptr_array_new();
    connections->sources = g_hash_table_new_full(record_key_hash, record_key_equal, g_free, NULL);
    connections->joined = g_hash_table_new(NULL, NULL);
    return connections;
}

void connections_free(Connections *connections)
{
    if (connections == NULL)
        return;
    while (connections->all->len > 0)
        connections_close(connections, connections->all->pdata[connections->all->len - 1]);
    g_hash_table_unref(connections->joined);
    g_ptr_array_unref(connections->all);
    g_hash_table_unref(connections->sources);
    pthread_cond_destroy(&connections->none);
    pthread_mutex_destroy(&connections->lock);
    g_free(connections);
}

static Source *find_source(Connections *connections, const struct in6_addr *network)
{
    RecordKey key = source_key(network);

    return g_hash_table_lookup(connections->sources, &key);
}

static void count_in(Connections *connections, const struct in6_addr *network)
{
    Source *source = find_source(connections, network);

    if (source == NULL) {
        source = g_new0(Source, 1);
        source->network = *network;
        source->key = source_key(&source->network);
        g_hash_table_add(connections->sources, source);
    }
    source->count++;
}

static void count_out(Connections *connections, const struct in6_addr *network)
{
    Source *source = find_source(connections, network);

    if (--source->count == 0)
        g_hash_table_remove(connections->sources, source);
}

void connections_add(Connections *connections, Connection *connection)
{
    mutex_lock(&connections->lock);
    count_in(connections, &connection->network);
    connection->position = connections->all->len;
    g_ptr_array_add(connections->all, connection);
    mutex_unlock(&connections->lock);
}

/* With connections->lock held. */
static unsigned joined_unlocked(Connections *connections, GQuark neighbour)
{
    return GPOINTER_TO_UINT(g_hash_table_lookup(connections->joined, GUINT_TO_POINTER(neighbour)));
}

/* Counts @change more links of @neighbour. With connections->lock held. */
static void count_joined_unlocked(Connections *connections, GQuark neighbour, int change)
{
    unsigned count = joined_unlocked(connections, neighbour) + (unsigned)change;

    g_hash_table_insert(connections->joined, GUINT_TO_POINTER(neighbour), GUINT_TO_POINTER(count));
}

void connections_join(Connections *connections, Connection *connection)
{
    connection->joined = true;
    mutex_lock(&connections->lock);
    count_joined_unlocked(connections, connection->neighbour, 1);
    mutex_unlock(&connections->lock);
}

unsigned connections_joined(Connections *connections, GQuark neighbour)
{
    mutex_lock(&connections->lock);
    unsigned count = joined_unlocked(connections, neighbour);
    mutex_unlock(&connections->lock);
    return count;
}

void connections_close(Connections *connections, Connection *connection)
{
    mutex_lock(&connections->lock);
    if (connection->joined)
        count_joined_unlocked(connections, connection->neighbour, -1);
    g_ptr_array_remove_index_fast(connections->all, connection->position);
    if (connection->position < connections->all->len) {
        Connection *moved = connections->all->pdata[connection->position];

        moved->position = connection->position;
    }
    count_out(connections, &connection->network);
    close(
        connection->stream.descriptor); /* whatever it returns, the descriptor is gone: close(2) */
    if (connections->all->len == 0)
        condition_signal(&connections->none);
    mutex_unlock(&connections->lock);
    connection_free(connection);
}

unsigned connections_count(Connections *connections)
{
    mutex_lock(&connections->lock);
    unsigned count = connections->all->len;
    mutex_unlock(&connections->lock);
    return count;
}

unsigned connections_count_from(Connections *connections, const struct sockaddr_storage *address)
{
    struct in6_addr network = endpoint_network_of(address);

    mutex_lock(&connections->lock);
    const Source *source = find_source(connections, &network);
    unsigned count = source != NULL ? source->count : 0;
    mutex_unlock(&connections->lock);
    return count;
}

/*
 * Calls @visit for every connection that stays open throughout, from the last to the first. One
 * that is closed meanwhile makes the last one move into its place, which was visited already.
 */
static void visit_all(Connections *connections, void (*visit)(Connection *, int64_t), int64_t now)
{
    unsigned next = UINT_MAX;

    while (next > 0) {
        mutex_lock(&connections->lock);
        next = MIN(next, connections->all->len);
        for (unsigned i = 0; i < SWEEP_CHUNK && next > 0; i++)
            visit(connections->all->pdata[--next], now);
        mutex_unlock(&connections->lock);
    }
}

static void expire(Connection *connection, int64_t now)
{
    int64_t deadline = atomic_load_explicit(&connection->deadline, memory_order_relaxed);

    if (deadline == 0 || now < deadline || atomic_load(&connection->expired))
        return;
    atomic_store(&connection->expired, true);
    atomic_store(&connection->cut, true);
    shutdown(connection->stream.descriptor,
             SHUT_RDWR); /* it fails when the peer has gone: the same to us */
}

void connections_sweep(Connections *connections, int64_t now_ms)
{
    visit_all(connections, expire, now_ms);
}

/* Those that come meanwhile are seen to by the acceptor. */
void connections_rouse(Connections *connections, ReadySet *ready)
{
    unsigned next = UINT_MAX;

    while (next > 0) {
        Connection *owned[SWEEP_CHUNK];
        unsigned count = 0;

        mutex_lock(&connections->lock);
        next = MIN(next, connections->all->len);
        for (unsigned i = 0; i < SWEEP_CHUNK && next > 0; i++) {
            Connection *connection = connections->all->pdata[--next];

            if (ready_set_rouse(connection))
                owned[count++] = connection;
        }
        mutex_unlock(&connections->lock);
        for (unsigned i = 0; i < count; i++)
            ready_set_resume(ready, owned[i]);
    }
}

static void end_input(Connection *connection, int64_t now G_GNUC_UNUSED)
{
    atomic_store(&connection->ending, true);
}

void connections_end_input(Connections *connections, ReadySet *ready)
{
    visit_all(connections, end_input, 0);
    connections_rouse(connections, ready);
}

bool connections_wait_none(Connections *connections, int64_t deadline_ms)
{
    bool in_time = true;

    mutex_lock(&connections->lock);
    while (connections->all->len > 0 && in_time)
        in_time = condition_wait_until(&connections->none, &connections->lock, deadline_ms);
    bool none = connections->all->len == 0;
    mutex_unlock(&connections->lock);
    return none;
}
