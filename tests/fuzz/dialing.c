/* SPDX-License-Identifier: MIT */

/*
 * What a neighbour answers over the link that Bailey has opened to it (net/link.c), whatever it is:
 * it is told nothing but what a neighbour may be told, records as they are in the store; and when
 * it comes to its senses it gets them all (PROTOCOL R23).
 *
 * An input is what Bona says. 0x01 in it stands for a true answer to Bailey's oldest question, 0x02
 * for a false one of the right form, which nobody guesses; 0x03 for the end of the connection.
 *
 * With FUZZ_SECRET the herd has a secret, and whoever has not proved that he has it is told nothing
 * but the hello. 0x04 stands for a challenge with the proof, 0x05 for one with a wrong one.
 */

#include "fuzz.h"

#include "core/log.h"
#include "core/message.h"
#include "core/proof.h"
#include "core/thread.h"
#include "core/trust.h"
#include "net/dial.h"
#include "net/link.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define RECORDS       10
#define QUESTIONS_MAX 32 /* under way at once */
#define ROUNDS        100000
#define EXPIRED       INT64_C(2000000000000)
#define HONEST_HELLO  "HELLO 1 Bona Bailey 99\n"
#define NONCE         "00112233445566778899aabbccddeeff" /* everybody's, always */

enum { ANSWER = 1, LIE = 2, END = 3, CHALLENGE = 4, FALSE_CHALLENGE = 5 };

static Config *config;
static Trust *trust;   /* NULL: there is no secret */
static Secret *secret; /* of it */
static Store *ours, *theirs;
static int64_t now_ms;

/* What lies between the two. */
typedef struct {
    Slice input;
    size_t at;
    Chance chance;
    bool honest;       /* the input is over, Bona is herself */
    bool connected;    /* since the last time that somebody has looked */
    unsigned dialled;  /* times */
    bool greeted;      /* Bailey's hello is heard over this connection, */
    int64_t run;       /* which said that it is this one */
    bool challenged;   /* Bona has proved over it that she has the secret, */
    bool proved;       /* and then Bailey */
    GString *said;     /* (owned) by Bailey, not a whole line yet */
    GString *incoming; /* (owned) for Bailey, not read yet */
    GQueue questions;  /* of parts, GINT_TO_POINTER, not answered */
    bool ended;        /* behind what is incoming Bona ends */
    unsigned quiet;    /* turns since the last that somebody has sent or received in */
} Wire;

static Wire wire;

ssize_t __wrap_recv(int descriptor, void *buffer, size_t size, int flags);
ssize_t __wrap_send(int descriptor, const void *bytes, size_t size, int flags);
int __wrap_epoll_ctl(int epoll, int operation, int descriptor, struct epoll_event *event);
int __wrap_dial(const Endpoint *from, const Endpoint *to, int timeout_ms);
DialOutcome __wrap_dial_go_on(Stream *stream, const Endpoint *to, Tls *tls, const char *name,
                              char **ret_why);
int64_t __wrap_monotonic_ms(void);
GRand *__wrap_g_rand_new(void);
bool __wrap_log_wants_messages(const Log *log);
void __wrap_log_event(Log *log, LogLevel level, const char *format, ...) G_GNUC_PRINTF(3, 4);
void __wrap_log_sent(Log *log, const char *peer, Slice line);
void __wrap_proof_nonce(char ret_nonce[static PROOF_NONCE_DIGITS + 1]);

void __wrap_proof_nonce(char ret_nonce[static PROOF_NONCE_DIGITS + 1])
{
    memcpy(ret_nonce, NONCE, PROOF_NONCE_DIGITS + 1);
}

int64_t __wrap_monotonic_ms(void)
{
    return now_ms;
}

/* Every run is the same. */
GRand *__wrap_g_rand_new(void)
{
    return g_rand_new_with_seed(1);
}

int __wrap_epoll_ctl(int epoll G_GNUC_UNUSED, int operation G_GNUC_UNUSED,
                     int descriptor G_GNUC_UNUSED, struct epoll_event *event G_GNUC_UNUSED)
{
    return 0;
}

int __wrap_dial(const Endpoint *from G_GNUC_UNUSED, const Endpoint *to G_GNUC_UNUSED,
                int timeout_ms G_GNUC_UNUSED)
{
    wire.connected = true;
    wire.dialled++;
    wire.quiet = 0;
    wire.greeted = wire.ended = wire.challenged = wire.proved = false;
    g_string_truncate(wire.said, 0);
    g_string_truncate(wire.incoming, 0);
    g_queue_clear(&wire.questions);
    return eventfd(0, EFD_CLOEXEC);
}

DialOutcome __wrap_dial_go_on(Stream *stream G_GNUC_UNUSED, const Endpoint *to G_GNUC_UNUSED,
                              Tls *tls G_GNUC_UNUSED, const char *name G_GNUC_UNUSED,
                              char **ret_why G_GNUC_UNUSED)
{
    return DIAL_DONE;
}

bool __wrap_log_wants_messages(const Log *log G_GNUC_UNUSED)
{
    return true;
}

