/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The connections that wait for a worker: the pool's queue.
 *
 * One epoll instance that tells of each change of a socket once, to one worker (EPOLLET): the
 * kernel's ready list is the queue. A worker that hears of a connection which nobody owns takes it;
 * of one that somebody owns it only notes what happened, and the owner finds the note when it gives
 * the connection back. So to give one back costs no system call.
 *
 * Beside it a list of connections that go on for another reason than their socket: a lookup has
 * ended, or there are lines left to execute. A second one has those that wait until it is their
 * time again.
 *
 * Lock order: the mutex of these lists is a leaf.
 */

#include "net/connection.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct ReadySet ReadySet;

/* NULL with @error (of GFileError) set: the system has no descriptors left. */
ReadySet *ready_set_new(GError **error);
void ready_set_free(ReadySet *set); /* no worker uses it any more */

/* Puts a new connection in, armed for input; the caller does not touch it any more. FALSE with
 * errno set: the caller keeps it. */
bool ready_set_add(ReadySet *set, Connection *connection);

/* Gives @connection back: some worker has it next when its output can go on, if it has any (or TLS
 * has), else when there is input. The caller does not touch it any more. */
void ready_set_arm(ReadySet *set, Connection *connection);

/* The owner of @connection is about to read: what came before will have been read. */
void ready_set_reading(Connection *connection);

/* It has read @received bytes and there was room for @room. TRUE: there may be more, now or when
 * the connection is given back. */
bool ready_set_has_read(Connection *connection, size_t received, size_t room);

/* It has read nothing (EAGAIN). If that is because TLS has to write first, or others are to have
 * their turn, there may be more. */
void ready_set_has_not_read(Connection *connection);

/* The owner of @connection is about to send what the socket did not take. */
void ready_set_writing(Connection *connection);

/* Gives @connection back so that some worker has it next at once, after those that came before. The
 * caller does not touch it any more. Any thread. */
void ready_set_resume(ReadySet *set, Connection *connection);

/* Gives @connection back so that some worker has it after the next ready_set_resume_postponed().
 * The caller does not touch it any more. */
void ready_set_postpone(ReadySet *set, Connection *connection);

/* Resumes all that were postponed. Called from time to time. */
void ready_set_resume_postponed(ReadySet *set);

/* Has @connection take a turn although its socket says nothing. TRUE: nobody owned it and now the
 * caller does, who gives it back with ready_set_resume(). FALSE: it has its turn as soon as its
 * owner arms it. Any thread that sees to it that the connection is not closed meanwhile. */
bool ready_set_rouse(Connection *connection);

/* Waits for connections to serve; the caller owns the @most or fewer that it gets. Zero: the set is
 * closed, whatever else is ready. */
unsigned ready_set_take(ReadySet *set, Connection **connections, unsigned most);

/* Sends a pulse to whoever takes next: it comes behind what is ready now, and says that there is a
 * worker who has come to it. Any thread. */
void ready_set_pulse(ReadySet *set);

/* When the last pulse was taken, or the set was made if none was: monotonic_ms(). Any thread. */
int64_t ready_set_pulse_at(const ReadySet *set);

/* ready_set_take() returns zero to every worker, now and from now on. Any thread. */
void ready_set_close(ReadySet *set);
