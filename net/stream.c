/* SPDX-License-Identifier: MIT */
#include "net/stream.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <unistd.h>

#define EXPORTER_LABEL "EXPORTER-Channel-Binding"

/* Bytes that a session takes from its socket without giving others a turn. */
#define MOST_AT_ONCE ((size_t)32 << 10)

struct TlsSession {
    SSL *ssl;            /* (owned) */
    TlsContext *context; /* (owned) that it was made with */
    Tls *counted;        /* (nullable) (transfer none) where its handshake counts as not finished */
    char *problem;       /* (owned) (nullable) what has gone wrong */
    char *name;          /* (owned) (nullable) see stream_certificate_name() */
    bool is_ready;       /* the handshake is done */
    bool has_ended;      /* our goodbye is said */
    bool is_broken;      /* nothing may be said over it any more, not even goodbye */
    bool wants_write;    /* the last thing that could not be done waits for output */
    size_t allowance;    /* bytes that may be taken before others have their turn */
    bool is_paused;      /* the last thing that could not be done waits for that alone */
};

static void end_handshake(TlsSession *session)
{
    if (session->counted != NULL)
        tls_end_handshake(session->counted);
    session->counted = NULL;
}

/*
 * OpenSSL calls this before and after it uses the socket.
 *
 * One call of it takes records until one carries something, and a peer may say megabytes of those
 * that carry nothing (KeyUpdate, a hello in the middle of TLS 1.2), each of which takes longer to
 * take than to send. So the socket seems empty once so much has been taken.
 */
static long bound_reads(BIO *bio, int operation, const char *bytes G_GNUC_UNUSED,
                        size_t size G_GNUC_UNUSED, int argument G_GNUC_UNUSED,
                        long long_argument G_GNUC_UNUSED, int result, size_t *processed)
{
    TlsSession *session = (TlsSession *)(void *)BIO_get_callback_arg(bio);

    if (operation == BIO_CB_READ && session->allowance == 0) {
        session->is_paused = true;
        BIO_clear_retry_flags(bio);
        BIO_set_retry_read(bio);
        return -1;
    }
    if (operation == (BIO_CB_READ | BIO_CB_RETURN) && result > 0)
        session->allowance -= MIN(session->allowance, *processed);
    return result;
}

static bool begin(Stream *stream, Tls *tls, TlsRole role)
{
    g_autoptr(TlsContext) context = tls_context(tls);

    ERR_clear_error();
    SSL *ssl = context != NULL ? SSL_new(tls_context_get(context, role)) : NULL;
    if (ssl == NULL || SSL_set_fd(ssl, stream->descriptor) != 1) {
        SSL_free(ssl);
        ERR_clear_error();
        return false;
    }
    if (role == TLS_SERVER)
        SSL_set_accept_state(ssl);
    else
        SSL_set_connect_state(ssl);
    stream->tls = g_new0(TlsSession, 1);
    stream->tls->ssl = ssl;
    stream->tls->context = g_steal_pointer(&context);
    stream->tls->allowance = MOST_AT_ONCE;
    BIO_set_callback_ex(SSL_get_rbio(ssl), bound_reads);
    BIO_set_callback_arg(SSL_get_rbio(ssl), (char *)stream->tls);
    return true;
}

bool stream_connect_tls(Stream *stream, Tls *tls)
{
    return begin(stream, tls, TLS_CLIENT);
}

bool stream_accept_tls(Stream *stream, Tls *tls, unsigned max_handshakes)
{
    if (!tls_begin_handshake(tls, max_handshakes))
        return false;
    if (!begin(stream, tls, TLS_SERVER)) {
        tls_end_handshake(tls);
        return false;
    }
    stream->tls->counted = tls;
    return true;
}

void stream_drop_tls(Stream *stream)
{
    TlsSession *session = g_steal_pointer(&stream->tls);

    if (session == NULL)
        return;
    end_handshake(session);
    SSL_free(session->ssl);
    tls_context_unref(session->context);
    g_free(session->problem);
    g_free(session->name);
    g_free(session);
}

void stream_close(Stream *stream)
{
    stream_drop_tls(stream);
    if (stream->descriptor >= 0)
        close(stream->descriptor);
    stream->descriptor = -1;
}

static void set_problem(TlsSession *session, const char *text)
{
    g_free(session->problem);
    session->problem = g_strdup(text);
}

