/* SPDX-License-Identifier: MIT */
#include "net/tls.h"

#include "core/contents.h"
#include "core/credential.h"
#include "core/thread.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <string.h>

GQuark herd_tls_error_quark(void)
{
    return g_quark_from_static_string("herd-tls-error-quark");
}

/* OpenSSL counts references to an SSL_CTX too, but where ThreadSanitizer does not see it. */
struct TlsContext {
    atomic_uint references;
    SSL_CTX *roles[TLS_ROLES]; /* (owned) read-only after new */
    GChecksum *files;          /* (owned) of what they held; read-only after new */
};

struct Tls {
    pthread_mutex_t lock;
    TlsContext *context;    /* (owned) (nullable) protected by lock */
    atomic_uint handshakes; /* atomic; of TLS_SERVER, not finished */
};

/* Sets @error to @what and what OpenSSL says is wrong. */
static void set_error(GError **error, HerdTlsError code, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    g_set_error(error, HERD_TLS_ERROR, (int)code, "%s: %s", what,
                reason != NULL ? reason : "OpenSSL does not say why");
    ERR_clear_error();
}

/* Adds what the file @path holds to @files. FALSE: it cannot be read, of which OpenSSL's reasons
 * say little. */
static bool sum_file(GChecksum *files, const char *key, const char *path, GError **error)
{
    g_autoptr(GError) problem = NULL;
    g_autofree char *text = NULL;
    size_t length;

    if (path == NULL)
        return true;
    if (!contents_read(path, &text, &length, &problem)) {
        g_set_error(error, HERD_TLS_ERROR, HERD_TLS_ERROR_FILE, "%s: %s", key, problem->message);
        return false;
    }
    g_checksum_update(files, (const unsigned char *)key, (gssize)strlen(key));
    g_checksum_update(files, (const unsigned char *)text, (gssize)length);
    OPENSSL_cleanse(text, length);
    return true;
}

static bool use_certificate(SSL_CTX *role, const TlsOptions *options, GError **error)
{
    if (SSL_CTX_use_certificate_chain_file(role, options->certificate_file) != 1) {
        g_autofree char *what = g_strdup_printf(
            "certificate_file: %s is no certificate chain in PEM", options->certificate_file);

        set_error(error, HERD_TLS_ERROR_FILE, what);
        return false;
    }
    /* It compares the key with the certificate, too. */
    if (SSL_CTX_use_PrivateKey_file(role, options->key_file, SSL_FILETYPE_PEM) != 1) {
        g_autofree char *what =
            g_strdup_printf("key_file: %s is not the private key of %s, in PEM without a password",
                            options->key_file, options->certificate_file);

        set_error(error, HERD_TLS_ERROR_FILE, what);
        return false;
    }
    return true;
}

/* Whether a client may go on with @session, which a ticket of ours stands for. OpenSSL asks nothing
 * of the certificate in it, and each connection gets a new ticket: without this an end could be put
 * off for ever. IGNORE_RENEW: hands are shaken as if there were no ticket. */
