/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Who may report for which clients ([access] rules_file).
 *
 *     # who                                clients: shell patterns (core/pattern.h)
 *     certificate phone-7.example          kiwi.cs.ucla.edu
 *     certificate *.buses.example          bus-*
 *     token sha256:9f86d081884c7d65...     phone-1 phone-2
 *     anyone                               guest-*
 *
 * What several rules say of one adds up. Of a token only its SHA-256 stands there, by which it is
 * looked up: how long that takes tells nothing of a token.
 *
 * An Access is immutable and reference counted: any thread may ask one that it has a reference to,
 * without a lock.
 */

#include "core/slice.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define ACCESS_DIGEST_BYTES 32

#define HERD_ACCESS_ERROR (herd_access_error_quark())
GQuark herd_access_error_quark(void);

typedef enum {
    HERD_ACCESS_ERROR_FILE, /* cannot be read */
    HERD_ACCESS_ERROR_RULE, /* a line is no rule */
} HerdAccessError;

typedef struct Access Access;

/* The rules of the file @path. NULL with @error set: its message names file, line and what is
 * wrong, and never a token. Blocks on the disk. (transfer full) */
Access *access_read(const char *path, GError **error);

/* The same of @text; @name is what errors call it. (transfer full) */
Access *access_parse(const char *name, Slice text, GError **error);

Access *access_ref(Access *access);
void access_unref(Access *access);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Access, access_unref)

/* Whether both were made of the same text. */
bool access_equal(const Access *a, const Access *b);

/* Whether there is a rule for a token. */
bool access_has_tokens(const Access *access);

/* The SHA-256 of @token. */
void access_digest(Slice token, uint8_t ret_digest[static ACCESS_DIGEST_BYTES]);

/* Whether there is a rule for the token of which this is the digest. */
bool access_knows_token(const Access *access, const uint8_t digest[static ACCESS_DIGEST_BYTES]);

/* Whether somebody who has shown @certificate (nullable: none; its name) and the token of @digest
 * (nullable: none) may report for @client. */
bool access_allows(const Access *access, const char *certificate, const uint8_t *digest,
                   Slice client);
