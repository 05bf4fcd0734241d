/* SPDX-License-Identifier: MIT */
#include "cmd/server.h"

#include "cmd/http.h"
#include "cmd/metrics.h"
#include "cmd/parts.h"
#include "cmd/status.h"
#include "core/config-change.h"
#include "core/counters.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/state.h"
#include "core/store.h"
#include "core/thread.h"
#include "net/acceptor.h"
#include "net/pool.h"
#include "places/places-current.h"

#include <inttypes.h>
#include <sys/resource.h>
#include <unistd.h>

#define DESCRIPTORS_KEPT 128
#define SWEEP_S          64 /* in which the whole store is swept for what has expired */

#define ALIVE_MS 3000 /* a pulse that is older says that the acceptor or the workers hang */

struct Server {
    /* All owned. The ready set, the active set and the lookups are in `workers`. */
    char *config_path;
    ConfigCurrent *configs;
    PlacesCurrent *places;
    Trust *trust;
    Tls *tls;
    Log *log;
    Store *store;
    State *state; /* (nullable) */
    Flood *flood;
    Connections *connections;
    WorkerContext workers;
    Acceptor *acceptor;
    Pool *pool;
    Rates *rates;
    Http *http;           /* (nullable) */
    Parts parts;          /* what http shows; read-only after make_parts() */
    atomic_bool stopping; /* atomic; set once */
    int64_t swept; /* the second of the clock for which the store was last swept; the acceptor's
                      once it runs */
};

static bool at_once(void *current, const PlacesQuery *query, GString *json)
{
    g_autoptr(Places) places = places_current_get(current);
    PlacesStatus status;

    return places_at_once(places, query, json, &status);
}

static void nearby(void *current, const PlacesQuery *query, GString *json)
{
    g_autoptr(Places) places = places_current_get(current);

    places_nearby(places, query, json);
}

static void refuse(void *current, const PlacesQuery *query, GString *json)
{
    g_autoptr(Places) places = places_current_get(current);

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

    if (ttl_s == 0) {
        store_set_horizon(server->store, INT64_MIN);
        return;
    }

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
    g_autoptr(Places) places = places_current_get(server->places);

    ready_set_pulse(server->workers.ready);
    memory_measure(config_current_get(server->configs)->limits.max_memory_mb);
    connections_sweep(server->connections, now_ms);
    lookups_sweep(server->workers.lookups, now_ms);
    ready_set_resume_postponed(server->workers.ready);
    places_sweep(places, now_ms);
    forget_expired(server);
    rates_sample(server->rates, monotonic_ns());
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

/* What stands still, for /healthz. */
static char *standstill(void *pointer)
{
    const Server *server = pointer;

    if (server_is_alive(server))
        return NULL;
    return g_strdup("the acceptor or the workers: no pulse has gone from one to the other for "
                    "seconds");
}

static char *left_alone(void *pointer)
{
    Server *server = pointer;
    g_autoptr(Places) places = places_current_get(server->places);

    return places_left_alone(places, monotonic_ms());
}

/* What http shows. */
static void gather_parts(Server *server)
{
    server->rates = rates_new(monotonic_ns());
    server->parts = (Parts){
        .configs = server->configs,
        .store = server->store,
        .flood = server->flood,
        .connections = server->connections,
        .active = server->workers.active,
        .lookups = server->workers.lookups,
        .log = server->log,
        .rates = server->rates,
        .started = timestamp_now(),
        .started_ns = monotonic_ns(),
        .stopping = &server->stopping,
        .self = server,
        .standstill = standstill,
        .places_left_alone = left_alone,
    };
}

/* Makes everything up to the listening sockets; of the threads only the log's, the state's and the
 * flood's run yet. */
static bool make_parts(Server *server, GArray *handed, GError **error)
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
    g_autoptr(Places) places = places_current_get(server->places);
    places_set_log(places, server->log);
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
    server->acceptor =
        acceptor_new(server->configs, server->connections, workers->ready, server->tls,
                     (Sweep){.run = sweep, .self = server}, handed, server->log, error);
    if (server->acceptor == NULL)
        return false;
    /* After the listening sockets: a neighbour that is told of us must be able to answer. */
    server->flood =
        flood_new(server->configs, server->trust, server->tls, server->store, server->log, error);
    if (server->flood == NULL)
        return false;
    workers->session = (SessionContext){
        .store = server->store,
        .flood = server->flood,
        .state = server->state,
        .log = server->log,
        .trust = server->trust,
        .nearby = {.self = server->places, .at_once = at_once, .nearby = nearby, .refuse = refuse},
    };
    gather_parts(server);
    return true;
}

