/* SPDX-License-Identifier: MIT */
#include "core/proof.h"

#include <glib.h>
#include <inttypes.h>
#include <sys/random.h>

static void append_hex(GString *text, const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        g_string_append_printf(text, "%02x", bytes[i]);
}

void proof_nonce(char ret_nonce[static PROOF_NONCE_DIGITS + 1])
{
    uint8_t bytes[PROOF_NONCE_DIGITS / 2];
    ssize_t got = getrandom(bytes, sizeof bytes, 0);
    g_autoptr(GString) text = g_string_new(NULL);

    g_assert(got == (ssize_t)sizeof bytes); /* up to 256 bytes are never cut short: getrandom(2) */
    append_hex(text, bytes, sizeof bytes);
    g_strlcpy(ret_nonce, text->str, PROOF_NONCE_DIGITS + 1);
}

static bool is_hex(Slice text, size_t digits)
{
    if (text.length != digits)
        return false;
    for (size_t i = 0; i < digits; i++)
        if (!g_ascii_isdigit(text.data[i]) && (text.data[i] < 'a' || text.data[i] > 'f'))
            return false;
    return true;
}

bool proof_is_nonce(Slice text)
{
    return is_hex(text, PROOF_NONCE_DIGITS);
}

bool proof_is_proof(Slice text)
{
    return is_hex(text, PROOF_DIGITS);
}

void proof_make(const Secret *secret, ProofRole role, const ProofTranscript *transcript,
                char ret_proof[static PROOF_DIGITS + 1])
{
    static const char *const labels[] = {[PROOF_ACCEPT] = "accept", [PROOF_DIAL] = "dial"};
    Slice key = secret_bytes(secret);
    g_autoptr(GHmac) hmac =
        g_hmac_new(G_CHECKSUM_SHA256, (const unsigned char *)key.data, key.length);
    g_autoptr(GString) text = g_string_new(NULL);

    g_string_append_printf(text, "herd link 1 %s\n", labels[role]);
    g_string_append_len(text, transcript->dialler.data, (gssize)transcript->dialler.length);
    g_string_append_c(text, '\n');
    g_string_append_len(text, transcript->acceptor.data, (gssize)transcript->acceptor.length);
    g_string_append_printf(text, "\n%" PRId64 "\n", transcript->incarnation);
    g_string_append_len(text, transcript->dialler_nonce.data,
                        (gssize)transcript->dialler_nonce.length);
    g_string_append_c(text, '\n');
    g_string_append_len(text, transcript->acceptor_nonce.data,
                        (gssize)transcript->acceptor_nonce.length);
    g_string_append_c(text, '\n');
    if (transcript->binding != NULL)
        append_hex(text, transcript->binding, PROOF_BINDING_BYTES);
    else
        g_string_append_c(text, '-');
    g_hmac_update(hmac, (const unsigned char *)text->str, (gssize)text->len);
    g_strlcpy(ret_proof, g_hmac_get_string(hmac), PROOF_DIGITS + 1);
}

bool proof_equal(Slice said, const char proof[static PROOF_DIGITS + 1])
{
    volatile unsigned difference =
        0; /* volatile: all of them are looked at, whatever the first say */

    if (said.length != PROOF_DIGITS)
        return false;
    for (size_t i = 0; i < PROOF_DIGITS; i++)
        difference |= (unsigned char)(said.data[i] ^ proof[i]);
    return difference == 0;
}
