/* SPDX-License-Identifier: MIT */
#include "net/session.h"

#include "core/counters.h"
#include "core/incarnation.h"
#include "core/message.h"

#include <stdio.h>
#include <sys/socket.h>

#define TOO_LONG_SHOWN 64 /* PROTOCOL R4 */

static const char *neighbour_name(const SessionContext *context, int neighbour)
{
    return context->config->self->neighbours->pdata[neighbour];
}

const char *session_peer(const SessionContext *context, const Connection *connection)
{
    if (connection->neighbour == CONNECTION_CLIENT)
        return connection->peer;
    return neighbour_name(context, connection->neighbour);
}

static void append(GString *output, Slice bytes)
{
    g_string_append_len(output, bytes.data, (gssize)bytes.length);
}

/* Without its LF, as the log wants it. */
static Slice record_text(const Record *record)
{
    Slice line = record_line(record);

    line.length--;
    return line;
}

/* PROTOCOL R16 */
static SessionOutcome reply_invalid(const SessionContext *context, const Connection *connection,
                                    Slice line, Turn *turn)
{
    size_t begin = turn->output->len;

    append(turn->output, SLICE("? "));
    append(turn->output, line);
    append(turn->output, SLICE("\n"));
    counters_add(COUNT_INVALID, 1);
    if (log_wants_invalid(context->log)) {
        if (!log_wants_messages(context->log))
            log_received(context->log, connection->peer, line);
        log_sent(
            context->log, connection->peer,
            (Slice){.data = turn->output->str + begin, .length = turn->output->len - begin - 1});
    }
    return SESSION_DONE;
}

void session_too_long(const SessionContext *context, const Connection *connection, Slice head,
                      Turn *turn)
{
    if (log_wants_messages(context->log))
        log_received(context->log, session_peer(context, connection), head);
    if (connection->neighbour != CONNECTION_CLIENT)
        return; /* a link is answered nothing */
    head.length = MIN(head.length, TOO_LONG_SHOWN);
    reply_invalid(context, connection, head, turn);
}

/* PROTOCOL R8: a phone whose clock is far ahead would hold its client's place for as long. */
static bool too_far_ahead(const SessionContext *context, Timestamp time, Timestamp received)
{
    unsigned most = context->config->limits.max_future_skew_s;

    if (most == 0)
        return false;
    received.seconds += most;
    return timestamp_compare(time, received) > 0;
}

/* Stores @record, whose reference is taken, and if it is new has it flooded to every neighbour but
 * the one that it came from. */
static StoreOutcome store_and_flood(const SessionContext *context, const Connection *connection,
                                    Record *record, Turn *turn)
{
    FloodUpdate update = {
        .record = record, .from = connection->neighbour, .incarnation = connection->incarnation};
    StoreOutcome outcome = store_put(context->store, record);

    if (outcome == STORE_STORED && context->config->self->neighbours->len > 0)
        g_array_append_val(turn->updates, update);
    else
        record_unref(record);
    return outcome;
}

/* PROTOCOL R5, R9 */
static SessionOutcome execute_iamat(const SessionContext *context, const Connection *connection,
                                    const Message *message, Slice line, Turn *turn)
{
    const char *name = context->config->self->name;

    if (too_far_ahead(context, message->iamat.time_value, turn->received))
        return reply_invalid(context, connection, line, turn);

    Record *record = message_iamat_record(message, slice_of(name), turn->received);
    append(turn->output, record_line(record));
    counters_add(COUNT_IAMAT, 1);
    if (log_wants_messages(context->log))
        log_sent(context->log, connection->peer, record_text(record));
    if (store_and_flood(context, connection, record, turn) != STORE_STORED)
        counters_add(COUNT_STALE, 1);
    return SESSION_DONE;
}

/* PROTOCOL R10-R13 */
static SessionOutcome execute_whatsat(const SessionContext *context, const Connection *connection,
                                      const Message *message, Slice line, Turn *turn)
{
    g_autoptr(Record) record = store_get(context->store, message->whatsat.client);

    if (record == NULL)
        return reply_invalid(context, connection, line, turn); /* PROTOCOL R11 */

    turn->query = (PlacesQuery){.radius = message->whatsat.radius, .bound = message->whatsat.bound};
    bool valid = location_parse(record_location(record), &turn->query.center);
    g_assert(valid); /* or it would not have become a record */

    counters_add(COUNT_WHATSAT, 1);
    if (context->nearby.blocks && turn->query.radius > 0 && turn->query.bound > 0) {
        turn->record = g_steal_pointer(&record);
        return SESSION_LOOKUP;
    }

    g_autoptr(GString) json = g_string_new(NULL);
    context->nearby.nearby(context->nearby.self, &turn->query, json);
    session_places(context, connection, record, (Slice){.data = json->str, .length = json->len},
                   turn);
    return SESSION_DONE;
}

