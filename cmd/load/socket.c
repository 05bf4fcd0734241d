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

/* After an EAGAIN: whether the socket is ready for what @stream waits for, as it is or because of
 * TLS, before @deadline. errno stays what it was. */
static bool is_ready(const Stream *stream, bool sending, int64_t deadline)
{
    int failed = errno;
    bool output = stream_awaits_output(stream, sending);
    bool ready =
        failed == EAGAIN && wait_for(stream->descriptor, output ? POLLOUT : POLLIN, deadline);

    errno = failed;
    return ready;
}

/* FALSE with @error set. */
static bool shake_hands(Stream *stream, const Endpoint *target, int64_t deadline, GError **error)
{
    Handshake outcome;

    do
        outcome = stream_shake_hands(stream);
    while (outcome == HANDSHAKE_WAITS && is_ready(stream, false, deadline));
    if (outcome != HANDSHAKE_DONE)
        g_set_error(error, LOAD_ERROR, LOAD_ERROR_CONNECT, "TLS handshake with %s: %s",
                    target->text,
                    outcome == HANDSHAKE_WAITS ? "not in time" : stream_problem(stream));
    return outcome == HANDSHAKE_DONE;
}

Stream socket_open(const Endpoint *target, Tls *tls, int64_t timeout_ns, GError **error)
{
    int64_t deadline = now_ns() + timeout_ns;
    Stream stream = {.descriptor = socket_begin(target)};
    int failed = errno;

    if (stream.descriptor >= 0) {
        failed = wait_for(stream.descriptor, POLLOUT, deadline) ? socket_error(stream.descriptor)
                                                                : ETIMEDOUT;
        if (failed == 0 && !target->tls)
            return stream;
        if (failed == 0 && !stream_connect_tls(&stream, tls))
            failed = ENOMEM;
        if (failed == 0 && shake_hands(&stream, target, deadline, error))
            return stream;
        stream_close(&stream);
    }
    if (failed != 0)
        g_set_error(error, LOAD_ERROR, LOAD_ERROR_CONNECT, "cannot connect to %s: %s", target->text,
                    g_strerror(failed));
    return stream;
}

/* What @stream says is wrong; @late if it is that the time is up. */
static void set_error(const Stream *stream, GError **error, const char *late)
{
    if (errno == EAGAIN)
        g_set_error_literal(error, LOAD_ERROR, LOAD_ERROR_TIMEOUT, late);
    else
        g_set_error_literal(error, LOAD_ERROR, LOAD_ERROR_CONNECT, stream_problem(stream));
}

bool socket_send_all(Stream *stream, Slice bytes, int64_t deadline, GError **error)
{
    while (bytes.length > 0) {
        ssize_t n = stream_send(stream, bytes.data, bytes.length);

        if (n >= 0) {
            bytes.data += n;
            bytes.length -= (size_t)n;
        } else if (errno != EINTR && !is_ready(stream, true, deadline)) {
            set_error(stream, error, "a request was not taken in time");
            return false;
        }
    }
    return true;
}

size_t socket_receive(Stream *stream, char *bytes, size_t size, int64_t deadline, GError **error)
{
    for (;;) {
        ssize_t n = stream_receive(stream, bytes, size);

        if (n > 0)
            return (size_t)n;
        if (n == 0) {
            g_set_error(error, LOAD_ERROR, LOAD_ERROR_CONNECT, "closed by the server");
            return 0;
        }
        if (errno == EINTR || is_ready(stream, false, deadline))
            continue;
        set_error(stream, error, "no reply in time");
        return 0;
    }
}

bool socket_is_disturbed(Stream *stream)
{
    char byte;

    return stream_receive(stream, &byte, 1) >= 0 || errno != EAGAIN;
}
