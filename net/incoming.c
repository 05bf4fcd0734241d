/* SPDX-License-Identifier: MIT */
#include "net/incoming.h"

#include <glib.h>
#include <string.h>

struct Incoming {
    size_t begin; /* of what is not read yet */
    size_t end;
    char bytes[INCOMING_SIZE];
};

Incoming *incoming_new(void)
{
    return g_new0(Incoming, 1);
}

void incoming_free(Incoming *incoming)
{
    g_free(incoming);
}

void incoming_reset(Incoming *incoming)
{
    incoming->begin = incoming->end = 0;
}

ssize_t incoming_receive(Incoming *incoming, Stream *stream)
{
    incoming->end -= incoming->begin;
    memmove(incoming->bytes, incoming->bytes + incoming->begin, incoming->end);
    incoming->begin = 0;

    ssize_t n =
        stream_receive(stream, incoming->bytes + incoming->end, INCOMING_SIZE - incoming->end);
    if (n > 0)
        incoming->end += (size_t)n;
    return n;
}

bool incoming_next_line(Incoming *incoming, Slice *ret_line)
{
    const char *begin = incoming->bytes + incoming->begin;
    const char *end = memchr(begin, '\n', incoming->end - incoming->begin);

    if (end == NULL)
        return false;
    *ret_line = (Slice){.data = begin, .length = (size_t)(end - begin)};
    incoming->begin += ret_line->length + 1;
    return true;
}

bool incoming_is_full(const Incoming *incoming)
{
    return incoming->end - incoming->begin == INCOMING_SIZE;
}
