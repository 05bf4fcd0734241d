/* SPDX-License-Identifier: MIT */
#include "net/listeners.h"

#include "net/acceptor.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#define BACKLOG 4096

static void clear_handed(void *pointer)
{
    HandedSocket *handed = pointer;

    if (handed->descriptor >= 0)
        close(handed->descriptor);
    g_free(handed->name);
}

GArray *handed_sockets_new(void)
{
    GArray *sockets = g_array_new(FALSE, FALSE, sizeof(HandedSocket));

    g_array_set_clear_func(sockets, clear_handed);
    return sockets;
}

/* What every accepted connection is to have; it inherits it from the listening socket. None of
 * these is worth failing for. The kernel finds out about peers that have vanished, such as phones:
 * otherwise their connections would be there for ever. */
static void set_up_connections(int listener)
{
    static const struct {
        int level, option, value;
    } options[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1},   {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, 60}, {IPPROTO_TCP, TCP_KEEPINTVL, 10},
        {IPPROTO_TCP, TCP_KEEPCNT, 6},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(options); i++)
        (void)setsockopt(listener, options[i].level, options[i].option, &options[i].value,
                         sizeof options[i].value);
}

int listener_socket(const Endpoint *endpoint)
{
    int on = 1;
    int descriptor = socket(endpoint->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                            IPPROTO_TCP);

    if (descriptor < 0)
        return -1;
    if (setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        (endpoint->address.ss_family == AF_INET6 &&
         setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) ||
        bind(descriptor, (const struct sockaddr *)&endpoint->address, endpoint->length) != 0 ||
        listen(descriptor, BACKLOG) != 0) {
        int problem = errno;

        close(descriptor);
        errno = problem;
        return -1;
    }
    return descriptor;
}

static in_port_t port_of(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)address)->sin6_port
                                          : ((const struct sockaddr_in *)address)->sin_port;
}

/* Whether an IPv6 socket takes IPv4 connections too. */
static bool takes_both(int descriptor)
{
    int v6_only = 1;
    socklen_t length = sizeof v6_only;

    return getsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, &length) == 0 && !v6_only;
}

/* The address at which @descriptor listens for TCP connections. FALSE: at none. */
static bool find_address(int descriptor, struct sockaddr_storage *ret_address)
{
    int listening = 0, protocol = 0;
    socklen_t listening_length = sizeof listening, protocol_length = sizeof protocol;
    socklen_t length = sizeof *ret_address;

    *ret_address = (struct sockaddr_storage){0};
    return getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listening, &listening_length) == 0 &&
           getsockopt(descriptor, SOL_SOCKET, SO_PROTOCOL, &protocol, &protocol_length) == 0 &&
           listening && protocol == IPPROTO_TCP &&
           getsockname(descriptor, (struct sockaddr *)ret_address, &length) == 0;
}

/* Whether the socket @descriptor takes exactly the connections that are meant for @endpoint, or
 * these and IPv6's. One that takes more would open what the configuration has not. */
static bool is_at(int descriptor, const Endpoint *endpoint)
{
    struct sockaddr_storage address;

    if (!find_address(descriptor, &address) || port_of(&address) != port_of(&endpoint->address))
        return false;
    if (endpoint_same_host(endpoint, &address))
        return true;
    return address.ss_family == AF_INET6 &&
           IN6_IS_ADDR_UNSPECIFIED(&((struct sockaddr_in6 *)&address)->sin6_addr) &&
           endpoint->address.ss_family == AF_INET && endpoint_is_wildcard(endpoint) &&
           takes_both(descriptor);
}

/* Gives @listener the socket of @handed that is at @endpoint, or leaves it with none if another
 * listener has that one already. FALSE: there is none. */
static bool take_handed(Listener *listener, const Endpoint *endpoint, const GArray *listeners,
                        GArray *handed)
{
    for (unsigned i = 0; i < listeners->len; i++) {
        const Listener *other = &g_array_index(listeners, Listener, i);

        if (other->handed && other->descriptor >= 0 && is_at(other->descriptor, endpoint)) {
            listener->handed = true;
            return true;
        }
    }
    for (unsigned i = 0; handed != NULL && i < handed->len; i++) {
        HandedSocket *socket = &g_array_index(handed, HandedSocket, i);

        if (socket->descriptor >= 0 && is_at(socket->descriptor, endpoint)) {
            *listener = (Listener){.descriptor = socket->descriptor, .handed = true};
            socket->descriptor = -1;
            socket->used = true;
            return true;
        }
    }
    return false;
}

/* Whoever made it may have left it to block, or to programs that this one starts. */
static bool set_up_handed(int descriptor)
{
    int flags = fcntl(descriptor, F_GETFL);

    return flags >= 0 && fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0 &&
           fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0;
}

/* FALSE: errno says why not. */
static bool open_listener(Listener *listener, const Endpoint *endpoint, const GArray *listeners,
                          GArray *handed)
{
    *listener = (Listener){.descriptor = -1};
    if (!take_handed(listener, endpoint, listeners, handed))
        listener->descriptor = listener_socket(endpoint);
    else if (listener->descriptor < 0)
        return true;
    if (listener->descriptor < 0)
        return false;
    set_up_connections(listener->descriptor);
    return !listener->handed || set_up_handed(listener->descriptor);
}

/* Closes the sockets that are at no address of the member. */
static void close_strangers(GArray *handed, Log *log)
{
    for (unsigned i = 0; i < handed->len; i++) {
        HandedSocket *socket = &g_array_index(handed, HandedSocket, i);
        struct sockaddr_storage address;
        char text[ENDPOINT_TEXT_MAX] = "no address to listen on";

        if (socket->used)
            continue;
        if (find_address(socket->descriptor, &address))
            endpoint_format(&address, text);
        log_event(log, LOG_WARNING,
                  "closed the socket \"%s\" that was handed over: it is at %s, and listen does not "
                  "name that, or another one is there too",
                  socket->name, text);
        close(socket->descriptor);
        socket->descriptor = -1;
    }
}

GArray *listeners_open(const Member *self, GArray *handed, Log *log, GError **error)
{
    GArray *listeners = g_array_new(FALSE, FALSE, sizeof(Listener));

    for (unsigned i = 0; i < self->listen->len; i++) {
        const Endpoint *endpoint = self->listen->pdata[i];
        Listener listener;
        bool opened = open_listener(&listener, endpoint, listeners, handed);
        int problem = errno;

        listener.tls = endpoint->tls;
        g_array_append_val(listeners, listener);
        if (!opened) {
            g_set_error(error, HERD_ACCEPTOR_ERROR, HERD_ACCEPTOR_ERROR_LISTEN,
                        "%s cannot listen on %s: %s", self->name, endpoint->text,
                        g_strerror(problem));
            listeners_close(listeners);
            g_array_unref(listeners);
            return NULL;
        }
    }
    if (handed != NULL)
        close_strangers(handed, log);
    return listeners;
}

void listeners_close(GArray *listeners)
{
    for (unsigned i = 0; i < listeners->len; i++) {
        const Listener *listener = &g_array_index(listeners, Listener, i);

        if (listener->descriptor >= 0)
            close(listener->descriptor);
    }
    g_array_set_size(listeners, 0);
}
