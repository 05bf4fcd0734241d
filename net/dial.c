/* SPDX-License-Identifier: MIT */
#include "net/dial.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

#define UNSENT_MAX (128 << 10) /* bytes in the kernel that have not left yet */

static void set_option(int descriptor, int level, int option, int value)
{
    /* A connection without one of these works all the same, only finds a dead peer later. */
    (void)setsockopt(descriptor, level, option, &value, sizeof value);
}

void dial_set_timeout(int descriptor, int timeout_ms)
{
    set_option(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, timeout_ms);
}

static bool bind_address(int descriptor, const Endpoint *from, const Endpoint *to)
{
    struct sockaddr_storage address = from->address;

    if (address.ss_family != to->address.ss_family)
        return true;
    if (address.ss_family == AF_INET)
        ((struct sockaddr_in *)&address)->sin_port = 0;
    else
        ((struct sockaddr_in6 *)&address)->sin6_port = 0;
    set_option(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    return bind(descriptor, (struct sockaddr *)&address, from->length) == 0;
}

int dial(const Endpoint *from, const Endpoint *to, int timeout_ms)
{
    int descriptor =
        socket(to->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);

    if (descriptor < 0)
        return -1;
    set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
    dial_set_timeout(descriptor, timeout_ms);
    /* What the peer does not take yet is better kept with us, where news replaces what is old, than
     * in the kernel. */
    set_option(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_MAX);
    set_option(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, 1);
    set_option(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, 1);
    if (bind_address(descriptor, from, to) &&
        (connect(descriptor, (const struct sockaddr *)&to->address, to->length) == 0 ||
         errno == EINPROGRESS))
        return descriptor;

    int problem = errno;

    close(descriptor);
    errno = problem;
    return -1;
}

/* 0, or why it is not connected (errno). */
static int connect_problem(int descriptor)
{
    int problem = 0;
    socklen_t length = sizeof problem;

    if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &problem, &length) != 0)
        return errno;
    return problem;
}

static DialOutcome shake_hands(Stream *stream, const char *name, char **ret_why)
{
    switch (stream_shake_hands(stream)) {
    case HANDSHAKE_WAITS:
        return DIAL_WAITS;
    case HANDSHAKE_FAILED:
        *ret_why = g_strdup_printf("TLS handshake failed: %s", stream_problem(stream));
        return DIAL_FAILED;
    case HANDSHAKE_DONE:
        break;
    }
    if (name == NULL || stream_is_certified_as(stream, slice_of(name)))
        return DIAL_DONE;

    const char *other = stream_certificate_name(stream);
    *ret_why = g_strdup_printf("what answers at the neighbour's address has a certificate in the "
                               "name of %s",
                               other != NULL ? other : "nobody");
    return DIAL_FAILED;
}

DialOutcome dial_go_on(Stream *stream, const Endpoint *to, Tls *tls, const char *name,
                       char **ret_why)
{
    if (stream->tls == NULL) {
        int problem = connect_problem(stream->descriptor);

        if (problem != 0) {
            *ret_why = g_strdup(g_strerror(problem));
            return DIAL_FAILED;
        }
        if (!to->tls)
            return DIAL_DONE;
        if (!stream_connect_tls(stream, tls)) {
            *ret_why = g_strdup("OpenSSL has no memory");
            return DIAL_FAILED;
        }
    }
    return shake_hands(stream, name, ret_why);
}
