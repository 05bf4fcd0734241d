/* SPDX-License-Identifier: MIT */
#include "net/link.h"

#include "core/counters.h"
#include "core/incarnation.h"
#include "core/message.h"
#include "core/thread.h"
#include "net/backoff.h"
#include "net/comparison.h"
#include "net/dial.h"
#include "net/greeting.h"
#include "net/incoming.h"
#include "net/outbox.h"
#include "net/outgoing.h"
#include "net/update-line.h"

#include <errno.h>
#include <sys/epoll.h>

#define SEND_ROUNDS  4    /* of OUTGOING_SIZE, before the other links have their turn */
#define FOUND_ENOUGH 4096 /* records found and not sent: no more questions for now */

#define HEARTBEAT_MS 1000
/* From one message to the next: a native neighbour's gathers what comes meanwhile; with a foreign
 * one there must be fewer than the ports that the kernel keeps for a minute after each, 28,000. */
#define BETWEEN_MS         20
#define FOREIGN_BETWEEN_MS 3
#define FOREIGN_CLOSE_MS   200 /* for a foreign neighbour to close after a message, before we do */

typedef enum {
    LINK_WAITING,    /* no socket; opens one at `due` if it is down or has something to say */
    LINK_CONNECTING, /* and shaking hands, if the neighbour listens over TLS; until `due` */
    LINK_GREETING,   /* our hello is sent, not accepted; until `due` */
    LINK_TALKING,    /* until `due`, which moves as long as the neighbour shows signs of life */
    LINK_ENDING,     /* a message: all is said, our side is shut; until its end or `due` */
} LinkState;

struct Link {
    const Config *config;
    const Member *neighbour; /* config's */
    Trust *trust;            /* (nullable) */
    Tls *tls;
    Log *log;
    int epoll;

    LinkState state;
    bool up;         /* what is new is kept for the neighbour */
    bool said_up;    /* the log has that it is up */
    Stream stream;   /* (owned) its descriptor is -1 in LINK_WAITING */
    uint32_t events; /* that epoll watches for */
    int64_t due;     /* monotonic_ms(); INT64_MAX: never */
    int64_t tried;   /* monotonic_ms() of the last try to connect */
    Backoff backoff; /* (owned) */
    char *said_down; /* (owned) (nullable) the reason that the log has: once, not once a retry */
    int64_t incarnation; /* of the neighbour, as it said last */
    int64_t ping_due;    /* monotonic_ms(), while talking to a native neighbour over a kept link */
    int64_t check_due;   /* monotonic_ms() of the next comparison_check(), while up */

    Greeting *greeting; /* (owned) (nullable) NULL but in LINK_GREETING */
    Outgoing *output;   /* (owned) */
    uint64_t taken;     /* bytes that the neighbour acknowledged in connections that are closed */
    unsigned told;      /* records in this connection */
    bool ends;          /* see link_end() */
    Incoming *input;    /* (owned) */

    Outbox *outbox;         /* (owned) */
    Comparison *comparison; /* (owned) of a native neighbour; always idle with a foreign one */
};

static bool is_native(const Link *link)
{
    return link->neighbour->dialect == DIALECT_NATIVE;
}

static bool is_kept(const Link *link)
{
    return link->neighbour->delivery == DELIVERY_LINK;
}

static int64_t timeout_ms(const Link *link)
{
    return (int64_t)link->config->limits.link_timeout_s * 1000;
}

static void set_check_due(Link *link, int64_t now)
{
    link->check_due = link->config->resync_interval_s > 0 && is_native(link)
                          ? now + (int64_t)link->config->resync_interval_s * 1000
                          : INT64_MAX;
}

Link *link_new(const Config *config, Trust *trust, Tls *tls, const char *name, Store *store,
               Log *log, int epoll)
{
    Link *link = g_new0(Link, 1);

    link->config = config;
    link->neighbour = config_member(config, name);
    link->trust = trust;
    link->tls = tls;
    link->log = log;
    link->epoll = epoll;
    backoff_init(&link->backoff);
    link->stream.descriptor = -1;
    link->tried = monotonic_ms() - BACKOFF_MIN_MS;
    link->output = outgoing_new();
    link->input = incoming_new();
    link->outbox = outbox_new(store);
    link->comparison = comparison_new(store);
    if (!is_native(link) && !is_kept(link)) {
        /* A stranger is not bothered before there is something to say. */
        link->up = true;
        outbox_add_store(link->outbox);
        link->check_due = INT64_MAX;
    }
    return link;
}

