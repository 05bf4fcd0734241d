/* SPDX-License-Identifier: MIT */
#include "cmd/tool/text.h"

#include <string.h>

#define ELLIPSIS "\xe2\x80\xa6" /* one column */

/* Embeddings, overrides and isolates of bidirectional text: they reorder what stands behind them.
 */
static bool turns_direction(gunichar c)
{
    return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x200e ||
           c == 0x200f || c == 0x061c;
}

static bool is_shown(gunichar c)
{
    GUnicodeType type = g_unichar_type(c);

    return type != G_UNICODE_CONTROL && type != G_UNICODE_LINE_SEPARATOR &&
           type != G_UNICODE_PARAGRAPH_SEPARATOR && type != G_UNICODE_SURROGATE &&
           !turns_direction(c);
}

char *text_clean(Slice bytes)
{
    GString *out = g_string_sized_new(bytes.length + 1);
    size_t at = 0;

    while (at < bytes.length) {
        const char *here = bytes.data + at;
        gunichar c = g_utf8_get_char_validated(here, (gssize)(bytes.length - at));

        if (c == (gunichar)-1 || c == (gunichar)-2 || c == 0) {
            g_string_append_printf(out, "\\x%02x", (unsigned char)*here);
            at++;
            continue;
        }
        if (is_shown(c))
            g_string_append_unichar(out, c);
        else
            g_string_append_printf(out, c < 0x80 ? "\\x%02x" : "\\u%04x", c);
        at += (size_t)g_unichar_to_utf8(c, NULL);
    }
    return g_string_free(out, FALSE);
}

gunichar text_take(const char **text)
{
    gunichar c = g_utf8_get_char(*text);

    *text += g_utf8_skip[(unsigned char)**text];
    return c;
}

static size_t width_of(gunichar c)
{
    if (g_unichar_iszerowidth(c))
        return 0;
    return g_unichar_iswide(c) ? 2 : 1;
}

size_t text_width(const char *text)
{
    size_t width = 0;

    while (*text != '\0')
        width += width_of(text_take(&text));
    return width;
}

size_t text_append_cut(GString *out, const char *text, size_t columns)
{
    size_t width = text_width(text);
    size_t taken = 0;

    if (width <= columns) {
        g_string_append(out, text);
        return width;
    }
    if (columns == 0)
        return 0;
    while (*text != '\0') {
        gunichar c = text_take(&text);

        if (taken + width_of(c) > columns - 1)
            break;
        taken += width_of(c);
        g_string_append_unichar(out, c);
    }
    g_string_append(out, ELLIPSIS);
    return taken + 1;
}

/* ---- HTML ---- */

static const struct {
    const char *entity;
    char character;
} entities[] = {
    {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&#39;", '\''},
};

/* Appends what the entity at @at stands for and returns its length; 0 if there is none. */
static size_t append_entity(GString *out, const char *at)
{
    for (size_t i = 0; i < G_N_ELEMENTS(entities); i++) {
        if (g_str_has_prefix(at, entities[i].entity)) {
            g_string_append_c(out, entities[i].character);
            return strlen(entities[i].entity);
        }
    }
    return 0;
}

/* The address in a tag, which is without < and >; NULL if it has none. (transfer full) */
static char *address_in(const char *tag)
{
    const char *begin = strstr(tag, "href=\"");

    if (begin == NULL)
        return NULL;
    begin += strlen("href=\"");
    return g_strndup(begin, strcspn(begin, "\""));
}

void text_append_html(GString *out, Slice html)
{
    g_autofree char *text = g_strndup(html.data, html.length);
    g_autofree char *address = NULL; /* of the link that is open */
    const char *last = strrchr(text, '>');

    for (const char *at = text; *at != '\0';) {
        bool closes = *at == '<' && last != NULL && at < last;
        const char *close = closes ? strchr(at, '>') : NULL;

        if (close != NULL) {
            g_autofree char *tag = g_strndup(at + 1, (size_t)(close - at - 1));

            if (g_ascii_strcasecmp(tag, "/a") == 0 && address != NULL)
                g_string_append_printf(out, " (%s)", address);
            if (tag[0] == 'a' || tag[0] == 'A' || tag[0] == '/') {
                g_free(address);
                address = address_in(tag);
            }
            at = close + 1;
            continue;
        }
        size_t length = append_entity(out, at);
        if (length == 0) {
            g_string_append_c(out, *at);
            length = 1;
        }
        at += length;
    }
}
