/* SPDX-License-Identifier: MIT */

/* What goes between members (PROTOCOL R20, R22), and what holds for any bytes. */

#include "core/incarnation.h"
#include "core/store.h"
#include "tests/unit/message-lines.h"

static void test_r20_fields(void)
{
    Message m = message_parse(SLICE("AT Bona -0.736613614 kiwi.cs.ucla.edu "
                                    "+34.068930-118.445127 1621464827.959498503"));

    g_assert_cmpint(m.kind, ==, MESSAGE_AT);
    assert_slice(m.at.origin, "Bona");
    assert_slice(m.at.skew, "-0.736613614");
    assert_slice(m.at.client, "kiwi.cs.ucla.edu");
    assert_slice(m.at.location, "+34.068930-118.445127");
    assert_slice(m.at.time, "1621464827.959498503");
    g_assert_cmpint(m.at.time_value.seconds, ==, 1621464827);
    g_assert_cmpint(m.at.time_value.nanoseconds, ==, 959498503);
}

static void test_r20_six_fields(void)
{
    static const struct {
        const char *line;
        MessageKind kind;
    } rows[] = {
        {"AT Bona +0.000000001 kiwi +34-118 5", MESSAGE_AT},
        {"AT Bona +0.000000001 kiwi +34-118 5\r", MESSAGE_AT},
        {"AT Bona +0.000000001 kiwi +34-118", MESSAGE_INVALID},
        {"AT Bona +0.000000001 kiwi +34-118 5 Riley", MESSAGE_INVALID}, /* R24: dialect last */
        {"AT Bona +0.000000001 kiwi +34-118 5 Riley Juzang", MESSAGE_INVALID}, /* and path */
        {"AT Bona 0.000000001 kiwi +34-118 5", MESSAGE_INVALID}, /* a sign, always (R5) */
        {"AT Bona +0.1 kiwi +34-118 5", MESSAGE_INVALID},        /* nine decimals (R5) */
        {"AT Bona +0.0000000001 kiwi +34-118 5", MESSAGE_INVALID},
        {"AT Bona kiwi +0.000000001 +34-118 5", MESSAGE_INVALID},
        {"AT +0.000000001 kiwi +34-118 5", MESSAGE_INVALID},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        expect_kind(rows[i].line, rows[i].kind);
}

static void append_random_digits(GString *text, int least, int most)
{
    for (int n = g_test_rand_int_range(least, most + 1); n > 0; n--)
        g_string_append_c(text, (char)('0' + g_test_rand_int_range(0, 10)));
}

static void append_random_fraction(GString *text)
{
    if (g_test_rand_bit()) {
        g_string_append_c(text, '.');
        append_random_digits(text, 1, 14);
    }
}

/* A field of any bytes that may be in one. */
static void append_random_word(GString *text)
{
    for (int n = g_test_rand_int_range(1, 20); n > 0;) {
        char c = (char)g_test_rand_int_range(1, 256);

        if (c == ' ' || (c >= '\t' && c <= '\r'))
            continue;
        g_string_append_c(text, c);
        n--;
    }
}

/* PROTOCOL R20: an update is unchanged from hop to hop, R5: its fields byte for byte. */
static void test_property_at_is_unchanged(void)
{
    for (int round = 0; round < 20000; round++) {
        g_autoptr(GString) line = g_string_new("AT ");

        append_random_word(line);
        g_string_append(line, g_test_rand_bit() ? " +" : " -");
        append_random_digits(line, 1, 13);
        g_string_append_c(line, '.');
        append_random_digits(line, 9, 9);
        g_string_append_c(line, ' ');
        append_random_word(line);
        g_string_append_printf(line, " %c%0*d", g_test_rand_bit() ? '+' : '-',
                               g_test_rand_int_range(1, 4), g_test_rand_int_range(0, 90));
        append_random_fraction(line);
        g_string_append_printf(line, "%c%0*d", g_test_rand_bit() ? '+' : '-',
                               g_test_rand_int_range(1, 4), g_test_rand_int_range(0, 180));
        append_random_fraction(line);
        g_string_append(line, g_test_rand_bit() ? " " : g_test_rand_bit() ? " +" : " -");
        append_random_digits(line, 1, 12);
        append_random_fraction(line);

        Message m = message_parse((Slice){.data = line->str, .length = line->len});
        g_assert_cmpint(m.kind, ==, MESSAGE_AT);
        g_autoptr(Record) record = record_new(&m.at);
        g_string_append_c(line, '\n');
        Slice written = record_line(record);
        g_assert_true(slice_equal(written, (Slice){.data = line->str, .length = line->len}));

        /* The next hop: the record it makes is the same one. */
        m = message_parse((Slice){.data = written.data, .length = written.length - 1});
        g_assert_cmpint(m.kind, ==, MESSAGE_AT);
        g_autoptr(Record) next = record_new(&m.at);
        g_assert_cmpint(record_compare(record, next), ==, 0);
        g_assert_true(slice_equal(record_line(next), written));
    }
}

/* An IAMAT's reply is a valid update to every neighbour, whatever the times. */
static void test_property_reply_is_an_update(void)
{
    for (int round = 0; round < 20000; round++) {
        g_autoptr(GString) line = g_string_new("IAMAT ");

        append_random_word(line);
        g_string_append(line, " +34.068930-118.445127 ");
        g_string_append(line, g_test_rand_bit() ? "" : g_test_rand_bit() ? "+" : "-");
        append_random_digits(line, 1, 12);
        append_random_fraction(line);

        Timestamp received = {g_test_rand_int(), g_test_rand_int_range(0, 1000000000)};
        Message m = message_parse((Slice){.data = line->str, .length = line->len});
        g_assert_cmpint(m.kind, ==, MESSAGE_IAMAT);
        g_autoptr(Record) record = message_iamat_record(&m, SLICE("Bailey"), received);
        Slice written = record_line(record);
        Message at = message_parse((Slice){.data = written.data, .length = written.length - 1});
        Timestamp skew;

        g_assert_cmpint(at.kind, ==, MESSAGE_AT);
        assert_slice(at.at.origin, "Bailey");
        g_assert_true(slice_equal(at.at.client, m.iamat.client));
        g_assert_true(slice_equal(at.at.location, m.iamat.location));
        g_assert_true(slice_equal(at.at.time, m.iamat.time));
        g_assert_true(timestamp_parse_skew(at.at.skew, &skew));
        g_assert_cmpint(timestamp_compare(skew, timestamp_subtract(received, m.iamat.time_value)),
                        ==, 0);
    }
}

/* Whatever the bytes, parsing ends and its slices are of the line. */
static void test_property_any_bytes(void)
{
    static const char alphabet[] = "IAMTWHSELO +-.0123459\t\r\xff?e";
    static const char *const begins[] = {
        "",      "IAMAT k ", "WHATSAT k ", "AT Bona +0.000000001 k ",
        "SYNC ", "DIGEST ",  "SUMS ROOT ", "SUMS "};

    for (int round = 0; round < 50000; round++) {
        g_autoptr(GString) line =
            g_string_new(begins[g_test_rand_int_range(0, G_N_ELEMENTS(begins))]);

        for (int n = g_test_rand_int_range(0, 24); n > 0; n--)
            /* The NUL at its end is one of them. */
            g_string_append_c(line, alphabet[g_test_rand_int_range(0, sizeof alphabet)]);

        /* A copy of just that size, so that AddressSanitizer sees a step beyond it. */
        g_autofree char *bytes = g_memdup2(line->str, line->len);
        Message m = message_parse((Slice){.data = bytes != NULL ? bytes : "", .length = line->len});

        if (m.kind == MESSAGE_IAMAT) {
            g_assert_true(m.iamat.client.data > bytes);
            g_assert_true(m.iamat.time.data + m.iamat.time.length <= bytes + line->len);
        }
        if (m.kind == MESSAGE_SUMS) {
            uint64_t sum;

            g_assert_true(m.digest.sums.data + m.digest.sums.length == bytes + line->len);
            message_parse_sums(&m, &sum, 1);
        }
        if (m.kind != MESSAGE_INVALID)
            g_assert_null(memchr(bytes, '\0', line->len));
    }
}

static void test_r22_hello(void)
{
    Message m = message_parse(SLICE("HELLO 1 Bailey Bona"));

    g_assert_cmpint(m.kind, ==, MESSAGE_HELLO);
    assert_slice(m.hello.from, "Bailey");
    assert_slice(m.hello.to, "Bona");

    g_assert_cmpint(m.hello.incarnation, ==, INCARNATION_UNKNOWN);
    expect_kind("HELLO 1 Bailey Bona -5", MESSAGE_INVALID);
    expect_kind("HELLO 1 Bailey Bona 5 6", MESSAGE_INVALID);
    expect_kind("HELLO", MESSAGE_INVALID);
    expect_kind("HELLO 1 Bailey", MESSAGE_INVALID);
    expect_kind("HELLO 1 Bailey Bona Clark", MESSAGE_INVALID);
    expect_kind("HELLO 0 Bailey Bona", MESSAGE_INVALID);
    expect_kind("HELLO 2 Bailey Bona", MESSAGE_INVALID);
    expect_kind("HELLO -1 Bailey Bona", MESSAGE_INVALID);
    expect_kind("HELLO +1 Bailey Bona", MESSAGE_INVALID);
    expect_kind("HELLO 1.0 Bailey Bona", MESSAGE_INVALID);
    expect_kind("HELLO x Bailey Bona", MESSAGE_INVALID);
    expect_kind("HELLO 4294967297 Bailey Bona", MESSAGE_INVALID);
}

static void test_r22_hello_reads_back(void)
{
    g_autofree char *line = message_format_hello("Bailey", "Bona", INT64_C(123456789012345678));
    g_assert_cmpstr(line, ==, "HELLO 1 Bailey Bona 123456789012345678\n");

    Message m = message_parse((Slice){.data = line, .length = strlen(line) - 1});
    g_assert_cmpint(m.kind, ==, MESSAGE_HELLO);
    assert_slice(m.hello.from, "Bailey");
    assert_slice(m.hello.to, "Bona");
    g_assert_cmpint(m.hello.incarnation, ==, INT64_C(123456789012345678));
}

#define NONCE "00112233445566778899aabbccddeeff"
#define PROOF NONCE NONCE

static void test_r22_hello_with_nonce(void)
{
    g_autoptr(GString) line = g_string_new(NULL);

    message_append_hello(line, "Bailey", "Bona", 4711, NONCE);
    g_assert_cmpstr(line->str, ==, "HELLO 1 Bailey Bona 4711 " NONCE "\n");
    Message m = message_parse(slice_of(line->str));
    g_assert_cmpint(m.kind, ==, MESSAGE_HELLO);
    g_assert_cmpint(m.hello.incarnation, ==, 4711);
    assert_slice(m.hello.nonce, NONCE);
    m = message_parse(SLICE("HELLO 1 Bailey Bona 4711"));
    g_assert_cmpuint(m.hello.nonce.length, ==, 0);
    expect_kind("HELLO 1 Bailey Bona " NONCE, MESSAGE_INVALID);
    expect_kind("HELLO 1 Bailey Bona 4711 " NONCE "0", MESSAGE_INVALID);
    expect_kind("HELLO 1 Bailey Bona 4711 " NONCE " x", MESSAGE_INVALID);
    expect_kind("HELLO 1 Bailey Bona 4711 0011223344556677889900AABBCCDDEE", MESSAGE_INVALID);
}

static void test_challenge_and_proof(void)
{
    g_autoptr(GString) text = g_string_new(NULL);

    message_append_challenge(text, NONCE, PROOF);
    g_assert_cmpstr(text->str, ==, "CHALLENGE " NONCE " " PROOF "\n");
    Message m = message_parse((Slice){.data = text->str, .length = text->len});
    g_assert_cmpint(m.kind, ==, MESSAGE_CHALLENGE);
    assert_slice(m.challenge.nonce, NONCE);
    assert_slice(m.challenge.proof, PROOF);
    g_string_truncate(text, 0);
    message_append_proof(text, PROOF);
    g_assert_cmpstr(text->str, ==, "PROOF " PROOF "\n");
    m = message_parse((Slice){.data = text->str, .length = text->len});
    g_assert_cmpint(m.kind, ==, MESSAGE_PROOF);
    assert_slice(m.proof, PROOF);
    expect_kind("CHALLENGE", MESSAGE_INVALID);
    expect_kind("CHALLENGE " NONCE, MESSAGE_INVALID);
    expect_kind("CHALLENGE " PROOF " " NONCE, MESSAGE_INVALID);
    expect_kind("PROOF", MESSAGE_INVALID);
    expect_kind("PROOF " NONCE, MESSAGE_INVALID);
    expect_kind("PROOF " PROOF "x", MESSAGE_INVALID);
}

static void test_auth(void)
{
    Message m = message_parse(SLICE(" AUTH  sesame\r"));

    g_assert_cmpint(m.kind, ==, MESSAGE_AUTH);
    assert_slice(m.token, "sesame");
    expect_kind("AUTH", MESSAGE_INVALID);
    expect_kind("AUTH open sesame", MESSAGE_INVALID);
    expect_kind("auth sesame", MESSAGE_INVALID);
}

/* What the log has of a line. */
static void test_shown(void)
{
    static const struct {
        const char *line, *shown;
    } rows[] = {
        {"AUTH sesame", "AUTH (token)"},
        {"\t AUTH open sesame", "AUTH (token)"},
        {"auth sesame", "AUTH (token)"},
        {"AUTH", "AUTH (token)"},
        {"AUTHsesame", "AUTHsesame"},
        {"PROOF " PROOF, "PROOF (proof)"},
        {"PROOF x", "PROOF (proof)"},
        {"CHALLENGE " NONCE " " PROOF, "CHALLENGE (proof)"},
        {"IAMAT AUTH +1+1 5", "IAMAT AUTH +1+1 5"},
        {"", ""},
        {"  ", "  "},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        assert_slice(message_shown(slice_of(rows[i].line)), rows[i].shown);
}

static void test_sync(void)
{
    Message m = message_parse(SLICE("SYNC Bona -0.736613614 kiwi +34.068930-118.445127 5.5"));

    g_assert_cmpint(m.kind, ==, MESSAGE_SYNC);
    assert_slice(m.at.origin, "Bona");
    assert_slice(m.at.skew, "-0.736613614");
    assert_slice(m.at.client, "kiwi");
    assert_slice(m.at.location, "+34.068930-118.445127");
    assert_slice(m.at.time, "5.5");
    g_assert_cmpint(m.at.time_value.seconds, ==, 5);
    g_assert_cmpint(m.at.time_value.nanoseconds, ==, 500000000);

    /* The record is the one that an AT would bring. */
    g_autoptr(Record) record = record_new(&m.at);
    assert_slice(record_line(record), "AT Bona -0.736613614 kiwi +34.068930-118.445127 5.5\n");

    expect_kind("SYNC", MESSAGE_INVALID);
    expect_kind("SYNC Bona +0.000000001 kiwi +34-118", MESSAGE_INVALID);
    expect_kind("SYNC Bona +0.000000001 kiwi +34-118 5 6", MESSAGE_INVALID);
    expect_kind("SYNC Bona +0.1 kiwi +34-118 5", MESSAGE_INVALID);
    expect_kind("SYNC Bona +0.000000001 kiwi 34-118 5", MESSAGE_INVALID);
    expect_kind("SYNC Bona +0.000000001 kiwi +34-118 x", MESSAGE_INVALID);
    expect_kind("sync Bona +0.000000001 kiwi +34-118 5", MESSAGE_INVALID);
}

static void test_ping(void)
{
    expect_kind("PING", MESSAGE_PING);
    expect_kind(" PING\r", MESSAGE_PING);
    expect_kind("PONG", MESSAGE_PONG);
    expect_kind("PING 1", MESSAGE_INVALID);
    expect_kind("PONG 1", MESSAGE_INVALID);
    expect_kind("ping", MESSAGE_INVALID);
    expect_kind("PINGPONG", MESSAGE_INVALID);
}

static void test_digest(void)
{
    static const struct {
        const char *line;
        int part;
    } rows[] = {
        {"DIGEST ROOT\n", PART_ROOT}, {"DIGEST SHARDS\n", PART_SHARDS},    {"DIGEST 0\n", 0},
        {"DIGEST 17\n", 17},          {"DIGEST 1023\n", STORE_SHARDS - 1},
    };
    static const char *const invalid[] = {
        "DIGEST",
        "DIGEST 1024",
        "DIGEST -1",
        "DIGEST +1",
        "DIGEST 1.0",
        "DIGEST ROOT 1",
        "DIGEST 1 2",
        "DIGEST *",
        "DIGEST root",
        "DIGEST -2",
        "DIGEST x",
        "DIGEST 1e1",
        "digest 1",
        "DIGEST SHARDSS",
        "DIGEST 18446744073709551616",
        "DIGEST 99999999999999999999999999999999999999999999",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GString) text = g_string_new("before\n");

        message_append_digest(text, rows[i].part);
        g_assert_true(g_str_has_prefix(text->str, "before\n"));
        g_assert_cmpstr(text->str + strlen("before\n"), ==, rows[i].line);
        Message m =
            message_parse((Slice){.data = rows[i].line, .length = strlen(rows[i].line) - 1});
        g_assert_cmpint(m.kind, ==, MESSAGE_DIGEST);
        g_assert_cmpint(m.digest.part, ==, rows[i].part);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(invalid); i++)
        expect_kind(invalid[i], MESSAGE_INVALID);
}

static void test_sums(void)
{
    static const uint64_t sums[] = {0, 1, UINT64_C(0x0123456789abcdef), UINT64_MAX};
    static const char line[] = "SUMS 17 0000000000000000 0000000000000001 0123456789abcdef "
                               "ffffffffffffffff\n";
    g_autoptr(GString) text = g_string_new(NULL);
    uint64_t read[5];

    message_append_sums(text, 17, sums, 4);
    g_assert_cmpstr(text->str, ==, line);
    Message m = message_parse((Slice){.data = text->str, .length = text->len - 1});
    g_assert_cmpint(m.kind, ==, MESSAGE_SUMS);
    g_assert_cmpint(m.digest.part, ==, 17);
    g_assert_true(message_parse_sums(&m, read, 4));
    for (size_t i = 0; i < 4; i++)
        g_assert_cmpuint(read[i], ==, sums[i]);
    g_assert_false(message_parse_sums(&m, read, 3));
    g_assert_false(message_parse_sums(&m, read, 5));
}

static void test_sums_invalid(void)
{
    static const char *const no_sums[] = {
        "SUMS",
        "SUMS ROOT",
        "SUMS 1024 0000000000000000",
        "SUMS -1 0000000000000000",
        "SUMS x 0000000000000000",
        "SUMS * 0000000000000000",
        "sums ROOT 0000000000000000",
    };
    static const char *const wrong_sums[] = {
        "SUMS ROOT 000000000000000 0000000000000001",
        "SUMS ROOT 00000000000000000 000000000000001",
        "SUMS ROOT 0000000000000000\t0000000000000001",
        "SUMS ROOT 0000000000000000  000000000000001",
        "SUMS ROOT 0000000000000000 000000000000000g",
        "SUMS ROOT 0000000000000000 -000000000000001",
        "SUMS ROOT 0000000000000000 0x00000000000001",
        "SUMS ROOT 0000000000000000 00000000000000\xff\xff",
        "SUMS ROOT 000000000000000000000000000000001",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(no_sums); i++)
        expect_kind(no_sums[i], MESSAGE_INVALID);
    for (size_t i = 0; i < G_N_ELEMENTS(wrong_sums); i++) {
        Message m = message_parse(slice(wrong_sums[i]));
        uint64_t read[2];

        g_assert_cmpint(m.kind, ==, MESSAGE_SUMS);
        if (message_parse_sums(&m, read, 2))
            g_test_fail_printf("\"%s\" is two sums", wrong_sums[i]);
    }
}

/* Any sums read back, as many as a store has shards. */
static void test_property_sums(void)
{
    for (int round = 0; round < 100; round++) {
        unsigned count = (unsigned)g_test_rand_int_range(1, STORE_SHARDS + 1);
        uint64_t sums[STORE_SHARDS], read[STORE_SHARDS];
        int part = g_test_rand_int_range(PART_ROOT, STORE_SHARDS);
        g_autoptr(GString) text = g_string_new(NULL);

        for (unsigned i = 0; i < count; i++)
            sums[i] = (uint64_t)(uint32_t)g_test_rand_int() << 32 | (uint32_t)g_test_rand_int();
        message_append_sums(text, part, sums, count);

        /* A copy of just that size, so that AddressSanitizer sees a step beyond it. */
        g_autofree char *line = g_memdup2(text->str, text->len - 1);
        Message m = message_parse((Slice){.data = line, .length = text->len - 1});
        g_assert_cmpint(m.kind, ==, MESSAGE_SUMS);
        g_assert_cmpint(m.digest.part, ==, part);
        g_assert_true(message_parse_sums(&m, read, count));
        g_assert_true(memcmp(read, sums, count * sizeof *sums) == 0);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/message/r20/fields", test_r20_fields);
    g_test_add_func("/message/r20/exactly-the-form-of-r5", test_r20_six_fields);
    g_test_add_func("/message/r20/property/update-is-unchanged", test_property_at_is_unchanged);
    g_test_add_func("/message/r20/property/reply-is-an-update", test_property_reply_is_an_update);
    g_test_add_func("/message/r22/hello", test_r22_hello);
    g_test_add_func("/message/r22/hello-reads-back", test_r22_hello_reads_back);
    g_test_add_func("/message/links/sync", test_sync);
    g_test_add_func("/message/links/ping-and-pong", test_ping);
    g_test_add_func("/message/links/digest", test_digest);
    g_test_add_func("/message/links/sums", test_sums);
    g_test_add_func("/message/links/sums-of-no-form", test_sums_invalid);
    g_test_add_func("/message/links/property/sums-read-back", test_property_sums);
    g_test_add_func("/message/parse/property/any-bytes", test_property_any_bytes);
    g_test_add_func("/message/r22/hello-with-nonce", test_r22_hello_with_nonce);
    g_test_add_func("/message/challenge-and-proof", test_challenge_and_proof);
    g_test_add_func("/message/auth", test_auth);
    g_test_add_func("/message/shown-in-logs", test_shown);
    return g_test_run();
}
