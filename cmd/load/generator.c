/* SPDX-License-Identifier: MIT */
#include "cmd/load/generator.h"

#include "cmd/load/clock.h"
#include "cmd/load/connection.h"
#include "cmd/load/population.h"
#include "cmd/load/random.h"
#include "cmd/load/socket.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#define EVENTS_MAX        256
#define INPUT_SIZE        (2 * REPLY_MAX) /* a part of a reply, and what comes behind it */
#define CHECK_INTERVAL_NS (100 * NS_PER_MS)

typedef enum { PHASE_FILL, PHASE_CLOSED, PHASE_OPEN } Phase;

struct Generator {
    const Settings *settings;
    unsigned number;
    int epoll;
    Phase phase;
    Connection *connections; /* (owned) */
    unsigned connection_count;
    unsigned first_connection; /* its number among those of all generators */
    unsigned open_count;
    unsigned turn;          /* the connection that is next to get a request in the open loop */
    Population *population; /* (owned) */
    uint64_t random;
    int64_t wall_offset; /* CLOCK_REALTIME - now_ns() */
    unsigned weight;     /* of all kinds together */
    uint64_t under_way;  /* requests, on all connections */
    uint64_t unfilled;   /* clients of open connections that are not reported yet */
    uint64_t next;       /* open loop: the request that is next to be sent */
    uint64_t due_end;    /* and the first one that is not due yet */
    int64_t begin;       /* of the load; all of these now_ns() */
    int64_t measure_begin;
    int64_t measure_end;
    int64_t edge; /* the next one of the last two */
    int64_t cpu_begin;
    Outcome *outcome; /* (owned) */
    char *input;      /* (owned) */
    char *output;     /* (owned) */
};

/* The part of @total that is @number's of @parts; @ret_first is where it begins. */
static uint32_t share(uint32_t total, unsigned number, unsigned parts, uint32_t *ret_first)
{
    uint32_t first = (uint32_t)((uint64_t)total * number / parts);

    *ret_first = first;
    return (uint32_t)((uint64_t)total * (number + 1) / parts) - first;
}

static unsigned capacity_for(const Settings *settings)
{
    unsigned depth = settings->rate > 0 ? OPEN_DEPTH_MAX : settings->depth;

    return settings->fill ? MAX(depth, FILL_DEPTH) : depth;
}

Generator *generator_new(const Settings *settings, unsigned number)
{
    Generator *g = g_new0(Generator, 1);
    uint32_t first_client;
    unsigned capacity = capacity_for(settings);

    g->settings = settings;
    g->number = number;
    g->epoll = -1;
    g->connection_count =
        share(settings->connections, number, settings->threads, &g->first_connection);
    g->connections = g_new0(Connection, g->connection_count);
    /* The clients of its connections: a client's reports and questions all go over one of them, so
     * that what a reply has to say is certain. */
    uint32_t count = 0;
    for (unsigned i = 0; i < g->connection_count; i++) {
        Connection *c = &g->connections[i];
        unsigned of_all = g->first_connection + i;

        connection_init(c, settings->targets, of_all % settings->targets->len, capacity);
        c->client_count = share(settings->clients, of_all, settings->connections, &first_client);
        c->first_client = count;
        count += c->client_count;
    }
    share(settings->clients, g->first_connection, settings->connections, &first_client);
    g->population =
        population_new(settings->prefix, first_client + 1, count, settings->step, settings->seed);
    g->random = settings->seed * 1000003 + number;
    g->wall_offset = clock_ns(CLOCK_REALTIME) - now_ns();
    for (size_t i = 0; i < REQUEST_KINDS; i++)
        g->weight += settings->weights[i];
    g->outcome = outcome_new();
    g->input = g_malloc(INPUT_SIZE);
    g->output = g_malloc((size_t)capacity * REQUEST_MAX);
    return g;
}

void generator_free(Generator *generator)
{
    if (generator == NULL)
        return;
    for (unsigned i = 0; i < generator->connection_count; i++)
        connection_clear(&generator->connections[i]);
    if (generator->epoll >= 0)
        close(generator->epoll);
    population_free(generator->population);
    outcome_free(generator->outcome);
    g_free(generator->connections);
    g_free(generator->input);
    g_free(generator->output);
    g_free(generator);
}