/* What OpenSSL says, with what is wrong with a certificate, if it is that. */
static void set_problem_of_openssl(TlsSession *session)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = ERR_reason_error_string(code);
    long verified = SSL_get_verify_result(session->ssl);

    g_free(session->problem);
    if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED)
        session->problem =
            g_strdup_printf("%s: %s", reason, X509_verify_cert_error_string(verified));
    else
        session->problem = g_strdup(reason != NULL ? reason : "OpenSSL does not say why");
}

/* What has become of a call that returned @result, which is no success; as recv(2) would say it. */
static int outcome(TlsSession *session, int result)
{
    int problem = errno;
    int what = SSL_get_error(session->ssl, result);

    session->wants_write = what == SSL_ERROR_WANT_WRITE;
    if (what == SSL_ERROR_WANT_READ || what == SSL_ERROR_WANT_WRITE) {
        session->allowance = MOST_AT_ONCE;
        errno = EAGAIN;
        return -1;
    }
    if (what == SSL_ERROR_ZERO_RETURN) {
        /* SSL_OP_IGNORE_UNEXPECTED_EOF: the end that TLS knows of, or the socket's. */
        if (!BIO_eof(SSL_get_rbio(session->ssl)))
            return 0;
        set_problem(session, "the connection ended without TLS's close_notify");
        errno = ECONNRESET;
        return -1;
    }
    session->is_broken = true;
    if (what == SSL_ERROR_SYSCALL && problem != 0) {
        set_problem(session, g_strerror(problem));
        errno = problem;
    } else {
        set_problem_of_openssl(session);
        errno = EPROTO;
    }
    ERR_clear_error();
    return -1;
}

/* What OpenSSL finds in its error queue, or in errno, is to be of the call that follows. */
static void begin_call(TlsSession *session)
{
    ERR_clear_error();
    errno = 0;
    session->is_paused = false;
}

static bool is_printable(const char *text, size_t length)
{
    if (!g_utf8_validate(text, (gssize)length, NULL)) /* which finds a NUL wrong, too */
        return false;
    for (size_t at = 0; at < length; at += (size_t)g_utf8_skip[(unsigned char)text[at]])
        if (!g_unichar_isprint(g_utf8_get_char(text + at)))
            return false;
    return length > 0;
}

/* The text of @string if it is one that can be shown and compared. (transfer full) (nullable) */
static char *text_of(const ASN1_STRING *string)
{
    unsigned char *utf8 = NULL;
    int length = ASN1_STRING_to_UTF8(&utf8, string);
    char *text = length > 0 && is_printable((const char *)utf8, (size_t)length)
                     ? g_strndup((const char *)utf8, (size_t)length)
                     : NULL;

    OPENSSL_free(utf8);
    ERR_clear_error();
    return text;
}

/* The names that @certificate is in. (transfer full) */
static GPtrArray *names_of(const X509 *certificate)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    GENERAL_NAMES *others = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    bool has_dns_name = false;

    for (int i = 0; i < sk_GENERAL_NAME_num(others); i++) {
        const GENERAL_NAME *other = sk_GENERAL_NAME_value(others, i);
        char *text = other->type == GEN_DNS ? text_of(other->d.dNSName) : NULL;

        has_dns_name |= other->type == GEN_DNS;
        if (text != NULL)
            g_ptr_array_add(names, text);
    }
    GENERAL_NAMES_free(others);
    if (has_dns_name)
        return names;

    X509_NAME *subject = X509_get_subject_name(certificate);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    char *text =
        at >= 0 ? text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))) : NULL;
    if (text != NULL)
        g_ptr_array_add(names, text);
    return names;
}

/* What the other side has shown and we have verified. (transfer none) (nullable) */
static X509 *certificate_of(const Stream *stream)
{
    const SSL *ssl = stream->tls != NULL && stream->tls->is_ready ? stream->tls->ssl : NULL;

    if (ssl == NULL || (SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER) == 0 ||
        SSL_get_verify_result(ssl) != X509_V_OK)
        return NULL;
    return SSL_get0_peer_certificate(ssl);
}

