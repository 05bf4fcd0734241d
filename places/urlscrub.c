/* SPDX-License-Identifier: MIT */
#include "places/urlscrub.h"

#define MARK "://"

/* RFC 3986, 3.1 */
static bool in_scheme(char c)
{
    return g_ascii_isalnum(c) || c == '+' || c == '-' || c == '.';
}

/* Whether the last byte of @url is the sentence's. A bracket is the URL's if it opens in it. */
static bool ends_sentence(Slice url)
{
    char last = url.data[url.length - 1];

    switch (last) {
    case ')':
        return memchr(url.data, '(', url.length) == NULL;
    case ']':
        return memchr(url.data, '[', url.length) == NULL;
    case '}':
        return memchr(url.data, '{', url.length) == NULL;
    case '>':
        return memchr(url.data, '<', url.length) == NULL;
    default:
        return last != '\0' && strchr(".,;:!?'\"", last) != NULL;
    }
}

void urlscrub_append(GString *out, Slice message)
{
    const Slice mark = SLICE(MARK);
    const char *end = message.data + message.length;
    const char *at = message.data; /* what is before has been appended */

    while (message.length > 0) {
        const char *found = memmem(at, (size_t)(end - at), mark.data, mark.length);
        if (found == NULL)
            break;
        const char *begin = found;
        while (begin > at && in_scheme(begin[-1]))
            begin--;
        const char *after = found + mark.length;
        while (after < end && !g_ascii_isspace(*after))
            after++;
        while (after > found + mark.length &&
               ends_sentence((Slice){.data = found, .length = (size_t)(after - found)}))
            after--;
        g_string_append_len(out, at, begin - at);
        g_string_append(out, URLSCRUB_REPLACEMENT);
        at = after;
    }
    g_string_append_len(out, at, end - at);
}
