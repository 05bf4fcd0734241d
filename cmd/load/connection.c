/* SPDX-License-Identifier: MIT */
#include "cmd/load/connection.h"

#include "cmd/load/socket.h"

#include <errno.h>
#include <sys/epoll.h>

#define BUFFER_LEAST 4096

void connection_init(Connection *c, const GPtrArray *targets, unsigned index, unsigned capacity)
{
    *c = (Connection){
        .stream.descriptor = -1,
        .target = targets->pdata[index],
        .target_index = index,
        .capacity = capacity,
        .requests = g_new0(Request, capacity),
    };
}

void connection_clear(Connection *c)
{
    stream_close(&c->stream);
    g_free(c->requests);
    g_free(c->partial.bytes);
    g_free(c->unsent.bytes);
}

bool connection_open(Connection *c, const GPtrArray *targets, unsigned tries, Tls *tls,
                     int64_t timeout_ns, GError **error)
{
    for (; tries > 0; tries--) {
        g_clear_error(error);
        c->stream = socket_open(c->target, tls, timeout_ns, error);
        if (c->stream.descriptor >= 0)
            return true;
        connection_turn(c, targets);
    }
    return false;
}

static bool control(Connection *c, int epoll, int operation)
{
    struct epoll_event event = {
        .events = EPOLLIN | (c->awaits_output ? EPOLLOUT : 0),
        .data.ptr = c,
    };

    return epoll_ctl(epoll, operation, c->stream.descriptor, &event) == 0;
}

bool connection_watch(Connection *c, int epoll)
{
    return control(c, epoll, EPOLL_CTL_ADD);
}

void connection_await_output(Connection *c, int epoll, bool awaits)
{
    if (c->awaits_output == awaits)
        return;
    c->awaits_output = awaits;
    bool watched = control(c, epoll, EPOLL_CTL_MOD);
    g_assert(watched); /* it was before */
}

bool connection_begin(Connection *c, int epoll)
{
    c->stream.descriptor = socket_begin(c->target);
    if (c->stream.descriptor < 0)
        return false;
    c->is_connecting = true;
    c->awaits_output = true;
    if (connection_watch(c, epoll))
        return true;
    int failed = errno;
    connection_close(c);
    errno = failed;
    return false;
}

Handshake connection_go_on(Connection *c, Tls *tls, const char **ret_why)
{
    if (c->stream.tls == NULL) {
        int failed = socket_error(c->stream.descriptor);

        if (failed == 0 && c->target->tls && !stream_connect_tls(&c->stream, tls))
            failed = ENOMEM;
        if (failed != 0) {
            *ret_why = g_strerror(failed);
            return HANDSHAKE_FAILED;
        }
    }
    Handshake outcome = stream_shake_hands(&c->stream);
    if (outcome == HANDSHAKE_FAILED)
        *ret_why = stream_problem(&c->stream);
    c->is_connecting = outcome != HANDSHAKE_DONE;
    return outcome;
}

void connection_close(Connection *c)
{
    stream_close(&c->stream);
    c->is_connecting = false;
    c->awaits_output = false;
    c->is_proven = false;
    c->partial.length = 0;
    c->unsent.length = 0;
}

void connection_turn(Connection *c, const GPtrArray *targets)
{
    c->target_index = c->target_index + 1 == targets->len ? 0 : c->target_index + 1;
    c->target = targets->pdata[c->target_index];
}

static Request *slot(const Connection *c, unsigned i)
{
    unsigned at = c->head + i;

    return &c->requests[at < c->capacity ? at : at - c->capacity];
}

const Request *connection_nth(const Connection *c, unsigned i)
{
    return slot(c, i);
}

bool connection_has_room(const Connection *c)
{
    return c->stream.descriptor >= 0 && !c->is_connecting && c->unsent.length == 0 &&
           c->count < c->capacity;
}

Request *connection_push(Connection *c)
{
    g_assert(c->count < c->capacity);
    return slot(c, c->count++);
}

void connection_pop(Connection *c)
{
    c->count--;
    /* An empty ring begins anew, so that only as much of it is touched as is needed at once. */
    c->head = c->count == 0 || c->head + 1 == c->capacity ? 0 : c->head + 1;
}

void buffer_set(Buffer *buffer, Slice bytes)
{
    if (bytes.length > buffer->size) {
        size_t size = MAX(buffer->size, BUFFER_LEAST);

        while (size < bytes.length)
            size *= 2;
        /* @bytes are of another buffer: they would fit their own. */
        buffer->bytes = g_realloc(buffer->bytes, size);
        buffer->size = size;
    }
    if (bytes.length > 0)
        memmove(buffer->bytes, bytes.data, bytes.length);
    buffer->length = bytes.length;
}

bool connection_send(Connection *c, Slice bytes)
{
    ssize_t n = 0;

    /* TLS takes a record at a time. */
    while (bytes.length > 0 && (n >= 0 || errno == EINTR)) {
        n = stream_send(&c->stream, bytes.data, bytes.length);
        bytes.data += MAX(n, 0);
        bytes.length -= (size_t)MAX(n, 0);
        if (c->stream.tls == NULL && n >= 0)
            break;
    }
    if (n < 0 && errno != EAGAIN)
        return false;
    buffer_set(&c->unsent, bytes);
    return true;
}

bool connection_send_rest(Connection *c)
{
    return connection_send(c, (Slice){.data = c->unsent.bytes, .length = c->unsent.length});
}
