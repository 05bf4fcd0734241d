/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * How two members prove to each other that they have the herd's secret, without saying it.
 *
 *     D -> A   HELLO 1 D A incarnationD nonceD
 *     A -> D   CHALLENGE nonceA proofA
 *     D -> A   PROOF proofD
 *     A -> D   HELLO 1 A D incarnationA
 *
 *     proofA = HMAC(secret, "herd link 1 accept" LF transcript)
 *     proofD = HMAC(secret, "herd link 1 dial" LF transcript)
 *     transcript = D LF A LF incarnationD LF nonceD LF nonceA LF binding
 *
 * HMAC is that of RFC 2104 with SHA-256. Each side chooses a nonce, so that nothing that was said
 * before proves anything now. What each says begins differently, so that neither can be told its
 * own words; the names are in it, so that a proof for one neighbour is none for another. The
 * binding is what both ends of a TLS connection know and nobody else does (RFC 9266): a proof that
 * somebody in the middle passes on is none on his other connection. On a plain socket there is
 * nothing of that kind: there the proof says who has opened the connection, not that nobody changes
 * what it carries.
 *
 * Everything here is text: lower-case hexadecimal digits.
 */

#include "core/secret.h"
#include "core/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define PROOF_NONCE_DIGITS  32 /* 128 bits */
#define PROOF_DIGITS        64
#define PROOF_BINDING_BYTES 32

typedef enum {
    PROOF_ACCEPT, /* by who accepts the connection */
    PROOF_DIAL,   /* by who opens it */
} ProofRole;

/* What both have said. */
typedef struct {
    Slice dialler;       /* name */
    Slice acceptor;      /* name */
    int64_t incarnation; /* of the dialler */
    Slice dialler_nonce;
    Slice acceptor_nonce;
    const uint8_t *binding; /* (nullable) PROOF_BINDING_BYTES; NULL on a plain socket */
} ProofTranscript;

/* A nonce that nobody can guess, from the kernel. */
void proof_nonce(char ret_nonce[static PROOF_NONCE_DIGITS + 1]);

/* Whether @text has the form of a nonce, or of a proof. */
bool proof_is_nonce(Slice text);
bool proof_is_proof(Slice text);

/* The proof that @role gives. */
void proof_make(const Secret *secret, ProofRole role, const ProofTranscript *transcript,
                char ret_proof[static PROOF_DIGITS + 1]);

/* Whether @said is @proof. How long it takes tells nothing of how much of it is right. */
bool proof_equal(Slice said, const char proof[static PROOF_DIGITS + 1]);
