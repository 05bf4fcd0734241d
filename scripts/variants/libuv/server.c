/* SPDX-License-Identifier: MIT */
#include "scripts/variants/libuv/server.h"

#include "scripts/variants/libuv/connection.h"
#include "scripts/variants/libuv/link.h"
#include "scripts/variants/libuv/lookups.h"

#include <signal.h>
#include <unistd.h>

#define BACKLOG      4096
#define KEEPALIVE_S  60
#define STOP_MS      5000 /* for clients to take what they are owed, and for lookups to end */
#define STOP_LINK_MS 1000 /* for neighbours to take what is left for them, after that */

static GQuark server_error_quark(void)
{
    return g_quark_from_static_string("herd-libuv-server-error-quark");
}

StoreOutcome server_store(Server *server, Record *record, int from)
{
    StoreOutcome outcome = store_put(server->store, record, 0);

    if (outcome == STORE_STORED)
        for (unsigned i = 0; i < server->links->len; i++)
            if ((int)i != from)
                link_offer(server->links->pdata[i], record);
    return outcome;
}

static void on_prepare(uv_prepare_t *prepare)
{
    Server *server = prepare->data;

    for (unsigned i = 0; i < server->links->len; i++)
        link_flush(server->links->pdata[i]);
}

static void on_links_late(uv_timer_t *timer)
{
    Server *server = timer->data;

    for (unsigned i = 0; i < server->links->len; i++)
        link_close(server->links->pdata[i]);
}

/* When the connections have closed nothing new comes, and the links can end too; then nothing keeps
 * the loop. */
static void stop_links(Server *server)
{
    for (unsigned i = 0; i < server->links->len; i++)
        link_stop(server->links->pdata[i]);
    uv_timer_start(&server->stop_limit, on_links_late, STOP_LINK_MS, 0);
}

void server_connection_closed(Server *server)
{
    if (server->stopping && server->connections.length == 0)
        stop_links(server);
}

static void on_connections_late(uv_timer_t *timer)
{
    Server *server = timer->data;

    for (GList *at = server->connections.head; at != NULL; at = at->next)
        connection_close(at->data, "does not go along with the stop");
}

/* The lines that have arrived are read and answered, since each connection's input ends behind
 * them; it then closes the way it always does. */
static void stop(Server *server)
{
    server->stopping = true;
    for (unsigned i = 0; i < server->config->self->listen->len; i++)
        uv_close((uv_handle_t *)&server->listeners[i], NULL);
    for (GList *at = server->connections.head; at != NULL; at = at->next)
        connection_end_input(at->data);
    uv_timer_start(&server->stop_limit, on_connections_late, STOP_MS, 0);
    if (server->connections.length == 0)
        stop_links(server);
}

static void on_signal(uv_signal_t *signal, int number)
{
    Server *server = signal->data;

    if (number == SIGHUP)
        log_reopen(server->log);
    else if (!server->stopping)
        stop(server);
}

static void on_connection(uv_stream_t *listener, int status)
{
    Server *server = listener->data;

    if (status == 0)
        connection_accept(server, listener);
    else
        log_event(server->log, LOG_WARNING, "cannot accept: %s", uv_strerror(status));
}

/* Accepted connections inherit these from @listener. The kernel finds out about peers that have
 * vanished, such as phones. */
static int listen_on(Server *server, uv_tcp_t *listener, const Endpoint *endpoint)
{
    unsigned flags = endpoint->address.ss_family == AF_INET6 ? UV_TCP_IPV6ONLY : 0;
    int failed = uv_tcp_init(&server->loop, listener);

    listener->data = server;
    if (failed == 0)
        failed = uv_tcp_bind(listener, (const struct sockaddr *)&endpoint->address, flags);
    if (failed == 0)
        failed = uv_tcp_nodelay(listener, 1);
    if (failed == 0)
        failed = uv_tcp_keepalive(listener, 1, KEEPALIVE_S);
    if (failed == 0)
        failed = uv_listen((uv_stream_t *)listener, BACKLOG, on_connection);
    return failed;
}

static bool listen_on_all(Server *server, GError **error)
{
    const Member *self = server->config->self;

    server->listeners = g_new0(uv_tcp_t, self->listen->len);
    for (unsigned i = 0; i < self->listen->len; i++) {
        const Endpoint *endpoint = self->listen->pdata[i];
        int failed = listen_on(server, &server->listeners[i], endpoint);

        if (failed != 0) {
            g_set_error(error, server_error_quark(), 0, "%s cannot listen on %s: %s", self->name,
                        endpoint->text, uv_strerror(failed));
            return false;
        }
    }
    return true;
}

/* What runs beside connections and links, and does not keep the loop when these have closed. */
static void start_watchers(Server *server)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};

    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
        uv_signal_init(&server->loop, &server->signals[i]);
        server->signals[i].data = server;
        uv_signal_start(&server->signals[i], on_signal, numbers[i]);
        uv_unref((uv_handle_t *)&server->signals[i]);
    }
    uv_prepare_init(&server->loop, &server->prepare);
    uv_prepare_start(&server->prepare, on_prepare);
    uv_timer_init(&server->loop, &server->sweep);
    uv_timer_init(&server->loop, &server->stop_limit);
    server->prepare.data = server->sweep.data = server->stop_limit.data = server;
    uv_unref((uv_handle_t *)&server->prepare);
    uv_unref((uv_handle_t *)&server->sweep);
    uv_unref((uv_handle_t *)&server->stop_limit);
}

Server *server_start(const Config *config, GError **error)
{
    Server *server = g_new0(Server, 1);
    int failed = uv_loop_init(&server->loop);

    if (failed != 0) {
        g_set_error(error, server_error_quark(), 0, "no event loop: %s", uv_strerror(failed));
        g_free(server);
        return NULL;
    }
    server->config = config;
    g_queue_init(&server->connections);
    server->output = g_string_new(NULL);
    server->links = g_ptr_array_new_with_free_func(link_free);
    server->store = store_new();
    server->lookups = lookups_new(&server->loop, &config->places, error);
    if (server->lookups != NULL)
        server->log = log_new(config->log_dir, config->self->name, config->log_messages, error);
    if (server->log == NULL || !listen_on_all(server, error)) {
        server_free(server);
        return NULL;
    }
    lookups_set_log(server->lookups, server->log);
    start_watchers(server);
    for (unsigned i = 0; i < config->self->neighbours->len; i++)
        g_ptr_array_add(
            server->links,
            link_new(server, config_member(config, config->self->neighbours->pdata[i])));
    log_event(server->log, LOG_INFO, "start %s libuv %s pid %d", config->self->name,
              uv_version_string(), (int)getpid());
    return server;
}

void server_run(Server *server)
{
    uv_run(&server->loop, UV_RUN_DEFAULT);
    log_event(server->log, LOG_INFO, "stop clients=%zu", store_size(server->store));
}

static void close_handle(uv_handle_t *handle, void *argument G_GNUC_UNUSED)
{
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

void server_free(Server *server)
{
    lookups_free(server->lookups);
    uv_walk(&server->loop, close_handle, NULL);
    uv_run(&server->loop, UV_RUN_DEFAULT);
    int failed = uv_loop_close(&server->loop);
    g_assert(failed == 0);

    g_ptr_array_unref(server->links);
    log_free(server->log);
    store_free(server->store);
    g_string_free(server->output, TRUE);
    g_free(server->listeners);
    g_free(server);
}
