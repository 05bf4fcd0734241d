/* SPDX-License-Identifier: MIT */
#include "core/dialect.h"
#include "core/member.h"
#include "tests/unit/message-lines.h"

#define KIWI "kiwi.cs.ucla.edu +34.068930-118.445127 1520023934.918963997"
#define AT   "AT Riley +275202393.594378145 " KIWI
#define ECHO "ECHO " KIWI " 1795226328.513342142 Juzang"

static const Dialect dialects[] = {DIALECT_NATIVE, DIALECT_PLAIN, DIALECT_PATH, DIALECT_LAST,
                                   DIALECT_ECHO};
static const Terminator terminators[] = {TERMINATOR_LF, TERMINATOR_CRLF, TERMINATOR_NONE};
static const Slice ends[] = {{"\n", 1}, {"\r\n", 2}, {"", 0}};

/* The record of an AT line without its LF. (transfer full) */
static Record *record_of(const char *line)
{
    Message m = message_parse(slice_of(line));

    g_assert_cmpint(m.kind, ==, MESSAGE_AT);
    return record_new(&m.at);
}

/* What @self says of @record to @neighbour. (transfer full) */
static GString *format(Dialect dialect, Terminator terminator, const Record *record,
                       const char *self, const char *neighbour)
{
    size_t length =
        dialect_format(dialect, terminator, record, slice_of(self), slice_of(neighbour), NULL, 0);
    GString *text = g_string_sized_new(length);

    g_string_set_size(text, length);
    size_t written = dialect_format(dialect, terminator, record, slice_of(self),
                                    slice_of(neighbour), text->str, length);
    g_assert_cmpuint(written, ==, length);
    return text;
}

static void test_formats(void)
{
    static const struct {
        Dialect dialect;
        const char *self, *neighbour, *wanted;
    } rows[] = {
        {DIALECT_NATIVE, "Juzang", "Bernard", AT},
        {DIALECT_PLAIN, "Juzang", "Bernard", AT},
        {DIALECT_PATH, "Riley", "Bernard", AT " Riley"},
        {DIALECT_PATH, "Juzang", "Bernard", AT " Riley Juzang"},
        {DIALECT_PATH, "Juzang", "Riley", AT " Juzang"}, /* it may have lost it */
        {DIALECT_LAST, "Riley", "Bernard", AT " Riley"},
        {DIALECT_LAST, "Juzang", "Bernard", AT " Juzang"},
        {DIALECT_LAST, "Juzang", "Riley", AT " Juzang"},
        {DIALECT_ECHO, "Juzang", "Bernard", ECHO},
    };
    g_autoptr(Record) record = record_of(AT);

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (size_t t = 0; t < G_N_ELEMENTS(terminators); t++) {
            g_autoptr(GString) text =
                format(rows[i].dialect, terminators[t], record, rows[i].self, rows[i].neighbour);
            g_autofree char *wanted = g_strconcat(rows[i].wanted, ends[t].data, NULL);

            g_assert_cmpstr(text->str, ==, wanted);
            g_assert_cmpuint(text->len, ==, strlen(wanted));
        }
    }
}

