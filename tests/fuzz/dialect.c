/* SPDX-License-Identifier: MIT */

/*
 * A line of a member of another implementation (PROTOCOL R24): what it is read as is written in
 * each dialect and read again as the same.
 */

#include "fuzz.h"

#include "core/dialect.h"
#include "core/message.h"

#include <stdlib.h>

/* What message_parse() takes in one piece from a neighbour is shorter. */
#define LINE_BYTES_MAX 33000

/* The update that @update says, with @origin in place of its own. */
static void assert_same(const RecordFields *fields, const DialectUpdate *again, Slice origin)
{
    g_assert_true(slice_equal(again->fields.origin, origin));
    g_assert_true(slice_equal(again->fields.client, fields->client));
    g_assert_true(slice_equal(again->fields.location, fields->location));
    g_assert_true(slice_equal(again->fields.time, fields->time));
    g_assert_cmpint(timestamp_compare(again->fields.time_value, fields->time_value), ==, 0);
    g_assert_true(slice_equal(again->fields.skew, fields->skew));
}

/* @record in @dialect, in a block of exactly that size. @size: bytes of the line without its end.
 */
static char *format(Dialect dialect, Terminator terminator, const Record *record, Slice self,
                    Slice neighbour, size_t *ret_size)
{
    static const size_t ends[] = {
        [TERMINATOR_LF] = 1, [TERMINATOR_CRLF] = 2, [TERMINATOR_NONE] = 0};
    size_t size = dialect_format(dialect, terminator, record, self, neighbour, NULL, 0);
    char *text = malloc(size);
    char *shorter = malloc(size - 1);

    g_assert_cmpuint(dialect_format(dialect, terminator, record, self, neighbour, text, size), ==,
                     size);
    /* What does not fit is not written. */
    g_assert_cmpuint(
        dialect_format(dialect, terminator, record, self, neighbour, shorter, size - 1), ==, size);
    free(shorter);
    *ret_size = size - ends[terminator];
    g_assert_null(memchr(text, '\n', *ret_size));
    return text;
}

/* An ECHO says when it was received as a time of R8, which has a digit less than a skew. */
static bool has_received_time(const RecordFields *fields)
{
    Timestamp skew;
    bool valid = timestamp_parse_skew(fields->skew, &skew);
    int64_t seconds = timestamp_add(fields->time_value, skew).seconds;

    g_assert_true(valid);
    return seconds > -INT64_C(1000000000000) && seconds < INT64_C(1000000000000);
}

static void check(const DialectUpdate *update, Slice self, Slice neighbour)
{
    g_autoptr(Record) record = record_new(&update->fields);
    Slice line = record_line(record);
    Message native = message_parse((Slice){.data = line.data, .length = line.length - 1});

    g_assert_cmpint(native.kind, ==, MESSAGE_AT);
    for (Dialect dialect = DIALECT_NATIVE; dialect <= DIALECT_ECHO; dialect++)
        for (Terminator terminator = TERMINATOR_LF; terminator <= TERMINATOR_NONE; terminator++) {
            DialectUpdate again;
            size_t size;
            char *text = format(dialect, terminator, record, self, neighbour, &size);
            bool echo = dialect == DIALECT_ECHO;

            if (!echo || has_received_time(&update->fields)) {
                g_assert_true(dialect_parse((Slice){.data = text, .length = size}, &again));
                assert_same(&update->fields, &again, echo ? self : update->fields.origin);
                if (dialect > DIALECT_PLAIN)
                    g_assert_true(slice_equal(dialect_sender(&again), self));
            }
            free(text);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Slice line = slice_of_input(data, MIN(size, LINE_BYTES_MAX));
    DialectUpdate update;

    if (!dialect_parse(line, &update))
        return 0;
    g_assert_true(dialect_is_update(line));
    Slice sender = dialect_sender(&update);
    check(&update, SLICE("Bailey"), SLICE("Riley"));
    if (sender.length > 0)
        check(&update, sender, update.fields.origin);
    return 0;
}
