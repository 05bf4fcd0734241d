/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a member goes by when it judges who somebody is and what they may do: the herd's secret and
 * the rules of access. SIGHUP replaces both while they are in use; who has a reference to the old
 * ones goes on with them, and the last to let go of them frees them.
 *
 * Lock order: its mutex is a leaf, held for a pointer's time.
 */

#include "core/access.h"
#include "core/config.h"
#include "core/secret.h"

#include <glib.h>

/* What the files say. */
typedef struct {
    Secret *secret; /* (owned) (nullable) NULL: there is none */
    Access *access; /* (owned) (nullable) NULL: anybody may report for anybody */
} TrustFiles;

/* Reads the files that @config names. @warnings (nullable) gets owned texts: what is odd but not
 * wrong. FALSE with @error set, and nothing in @ret_files. Called from main; blocks on the disk. */
bool trust_read(const Config *config, TrustFiles *ret_files, GPtrArray *warnings, GError **error);

/* Lets go of what is in @files. */
void trust_files_clear(TrustFiles *files);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TrustFiles, trust_files_clear)

typedef struct Trust Trust;

/* Nothing is in force yet. */
Trust *trust_new(void);
void trust_free(Trust *trust);

/* What is in @files, which it takes, is in force from now on. Any thread. */
void trust_set(Trust *trust, TrustFiles *files);

/* Whether what is in force says the same as @secret, or @access (NULL: nothing). Any thread. */
bool trust_has_secret(Trust *trust, const Secret *secret);
bool trust_has_access(Trust *trust, const Access *access);

/* The secret that is in force, or NULL; of no @trust (NULL) too. Any thread. (transfer full) */
Secret *trust_secret(Trust *trust);

/* Has @access, which its caller owns, be the rules that are in force, or NULL if there are none. It
 * costs a load if they still are. Any thread. */
void trust_update_access(Trust *trust, Access **access);
