/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The file that a member's records survive in: DIRECTORY/MEMBER.db, a SQLite database in WAL mode.
 *
 * What is wrong with the file is an error that names it, and then nothing of it has been altered:
 * the file may be all that is left of what was acknowledged, and it is not ours to decide about it.
 * A file that is missing or has no byte is made new.
 *
 * A StateFile is used by one thread at a time; every function may block on the disk. The lock on
 * the file is held from state_file_open() to state_file_close().
 */

#include "core/record.h"

#include <glib.h>
#include <stdbool.h>

#define HERD_STATE_ERROR (herd_state_error_quark())
GQuark herd_state_error_quark(void);

typedef enum {
    HERD_STATE_ERROR_OPEN,    /* the folder cannot be made, the file not opened or read */
    HERD_STATE_ERROR_FOREIGN, /* the file is somebody else's */
    HERD_STATE_ERROR_NEWER,   /* of a newer herdd's form */
    HERD_STATE_ERROR_DAMAGED, /* not what was written into it */
    HERD_STATE_ERROR_BUSY,    /* in use by another process */
    HERD_STATE_ERROR_WRITE,   /* the disk is full, or worse */
} HerdStateError;

/* What is to become of a record's row. */
typedef enum {
    STATE_KEEP,   /* the record is to stand there, unless a newer one of its client does */
    STATE_FORGET, /* no record of its client is to stand there, unless it is newer */
} StateChange;

typedef struct StateFile StateFile;

/* Opens the file, or makes it and the folder, and takes its lock. NULL with @error set. Reads the
 * whole file to see whether it is whole. */
StateFile *state_file_open(const char *directory, const char *member, GError **error);

/* Calls @take(@user, record) for every record of the file; the reference is the callee's for the
 * call only. FALSE with @error set: it is damaged, though some may have been taken. */
bool state_file_load(StateFile *file, void (*take)(void *user, Record *record), void *user,
                     GError **error);

/* Makes the file ready for state_file_write(): the first alteration of one that was there. FALSE
 * with @error set. */
bool state_file_prepare(StateFile *file, GError **error);

/* Makes all of @changes (Record -> StateChange) in one transaction. When it returns they are on the
 * disk; FALSE with @error set: none of them is. */
bool state_file_write(StateFile *file, GHashTable *changes, GError **error);

/* Closes; a file that was prepared is then one file again, without a write-ahead log beside it.
 * NULL is fine. */
void state_file_close(StateFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StateFile, state_file_close)

const char *state_file_path(const StateFile *file);