Outcome *generator_outcome(Generator *generator)
{
    return generator->outcome;
}

bool generator_connect(Generator *generator, int64_t begin, GError **error)
{
    const Settings *settings = generator->settings;

    generator->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (generator->epoll < 0) {
        g_set_error(error, LOAD_ERROR, LOAD_ERROR_CONNECT, "epoll: %s", g_strerror(errno));
        return false;
    }
    for (unsigned i = 0; i < generator->connection_count; i++) {
        Connection *c = &generator->connections[i];

        if (settings->ramp_ns > 0)
            wait_until_ns(begin +
                          (int64_t)((double)settings->ramp_ns * (generator->first_connection + i) /
                                    settings->connections));
        if (!connection_open(c, settings->targets, settings->retry ? settings->targets->len : 1,
                             settings->tls, settings->timeout_ns, error))
            return false;
        if (!connection_watch(c, generator->epoll)) {
            g_set_error(error, LOAD_ERROR, LOAD_ERROR_CONNECT, "epoll: %s", g_strerror(errno));
            return false;
        }
        generator->open_count++;
    }
    return true;
}

static int64_t due(const Generator *g, uint64_t request)
{
    double index = (double)(request * g->settings->threads + g->number);

    return g->begin + (int64_t)(index * (double)NS_PER_S / g->settings->rate);
}

static bool is_measured(const Generator *g, int64_t moment)
{
    return moment >= g->measure_begin && moment < g->measure_end;
}

/* Gives up the oldest request of @c. */
static void drop_request(Generator *g, Connection *c)
{
    population_doubt(g->population, connection_oldest(c)->client);
    connection_pop(c);
    g->under_way--;
}

/* For good. */
static void close_connection(Generator *g, Connection *c)
{
    while (c->count > 0)
        drop_request(g, c);
    if (c->stream.descriptor >= 0)
        connection_close(c);
    c->down_since = 0;
    g->open_count--;
    if (g->phase == PHASE_FILL)
        g->unfilled -= c->client_count - c->filled;
}

/* --retry: @c goes on at the next server, with what is under way. At once if this one has served
 * it; else check_connections() tries, so that there is a pause between two that do not. */
static void move_on(Generator *g, Connection *c)
{
    bool at_once = c->is_proven;

    connection_close(c);
    if (c->down_since == 0)
        c->down_since = now_ns();
    connection_turn(c, g->settings->targets);
    if (at_once)
        (void)connection_begin(c, g->epoll); /* check_connections() sees that it has failed */
}

static void lose_connection(Generator *g, Connection *c, const char *why)
{
    if (g->settings->retry) {
        move_on(g, c);
        return;
    }
    outcome_add_errors(g->outcome, ERROR_LOST_CONNECTION, 1, "%s: %s, with %u requests under way",
                       c->target->text, why, c->count);
    close_connection(g, c);
}

/* A new request of @c, with what it says; the time of its start is the caller's. */
static Request *choose_request(Generator *g, Connection *c, int64_t now)
{
    Request *r = connection_push(c);

    r->sent = now;
    r->start = now;
    r->kind = REQUEST_IAMAT;
    if (g->phase == PHASE_FILL) {
        r->client = c->first_client + c->filled++;
        g->unfilled--;
    } else {
        r->client = c->first_client + random_below(&g->random, c->client_count);
        if (g->settings->weights[REQUEST_WHATSAT] > 0 &&
            random_below(&g->random, g->weight) >= g->settings->weights[REQUEST_IAMAT])
            r->kind = REQUEST_WHATSAT;
    }
    /* Of whom it is not known what the server knows, it is told. */
    if (r->kind == REQUEST_WHATSAT && population_last(g->population, r->client, &r->report))
        return r;
    r->kind = REQUEST_IAMAT;
    population_report(g->population, r->client, now + g->wall_offset, &r->report);
    return r;
}

static size_t format_request(const Generator *g, char *to, const Request *r)
{
    return g->settings->protocol->format(to, r->kind, &r->report, slice_of(g->settings->area));
}

static void flush(Generator *g, Connection *c, size_t length)
{
    if (!connection_send(c, (Slice){.data = g->output, .length = length}))
        lose_connection(g, c, stream_problem(&c->stream));
    else
        connection_await_output(c, g->epoll, c->unsent.length > 0);
}

