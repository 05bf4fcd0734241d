/* SPDX-License-Identifier: MIT */
#include "cmd/load/connection.h"

#include "cmd/load/socket.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_LEAST 4096

void connection_init(Connection *c, const GPtrArray *targets, unsigned index, unsigned capacity)
{
    *c = (Connection){
        .descriptor = -1,
        .target = targets->pdata[index],
        .target_index = index,
        .capacity = capacity,
        .requests = g_new0(Request, capacity),
    };
}

void connection_clear(Connection *c)
{
    if (c->descriptor >= 0)
        close(c->descriptor);
    g_free(c->requests);
    g_free(c->partial.bytes);
    g_free(c->unsent.bytes);
}

bool connection_open(Connection *c, const GPtrArray *targets, unsigned tries, int64_t timeout_ns,
                     GError **error)
{
    for (; tries > 0; tries--) {
        g_clear_error(error);
        c->descriptor = socket_open(c->target, timeout_ns, error);
        if (c->descriptor >= 0)
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

    return epoll_ctl(epoll, operation, c->descriptor, &event) == 0;
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
    c->descriptor = socket_begin(c->target);
    if (c->descriptor < 0)
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

void connection_close(Connection *c)
{
    close(c->descriptor);
    c->descriptor = -1;
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
    return c->descriptor >= 0 && !c->is_connecting && c->unsent.length == 0 &&
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
    ssize_t n;

    do {
        n = send(c->descriptor, bytes.data, bytes.length, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno != EAGAIN)
        return false;
    size_t sent = n < 0 ? 0 : (size_t)n;
    buffer_set(&c->unsent, (Slice){.data = bytes.data + sent, .length = bytes.length - sent});
    return true;
}

bool connection_send_rest(Connection *c)
{
    return connection_send(c, (Slice){.data = c->unsent.bytes, .length = c->unsent.length});
}
