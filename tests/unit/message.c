/* SPDX-License-Identifier: MIT */
#include "tests/unit/message-lines.h"

/* What Bailey answers to @line at @received, without the LF. (transfer full) */
static char *reply(const char *line, Timestamp received)
{
    Message m = message_parse(slice(line));

    g_assert_cmpint(m.kind, ==, MESSAGE_IAMAT);
    g_autoptr(Record) record = message_iamat_record(&m, SLICE("Bailey"), received);
    Slice text = record_line(record);
    g_assert_cmpuint(text.length, >, 0);
    g_assert_cmpint(text.data[text.length - 1], ==, '\n');
    return g_strndup(text.data, text.length - 1);
}

static void test_iamat_fields(void)
{
    Message m =
        message_parse(SLICE("IAMAT kiwi.cs.ucla.edu +34.068930-118.445127 1621464827.959498503"));

    g_assert_cmpint(m.kind, ==, MESSAGE_IAMAT);
    assert_slice(m.iamat.client, "kiwi.cs.ucla.edu");
    assert_slice(m.iamat.location, "+34.068930-118.445127");
    assert_slice(m.iamat.time, "1621464827.959498503");
    g_assert_cmpint(m.iamat.time_value.seconds, ==, 1621464827);
    g_assert_cmpint(m.iamat.time_value.nanoseconds, ==, 959498503);
}

static void test_whatsat_fields(void)
{
    Message m = message_parse(SLICE("WHATSAT kiwi.cs.ucla.edu 10 5"));

    g_assert_cmpint(m.kind, ==, MESSAGE_WHATSAT);
    assert_slice(m.whatsat.client, "kiwi.cs.ucla.edu");
    g_assert_cmpint(m.whatsat.radius, ==, 10 * MILLIMETRES_PER_KM);
    g_assert_cmpuint(m.whatsat.bound, ==, 5);
}

static void test_r2_white_space(void)
{
    static const char *const rows[] = {
        "IAMAT kiwi +34-118 5",
        "  IAMAT kiwi +34-118 5  ",
        "IAMAT   kiwi  +34-118    5",
        "\tIAMAT\tkiwi\t+34-118\t5\t",
        "IAMAT kiwi +34-118 5\r",
        "\r\r\rIAMAT kiwi +34-118 5\r\r",
        "IAMAT\vkiwi\f+34-118\r5",
        " \t\r\f\vIAMAT \t\r\f\vkiwi \t\r\f\v+34-118 \t\r\f\v5 \t\r\f\v",
        "IAMAT\nkiwi\n+34-118\n5\n",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Message m = message_parse(slice(rows[i]));

        g_assert_cmpint(m.kind, ==, MESSAGE_IAMAT);
        assert_slice(m.iamat.client, "kiwi");
        assert_slice(m.iamat.location, "+34-118");
        assert_slice(m.iamat.time, "5");
    }
}

/* All that is white space in some other locale or alphabet belongs to its field. */
static void test_r2_nothing_else_is_white_space(void)
{
    static const char *const separators[] = {
        "\x08", "\x0e", "\x1c", "\x1f", "\x7f", "\x85", "\xa0", "\xc2\xa0", "\xe2\x80\x83", ",",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(separators); i++) {
        g_autofree char *joined = g_strdup_printf("IAMAT%skiwi +34-118 5", separators[i]);
        g_autofree char *inside = g_strdup_printf("IAMAT ki%swi +34-118 5", separators[i]);
        g_autofree char *client = g_strdup_printf("ki%swi", separators[i]);

        expect_kind(joined, MESSAGE_INVALID);
        Message m = message_parse(slice(inside));
        g_assert_cmpint(m.kind, ==, MESSAGE_IAMAT);
        assert_slice(m.iamat.client, client);
    }
}

