/* SPDX-License-Identifier: MIT */
#include "net/update-line.h"

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

size_t update_line_format(const OutboxEntry *entry, const Member *self, const Member *neighbour,
                          char *text, size_t room)
{
    if (!member_is_foreign(neighbour))
        return format_native(entry, text, room);
    return dialect_format(neighbour->dialect, neighbour->terminator, entry->record,
                          slice_of(self->name), slice_of(neighbour->name), text, room);
}

Slice update_line_text(const char *text, size_t length)
{
    while (length > 0 && strchr("\r\n", text[length - 1]) != NULL)
        length--;
    return (Slice){.data = text, .length = length};
}
