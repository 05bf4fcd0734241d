/* SPDX-License-Identifier: MIT */
#include "cmd/server.h"

#include "core/counters.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/state.h"
#include "core/store.h"
#include "core/thread.h"
#include "net/acceptor.h"
#include "net/pool.h"

#include <inttypes.h>
#include <sys/resource.h>
#include <unistd.h>

#define DESCRIPTORS_KEPT 128
#define SWEEP_S          64 /* in which the whole store is swept for what has expired */

#define STOP_MS 5000 /* for clients to take what they are owed, and for lookups to end */

struct Server {
    /* All owned. The ready set, the active set and the lookups are in `workers`. */
    ConfigCurrent *configs;
    Places *places;
    Log *log;
    Store *store;
    State *state; /* (nullable) */
    Flood *flood;
    Connections *connections;
    WorkerContext workers;
    Acceptor *acceptor;
    Pool *pool;
    int64_t swept; /* the second of the clock for which the store was last swept; the acceptor's
                      once it runs */
};

static bool at_once(void *places, const PlacesQuery *query, GString *json)
{
    PlacesStatus status;

    return places_at_once(places, query, json, &status);
}

static bool nearby(void *places, const PlacesQuery *query, GString *json)
{
    PlacesStatus status = places_nearby(places, query, json);

    return status == PLACES_OK || status == PLACES_ZERO_RESULTS;
}

static void refuse(void *places, const PlacesQuery *query, GString *json)
{
    places_refuse(places, query, json);
}

/*
 * Records older than record_ttl_s count no more. They are removed little by little: each second of
 * the clock has its share of the shards, the same on every member, so that members whose clocks
 * agree remove them together and find no difference when they compare.
 */
static void forget_expired(Server *server)
{
    unsigned ttl_s = config_current_get(server->configs)->limits.record_ttl_s;
    int64_t now = timestamp_now().seconds;

    if (ttl_s == 0)
        return;

    g_autoptr(GPtrArray) removed = g_ptr_array_new_with_free_func((GDestroyNotify)record_unref);
    store_set_horizon(server->store, now - ttl_s);
    server->swept = CLAMP(server->swept, now - SWEEP_S, now); /* a clock may be set */
    while (server->swept < now) {
        unsigned share = (unsigned)(++server->swept % SWEEP_S);

        for (unsigned shard = share; shard < STORE_SHARDS; shard += SWEEP_S)
            store_sweep(server->store, shard, removed);
    }
    counters_add(COUNT_EXPIRED, removed->len);
    for (unsigned i = 0; i < removed->len && server->state != NULL; i++)
        state_forget(server->state, removed->pdata[i]);
}

static void sweep(void *pointer, int64_t now_ms)
{
    Server *server = pointer;

    memory_measure(config_current_get(server->configs)->limits.max_memory_mb);
    connections_sweep(server->connections, now_ms);
    lookups_sweep(server->workers.lookups, now_ms);
    ready_set_resume_postponed(server->workers.ready);
    places_sweep(server->places, now_ms);
    forget_expired(server);
}

static void load_record(void *pointer, Record *record)
{
    Server *server = pointer;

    if (store_put(server->store, record, 0) == STORE_EXPIRED)
        state_forget(server->state, record);
}

/* Puts into the store what an earlier run has saved, and goes on saving. */
static bool start_state(Server *server, GError **error)
{
    const Config *config = config_current_get(server->configs);
    int64_t begin = monotonic_ms();

    server->state = state_open(config->state_dir, config->self->name, config->state_sync_ms,
                               server->log, error);
    if (server->state == NULL || !state_load(server->state, load_record, server, error) ||
        !state_start(server->state, error))
        return false;
    log_event(server->log, LOG_INFO, "state %s loaded clients=%zu in %" PRId64 " ms",
              state_path(server->state), store_size(server->store), monotonic_ms() - begin);
    return true;
}

/* Makes everything up to the listening sockets; of the threads only the log's, the state's and the
 * flood's run yet. */
