/* SPDX-License-Identifier: MIT */
#pragma once

/* What a file holds. May block on the disk. */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Reads all of @path into @ret_text (transfer full), with a NUL behind it that @ret_length does not
 * count. FALSE with @error (of GFileError) set: "cannot read PATH: why", without the quotation
 * marks of GLib's own message, which a log would have to escape. */
bool contents_read(const char *path, char **ret_text, size_t *ret_length, GError **error);

/* Reads as much of @path as @size bytes hold into @bytes, and leaves no copy of it elsewhere, as
 * contents_read() does while it grows. Returns how much; -1 with errno set. @ret_mode (nullable):
 * of the file. */
ssize_t contents_read_secret(const char *path, char *bytes, size_t size, mode_t *ret_mode);
