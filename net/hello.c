/* SPDX-License-Identifier: MIT */
#include "net/hello.h"

#include "core/counters.h"
#include "core/incarnation.h"
#include "core/proof.h"
#include "core/thread.h"

#include <stdatomic.h>
#include <sys/socket.h>

#define WARN_EVERY_MS 1000

G_STATIC_ASSERT(PROOF_BINDING_BYTES == CHANNEL_BINDING_SIZE);

/* A hello that we have answered with a challenge. */
struct PendingHello {
    GQuark neighbour;
    int64_t incarnation;
    char proof[PROOF_DIGITS + 1]; /* that is to follow */
};

typedef enum {
    REFUSED_NAME,
    REFUSED_ADDRESS,
    REFUSED_CERTIFICATE,
    REFUSED_PLAIN,
    REFUSED_NO_BINDING,
    REFUSED_NO_NONCE,
    REFUSED_NO_PROOF,
    REFUSED_WRONG_PROOF,
    REFUSED_NO_HELLO,
    REFUSALS,
} Refusal;

static const char *const refusals[REFUSALS] = {
    [REFUSED_NAME] = "what it says is no neighbour's hello to us",
    [REFUSED_ADDRESS] = "it does not come from an address of that name",
    [REFUSED_CERTIFICATE] = "it has shown no certificate in that name",
    [REFUSED_PLAIN] = "it does not say so over TLS",
    [REFUSED_NO_BINDING] = "its TLS has nothing that a proof could be bound to",
    [REFUSED_NO_NONCE] = "it offers no proof: has that neighbour the secret_file?",
    [REFUSED_NO_PROOF] = "it does not prove its hello",
    [REFUSED_WRONG_PROOF] = "its proof is wrong: is that neighbour's secret another?",
    [REFUSED_NO_HELLO] = "it proves what it has not said",
};

/* FALSE, when it has been counted and logged. @name: (nullable) of the neighbour that it says it
 * is. */
static bool refuse(const SessionContext *context, const Connection *connection, const char *name,
                   Refusal why)
{
    /* monotonic_ms() of the last line, over all connections of the process. atomic */
    static _Atomic int64_t said[REFUSALS];
    int64_t now = monotonic_ms(), last = atomic_load(&said[why]);

    counters_add(COUNT_HELLOS_REFUSED, 1);
    if ((last == 0 || now - last >= WARN_EVERY_MS) &&
        atomic_compare_exchange_strong(&said[why], &last, now))
        log_event(context->log, LOG_WARNING, "link %s%srefused to %s: %s", name != NULL ? name : "",
                  name != NULL ? " " : "", connection->peer, refusals[why]);
    return false;
}

/* Our native neighbour that is called @name, or NULL. */
static const Member *find_neighbour(const SessionContext *context, Slice name)
{
    const GPtrArray *names = context->config->self->neighbours;

    for (unsigned i = 0; i < names->len; i++) {
        const Member *member = config_member(context->config, names->pdata[i]);

        if (slice_equal(name, slice_of(member->name)) && !member_is_foreign(member))
            return member;
    }
    return NULL;
}

/* Whether @connection comes from a host that @neighbour listens on. */
static bool comes_from(const Connection *connection, const Member *neighbour)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;

    return getpeername(connection->stream.descriptor, (struct sockaddr *)&address, &length) == 0 &&
           member_is_at(neighbour, &address); /* or it has gone already */
}

/* Why it is not @neighbour that says hello on @connection, or REFUSALS: it may be, if it also
 * proves the secret where there is one. Where there are authorities a certificate decides, and
 * where we are reached over TLS nothing else; otherwise, without a secret, the address. */
static Refusal find_doubt(const SessionContext *context, const Connection *connection,
                          const Member *neighbour, bool has_secret)
{
    const Config *config = context->config;
    bool has_authorities = config->tls.ca_file != NULL;

    if (has_authorities && connection->stream.tls != NULL)
        return stream_is_certified_as(&connection->stream, slice_of(neighbour->name))
                   ? REFUSALS
                   : REFUSED_CERTIFICATE;
    if (has_authorities && ((const Endpoint *)config->self->listen->pdata[0])->tls)
        return REFUSED_PLAIN;
    return has_secret || comes_from(connection, neighbour) ? REFUSALS : REFUSED_ADDRESS;
}

