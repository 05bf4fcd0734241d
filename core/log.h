/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * NAME.log: one line an event, written by a thread of its own, to a file or to systemd's journal.
 *
 *     2026-01-31T12:00:00.123456789Z info worker/3 recv 127.0.0.1:51234 IAMAT kiwi +34-118
 * 1520023934.9
 *
 * Whoever logs copies a line into memory under the log's mutex and goes on; the disk is the log
 * thread's affair alone. When that memory is full (LOG_BUFFER_SIZE) a line is dropped and counted,
 * and the count is logged as soon as there is room again. What may not be printable is escaped, so
 * that an event is one line whatever a client sends.
 *
 * Lock order: the log's mutex is a leaf; nothing else is taken under it, so any thread may log with
 * any lock held.
 */

#include "core/config.h"
#include "core/slice.h"

#include <glib.h>
#include <stdbool.h>

#define LOG_BUFFER_SIZE ((size_t)4 << 20) /* bytes waiting for the disk */

#define HERD_LOG_ERROR (herd_log_error_quark())
GQuark herd_log_error_quark(void);

typedef enum {
    HERD_LOG_ERROR_OPEN, /* the folder cannot be made or the file not opened, or there is no journal
                          */
} HerdLogError;

typedef struct Log Log;

/* Opens DIRECTORY/MEMBER.log to append to, making the folder if it is missing, and starts the log
 * thread. NULL with
 * @error set. Called from main. */
Log *log_new(const char *directory, const char *member, LogMessages messages, GError **error);

/* The same with lines that become entries of systemd's journal (core/journal.h). NULL with @error
 * set: there is none. */
Log *log_new_journal(const char *member, LogMessages messages, GError **error);

/* What is logged from now on: events of @level and above, and of messages @messages, as long as
 * @level is LOG_INFO. Any thread. */
void log_set_level(Log *log, LogLevel level, LogMessages messages);

/* Writes what is waiting, as far as the disk takes it, ends the thread, and closes; a disk that
 * takes nothing for two seconds is left to itself. No other thread logs any more. */
void log_free(Log *log);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Log, log_free)

/* The log thread opens the file by its name again before it writes the next line. Any thread. */
void log_reopen(Log *log);

/* An event. @format is printf's, a phrase without LF. Any thread, any lock held. */
void log_event(Log *log, LogLevel level, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Whether lines of messages are wanted (log_messages), of those that were answered with "? " too.
 * Ask before making the texts. Any thread. */
bool log_wants_messages(const Log *log);
bool log_wants_invalid(const Log *log);

/* A line that came from or went to @peer: "recv PEER LINE" or "send PEER LINE". @line has no LF. */
void log_received(Log *log, const char *peer, Slice line);
void log_sent(Log *log, const char *peer, Slice line);

/* How many lines were dropped since the start. Any thread. */
uint64_t log_dropped(Log *log);