/* Frees what there is, threads first. */
static void free_parts(Server *server)
{
    http_free(server->http); /* it looks at all the others */
    acceptor_free(server->acceptor);
    pool_free(server->pool);
    flood_free(server->flood);
    connections_free(server->connections);
    lookups_free(server->workers.lookups);
    active_set_free(server->workers.active);
    ready_set_free(server->workers.ready);
    state_close(server->state);
    store_free(server->store);
    places_current_free(server->places);
    rates_free(server->rates);
    trust_free(server->trust);
    tls_free(server->tls);
    log_free(server->log);
    config_current_free(server->configs);
    g_free(server->config_path);
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
    g_autoptr(Places) places = places_current_get(server->places);
    g_autofree char *description = places_describe(places);

    if (description != NULL)
        log_event(server->log, LOG_INFO, "%s %s", event, description);
}

static void log_warnings(const Server *server, const GPtrArray *warnings)
{
    for (unsigned i = 0; i < warnings->len; i++)
        log_event(server->log, LOG_WARNING, "%s", (const char *)warnings->pdata[i]);
}

static bool start_http(Server *server, GError **error)
{
    static const HttpPage pages[] = {
        {"/metrics", METRICS_TYPE, metrics_write},
        {"/healthz", "text/plain; charset=utf-8", status_write_health},
        {"/readyz", "text/plain; charset=utf-8", status_write_readiness},
        {"/status", "application/json", status_write},
        {0},
    };
    const char *listen = config_current_get(server->configs)->http_listen;

    if (listen == NULL)
        return true;
    server->http = http_new(listen, pages, &server->parts, error);
    if (server->http == NULL)
        return false;
    log_event(server->log, LOG_INFO, "http on %s", listen);
    return true;
}

Server *server_start(const char *config_path, Config *config, Places *places, TrustFiles *files,
                     TlsContext *tls, GArray *handed, GError **error)
{
    Server *server = g_new0(Server, 1);

    server->config_path = g_strdup(config_path);
    server->configs = config_current_new(config);
    server->places = places_current_new(places);
    server->trust = trust_new();
    trust_set(server->trust, files);
    server->tls = tls_new(tls);
    if (!make_parts(server, handed, error)) {
        free_parts(server);
        return NULL;
    }
    server->pool = pool_new(&server->workers, config->workers, error);
    if (server->pool == NULL || !acceptor_start(server->acceptor, error) ||
        !start_http(server, error)) {
        free_parts(server);
        return NULL;
    }
    log_event(server->log, LOG_INFO, "start %s version " HERD_VERSION " pid %d workers %u",
              config->self->name, (int)getpid(), config->workers);
    log_places(server, "places");
    check_descriptors(server);
    log_warnings(server, config->warnings);
    return server;
}

/* What a reload puts in force, as soon as all of it is known to be good. */
typedef struct {
    Config *config;       /* (owned) */
    ConfigChange *change; /* (owned) */
    Places *places;       /* (owned) (nullable) NULL: those that there are stay */
    TrustFiles files;
    GPtrArray *warnings; /* (owned) texts, of files */
    TlsContext *tls;     /* (owned) (nullable) NULL: it has no use for TLS */
} Reload;