void __wrap_log_event(Log *log G_GNUC_UNUSED, LogLevel level G_GNUC_UNUSED, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_free(g_strdup_vprintf(format, arguments));
    va_end(arguments);
}

void __wrap_log_sent(Log *log G_GNUC_UNUSED, const char *peer G_GNUC_UNUSED, Slice line)
{
    g_assert_null(memchr(line.data, '\n', line.length));
}

/* ---- Bona ---- */

/* What Bona has is what she was told. */
static void hear_update(const Message *message)
{
    g_autoptr(Record) record = record_new(&message->at);
    g_autoptr(Record) known = store_get(ours, message->at.client);

    g_assert_nonnull(known);
    g_assert_true(slice_equal(record_line(record), record_line(known)));
    store_put(theirs, record, 0);
}

/* The proof of @role for what Bailey said in his hello. */
static void make_proof(ProofRole role, char ret_proof[static PROOF_DIGITS + 1])
{
    const ProofTranscript transcript = {
        .dialler = SLICE("Bailey"),
        .acceptor = SLICE("Bona"),
        .incarnation = wire.run,
        .dialler_nonce = SLICE(NONCE),
        .acceptor_nonce = SLICE(NONCE),
    };

    proof_make(secret, role, &transcript, ret_proof);
}

static void hear_proof(Slice said)
{
    char proof[PROOF_DIGITS + 1];

    make_proof(PROOF_DIAL, proof);
    g_assert_true(wire.challenged && !wire.proved);
    g_assert_true(slice_equal(said, slice_of(proof)));
    wire.proved = true;
}

static void hear_line(Slice line)
{
    Message message = message_parse(line);

    if (!wire.greeted) {
        g_assert_cmpint(message.kind, ==, MESSAGE_HELLO);
        g_assert_true(slice_equal(message.hello.from, SLICE("Bailey")));
        g_assert_true(slice_equal(message.hello.to, SLICE("Bona")));
        wire.run = message.hello.incarnation;
        wire.greeted = true;
        return;
    }
    if (trust != NULL && !wire.proved) {
        g_assert_cmpint(message.kind, ==, MESSAGE_PROOF);
        hear_proof(message.proof);
        return;
    }
    if (message.kind == MESSAGE_DIGEST) {
        g_queue_push_tail(&wire.questions, GINT_TO_POINTER(message.digest.part));
        g_assert_cmpuint(g_queue_get_length(&wire.questions), <=, QUESTIONS_MAX);
    } else if (message.kind == MESSAGE_AT || message.kind == MESSAGE_SYNC) {
        hear_update(&message);
    } else {
        g_assert_cmpint(message.kind, ==, MESSAGE_PING);
    }
}

/* Appends the answer to the oldest question, if there is one. */
static void answer(bool lie)
{
    uint64_t sums[STORE_SHARDS];
    unsigned count = 1;

    if (g_queue_is_empty(&wire.questions))
        return;
    int part = GPOINTER_TO_INT(g_queue_pop_head(&wire.questions));
    if (part == PART_ROOT) {
        sums[0] = store_sum(theirs);
    } else if (part == PART_SHARDS) {
        count = STORE_SHARDS;
        store_shard_sums(theirs, sums);
    } else {
        count = STORE_LEAVES;
        store_leaf_sums(theirs, (unsigned)part, sums);
    }
    for (unsigned i = 0; i < count && lie; i++)
        sums[i] ^= chance_below(&wire.chance, 2);
    message_append_sums(wire.incoming, part, sums, count);
}

static void challenge(bool lie)
{
    char proof[PROOF_DIGITS + 1];

    if (trust == NULL || !wire.greeted)
        return;
    make_proof(PROOF_ACCEPT, proof);
    if (lie)
        proof[0] = proof[0] == '0' ? '1' : '0';
    wire.challenged |= !lie;
    message_append_challenge(wire.incoming, NONCE, proof);
}

/* What Bona says when she is herself: what proves it, her hello, and true answers. */
static void speak_honestly(void)
{
    if (wire.connected && (trust == NULL || wire.proved)) {
        g_string_append(wire.incoming, HONEST_HELLO);
        wire.connected = false;
    } else if (wire.connected && !wire.challenged) {
        challenge(false);
    }
    answer(false);
}

/* Appends the next of what Bona says. */
static void speak(void)
{
    if (wire.honest && wire.incoming->len == 0)
        speak_honestly();
    if (trust != NULL && !wire.greeted)
        return; /* there is nothing to prove */
    while (!wire.honest && !wire.ended && wire.at < wire.input.length) {
        char byte = wire.input.data[wire.at++];

        if (byte == ANSWER || byte == LIE)
            answer(byte == LIE);
        else if (byte == END)
            wire.ended = true;
        else if (byte == CHALLENGE || byte == FALSE_CHALLENGE)
            challenge(byte == FALSE_CHALLENGE);
        else
            g_string_append_c(wire.incoming, byte);
        if (byte == '\n' || (byte > 0 && byte <= FALSE_CHALLENGE))
            return;
    }
}