static void close_socket(Link *link)
{
    link->taken = link_progress(link);
    stream_close(&link->stream);
    link->state = LINK_WAITING;
    g_clear_pointer(&link->greeting, greeting_free);
    outgoing_reset(link->output);
    incoming_reset(link->input);
    link->told = 0;
}

void link_free(void *pointer)
{
    Link *link = pointer;

    close_socket(link);
    comparison_free(link->comparison);
    outbox_free(link->outbox);
    backoff_clear(&link->backoff);
    g_free(link->said_down);
    incoming_free(link->input);
    outgoing_free(link->output);
    g_free(link);
}

bool link_take_config(Link *link, const Config *config)
{
    const Member *neighbour = config_member(config, link->neighbour->name);
    const Config *old = link->config;

    if (!member_has_neighbour(config->self, link->neighbour->name) ||
        !member_is_reached_alike(link->neighbour, neighbour))
        return false;
    link->config = config;
    link->neighbour = neighbour;
    if (link->up && config->resync_interval_s != old->resync_interval_s)
        set_check_due(link, monotonic_ms());
    if (link->stream.descriptor >= 0 && config->limits.link_timeout_s != old->limits.link_timeout_s)
        dial_set_timeout(link->stream.descriptor, (int)timeout_ms(link));
    return true;
}

void link_drop(Link *link, const char *reason)
{
    log_event(link->log, LOG_INFO, "link %s ends: %s", link->neighbour->name, reason);
    if (link->said_up)
        counters_add(COUNT_LINKS_DOWN, 1);
    link_free(link);
}

static bool has_something_to_say(const Link *link)
{
    return !outbox_is_empty(link->outbox) || !comparison_is_idle(link->comparison);
}

/* What was to be said is forgotten: when the link comes up what the neighbour lacks is found. */
static void take_down(Link *link, const char *reason)
{
    /* What a foreign neighbour does not say tells nothing, but a link that lasts does. */
    if (link->up && !is_native(link) && monotonic_ms() - link->tried > BACKOFF_MAX_MS)
        backoff_reset(&link->backoff);
    if (link->said_up || g_strcmp0(link->said_down, reason) != 0)
        log_event(link->log, LOG_WARNING, "link %s down: %s", link->neighbour->name, reason);
    counters_add(link->said_up ? COUNT_LINKS_DOWN : COUNT_LINK_TRIES_FAILED, 1);
    g_free(link->said_down);
    link->said_down = g_strdup(reason);
    close_socket(link);
    link->up = link->said_up = false;
    outbox_clear(link->outbox);
    comparison_reset(link->comparison);
    link->due = monotonic_ms() + backoff_next(&link->backoff);
}

/* The neighbour has shown a sign of life. */
static void prolong(Link *link)
{
    /* A foreign neighbour may have nothing to say for as long as it lives. */
    link->due = is_native(link) || !is_kept(link) ? monotonic_ms() + timeout_ms(link) : INT64_MAX;
}

static void watch(Link *link, uint32_t events, int operation)
{
    struct epoll_event event = {.events = events, .data.ptr = link};

    if (operation == EPOLL_CTL_MOD && link->events == events)
        return;
    int failed = epoll_ctl(link->epoll, operation, link->stream.descriptor, &event);
    g_assert(failed == 0 || operation == EPOLL_CTL_ADD);
    link->events = events;
    if (failed != 0)
        take_down(link, g_strerror(errno));
}

/* What to watch for in order to read: TLS may have to write first. */
static uint32_t awaited_input(const Link *link)
{
    return stream_awaits_output(&link->stream, false) ? EPOLLOUT : EPOLLIN;
}

