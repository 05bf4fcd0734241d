/* SPDX-License-Identifier: MIT */

/* Comma-separated values, RFC 4180, with a header. */

#include "places/degrees.h"
#include "places/import/import.h"
#include "places/import/records.h"
#include "places/places.h"

#include <string.h>

#define FIELDS_MAX 1024 /* of a row; what is behind is not looked at */

typedef enum {
    COLUMN_ID,
    COLUMN_NAME,
    COLUMN_LATITUDE,
    COLUMN_LONGITUDE,
    COLUMN_TYPES,
    COLUMN_VICINITY,
    COLUMNS,
} Column;

static const struct {
    const char *name;
    Column column;
} column_names[] = {
    {"id", COLUMN_ID},
    {"name", COLUMN_NAME},
    {"lat", COLUMN_LATITUDE},
    {"latitude", COLUMN_LATITUDE},
    {"lon", COLUMN_LONGITUDE},
    {"lng", COLUMN_LONGITUDE},
    {"longitude", COLUMN_LONGITUDE},
    {"types", COLUMN_TYPES},
    {"type", COLUMN_TYPES},
    {"vicinity", COLUMN_VICINITY},
    {"address", COLUMN_VICINITY},
};

/* A row as it is put together, of one line or, where a quoted field holds line ends, of more. */
typedef struct {
    char separator;
    GString *text; /* of the fields, without what quotes them, one after another */
    size_t ends[FIELDS_MAX];
    size_t count;
    bool quoted; /* in a quoted field, which goes on in the next line */
} Row;

static void end_field(Row *row)
{
    if (row->count < FIELDS_MAX)
        row->ends[row->count++] = row->text->len;
    else
        g_string_truncate(row->text, row->ends[FIELDS_MAX - 1]);
}

/* Empty if there are not so many. */
static Slice field_of(const Row *row, size_t number)
{
    if (number >= row->count)
        return (Slice){0};
    size_t begin = number == 0 ? 0 : row->ends[number - 1];
    return (Slice){.data = row->text->str + begin, .length = row->ends[number] - begin};
}

/* Adds a line. FALSE: a quoted field has not ended, the next line belongs to it. A quotation mark
 * in a field that does not begin with one is one. */
static bool add_line(Row *row, Slice line)
{
    bool field_begins = !row->quoted;

    if (row->quoted)
        g_string_append_c(row->text, '\n');
    for (size_t i = 0; i < line.length; i++) {
        char c = line.data[i];

        if (row->quoted) {
            if (c != '"')
                g_string_append_c(row->text, c);
            else if (i + 1 < line.length && line.data[i + 1] == '"')
                g_string_append_c(row->text, line.data[++i]);
            else
                row->quoted = false;
        } else if (c == row->separator) {
            end_field(row);
            field_begins = true;
            continue;
        } else if (c == '"' && field_begins) {
            row->quoted = true;
        } else {
            g_string_append_c(row->text, c);
        }
        field_begins = false;
    }
    if (row->quoted)
        return false;
    end_field(row);
    return true;
}

/* The outcome and line of one row. */
static RecordsOutcome next_row(Records *records, Row *row, uint64_t *ret_line, GError **error)
{
    uint64_t later;

    g_string_truncate(row->text, 0);
    row->count = 0;
    row->quoted = false;
    for (uint64_t *line_number = ret_line;; line_number = &later) {
        Slice line;
        RecordsOutcome outcome = records_next(records, '\n', &line, line_number, error);

        if (outcome == RECORDS_END && row->quoted) {
            end_field(row); /* with what there is of it */
            return RECORDS_ONE;
        }
        if (outcome != RECORDS_ONE)
            return outcome;
        if (line.length > 0 && line.data[line.length - 1] == '\r')
            line.length--;
        if (row->text->len + line.length > IMPORT_LINE_MAX)
            return RECORDS_TOO_LONG; /* what follows is a row of its own */
        if (add_line(row, line))
            return RECORDS_ONE;
    }
}

/* Of the characters that may separate columns the one that there is most of. */
static char separator_of(Slice header)
{
    static const char candidates[] = {',', ';', '\t'};
    size_t most = 0;
    char separator = ',';

    for (size_t i = 0; i < sizeof candidates; i++) {
        size_t count = 0;

        for (size_t at = 0; at < header.length; at++)
            count += header.data[at] == candidates[i];
        if (count > most) {
            most = count;
            separator = candidates[i];
        }
    }
    return separator;
}

