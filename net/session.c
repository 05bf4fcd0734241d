/* SPDX-License-Identifier: MIT */
#include "net/session.h"

#include "core/counters.h"
#include "core/dialect.h"
#include "core/incarnation.h"
#include "core/memory.h"
#include "core/message.h"
#include "net/hello.h"

#include <stdio.h>
#include <sys/socket.h>

#define TOO_LONG_SHOWN 64 /* PROTOCOL R4 */

const char *session_peer(const Connection *connection)
{
    if (connection->neighbour == CONNECTION_CLIENT)
        return connection->peer;
    return g_quark_to_string(connection->neighbour);
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
    append(turn->output, SLICE("? "));
    append(turn->output, line);
    append(turn->output, SLICE("\n"));
    counters_add(COUNT_INVALID, 1);
    if (log_wants_invalid(context->log)) {
        Slice shown = message_shown(line);
        g_autoptr(GString) reply = g_string_new("? ");

        append(reply, shown);
        if (!log_wants_messages(context->log))
            log_received(context->log, connection->peer, shown);
        log_sent(context->log, connection->peer, (Slice){.data = reply->str, .length = reply->len});
    }
    return SESSION_DONE;
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

/* Where a record comes from. */
typedef struct {
    GQuark neighbour; /* Member.id, or CONNECTION_CLIENT */
    int64_t incarnation;
    bool found;  /* by a comparison: see FloodUpdate */
    size_t most; /* clients known, above which a new one is refused; 0: never */
} Source;

/* Above how many clients a new one is refused; 0: never. Where memory is short, those that are
 * there are enough. */
static size_t most_clients(const SessionContext *context)
{
    return memory_is_short() ? MAX(1, store_size(context->store))
                             : context->config->limits.max_records;
}

/* Stores @record and if it is new has it flooded to every neighbour but the one that it came from.
 */
static StoreOutcome store_and_flood(const SessionContext *context, Record *record,
                                    const Source *source, Turn *turn)
{
    StoreOutcome outcome = store_put(context->store, record, source->most);

    if (outcome == STORE_STORED && context->state != NULL)
        state_keep(context->state, record);
    if (outcome == STORE_STORED && context->config->self->neighbours->len > 0) {
        FloodUpdate update = {.record = record_ref(record),
                              .from = source->neighbour,
                              .incarnation = source->incarnation,
                              .found = source->found};

        g_array_append_val(turn->updates, update);
    }
    if (outcome == STORE_EXPIRED)
        counters_add(COUNT_EXPIRED, 1);
    if (outcome == STORE_FULL)
        counters_add(memory_is_short() ? COUNT_MEMORY_REFUSED : COUNT_RECORDS_REFUSED, 1);
    return outcome;
}

/* Whether the rules of access let @connection report for @client. */
static bool may_report(const SessionContext *context, const Connection *connection, Slice client)
{
    if (access_allows(context->access, stream_certificate_name(&connection->stream),
                      connection->token, client))
        return true;
    counters_add(COUNT_ACCESS_REFUSED, 1);
    return false;
}

/* PROTOCOL R5, R9 */
static SessionOutcome execute_iamat(const SessionContext *context, const Connection *connection,
                                    const Message *message, Slice line, Turn *turn)
{
    const char *name = context->config->self->name;

    if (context->access != NULL && !may_report(context, connection, message->iamat.client))
        return reply_invalid(context, connection, line, turn);
    if (too_far_ahead(context, message->iamat.time_value, turn->received))
        return reply_invalid(context, connection, line, turn);

    Source source = {.neighbour = CONNECTION_CLIENT, .most = most_clients(context)};
    g_autoptr(Record) record = message_iamat_record(message, slice_of(name), turn->received);
    StoreOutcome outcome = store_and_flood(context, record, &source, turn);
    if (outcome == STORE_FULL)
        return reply_invalid(context, connection, line, turn);
    if (outcome == STORE_STALE || outcome == STORE_DUPLICATE)
        counters_add(COUNT_STALE, 1);
    append(turn->output, record_line(record));
    counters_add(COUNT_IAMAT, 1);
    if (log_wants_messages(context->log))
        log_sent(context->log, connection->peer, record_text(record));
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

    if (!turn->repeated)
        counters_add(COUNT_WHATSAT, 1);
    g_autoptr(GString) json = g_string_new(NULL);
    if (!context->nearby.at_once(context->nearby.self, &turn->query, json)) {
        turn->record = g_steal_pointer(&record);
        return SESSION_LOOKUP;
    }
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

bool session_take_config(const SessionContext *context, Connection *connection)
{
    bool is_new = connection->config == NULL;

    connection->config = context->config;
    return is_new || connection->neighbour == CONNECTION_CLIENT || hello_holds(context, connection);
}

/* PROTOCOL R17, R22: a hello that is not accepted is a client's invalid line. */
static SessionOutcome execute_hello(const SessionContext *context, Connection *connection,
                                    const Message *message, Slice line, Turn *turn)
{
    if (!hello_take(context, connection, message, turn->output))
        return reply_invalid(context, connection, line, turn);
    return SESSION_DONE;
}

/* Not of the protocol: a command only where rules name tokens. */
static SessionOutcome execute_auth(const SessionContext *context, Connection *connection,
                                   const Message *message, Slice line, Turn *turn)
{
    uint8_t digest[ACCESS_DIGEST_BYTES];

    if (context->access == NULL || !access_has_tokens(context->access))
        return reply_invalid(context, connection, line, turn);
    access_digest(message->token, digest);
    if (!access_knows_token(context->access, digest)) {
        connection->closing = ++connection->bad_tokens == SESSION_TOKENS_TRIED;
        return reply_invalid(context, connection, line, turn);
    }

    g_free(connection->token);
    connection->token = g_memdup2(digest, sizeof digest);
    append(turn->output, SLICE("AUTH ok\n"));
    if (log_wants_messages(context->log))
        log_sent(context->log, connection->peer, SLICE("AUTH ok"));
    return SESSION_DONE;
}

/* What a neighbour wants to know of our store, to find out what we lack. */
static void answer_digest(const SessionContext *context, int part, Turn *turn)
{
    uint64_t sums[STORE_SHARDS];

    if (part == PART_ROOT) {
        sums[0] = store_sum(context->store);
        message_append_sums(turn->output, part, sums, 1);
    } else if (part == PART_SHARDS) {
        store_shard_sums(context->store, sums);
        message_append_sums(turn->output, part, sums, STORE_SHARDS);
    } else {
        store_leaf_sums(context->store, (unsigned)part, sums);
        message_append_sums(turn->output, part, sums, STORE_LEAVES);
    }
}

/* PROTOCOL R20: an update is never answered. */
static void execute_update(const SessionContext *context, const Connection *connection,
                           const Message *message, Turn *turn)
{
    Source source = {.neighbour = connection->neighbour,
                     .incarnation = connection->incarnation,
                     .found = message->kind == MESSAGE_SYNC};
    g_autoptr(Record) record = record_new(&message->at);

    if (store_and_flood(context, record, &source, turn) == STORE_STORED)
        counters_add(source.found ? COUNT_SYNCS_TAKEN : COUNT_UPDATES_TAKEN, 1);
    else
        counters_add(source.found ? COUNT_SYNCS_DROPPED : COUNT_UPDATES_DROPPED, 1);
}

static void drop_line(const SessionContext *context, const Connection *connection, Slice line,
                      const char *why)
{
    if (!log_wants_invalid(context->log))
        return;

    Slice shown = message_shown(line);
    g_autofree char *text = g_strndup(shown.data, shown.length);
    log_event(context->log, LOG_WARNING, "link %s dropped a line that is %s: %s",
              session_peer(connection), why, text);
}

/* What comes over a link of a native neighbour. */
static SessionOutcome execute_link(const SessionContext *context, const Connection *connection,
                                   const Message *message, Slice line, Turn *turn)
{
    switch (message->kind) {
    case MESSAGE_AT:
    case MESSAGE_SYNC:
        execute_update(context, connection, message, turn);
        break;
    case MESSAGE_PING:
        append(turn->output, SLICE("PONG\n"));
        break;
    case MESSAGE_DIGEST:
        answer_digest(context, message->digest.part, turn);
        break;
    case MESSAGE_IAMAT:
    case MESSAGE_WHATSAT:
    case MESSAGE_HELLO:
    case MESSAGE_CHALLENGE:
    case MESSAGE_PROOF:
    case MESSAGE_AUTH:
    case MESSAGE_PONG:
    case MESSAGE_SUMS:
    case MESSAGE_INVALID:
        drop_line(context, connection, line, "no update");
        break;
    }
    return SESSION_DONE;
}

/* Whether a foreign neighbour is where @connection comes from (PROTOCOL R24). @ret_neighbour:
 * which; CONNECTION_CLIENT if there are several and none is called @name. */
static bool find_foreign(const SessionContext *context, const Connection *connection, Slice name,
                         GQuark *ret_neighbour)
{
    const GPtrArray *names = context->config->self->neighbours;
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    unsigned found = 0;

    if (getpeername(connection->stream.descriptor, (struct sockaddr *)&address, &length) != 0)
        return false; /* it has gone already */
    for (unsigned i = 0; i < names->len; i++) {
        const Member *member = config_member(context->config, names->pdata[i]);

        if (!member_is_foreign(member) || !member_is_at(member, &address))
            continue;
        *ret_neighbour = found++ == 0 ? member->id : CONNECTION_CLIENT;
        if (slice_equal(name, slice_of(member->name))) {
            *ret_neighbour = member->id;
            return true;
        }
    }
    return found > 0;
}

/* Whether @record, which others may have rewritten on its way, is what we have of its client
 * already. */
static bool is_known(const SessionContext *context, const Record *record)
{
    g_autoptr(Record) known = store_get(context->store, record_client(record));

    return known != NULL && record_is_copy(known, record);
}

/* PROTOCOL R24: what a foreign neighbour says is never answered. */
static SessionOutcome execute_foreign(const SessionContext *context, Connection *connection,
                                      Slice line, Turn *turn)
{
    DialectUpdate update;
    Source source = {.most = most_clients(context)};

    if (!dialect_parse(line, &update) ||
        !find_foreign(context, connection, dialect_sender(&update), &source.neighbour)) {
        drop_line(context, connection, line, "in no dialect");
        counters_add(COUNT_FOREIGN_DROPPED, 1);
        return SESSION_DONE;
    }

    connection->is_foreign = true;
    if (source.neighbour != CONNECTION_CLIENT)
        flood_poke(context->flood, source.neighbour, INCARNATION_UNKNOWN); /* it is there */

    g_autoptr(Record) record = record_new(&update.fields);
    if (!is_known(context, record) &&
        store_and_flood(context, record, &source, turn) == STORE_STORED)
        counters_add(COUNT_FOREIGN_TAKEN, 1);
    else
        counters_add(COUNT_FOREIGN_DROPPED, 1);
    return SESSION_DONE;
}

/* Whether @line, which came over a connection that is no link, is said as between members, by
 * somebody who may be one. */
static bool is_foreign(const SessionContext *context, const Connection *connection, Slice line)
{
    GQuark neighbour;

    return dialect_is_update(line) && find_foreign(context, connection, (Slice){0}, &neighbour);
}

void session_too_long(const SessionContext *context, const Connection *connection, Slice head,
                      Turn *turn)
{
    if (log_wants_messages(context->log))
        log_received(context->log, session_peer(connection), message_shown(head));
    if (connection->neighbour != CONNECTION_CLIENT || is_foreign(context, connection, head))
        return; /* members are answered nothing */
    head.length = MIN(head.length, TOO_LONG_SHOWN);
    reply_invalid(context, connection, head, turn);
}

/* What a link says beside updates: not of the log, once a second. */
static bool is_of_links(const Message *message)
{
    return message->kind == MESSAGE_PING || message->kind == MESSAGE_DIGEST;
}

bool session_may_take_long(Slice line)
{
    return line.length > 0 && line.data[0] == 'W';
}

SessionOutcome session_execute(const SessionContext *context, Connection *connection, Slice line,
                               Turn *turn)
{
    Message message = message_parse(line);
    bool link = connection->neighbour != CONNECTION_CLIENT;

    if (log_wants_messages(context->log) && !turn->repeated && !(link && is_of_links(&message)))
        log_received(context->log, session_peer(connection), message_shown(line));
    if (link)
        return execute_link(context, connection, &message, line, turn);
    if (G_UNLIKELY(connection->hello != NULL) && message.kind != MESSAGE_PROOF)
        hello_forget(context, connection);

    switch (message.kind) {
    case MESSAGE_IAMAT:
        return execute_iamat(context, connection, &message, line, turn);
    case MESSAGE_WHATSAT:
        return execute_whatsat(context, connection, &message, line, turn);
    case MESSAGE_HELLO:
    case MESSAGE_PROOF:
        return execute_hello(context, connection, &message, line, turn);
    case MESSAGE_AUTH:
        return execute_auth(context, connection, &message, line, turn);
    case MESSAGE_AT: /* PROTOCOL R17: not from a stranger */
    case MESSAGE_INVALID:
        if (is_foreign(context, connection, line))
            return execute_foreign(context, connection, line, turn);
        break;
    case MESSAGE_CHALLENGE:
    case MESSAGE_SYNC:
    case MESSAGE_PING:
    case MESSAGE_PONG:
    case MESSAGE_DIGEST:
    case MESSAGE_SUMS:
        break;
    }
    return reply_invalid(context, connection, line, turn);
}
