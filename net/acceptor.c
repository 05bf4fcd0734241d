/* SPDX-License-Identifier: MIT */
#include "net/acceptor.h"

#include "core/counters.h"
#include "core/memory.h"
#include "core/thread.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define ACCEPT_BURST   256 /* from one listening socket, before the next has its turn */
#define LAST_BURSTS    16  /* from each of them before it is closed */
#define SWEEP_EVERY_MS 1000
#define PACE_MS        100  /* without accepting, when the system has run out of something */
#define GREETING_S     5    /* for a connection above a limit to say that it is a neighbour */
#define SAID_AGAIN_MS  1000 /* between two lines of the log that say the same */

/* A neighbour may have these above max_connections, or max_handshakes: its link, one that it has
 * not noticed to be dead, and room to spare. */
#define LINK_CONNECTIONS 4

GQuark herd_acceptor_error_quark(void)
{
    return g_quark_from_static_string("herd-acceptor-error-quark");
}

struct Acceptor {
    const ConfigCurrent *configs;
    Connections *connections;
    ReadySet *ready;
    Tls *tls;
    Sweep sweep;
    Log *log;
    int wake;            /* (owned) eventfd: look at `closing` and `stop`; read-only after new */
    pthread_t thread;    /* read-only after start */
    bool started;        /* owned by main */
    atomic_bool closing; /* atomic; set by main, once */
    atomic_bool stop;    /* atomic; set by main, once */
    pthread_mutex_t lock;
    pthread_cond_t closed_now; /* signalled under lock */
    bool closed;               /* the listening sockets are closed; protected by lock */

    GArray *listeners; /* (owned) of Listener; owned by the acceptor thread after start */
    GArray *polled;    /* (owned) of pollfd: wake, then the listeners in their order; owned by the
                          acceptor thread after start */
    bool exhausted;    /* the log has been told that descriptors have run out; owned by the acceptor
                          thread */
    bool full; /* the log has been told that max_connections are there; owned by the acceptor thread
                */
    bool is_short;        /* the same of max_memory_mb */
    int64_t said_crowded; /* monotonic_ms() when it was last told of max_connections_per_address;
                             owned by the acceptor thread */
    bool busy; /* the log has been told that max_handshakes are there; owned by the acceptor thread
                */
};

static void close_listeners(Acceptor *acceptor)
{
    if (acceptor->listeners != NULL)
        listeners_close(acceptor->listeners);
    g_array_set_size(acceptor->polled, 1);
}

Acceptor *acceptor_new(const ConfigCurrent *configs, Connections *connections, ReadySet *ready,
                       Tls *tls, Sweep sweep, GArray *handed, Log *log, GError **error)
{
    Acceptor *acceptor = g_new0(Acceptor, 1);
    const Config *config = config_current_get(configs);
    struct pollfd polled = {.events = POLLIN};

    acceptor->configs = configs;
    acceptor->connections = connections;
    acceptor->ready = ready;
    acceptor->tls = tls;
    acceptor->sweep = sweep;
    acceptor->log = log;
    pthread_mutex_init(&acceptor->lock, NULL);
    condition_init(&acceptor->closed_now);
    acceptor->polled = g_array_new(FALSE, FALSE, sizeof polled);
    acceptor->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    polled.fd = acceptor->wake;
    g_array_append_val(acceptor->polled, polled);
    if (acceptor->wake < 0) {
        g_set_error(error, HERD_ACCEPTOR_ERROR, HERD_ACCEPTOR_ERROR_LISTEN, "eventfd: %s",
                    g_strerror(errno));
        acceptor_free(acceptor);
        return NULL;
    }

    acceptor->listeners = listeners_open(config->self, handed, log, error);
    if (acceptor->listeners == NULL) {
        acceptor_free(acceptor);
        return NULL;
    }
    for (unsigned i = 0; i < acceptor->listeners->len; i++) {
        polled.fd = g_array_index(acceptor->listeners, Listener, i).descriptor;
        g_array_append_val(acceptor->polled, polled);
    }
    return acceptor;
}

/* Whether a connection from @address may come in although max_connections are there. Neighbours
 * have some places beside those, so that clients cannot keep a herd apart. */
static bool may_be_neighbour(const Acceptor *acceptor, const Config *config,
                             const struct sockaddr_storage *address)
{
    const GPtrArray *neighbours = config->self->neighbours;

    if (connections_count(acceptor->connections) >=
        config->limits.max_connections + LINK_CONNECTIONS * neighbours->len)
        return false;
    for (unsigned i = 0; i < neighbours->len; i++)
        if (member_is_at(config_member(config, neighbours->pdata[i]), address))
            return true;
    return false;
}