static SSL_TICKET_RETURN take_ticket(SSL *ssl G_GNUC_UNUSED, SSL_SESSION *session,
                                     const unsigned char *key G_GNUC_UNUSED,
                                     size_t key_length G_GNUC_UNUSED, SSL_TICKET_STATUS status,
                                     void *data G_GNUC_UNUSED)
{
    if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
        return SSL_TICKET_RETURN_IGNORE_RENEW;

    const X509 *certificate = SSL_SESSION_get0_peer(session);
    if (certificate != NULL && X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0)
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

static bool use_authorities(SSL_CTX *role, TlsRole which, const char *path, GError **error)
{
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(path);

    if (names == NULL || SSL_CTX_load_verify_file(role, path) != 1) {
        g_autofree char *what = g_strdup_printf("ca_file: %s holds no certificates in PEM", path);

        sk_X509_NAME_pop_free(names, X509_NAME_free);
        set_error(error, HERD_TLS_ERROR_FILE, what);
        return false;
    }
    SSL_CTX_set_client_CA_list(role, names); /* it takes them */
    /* A server that has none fails a client's handshake; a client that has none is anybody. */
    SSL_CTX_set_verify(role, SSL_VERIFY_PEER, NULL);
    /* Sessions that are resumed are this member's: there is no other use of its tickets. */
    if (which == TLS_SERVER) {
        SSL_CTX_set_session_id_context(role, (const unsigned char *)"herd", 4);
        SSL_CTX_set_session_ticket_cb(role, NULL, take_ticket, NULL);
    }
    return true;
}

/* Nobody sits before a member to type it. */
static int no_password(char *buffer G_GNUC_UNUSED, int size G_GNUC_UNUSED, int write G_GNUC_UNUSED,
                       void *data G_GNUC_UNUSED)
{
    return -1;
}

/* (transfer full); NULL with @error set. */
static SSL_CTX *new_role(TlsRole which, const TlsOptions *options, GError **error)
{
    SSL_CTX *role = SSL_CTX_new(which == TLS_SERVER ? TLS_server_method() : TLS_client_method());

    if (role == NULL || SSL_CTX_set_min_proto_version(role, TLS1_2_VERSION) != 1) {
        SSL_CTX_free(role);
        set_error(error, HERD_TLS_ERROR_SYSTEM, "OpenSSL cannot be used");
        return NULL;
    }
    /* An end without close_notify is told by the socket (see stream.c); to OpenSSL it would be an
     * error after which no reply can be sent. */
    SSL_CTX_set_options(role, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                  SSL_OP_IGNORE_UNEXPECTED_EOF);
    /* A connection that has nothing to say keeps no buffers; one that is full may find what it
     * sends elsewhere the next time. What we show is what certificate_file holds. */
    SSL_CTX_set_mode(role, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                               SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_session_cache_mode(role, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(role, 1); /* a phone that comes back needs one */
    /* A server reads all there is, with one call. A client does not: what it has read it must take
     * before it waits for the socket again, and so it is never more than a record. */
    SSL_CTX_set_read_ahead(role, which == TLS_SERVER);
    SSL_CTX_set_default_passwd_cb(role, no_password);
    if ((options->certificate_file != NULL && !use_certificate(role, options, error)) ||
        (options->ca_file != NULL && !use_authorities(role, which, options->ca_file, error))) {
        SSL_CTX_free(role);
        return NULL;
    }
    return role;
}

TlsContext *tls_context_new(const TlsOptions *named, GError **error)
{
    g_autoptr(TlsContext) context = g_new0(TlsContext, 1);
    g_autofree char *key_file = named->key_file != NULL ? credential_path(named->key_file) : NULL;
    const TlsOptions *options = &(TlsOptions){.certificate_file = named->certificate_file,
                                              .key_file = key_file,
                                              .ca_file = named->ca_file};

    atomic_store(&context->references, 1);
    ERR_clear_error();
    context->files = g_checksum_new(G_CHECKSUM_SHA256);
    if (!sum_file(context->files, "certificate_file", options->certificate_file, error) ||
        !sum_file(context->files, "key_file", options->key_file, error) ||
        !sum_file(context->files, "ca_file", options->ca_file, error))
        return NULL;
    (void)g_checksum_get_string(context->files); /* which ends it */
    for (TlsRole which = 0; which < TLS_ROLES; which++) {
        context->roles[which] = new_role(which, options, error);
        if (context->roles[which] == NULL)
            return NULL;
    }
    return g_steal_pointer(&context);
}

TlsContext *tls_context_ref(TlsContext *context)
{
    atomic_fetch_add_explicit(&context->references, 1, memory_order_relaxed);
    return context;
}

void tls_context_unref(TlsContext *context)
{
    if (context == NULL ||
        atomic_fetch_sub_explicit(&context->references, 1, memory_order_acq_rel) > 1)
        return;
    for (TlsRole which = 0; which < TLS_ROLES; which++)
        SSL_CTX_free(context->roles[which]);
    g_checksum_free(context->files);
    g_free(context);
}

bool tls_context_equal(const TlsContext *a, const TlsContext *b)
{
    return strcmp(g_checksum_get_string(a->files), g_checksum_get_string(b->files)) == 0;
}

SSL_CTX *tls_context_get(const TlsContext *context, TlsRole role)
{
    return context->roles[role];
}

Tls *tls_new(TlsContext *context)
{
    Tls *tls = g_new0(Tls, 1);

    pthread_mutex_init(&tls->lock, NULL);
    tls->context = context;
    return tls;
}

void tls_free(Tls *tls)
{
    if (tls == NULL)
        return;
    tls_context_unref(tls->context);
    pthread_mutex_destroy(&tls->lock);
    g_free(tls);
}

void tls_use(Tls *tls, TlsContext *context)
{
    mutex_lock(&tls->lock);
    TlsContext *old = tls->context;
    tls->context = context;
    mutex_unlock(&tls->lock);
    tls_context_unref(old);
}

TlsContext *tls_context(Tls *tls)
{
    mutex_lock(&tls->lock);
    TlsContext *context = tls->context != NULL ? tls_context_ref(tls->context) : NULL;
    mutex_unlock(&tls->lock);
    return context;
}

bool tls_begin_handshake(Tls *tls, unsigned most)
{
    unsigned count = atomic_load_explicit(&tls->handshakes, memory_order_relaxed);

    do {
        if (count >= most)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&tls->handshakes, &count, count + 1,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

void tls_end_handshake(Tls *tls)
{
    atomic_fetch_sub_explicit(&tls->handshakes, 1, memory_order_relaxed);
}
