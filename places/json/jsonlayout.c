/* SPDX-License-Identifier: MIT */
#include "places/json/jsonlayout.h"

#define ONE_LINE_BYTES 73 /* the most from [ to ] of an array on one line */

#define MEMBERS_ON_STACK 32

/* What stands after the backslash: 0 for a character that is not escaped, 'u' for \u00XX. */
static char escape_of(unsigned char c)
{
    switch (c) {
    case '"':
    case '\\':
        return (char)c;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    case '<':
    case '>':
        return 'u';
    default:
        return c < 0x20 ? 'u' : 0;
    }
}

void jsonlayout_append_string(GString *out, Slice text)
{
    static const char hexadecimal[] = "0123456789abcdef";
    size_t plain = 0; /* where the text begins that is not appended yet */

    g_string_append_c(out, '"');
    for (size_t at = 0; at < text.length; at++) {
        unsigned char c = (unsigned char)text.data[at];
        char escape = escape_of(c);

        if (escape == 0)
            continue;
        g_string_append_len(out, text.data + plain, (gssize)(at - plain));
        plain = at + 1;
        g_string_append_c(out, '\\');
        g_string_append_c(out, escape);
        if (escape == 'u') {
            g_string_append_len(out, "00", 2);
            g_string_append_c(out, hexadecimal[c >> 4]);
            g_string_append_c(out, hexadecimal[c & 0xf]);
        }
    }
    if (plain < text.length)
        g_string_append_len(out, text.data + plain, (gssize)(text.length - plain));
    g_string_append_c(out, '"');
}

static void append_slice(GString *out, Slice text)
{
    g_string_append_len(out, text.data, (gssize)text.length);
}

static void append_line_start(GString *out, unsigned depth)
{
    gsize begin = out->len;
    gsize indent = depth * (sizeof JSONLAYOUT_INDENT - 1);

    g_string_set_size(out, begin + 1 + indent);
    out->str[begin] = '\n';
    memset(out->str + begin + 1, JSONLAYOUT_INDENT[0], indent);
}

/* Appends @array on one line, or nothing and returns FALSE if it does not go on one. */
static bool append_one_line(GString *out, const JsonValue *array)
{
    gsize start = out->len;

    for (const JsonValue *value = array->first; value != NULL; value = value->next)
        if (value->count > 0)
            return false;

    append_slice(out, SLICE("[ "));
    for (const JsonValue *value = array->first; value != NULL; value = value->next) {
        jsonlayout_append(out, value, 0); /* a scalar or empty: one line, whatever the depth */
        append_slice(out, value->next == NULL ? SLICE(" ]") : SLICE(", "));
        if (out->len - start > ONE_LINE_BYTES) {
            g_string_truncate(out, start);
            return false;
        }
    }
    return true;
}

static void append_array(GString *out, const JsonValue *array, unsigned depth)
{
    if (append_one_line(out, array))
        return;
    g_string_append_c(out, '[');
    for (const JsonValue *value = array->first; value != NULL; value = value->next) {
        append_line_start(out, depth + 1);
        jsonlayout_append(out, value, depth + 1);
        if (value->next != NULL)
            g_string_append_c(out, ',');
    }
    append_line_start(out, depth);
    g_string_append_c(out, ']');
}

static gint compare_keys(gconstpointer a, gconstpointer b, gpointer unused)
{
    const JsonValue *const *left = a;
    const JsonValue *const *right = b;

    (void)unused;
    return slice_compare((*left)->key, (*right)->key);
}

static void append_object(GString *out, const JsonValue *object, unsigned depth)
{
    const JsonValue *on_stack[MEMBERS_ON_STACK];
    g_autofree const JsonValue **on_heap =
        object->count > MEMBERS_ON_STACK ? g_new(const JsonValue *, object->count) : NULL;
    const JsonValue **members = on_heap != NULL ? on_heap : on_stack;
    size_t count = 0;
    bool sorted = true;

    for (const JsonValue *member = object->first; member != NULL; member = member->next) {
        if (count > 0 && slice_compare(members[count - 1]->key, member->key) > 0)
            sorted = false;
        members[count++] = member;
    }
    if (!sorted) /* stable */
        g_qsort_with_data(members, (gint)count, sizeof members[0], compare_keys, NULL);

    g_string_append_c(out, '{');
    for (size_t i = 0; i < count; i++) {
        append_line_start(out, depth + 1);
        jsonlayout_append_string(out, members[i]->key);
        append_slice(out, SLICE(" : "));
        jsonlayout_append(out, members[i], depth + 1);
        if (i + 1 < count)
            g_string_append_c(out, ',');
    }
    append_line_start(out, depth);
    g_string_append_c(out, '}');
}

void jsonlayout_append(GString *out, const JsonValue *value, unsigned depth)
{
    switch (value->type) {
    case JSON_NULL:
        append_slice(out, SLICE("null"));
        break;
    case JSON_FALSE:
        append_slice(out, SLICE("false"));
        break;
    case JSON_TRUE:
        append_slice(out, SLICE("true"));
        break;
    case JSON_NUMBER:
        append_slice(out, value->text);
        break;
    case JSON_STRING:
        jsonlayout_append_string(out, value->text);
        break;
    case JSON_ARRAY:
        if (value->count == 0)
            append_slice(out, SLICE("[]"));
        else
            append_array(out, value, depth);
        break;
    case JSON_OBJECT:
        if (value->count == 0)
            append_slice(out, SLICE("{}"));
        else
            append_object(out, value, depth);
        break;
    default:
        g_assert_not_reached();
    }
}