ssize_t __wrap_send(int descriptor G_GNUC_UNUSED, const void *bytes, size_t size,
                    int flags G_GNUC_UNUSED)
{
    const char *end;

    wire.quiet = 0;
    if (!wire.honest) {
        if (chance_below(&wire.chance, 4) == 0) {
            errno = EAGAIN;
            return -1;
        }
        size = 1 + chance_below(&wire.chance, size);
    }
    g_string_append_len(wire.said, bytes, (gssize)size);
    while ((end = memchr(wire.said->str, '\n', wire.said->len)) != NULL) {
        size_t length = (size_t)(end - wire.said->str);

        hear_line((Slice){.data = wire.said->str, .length = length});
        g_string_erase(wire.said, 0, (gssize)length + 1);
    }
    return (ssize_t)size;
}

ssize_t __wrap_recv(int descriptor G_GNUC_UNUSED, void *buffer, size_t size,
                    int flags G_GNUC_UNUSED)
{
    size_t length = MIN(size, wire.incoming->len);

    if (length == 0) {
        errno = EAGAIN;
        return wire.ended ? 0 : -1;
    }
    wire.quiet = 0;
    if (!wire.honest)
        length = 1 + chance_below(&wire.chance, length);
    memcpy(buffer, wire.incoming->str, length);
    g_string_erase(wire.incoming, 0, (gssize)length);
    return (ssize_t)length;
}

/* ---- runs ---- */

/* What the flood thread does each time round. */
static void turn(Link *link)
{
    int64_t next = link_tick(link, now_ms);

    speak();
    link_ready(link, EPOLLIN | EPOLLOUT);
    /* While nothing is on its way time passes until something is due. */
    bool passes = wire.incoming->len == 0 && wire.quiet++ > 0 && next > now_ms;
    now_ms = passes ? MIN(next, now_ms + 10000) : now_ms + 1;
}

static Config *make_config(void)
{
    static const char text[] = "[member Bailey]\nlisten = 127.0.0.1:10000\nneighbours = Bona\n"
                               "[member Bona]\nlisten = 127.0.0.1:10001\n";
    g_autoptr(GError) error = NULL;
    int file = memfd_create("herd.conf", MFD_CLOEXEC);
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", file);

    g_assert_cmpint(write(file, text, strlen(text)), ==, (gssize)strlen(text));
    Config *made = config_load(path, "Bailey", &error);
    g_assert_no_error(error);
    close(file);
    return made;
}

int LLVMFuzzerInitialize(int *count G_GNUC_UNUSED, char ***arguments G_GNUC_UNUSED)
{
    config = make_config();
    ours = store_new();
    theirs = store_new();
    for (int i = 0; i < RECORDS; i++) {
        g_autofree char *line = g_strdup_printf("AT Clark +0.5%08d phone%d +1+1 5", i, i);
        Message message = message_parse(slice_of(line));
        g_autoptr(Record) record = record_new(&message.at);

        g_assert_cmpint(message.kind, ==, MESSAGE_AT);
        g_assert_cmpint(store_put(ours, record, 0), ==, STORE_STORED);
    }
#ifdef FUZZ_SECRET
    TrustFiles files = {.secret = secret_new(SLICE("a secret of more than 16 bytes"))};

    secret = secret_ref(files.secret);
    trust = trust_new();
    trust_set(trust, &files);
#endif
    return 0;
}

static void forget_theirs(void)
{
    g_autoptr(GPtrArray) removed = g_ptr_array_new_with_free_func((GDestroyNotify)record_unref);

    store_set_horizon(theirs, EXPIRED);
    for (int i = 0; i < RECORDS; i++) {
        g_autofree char *client = g_strdup_printf("phone%d", i);
        g_autoptr(Record) record = store_get(ours, slice_of(client));

        store_sweep(theirs, store_shard_of(record), removed);
    }
    store_set_horizon(theirs, INT64_MIN);
    g_assert_cmpuint(store_size(theirs), ==, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Slice input = slice_of_input(data, size);
    unsigned rounds = 0;

    now_ms = 1000000;
    wire = (Wire){.input = input, .chance = chance_of(input)};
    wire.said = g_string_new(NULL);
    wire.incoming = g_string_new(NULL);
    g_queue_init(&wire.questions);
    Link *link = link_new(config, trust, NULL, "Bona", ours, NULL, -1);

    while (wire.at < input.length || wire.incoming->len > 0) {
        g_assert_cmpuint(++rounds, <, ROUNDS);
        turn(link);
    }

    /* What was half said over a connection that lasts is none of this. */
    wire.ended = true;
    for (unsigned dialled = wire.dialled; wire.dialled == dialled;) {
        g_assert_cmpuint(++rounds, <, ROUNDS);
        turn(link);
    }
    wire.honest = true;
    while (store_size(theirs) < RECORDS) { /* hear_update() has looked at each */
        g_assert_cmpuint(++rounds, <, ROUNDS);
        turn(link);
    }

    link_free(link);
    g_string_free(wire.said, TRUE);
    g_string_free(wire.incoming, TRUE);
    g_queue_clear(&wire.questions);
    forget_theirs();
    return 0;
}