static void reload_clear(Reload *reload)
{
    config_free(reload->config);
    config_change_free(reload->change);
    places_unref(reload->places);
    trust_files_clear(&reload->files);
    g_clear_pointer(&reload->warnings, g_ptr_array_unref);
    tls_context_unref(reload->tls);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Reload, reload_clear)

static bool prepare_places(const Server *server, Reload *reload, GError **error)
{
    g_autoptr(Places) running = places_current_get(server->places);

    if (!reload->change->places && places_is_outdated(running)) {
        reload->change->places = true;
        g_ptr_array_add(reload->change->taken, g_strdup("[places] the API key"));
    }
    if (!reload->change->places)
        return true;
    reload->places = places_new(&reload->config->places, error);
    if (reload->places == NULL) {
        g_prefix_error(error, "%s: [places] ", server->config_path);
        return false;
    }
    places_set_log(reload->places, server->log);
    return true;
}

/* The secret and the rules of access may be others in the same files. */
static bool prepare_trust(const Server *server, Reload *reload, GError **error)
{
    GPtrArray *taken = reload->change->taken;

    reload->warnings = g_ptr_array_new_with_free_func(g_free);
    if (!trust_read(reload->config, &reload->files, reload->warnings, error)) {
        g_prefix_error(error, "%s: ", server->config_path);
        return false;
    }
    if (!trust_has_secret(server->trust, reload->files.secret))
        g_ptr_array_add(taken, g_strdup("[herd] the secret"));
    if (!trust_has_access(server->trust, reload->files.access))
        g_ptr_array_add(taken, g_strdup("[access] the rules"));
    return true;
}

/* New files count for new connections and links. Those that hold the same change nothing: clients
 * can go on with the tickets that they have. */
static bool prepare_tls(const Server *server, Reload *reload, GError **error)
{
    g_autoptr(TlsContext) running = tls_context(server->tls);

    if (!config_needs_tls(reload->config))
        return true;
    reload->tls = tls_context_new(&reload->config->tls, error);
    if (reload->tls == NULL) {
        g_prefix_error(error, "%s: [tls] ", server->config_path);
        return false;
    }
    if (running != NULL && tls_context_equal(running, reload->tls)) {
        tls_context_unref(reload->tls);
        reload->tls = g_steal_pointer(&running);
    } else {
        g_ptr_array_add(reload->change->taken, g_strdup("[tls] the files"));
    }
    return true;
}

/* The first phase: all that may fail, and that nobody notices. Each part that reads files of its
 * own has its step at the end, and keeps what it has read in the Reload. */
static bool prepare_reload(const Server *server, Reload *reload, GError **error)
{
    const Config *running = config_current_get(server->configs);

    reload->config = config_load(server->config_path, running->self->name, error);
    if (reload->config == NULL)
        return false;
    reload->change = config_change_new(reload->config, running);
    return prepare_places(server, reload, error) && prepare_trust(server, reload, error) &&
           prepare_tls(server, reload, error);
}

/* The second phase: it cannot fail. Each part takes its share out of the Reload. */
static void commit_reload(Server *server, Reload *reload)
{
    const Config *config = reload->config;
    /* A secret is there before what it stands in for is gone, and gone after what stands in for it
     * is there: at no moment a hello has less to prove than before or after. */
    bool has_secret = reload->files.secret != NULL;

    if (reload->places != NULL)
        places_current_replace(server->places, g_steal_pointer(&reload->places));
    if (has_secret)
        trust_set(server->trust, &reload->files);
    lookups_set_bounds(server->workers.lookups, config->places.max_lookups,
                       config->places.max_waiting, config->places.timeout_ms);
    log_set_level(server->log, config->log_level, config->log_messages);
    tls_use(server->tls, g_steal_pointer(&reload->tls));
    if (config_current_replace(server->configs, g_steal_pointer(&reload->config))) {
        flood_take_config(server->flood);
        connections_rouse(server->connections, server->workers.ready);
    }
    if (!has_secret)
        trust_set(server->trust, &reload->files);
}

