/* SPDX-License-Identifier: MIT */
#include "scripts/variants/libuv/session.h"

#include "core/message.h"
#include "places/answer.h"
#include "scripts/variants/libuv/link.h"
#include "scripts/variants/libuv/lookups.h"

#define TOO_LONG_SHOWN 64 /* PROTOCOL R4 */
#define HELLO_FIELDS   3  /* MEMBER <from> <to> */

const char *session_peer(const Connection *connection)
{
    const Member *self = connection->server->config->self;

    if (connection->neighbour == CONNECTION_CLIENT)
        return connection->peer;
    return self->neighbours->pdata[connection->neighbour];
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
static void reply_invalid(const Connection *connection, Slice line)
{
    Server *server = connection->server;
    size_t begin = server->output->len;

    append(server->output, SLICE("? "));
    append(server->output, line);
    append(server->output, SLICE("\n"));
    if (log_wants_messages(server->log))
        log_sent(server->log, connection->peer,
                 (Slice){.data = server->output->str + begin,
                         .length = server->output->len - begin - 1});
}

/* PROTOCOL R8 */
static bool too_far_ahead(const Connection *connection, Timestamp time)
{
    unsigned most = connection->server->config->limits.max_future_skew_s;
    Timestamp latest = connection->received;

    latest.seconds += most;
    return most > 0 && timestamp_compare(time, latest) > 0;
}

/* PROTOCOL R5, R9 */
static void execute_iamat(const Connection *connection, const Message *message, Slice line)
{
    Server *server = connection->server;

    if (too_far_ahead(connection, message->iamat.time_value)) {
        reply_invalid(connection, line);
        return;
    }
    g_autoptr(Record) record =
        message_iamat_record(message, slice_of(server->config->self->name), connection->received);
    server_store(server, record, CONNECTION_CLIENT);
    append(server->output, record_line(record));
    if (log_wants_messages(server->log))
        log_sent(server->log, connection->peer, record_text(record));
}

/* PROTOCOL R10-R13 */
static void execute_whatsat(Connection *connection, const Message *message, Slice line)
{
    Server *server = connection->server;
    g_autoptr(Record) record = store_get(server->store, message->whatsat.client);
    PlacesQuery query = {.radius = message->whatsat.radius, .bound = message->whatsat.bound};

    if (record == NULL) {
        reply_invalid(connection, line); /* PROTOCOL R11 */
        return;
    }
    bool valid = location_parse(record_location(record), &query.center);
    g_assert(valid); /* or it would not have become a record */

    if (query.bound == 0 || query.radius == 0) { /* PROTOCOL R10 */
        g_autoptr(GString) json = g_string_new(NULL);

        answer_append_empty(json, PLACES_ZERO_RESULTS, NULL);
        session_places(connection, record, (Slice){.data = json->str, .length = json->len});
        return;
    }
    connection->lookup = lookups_begin(server->lookups, connection, record, &query);
}

void session_places(const Connection *connection, const Record *record, Slice json)
{
    Server *server = connection->server;

    append(server->output, record_line(record));
    append(server->output, json);
    append(server->output, SLICE("\n\n"));
    if (log_wants_messages(server->log))
        log_sent(server->log, connection->peer, record_text(record));
}

/* The index of the neighbour that is called @name and may be where @connection comes from, or
 * CONNECTION_CLIENT. */
static int find_neighbour(const Connection *connection, Slice name)
{
    const Config *config = connection->server->config;
    const GPtrArray *names = config->self->neighbours;
    struct sockaddr_storage address = {0};
    int length = sizeof address;

    if (uv_tcp_getpeername(&connection->tcp, (struct sockaddr *)&address, &length) != 0)
        return CONNECTION_CLIENT; /* it has gone already */
    for (unsigned i = 0; i < names->len; i++)
        if (slice_equal(name, slice_of(names->pdata[i])) &&
            member_is_at(config_member(config, names->pdata[i]), &address))
            return (int)i;
    return CONNECTION_CLIENT;
}

/* Whether @line is a neighbour's hello, "MEMBER <from> <to>"; then the connection is its. */
static bool accept_hello(Connection *connection, Slice line)
{
    Server *server = connection->server;
    Slice fields[HELLO_FIELDS];

    if (message_split(line, fields, HELLO_FIELDS) != HELLO_FIELDS ||
        !slice_equal(fields[0], SLICE("MEMBER")) ||
        !slice_equal(fields[2], slice_of(server->config->self->name)))
        return false;
    connection->neighbour = find_neighbour(connection, fields[1]);
    if (connection->neighbour == CONNECTION_CLIENT)
        return false;
    link_poke(server->links->pdata[connection->neighbour]);
    return true;
}

/* PROTOCOL R20: an update is never answered, nor is anything else that comes over a link. */
static void execute_link(const Connection *connection, const Message *message)
{
    if (message->kind != MESSAGE_AT) {
        log_event(connection->server->log, LOG_WARNING, "link %s dropped a line that is no update",
                  session_peer(connection));
        return;
    }
    g_autoptr(Record) record = record_new(&message->at);
    server_store(connection->server, record, connection->neighbour);
}

void session_too_long(const Connection *connection, Slice head)
{
    if (log_wants_messages(connection->server->log))
        log_received(connection->server->log, session_peer(connection), head);
    if (connection->neighbour != CONNECTION_CLIENT)
        return;
    head.length = MIN(head.length, TOO_LONG_SHOWN);
    reply_invalid(connection, head);
}

void session_execute(Connection *connection, Slice line)
{
    Message message = message_parse(line);

    if (log_wants_messages(connection->server->log))
        log_received(connection->server->log, session_peer(connection), line);
    if (connection->neighbour != CONNECTION_CLIENT)
        execute_link(connection, &message);
    else if (message.kind == MESSAGE_IAMAT)
        execute_iamat(connection, &message, line);
    else if (message.kind == MESSAGE_WHATSAT)
        execute_whatsat(connection, &message, line);
    else if (!accept_hello(connection, line))
        reply_invalid(connection, line); /* PROTOCOL R16, R17 */
}