static bool accept_hello(const SessionContext *context, Connection *connection,
                         const Member *neighbour, int64_t run, GString *output)
{
    message_append_hello(output, context->config->self->name, neighbour->name, incarnation(), NULL);
    log_event(context->log, LOG_INFO, "link %s joined from %s", neighbour->name, connection->peer);
    connection->neighbour = neighbour->id;
    connection->incarnation = run;
    flood_poke(context->flood, neighbour->id, run);
    return true;
}

/* @neighbour has said hello in @message: it is to prove that it has @secret, as we do. FALSE: over
 * this connection nobody can, since whoever ends TLS in between could pass the proof on. */
static bool challenge(Connection *connection, const Message *message, const Member *neighbour,
                      const char *self, const Secret *secret, GString *output)
{
    char nonce[PROOF_NONCE_DIGITS + 1], proof[PROOF_DIGITS + 1];
    uint8_t binding[CHANNEL_BINDING_SIZE];
    bool bound = stream_channel_binding(&connection->stream, binding);
    const ProofTranscript transcript = {
        .dialler = slice_of(neighbour->name),
        .acceptor = slice_of(self),
        .incarnation = message->hello.incarnation,
        .dialler_nonce = message->hello.nonce,
        .acceptor_nonce = {.data = nonce, .length = PROOF_NONCE_DIGITS},
        .binding = bound ? binding : NULL,
    };

    if (connection->stream.tls != NULL && !bound)
        return false;
    proof_nonce(nonce);
    proof_make(secret, PROOF_ACCEPT, &transcript, proof);
    message_append_challenge(output, nonce, proof);

    connection->hello = g_new0(PendingHello, 1);
    connection->hello->neighbour = neighbour->id;
    connection->hello->incarnation = message->hello.incarnation;
    proof_make(secret, PROOF_DIAL, &transcript, connection->hello->proof);
    return true;
}

static bool take_hello(const SessionContext *context, Connection *connection,
                       const Message *message, GString *output)
{
    const char *self = context->config->self->name;
    const Member *neighbour = find_neighbour(context, message->hello.from);
    g_autoptr(Secret) secret = trust_secret(context->trust);

    if (neighbour == NULL || !slice_equal(message->hello.to, slice_of(self)))
        return refuse(context, connection, NULL, REFUSED_NAME);
    Refusal doubt = find_doubt(context, connection, neighbour, secret != NULL);
    if (doubt != REFUSALS)
        return refuse(context, connection, neighbour->name, doubt);
    if (secret == NULL)
        return accept_hello(context, connection, neighbour, message->hello.incarnation, output);
    if (message->hello.nonce.length == 0)
        return refuse(context, connection, neighbour->name, REFUSED_NO_NONCE);
    if (!challenge(connection, message, neighbour, self, secret, output))
        return refuse(context, connection, neighbour->name, REFUSED_NO_BINDING);
    return true;
}

static bool take_proof(const SessionContext *context, Connection *connection,
                       const Message *message, GString *output)
{
    g_autofree PendingHello *hello = g_steal_pointer(&connection->hello);

    if (hello == NULL)
        return refuse(context, connection, NULL, REFUSED_NO_HELLO);

    const char *name = g_quark_to_string(hello->neighbour);
    if (!proof_equal(message->proof, hello->proof))
        return refuse(context, connection, name, REFUSED_WRONG_PROOF);

    /* The configuration may be another than when it said hello. */
    const Member *neighbour = find_neighbour(context, slice_of(name));
    if (neighbour == NULL)
        return refuse(context, connection, NULL, REFUSED_NAME);
    Refusal doubt = find_doubt(context, connection, neighbour, true);
    if (doubt != REFUSALS)
        return refuse(context, connection, name, doubt);
    return accept_hello(context, connection, neighbour, hello->incarnation, output);
}

bool hello_take(const SessionContext *context, Connection *connection, const Message *message,
                GString *output)
{
    return message->kind == MESSAGE_HELLO ? take_hello(context, connection, message, output)
                                          : take_proof(context, connection, message, output);
}

void hello_forget(const SessionContext *context, Connection *connection)
{
    g_autofree PendingHello *hello = g_steal_pointer(&connection->hello);

    refuse(context, connection, g_quark_to_string(hello->neighbour), REFUSED_NO_PROOF);
}

bool hello_holds(const SessionContext *context, const Connection *connection)
{
    const Member *neighbour =
        find_neighbour(context, slice_of(g_quark_to_string(connection->neighbour)));
    g_autoptr(Secret) secret = trust_secret(context->trust);

    return neighbour != NULL &&
           find_doubt(context, connection, neighbour, secret != NULL) == REFUSALS;
}
