/* SPDX-License-Identifier: MIT */
#include "places/import/records.h"

#include <string.h>

#define PIECE ((size_t)64 * 1024) /* that is read at once */

static const char byte_order_mark[] = {'\xef', '\xbb', '\xbf'};

struct Records {
    const ImportInput *input;
    size_t length_max;
    char *buffer; /* (owned) of length_max + PIECE bytes, of which only what is used costs memory */
    size_t begin; /* of what is read and not handed over */
    size_t end;
    uint64_t line; /* at begin */
    bool begun;
    bool ended;
};

Records *records_new(const ImportInput *input, size_t length_max)
{
    Records *records = g_new0(Records, 1);

    records->input = input;
    records->length_max = length_max;
    records->buffer = g_malloc(length_max + PIECE);
    records->line = 1;
    return records;
}

void records_free(Records *records)
{
    if (records == NULL)
        return;
    g_free(records->buffer);
    g_free(records);
}

/* Reads more behind what there is, at most length_max bytes. */
static bool fill(Records *records, GError **error)
{
    if (records->begin > 0) {
        memmove(records->buffer, records->buffer + records->begin, records->end - records->begin);
        records->end -= records->begin;
        records->begin = 0;
    }
    gssize got =
        records->input->read(records->input->self, records->buffer + records->end, PIECE, error);
    if (got < 0)
        return false;
    records->ended = got == 0;
    records->end += (size_t)got;
    return true;
}

static bool begin_input(Records *records, GError **error)
{
    if (records->begun)
        return true;
    while (!records->ended && records->end < sizeof byte_order_mark)
        if (!fill(records, error))
            return false;
    records->begun = true;
    if (records->end >= sizeof byte_order_mark &&
        memcmp(records->buffer, byte_order_mark, sizeof byte_order_mark) == 0)
        records->begin = sizeof byte_order_mark;
    return true;
}

RecordsOutcome records_peek(Records *records, char *ret_byte, GError **error)
{
    if (!begin_input(records, error))
        return RECORDS_FAILED;
    while (records->begin == records->end) {
        if (records->ended)
            return RECORDS_END;
        if (!fill(records, error))
            return RECORDS_FAILED;
    }
    *ret_byte = records->buffer[records->begin];
    return RECORDS_ONE;
}

/* Passes over @length bytes. */
static Slice take(Records *records, size_t length)
{
    Slice taken = {.data = records->buffer + records->begin, .length = length};

    for (size_t i = 0; i < length; i++)
        records->line += taken.data[i] == '\n';
    records->begin += length;
    return taken;
}

RecordsOutcome records_next(Records *records, char delimiter, Slice *ret_record, uint64_t *ret_line,
                            GError **error)
{
    char first;
    RecordsOutcome outcome = records_peek(records, &first, error);
    size_t looked_at = 0;

    if (outcome != RECORDS_ONE)
        return outcome;
    *ret_line = records->line;
    for (;;) {
        const char *begin = records->buffer + records->begin;
        size_t length = records->end - records->begin;
        const char *at = memchr(begin + looked_at, delimiter, length - looked_at);

        if (at != NULL || records->ended) {
            Slice record = take(records, at == NULL ? length : (size_t)(at - begin) + 1);
            record.length -= at != NULL;
            *ret_record = record;
            return record.length > records->length_max ? RECORDS_TOO_LONG : outcome;
        }
        looked_at = length;
        if (length > records->length_max) {
            outcome = RECORDS_TOO_LONG;
            take(records, length);
            looked_at = 0;
        }
        if (!fill(records, error))
            return RECORDS_FAILED;
    }
}
