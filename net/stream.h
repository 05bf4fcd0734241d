/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Bytes to and from one non-blocking socket, as they are or over TLS.
 *
 * Belongs to whoever owns the socket: one thread at a time, no locks. SIGPIPE is ignored by the
 * program: OpenSSL writes with write(2).
 */

#include "core/slice.h"
#include "net/tls.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/* What a stream has of OpenSSL. */
typedef struct TlsSession TlsSession;

typedef struct {
    int descriptor;  /* of its owner, who closes it; negative: none */
    TlsSession *tls; /* (owned) (nullable) NULL: bytes are said as they are */
} Stream;

typedef enum {
    HANDSHAKE_DONE,   /* or there is none to do */
    HANDSHAKE_WAITS,  /* for the socket, see stream_awaits_output() */
    HANDSHAKE_FAILED, /* stream_problem() says why */
} Handshake;

#define CHANNEL_BINDING_SIZE 32 /* bytes */

/* Bytes that a stream may have received from its socket and not handed out yet, at the most: a
 * record of TLS and its own. */
#define STREAM_AHEAD (17 << 10)

/* What is said over @stream from now on is said over TLS, which begins with a handshake. FALSE: the
 * system has no memory for it, or @tls has no context. @tls has to outlive the stream. */
bool stream_connect_tls(Stream *stream, Tls *tls);

/* The same for a connection that we have accepted; also FALSE if @max_handshakes are not finished.
 * The caller closes its socket. */
bool stream_accept_tls(Stream *stream, Tls *tls, unsigned max_handshakes);

/* Ends the use of TLS, without a word to the other side; what it still says is bytes. */
void stream_drop_tls(Stream *stream);

/* Ends the use of TLS and closes the socket, if there is one; then there is none. */
void stream_close(Stream *stream);

/* Goes on with the handshake as far as the socket lets it. */
Handshake stream_shake_hands(Stream *stream);

/* Only with @stream->tls: what stream_receive() and stream_send() do then. */
ssize_t stream_receive_tls(Stream *stream, void *bytes, size_t size);
ssize_t stream_send_tls(Stream *stream, const void *bytes, size_t size);
bool stream_awaits_output_tls(const Stream *stream);
bool stream_is_shaking_hands_tls(const Stream *stream);

/* Whether there is a handshake that is not done. */
static inline bool stream_is_shaking_hands(const Stream *stream)
{
    return G_UNLIKELY(stream->tls != NULL) && stream_is_shaking_hands_tls(stream);
}

/* As recv(2): the bytes received, 0 at the end, or -1 with errno set; EAGAIN: not now. An end of
 * TLS that the other side has not announced is ECONNRESET, after which it may still be sent to. */
static inline ssize_t stream_receive(Stream *stream, void *bytes, size_t size)
{
    if (G_LIKELY(stream->tls == NULL))
        return recv(stream->descriptor, bytes, size, 0);
    return stream_receive_tls(stream, bytes, size);
}

/* As send(2): how many of @bytes, of which there are some, were taken, or -1 with errno set. After
 * EAGAIN the same bytes have to be sent, to which others may have been added; they may have moved.
 */
static inline ssize_t stream_send(Stream *stream, const void *bytes, size_t size)
{
    if (G_LIKELY(stream->tls == NULL))
        return send(stream->descriptor, bytes, size, MSG_NOSIGNAL);
    return stream_send_tls(stream, bytes, size);
}

/* After an EAGAIN: whether the socket has to take something before it is tried again, rather than
 * to give something. TLS may have to write in order to read, and the other way round. @sending: it
 * was the last thing that was tried. */
static inline bool stream_awaits_output(const Stream *stream, bool sending)
{
    return G_LIKELY(stream->tls == NULL) ? sending : stream_awaits_output_tls(stream);
}

/* After an EAGAIN: whether it was said only so that others have their turn, since much was received
 * already, which need not have been bytes of anybody's. There may be more in the socket. */
bool stream_is_paused(const Stream *stream);

/* Whether there are bytes to receive that the socket does not know of any more. Only for one that
 * we have opened; of one that was accepted everything has to be received, up to EAGAIN. */
bool stream_has_pending(const Stream *stream);

/* Ends what we say, if that has not been done; what the other side says goes on. FALSE: the socket
 * does not take it now, try again (see stream_awaits_output()). */
bool stream_end(Stream *stream);

/* Bytes that the socket has taken, those of TLS itself included. Only with @stream->tls. */
uint64_t stream_bytes_taken(const Stream *stream);

/* What the last failure was: errno's, or TLS's own. (transfer none), until the next call. */
const char *stream_problem(const Stream *stream);

/* "TLSv1.3"; NULL on a plain socket. (transfer none) */
const char *stream_tls_version(const Stream *stream);

/* Whose certificate the other side has shown, if it was verified: the first dNSName of its subject
 * alternative names, or if it has none its common name. NULL: none was shown, or we have no
 * authorities to verify it by, or there is no TLS. (transfer none), as long as the stream. */
const char *stream_certificate_name(const Stream *stream);

/* Whether that certificate is in @name: one of its dNSNames, or if it has none its common name. */
bool stream_is_certified_as(const Stream *stream, Slice name);

/* A value that both sides have and nobody who stands between them (RFC 9266, tls-exporter). FALSE:
 * there is none, as on a plain socket or in TLS 1.2 without extended master secret. The handshake
 * is done. */
bool stream_channel_binding(const Stream *stream, uint8_t out[static CHANNEL_BINDING_SIZE]);