/* Says once that @condition has come, and once that it is over. */
static void say_change(Acceptor *acceptor, bool *said, bool now, const char *begun,
                       const char *over)
{
    if (*said != now)
        log_event(acceptor->log, LOG_WARNING, "%s", now ? begun : over);
    *said = now;
}

/* Whether a handshake may begin on @connection, which comes from @address. Neighbours have some
 * places beside max_handshakes, which anybody who says nothing takes for a while. */
static bool begin_tls(Acceptor *acceptor, Connection *connection, const Config *config,
                      const struct sockaddr_storage *address)
{
    unsigned most = config->limits.max_handshakes;
    bool begun = connection_begin_tls(connection, acceptor->tls, most);

    say_change(acceptor, &acceptor->busy, !begun,
               "max_handshakes are not finished, new TLS connections are closed at once",
               "new TLS connections are served again");
    if (!begun && may_be_neighbour(acceptor, config, address))
        begun = connection_begin_tls(connection, acceptor->tls,
                                     most + LINK_CONNECTIONS * config->self->neighbours->len);
    return begun;
}

/* Says where they all come from, but not of each that is refused. */
static void say_crowded(Acceptor *acceptor, const struct sockaddr_storage *address)
{
    int64_t now = monotonic_ms();
    char text[ENDPOINT_TEXT_MAX];

    if (now < acceptor->said_crowded + SAID_AGAIN_MS)
        return;
    acceptor->said_crowded = now;
    endpoint_format(address, text);
    log_event(acceptor->log, LOG_WARNING,
              "refuse %s: max_connections_per_address are open from there", text);
}

/* Whether a limit keeps a connection from @address out, unless it is a neighbour's. @ret_counter:
 * which. */
static bool is_above_limit(Acceptor *acceptor, const LimitOptions *limits,
                           const struct sockaddr_storage *address, Counter *ret_counter)
{
    bool full = connections_count(acceptor->connections) >= limits->max_connections;
    bool is_short = memory_is_short();
    bool crowded = limits->max_connections_per_address > 0 &&
                   connections_count_from(acceptor->connections, address) >=
                       limits->max_connections_per_address;

    say_change(acceptor, &acceptor->full, full,
               "full: max_connections are open, new ones are closed at once",
               "no longer full: new connections are served again");
    say_change(acceptor, &acceptor->is_short, is_short,
               "short of memory: max_memory_mb are in use, new connections and clients are refused",
               "no longer short of memory");
    if (crowded)
        say_crowded(acceptor, address);
    *ret_counter = full       ? COUNT_CONNECTIONS_REFUSED
                   : is_short ? COUNT_MEMORY_REFUSED
                              : COUNT_CONNECTIONS_REFUSED_ADDRESS;
    return full || is_short || crowded;
}

static void admit(Acceptor *acceptor, int descriptor, const struct sockaddr_storage *address,
                  bool tls)
{
    const Config *config = config_current_get(acceptor->configs);
    Counter counter;
    bool above = is_above_limit(acceptor, &config->limits, address, &counter);

    if (above && !may_be_neighbour(acceptor, config, address)) {
        counters_add(counter, 1);
        close(descriptor);
        return;
    }

    Connection *connection = connection_new(descriptor, address);
    if (tls && !begin_tls(acceptor, connection, config, address)) {
        counters_add(COUNT_HANDSHAKES_REFUSED, 1);
        close(descriptor);
        connection_free(connection);
        return;
    }
    unsigned patience_s = above ? GREETING_S
                          : tls ? config->limits.handshake_timeout_s
                                : config->limits.idle_timeout_s;
    if (patience_s > 0)
        atomic_store(&connection->deadline, monotonic_ms() + (int64_t)patience_s * 1000);
    connection->must_greet = above;
    counters_add(COUNT_CONNECTIONS, 1);
    if (!tls) /* otherwise when hands are shaken: worker.c */
        log_event(acceptor->log, LOG_INFO, "open %s", connection->peer);
    connections_add(acceptor->connections, connection);
    /* If a reload has come in between it may have looked for connections before this one was there.
     */
    if (config_current_get(acceptor->configs) != config)
        ready_set_rouse(connection);
    if (!ready_set_add(acceptor->ready, connection)) {
        log_event(acceptor->log, LOG_ERROR, "close %s %s", connection->peer, g_strerror(errno));
        connections_close(acceptor->connections, connection);
    }
}

