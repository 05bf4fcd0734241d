/* SPDX-License-Identifier: MIT */
#include "core/dialect.h"

#include "core/location.h"
#include "core/member.h"
#include "core/message.h"

#include <glib.h>

#define AT_FIELDS   6 /* without names behind them */
#define ECHO_FIELDS 6

/* A buffer being filled. What does not fit is counted only. */
typedef struct {
    char *data;
    size_t size;
    size_t length; /* of all that was to be written; may be more than size */
} Output;

static void put(Output *output, Slice text)
{
    if (output->length <= output->size && text.length <= output->size - output->length &&
        text.length > 0)
        memcpy(output->data + output->length, text.data, text.length);
    output->length += text.length;
}

static void put_field(Output *output, Slice text)
{
    put(output, SLICE(" "));
    put(output, text);
}

/* Exact: to the nanosecond, with nine decimals; no sign but that of a time before 1970. */
static void put_received_time(Output *output, const Record *record)
{
    char text[TIMESTAMP_SKEW_MAX];
    Timestamp received = timestamp_add(record_time(record), record_skew(record));
    size_t length = timestamp_format_skew(received, text);
    size_t plus = text[0] == '+';

    put_field(output, (Slice){.data = text + plus, .length = length - plus});
}

static void put_echo(Output *output, const Record *record, Slice self)
{
    put(output, SLICE("ECHO"));
    put_field(output, record_client(record));
    put_field(output, record_location(record));
    put_field(output, record_time_text(record));
    put_received_time(output, record);
    put_field(output, self);
}

static void put_at(Output *output, const Record *record)
{
    Slice line = record_line(record);

    put(output, (Slice){.data = line.data, .length = line.length - 1}); /* without its LF */
}

/* Who finds its own name in a path drops the update, and what is told to its origin is what that
 * may have lost. So an origin is not told of itself. */
static void put_path(Output *output, const Record *record, Slice self, Slice neighbour)
{
    Slice origin = record_origin(record);

    put_at(output, record);
    if (!slice_equal(origin, neighbour) && !slice_equal(origin, self))
        put_field(output, origin);
    put_field(output, self);
}

static void put_terminator(Output *output, Terminator terminator)
{
    switch (terminator) {
    case TERMINATOR_LF:
        put(output, SLICE("\n"));
        return;
    case TERMINATOR_CRLF:
        put(output, SLICE("\r\n"));
        return;
    case TERMINATOR_NONE:
        return;
    }
    g_assert_not_reached();
}

size_t dialect_format(Dialect dialect, Terminator terminator, const Record *record, Slice self,
                      Slice neighbour, char *buffer, size_t size)
{
    Output output = {.data = buffer, .size = size};

    switch (dialect) {
    case DIALECT_NATIVE:
    case DIALECT_PLAIN:
        put_at(&output, record);
        break;
    case DIALECT_PATH:
        put_path(&output, record, self, neighbour);
        break;
    case DIALECT_LAST:
        put_at(&output, record);
        put_field(&output, self);
        break;
    case DIALECT_ECHO:
        put_echo(&output, record, self);
        break;
    }
    put_terminator(&output, terminator);
    return output.length;
}

static bool is_name(Slice text)
{
    return text.length <= MEMBER_NAME_MAX;
}

static void set_skew(DialectUpdate *update, Timestamp skew)
{
    update->fields.skew.data = update->skew;
    update->fields.skew.length = timestamp_format_skew(skew, update->skew);
}

/* The fields but for the skew, once they are where they belong. */
static bool check_fields(RecordFields *fields)
{
    Location location;

    return is_name(fields->origin) && location_parse(fields->location, &location) &&
           timestamp_parse(fields->time, &fields->time_value);
}

/* AT <origin> <skew> <client> <lat-lon> <time> [<name>...] */
static bool parse_at(const Slice *fields, unsigned count, DialectUpdate *update)
{
    Timestamp skew;

    update->fields = (RecordFields){
        .origin = fields[1], .client = fields[3], .location = fields[4], .time = fields[5]};
    if (!check_fields(&update->fields) || !timestamp_parse_printed(fields[2], &skew))
        return false;
    set_skew(update, skew);

    update->path_length = count - AT_FIELDS;
    for (unsigned i = 0; i < update->path_length; i++) {
        update->path[i] = fields[AT_FIELDS + i];
        if (!is_name(update->path[i]))
            return false;
    }
    return true;
}

/* ECHO <client> <lat-lon> <time> <received-time> <sender> */
static bool parse_echo(const Slice *fields, DialectUpdate *update)
{
    Timestamp received;

    update->fields = (RecordFields){
        .origin = fields[5], .client = fields[1], .location = fields[2], .time = fields[3]};
    if (!check_fields(&update->fields) || !timestamp_parse(fields[4], &received))
        return false;
    set_skew(update, timestamp_subtract(received, update->fields.time_value));

    update->path_length = 1;
    update->path[0] = fields[5];
    return true;
}

bool dialect_parse(Slice line, DialectUpdate *ret_update)
{
    Slice fields[AT_FIELDS + DIALECT_PATH_MAX];
    unsigned count = message_split(line, fields, G_N_ELEMENTS(fields));

    /* PROTOCOL R4: NUL anywhere makes a line invalid. */
    if (count < AT_FIELDS || count > G_N_ELEMENTS(fields) ||
        memchr(line.data, '\0', line.length) != NULL)
        return false;
    if (slice_equal(fields[0], SLICE("AT")))
        return parse_at(fields, count, ret_update);
    if (slice_equal(fields[0], SLICE("ECHO")) && count == ECHO_FIELDS)
        return parse_echo(fields, ret_update);
    return false;
}

Slice dialect_sender(const DialectUpdate *update)
{
    return update->path_length > 0 ? update->path[update->path_length - 1] : (Slice){0};
}

bool dialect_is_update(Slice line)
{
    Slice verb;

    return message_split(line, &verb, 1) > 0 &&
           (slice_equal(verb, SLICE("AT")) || slice_equal(verb, SLICE("ECHO")));
}
