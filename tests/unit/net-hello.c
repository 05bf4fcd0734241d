/* SPDX-License-Identifier: MIT */

/* The hello where members have a secret, on the accepting side; and what is said of hellos that are
 * refused. Without a secret: net-session.c. */

#include "tests/unit/net-session-rig.h"

#include "core/incarnation.h"
#include "core/proof.h"
#include "core/thread.h"
#include "net/greeting.h"

#define SECRET "0123456789abcdef"
#define NONCE  "00112233445566778899aabbccddeeff"
#define PROOF  "0011223344556677889900112233445566778899001122334455667788990011"

static void set_secret(Rig *rig, const char *secret)
{
    TrustFiles files = {.secret = secret != NULL ? secret_new(slice_of(secret)) : NULL};

    trust_set(rig->context.trust, &files);
}

static Rig *rig_with_secret(void)
{
    Rig *rig = rig_new("");

    rig->context.trust = trust_new();
    set_secret(rig, SECRET);
    return rig;
}

static void end(Rig *rig)
{
    trust_free(rig->context.trust);
    rig_free(rig);
}

/* Executes @line and returns what is said to it, without its LF. (transfer full) */
static char *ask(Rig *rig, Connection *connection, const char *line)
{
    g_string_truncate(rig->turn.output, 0);
    g_assert_cmpint(session_execute(&rig->context, connection, slice_of(line), &rig->turn), ==,
                    SESSION_DONE);
    g_assert_true(g_str_has_suffix(rig->turn.output->str, "\n"));
    return g_strndup(rig->turn.output->str, rig->turn.output->len - 1);
}

static Greeting *greeting_of(const char *name, const char *secret)
{
    const Stream plain = {.descriptor = -1};

    return greeting_new(name, "Bailey", secret != NULL ? secret_new(slice_of(secret)) : NULL,
                        &plain);
}

/* What it says next, without its LF. (transfer full) */
static char *line_of(const Greeting *greeting)
{
    Slice line = greeting_line(greeting);

    g_assert_true(line.length > 0 && line.data[line.length - 1] == '\n');
    return g_strndup(line.data, line.length - 1);
}

static GreetingOutcome take(Greeting *greeting, const char *answer, int64_t *ret_run,
                            const char **ret_why)
{
    Message message = message_parse(slice_of(answer));

    return greeting_take(greeting, slice_of(answer), &message, ret_run, ret_why);
}

/* @greeting goes on by @answer. (transfer full) what it says then, without its LF */
static char *go_on(Greeting *greeting, const char *answer)
{
    const char *why = NULL;
    int64_t run;

    g_assert_cmpint(take(greeting, answer, &run, &why), ==, GREETING_GOES_ON);
    return line_of(greeting);
}

static void assert_fails(Greeting *greeting, const char *answer, const char *reason)
{
    const char *why = NULL;
    int64_t run;

    g_assert_cmpint(take(greeting, answer, &run, &why), ==, GREETING_FAILED);
    g_assert_cmpstr(why, ==, reason);
}

/* Both sides, from the hello to the link. @host is not looked at. */
static void run_proof(Rig *rig, const char *name, unsigned host)
{
    int peer;
    Connection *connection = connect_from(rig->hosts[host], &peer);
    Greeting *greeting = greeting_of(name, SECRET);
    g_autofree char *hello = line_of(greeting);
    const char *why = NULL;
    int64_t run = 0;

    g_autofree char *challenge = ask(rig, connection, hello);
    g_assert_true(g_str_has_prefix(challenge, "CHALLENGE "));
    g_assert_cmpint(connection->neighbour, ==, CONNECTION_CLIENT);
    g_autofree char *proof = go_on(greeting, challenge);
    g_assert_true(g_str_has_prefix(proof, "PROOF "));
    g_autofree char *answer = ask(rig, connection, proof);
    g_assert_cmpint(take(greeting, answer, &run, &why), ==, GREETING_ACCEPTED);
    g_assert_cmpint(run, ==, incarnation());

    g_assert_cmpstr(g_quark_to_string(connection->neighbour), ==, name);
    g_assert_cmpint(connection->incarnation, ==, incarnation());
    g_assert_null(connection->hello);
    assert_reply(rig, connection, "AT Clark +1.000000000 kiwi +1+1 5", "");
    forget_updates(rig);
    /* From now on it is a link: what proves something is nothing there. */
    assert_reply(rig, connection, proof, "");
    assert_reply(rig, connection, hello, "");

    greeting_free(greeting);
    close(connection->stream.descriptor);
    close(peer);
    connection_free(connection);
}

static void test_accepted(void)
{
    Rig *rig = rig_with_secret();
    uint64_t refused = counters_read(COUNT_HELLOS_REFUSED);

    run_proof(rig, "Bona", BONA);
    run_proof(rig, "Bona", STRANGER);
    run_proof(rig, "Campbell", RILEY);
    g_assert_cmpuint(counters_read(COUNT_HELLOS_REFUSED), ==, refused);
    g_autofree char *log = end_log(rig);
    g_assert_nonnull(strstr(log, "link Campbell joined from "));
    g_assert_nonnull(strstr(log, " PROOF (proof)\n"));
    g_assert_false(g_regex_match_simple("[0-9a-f]{64}", log, 0, 0));
    end(rig);
}

