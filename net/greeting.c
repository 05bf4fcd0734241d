/* SPDX-License-Identifier: MIT */
#include "net/greeting.h"

#include "core/incarnation.h"
#include "core/proof.h"

struct Greeting {
    const char *self;
    const char *neighbour;
    Secret *secret; /* (owned) (nullable) */
    bool proved;    /* the neighbour has proved that it has the secret, and we have */
    bool over_tls;
    bool bound; /* there is a binding */
    uint8_t binding[PROOF_BINDING_BYTES];
    char nonce[PROOF_NONCE_DIGITS + 1]; /* ours */
    GString *line;                      /* (owned) to be said */
};

Greeting *greeting_new(const char *self, const char *neighbour, Secret *secret,
                       const Stream *stream)
{
    Greeting *greeting = g_new0(Greeting, 1);

    greeting->self = self;
    greeting->neighbour = neighbour;
    greeting->secret = secret;
    greeting->over_tls = stream->tls != NULL;
    greeting->bound = stream_channel_binding(stream, greeting->binding);
    greeting->line = g_string_new(NULL);
    if (secret != NULL)
        proof_nonce(greeting->nonce);
    message_append_hello(greeting->line, self, neighbour, incarnation(),
                         secret != NULL ? greeting->nonce : NULL);
    return greeting;
}

void greeting_free(Greeting *greeting)
{
    if (greeting == NULL)
        return;
    secret_unref(greeting->secret);
    g_string_free(greeting->line, TRUE);
    g_free(greeting);
}

Slice greeting_line(const Greeting *greeting)
{
    return (Slice){.data = greeting->line->str, .length = greeting->line->len};
}

static GreetingOutcome take_challenge(Greeting *greeting, const Message *message,
                                      const char **ret_why)
{
    const ProofTranscript transcript = {
        .dialler = slice_of(greeting->self),
        .acceptor = slice_of(greeting->neighbour),
        .incarnation = incarnation(),
        .dialler_nonce = slice_of(greeting->nonce),
        .acceptor_nonce = message->challenge.nonce,
        .binding = greeting->bound ? greeting->binding : NULL,
    };
    char proof[PROOF_DIGITS + 1];

    if (greeting->over_tls && !greeting->bound) {
        *ret_why = "the neighbour's TLS has nothing that a proof could be bound to";
        return GREETING_FAILED;
    }
    proof_make(greeting->secret, PROOF_ACCEPT, &transcript, proof);
    if (!proof_equal(message->challenge.proof, proof)) {
        *ret_why = "the neighbour cannot prove that it has the herd's secret";
        return GREETING_FAILED;
    }
    proof_make(greeting->secret, PROOF_DIAL, &transcript, proof);
    g_string_truncate(greeting->line, 0);
    message_append_proof(greeting->line, proof);
    greeting->proved = true;
    return GREETING_GOES_ON;
}

GreetingOutcome greeting_take(Greeting *greeting, Slice line, const Message *message,
                              int64_t *ret_incarnation, const char **ret_why)
{
    bool wants_proof = greeting->secret != NULL && !greeting->proved;

    if (wants_proof && message->kind == MESSAGE_CHALLENGE)
        return take_challenge(greeting, message, ret_why);
    /* The neighbour's hello to us is what ends it. */
    if (message->kind == MESSAGE_HELLO &&
        slice_equal(message->hello.from, slice_of(greeting->neighbour)) &&
        slice_equal(message->hello.to, slice_of(greeting->self))) {
        if (wants_proof) {
            *ret_why = "the neighbour wants no proof: has it the secret_file?";
            return GREETING_FAILED;
        }
        *ret_incarnation = message->hello.incarnation;
        return GREETING_ACCEPTED;
    }
    *ret_why = line.length > 0 && line.data[0] == '?'
                   ? "the neighbour does not accept our hello: are the herd's file and its secret "
                     "the same on both sides?"
                   : "what answers at the neighbour's address is not that neighbour";
    return GREETING_FAILED;
}