static void begin_connecting(Link *link)
{
    link->tried = monotonic_ms();
    link->due = link->tried + timeout_ms(link);
    /* From our own address, since without a secret that is how the neighbour knows us (hello.c). */
    link->stream.descriptor = dial(link->config->self->listen->pdata[0],
                                   link->neighbour->listen->pdata[0], (int)timeout_ms(link));
    if (link->stream.descriptor < 0) {
        take_down(link, g_strerror(errno));
        return;
    }
    link->state = LINK_CONNECTING;
    watch(link, EPOLLOUT, EPOLL_CTL_ADD);
}

/* The neighbour listens to us now, in its run @incarnation. */
static void begin_talking(Link *link, int64_t incarnation)
{
    int64_t now = monotonic_ms();

    if (!link->said_up) {
        log_event(link->log, LOG_INFO, "link %s up", link->neighbour->name);
        counters_add(COUNT_LINKS_UP, 1);
    }
    if (!link->up || incarnation != link->incarnation) { /* PROTOCOL R23 */
        if (is_native(link))
            comparison_begin(link->comparison);
        else
            outbox_add_store(link->outbox);
        set_check_due(link, now);
    }
    link->up = link->said_up = true;
    link->incarnation = incarnation;
    link->state = LINK_TALKING;
    g_clear_pointer(&link->said_down, g_free);
    g_clear_pointer(&link->greeting, greeting_free);
    link->ping_due = now + HEARTBEAT_MS;
    prolong(link);
}

static void greet(Link *link)
{
    watch(link, EPOLLIN, EPOLL_CTL_MOD);
    if (!is_native(link)) {
        begin_talking(link, INCARNATION_UNKNOWN);
        return;
    }
    link->greeting = greeting_new(link->config->self->name, link->neighbour->name,
                                  trust_secret(link->trust), &link->stream);
    outgoing_append(link->output, greeting_line(link->greeting));
    link->state = LINK_GREETING;
}

/* Goes on with what begin_connecting() has begun. */
static void go_on_connecting(Link *link)
{
    const char *name = link->config->tls.ca_file != NULL ? link->neighbour->name : NULL;
    g_autofree char *why = NULL;
    DialOutcome outcome =
        dial_go_on(&link->stream, link->neighbour->listen->pdata[0], link->tls, name, &why);

    if (outcome == DIAL_DONE)
        greet(link);
    else if (outcome == DIAL_WAITS)
        watch(link, awaited_input(link), EPOLL_CTL_MOD);
    else
        take_down(link, why);
}

static void take_greeting(Link *link, Slice line, const Message *message)
{
    int64_t run;
    const char *why;
    GreetingOutcome outcome = greeting_take(link->greeting, line, message, &run, &why);

    if (outcome == GREETING_FAILED)
        take_down(link, why);
    else if (outcome == GREETING_ACCEPTED)
        begin_talking(link, run);
    else
        outgoing_append(link->output, greeting_line(link->greeting));
}

static void take_sums(Link *link, const Message *message)
{
    /* Only now it is more than a link that comes up and breaks, which is tried ever more rarely. */
    backoff_reset(&link->backoff);
    if (!comparison_answer(link->comparison, message, outbox_found(link->outbox)))
        take_down(link, "the neighbour answers what it was not asked");
}

static void take_line(Link *link, Slice line)
{
    Message message = message_parse(line);

    if (link->state == LINK_GREETING)
        take_greeting(link, line, &message);
    else if (message.kind == MESSAGE_SUMS)
        take_sums(link, &message);
    /* Anything else has said all that it can: that it is there. */
}

/* Takes the complete lines of the input. */
static void take_lines(Link *link)
{
    Slice line;

    while (incoming_next_line(link->input, &line)) /* none when the link is taken down */
        take_line(link, line);
    if (incoming_is_full(link->input))
        take_down(link, "what the neighbour answers is no line");
}

/* A message is said and heard. */
static void end_message(Link *link)
{
    close_socket(link);
    backoff_reset(&link->backoff);
    link->due = monotonic_ms() + (is_native(link) ? BETWEEN_MS : FOREIGN_BETWEEN_MS);
}

static void take_end(Link *link)
{
    if (link->state == LINK_ENDING ||
        (!is_native(link) && !is_kept(link) && outgoing_is_empty(link->output)))
        end_message(link);
    else
        take_down(link, link->state == LINK_GREETING
                            ? "the neighbour closed before it answered our hello"
                            : "closed by the neighbour");
}