/* Sets where each column is, FIELDS_MAX if nowhere. The first of a name counts. */
static bool read_header(const Row *row, size_t places[COLUMNS], GError **error)
{
    for (size_t column = 0; column < COLUMNS; column++)
        places[column] = FIELDS_MAX;
    for (size_t field = row->count; field-- > 0;) {
        Slice text = import_trim(field_of(row, field));
        g_autofree char *name =
            g_ascii_strdown(text.data == NULL ? "" : text.data, (gssize)text.length);

        for (size_t i = 0; i < G_N_ELEMENTS(column_names); i++)
            if (strcmp(name, column_names[i].name) == 0)
                places[column_names[i].column] = field;
    }
    if (places[COLUMN_NAME] != FIELDS_MAX && places[COLUMN_LATITUDE] != FIELDS_MAX &&
        places[COLUMN_LONGITUDE] != FIELDS_MAX)
        return true;
    g_set_error_literal(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_DATA,
                        "line 1: the header does not name the columns name, lat and lon");
    return false;
}

/* NULL, or why it is no place. */
static const char *read_place(const Row *row, const size_t places[COLUMNS], uint64_t number,
                              GString *id, GString *types, Place *ret_place)
{
    Slice fields[COLUMNS];

    for (size_t column = 0; column < COLUMNS; column++)
        fields[column] = import_trim(field_of(row, places[column]));
    if (fields[COLUMN_NAME].length == 0)
        return IMPORT_NO_NAME;
    if (!degrees_parse(fields[COLUMN_LATITUDE], 90, &ret_place->latitude) ||
        !degrees_parse(fields[COLUMN_LONGITUDE], 180, &ret_place->longitude))
        return IMPORT_NO_POSITION;

    g_string_truncate(types, 0);
    import_append_types(types, fields[COLUMN_TYPES]);
    if (types->len == 0)
        g_string_append(types, IMPORT_TYPES_DEFAULT);
    ret_place->types = (Slice){.data = types->str, .length = types->len};
    ret_place->id = fields[COLUMN_ID].length > 0 ? fields[COLUMN_ID] : import_row_id(id, number);
    ret_place->name = fields[COLUMN_NAME];
    ret_place->vicinity = fields[COLUMN_VICINITY];
    return NULL;
}

/* All rows behind the header. */
static bool read_rows(Records *records, Row *row, const size_t places[COLUMNS],
                      const ImportSink *sink, GError **error)
{
    g_autoptr(GString) id = g_string_new(NULL);
    g_autoptr(GString) types = g_string_new(NULL);
    uint64_t rows = 0;

    for (;;) {
        uint64_t line;
        Place place;
        RecordsOutcome outcome = next_row(records, row, &line, error);

        if (outcome == RECORDS_END || outcome == RECORDS_FAILED)
            return outcome == RECORDS_END;
        if (outcome == RECORDS_ONE && row->count == 1 && row->text->len == 0)
            continue; /* an empty line */
        rows++;
        const char *reason = outcome == RECORDS_TOO_LONG
                                 ? "a row of more than 1 MiB"
                                 : read_place(row, places, rows, id, types, &place);
        if (reason != NULL)
            sink->skipped(sink->self, line, reason);
        else if (!sink->place(sink->self, line, &place, error))
            return false;
    }
}

bool import_csv(const ImportInput *input, const ImportSink *sink, GError **error)
{
    g_autoptr(Records) records = records_new(input, IMPORT_LINE_MAX);
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree Row *row = g_new0(Row, 1);
    size_t places[COLUMNS];
    Slice header = {0};
    uint64_t line;

    switch (records_next(records, '\n', &header, &line, error)) {
    case RECORDS_FAILED:
        return false;
    case RECORDS_ONE:
        break;
    case RECORDS_TOO_LONG:
    case RECORDS_END:
    default:
        header = SLICE("");
    }
    if (header.length > 0 && header.data[header.length - 1] == '\r')
        header.length--;
    row->text = text;
    row->separator = separator_of(header);
    if (!add_line(row, header))
        end_field(row);
    return read_header(row, places, error) && read_rows(records, row, places, sink, error);
}
