/* SPDX-License-Identifier: MIT */
#include "net/worker-io.h"

#include "core/counters.h"
#include "core/durations.h"
#include "core/memory.h"
#include "core/thread.h"
#include "net/farewell.h"

#include <errno.h>

/* Bytes of input whose execution takes so long that others should not wait for its end. */
#define LONG_INPUT ((size_t)4 << 10)

/* Replies gathered before they are sent, give or take one; then the next connection has its turn.
 */
#define OUTPUT_HIGH ((size_t)32 << 10)

/* A line on a link: an AT of the longest IAMAT that any member may accept (config: max_line), and
 * its own fields. */
#define LINK_LINE_MAX ((size_t)32768 + 256)

#define LINK_BATCH 1024 /* updates gathered before they are flooded */
#define NS_PER_MS  1000000

typedef enum {
    NEXT_ARM,    /* wait for the socket */
    NEXT_RESUME, /* go on with what is in input, after others had their turn */
    NEXT_WAIT,   /* it belongs to the lookups now */
    NEXT_SLOW,   /* go on in a while: it says too much */
    NEXT_CLOSE,
} Next;

/* @seconds from now on, as a deadline: 0 is never. */
static int64_t after_s(const Worker *worker, unsigned seconds)
{
    return seconds == 0 ? 0 : worker->now / NS_PER_MS + (int64_t)seconds * 1000;
}

/* When @connection, a link that is about to wait for its socket, is to be closed. That it is a link
 * is counted here, where clients do not pay for the question. */
static int64_t link_deadline(const Worker *worker, Connection *connection)
{
    if (!connection->joined)
        connections_join(worker->context->connections, connection);
    /* It pings, or it is brief. */
    return after_s(worker, worker->session.config->limits.link_timeout_s);
}

/* When @connection, which is about to wait for its socket, is to be closed. @progress: it waits for
 * something else than before, so that its time begins anew; half a line does not gain time by
 * growing. */
static void set_deadline(const Worker *worker, Connection *connection, bool progress)
{
    const LimitOptions *limits = &worker->session.config->limits;
    int64_t old = atomic_load_explicit(&connection->deadline, memory_order_relaxed);
    int64_t deadline = 0;
    Awaits awaits = AWAITS_LINE;

    if (connection->lingering || connection->must_greet ||
        stream_is_shaking_hands(&connection->stream))
        return; /* linger() or the acceptor has set it, once and for all */
    if (connection->output != NULL) {
        deadline = progress ? after_s(worker, limits->write_timeout_s) : old;
        awaits = AWAITS_ROOM;
    } else if (connection->neighbour != CONNECTION_CLIENT) {
        deadline = link_deadline(worker, connection);
        awaits = AWAITS_LINK;
    } else if (connection->input != NULL) {
        /* It had none while it was made to wait: slow_down(). */
        deadline = progress || old == 0 ? after_s(worker, limits->line_timeout_s) : old;
        awaits = AWAITS_REST;
    } else if (connection->hello != NULL) {
        deadline = after_s(worker, limits->link_timeout_s);
        awaits = AWAITS_LINK;
    } else {
        deadline = after_s(worker, limits->idle_timeout_s);
    }
    connection->awaits = (uint8_t)awaits;
    atomic_store_explicit(&connection->deadline, deadline, memory_order_relaxed);
}

static void close_connection(Worker *worker, Connection *connection, const char *reason)
{
    static const struct {
        Counter counter;
        const char *reason;
    } expiries[] = {
        [AWAITS_LINE] = {COUNT_TIMEOUTS_IDLE, "timed out: it says nothing"},
        [AWAITS_REST] = {COUNT_TIMEOUTS_LINE, "timed out: it does not finish a line"},
        [AWAITS_ROOM] = {COUNT_TIMEOUTS_WRITE, "timed out: it takes no replies"},
        [AWAITS_LINK] = {COUNT_TIMEOUTS, "timed out"},
    };

    if (atomic_load(&connection->expired) && !connection->lingering) {
        reason = expiries[connection->awaits].reason;
        counters_add(expiries[connection->awaits].counter, 1);
    }
    if (!connection->never_opened)
        log_event(worker->session.log, LOG_INFO, "close %s %s", session_peer(connection), reason);
    if (connection->stream.tls != NULL)
        (void)stream_end(&connection->stream); /* as far as the socket takes it */
    connections_close(worker->context->connections, connection);
    worker->answered = 0; /* what it has not been sent */
}

