/* SPDX-License-Identifier: MIT */
#include "core/journal.h"

#include <glib.h>
#include <sys/uio.h>
#include <syslog.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION /* an event is not where log.c hands it on */
#include <systemd/sd-journal.h>

#define SOCKET "/run/systemd/journal/socket" /* systemd.journal-fields(7), native protocol */

bool journal_is_there(void)
{
    return access(SOCKET, W_OK) == 0;
}

/* The next word of @rest, which begins behind it afterwards. */
static Slice take_word(Slice *rest)
{
    const char *blank = memchr(rest->data, ' ', rest->length);
    size_t length = blank != NULL ? (size_t)(blank - rest->data) : rest->length;
    Slice word = {.data = rest->data, .length = length};

    rest->data += MIN(length + 1, rest->length);
    rest->length -= MIN(length + 1, rest->length);
    return word;
}

static int priority_of(Slice level)
{
    if (slice_equal(level, SLICE("error")))
        return LOG_ERR;
    return slice_equal(level, SLICE("warning")) ? LOG_WARNING : LOG_INFO;
}

static bool has_peer(Slice event)
{
    static const char *const events[] = {"open", "close", "recv", "send", "link"};

    for (size_t i = 0; i < G_N_ELEMENTS(events); i++)
        if (slice_equal(event, slice_of(events[i])))
            return true;
    return false;
}

bool journal_write(const char *member, Slice line)
{
    g_autoptr(GPtrArray) fields = g_ptr_array_new_with_free_func(g_free);
    Slice rest = line;
    Slice time = take_word(&rest);
    Slice level = take_word(&rest);
    Slice thread = take_word(&rest);
    Slice message = rest;
    Slice event = take_word(&rest);
    struct iovec parts[8];

    g_ptr_array_add(fields, g_strdup_printf("MESSAGE=%.*s", (int)message.length, message.data));
    g_ptr_array_add(fields, g_strdup_printf("PRIORITY=%d", priority_of(level)));
    g_ptr_array_add(fields, g_strdup("SYSLOG_IDENTIFIER=herdd"));
    g_ptr_array_add(fields, g_strdup_printf("HERD_MEMBER=%s", member));
    g_ptr_array_add(fields, g_strdup_printf("HERD_THREAD=%.*s", (int)thread.length, thread.data));
    g_ptr_array_add(fields, g_strdup_printf("HERD_TIME=%.*s", (int)time.length, time.data));
    g_ptr_array_add(fields, g_strdup_printf("HERD_EVENT=%.*s", (int)event.length, event.data));
    if (has_peer(event)) {
        Slice peer = take_word(&rest);

        g_ptr_array_add(fields, g_strdup_printf("HERD_PEER=%.*s", (int)peer.length, peer.data));
    }
    g_assert(fields->len <= G_N_ELEMENTS(parts));
    for (unsigned i = 0; i < fields->len; i++)
        parts[i] =
            (struct iovec){.iov_base = fields->pdata[i], .iov_len = strlen(fields->pdata[i])};
    return sd_journal_sendv(parts, (int)fields->len) >= 0;
}
