/* SPDX-License-Identifier: MIT */
#include "net/worker-io.h"

#include "core/durations.h"
#include "core/thread.h"
#include "net/farewell.h"

#include <errno.h>

void worker_load_input(Worker *worker, Connection *connection)
{
    worker->begin = 0;
    worker->end = connection_take_input(connection, worker->input);
}

void worker_keep_input(Worker *worker, Connection *connection)
{
    connection->input = kept_new(
        (Slice){.data = worker->input + worker->begin, .length = worker->end - worker->begin});
}

void worker_flood_updates(Worker *worker)
{
    GArray *updates = worker->turn.updates;

    if (updates->len == 0)
        return;
    flood_push(worker->session.flood, (const FloodUpdate *)(void *)updates->data, updates->len);
    g_array_set_size(updates, 0);
}

bool worker_send_output(Worker *worker, Connection *connection)
{
    Turn *turn = &worker->turn;
    size_t sent = 0;

    worker_flood_updates(worker);
    while (sent < turn->output->len) {
        ssize_t n =
            stream_send(&connection->stream, turn->output->str + sent, turn->output->len - sent);

        if (n >= 0)
            sent += (size_t)n;
        else if (errno == EAGAIN)
            break;
        else if (errno != EINTR)
            return false;
    }
    connection->output =
        kept_new((Slice){.data = turn->output->str + sent, .length = turn->output->len - sent});
    g_string_truncate(turn->output, 0);
    /* The one look at the clock of a turn that waits for its socket next. What the client does not
     * take is its own time. */
    worker->now = monotonic_ns();
    if (worker->answered > 0 && connection->neighbour == CONNECTION_CLIENT &&
        !connection->is_foreign)
        durations_add(DURATION_REQUEST, worker->now - connection->heard, worker->answered);
    worker->answered = 0;
    return true;
}

bool worker_send_kept(Worker *worker, Connection *connection)
{
    Kept *kept = g_steal_pointer(&connection->output);

    if (kept == NULL)
        return true;
    ready_set_writing(connection);
    g_string_append_len(worker->turn.output, kept->bytes, (gssize)kept->length);
    g_free(kept);
    return worker_send_output(worker, connection);
}

/* Reads what is left when the member stops, up to the room in the input. FALSE: the peer is gone.
 */
static bool receive_rest(Worker *worker, Connection *connection)
{
    size_t room = INPUT_SIZE - worker->end, received;

    if (!farewell_receive(connection, worker->input + worker->end, room, &received))
        return false;
    worker->end += received;
    connection->received = timestamp_now();
    connection->heard = worker->taken;
    if (!connection->end_of_input)
        ready_set_has_read(connection, received, room);
    return true;
}

bool worker_receive(Worker *worker, Connection *connection)
{
    size_t begin = worker->end;
    bool more = true;

    if (atomic_load_explicit(&connection->ending, memory_order_relaxed) && !connection->lingering)
        return receive_rest(worker, connection);
    while (more && worker->end < INPUT_SIZE) {
        size_t room = INPUT_SIZE - worker->end;

        ready_set_reading(connection);
        ssize_t n = stream_receive(&connection->stream, worker->input + worker->end, room);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            ready_set_has_not_read(connection);
            break;
        }
        if (n < 0 && worker->end == begin)
            return false;
        if (n <= 0) {
            /* What a peer said before it was gone is executed, but for half a line. */
            connection->end_of_input = true;
            connection->truncated = n < 0 || atomic_load(&connection->cut);
            break;
        }
        worker->end += (size_t)n;
        more = ready_set_has_read(connection, (size_t)n, room);
    }
    connection->received = timestamp_now();
    connection->heard = worker->taken;
    return true;
}
