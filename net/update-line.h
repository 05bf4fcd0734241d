/* SPDX-License-Identifier: MIT */
#pragma once

/* What an update is on the way to a neighbour: bytes, by who the neighbour is. */

#include "core/member.h"
#include "net/outbox.h"

#include <stddef.h>

/* Writes @entry as @self says it to @neighbour, its end included, into @text of @room bytes: AT or,
 * if it was found, SYNC to a native one; otherwise in its dialect (PROTOCOL R20, R24). Returns how
 * many bytes that takes: if they are more than @room it did not fit, and what @text holds is of no
 * use. */
size_t update_line_format(const OutboxEntry *entry, const Member *self, const Member *neighbour,
                          char *text, size_t room);

/* What it says without its end. */
Slice update_line_text(const char *text, size_t length);