/* Sends @count requests, for which there is room, in one go. In the open loop they are the next
 * ones that are due. */
static void send_requests(Generator *g, Connection *c, unsigned count)
{
    int64_t now = now_ns();
    size_t length = 0;

    g->under_way += count;
    while (count-- > 0) {
        Request *r = choose_request(g, c, now);

        if (g->phase == PHASE_OPEN)
            r->start = due(g, g->next++);
        g->outcome->sent += g->phase != PHASE_FILL && is_measured(g, r->start);
        length += format_request(g, g->output + length, r);
    }
    flush(g, c, length);
}

/* --reconnect: opens the connection for one request, which leaves once it is there. */
static void begin_exchange(Generator *g, Connection *c)
{
    int64_t now = now_ns();

    if (!connection_begin(c, g->epoll)) { /* check_connections() tries again */
        outcome_add_errors(g->outcome, ERROR_LOST_CONNECTION, 1, "cannot connect to %s: %s",
                           c->target->text, g_strerror(errno));
        return;
    }
    g->open_count++;
    g->under_way++;
    choose_request(g, c, now);
    g->outcome->sent += is_measured(g, now);
}

/* Sends what has waited for the connection, and with --retry been said before. */
static void finish_connecting(Generator *g, Connection *c)
{
    const char *why;
    size_t length = 0;

    switch (connection_go_on(c, g->settings->tls, &why)) {
    case HANDSHAKE_WAITS:
        connection_await_output(c, g->epoll, stream_awaits_output(&c->stream, false));
        return;
    case HANDSHAKE_FAILED:
        lose_connection(g, c, why);
        return;
    case HANDSHAKE_DONE:
        break;
    }
    if (g->settings->retry) {
        c->down_since = 0;
        g->outcome->reconnects++;
        g->outcome->repeated += c->count;
    }
    for (unsigned i = 0; i < c->count; i++)
        length += format_request(g, g->output + length, connection_nth(c, i));
    flush(g, c, length);
}

/* Sends what a connection is to send at once, now that it may. */
static void feed(Generator *g, Connection *c)
{
    const Settings *settings = g->settings;
    unsigned room;

    if (!connection_has_room(c) || g->phase == PHASE_OPEN)
        return;
    if (g->phase == PHASE_FILL)
        room = MIN(FILL_DEPTH - c->count, c->client_count - c->filled);
    else
        room = now_ns() < g->measure_end ? settings->depth - c->count : 0;
    if (room > 0)
        send_requests(g, c, room);
}

/* Open loop: sends what is due. Consecutive requests share a send when there are more of them than
 * connections. */
static void send_due(Generator *g, int64_t now)
{
    int64_t until = MIN(now + 1, g->measure_end);

    while (due(g, g->due_end) < until)
        g->due_end++;
    for (unsigned tried = 0; g->next < g->due_end && tried < g->connection_count; tried++) {
        Connection *c = &g->connections[g->turn];
        uint64_t waiting = g->due_end - g->next;
        uint64_t fair = (waiting + g->open_count - 1) / MAX(g->open_count, 1);

        g->turn = g->turn + 1 == g->connection_count ? 0 : g->turn + 1;
        if (connection_has_room(c))
            send_requests(g, c, (unsigned)MIN(fair, c->capacity - c->count));
    }
}

static void count_answer(Generator *g, const Request *r, int64_t now)
{
    if (g->phase == PHASE_FILL) {
        histogram_record(g->outcome->fill, now - r->start);
        return;
    }
    g->outcome->answered_in_time += is_measured(g, now);
    if (!is_measured(g, r->start))
        return;
    g->outcome->answered++;
    histogram_record(g->outcome->latency[r->kind], now - r->start);
}

static void count_wrong(Generator *g, const Connection *c, const Request *r, Slice shown,
                        const char *why)
{
    char request[REQUEST_MAX];
    size_t length = format_request(g, request, r);

    outcome_add_wrong(g->outcome, c->target->text, (Slice){.data = request, .length = length},
                      shown, why);
    population_doubt(g->population, r->client);
}

