/* SPDX-License-Identifier: MIT */
#include "core/message.h"

#include "core/decimal.h"
#include "core/incarnation.h"
#include "core/location.h"
#include "core/proof.h"
#include "core/store.h"

#include <glib.h>
#include <inttypes.h>
#include <limits.h>

#define FIELDS_MAX 6  /* those of AT; what has more is left in one piece */
#define SUM_DIGITS 16 /* hexadecimal */

/* PROTOCOL R2. A table, since every byte of every line is looked at. */
static const bool white_space[UCHAR_MAX + 1] = {
    [' '] = true, ['\t'] = true, ['\n'] = true, ['\v'] = true, ['\f'] = true, ['\r'] = true,
};

static inline bool is_white_space(char c)
{
    return white_space[(unsigned char)c];
}

unsigned message_split(Slice line, Slice *fields, unsigned most)
{
    const char *at = line.data;
    const char *end = line.data + line.length;
    unsigned count = 0;

    for (;;) {
        while (at < end && is_white_space(*at))
            at++;
        if (at == end)
            return count;
        if (count == most)
            return most + 1;

        const char *begin = at;
        while (at < end && !is_white_space(*at))
            at++;
        fields[count++] = (Slice){.data = begin, .length = (size_t)(at - begin)};
    }
}

/* IAMAT <client> <lat-lon> <time> */
static Message parse_iamat(const Slice *fields)
{
    Message m = {.kind = MESSAGE_IAMAT,
                 .iamat = {.client = fields[1], .location = fields[2], .time = fields[3]}};
    Location location;

    if (!location_parse(m.iamat.location, &location) ||
        !timestamp_parse(m.iamat.time, &m.iamat.time_value))
        return (Message){.kind = MESSAGE_INVALID};
    return m;
}

/* PROTOCOL R10: d+(.d+)? kilometres, 0 to 50. */
static bool parse_radius(Slice text, int64_t *ret_millimetres)
{
    Decimal d;

    if (!decimal_parse(text, &d) || d.sign != 0 || decimal_exceeds(&d, PLACES_RADIUS_MAX_KM))
        return false;
    *ret_millimetres = d.whole * MILLIMETRES_PER_KM + decimal_fraction(&d, 6);
    return true;
}

static bool parse_whole(Slice text, int64_t *ret_number)
{
    Decimal d;

    if (!decimal_parse(text, &d) || d.sign != 0 || d.fraction.length > 0)
        return false;
    *ret_number = d.whole;
    return true;
}

/* PROTOCOL R10: a decimal integer, 0 to 20. */
static bool parse_bound(Slice text, unsigned *ret_bound)
{
    int64_t bound;

    if (!parse_whole(text, &bound) || bound > PLACES_BOUND_MAX)
        return false;
    *ret_bound = (unsigned)bound;
    return true;
}

/* WHATSAT <client> <radius> <bound> */
static Message parse_whatsat(const Slice *fields)
{
    Message m = {.kind = MESSAGE_WHATSAT, .whatsat = {.client = fields[1]}};

    if (!parse_radius(fields[2], &m.whatsat.radius) || !parse_bound(fields[3], &m.whatsat.bound))
        return (Message){.kind = MESSAGE_INVALID};
    return m;
}

/* AT <origin> <skew> <client> <lat-lon> <time> */
static Message parse_at(const Slice *fields)
{
    Message m = {.kind = MESSAGE_AT,
                 .at = {.origin = fields[1],
                        .skew = fields[2],
                        .client = fields[3],
                        .location = fields[4],
                        .time = fields[5]}};
    Timestamp skew;
    Location location;

    if (!timestamp_parse_skew(m.at.skew, &skew) || !location_parse(m.at.location, &location) ||
        !timestamp_parse(m.at.time, &m.at.time_value))
        return (Message){.kind = MESSAGE_INVALID};
    return m;
}

/* HELLO <version> <from> <to> [<incarnation> [<nonce>]] */
static Message parse_hello(const Slice *fields)
{
    Message m = {.kind = MESSAGE_HELLO,
                 .hello = {.from = fields[2],
                           .to = fields[3],
                           .incarnation = INCARNATION_UNKNOWN,
                           .nonce = fields[5]}};
    int64_t version;

    if (!parse_whole(fields[1], &version) || version != LINK_VERSION ||
        (fields[4].length > 0 && !parse_whole(fields[4], &m.hello.incarnation)) ||
        (fields[5].length > 0 && !proof_is_nonce(fields[5])))
        return (Message){.kind = MESSAGE_INVALID};
    return m;
}