/* @hello is answered as a client's. */
static void assert_refused(Rig *rig, Connection *connection, const char *line)
{
    uint64_t refused = counters_read(COUNT_HELLOS_REFUSED);

    assert_invalid(rig, connection, line);
    g_assert_cmpuint(counters_read(COUNT_HELLOS_REFUSED), ==, refused + 1);
    g_assert_cmpint(connection->neighbour, ==, CONNECTION_CLIENT);
    g_assert_null(connection->hello);
    assert_invalid(rig, connection, "AT Clark +1.000000000 kiwi +1+1 5");
}

static void test_refused_hello(void)
{
    static const char *const rows[] = {
        "HELLO 1 Bona Bailey",
        "HELLO 1 Bona Bailey 5",
        "HELLO 1 Clark Bailey 5 " NONCE, /* a member, no neighbour */
        "HELLO 1 Riley Bailey 5 " NONCE, /* another implementation's */
        "HELLO 1 Bailey Bailey 5 " NONCE,
        "HELLO 1 Bona Campbell 5 " NONCE,
        "HELLO 1 Nobody Bailey 5 " NONCE,
        "PROOF " PROOF,
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Rig *rig = rig_with_secret();
        int peer;
        Connection *connection = connect_from(rig->hosts[BONA], &peer);

        assert_refused(rig, connection, rows[i]);
        close(connection->stream.descriptor);
        close(peer);
        connection_free(connection);
        end(rig);
    }
}

/* What is no proof of that hello. */
static void test_wrong_proof(void)
{
    Rig *rig = rig_with_secret();
    g_autofree char *right = NULL;

    for (int i = 0; i < 4; i++) {
        Greeting *greeting = greeting_of("Bona", i == 0 ? "0123456789abcdeF" : SECRET);
        g_autofree char *hello = line_of(greeting);
        g_autofree char *other = NULL;

        g_autofree char *challenge = ask(rig, rig->client, hello);
        if (i == 0) /* of another secret */
            assert_fails(greeting, challenge,
                         "the neighbour cannot prove that it has the herd's secret");
        else
            other = go_on(greeting, challenge);
        if (i == 0 || i == 1) /* reflected: what the acceptor has said itself */
            assert_refused(rig, rig->client,
                           right = g_strdup_printf("PROOF %s", strrchr(challenge, ' ') + 1));
        else if (i == 2) /* of another conversation; an answer is good once */
            assert_refused(rig, rig->client, right);
        else {
            g_autofree char *accepted = ask(rig, rig->client, other);

            g_assert_true(g_str_has_prefix(accepted, "HELLO 1 Bailey Bona "));
        }
        if (i < 2)
            g_clear_pointer(&right, g_free);
        if (i == 1)
            right = g_steal_pointer(&other);
        greeting_free(greeting);
    }
    end(rig);
}

/* All that a neighbour has said once is said again. */
static void test_replay(void)
{
    Rig *rig = rig_with_secret();
    Greeting *greeting = greeting_of("Bona", SECRET);
    g_autofree char *hello = line_of(greeting);

    g_autofree char *challenge = ask(rig, rig->client, hello);
    g_autofree char *proof = go_on(greeting, challenge);
    for (int i = 0; i < 3; i++) {
        g_autofree char *another = ask(rig, rig->client, hello);

        g_assert_true(g_str_has_prefix(another, "CHALLENGE "));
        g_assert_cmpstr(another, !=, challenge);
        assert_refused(rig, rig->client, proof);
    }
    greeting_free(greeting);
    end(rig);
}

/* The proof comes next or not at all. */
static void test_something_else(void)
{
    Rig *rig = rig_with_secret();
    Greeting *greeting = greeting_of("Bona", SECRET);
    g_autofree char *hello = line_of(greeting);
    uint64_t refused = counters_read(COUNT_HELLOS_REFUSED);

    g_autofree char *challenge = ask(rig, rig->client, hello);
    g_autofree char *proof = go_on(greeting, challenge);
    assert_reply(rig, rig->client, "IAMAT kiwi +1+1 900",
                 "AT Bailey +100.000000005 kiwi +1+1 900\n");
    forget_updates(rig);
    g_assert_cmpuint(counters_read(COUNT_HELLOS_REFUSED), ==, refused + 1);
    assert_refused(rig, rig->client, proof);
    assert_invalid(rig, rig->client, "CHALLENGE " NONCE " " PROOF);
    assert_invalid(rig, rig->client, "PROOF " PROOF "0");
    greeting_free(greeting);
    end(rig);
}

