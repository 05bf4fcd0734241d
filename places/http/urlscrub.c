/* SPDX-License-Identifier: MIT */
#include "places/http/urlscrub.h"

#define MARK "://"

/* RFC 3986, 3.1 */
static bool in_scheme(char c)
{
    return g_ascii_isalnum(c) || c == '+' || c == '-' || c == '.';
}

/* The bytes behind @url that are the sentence's: punctuation, and the brackets that do not open in
 * it. A URL may be all the message, 2 MiB, so it is gone through once and not for each of them. */
static size_t count_endings(Slice url)
{
    static const char *const brackets[] = {"()", "[]", "{}", "<>"};
    char endings[] = ".,;:!?'\"\0\0\0\0";
    size_t count = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(brackets); i++)
        if (memchr(url.data, brackets[i][0], url.length) == NULL)
            endings[strlen(endings)] = brackets[i][1];
    while (count < url.length && url.data[url.length - 1 - count] != '\0' &&
           strchr(endings, url.data[url.length - 1 - count]) != NULL)
        count++;
    return count;
}

void urlscrub_append(GString *out, Slice message)
{
    const Slice mark = SLICE(MARK);

    if (message.length == 0) /* and perhaps no bytes to point to */
        return;
    const char *end = message.data + message.length;
    const char *at = message.data; /* what is before has been appended */
    for (;;) {
        const char *found = memmem(at, (size_t)(end - at), mark.data, mark.length);
        if (found == NULL)
            break;
        const char *begin = found;
        while (begin > at && in_scheme(begin[-1]))
            begin--;
        const char *after = found + mark.length;
        while (after < end && !g_ascii_isspace(*after))
            after++;
        const char *rest = found + mark.length;
        after -= count_endings((Slice){.data = rest, .length = (size_t)(after - rest)});
        g_string_append_len(out, at, begin - at);
        g_string_append(out, URLSCRUB_REPLACEMENT);
        at = after;
    }
    g_string_append_len(out, at, end - at);
}
