/* SPDX-License-Identifier: MIT */

/*
 * Who says hello to a member that has a secret, wherever he is: he becomes a neighbour only if he
 * has said the proof that he has the secret too (core/proof.h). Bailey's nonce is always the same
 * here; 0x01 in an input stands for the right proof after the hello before it.
 */

#include "member.h"

#include "core/proof.h"
#include "core/trust.h"

#define NONCE "00112233445566778899aabbccddeeff"

void __wrap_proof_nonce(char ret_nonce[static PROOF_NONCE_DIGITS + 1]);

static Secret *secret;

void __wrap_proof_nonce(char ret_nonce[static PROOF_NONCE_DIGITS + 1])
{
    memcpy(ret_nonce, NONCE, PROOF_NONCE_DIGITS + 1);
}

/* The proof that has to follow @line. FALSE: it is no hello of Bona's to Bailey. */
static bool proof_after(Slice line, char ret_proof[static PROOF_DIGITS + 1])
{
    if (line.length > 0 && line.data[line.length - 1] == '\r')
        line.length--;
    Message message = message_parse(line);

    if (message.kind != MESSAGE_HELLO || message.hello.nonce.length == 0)
        return false;
    ProofTranscript transcript = {
        .dialler = SLICE("Bona"),
        .acceptor = SLICE("Bailey"),
        .incarnation = message.hello.incarnation,
        .dialler_nonce = message.hello.nonce,
        .acceptor_nonce = SLICE(NONCE),
    };
    proof_make(secret, PROOF_DIAL, &transcript, ret_proof);
    return true;
}

/* @input with the proofs that it wants. (transfer full) */
static GString *prove(Slice input)
{
    GString *proved = g_string_new(NULL);
    char proof[PROOF_DIGITS + 1] = "";
    size_t begin = 0; /* of the line */

    for (size_t i = 0; i < input.length; i++) {
        if (input.data[i] == 1) {
            g_string_append(proved, proof);
            continue;
        }
        g_string_append_c(proved, input.data[i]);
        if (input.data[i] == '\n') {
            proof_after((Slice){.data = proved->str + begin, .length = proved->len - 1 - begin},
                        proof);
            begin = proved->len;
        }
    }
    return proved;
}

static bool is_accepted(Slice said)
{
    Slice line;

    while (take_line(&said, &line))
        if (message_parse(line).kind == MESSAGE_HELLO)
            return true;
    return false;
}

static bool is_proved(Slice input)
{
    Slice rest = input, line;

    while (take_line(&rest, &line)) {
        char proof[PROOF_DIGITS + 1];

        if (proof_after(line, proof) && memmem(rest.data, rest.length, proof, PROOF_DIGITS) != NULL)
            return true;
    }
    return false;
}

int LLVMFuzzerInitialize(int *count G_GNUC_UNUSED, char ***arguments G_GNUC_UNUSED)
{
    TrustFiles files = {.secret = secret_new(SLICE("a secret of more than 16 bytes"))};

    secret = secret_ref(files.secret);
    member_start();
    context.session.trust = trust_new();
    trust_set(context.session.trust, &files);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GString) proved = prove(slice_of_input(data, size));
    Slice input = slice_of_string(proved);
    Wire whole, pieces, reset;

    member_hear(&whole, WIRE_WHOLE, NOBODY, input);
    member_forget(&whole);
    if (is_accepted(slice_of_string(whole.said)))
        g_assert_true(is_proved(input));

    member_hear(&pieces, WIRE_PIECES, NOBODY, input);
    member_forget(&pieces);
    assert_same(&whole, &pieces);

    member_hear(&reset, WIRE_RESET, NOBODY, input);
    member_forget(&reset);

    wire_clear(&whole);
    wire_clear(&pieces);
    wire_clear(&reset);
    return 0;
}