static void receive(Link *link)
{
    ssize_t n = incoming_receive(link->input, &link->stream);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0 && link->state == LINK_ENDING && !is_native(link)) {
        end_message(link); /* it has not read to the end, as some do that have read enough */
    } else if (n < 0) {
        take_down(link, stream_problem(&link->stream));
    } else if (n == 0) {
        take_end(link);
    } else if (is_native(link)) {
        if (link->state != LINK_GREETING)
            prolong(link);
        take_lines(link);
    } else {
        incoming_reset(link->input); /* what a foreign neighbour says to an update is prose */
    }
}

void link_ready(Link *link, uint32_t events)
{
    if (link->state == LINK_CONNECTING)
        go_on_connecting(link);
    else if (link->state != LINK_WAITING && ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0 ||
                                             stream_awaits_output(&link->stream, false)))
        do /* of a record of TLS, the rest too: epoll knows of it no more */
            receive(link);
        while (link->stream.descriptor >= 0 && stream_has_pending(&link->stream));
    /* EPOLLOUT: link_tick() follows in any case */
}

/* FALSE: there is no room for it now. */
static bool append_record(Link *link, const OutboxEntry *entry)
{
    bool fits =
        update_line_append(entry, link->config->self, link->neighbour, link->output, link->log);

    link->told += fits;
    return fits;
}

/* A connection a message, and this one has its own. */
static bool message_is_told(const Link *link)
{
    return !is_native(link) && !is_kept(link) && link->told > 0;
}

void link_offer(Link *link, Record *record, bool found)
{
    OutboxEntry news = {.record = record};

    if (!link->up)
        return;
    if (found && is_native(link)) {
        comparison_add(link->comparison, store_shard_of(record));
        return;
    }
    if (link->state != LINK_TALKING || !is_kept(link) || !outbox_is_empty(link->outbox) ||
        !append_record(link, &news))
        outbox_add(link->outbox, record);
}

static bool may_ask(const Link *link)
{
    return comparison_is_ready(link->comparison) && outbox_found(link->outbox)->len < FOUND_ENOUGH;
}

static void append_questions(Link *link)
{
    if (!may_ask(link))
        return;

    g_autoptr(GString) text = g_string_new(NULL);
    while (comparison_ask(link->comparison, text))
        ;
    bool fits = outgoing_append(link->output, (Slice){.data = text->str, .length = text->len});
    g_assert(fits); /* a few short lines into an empty buffer */
}

/* Fills the output, which is empty, with what is to be said. */
static void fill_output(Link *link)
{
    OutboxEntry entry;

    append_questions(link);
    while (!message_is_told(link)) {
        if (!outbox_next(link->outbox, &entry) || !append_record(link, &entry))
            return;
        outbox_sent(link->outbox, &entry);
    }
}

/* All is said that this connection is for. */
static void end_talking(Link *link)
{
    if (!stream_end(&link->stream)) {
        watch(link, EPOLLOUT, EPOLL_CTL_MOD); /* then it is tried again */
        return;
    }
    link->state = LINK_ENDING;
    link->due = monotonic_ms() + (is_native(link) ? timeout_ms(link) : FOREIGN_CLOSE_MS);
    watch(link, EPOLLIN, EPOLL_CTL_MOD);
}

/* Whether there is something to send that does not wait for an answer first. */
static bool wants_room(const Link *link)
{
    return !outgoing_is_empty(link->output) ||
           (link->state == LINK_TALKING && (outbox_is_ready(link->outbox) || may_ask(link)));
}

/* Sends what the socket takes. */
static void send_output(Link *link)
{
    if (link->state != LINK_TALKING && link->state != LINK_GREETING)
        return;
    /* One that takes a whole store as fast as it is read must not keep the others waiting. */
    for (int round = 0; round < SEND_ROUNDS; round++) {
        if (link->state == LINK_TALKING && outgoing_is_empty(link->output))
            fill_output(link);
        if (outgoing_is_empty(link->output))
            break;

        ssize_t n = outgoing_send(link->output, &link->stream);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0) {
            take_down(link, stream_problem(&link->stream));
            return;
        }
    }
    if (link->state == LINK_TALKING && (!is_kept(link) || link->ends) &&
        outgoing_is_empty(link->output) && (message_is_told(link) || !has_something_to_say(link)))
        end_talking(link);
    else
        watch(link, wants_room(link) ? EPOLLIN | EPOLLOUT : awaited_input(link), EPOLL_CTL_MOD);
}

