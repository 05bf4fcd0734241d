/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * State that survives: every record that was handed in longer than sync_ms ago is on the disk, as
 * long as the disk keeps up, and there after a crash of the process or of the machine.
 *
 * Whoever stores a record hands it in and goes on; the disk is the state thread's affair alone.
 * What waits for it is a set keyed by client, where a newer record replaces an older one: a disk
 * that is slow or full costs one entry a client. The thread takes the whole set and writes it in
 * one transaction. If that fails, what was taken goes back under what came since, and is tried
 * again.
 *
 * Order: state_open, state_load, state_start, then state_keep and state_forget by any thread, then
 * state_close. All but those two are called from main.
 *
 * Lock order: the mutex of the set is a leaf, and no disk is touched under it.
 */

#include "core/log.h"
#include "core/record.h"
#include "core/state-file.h"

#include <glib.h>
#include <stdbool.h>

typedef struct State State;

/* Opens or makes DIRECTORY/MEMBER.db; @sync_ms is above zero; @log outlives it. NULL with @error
 * set (HERD_STATE_ERROR), as for a file that is wrong, which is never altered. */
State *state_open(const char *directory, const char *member, unsigned sync_ms, Log *log,
                  GError **error);

/* Calls @take(@user, record) for every record that was saved; the reference is the callee's for the
 * call only. FALSE with @error set: the file is damaged, though some may have been taken. */
bool state_load(State *state, void (*take)(void *user, Record *record), void *user, GError **error);

/* Starts the thread. FALSE with @error set. */
bool state_start(State *state, GError **error);

/* @record is to be saved; a reference is taken. What is older than what was handed in before for
 * its client, to be saved or forgotten, is left out. Any thread, no lock held. */
void state_keep(State *state, Record *record);

/* @record is gone from the store: neither it nor an older one of its client is to be there after a
 * restart. A newer one that was handed in stays. Any thread, no lock held. */
void state_forget(State *state, Record *record);

/* Writes all that waits, trying once, ends the thread and closes. Blocks as long as the disk does.
 * No other thread uses @state any more. NULL is fine. */
void state_close(State *state);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(State, state_close)

const char *state_path(const State *state);