/* Takes the replies off @bytes; returns what is left of them. */
static Slice take_replies(Generator *g, Connection *c, Slice bytes, int64_t now)
{
    while (bytes.length > 0 && c->count > 0) {
        Request *r = connection_oldest(c);
        Reply reply = g->settings->protocol->take(bytes, r->kind, &r->report);

        if (reply.state == REPLY_PARTIAL)
            break;
        if (reply.state == REPLY_WRONG)
            count_wrong(g, c, r, (Slice){.data = bytes.data, .length = reply.length}, reply.why);
        else
            count_answer(g, r, now);
        connection_pop(c);
        c->is_proven = true;
        g->under_way--;
        bytes.data += reply.length;
        bytes.length -= reply.length;
    }
    return bytes;
}

/* What has come and is not a whole reply. FALSE: it never will be, and the connection is closed. */
static bool keep_partial(Generator *g, Connection *c, Slice bytes)
{
    if (bytes.length > 0 && c->count == 0) {
        outcome_add_errors(g->outcome, ERROR_WRONG_REPLY, 1, "%s: a reply that nobody asked for",
                           c->target->text);
        close_connection(g, c);
        return false;
    }
    if (bytes.length >= REPLY_MAX) {
        count_wrong(g, c, connection_oldest(c), bytes, "longer than a reply may be");
        close_connection(g, c);
        return false;
    }
    buffer_set(&c->partial, bytes);
    return true;
}

static void receive(Generator *g, Connection *c)
{
    size_t kept = c->partial.length;

    if (kept > 0)
        memcpy(g->input, c->partial.bytes, kept);
    ssize_t n = stream_receive(&c->stream, g->input + kept, INPUT_SIZE - kept);
    if (n <= 0) {
        if (n == 0 || (errno != EAGAIN && errno != EINTR))
            lose_connection(g, c, n == 0 ? "closed by the server" : stream_problem(&c->stream));
        return;
    }
    Slice bytes = {.data = g->input, .length = kept + (size_t)n};
    if (!keep_partial(g, c, take_replies(g, c, bytes, now_ns())))
        return;
    if (g->settings->reconnect && g->phase != PHASE_FILL && c->count == 0) {
        close_connection(g, c);
        if (now_ns() < g->measure_end)
            begin_exchange(g, c);
        return;
    }
    feed(g, c);
}

static void serve(Generator *g, const struct epoll_event *event)
{
    Connection *c = event->data.ptr;

    if (c->stream.descriptor < 0)
        return;
    if (c->is_connecting) {
        finish_connecting(g, c);
    } else if (c->awaits_output && event->events & ~(unsigned)EPOLLIN) { /* room, or an error */
        if (!connection_send_rest(c))
            lose_connection(g, c, stream_problem(&c->stream));
        else
            connection_await_output(c, g->epoll, c->unsent.length > 0);
    }
    if (c->stream.descriptor < 0 || c->is_connecting)
        return;
    if ((event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) {
        feed(g, c);
        return;
    }
    do /* of a record of TLS, the rest too: epoll knows of it no more */
        receive(g, c);
    while (c->stream.descriptor >= 0 && stream_has_pending(&c->stream));
}

/* Whether the oldest request of @c has waited too long. */
static bool is_late(const Generator *g, const Connection *c, int64_t now)
{
    return c->count > 0 && connection_oldest(c)->sent + g->settings->timeout_ns < now;
}

/* Without --retry a connection on which a reply is overdue is given up with all that is under way
 * there; with it, what is overdue is lost and the rest moves on. */
static void give_up_late(Generator *g, Connection *c, int64_t now)
{
    unsigned before = c->count;
    const char *server = c->target->text;

    if (!g->settings->retry)
        close_connection(g, c);
    while (is_late(g, c, now))
        drop_request(g, c);
    if (c->stream.descriptor >= 0)
        lose_connection(g, c, "");
    outcome_add_errors(g->outcome, ERROR_TIMEOUT, before - c->count, "%s: no reply in %g s", server,
                       (double)g->settings->timeout_ns / (double)NS_PER_S);
}

/* --retry: another try for a connection that is down, unless no server has taken it for so long as
 * a reply may take. */
static void retry(Generator *g, Connection *c, int64_t now)
{
    if (now - c->down_since > g->settings->timeout_ns) {
        outcome_add_errors(g->outcome, ERROR_TIMEOUT, c->count, "no reply in time");
        outcome_add_errors(g->outcome, ERROR_LOST_CONNECTION, 1, "no server takes a connection");
        close_connection(g, c);
    } else if (c->stream.descriptor < 0 && !connection_begin(c, g->epoll)) {
        connection_turn(c, g->settings->targets);
    }
}

/* Gives up what is overdue, and tries again where connecting has failed. */
static void check_connections(Generator *g, int64_t now)
{
    for (unsigned i = 0; i < g->connection_count; i++) {
        Connection *c = &g->connections[i];

        if (is_late(g, c, now))
            give_up_late(g, c, now);
        if (c->down_since > 0)
            retry(g, c, now);
        if (c->stream.descriptor < 0 && g->settings->reconnect && g->phase == PHASE_CLOSED &&
            now < g->measure_end)
            begin_exchange(g, c);
    }
}

/* Marks what this thread has used of its CPU at both ends of the measured time. */
static void pass_edge(Generator *g)
{
    int64_t cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);

    if (g->edge == g->measure_begin) {
        g->cpu_begin = cpu;
        g->edge = g->measure_end;
    } else {
        g->outcome->cpu_ns = g->outcome->busiest_ns = cpu - g->cpu_begin;
        g->edge = INT64_MAX;
    }
}