static void test_r4_nul(void)
{
    static const Slice rows[] = {
        {"\0", 1},
        {"\0IAMAT kiwi +34-118 5", 21},
        {"IAMAT\0kiwi +34-118 5", 20},
        {"IAMAT ki\0wi +34-118 5", 21},
        {"IAMAT \0 +34-118 5", 17},
        {"IAMAT kiwi +34-118\0 5", 21},
        {"IAMAT kiwi +34-118 5\0", 21},
        {"IAMAT kiwi +34-118 5 \0", 22},
        {"WHATSAT ki\0wi 10 5", 18},
        {"AT Bai\0ley +0.000000001 kiwi +34-118 5", 38},
        {"AT Bailey +0.000000001 ki\0wi +34-118 5", 38},
        {"HELLO 1 Bai\0ley Bona", 20},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        if (message_parse(rows[i]).kind != MESSAGE_INVALID)
            g_test_fail_printf("row %zu, with a NUL, is taken", i);

    /* The same without it are fine, so it is the NUL. */
    expect_kind("IAMAT kiwi +34-118 5", MESSAGE_IAMAT);
    expect_kind("AT Bailey +0.000000001 kiwi +34-118 5", MESSAGE_AT);
    expect_kind("HELLO 1 Bailey Bona", MESSAGE_HELLO);
}

static void test_r5_last_three_fields(void)
{
    static const struct {
        const char *line;
        const char *reply;
    } rows[] = {
        {"IAMAT kiwi.cs.ucla.edu +34.068930-118.445127 99.736126614",
         "AT Bailey +0.263873386 kiwi.cs.ucla.edu +34.068930-118.445127 99.736126614"},
        {"IAMAT k +12-118 112.000000001", "AT Bailey -12.000000001 k +12-118 112.000000001"},
        {"IAMAT k +00.0+000.0 100", "AT Bailey +0.000000000 k +00.0+000.0 100"},
        {"IAMAT k -0-0 +100", "AT Bailey +0.000000000 k -0-0 +100"},
        {"IAMAT k +34.0689300000000000000001-118 100.0000000009",
         "AT Bailey +0.000000000 k +34.0689300000000000000001-118 100.0000000009"},
        {"IAMAT k +001-001 000000000099.9", "AT Bailey +0.100000000 k +001-001 000000000099.9"},
        {"IAMAT k +1-1 99.900000000000", "AT Bailey +0.100000000 k +1-1 99.900000000000"},
        {"IAMAT k +1-1 -0.5", "AT Bailey +100.500000000 k +1-1 -0.5"},
        {"  IAMAT \t k\v+1-1\f 100 \r", "AT Bailey +0.000000000 k +1-1 100"},
        {"IAMAT \xff\xfe\x01 +1-1 100", "AT Bailey +0.000000000 \xff\xfe\x01 +1-1 100"},
        {"IAMAT %s%n\"\\' +1-1 100", "AT Bailey +0.000000000 %s%n\"\\' +1-1 100"},
        {"IAMAT IAMAT +1-1 100", "AT Bailey +0.000000000 IAMAT +1-1 100"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *got = reply(rows[i].line, (Timestamp){100, 0});

        g_assert_cmpstr(got, ==, rows[i].reply);
    }
}

static void test_r5_no_double(void)
{
    static const struct {
        Timestamp received;
        const char *time;
        const char *skew;
    } rows[] = {
        {{1621464827, 959498503}, "1621464827.959498503", "+0.000000000"},
        {{1621464827, 959498504}, "1621464827.959498503", "+0.000000001"},
        {{1621464827, 959498502}, "1621464827.959498503", "-0.000000001"},
        {{1520023934, 918963998}, "1520023934.918963997", "+0.000000001"},
        {{1621464827, 0}, "999999999999.999999999", "-998378535172.999999999"},
        {{1621464827, 0}, "-999999999999.999999999", "+1001621464826.999999999"},
        {{-999999999999, 0}, "999999999999.999999999", "-1999999999998.999999999"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *line = g_strdup_printf("IAMAT k +1-1 %s", rows[i].time);
        g_autofree char *wanted =
            g_strdup_printf("AT Bailey %s k +1-1 %s", rows[i].skew, rows[i].time);
        g_autofree char *got = reply(line, rows[i].received);

        g_assert_cmpstr(got, ==, wanted);
    }
}

static void test_r5_four_fields(void)
{
    expect_kind("IAMAT", MESSAGE_INVALID);
    expect_kind("IAMAT kiwi", MESSAGE_INVALID);
    expect_kind("IAMAT kiwi +34-118", MESSAGE_INVALID);
    expect_kind("IAMAT kiwi +34-118 5", MESSAGE_IAMAT);
    expect_kind("IAMAT kiwi +34-118 5 6", MESSAGE_INVALID);
    expect_kind("IAMAT kiwi +34-118 5 6 7", MESSAGE_INVALID);
    expect_kind("IAMAT kiwi +34-118 5 6 7 8", MESSAGE_INVALID);
    expect_kind("IAMAT kiwi +34 -118 5", MESSAGE_INVALID);
    expect_kind("IAMAT +34-118 5", MESSAGE_INVALID);
    expect_kind("IAMAT +34-118 kiwi 5", MESSAGE_INVALID);
}

static void test_r6_client_is_any_bytes(void)
{
    g_autoptr(GString) all = g_string_new(NULL);

    for (int c = 1; c < 256; c++)
        if (c != ' ' && (c < '\t' || c > '\r'))
            g_string_append_c(all, (char)c);

    const char *const clients[] = {"k", "+34-118", "5", "?", "AT", "-", "{}", "\xff", all->str};
    for (size_t i = 0; i < G_N_ELEMENTS(clients); i++) {
        g_autofree char *iamat = g_strdup_printf("IAMAT %s +34-118 5", clients[i]);
        g_autofree char *whatsat = g_strdup_printf("WHATSAT %s 10 5", clients[i]);
        Message m = message_parse(slice(iamat));

        g_assert_cmpint(m.kind, ==, MESSAGE_IAMAT);
        assert_slice(m.iamat.client, clients[i]);
        m = message_parse(slice(whatsat));
        g_assert_cmpint(m.kind, ==, MESSAGE_WHATSAT);
        assert_slice(m.whatsat.client, clients[i]);
    }
}

static void test_r6_long_client(void)
{
    /* The longest line that a configuration allows. */
    g_autofree char *client = g_strnfill(32768 - 21, 'k');
    g_autofree char *line = g_strdup_printf("IAMAT %s +34-118 5", client);
    g_autofree char *wanted = g_strdup_printf("AT Bailey +0.000000000 %s +34-118 5", client);
    g_autofree char *got = reply(line, (Timestamp){5, 0});

    g_assert_cmpstr(got, ==, wanted);
}

/* The forms themselves: location.c and timestamp.c. */
static void test_r7_r8_forms(void)
{
    static const struct {
        const char *location, *time;
        bool valid;
    } rows[] = {
        {"+34.068930-118.445127", "1621464827.959498503", true},
        {"+90.000000000000000000-180", "-0.5", true},
        {"+90.0000000000000000001-180", "5", false},
        {"34.068930-118.445127", "5", false},
        {"+34.068930", "5", false},
        {"+91+0", "5", false},
        {"+nan-118", "5", false},
        {"+34-1e2", "5", false},
        {"+34-118", "999999999999.999999999", true},
        {"+34-118", "1234567890123", false},
        {"+34-118", "1e9", false},
        {"+34-118", "inf", false},
        {"+34-118", "nan", false},
        {"+34-118", ".5", false},
        {"+34-118", "5.", false},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *iamat =
            g_strdup_printf("IAMAT kiwi %s %s", rows[i].location, rows[i].time);
        g_autofree char *at =
            g_strdup_printf("AT Bona +0.000000001 kiwi %s %s", rows[i].location, rows[i].time);

        expect_kind(iamat, rows[i].valid ? MESSAGE_IAMAT : MESSAGE_INVALID);
        expect_kind(at, rows[i].valid ? MESSAGE_AT : MESSAGE_INVALID);
    }
}

static void test_r10_radius(void)
{
    static const struct {
        const char *text;
        int64_t millimetres; /* -1: invalid */
    } rows[] = {
        {"0", 0},
        {"0.0", 0},
        {"1", 1000000},
        {"10", 10000000},
        {"10.5", 10500000},
        {"010.50", 10500000},
        {"0.000001", 1},
        {"49.999999", 49999999},
        {"49.9999999999", 49999999},
        {"50", 50000000},
        {"050", 50000000},
        {"50.0", 50000000},
        {"50.00000000000000000000", 50000000},
        {"50.00000000000000000001", -1},
        {"50.1", -1},
        {"51", -1},
        {"100", -1},
        {"4294967296", -1},
        {"18446744073709551616", -1},
        {"-1", -1},
        {"-0", -1},
        {"+10", -1},
        {"10.", -1},
        {".5", -1},
        {"1e1", -1},
        {"0x10", -1},
        {"inf", -1},
        {"nan", -1},
        {"ten", -1},
        {"10km", -1},
        {"10,5", -1},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *line = g_strdup_printf("WHATSAT kiwi %s 5", rows[i].text);
        Message m = message_parse(slice(line));
        int64_t got = m.kind == MESSAGE_WHATSAT ? m.whatsat.radius : -1;

        if (got != rows[i].millimetres)
            g_test_fail_printf("radius \"%s\": %" G_GINT64_FORMAT, rows[i].text, got);
    }
}

static void test_r10_bound(void)
{
    static const struct {
        const char *text;
        int bound; /* -1: invalid */
    } rows[] = {
        {"0", 0},     {"1", 1},           {"5", 5},           {"05", 5},
        {"19", 19},   {"20", 20},         {"020", 20},        {"21", -1},
        {"100", -1},  {"4294967296", -1}, {"4294967301", -1}, {"18446744073709551617", -1},
        {"-1", -1},   {"-0", -1},         {"+5", -1},         {"5.0", -1},
        {"5.", -1},   {"5.5", -1},        {"1e1", -1},        {"0x5", -1},
        {"five", -1}, {"inf", -1},        {"nan", -1},        {"5;", -1},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *line = g_strdup_printf("WHATSAT kiwi 10 %s", rows[i].text);
        Message m = message_parse(slice(line));
        int got = m.kind == MESSAGE_WHATSAT ? (int)m.whatsat.bound : -1;

        if (got != rows[i].bound)
            g_test_fail_printf("bound \"%s\": %d", rows[i].text, got);
    }
}

/* The forms of R10 set no bound to the zeros in front. */
static void test_r10_leading_zeros(void)
{
    expect_kind("WHATSAT kiwi 000000000000000010 000000000000000005", MESSAGE_WHATSAT);
    expect_kind("WHATSAT kiwi 00000000000000000000000000000000000010.5 5", MESSAGE_WHATSAT);
    expect_kind("WHATSAT kiwi 10 00000000000000000000000000000000000005", MESSAGE_WHATSAT);
    expect_kind("WHATSAT kiwi 00000000000000000000000000000000000051 5", MESSAGE_INVALID);
    expect_kind("WHATSAT kiwi 10 00000000000000000000000000000000000021", MESSAGE_INVALID);
}

static void test_r10_four_fields(void)
{
    expect_kind("WHATSAT", MESSAGE_INVALID);
    expect_kind("WHATSAT kiwi", MESSAGE_INVALID);
    expect_kind("WHATSAT kiwi 10", MESSAGE_INVALID);
    expect_kind("WHATSAT kiwi 10 5", MESSAGE_WHATSAT);
    expect_kind("WHATSAT kiwi 10 5 5", MESSAGE_INVALID);
    expect_kind("WHATSAT 10 5", MESSAGE_INVALID);
    expect_kind("WHATSAT kiwi wiki 10 5", MESSAGE_INVALID);
}

static void test_r16_anything_else(void)
{
    static const char *const rows[] = {
        "",
        " ",
        "\r",
        "\t\v\f\r",
        "?",
        "? IAMAT",
        "hello",
        "GET / HTTP/1.1",
        "IAMATkiwi +34-118 5",
        "IAMA kiwi +34-118 5",
        "IAMATT kiwi +34-118 5",
        "IAMAT, kiwi, +34-118, 5",
        "WHATSA kiwi 10 5",
        "ECHO kiwi +34-118 5 6 Bailey",
        "kiwi IAMAT +34-118 5",
        "\xff\xfe",
        "AT",
        "A T",
        "{\"a\": 1}",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        expect_kind(rows[i], MESSAGE_INVALID);
    g_assert_cmpint(message_parse((Slice){.data = "IAMAT kiwi +34-118 5", .length = 0}).kind, ==,
                    MESSAGE_INVALID);
}

static void test_r16_upper_case_only(void)
{
    static const char *const rows[] = {
        "iamat kiwi +34-118 5",
        "Iamat kiwi +34-118 5",
        "IAMAt kiwi +34-118 5",
        "whatsat kiwi 10 5",
        "WhatsAt kiwi 10 5",
        "at Bona +0.000000001 kiwi +34-118 5",
        "At Bona +0.000000001 kiwi +34-118 5",
        "hello 1 Bona Bailey",
        "Hello 1 Bona Bailey",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        expect_kind(rows[i], MESSAGE_INVALID);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/message/iamat/fields", test_iamat_fields);
    g_test_add_func("/message/whatsat/fields", test_whatsat_fields);
    g_test_add_func("/message/r2/white-space-separates-and-is-ignored-at-the-ends",
                    test_r2_white_space);
    g_test_add_func("/message/r2/nothing-else-is-white-space", test_r2_nothing_else_is_white_space);
    g_test_add_func("/message/r4/nul-anywhere-is-invalid", test_r4_nul);
    g_test_add_func("/message/r5/exactly-four-fields", test_r5_four_fields);
    g_test_add_func("/message/r5/reply-copies-the-last-three-fields-byte-for-byte",
                    test_r5_last_three_fields);
    g_test_add_func("/message/r5/skew-never-through-a-double", test_r5_no_double);
    g_test_add_func("/message/r6/client-is-any-bytes", test_r6_client_is_any_bytes);
    g_test_add_func("/message/r6/long-client", test_r6_long_client);
    g_test_add_func("/message/r7-r8/forms", test_r7_r8_forms);
    g_test_add_func("/message/r10/radius", test_r10_radius);
    g_test_add_func("/message/r10/bound", test_r10_bound);
    g_test_add_func("/message/r10/leading-zeros", test_r10_leading_zeros);
    g_test_add_func("/message/r10/exactly-four-fields", test_r10_four_fields);
    g_test_add_func("/message/r16/anything-else-is-invalid", test_r16_anything_else);
    g_test_add_func("/message/r16/verbs-are-upper-case-only", test_r16_upper_case_only);
    return g_test_run();
}