/* The received time is the client's and the skew, exact to the nanosecond. */
static void test_echo_received_time(void)
{
    static const struct {
        const char *skew, *time, *received;
    } rows[] = {
        {"+0.000000001", "1520023934.918963997", "1520023934.918963998"},
        {"+0.081036003", "1520023934.918963997", "1520023935.000000000"},
        {"-0.918963998", "1520023934.918963997", "1520023933.999999999"},
        {"+0.000000000", "5", "5.000000000"},
        {"+0.000000000", "+5.50", "5.500000000"},
        {"+0.000000000", "5.1234567899", "5.123456789"}, /* past the ninth: dropped (R8) */
        {"-0.500000000", "0.25", "-0.250000000"},
        {"+0.500000000", "-0.5", "0.000000000"},
        {"+1.000000000", "-12.5", "-11.500000000"},
        {"-0.000000001", "999999999999.999999999", "999999999999.999999998"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *line =
            g_strdup_printf("AT Riley %s kiwi +34-118 %s", rows[i].skew, rows[i].time);
        g_autofree char *wanted =
            g_strdup_printf("ECHO kiwi +34-118 %s %s Juzang", rows[i].time, rows[i].received);
        g_autoptr(Record) record = record_of(line);
        g_autoptr(GString) text =
            format(DIALECT_ECHO, TERMINATOR_NONE, record, "Juzang", "Bernard");

        g_assert_cmpstr(text->str, ==, wanted);
    }
}

/* Nothing is written past the size, and the length says how much more is wanted. */
static void test_fits_or_not(void)
{
    g_autoptr(Record) record = record_of(AT);

    for (size_t d = 0; d < G_N_ELEMENTS(dialects); d++) {
        g_autoptr(GString) whole =
            format(dialects[d], TERMINATOR_CRLF, record, "Juzang", "Bernard");

        for (size_t size = 0; size <= whole->len + 1; size++) {
            g_autofree char *buffer = g_malloc(size); /* a sanitizer sees what is behind it */
            size_t length = dialect_format(dialects[d], TERMINATOR_CRLF, record, SLICE("Juzang"),
                                           SLICE("Bernard"), buffer, size);

            g_assert_cmpuint(length, ==, whole->len);
            if (length <= size)
                g_assert_cmpint(memcmp(buffer, whole->str, length), ==, 0);
        }
    }
}

/* The bytes that were captured, one row of PROTOCOL's table each. */
static void test_captured(void)
{
    static const struct {
        const char *line, *path;
    } rows[] = {
        {AT, ""},
        {AT "\r", ""},
        {AT " Riley Juzang Bernard", " Riley Juzang Bernard"},
        {AT " Riley", " Riley"},
        {AT " Juzang\r", " Juzang"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        DialectUpdate update;
        g_autoptr(GString) path = g_string_new(NULL);

        g_assert_true(dialect_parse(slice_of(rows[i].line), &update));
        for (unsigned k = 0; k < update.path_length; k++) {
            g_string_append_c(path, ' ');
            g_string_append_len(path, update.path[k].data, (gssize)update.path[k].length);
        }
        g_assert_cmpstr(path->str, ==, rows[i].path);
        g_autoptr(Record) record = record_new(&update.fields);
        assert_slice(record_line(record), AT "\n");
        g_assert_cmpint(record_time(record).seconds, ==, 1520023934);
        g_assert_cmpint(record_time(record).nanoseconds, ==, 918963997);
    }
}

static void test_captured_echo(void)
{
    DialectUpdate update;

    g_assert_true(dialect_parse(slice_of(ECHO), &update));
    g_autoptr(Record) record = record_new(&update.fields);
    assert_slice(record_line(record), "AT Juzang +275202393.594378145 " KIWI "\n");
    assert_slice(dialect_sender(&update), "Juzang");

    /* A clock behind the client's, and a received time with few digits. */
    g_assert_true(dialect_parse(SLICE("ECHO kiwi +34-118 5.25 4 Juzang"), &update));
    assert_slice(update.fields.skew, "-1.250000000");
}

static void test_sender_and_path(void)
{
    DialectUpdate update;

    g_assert_true(dialect_parse(slice_of(AT " Riley Juzang Bernard"), &update));
    assert_slice(dialect_sender(&update), "Bernard");

    /* The origin is no part of the path unless it stands there. */
    g_assert_true(dialect_parse(slice_of(AT " Juzang"), &update));
    assert_slice(dialect_sender(&update), "Juzang");

    g_assert_true(dialect_parse(slice_of(AT), &update));
    g_assert_cmpuint(dialect_sender(&update).length, ==, 0);
}

/* Fields are copied byte for byte, whatever blanks are between them. */
static void test_copies(void)
{
    DialectUpdate update;

    g_assert_true(dialect_parse(
        SLICE(" AT\tR\xff 1.5  k\xfe   +034.0689300-118.4 \v+01520023934.9189639971 \r"), &update));
    assert_slice(update.fields.origin, "R\xff");
    assert_slice(update.fields.client, "k\xfe");
    assert_slice(update.fields.location, "+034.0689300-118.4");
    assert_slice(update.fields.time, "+01520023934.9189639971");
    assert_slice(update.fields.skew, "+1.500000000");
}

static void test_skews(void)
{
    static const struct {
        const char *text, *wanted;
    } rows[] = {
        {"+0.263873386", "+0.263873386"},
        {"-12.000000001", "-12.000000001"},
        {"0.263873386", "+0.263873386"}, /* no sign */
        {"0.2638733", "+0.263873300"},   /* fewer digits */
        {"-0.26387", "-0.263870000"},
        {"0.26387338612345678901234567890", "+0.263873386"}, /* more */
        {"-0.2638733869999", "-0.263873386"},
        {"0.9999999999", "+0.999999999"},
        {"275202393", "+275202393.000000000"}, /* no fraction */
        {"-5", "-5.000000000"},
        {"00005.5", "+5.500000000"},
        {"-0", "+0.000000000"},
        {"-0.0000000001", "+0.000000000"},
        {"1.1920928955078125e-06", "+0.000001192"}, /* an exponent */
        {"-5e-05", "-0.000050000"},
        {"+5.0E-05", "+0.000050000"},
        {"1e3", "+1000.000000000"},
        {"1.5e+0", "+1.500000000"},
        {"-1.23456789012e+08", "-123456789.012000000"},
        {"12345.678e-3", "+12.345678000"},
        {"12345.678e-7", "+0.001234567"},
        {"9e-9", "+0.000000009"},
        {"9.9e-10", "+0.000000000"},
        {"-9e-10", "+0.000000000"},
        {"5e-324", "+0.000000000"},
        {"0e400", "+0.000000000"},
        {"0.0000000000000001e16", "+1.000000000"},
        {"2.7520239359437814e8", "+275202393.594378140"},
        {"9999999999999.999999999", "+9999999999999.999999999"}, /* 13 digits of seconds */
        {"-9.9999999999999e12", "-9999999999999.900000000"},
        {"0009999999999999", "+9999999999999.000000000"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *line = g_strdup_printf("AT Riley %s " KIWI " Juzang", rows[i].text);
        DialectUpdate update;

        if (!dialect_parse(slice_of(line), &update))
            g_test_fail_printf("\"%s\" is not taken", rows[i].text);
        else
            assert_slice(update.fields.skew, rows[i].wanted);
    }
}

static void test_wrong_skews(void)
{
    static const char *const texts[] = {
        "nan",      "+nan",
        "inf",      "-inf",
        "Infinity", "+",
        "-",        ".5",
        "5.",       "e5",
        "1e",       "1e+",
        "1e-",      "1e5.",
        "1e5.0",    "1e5e5",
        "++5",      "5-",
        "0x10",     "1,5",
        "1_0",      "1e13",
        "1e401",    "1e-401",
        "1.5.5",    "10000000000000",
        "1e99",     "-1e13",
        "99999e9",  "5s",
        "1e 3",     "1e99999999999999",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *line = g_strdup_printf("AT Riley %s " KIWI, texts[i]);
        DialectUpdate update;

        if (dialect_parse(slice_of(line), &update))
            g_test_fail_printf("\"%s\" is taken", texts[i]);
    }
}

static void test_wrong_lines(void)
{
    static const char *const lines[] = {
        "",
        " \r",
        "AT",
        "AT Riley +1.5 kiwi +34-118",   /* five fields */
        "AT +1.5 kiwi +34-118 5 Riley", /* fields in other places */
        "AT Riley kiwi +1.5 +34-118 5",
        "at Riley +1.5 kiwi +34-118 5", /* upper case only (R16) */
        "ATT Riley +1.5 kiwi +34-118 5",
        "IAMAT kiwi +34-118 5 5 5",
        "AT Riley +1.5 kiwi 34-118 5", /* R7 */
        "AT Riley +1.5 kiwi +91-118 5",
        "AT Riley +1.5 kiwi +34.5e0-118 5",
        "AT Riley +1.5 kiwi +34 -118 5",
        "AT Riley +1.5 kiwi +34-118 nan", /* R8 */
        "AT Riley +1.5 kiwi +34-118 1e9",
        "AT Riley +1.5 kiwi +34-118 .5",
        "AT Riley +1.5 kiwi +34-118 1234567890123",
        "ECHO kiwi +34-118 5 6",              /* five fields */
        "ECHO kiwi +34-118 5 6 Riley Juzang", /* seven */
        "ECHO kiwi 34-118 5 6 Riley",
        "ECHO kiwi +34-118 5. 6 Riley",
        "ECHO kiwi +34-118 5 6. Riley",
        "ECHO kiwi +34-118 5 inf Riley",
        "echo kiwi +34-118 5 6 Riley",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        DialectUpdate update;

        if (dialect_parse(slice_of(lines[i]), &update))
            g_test_fail_printf("\"%s\" is taken", lines[i]);
    }
}

static void test_nul(void)
{
    char line[] = AT " Riley";
    DialectUpdate update;

    for (size_t i = 0; i < sizeof line - 1; i++) {
        char was = line[i];

        line[i] = '\0';
        g_assert_false(dialect_parse((Slice){.data = line, .length = sizeof line - 1}, &update));
        line[i] = was;
    }
    g_assert_true(dialect_parse((Slice){.data = line, .length = sizeof line - 1}, &update));
}

static void test_names_are_bounded(void)
{
    g_autofree char *longest = g_strnfill(MEMBER_NAME_MAX, 'B');
    g_autofree char *longer = g_strnfill(MEMBER_NAME_MAX + 1, 'B');
    static const char *const forms[] = {"AT %s +1.5 kiwi +34-118 5", AT " %s", AT " Riley %s",
                                        AT " %s Riley", "ECHO kiwi +34-118 5 6 %s"};

    for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
        g_auto(GStrv) parts = g_strsplit(forms[i], "%s", 2);
        g_autofree char *good = g_strjoinv(longest, parts);
        g_autofree char *bad = g_strjoinv(longer, parts);
        DialectUpdate update;

        g_assert_true(dialect_parse(slice_of(good), &update));
        g_assert_false(dialect_parse(slice_of(bad), &update));
    }
}

static void test_path_is_bounded(void)
{
    g_autoptr(GString) line = g_string_new(AT);
    DialectUpdate update;

    for (unsigned i = 0; i <= DIALECT_PATH_MAX; i++) {
        g_assert_true(dialect_parse((Slice){.data = line->str, .length = line->len}, &update));
        g_assert_cmpuint(update.path_length, ==, i);
        g_string_append_printf(line, " M%u", i);
    }
    assert_slice(dialect_sender(&update), "M63");
    g_assert_false(dialect_parse((Slice){.data = line->str, .length = line->len}, &update));
}

#define PICK(choices) ((choices)[g_test_rand_int_range(0, G_N_ELEMENTS(choices))])

/* Of fields in all the forms that R5 to R8 allow. (transfer full) */
static Record *random_record(void)
{
    static const char *const origins[] = {"Riley", "Juzang", "Bernard", "\xff"};
    static const char *const skews[] = {"-0.000000000", "+00.000000000", "-12.000000001",
                                        "+0.999999999", "+275202393.594378145"};
    static const char *const locations[] = {"+34.068930-118.445127", "+12-118", "+00.0+000.0",
                                            "-90.00000000000-180"};
    static const char *const times[] = {
        "5", "-5", "-0.5", "+01520023934.9189639979", "0.999999999", "99999999999.999999999"};
    g_autofree char *line = g_strdup_printf("AT %s %s k%u %s %s", PICK(origins), PICK(skews),
                                            g_test_rand_int(), PICK(locations), PICK(times));

    return record_of(line);
}

/* What is said in a dialect is heard: client, location and time to the byte; skew and origin too,
 * but for echo, which has the skew by value and the sender in the origin's place. */
static void test_property_said_is_heard(void)
{
    static const char *const members[] = {"Riley", "Juzang", "Bernard"};

    for (int round = 0; round < 20000; round++) {
        g_autoptr(Record) record = random_record();
        Dialect dialect = PICK(dialects);
        const char *self = PICK(members);
        const char *neighbour = PICK(members);
        g_autoptr(GString) text = format(dialect, TERMINATOR_CRLF, record, self, neighbour);
        DialectUpdate update;

        g_assert_true(dialect_parse((Slice){.data = text->str, .length = text->len - 1}, &update));
        g_autoptr(Record) heard = record_new(&update.fields);
        g_assert_true(slice_equal(record_client(heard), record_client(record)));
        g_assert_true(slice_equal(record_location(heard), record_location(record)));
        g_assert_true(slice_equal(record_time_text(heard), record_time_text(record)));
        g_assert_cmpint(timestamp_compare(record_time(heard), record_time(record)), ==, 0);
        g_assert_cmpint(timestamp_compare(record_skew(heard), record_skew(record)), ==, 0);
        g_assert_true(record_is_copy(heard, record));
        if (dialect == DIALECT_ECHO)
            assert_slice(record_origin(heard), self);
        else
            g_assert_true(slice_equal(record_origin(heard), record_origin(record)));
        if (dialect != DIALECT_NATIVE && dialect != DIALECT_PLAIN)
            assert_slice(dialect_sender(&update), self);
    }
}

/* Of any bytes: what is taken is a record that our own members take. */
static void test_property_taken_is_valid(void)
{
    static const char *const seeds[] = {AT, AT " Riley Juzang", ECHO, "AT R -5e-05 k +1+1 5"};
    static const char letters[] = " +-.eE0159ATk\t\0";
    unsigned taken = 0;

    for (int round = 0; round < 50000; round++) {
        const char *seed = PICK(seeds);
        g_autoptr(GString) line = g_string_new(seed);
        DialectUpdate update;

        for (int n = g_test_rand_int_range(0, 4); n > 0; n--)
            line->str[g_test_rand_int_range(0, (int)line->len)] = PICK(letters);
        if (!dialect_parse((Slice){.data = line->str, .length = line->len}, &update))
            continue;
        taken++;
        g_autoptr(Record) record = record_new(&update.fields);
        Slice said = record_line(record);
        said.length--;
        g_assert_cmpint(message_parse(said).kind, ==, MESSAGE_AT);
        g_assert_cmpuint(update.path_length, <=, DIALECT_PATH_MAX);
    }
    g_test_message("%u taken", taken);
    g_assert_cmpuint(taken, >, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dialect/r24/format/every-dialect", test_formats);
    g_test_add_func("/dialect/r24/format/echo-received-time-is-exact", test_echo_received_time);
    g_test_add_func("/dialect/r24/format/fits-or-says-how-long", test_fits_or_not);
    g_test_add_func("/dialect/r24/parse/captured", test_captured);
    g_test_add_func("/dialect/r24/parse/captured-echo", test_captured_echo);
    g_test_add_func("/dialect/r24/parse/sender-and-path", test_sender_and_path);
    g_test_add_func("/dialect/r24/parse/copies-byte-for-byte", test_copies);
    g_test_add_func("/dialect/r24/parse/skew-in-our-form", test_skews);
    g_test_add_func("/dialect/r24/parse/wrong-skews", test_wrong_skews);
    g_test_add_func("/dialect/r24/parse/wrong-lines", test_wrong_lines);
    g_test_add_func("/dialect/r4/parse/nul-anywhere", test_nul);
    g_test_add_func("/dialect/r24/parse/names-are-bounded", test_names_are_bounded);
    g_test_add_func("/dialect/r24/parse/path-is-bounded", test_path_is_bounded);
    g_test_add_func("/dialect/r24/property/said-is-heard", test_property_said_is_heard);
    g_test_add_func("/dialect/r24/property/taken-is-valid", test_property_taken_is_valid);
    return g_test_run();
}