/* CHALLENGE <nonce> <proof> */
static Message parse_challenge(const Slice *fields)
{
    if (!proof_is_nonce(fields[1]) || !proof_is_proof(fields[2]))
        return (Message){.kind = MESSAGE_INVALID};
    return (Message){.kind = MESSAGE_CHALLENGE,
                     .challenge = {.nonce = fields[1], .proof = fields[2]}};
}

/* PROOF <proof> */
static Message parse_proof(const Slice *fields)
{
    if (!proof_is_proof(fields[1]))
        return (Message){.kind = MESSAGE_INVALID};
    return (Message){.kind = MESSAGE_PROOF, .proof = fields[1]};
}

/* AUTH <token> */
static Message parse_auth(const Slice *fields)
{
    return (Message){.kind = MESSAGE_AUTH, .token = fields[1]};
}

/* SYNC <origin> <skew> <client> <lat-lon> <time> */
static Message parse_sync(const Slice *fields)
{
    Message m = parse_at(fields);

    if (m.kind == MESSAGE_AT)
        m.kind = MESSAGE_SYNC;
    return m;
}

static Message parse_ping(const Slice *fields G_GNUC_UNUSED)
{
    return (Message){.kind = MESSAGE_PING};
}

static Message parse_pong(const Slice *fields G_GNUC_UNUSED)
{
    return (Message){.kind = MESSAGE_PONG};
}

static bool parse_part(Slice text, int *ret_part)
{
    int64_t shard;

    if (slice_equal(text, SLICE("ROOT")))
        *ret_part = PART_ROOT;
    else if (slice_equal(text, SLICE("SHARDS")))
        *ret_part = PART_SHARDS;
    else if (parse_whole(text, &shard) && shard < STORE_SHARDS)
        *ret_part = (int)shard;
    else
        return false;
    return true;
}

/* DIGEST <part> */
static Message parse_digest(const Slice *fields)
{
    Message m = {.kind = MESSAGE_DIGEST};

    if (!parse_part(fields[1], &m.digest.part))
        return (Message){.kind = MESSAGE_INVALID};
    return m;
}

/* SUMS <part> <sum>...: more fields than FIELDS_MAX, left in one piece. */
static Message parse_sums(const Slice *fields, Slice line)
{
    Message m = {.kind = MESSAGE_SUMS, .digest.sums = {.data = fields[2].data}};

    m.digest.sums.length = (size_t)(line.data + line.length - fields[2].data);
    if (!parse_part(fields[1], &m.digest.part))
        return (Message){.kind = MESSAGE_INVALID};
    return m;
}

static const struct {
    Slice verb;
    unsigned fields;
    Message (*parse)(const Slice *fields);
} forms[] = {
    {{"IAMAT", 5}, 4, parse_iamat},
    {{"WHATSAT", 7}, 4, parse_whatsat},
    {{"AT", 2}, 6, parse_at},
    {{"HELLO", 5}, 4, parse_hello},
    {{"HELLO", 5}, 5, parse_hello},
    {{"SYNC", 4}, 6, parse_sync},
    {{"PING", 4}, 1, parse_ping},
    {{"PONG", 4}, 1, parse_pong},
    {{"DIGEST", 6}, 2, parse_digest},
    {{"HELLO", 5}, 6, parse_hello},
    {{"CHALLENGE", 9}, 3, parse_challenge},
    {{"PROOF", 5}, 2, parse_proof},
    {{"AUTH", 4}, 2, parse_auth},
};

Message message_parse(Slice line)
{
    Slice fields[FIELDS_MAX] = {0};
    unsigned count = message_split(line, fields, FIELDS_MAX);

    /* PROTOCOL R4: NUL anywhere makes a command invalid. */
    if (count == 0 || memchr(line.data, '\0', line.length) != NULL)
        return (Message){.kind = MESSAGE_INVALID};

    for (size_t i = 0; i < G_N_ELEMENTS(forms); i++)
        if (count == forms[i].fields && slice_equal(fields[0], forms[i].verb))
            return forms[i].parse(fields);
    if (count >= 3 && slice_equal(fields[0], SLICE("SUMS")))
        return parse_sums(fields, line);
    return (Message){.kind = MESSAGE_INVALID};
}

