/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a member's TLS connections are made with: its certificate and key, and the authorities that
 * it believes. OpenSSL's defaults otherwise, TLS 1.2 and up, no compression, no renegotiation.
 *
 * A TlsContext is one reading of the files and does not change. Tls is the place where the newest
 * one is found: a connection is made with the one that is there when it begins and keeps it, so
 * that new files count for new connections.
 *
 * Lock order: the mutex of Tls is a leaf.
 */

#include "core/config.h"

#include <glib.h>
#include <openssl/types.h>
#include <stdbool.h>

#define HERD_TLS_ERROR (herd_tls_error_quark())
GQuark herd_tls_error_quark(void);

typedef enum {
    HERD_TLS_ERROR_FILE,   /* a file cannot be read, or is not what it should be */
    HERD_TLS_ERROR_SYSTEM, /* OpenSSL has no memory, or is not in order */
} HerdTlsError;

typedef enum {
    TLS_SERVER, /* of a connection that we have accepted */
    TLS_CLIENT, /* of one that we have opened */
    TLS_ROLES,
} TlsRole;

typedef struct TlsContext TlsContext;
typedef struct Tls Tls;

/* Reads the files of @named, all of which may be missing (but a certificate has its key): without
 * a certificate one can only be a client, without authorities nobody is verified. (transfer full);
 * NULL with @error set, one line that begins with the key. The private key may be a credential
 * (core/credential.h). May block on the disk. */
TlsContext *tls_context_new(const TlsOptions *named, GError **error);
TlsContext *tls_context_ref(TlsContext *context);
void tls_context_unref(TlsContext *context); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TlsContext, tls_context_unref)

/* Whether the files of both held the same. */
bool tls_context_equal(const TlsContext *a, const TlsContext *b);

/* What OpenSSL makes the sessions of @role with. (transfer none) */
SSL_CTX *tls_context_get(const TlsContext *context, TlsRole role);

/* @context: (transfer full) (nullable), for a member that has no use for TLS. */
Tls *tls_new(TlsContext *context);
void tls_free(Tls *tls); /* no connection of it is left */

/* From now on connections are made with @context. (transfer full) (nullable) Any thread. */
void tls_use(Tls *tls, TlsContext *context);

/* What connections are made with now. (transfer full) (nullable) Any thread. */
TlsContext *tls_context(Tls *tls);

/* Counts one more handshake of TLS_SERVER that has begun. FALSE: there are @most already. Any
 * thread. */
bool tls_begin_handshake(Tls *tls, unsigned most);
void tls_end_handshake(Tls *tls);