void session_places(const SessionContext *context, const Connection *connection,
                    const Record *record, Slice json, Turn *turn)
{
    append(turn->output, record_line(record));
    append(turn->output, json);
    append(turn->output, SLICE("\n\n"));
    if (log_wants_messages(context->log)) {
        Slice line = record_text(record);
        g_autofree char *text = g_strdup_printf("%.*s (+%zu bytes of places)", (int)line.length,
                                                line.data, json.length);

        log_sent(context->log, connection->peer, slice_of(text));
    }
}

/* The index of the neighbour that may say hello as @from on @connection, or CONNECTION_CLIENT: its
 * name and its address have to be those of the configuration. */
static int find_neighbour(const SessionContext *context, const Connection *connection, Slice from)
{
    const GPtrArray *names = context->config->self->neighbours;
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;

    if (getpeername(connection->descriptor, (struct sockaddr *)&address, &length) != 0)
        return CONNECTION_CLIENT; /* it has gone already */

    for (unsigned i = 0; i < names->len; i++) {
        const char *name = names->pdata[i];

        if (slice_equal(from, slice_of(name)) &&
            member_is_at(config_member(context->config, name), &address))
            return (int)i;
    }
    return CONNECTION_CLIENT;
}

/* PROTOCOL R17, R22: a hello that is not accepted is a client's invalid line. */
static SessionOutcome execute_hello(const SessionContext *context, Connection *connection,
                                    const Message *message, Slice line, Turn *turn)
{
    const char *self = context->config->self->name;
    int neighbour = CONNECTION_CLIENT;

    if (slice_equal(message->hello.to, slice_of(self)))
        neighbour = find_neighbour(context, connection, message->hello.from);
    if (neighbour == CONNECTION_CLIENT)
        return reply_invalid(context, connection, line, turn);

    const char *name = neighbour_name(context, neighbour);
    g_autofree char *hello = message_format_hello(self, name, incarnation());
    g_string_append(turn->output, hello);
    log_event(context->log, LOG_INFO, "link %s joined from %s", name, connection->peer);
    connection->neighbour = neighbour;
    connection->incarnation = message->hello.incarnation;
    flood_poke(context->flood, neighbour);
    return SESSION_DONE;
}

/* PROTOCOL R20: what a neighbour says is never answered. */
static SessionOutcome execute_link(const SessionContext *context, const Connection *connection,
                                   const Message *message, Slice line, Turn *turn)
{
    if (message->kind != MESSAGE_AT) {
        g_autofree char *text = g_strndup(line.data, line.length);

        log_event(context->log, LOG_WARNING, "link %s dropped a line that is no update: %s",
                  session_peer(context, connection), text);
        return SESSION_DONE;
    }
    if (store_and_flood(context, connection, record_new(&message->at), turn) == STORE_STORED)
        counters_add(COUNT_UPDATES_TAKEN, 1);
    else
        counters_add(COUNT_UPDATES_DROPPED, 1);
    return SESSION_DONE;
}

SessionOutcome session_execute(const SessionContext *context, Connection *connection, Slice line,
                               Turn *turn)
{
    Message message = message_parse(line);

    if (log_wants_messages(context->log))
        log_received(context->log, session_peer(context, connection), line);
    if (connection->neighbour != CONNECTION_CLIENT)
        return execute_link(context, connection, &message, line, turn);

    switch (message.kind) {
    case MESSAGE_IAMAT:
        return execute_iamat(context, connection, &message, line, turn);
    case MESSAGE_WHATSAT:
        return execute_whatsat(context, connection, &message, line, turn);
    case MESSAGE_HELLO:
        return execute_hello(context, connection, &message, line, turn);
    case MESSAGE_AT: /* PROTOCOL R17: not from a stranger */
    case MESSAGE_INVALID:
        break;
    }
    return reply_invalid(context, connection, line, turn);
}