static void log_reload(Server *server, const Reload *reload)
{
    const ConfigChange *change = reload->change;
    g_autofree char *taken = config_change_join(change->taken);
    g_autofree char *held = config_change_join(change->held);

    log_event(server->log, LOG_INFO, "configuration reloaded: %s",
              change->taken->len > 0 ? taken : "nothing has changed");
    if (change->held->len > 0)
        log_event(server->log, LOG_WARNING, "configuration waits for a restart: %s", held);
    log_warnings(server, reload->warnings);
    if (change->taken->len == 0)
        return;
    log_warnings(server, config_current_get(server->configs)->warnings);
    check_descriptors(server);
}

/* FALSE: it is no good, and nothing has changed. */
static bool reload_config(Server *server, Reload *reload)
{
    g_autoptr(GError) error = NULL;

    if (!prepare_reload(server, reload, &error)) {
        counters_add(COUNT_RELOADS_REFUSED, 1);
        log_event(server->log, LOG_ERROR, "configuration not reloaded, the old one stays: %s",
                  error->message);
        return false;
    }
    commit_reload(server, reload);
    counters_add(COUNT_RELOADS, 1);
    log_reload(server, reload);
    return true;
}

static void reload_places(Server *server)
{
    g_autoptr(Places) places = places_current_get(server->places);
    g_autoptr(GError) error = NULL;

    if (places_reload(places, &error))
        log_places(server, "places reloaded");
    else
        log_event(server->log, LOG_ERROR, "places not reloaded, the old ones stay: %s",
                  error->message);
}

void server_reload(Server *server)
{
    g_auto(Reload) reload = {0};

    log_reopen(server->log);
    if (reload_config(server, &reload) && reload.change->places)
        log_places(server, "places");
    else
        reload_places(server);
}

static void log_counters(Server *server)
{
    g_autoptr(GString) text = g_string_new("stop");

    g_string_append_printf(text, " clients=%zu", store_size(server->store));
    for (Counter i = 0; i < COUNTERS; i++)
        g_string_append_printf(text, " %s=%" PRIu64, counters_name(i), counters_read(i));
    log_event(server->log, LOG_INFO, "%s", text->str);
}

const Config *server_config(const Server *server)
{
    return config_current_get(server->configs);
}

const GArray *server_listeners(const Server *server)
{
    return acceptor_listeners(server->acceptor);
}

char *server_status(const Server *server)
{
    const GPtrArray *listen = server_config(server)->self->listen;
    GString *text = g_string_new("serving on");

    for (unsigned i = 0; i < listen->len; i++)
        g_string_append_printf(text, "%s %s", i > 0 ? "," : "",
                               ((const Endpoint *)listen->pdata[i])->text);
    g_autoptr(GPtrArray) links = flood_links(server->flood);
    unsigned up = 0;
    for (unsigned i = 0; i < links->len; i++)
        up += ((const LinkPost *)links->pdata[i])->state == LINK_STATUS_UP;
    if (links->len > 0)
        g_string_append_printf(text, ", %u of %u links up", up, links->len);
    g_string_append_printf(text, ", %u connections, %zu clients",
                           connections_count(server->connections), store_size(server->store));
    return g_string_free(text, FALSE);
}

bool server_is_alive(const Server *server)
{
    return monotonic_ms() - ready_set_pulse_at(server->workers.ready) < ALIVE_MS;
}

void server_begin_stop(Server *server)
{
    atomic_store(&server->stopping, true);
    acceptor_stop_listening(server->acceptor);
    connections_end_input(server->connections, server->workers.ready);
}

bool server_wait_ended(Server *server, int64_t wait_ms)
{
    int64_t now = monotonic_ms();

    /* Beside the acceptor's, which is too seldom for those who only linger. */
    connections_sweep(server->connections, now);
    return connections_wait_none(server->connections, now + wait_ms);
}

void server_stop(Server *server)
{
    unsigned left = connections_count(server->connections);

    if (left > 0)
        log_event(server->log, LOG_WARNING, "stop leaves %u connections that do not go along",
                  left);
    log_counters(server);
    free_parts(server);
}
