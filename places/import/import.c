/* SPDX-License-Identifier: MIT */
#include "places/import/import.h"

#include <string.h>

Slice import_trim(Slice text)
{
    while (text.length > 0 && g_ascii_isspace(text.data[0])) {
        text.data++;
        text.length--;
    }
    while (text.length > 0 && g_ascii_isspace(text.data[text.length - 1]))
        text.length--;
    return text;
}

static bool is_separator(char c)
{
    return c == ';' || c == '|' || c == ',';
}

static void append_type(GString *types, Slice type)
{
    if (type.length == 0)
        return;
    if (types->len > 0)
        g_string_append_c(types, ',');
    for (size_t i = 0; i < type.length; i++)
        g_string_append_c(types, type.data[i] == ' ' ? '_' : g_ascii_tolower(type.data[i]));
}

static unsigned count_types(const GString *types)
{
    unsigned count = types->len > 0;

    for (size_t i = 0; i < types->len; i++)
        count += types->str[i] == ',';
    return count;
}

void import_append_types(GString *types, Slice text)
{
    unsigned room = IMPORT_TYPES_MAX - MIN(count_types(types), IMPORT_TYPES_MAX);
    size_t begin = 0;

    if (text.length == 0)
        return;
    for (size_t at = 0; at <= text.length && room > 0; at++) {
        if (at < text.length && !is_separator(text.data[at]))
            continue;
        size_t before = types->len;
        append_type(types, import_trim((Slice){.data = text.data + begin, .length = at - begin}));
        room -= types->len > before;
        begin = at + 1;
    }
}

Slice import_row_id(GString *id, uint64_t row)
{
    g_string_printf(id, "row:%" G_GUINT64_FORMAT, row);
    return (Slice){.data = id->str, .length = id->len};
}
