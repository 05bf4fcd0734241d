/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A file that takes the place of another one when it is complete, and not before: it is written
 * beside it, and renamed. Whatever goes wrong until then, the old file is as it was; a signal that
 * ends the process removes what was begun, and so does everything but SIGKILL.
 *
 * One at a time in a process, called from main.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>

typedef struct Replacement Replacement;

/* For the file at @path, which need not be there; a symbolic link stays one. SIGINT, SIGTERM and
 * SIGHUP end the process from now on. NULL with @error set. */
Replacement *replacement_new(const char *path, GError **error);

/* Without a commit before, removes what was begun. */
void replacement_free(Replacement *replacement);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Replacement, replacement_free)

/* What to write to. (transfer none) */
FILE *replacement_file(Replacement *replacement);

/* The folder that it is written in. (transfer none) */
const char *replacement_folder(const Replacement *replacement);

/* Takes the place of the old file, and is on the disk. FALSE with @error set. Once only. */
bool replacement_commit(Replacement *replacement, GError **error);