/* Before what may take long: another worker looks after the other connections. */
static void let_watch(Worker *worker)
{
    if (worker->watching)
        active_set_unwatch(worker->context->active);
    worker->watching = false;
}

/* The connection's last bytes are sent. What the peer still says is thrown away until it ends too:
 * to close with input unread would reset the connection, and the peer could lose the end of our
 * reply. */
static Next linger(Worker *worker, Connection *connection)
{
    int64_t now = monotonic_ms();

    if (!connection->lingering) {
        connection->lingering = true;
        connection->linger_until = now + LINGER_MS;
    }
    atomic_store_explicit(&connection->deadline, farewell_deadline(connection, now),
                          memory_order_relaxed);
    if (!stream_end(&connection->stream))
        return NEXT_ARM;
    worker->begin = worker->end = 0;
    if (connection->end_of_input || !worker_receive(worker, connection) || connection->end_of_input)
        return NEXT_CLOSE;
    return NEXT_ARM;
}

/* Before the worker blocks: the others get the connections that it has taken and not begun, and its
 * place. */
static void begin_blocking(Worker *worker)
{
    while (worker->next < worker->count)
        ready_set_resume(worker->context->ready, worker->batch[worker->next++]);
    let_watch(worker);
    if (worker->active)
        active_set_leave(worker->context->active);
    worker->active = false;
}

/* Runs the lookup @flight for the WHATSAT that is being executed, and gives the answer to all who
 * wait for it. @asked: when it was wanted, in monotonic_ns(). */
static void run_lookup(Worker *worker, Connection *connection, const Record *record,
                       const PlacesQuery *query, Flight *flight, int64_t asked)
{
    const SessionContext *session = &worker->session;
    g_autoptr(GString) json = g_string_new(NULL);

    begin_blocking(worker);
    int64_t begin = monotonic_ns();
    durations_add(DURATION_LOOKUP_WAIT, begin - asked, 1);
    session->nearby.nearby(session->nearby.self, query, json);
    durations_add(DURATION_LOOKUP, monotonic_ns() - begin, 1);
    worker->active = active_set_try_join(worker->context->active);

    lookups_finish(worker->context->lookups, flight, json->str, json->len);
    session_places(session, connection, record, (Slice){.data = json->str, .length = json->len},
                   &worker->turn);
}

static void refuse_lookup(Worker *worker, Connection *connection, const Record *record,
                          const PlacesQuery *query)
{
    const SessionContext *session = &worker->session;
    g_autoptr(GString) json = g_string_new(NULL);

    session->nearby.refuse(session->nearby.self, query, json);
    session_places(session, connection, record, (Slice){.data = json->str, .length = json->len},
                   &worker->turn);
}

/* The next line of the input, without its LF or CR LF (PROTOCOL R1, R16). @ret_size: the bytes that
 * it takes in the input. FALSE: there is no complete one. */
static bool next_line(const Worker *worker, const Connection *connection, Slice *ret_line,
                      size_t *ret_size)
{
    const char *begin = worker->input + worker->begin;
    size_t length = worker->end - worker->begin;
    const char *end = length > 0 ? memchr(begin, '\n', length) : NULL;

    if (end == NULL) {
        /* PROTOCOL R1: what ends with a client's connection is a line too. What a neighbour left
         * unfinished, or we did, is not: half a time is another time. */
        *ret_line = (Slice){.data = begin, .length = length};
        *ret_size = length;
        return length > 0 && connection->end_of_input && !connection->truncated &&
               connection->neighbour == CONNECTION_CLIENT;
    }
    *ret_size = (size_t)(end - begin) + 1;
    *ret_line = (Slice){.data = begin, .length = (size_t)(end - begin)};
    if (ret_line->length > 0 && begin[ret_line->length - 1] == '\r')
        ret_line->length--;
    return true;
}

/* A WHATSAT that has waited for its lookup goes on: it is the first line of the input. Returns
 * whether it was this worker that ran the lookup. */