bool stream_is_certified_as(const Stream *stream, Slice name)
{
    const X509 *certificate = certificate_of(stream);

    if (certificate == NULL)
        return false;
    g_autoptr(GPtrArray) names = names_of(certificate);
    for (unsigned i = 0; i < names->len; i++)
        if (slice_equal(name, slice_of(names->pdata[i])))
            return true;
    return false;
}

const char *stream_certificate_name(const Stream *stream)
{
    return stream->tls != NULL ? stream->tls->name : NULL;
}

bool stream_is_shaking_hands_tls(const Stream *stream)
{
    return !stream->tls->is_ready;
}

Handshake stream_shake_hands(Stream *stream)
{
    TlsSession *session = stream->tls;

    if (!stream_is_shaking_hands(stream))
        return HANDSHAKE_DONE;
    begin_call(session);
    int result = SSL_do_handshake(session->ssl);
    if (result == 1) {
        session->is_ready = true;
        session->wants_write = false;
        end_handshake(session);

        X509 *certificate = certificate_of(stream);
        g_autoptr(GPtrArray) names = certificate != NULL ? names_of(certificate) : NULL;
        if (names != NULL && names->len > 0)
            session->name = g_strdup(names->pdata[0]);
        return HANDSHAKE_DONE;
    }
    if (outcome(session, result) < 0 && errno == EAGAIN)
        return HANDSHAKE_WAITS;
    if (!session->is_broken)
        set_problem(session, "the other side has closed the connection");
    return HANDSHAKE_FAILED;
}

ssize_t stream_receive_tls(Stream *stream, void *bytes, size_t size)
{
    begin_call(stream->tls);
    int n = SSL_read(stream->tls->ssl, bytes, (int)MIN(size, INT_MAX));

    if (n <= 0)
        return outcome(stream->tls, n);
    stream->tls->wants_write = false;
    return n;
}

ssize_t stream_send_tls(Stream *stream, const void *bytes, size_t size)
{
    begin_call(stream->tls);
    int n = SSL_write(stream->tls->ssl, bytes, (int)MIN(size, INT_MAX));

    if (n <= 0) {
        if (outcome(stream->tls, n) == 0)
            errno = EPIPE; /* our side is shut */
        return -1;
    }
    stream->tls->wants_write = false;
    return n;
}

bool stream_awaits_output_tls(const Stream *stream)
{
    return stream->tls->wants_write;
}

bool stream_is_paused(const Stream *stream)
{
    return stream->tls != NULL && stream->tls->is_paused;
}

bool stream_has_pending(const Stream *stream)
{
    return stream->tls != NULL && SSL_pending(stream->tls->ssl) > 0;
}

bool stream_end(Stream *stream)
{
    TlsSession *session = stream->tls;

    /* To say goodbye once more would be to wait for the other side's. */
    if (session != NULL && session->is_ready && !session->is_broken && !session->has_ended) {
        begin_call(session);
        int result = SSL_shutdown(session->ssl);

        if (result < 0 && outcome(session, result) < 0 && errno == EAGAIN && session->wants_write)
            return false;
        session->has_ended = true;
    }
    shutdown(stream->descriptor, SHUT_WR); /* it fails when the other side has gone */
    return true;
}

uint64_t stream_bytes_taken(const Stream *stream)
{
    return BIO_number_written(SSL_get_wbio(stream->tls->ssl));
}

const char *stream_problem(const Stream *stream)
{
    return stream->tls != NULL && stream->tls->problem != NULL ? stream->tls->problem
                                                               : g_strerror(errno);
}

const char *stream_tls_version(const Stream *stream)
{
    return stream->tls != NULL ? SSL_get_version(stream->tls->ssl) : NULL;
}

bool stream_channel_binding(const Stream *stream, uint8_t out[static CHANNEL_BINDING_SIZE])
{
    SSL *ssl = stream->tls != NULL && stream->tls->is_ready ? stream->tls->ssl : NULL;

    /* RFC 9266, 3: without the extended master secret two connections may have the same value. */
    if (ssl == NULL || (SSL_version(ssl) < TLS1_3_VERSION && SSL_get_extms_support(ssl) != 1))
        return false;
    ERR_clear_error();
    bool made =
        SSL_export_keying_material(ssl, out, CHANNEL_BINDING_SIZE, EXPORTER_LABEL,
                                   strlen(EXPORTER_LABEL), (const unsigned char *)"", 0, 1) == 1;
    ERR_clear_error();
    return made;
}