static bool is_done(Generator *g, int64_t now)
{
    bool can_go_on = g->open_count > 0 || (g->settings->reconnect && g->phase == PHASE_CLOSED);

    if (g->phase == PHASE_FILL)
        return g->under_way == 0 && (g->unfilled == 0 || !can_go_on);
    if (!can_go_on && g->under_way == 0)
        return true;
    if (now < g->measure_end)
        return false;
    if (g->under_way == 0 && g->next == g->due_end)
        return true;
    if (now < g->measure_end + g->settings->timeout_ns)
        return false;
    /* They were due for longer than a reply may take. */
    uint64_t late = g->under_way + g->due_end - g->next;
    outcome_add_errors(g->outcome, ERROR_TIMEOUT, late,
                       "%" G_GUINT64_FORMAT " requests without a reply %g s after the end", late,
                       (double)g->settings->timeout_ns / (double)NS_PER_S);
    return true;
}

/* Serves the connections until nothing is left to be done in this phase. */
static void loop(Generator *g)
{
    struct epoll_event events[EVENTS_MAX];
    int64_t next_check = now_ns() + CHECK_INTERVAL_NS;

    for (int64_t now = now_ns();; now = now_ns()) {
        if (now >= next_check) {
            check_connections(g, now);
            next_check = now + CHECK_INTERVAL_NS;
        }
        if (now >= g->edge)
            pass_edge(g);
        if (g->phase == PHASE_OPEN)
            send_due(g, now);
        if (is_done(g, now))
            return;

        int64_t wake = MIN(next_check, g->edge);
        if (g->phase == PHASE_OPEN && due(g, g->next) > now)
            wake = MIN(wake, due(g, g->next));
        struct timespec wait = timespec_of(wake - now_ns());
        int count = epoll_pwait2(g->epoll, events, EVENTS_MAX, &wait, NULL);
        for (int i = 0; i < count; i++)
            serve(g, &events[i]);
    }
}

void generator_fill(Generator *generator)
{
    generator->phase = PHASE_FILL;
    generator->edge = INT64_MAX;
    for (unsigned i = 0; i < generator->connection_count; i++)
        generator->unfilled += generator->connections[i].client_count;
    for (unsigned i = 0; i < generator->connection_count; i++)
        feed(generator, &generator->connections[i]);
    loop(generator);
}

void generator_run(Generator *generator, int64_t begin)
{
    const Settings *settings = generator->settings;

    /* A request that is due in some microseconds must not wait 50 more for the sake of others. */
    prctl(PR_SET_TIMERSLACK, 1);
    generator->phase = settings->rate > 0 ? PHASE_OPEN : PHASE_CLOSED;
    generator->begin = begin;
    generator->measure_begin = generator->edge = begin + settings->warmup_ns;
    generator->measure_end = generator->measure_begin + settings->measured_ns;
    for (unsigned i = 0; i < generator->connection_count; i++)
        feed(generator, &generator->connections[i]);
    loop(generator);
    while (generator->edge != INT64_MAX)
        pass_edge(generator); /* it ended before its time */
    generator->outcome->ended = MIN(now_ns(), generator->measure_end);
}
