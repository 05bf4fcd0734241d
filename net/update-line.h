/* SPDX-License-Identifier: MIT */
#pragma once

/* What an update is on the way to a neighbour: bytes, by who the neighbour is. */

#include "core/log.h"
#include "core/member.h"
#include "net/outbox.h"
#include "net/outgoing.h"

#include <stdbool.h>

/* Appends @entry to @output as @self says it to @neighbour, and counts and logs it: AT or, if it
 * was found, SYNC to a native one; otherwise in its dialect (PROTOCOL R20, R24). FALSE: there is no
 * room for it. */
bool update_line_append(const OutboxEntry *entry, const Member *self, const Member *neighbour,
                        Outgoing *output, Log *log);