/* A kept link that has a heart: it is asked for signs of life. */
static bool beats(const Link *link)
{
    return link->state == LINK_TALKING && is_native(link) && is_kept(link);
}

static void beat(Link *link, int64_t now)
{
    if (now < link->ping_due)
        return;
    link->ping_due = now + HEARTBEAT_MS;
    /* A slow neighbour is not a dead one. */
    if (outgoing_is_moving(link->output, &link->stream))
        prolong(link);
    outgoing_append(link->output, SLICE("PING\n")); /* no room: something else is on its way */
}

/* It is due, and not waiting. */
static void time_out(Link *link)
{
    if (link->state == LINK_ENDING && !is_native(link))
        end_message(link);
    else if ((link->state == LINK_TALKING || link->state == LINK_ENDING) &&
             outgoing_is_moving(link->output, &link->stream))
        prolong(link);
    else
        take_down(link, link->state == LINK_CONNECTING ? link->stream.tls != NULL
                                                             ? "the TLS handshake takes too long"
                                                             : "connecting takes too long"
                        : link->state == LINK_GREETING ? "our hello is not answered"
                        : link->state == LINK_TALKING  ? "nothing comes from the neighbour"
                                                       : "the neighbour does not end a message");
}

int64_t link_tick(Link *link, int64_t now_ms)
{
    if (link->up && now_ms >= link->check_due) {
        link->check_due = now_ms + (int64_t)link->config->resync_interval_s * 1000;
        comparison_check(link->comparison);
    }
    if (beats(link))
        beat(link, now_ms);
    if (link->state != LINK_WAITING && now_ms >= link->due)
        time_out(link);
    if (link->state == LINK_WAITING && now_ms >= link->due &&
        (!link->up || has_something_to_say(link)))
        begin_connecting(link);
    outbox_tick(link->outbox, now_ms);
    send_output(link);
    outgoing_tick(link->output, now_ms);

    int64_t next = link->up ? link->check_due : INT64_MAX;
    if (link->state != LINK_WAITING || !link->up || has_something_to_say(link))
        next = MIN(next, link->due);
    if (beats(link))
        next = MIN(next, link->ping_due);
    if (link->state == LINK_TALKING && outgoing_is_empty(link->output))
        next = MIN(next, outbox_tick(link->outbox, now_ms));
    return next;
}

void link_poke(Link *link, int64_t incarnation)
{
    /* A kept link breaks with the run that it was to. */
    if (link->up && is_native(link) && !is_kept(link) && incarnation != link->incarnation)
        take_down(link, "the neighbour has started anew");
    if (link->up || link->state != LINK_WAITING)
        return;
    backoff_reset(&link->backoff);
    link->due = MIN(link->due, link->tried + BACKOFF_MIN_MS);
}

GQuark link_neighbour(const Link *link)
{
    return link->neighbour->id;
}

LinkStatus link_status(const Link *link)
{
    int64_t oldest = MIN(outbox_oldest(link->outbox), outgoing_oldest(link->output));

    return (LinkStatus){link->neighbour, link->up, link->said_down, outbox_count(link->outbox),
                        oldest};
}

int64_t link_incarnation(const Link *link)
{
    return link->incarnation;
}

void link_end(Link *link)
{
    link->ends = true;
    if (!link->up && link->state == LINK_WAITING)
        link->due = 0; /* a last try */
}

bool link_is_idle(const Link *link)
{
    if (link->state == LINK_WAITING)
        return !link->up || !has_something_to_say(link);
    return link->state == LINK_TALKING && !link->ends && outgoing_is_empty(link->output) &&
           !has_something_to_say(link);
}

uint64_t link_progress(const Link *link)
{
    return link->taken + outgoing_acked(link->output, &link->stream);
}
