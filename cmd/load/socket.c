/* SPDX-License-Identifier: MIT */
#include "cmd/load/socket.h"

#include "cmd/load/clock.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

GQuark load_error_quark(void)
{
    return g_quark_from_static_string("load-error-quark");
}

int socket_begin(const Endpoint *target)
{
    int descriptor =
        socket(target->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;

    if (descriptor < 0)
        return -1;
    if (setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
        (connect(descriptor, (const struct sockaddr *)&target->address, target->length) == 0 ||
         errno == EINPROGRESS))
        return descriptor;
    int failed = errno;
    close(descriptor);
    errno = failed;
    return -1;
}

int socket_error(int descriptor)
{
    int failed = 0;
    socklen_t length = sizeof failed;

    return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failed, &length) == 0 ? failed : errno;
}

/* FALSE: not ready at @deadline. */
static bool wait_for(int descriptor, short events, int64_t deadline)
{
    struct pollfd entry = {.fd = descriptor, .events = events};
    int ready;

    do {
        struct timespec left = timespec_of(deadline - now_ns());

        ready = ppoll(&entry, 1, &left, NULL);
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}

int socket_open(const Endpoint *target, int64_t timeout_ns, GError **error)
{
    int descriptor = socket_begin(target);
    int failed = errno;

    if (descriptor >= 0) {
        failed = wait_for(descriptor, POLLOUT, now_ns() + timeout_ns) ? socket_error(descriptor)
                                                                      : ETIMEDOUT;
        if (failed == 0)
            return descriptor;
        close(descriptor);
    }
    g_set_error(error, LOAD_ERROR, LOAD_ERROR_CONNECT, "cannot connect to %s: %s", target->text,
                g_strerror(failed));
    return -1;
}

/* After a call that failed: whether it was because the socket was not ready, and it is now. errno
 * stays what it was. */
static bool is_ready(int descriptor, short events, int64_t deadline)
{
    int failed = errno;
    bool ready = failed == EAGAIN && wait_for(descriptor, events, deadline);

    errno = failed;
    return ready;
}

/* What errno says; @late if it is that the time is up. */
static void set_error(GError **error, const char *late)
{
    if (errno == EAGAIN)
        g_set_error_literal(error, LOAD_ERROR, LOAD_ERROR_TIMEOUT, late);
    else
        g_set_error_literal(error, LOAD_ERROR, LOAD_ERROR_CONNECT, g_strerror(errno));
}

bool socket_send_all(int descriptor, Slice bytes, int64_t deadline, GError **error)
{
    while (bytes.length > 0) {
        ssize_t n = send(descriptor, bytes.data, bytes.length, MSG_NOSIGNAL);

        if (n >= 0) {
            bytes.data += n;
            bytes.length -= (size_t)n;
        } else if (errno != EINTR && !is_ready(descriptor, POLLOUT, deadline)) {
            set_error(error, "a request was not taken in time");
            return false;
        }
    }
    return true;
}

size_t socket_receive(int descriptor, char *bytes, size_t size, int64_t deadline, GError **error)
{
    for (;;) {
        ssize_t n = recv(descriptor, bytes, size, 0);

        if (n > 0)
            return (size_t)n;
        if (n == 0) {
            g_set_error(error, LOAD_ERROR, LOAD_ERROR_CONNECT, "closed by the server");
            return 0;
        }
        if (errno == EINTR || is_ready(descriptor, POLLIN, deadline))
            continue;
        set_error(error, "no reply in time");
        return 0;
    }
}

bool socket_is_disturbed(int descriptor)
{
    char byte;

    return recv(descriptor, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}
