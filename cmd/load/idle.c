/* SPDX-License-Identifier: MIT */
#include "cmd/load/idle.h"

#include "cmd/load/clock.h"
#include "cmd/load/socket.h"

struct Idle {
    unsigned count; /* of those that are open */
    Stream streams[];
};

void idle_free(Idle *idle)
{
    if (idle == NULL)
        return;
    for (unsigned i = 0; i < idle->count; i++)
        stream_close(&idle->streams[i]);
    g_free(idle);
}

/* One report, and its reply. FALSE with @error set. */
static bool report_once(const Settings *settings, Stream *stream, GError **error)
{
    int64_t deadline = now_ns() + settings->timeout_ns;
    char bytes[REQUEST_MAX];
    Report report = {0};
    Reply reply = {.state = REPLY_PARTIAL};

    population_write_other(settings->prefix, "idle", clock_ns(CLOCK_REALTIME), &report);
    size_t length = settings->protocol->format(bytes, REQUEST_IAMAT, &report, SLICE(""));
    if (!socket_send_all(stream, (Slice){.data = bytes, .length = length}, deadline, error))
        return false;
    length = 0;
    while (reply.state == REPLY_PARTIAL && length < sizeof bytes) {
        size_t n = socket_receive(stream, bytes + length, sizeof bytes - length, deadline, error);

        if (n == 0)
            return false;
        length += n;
        reply = settings->protocol->take((Slice){.data = bytes, .length = length}, REQUEST_IAMAT,
                                         &report);
    }
    if (reply.state != REPLY_RIGHT)
        g_set_error(error, LOAD_ERROR, LOAD_ERROR_REPLY, "wrong reply: %s",
                    reply.state == REPLY_WRONG ? reply.why : "too long");
    return reply.state == REPLY_RIGHT;
}

Idle *idle_open(const Settings *settings, GError **error)
{
    const GPtrArray *targets = settings->targets;
    g_autoptr(Idle) idle = g_malloc(sizeof *idle + settings->idle * sizeof *idle->streams);

    for (idle->count = 0; idle->count < settings->idle;) {
        const Endpoint *target = targets->pdata[idle->count % targets->len];
        Stream *stream = &idle->streams[idle->count];

        *stream = socket_open(target, settings->tls, settings->timeout_ns, error);
        if (stream->descriptor < 0)
            return NULL;
        idle->count++;
        if (!report_once(settings, stream, error)) {
            g_prefix_error(error, "idle connection %u, to %s: ", idle->count, target->text);
            return NULL;
        }
    }
    return g_steal_pointer(&idle);
}

void idle_check(Idle *idle, Outcome *outcome)
{
    for (unsigned i = 0; i < idle->count; i++)
        if (socket_is_disturbed(&idle->streams[i]))
            outcome_add_errors(outcome, ERROR_LOST_CONNECTION, 1,
                               "idle connection %u did not stay open and silent", i + 1);
}
