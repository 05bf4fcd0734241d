/* SPDX-License-Identifier: MIT */
#include "core/proof.h"

#include <glib.h>

#define NONCE_D "00112233445566778899aabbccddeeff"
#define NONCE_A "ffeeddccbbaa99887766554433221100"

static const ProofTranscript plain = {
    .dialler = {"Bailey", 6},
    .acceptor = {"Bona", 4},
    .incarnation = 4711,
    .dialler_nonce = {NONCE_D, 32},
    .acceptor_nonce = {NONCE_A, 32},
};

/* What Python's hmac makes of the same bytes:
 *     hmac.new(b'0123456789abcdef', b'herd link 1 accept\nBailey\nBona\n4711\n'
 *              b'0011...\nffee...\n-', 'sha256').hexdigest() */
static void test_known_answers(void)
{
    g_autoptr(Secret) secret = secret_new(SLICE("0123456789abcdef"));
    g_autofree char *long_key = g_strnfill(100, 'k'); /* longer than a block of SHA-256 */
    g_autoptr(Secret) long_secret = secret_new(slice_of(long_key));
    uint8_t binding[PROOF_BINDING_BYTES];
    ProofTranscript bound = plain;
    char proof[PROOF_DIGITS + 1];

    proof_make(secret, PROOF_ACCEPT, &plain, proof);
    g_assert_cmpstr(proof, ==, "f5ec94d06ef2eb6b7f6d2b483ef8edc2123b129e91ee39ac7e3fe8c6c733866b");
    proof_make(secret, PROOF_DIAL, &plain, proof);
    g_assert_cmpstr(proof, ==, "ea082080a608d1464086cc8d2f90c969d3ae4377cae8c109d9144180117be927");
    for (unsigned i = 0; i < sizeof binding; i++)
        binding[i] = (uint8_t)i;
    bound.binding = binding;
    proof_make(long_secret, PROOF_DIAL, &bound, proof);
    g_assert_cmpstr(proof, ==, "3c89ac093d1e355ea5266442d86082a575f7d6074e48c65134c2488ffa361d46");
}

static void assert_other(const Secret *secret, ProofRole role, const ProofTranscript *transcript)
{
    g_autoptr(Secret) own = secret_new(SLICE("0123456789abcdef"));
    char proof[PROOF_DIGITS + 1], other[PROOF_DIGITS + 1];

    proof_make(own, PROOF_DIAL, &plain, proof);
    proof_make(secret, role, transcript, other);
    g_assert_true(proof_is_proof(slice_of(other)));
    g_assert_false(proof_equal(slice_of(other), proof));
    proof_make(own, PROOF_DIAL, &plain, other);
    g_assert_true(proof_equal(slice_of(other), proof));
}

/* Everything that was said is in it. */
static void test_all_counts(void)
{
    g_autoptr(Secret) secret = secret_new(SLICE("0123456789abcdef"));
    g_autoptr(Secret) other = secret_new(SLICE("0123456789abcdeF"));
    static const uint8_t binding[PROOF_BINDING_BYTES];
    ProofTranscript changed;

    assert_other(other, PROOF_DIAL, &plain);
    assert_other(secret, PROOF_ACCEPT, &plain);
    changed = plain;
    changed.dialler = SLICE("Baile");
    assert_other(secret, PROOF_DIAL, &changed);
    changed = plain;
    changed.acceptor = SLICE("Clark");
    assert_other(secret, PROOF_DIAL, &changed);
    changed = plain;
    changed.dialler = plain.acceptor;
    changed.acceptor = plain.dialler;
    assert_other(secret, PROOF_DIAL, &changed);
    changed = plain;
    changed.incarnation++;
    assert_other(secret, PROOF_DIAL, &changed);
    changed = plain;
    changed.dialler_nonce = plain.acceptor_nonce;
    assert_other(secret, PROOF_DIAL, &changed);
    changed = plain;
    changed.acceptor_nonce = plain.dialler_nonce;
    assert_other(secret, PROOF_DIAL, &changed);
    changed = plain;
    changed.binding = binding;
    assert_other(secret, PROOF_DIAL, &changed);
}

static void test_equal(void)
{
    g_autofree char *proof = g_strnfill(PROOF_DIGITS, 'a');
    g_autofree char *said = g_strdup(proof);

    g_assert_true(proof_equal(slice_of(said), proof));
    g_assert_false(proof_equal((Slice){.data = said, .length = PROOF_DIGITS - 1}, proof));
    g_assert_false(proof_equal((Slice){0}, proof));
    for (unsigned i = 0; i < PROOF_DIGITS; i++) {
        said[i] = 'b';
        g_assert_false(proof_equal(slice_of(said), proof));
        said[i] = 'a';
    }
}

static void test_nonce(void)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (int i = 0; i < 1000; i++) {
        char nonce[PROOF_NONCE_DIGITS + 1];

        proof_nonce(nonce);
        g_assert_true(proof_is_nonce(slice_of(nonce)));
        g_assert_true(g_hash_table_add(seen, g_strdup(nonce)));
    }
    g_assert_false(proof_is_nonce(SLICE("00112233445566778899aabbccddeef")));
    g_assert_false(proof_is_nonce(SLICE("00112233445566778899aabbccddeefff")));
    g_assert_false(proof_is_nonce(SLICE("00112233445566778899aabbccddeefF")));
    g_assert_false(proof_is_nonce(SLICE("00112233445566778899aabbccddeefg")));
    g_assert_false(proof_is_proof(SLICE(NONCE_D)));
    g_assert_true(proof_is_proof(SLICE(NONCE_D NONCE_A)));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/proof/known-answers", test_known_answers);
    g_test_add_func("/proof/all-that-was-said-counts", test_all_counts);
    g_test_add_func("/proof/equal", test_equal);
    g_test_add_func("/proof/nonce", test_nonce);
    return g_test_run();
}
