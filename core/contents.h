/* SPDX-License-Identifier: MIT */
#pragma once

/* What a file holds. May block on the disk. */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* Reads all of @path into @ret_text (transfer full), with a NUL behind it that @ret_length does not
 * count. FALSE with @error (of GFileError) set: "cannot read PATH: why", without the quotation
 * marks of GLib's own message, which a log would have to escape. */
bool contents_read(const char *path, char **ret_text, size_t *ret_length, GError **error);