Record *message_iamat_record(const Message *iamat, Slice origin, Timestamp received)
{
    char skew[TIMESTAMP_SKEW_MAX];

    g_assert(iamat->kind == MESSAGE_IAMAT);

    RecordFields fields = {
        .origin = origin,
        .client = iamat->iamat.client,
        .location = iamat->iamat.location,
        .time = iamat->iamat.time,
        .time_value = iamat->iamat.time_value,
    };
    fields.skew.data = skew;
    fields.skew.length =
        timestamp_format_skew(timestamp_subtract(received, iamat->iamat.time_value), skew);
    return record_new(&fields);
}

void message_append_hello(GString *text, const char *from, const char *to, int64_t incarnation,
                          const char *nonce)
{
    g_string_append_printf(text, "HELLO %d %s %s %" PRId64 "%s%s\n", LINK_VERSION, from, to,
                           incarnation, nonce != NULL ? " " : "", nonce != NULL ? nonce : "");
}

char *message_format_hello(const char *from, const char *to, int64_t incarnation)
{
    GString *text = g_string_new(NULL);

    message_append_hello(text, from, to, incarnation, NULL);
    return g_string_free(text, FALSE);
}

void message_append_challenge(GString *text, const char *nonce, const char *proof)
{
    g_string_append_printf(text, "CHALLENGE %s %s\n", nonce, proof);
}

void message_append_proof(GString *text, const char *proof)
{
    g_string_append_printf(text, "PROOF %s\n", proof);
}

Slice message_shown(Slice line)
{
    static const struct {
        Slice verb, shown;
    } hidden[] = {
        {{"AUTH", 4}, {"AUTH (token)", 12}},
        {{"PROOF", 5}, {"PROOF (proof)", 13}},
        {{"CHALLENGE", 9}, {"CHALLENGE (proof)", 17}},
    };
    Slice verb;

    if (message_split(line, &verb, 1) == 0)
        return line;
    for (size_t i = 0; i < G_N_ELEMENTS(hidden); i++)
        /* In lower case it is no command, but perhaps a token all the same. */
        if (verb.length == hidden[i].verb.length &&
            g_ascii_strncasecmp(verb.data, hidden[i].verb.data, verb.length) == 0)
            return hidden[i].shown;
    return line;
}

static void append_part(GString *text, const char *verb, int part)
{
    if (part == PART_ROOT)
        g_string_append_printf(text, "%s ROOT", verb);
    else if (part == PART_SHARDS)
        g_string_append_printf(text, "%s SHARDS", verb);
    else
        g_string_append_printf(text, "%s %d", verb, part);
}

void message_append_digest(GString *text, int part)
{
    append_part(text, "DIGEST", part);
    g_string_append_c(text, '\n');
}

void message_append_sums(GString *text, int part, const uint64_t *sums, unsigned count)
{
    static const char digits[] = "0123456789abcdef";

    append_part(text, "SUMS", part);
    for (unsigned i = 0; i < count; i++) {
        char sum[1 + SUM_DIGITS] = " ";

        for (unsigned k = 0; k < SUM_DIGITS; k++)
            sum[SUM_DIGITS - k] = digits[sums[i] >> 4 * k & 15];
        g_string_append_len(text, sum, sizeof sum);
    }
    g_string_append_c(text, '\n');
}

bool message_parse_sums(const Message *answer, uint64_t *sums, unsigned count)
{
    Slice text = answer->digest.sums;

    if (text.length != (size_t)count * (SUM_DIGITS + 1) - 1)
        return false;
    for (unsigned i = 0; i < count; i++) {
        const char *sum = text.data + (size_t)i * (SUM_DIGITS + 1);

        sums[i] = 0;
        for (unsigned k = 0; k < SUM_DIGITS; k++) {
            int digit = g_ascii_xdigit_value(sum[k]);

            if (digit < 0)
                return false;
            sums[i] = sums[i] << 4 | (uint64_t)digit;
        }
        if (i + 1 < count && sum[SUM_DIGITS] != ' ')
            return false;
    }
    return true;
}