static bool make_parts(Server *server, GError **error)
{
    const Config *config = config_current_get(server->configs);
    WorkerContext *workers = &server->workers;

    workers->configs = server->configs;
    server->log = config->log_target == LOG_TARGET_JOURNALD
                      ? log_new_journal(config->self->name, config->log_messages, error)
                      : log_new(config->log_dir, config->self->name, config->log_messages, error);
    if (server->log == NULL)
        return false;
    log_set_level(server->log, config->log_level, config->log_messages);
    places_set_log(server->places, server->log);
    server->store = store_new();
    forget_expired(server); /* so that what comes in before the first sweep is judged too */
    /* Before the listening sockets: nobody is told that a client is unknown who was saved. */
    if (config->state_dir != NULL && !start_state(server, error))
        return false;
    server->connections = connections_new();
    workers->connections = server->connections;
    workers->ready = ready_set_new(error);
    if (workers->ready == NULL)
        return false;
    workers->active = active_set_new(active_set_size_for_cpus(config->workers));
    workers->lookups = lookups_new(workers->ready, config->places.max_lookups,
                                   config->places.max_waiting, config->places.timeout_ms);
    server->acceptor = acceptor_new(server->configs, server->connections, workers->ready,
                                    (Sweep){.run = sweep, .self = server}, server->log, error);
    if (server->acceptor == NULL)
        return false;
    /* After the listening sockets: a neighbour that is told of us must be able to answer. */
    server->flood = flood_new(server->configs, server->store, server->log, error);
    if (server->flood == NULL)
        return false;
    workers->session = (SessionContext){
        .store = server->store,
        .flood = server->flood,
        .state = server->state,
        .log = server->log,
        .nearby = {.self = server->places, .at_once = at_once, .nearby = nearby, .refuse = refuse},
    };
    return true;
}

/* Frees what there is, threads first. */
static void free_parts(Server *server)
{
    acceptor_free(server->acceptor);
    pool_free(server->pool);
    flood_free(server->flood);
    connections_free(server->connections);
    lookups_free(server->workers.lookups);
    active_set_free(server->workers.active);
    ready_set_free(server->workers.ready);
    state_close(server->state);
    store_free(server->store);
    places_free(server->places);
    log_free(server->log);
    config_current_free(server->configs);
    g_free(server);
}

/* Clients up to max_connections must leave descriptors for links, lookups, the log and the
 * listening sockets. */
static void check_descriptors(Server *server)
{
    const Config *config = config_current_get(server->configs);
    rlim_t wanted = (rlim_t)config->limits.max_connections + config->workers + DESCRIPTORS_KEPT;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < wanted)
        log_event(server->log, LOG_WARNING,
                  "max_connections = %u wants a limit on open files (ulimit -n) of %ju, not %ju: "
                  "links and "
                  "lookups may find none left",
                  config->limits.max_connections, (uintmax_t)wanted, (uintmax_t)limit.rlim_cur);
}

/* What the places come from, if it is the operator's own. */
static void log_places(Server *server, const char *event)
{
    g_autofree char *description = places_describe(server->places);

    if (description != NULL)
        log_event(server->log, LOG_INFO, "%s %s", event, description);
}

Server *server_start(Config *config, Places *places, GError **error)
{
    Server *server = g_new0(Server, 1);

    server->configs = config_current_new(config);
    server->places = places;
    if (!make_parts(server, error)) {
        free_parts(server);
        return NULL;
    }
    server->pool = pool_new(&server->workers, config->workers, error);
    if (server->pool == NULL || !acceptor_start(server->acceptor, error)) {
        free_parts(server);
        return NULL;
    }
    log_event(server->log, LOG_INFO, "start %s version " HERD_VERSION " pid %d workers %u",
              config->self->name, (int)getpid(), config->workers);
    log_places(server, "places");
    check_descriptors(server);
    for (unsigned i = 0; i < config->warnings->len; i++)
        log_event(server->log, LOG_WARNING, "%s", (const char *)config->warnings->pdata[i]);
    return server;
}

void server_reload(Server *server)
{
    g_autoptr(GError) error = NULL;

    log_reopen(server->log);
    if (places_reload(server->places, &error))
        log_places(server, "places reloaded");
    else
        log_event(server->log, LOG_ERROR, "places not reloaded, the old ones stay: %s",
                  error->message);
}

static void log_counters(Server *server)
{
    g_autoptr(GString) text = g_string_new("stop");

    g_string_append_printf(text, " clients=%zu", store_size(server->store));
    for (Counter i = 0; i < COUNTERS; i++)
        g_string_append_printf(text, " %s=%" PRIu64, counters_name(i), counters_read(i));
    log_event(server->log, LOG_INFO, "%s", text->str);
}

void server_stop(Server *server)
{
    acceptor_stop_listening(server->acceptor);
    connections_end_input(server->connections);
    if (!connections_wait_none(server->connections, monotonic_ms() + STOP_MS))
        log_event(server->log, LOG_WARNING, "stop leaves %u connections that do not go along",
                  connections_count(server->connections));
    log_counters(server);
    free_parts(server);
}