static bool end_wait(Worker *worker, Connection *connection)
{
    LookupWait *wait = g_steal_pointer(&connection->wait);
    bool runs = wait->turn == LOOKUP_RUN;
    Slice line;
    size_t size;
    bool complete = next_line(worker, connection, &line, &size);

    g_assert(complete);

    switch (wait->turn) {
    case LOOKUP_RUN:
        run_lookup(worker, connection, wait->record, &wait->query, wait->flight, wait->asked);
        break;
    case LOOKUP_ANSWERED:
        session_places(&worker->session, connection, wait->record,
                       (Slice){.data = wait->answer, .length = wait->answer_length}, &worker->turn);
        break;
    case LOOKUP_REFUSED:
        refuse_lookup(worker, connection, wait->record, &wait->query);
        break;
    case LOOKUP_WAIT:
        g_assert_not_reached(); /* it is resumed with another turn */
    }
    lookup_wait_free(wait);
    worker->begin += size;
    worker->answered++;
    return runs;
}

/* Sends what is gathered and asks for the lookup that the WHATSAT at worker->begin needs.
 * NEXT_RESUME: it is executed, its reply is in the output, the rest in the input. NEXT_ARM: the
 * connection has kept the WHATSAT until its peer takes what comes before. */
static Next enter_lookup(Worker *worker, Connection *connection)
{
    g_autoptr(Record) record = g_steal_pointer(&worker->turn.record);
    PlacesQuery query = worker->turn.query;
    Flight *flight = NULL;

    if (!worker_send_output(worker, connection))
        return NEXT_CLOSE;

    /* From lookups_enter() on another worker may have the connection, so it has to be complete
     * before. */
    worker_keep_input(worker, connection);
    connection->has_lines = true;
    connection->repeats = connection->output != NULL;
    if (connection->repeats)
        return NEXT_ARM;
    atomic_store_explicit(&connection->deadline, 0, memory_order_relaxed);

    switch (lookups_enter(worker->context->lookups, connection, record, &query, &flight)) {
    case LOOKUP_RUN:
        worker_load_input(worker, connection);
        run_lookup(worker, connection, record, &query, flight, worker->now);
        return NEXT_RESUME;
    case LOOKUP_REFUSED:
        worker_load_input(worker, connection);
        refuse_lookup(worker, connection, record, &query);
        return NEXT_RESUME;
    case LOOKUP_WAIT:
        return NEXT_WAIT;
    case LOOKUP_ANSWERED:
        break;
    }
    g_assert_not_reached();
}

/* Executes the lines of the input, as many as one turn allows. Afterwards the input holds what is
 * left of it. */
static Next execute_lines(Worker *worker, Connection *connection)
{
    const SessionContext *session = &worker->session;

    worker->turn.received = connection->received;
    for (;;) {
        size_t line_max = connection->neighbour == CONNECTION_CLIENT
                              ? session->config->limits.max_line
                              : LINK_LINE_MAX;
        Slice line;
        size_t size;
        bool complete = next_line(worker, connection, &line, &size);
        bool has_lf = size > 0 && worker->input[worker->begin + size - 1] == '\n';

        /* With its LF, also where the end of the input stands in its place: whether a line is too
         * long must not depend on when that is heard of. */
        if (size + !has_lf > line_max) {
            session_too_long(session, connection, line, &worker->turn);
            worker->answered++;
            connection->closing = true;
            return NEXT_ARM;
        }
        if (!complete)
            return NEXT_ARM;
        if (worker->turn.output->len >= OUTPUT_HIGH || worker->turn.updates->len >= LINK_BATCH)
            return NEXT_RESUME;
        bool paced = worker->paced && !connection->repeats;
        if (paced && !pace_has_line(&connection->pace))
            return NEXT_SLOW;
        if (paced)
            pace_take_line(&connection->pace);
        worker->turn.repeated = connection->repeats;
        connection->repeats = false;

        if (session_may_take_long(line))
            let_watch(worker);
        if (session_execute(session, connection, line, &worker->turn) == SESSION_LOOKUP) {
            if (connection->must_greet) {
                g_clear_pointer(&worker->turn.record, record_unref);
                return NEXT_CLOSE;
            }
            Next next = enter_lookup(worker, connection);

            /* One lookup a turn: others have waited for this worker too, and a member may want to
             * stop. */
            if (next == NEXT_RESUME) {
                worker->begin += size;
                worker->answered++;
            }
            return next;
        }
        worker->begin += size;
        worker->answered++;
        if (connection->closing)
            return NEXT_ARM;
        if (connection->must_greet && connection->neighbour == CONNECTION_CLIENT &&
            !connection->is_foreign && connection->hello == NULL)
            return NEXT_CLOSE;
        connection->must_greet = connection->must_greet && connection->hello != NULL;
    }
}

