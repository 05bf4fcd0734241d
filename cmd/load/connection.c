/* SPDX-License-Identifier: MIT */
#include "cmd/load/connection.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_LEAST 4096

void connection_init(Connection *c, const Endpoint *target, unsigned capacity)
{
    *c = (Connection){
        .descriptor = -1,
        .target = target,
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

Request *connection_push(Connection *c)
{
    unsigned tail = c->head + c->count;

    g_assert(c->count < c->capacity);
    c->count++;
    return &c->requests[tail < c->capacity ? tail : tail - c->capacity];
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