/* Accepts what waits on @listener. FALSE: the system has run out of something, so wait a little. */
static bool accept_burst(Acceptor *acceptor, const Listener *listener)
{
    for (int i = 0; i < ACCEPT_BURST; i++) {
        struct sockaddr_storage address = {0};
        socklen_t length = sizeof address;
        int descriptor = accept4(listener->descriptor, (struct sockaddr *)&address, &length,
                                 SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (descriptor >= 0) {
            say_change(acceptor, &acceptor->exhausted, false, "", "accepting again");
            admit(acceptor, descriptor, &address, listener->tls);
            continue;
        }
        switch (errno) {
        case EAGAIN:
            return true;
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM: {
            g_autofree char *begun =
                g_strdup_printf("cannot accept: %s; raise the limit on open files (ulimit -n) or "
                                "lower max_connections",
                                g_strerror(errno));

            say_change(acceptor, &acceptor->exhausted, true, begun, "");
            return false;
        }
        default:
            break; /* this one connection has failed before it was accepted: accept(2), "Error
                      handling" */
        }
    }
    return true;
}

/* Accepts what still waits to be, unless another will: whoever has connected is served, or told
 * that it is over, and not reset. Bounded, since others may go on to connect. */
static void accept_last(Acceptor *acceptor)
{
    for (unsigned i = 0; i < acceptor->listeners->len; i++) {
        const Listener *listener = &g_array_index(acceptor->listeners, Listener, i);

        for (int burst = 0; burst < LAST_BURSTS && !listener->handed; burst++)
            if (!accept_burst(acceptor, listener))
                return;
    }
}

static void acceptor_main(void *argument)
{
    Acceptor *acceptor = argument;
    int64_t sweep_at = monotonic_ms() + SWEEP_EVERY_MS;
    bool pacing = false;

    while (!atomic_load(&acceptor->stop)) {
        struct pollfd *polled = (struct pollfd *)(void *)acceptor->polled->data;
        int64_t wait = MAX(0, sweep_at - monotonic_ms());
        /* While it is pacing only the wake-up is watched. */
        int ready = poll(polled, pacing ? 1 : acceptor->polled->len,
                         (int)(pacing ? MIN(wait, PACE_MS) : wait));

        g_assert(ready >= 0 || errno == EINTR || errno == ENOMEM);
        if (atomic_load(&acceptor->closing) && acceptor->polled->len > 1) {
            accept_last(acceptor);
            close_listeners(acceptor);
            mutex_lock(&acceptor->lock);
            acceptor->closed = true;
            condition_signal(&acceptor->closed_now);
            mutex_unlock(&acceptor->lock);
            (void)eventfd_read(acceptor->wake, &(eventfd_t){0});
        }
        bool exhausted = false;
        for (unsigned i = 1; i < acceptor->polled->len; i++)
            if ((pacing && polled[i].fd >= 0) || (ready > 0 && polled[i].revents != 0))
                exhausted |=
                    !accept_burst(acceptor, &g_array_index(acceptor->listeners, Listener, i - 1));
        pacing = exhausted;

        int64_t now = monotonic_ms();
        if (now >= sweep_at) {
            acceptor->sweep.run(acceptor->sweep.self, now);
            sweep_at = now + SWEEP_EVERY_MS;
        }
    }
}

const GArray *acceptor_listeners(const Acceptor *acceptor)
{
    return acceptor->listeners;
}

bool acceptor_start(Acceptor *acceptor, GError **error)
{
    acceptor->started = thread_start(&acceptor->thread, "acceptor", acceptor_main, acceptor, error);
    return acceptor->started;
}

static void wake(Acceptor *acceptor)
{
    int failed = eventfd_write(acceptor->wake, 1);

    g_assert(failed == 0);
}

void acceptor_stop_listening(Acceptor *acceptor)
{
    atomic_store(&acceptor->closing, true);
    wake(acceptor);
    mutex_lock(&acceptor->lock);
    while (!acceptor->closed)
        condition_wait(&acceptor->closed_now, &acceptor->lock);
    mutex_unlock(&acceptor->lock);
}

void acceptor_free(Acceptor *acceptor)
{
    if (acceptor == NULL)
        return;
    if (acceptor->started) {
        atomic_store(&acceptor->stop, true);
        wake(acceptor);
        thread_join(acceptor->thread);
    }
    close_listeners(acceptor);
    if (acceptor->wake >= 0)
        close(acceptor->wake);
    g_clear_pointer(&acceptor->listeners, g_array_unref);
    g_array_unref(acceptor->polled);
    pthread_cond_destroy(&acceptor->closed_now);
    pthread_mutex_destroy(&acceptor->lock);
    g_free(acceptor);
}
