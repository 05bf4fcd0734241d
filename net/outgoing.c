/* SPDX-License-Identifier: MIT */
#include "net/outgoing.h"

#include <glib.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>

struct Outgoing {
    size_t begin; /* of what is not sent yet */
    size_t end;
    uint64_t sent;  /* bytes that the stream has taken */
    uint64_t acked; /* of them, taken by the other side when we last looked */
    /* What is not sent up to the mark has been there since `since`, what lies behind it since
     * `later`; a mark is passed once `sent` is there. In monotonic_ms(), INT64_MAX: nothing waits.
     */
    uint64_t mark;
    int64_t since;
    int64_t later;
    char bytes[OUTGOING_SIZE];
};

Outgoing *outgoing_new(void)
{
    Outgoing *outgoing = g_new0(Outgoing, 1);

    outgoing->since = INT64_MAX;
    return outgoing;
}

void outgoing_free(Outgoing *outgoing)
{
    g_free(outgoing);
}

void outgoing_reset(Outgoing *outgoing)
{
    outgoing->begin = outgoing->end = 0;
    outgoing->sent = outgoing->acked = 0;
    outgoing->since = INT64_MAX;
}

bool outgoing_is_empty(const Outgoing *outgoing)
{
    return outgoing->begin == outgoing->end;
}

char *outgoing_room(Outgoing *outgoing, size_t *ret_size)
{
    if (outgoing->begin == outgoing->end)
        outgoing->begin = outgoing->end = 0;
    *ret_size = OUTGOING_SIZE - outgoing->end;
    return outgoing->bytes + outgoing->end;
}

void outgoing_added(Outgoing *outgoing, size_t length)
{
    g_assert(length <= OUTGOING_SIZE - outgoing->end);
    outgoing->end += length;
}

bool outgoing_append(Outgoing *outgoing, Slice bytes)
{
    size_t size;
    char *room = outgoing_room(outgoing, &size);

    if (bytes.length > size)
        return false;
    memcpy(room, bytes.data, bytes.length);
    outgoing_added(outgoing, bytes.length);
    return true;
}

ssize_t outgoing_send(Outgoing *outgoing, Stream *stream)
{
    ssize_t n =
        stream_send(stream, outgoing->bytes + outgoing->begin, outgoing->end - outgoing->begin);

    if (n > 0) {
        outgoing->begin += (size_t)n;
        outgoing->sent += (uint64_t)n;
    }
    return n;
}

void outgoing_tick(Outgoing *outgoing, int64_t now_ms)
{
    bool is_new = outgoing->since == INT64_MAX;

    if (outgoing_is_empty(outgoing)) {
        outgoing->since = INT64_MAX;
    } else if (is_new || outgoing->sent >= outgoing->mark) {
        outgoing->since = is_new ? now_ms : outgoing->later;
        outgoing->later = now_ms;
        outgoing->mark = outgoing->sent + (outgoing->end - outgoing->begin);
    }
}

int64_t outgoing_oldest(const Outgoing *outgoing)
{
    return outgoing_is_empty(outgoing) ? INT64_MAX : outgoing->since;
}

/* Bytes that the socket has taken, those of TLS too. */
static uint64_t taken(const Outgoing *outgoing, const Stream *stream)
{
    return stream->tls != NULL ? stream_bytes_taken(stream) : outgoing->sent;
}

uint64_t outgoing_acked(const Outgoing *outgoing, const Stream *stream)
{
    int unacked = 0;

    return ioctl(stream->descriptor, SIOCOUTQ, &unacked) == 0
               ? taken(outgoing, stream) - (uint64_t)unacked
               : 0;
}

bool outgoing_is_moving(Outgoing *outgoing, const Stream *stream)
{
    uint64_t acked = outgoing_acked(outgoing, stream);
    bool moving = acked < taken(outgoing, stream) && acked > outgoing->acked;

    outgoing->acked = acked;
    return moving;
}