/* Whether @connection is a client's that may say only so many lines a second, and how many now. */
static void begin_pace(Worker *worker, Connection *connection)
{
    unsigned rate = worker->session.config->limits.max_lines_per_s;

    worker->paced =
        rate > 0 && connection->neighbour == CONNECTION_CLIENT && !connection->is_foreign;
    if (worker->paced)
        pace_refill(&connection->pace, rate, monotonic_ms());
}

/* All that @connection had to say is answered. */
static Next end(Worker *worker, Connection *connection)
{
    if (!farewell_is_due(connection))
        return NEXT_CLOSE;
    connection->closing = true;
    connection->end_of_input = false;
    return linger(worker, connection);
}

/* Begins a turn of a connection over TLS. NEXT_RESUME: hands are shaken, and the turn goes on. */
static Next begin_tls(Worker *worker, Connection *connection)
{
    ready_set_writing(connection); /* whatever it was that waited for that */
    if (stream_is_paused(&connection->stream))
        let_watch(worker); /* there is more of what has taken long */
    if (!stream_is_shaking_hands(&connection->stream))
        return NEXT_RESUME;
    let_watch(worker); /* a signature takes as long as a hundred IAMATs */
    ready_set_reading(connection);
    Handshake outcome = connection_shake_hands(connection, worker->session.log);
    if (outcome == HANDSHAKE_FAILED)
        return linger(worker, connection);
    if (outcome == HANDSHAKE_DONE)
        return NEXT_RESUME;
    ready_set_has_not_read(connection);
    return NEXT_ARM;
}

/* One turn of @connection, which the worker owns until it returns. */
static Next take_turn(Worker *worker, Connection *connection, bool *ret_progress)
{
    bool had_output = connection->output != NULL;
    size_t unsent = had_output ? connection->output->length : 0;
    bool had_lines = connection->has_lines || connection->wait != NULL;
    bool had_half_line = connection->input != NULL && !had_lines && !had_output;

    begin_pace(worker, connection);
    if (G_UNLIKELY(connection->stream.tls != NULL)) {
        Next next = begin_tls(worker, connection);

        if (next != NEXT_RESUME)
            return next;
    }
    if (!worker_send_kept(worker, connection))
        return NEXT_CLOSE;
    *ret_progress =
        had_output && (connection->output == NULL || connection->output->length < unsent);
    if (connection->output != NULL)
        return NEXT_ARM;
    if (connection->closing)
        return linger(worker, connection);

    if (worker->paced && connection->wait == NULL && !connection->repeats &&
        !pace_has_line(&connection->pace))
        return NEXT_SLOW;
    connection->has_lines = false;
    worker_load_input(worker, connection);
    bool has_blocked = false;
    if (connection->wait != NULL)
        has_blocked = end_wait(worker, connection);
    else if (!had_lines && !connection->end_of_input && !worker_receive(worker, connection))
        return NEXT_CLOSE;

    if (worker->end - worker->begin > LONG_INPUT)
        let_watch(worker);
    size_t before = worker->begin;
    Next next = has_blocked ? NEXT_RESUME : execute_lines(worker, connection);
    *ret_progress |= !had_half_line || worker->begin != before;
    if (next == NEXT_WAIT || next == NEXT_CLOSE || connection->output != NULL)
        return next; /* a lookup has kept the input, or there is nobody to keep it for */

    connection->has_lines = next == NEXT_RESUME || next == NEXT_SLOW;
    if (!connection->closing)
        worker_keep_input(worker, connection);
    if (!worker_send_output(worker, connection))
        return NEXT_CLOSE;
    if (connection->output != NULL) {
        *ret_progress |= !had_output;
        return NEXT_ARM;
    }
    if (next == NEXT_RESUME || next == NEXT_SLOW)
        return next;
    if (connection->closing)
        return linger(worker, connection);
    if (connection->end_of_input)
        return end(worker, connection);
    /* What it had kept is executed. Whether more has arrived its socket need not tell again. */
    return atomic_load_explicit(&connection->ending, memory_order_relaxed) ? NEXT_RESUME : NEXT_ARM;
}