/* A new secret is for new hellos. */
static void test_another_secret(void)
{
    Rig *rig = rig_with_secret();
    Greeting *greeting = greeting_of("Bona", SECRET), *later = greeting_of("Bona", SECRET);
    g_autofree char *hello = line_of(greeting);

    g_autofree char *challenge = ask(rig, rig->client, hello);
    g_autofree char *proof = go_on(greeting, challenge);
    set_secret(rig, "fedcba9876543210");
    g_autofree char *answer = ask(rig, rig->client, proof);
    g_assert_true(g_str_has_prefix(answer, "HELLO 1 Bailey Bona "));

    Connection *other = connection_new(-1, &(struct sockaddr_storage){0});
    g_autofree char *hello_later = line_of(later);
    g_autofree char *challenge_later = ask(rig, other, hello_later);
    assert_fails(later, challenge_later,
                 "the neighbour cannot prove that it has the herd's secret");
    connection_free(other);
    greeting_free(greeting);
    greeting_free(later);
    end(rig);
}

/* A proof is of one who may prove it by the configuration that is in force then. */
static void test_another_configuration(void)
{
    Rig *rig = rig_with_secret();
    g_autofree char *authorities = g_strdup("ca.pem");
    Config renewed = *rig->config;
    Greeting *greeting = greeting_of("Bona", SECRET);
    g_autofree char *hello = line_of(greeting);

    ((Endpoint *)rig->config->self->listen->pdata[0])->tls = true;
    renewed.tls.ca_file = authorities; /* a certificate in its name, too, from now on */
    g_autofree char *challenge = ask(rig, rig->client, hello);
    g_autofree char *proof = go_on(greeting, challenge);
    rig->context.config = &renewed;
    g_autofree char *refusal = g_strconcat("? ", proof, NULL);
    g_autofree char *answer = ask(rig, rig->client, proof);
    g_assert_cmpstr(answer, ==, refusal);
    g_assert_cmpint(rig->client->neighbour, ==, CONNECTION_CLIENT);
    rig->context.config = rig->config;
    greeting_free(greeting);
    end(rig);
}

/* The sides differ in whether they have one. */
static void test_one_side(void)
{
    Rig *rig = rig_with_secret();
    Greeting *without = greeting_of("Bona", NULL), *with = greeting_of("Bona", SECRET);
    g_autofree char *hello = line_of(without);
    g_autofree char *hello_with = line_of(with);
    int peer;
    Connection *connection = connect_from(rig->hosts[BONA], &peer);

    g_autofree char *answer = ask(rig, connection, hello);
    assert_fails(without, answer,
                 "the neighbour does not accept our hello: are the herd's file and its secret the "
                 "same on both sides?");
    set_secret(rig, NULL);
    g_autofree char *answer_with = ask(rig, connection, hello_with);
    assert_fails(with, answer_with, "the neighbour wants no proof: has it the secret_file?");
    close(connection->stream.descriptor);
    close(peer);
    connection_free(connection);
    greeting_free(without);
    greeting_free(with);
    end(rig);
}

static void test_greeting_fails(void)
{
    static const char *const stranger =
        "what answers at the neighbour's address is not that neighbour";
    static const char *const rows[] = {
        "",
        "CHALLENGE",
        "CHALLENGE " NONCE,
        "CHALLENGE x " PROOF,
        "HELLO 1 Bailey Clark",
        "HELLO 1 Bona Bailey",
        "PROOF " PROOF,
        "PONG",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Greeting *greeting = greeting_of("Bona", SECRET);

        assert_fails(greeting, rows[i], stranger);
        greeting_free(greeting);
    }
    /* Who has no secret is not challenged. */
    Greeting *without = greeting_of("Bona", NULL);
    assert_fails(without, "CHALLENGE " NONCE " " PROOF, stranger);
    greeting_free(without);
}

/* A stranger cannot fill the log. */
static void test_warnings(void)
{
    Rig *rig = rig_with_secret();
    int64_t begin = monotonic_ms();
    unsigned lines = 0;

    for (int i = 0; i < 1000; i++) {
        assert_refused(rig, rig->client, "HELLO 1 Nobody Bailey");
        assert_refused(rig, rig->client, "HELLO 1 Bona Bailey");
    }
    int64_t seconds = (monotonic_ms() - begin) / 1000 + 1;
    g_autofree char *log = end_log(rig);
    for (const char *at = log; (at = strstr(at, " refused to ")) != NULL; at++)
        lines++;
    g_assert_cmpint(lines, >=, 1);
    g_assert_cmpint(lines, <=, 2 * (seconds + 1));
    end(rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hello/warnings-are-few", test_warnings);
    g_test_add_func("/hello/r22/proved-from-anywhere", test_accepted);
    g_test_add_func("/hello/r17/refused-is-a-client", test_refused_hello);
    g_test_add_func("/hello/r17/wrong-proof-is-a-client", test_wrong_proof);
    g_test_add_func("/hello/r17/replayed-is-a-client", test_replay);
    g_test_add_func("/hello/r17/something-else-than-the-proof", test_something_else);
    g_test_add_func("/hello/another-secret-is-for-new-hellos", test_another_secret);
    g_test_add_func("/hello/another-configuration-before-the-proof", test_another_configuration);
    g_test_add_func("/hello/secret-on-one-side", test_one_side);
    g_test_add_func("/greeting/wrong-answers", test_greeting_fails);
    return g_test_run();
}
