/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Lines of the log as entries of systemd's journal, with fields that journalctl can be asked for:
 *
 *     MESSAGE=recv 127.0.0.1:51234 IAMAT kiwi +34-118 1520023934.9
 *     PRIORITY=6  SYSLOG_IDENTIFIER=herdd  HERD_MEMBER=Bailey  HERD_THREAD=worker/3
 *     HERD_EVENT=recv  HERD_PEER=127.0.0.1:51234  HERD_TIME=2026-01-31T12:00:00.123456789Z
 *
 * HERD_PEER is a neighbour's name where the event is a link's.
 */

#include "core/slice.h"

#include <stdbool.h>

/* Whether there is a journal to write to. FALSE: errno says why not. */
bool journal_is_there(void);

/* Writes @line, a line of the log of @member without its LF; may block as long as the journal is
 * busy. FALSE: it does not take it. */
bool journal_write(const char *member, Slice line);