/* It is not read any more for a while; what it says meanwhile waits with it. */
static void slow_down(Worker *worker, Connection *connection)
{
    if (!pace_wait(&connection->pace, monotonic_ms())) {
        counters_add(COUNT_LINES_TOO_FAST, 1);
        close_connection(worker, connection, "says more lines than max_lines_per_s");
        return;
    }
    counters_add(COUNT_LINES_SLOWED, 1);
    atomic_store_explicit(&connection->deadline, 0, memory_order_relaxed);
    ready_set_postpone(worker->context->ready, connection);
}

static void serve(Worker *worker, Connection *connection)
{
    /* By another configuration a wait may last for another time: it begins anew. */
    bool renewed = connection->config != worker->session.config;
    bool progress = false;

    if (renewed && !session_take_config(&worker->session, connection)) {
        close_connection(worker, connection, "is no neighbour any more");
        return;
    }
    switch (take_turn(worker, connection, &progress)) {
    case NEXT_ARM:
        if (connection->output != NULL && connection->neighbour == CONNECTION_CLIENT &&
            memory_is_short()) {
            counters_add(COUNT_MEMORY_REFUSED, 1);
            close_connection(worker, connection, "takes no replies, and memory is short");
            break;
        }
        if (worker->paced)
            pace_rest(&connection->pace);
        set_deadline(worker, connection, progress || renewed);
        ready_set_arm(worker->context->ready, connection);
        break;
    case NEXT_RESUME:
        ready_set_resume(worker->context->ready, connection);
        break;
    case NEXT_WAIT:
        break;
    case NEXT_SLOW:
        slow_down(worker, connection);
        break;
    case NEXT_CLOSE:
        close_connection(worker, connection,
                         connection->counted                              ? "was ended by the stop"
                         : connection->bad_tokens == SESSION_TOKENS_TRIED ? "sent wrong tokens"
                         : connection->closing      ? "sent a line that is too long"
                         : connection->end_of_input ? "ended"
                                                    : "is gone");
        break;
    }
    /* What a peer that is gone has said, and did not get. */
    worker_flood_updates(worker);
    g_string_truncate(worker->turn.output, 0);
}

/* A worker that may park keeps no room for output, and no rules that may be replaced meanwhile:
 * there may be a thousand of them. */
static void release(Worker *worker)
{
    g_clear_pointer(&worker->session.access, access_unref);
    g_string_free(worker->turn.output, TRUE);
    worker->turn.output = g_string_new(NULL);
}

void worker_main(void *argument)
{
    Worker worker = {.context = argument};

    worker.session = worker.context->session;
    worker.input = g_malloc(INPUT_SIZE);
    worker.turn.output = g_string_new(NULL);
    worker.turn.updates = g_array_new(FALSE, FALSE, sizeof(FloodUpdate));

    while (worker.watching || active_set_watch(worker.context->active, worker.active)) {
        worker.active = worker.watching = true;
        worker.next = 0;
        worker.count = ready_set_take(worker.context->ready, worker.batch, BATCH);
        if (worker.count == 0)
            break;
        worker.now = worker.taken = monotonic_ns();
        worker.session.config = config_current_get(worker.context->configs);
        trust_update_access(worker.session.trust, &worker.session.access);
        if (worker.count == BATCH)
            let_watch(&worker);
        while (worker.next < worker.count)
            serve(&worker, worker.batch[worker.next++]);
        if (!worker.watching)
            release(&worker);
    }

    access_unref(worker.session.access);
    g_array_unref(worker.turn.updates);
    g_string_free(worker.turn.output, TRUE);
    g_free(worker.input);
}
