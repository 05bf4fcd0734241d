/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The secret that all members of a herd share ([herd] secret_file).
 *
 * Immutable and reference counted: any thread may read one that it has a reference to, without a
 * lock. Its memory is overwritten before it is freed.
 */

#include "core/slice.h"

#include <glib.h>
#include <stdbool.h>

#define SECRET_MIN 16   /* bytes, without the white space at the end */
#define SECRET_MAX 4096 /* the same */

#define HERD_SECRET_ERROR (herd_secret_error_quark())
GQuark herd_secret_error_quark(void);

typedef enum {
    HERD_SECRET_ERROR_FILE, /* cannot be read */
    HERD_SECRET_ERROR_SIZE, /* is too short or too long */
} HerdSecretError;

typedef struct Secret Secret;

/* The secret in the file @path, without the white space at its end. @ret_open: everybody on this
 * host may read or change the file. NULL with @error set; its message names the file. Blocks on the
 * disk. (transfer full) */
Secret *secret_read(const char *path, bool *ret_open, GError **error);

/* The same of @bytes that are no file, for tests. (transfer full) */
Secret *secret_new(Slice bytes);

Secret *secret_ref(Secret *secret);
void secret_unref(Secret *secret);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Secret, secret_unref)

/* Valid as long as @secret. */
Slice secret_bytes(const Secret *secret);
