/* SPDX-License-Identifier: MIT */
#include "net/update-line.h"

#include "core/counters.h"

#include <string.h>

static size_t format_native(const OutboxEntry *entry, char *text, size_t room)
{
    static const Slice at = {"AT", 2}, sync = {"SYNC", 4};
    Slice verb = entry->found ? sync : at;
    Slice line = record_line(entry->record);
    Slice rest = {.data = line.data + at.length, .length = line.length - at.length};
    size_t length = verb.length + rest.length;

    if (length <= room) {
        memcpy(text, verb.data, verb.length);
        memcpy(text + verb.length, rest.data, rest.length);
    }
    return length;
}

/* Writes it into @text of @room bytes. Returns how many bytes that takes: if they are more than
 * @room it did not fit, and what @text holds is of no use. */
static size_t format(const OutboxEntry *entry, const Member *self, const Member *neighbour,
                     char *text, size_t room)
{
    if (!member_is_foreign(neighbour))
        return format_native(entry, text, room);
    return dialect_format(neighbour->dialect, neighbour->terminator, entry->record,
                          slice_of(self->name), slice_of(neighbour->name), text, room);
}

/* What it says without its end. */
static Slice without_end(const char *text, size_t length)
{
    while (length > 0 && strchr("\r\n", text[length - 1]) != NULL)
        length--;
    return (Slice){.data = text, .length = length};
}

bool update_line_append(const OutboxEntry *entry, const Member *self, const Member *neighbour,
                        Outgoing *output, Log *log)
{
    bool is_sync = entry->found && !member_is_foreign(neighbour);
    size_t room;
    char *text = outgoing_room(output, &room);
    size_t length = format(entry, self, neighbour, text, room);

    if (length > room)
        return false;
    outgoing_added(output, length);
    counters_add(is_sync ? COUNT_SYNCS_SENT : COUNT_UPDATES_SENT, 1);
    if (log_wants_messages(log))
        log_sent(log, neighbour->name, without_end(text, length));
    return true;
}
