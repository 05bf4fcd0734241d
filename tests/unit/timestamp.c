/* SPDX-License-Identifier: MIT */
#include "core/timestamp.h"

#include <glib.h>
#include <time.h>

/* Wide enough for the nanoseconds of any twelve-digit time: the oracle of what is computed apart.
 */
__extension__ typedef __int128 Wide;

static const int64_t latest = 999999999999; /* PROTOCOL R8: twelve digits */

static Slice slice(const char *text)
{
    return (Slice){.data = text, .length = strlen(text)};
}

static Wide wide(Timestamp t)
{
    return (Wide)t.seconds * 1000000000 + t.nanoseconds;
}

static void assert_same(Timestamp a, Timestamp b)
{
    g_assert_cmpint(a.seconds, ==, b.seconds);
    g_assert_cmpint(a.nanoseconds, ==, b.nanoseconds);
}

/* (transfer full) */
static char *skew_text(Timestamp skew)
{
    char buffer[TIMESTAMP_SKEW_MAX];
    size_t length = timestamp_format_skew(skew, buffer);

    g_assert_cmpuint(length, <=, sizeof buffer);
    return g_strndup(buffer, length);
}

static void test_r8_valid(void)
{
    static const struct {
        const char *text;
        Timestamp time;
    } rows[] = {
        {"0", {0, 0}},
        {"-0", {0, 0}},
        {"+0.0", {0, 0}},
        {"5", {5, 0}},
        {"+5", {5, 0}},
        {"5.0", {5, 0}},
        {"0000005", {5, 0}},
        {"-5", {-5, 0}},
        {"0.5", {0, 500000000}},
        {"-0.5", {-1, 500000000}}, /* half a second before 1970 */
        {"-1.5", {-2, 500000000}},
        {"-0.000000001", {-1, 999999999}},
        {"-0.999999999", {-1, 1}},
        {"-1.000000000", {-1, 0}},
        {"1520023934.918963997", {1520023934, 918963997}},
        {"1621464827.959498503", {1621464827, 959498503}}, /* a double would say ...504 */
        {"+1621464827.959498503", {1621464827, 959498503}},
        {"1621464827.9594985039", {1621464827, 959498503}}, /* the tenth digit is ignored */
        {"1621464827.9594985030000000000001", {1621464827, 959498503}},
        {"0.9999999999999999999", {0, 999999999}}, /* cut, not rounded up */
        {"-0.9999999999", {-1, 1}},
        {"-0.0000000009", {0, 0}},
        {"0.1", {0, 100000000}},
        {"0.000000001", {0, 1}},
        {"999999999999", {999999999999, 0}},
        {"999999999999.999999999", {999999999999, 999999999}},
        {"-999999999999", {-999999999999, 0}},
        {"-999999999999.999999999", {-1000000000000, 1}},
        {"000000000000", {0, 0}},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Timestamp t = {-1, -1};

        if (!timestamp_parse(slice(rows[i].text), &t))
            g_test_fail_printf("\"%s\" is not taken", rows[i].text);
        else if (timestamp_compare(t, rows[i].time) != 0)
            g_test_fail_printf("\"%s\": {%" G_GINT64_FORMAT ", %d}", rows[i].text, t.seconds,
                               t.nanoseconds);
    }
}

static void test_r8_invalid(void)
{
    static const char *const rows[] = {
        "",
        "+",
        "-",
        ".",
        "5.",
        ".5",
        "-.5",
        "+5.",
        "1e9",
        "1E9",
        "1.5e3",
        "inf",
        "-inf",
        "nan",
        "NaN",
        "infinity",
        "0x5",
        "5s",
        " 5",
        "5 ",
        "--5",
        "+-5",
        "5-",
        "5.5.5",
        "5,5",
        "1_000",
        "5.-5",
        "1 000",
        "5.5e",
        "1234567890123",
        "0000000000001", /* thirteen digits are thirteen digits */
        "+1000000000000",
        "-1000000000000",
        "1000000000000.5",
        "99999999999999999999999999",
        "-99999999999999999999.5",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Timestamp t = {42, 43};

        if (timestamp_parse(slice(rows[i]), &t))
            g_test_fail_printf("\"%s\" is taken", rows[i]);
        assert_same(t, (Timestamp){42, 43});
    }
}

static void test_compare(void)
{
    static const Timestamp rising[] = {
        {-1000000000000, 1},
        {-999999999999, 0},
        {-2, 500000000},
        {-1, 0},
        {-1, 500000000},
        {-1, 999999999},
        {0, 0},
        {0, 1},
        {0, 999999999},
        {1, 0},
        {1621464827, 959498503},
        {1621464827, 959498504},
        {999999999999, 0},
        {999999999999, 999999999},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rising); i++) {
        for (size_t k = 0; k < G_N_ELEMENTS(rising); k++) {
            int order = timestamp_compare(rising[i], rising[k]);

            g_assert_cmpint((order > 0) - (order < 0), ==, (i > k) - (i < k));
        }
    }
}

static void test_r8_not_by_text(void)
{
    static const struct {
        const char *a, *b;
        int order;
    } rows[] = {
        {"9", "10", -1},
        {"5.5", "5.50", 0},
        {"5.5", "5.49", 1},
        {"05", "5.0", 0},
        {"-5", "5", -1},
        {"-5.5", "-5.4", -1},
        {"5.0000000001", "5.0000000002", 0},
        {"5.000000001", "5.0000000009", 1},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Timestamp a, b;

        g_assert_true(timestamp_parse(slice(rows[i].a), &a));
        g_assert_true(timestamp_parse(slice(rows[i].b), &b));
        if (timestamp_compare(a, b) != rows[i].order)
            g_test_fail_printf("%s against %s: not %d", rows[i].a, rows[i].b, rows[i].order);
    }
}

static void test_r5_skew(void)
{
    static const struct {
        Timestamp received;
        const char *time;
        const char *skew;
    } rows[] = {
        {{1621464827, 222884889}, "1621464827.959498503", "-0.736613614"},
        {{1520023934, 918963997}, "1520023934.918963997", "+0.000000000"},
        {{1520023935, 182837383}, "1520023934.918963997", "+0.263873386"},
        {{1520023934, 918963998}, "1520023934.918963997", "+0.000000001"},
        {{1520023934, 918963996}, "1520023934.918963997", "-0.000000001"},
        {{100, 0}, "112.000000001", "-12.000000001"},
        {{100, 999999999}, "99", "+1.999999999"},
        {{100, 0}, "99.000000001", "+0.999999999"},
        {{0, 0}, "-0.5", "+0.500000000"},
        {{0, 0}, "0.5", "-0.500000000"},
        {{5, 0}, "5.9999999999", "-0.999999999"},
        {{1795217327, 513342142}, "1520023934.918963997", "+275193392.594378145"},
        {{1621464827, 0}, "999999999999.999999999", "-998378535172.999999999"},
        {{1621464827, 0}, "-999999999999.999999999", "+1001621464826.999999999"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Timestamp time;

        g_assert_true(timestamp_parse(slice(rows[i].time), &time));
        g_autofree char *text = skew_text(timestamp_subtract(rows[i].received, time));
        g_assert_cmpstr(text, ==, rows[i].skew);
    }
}

/* The span between the two times of R8 that are farthest apart: thirteen digits. */
static void test_r5_widest_skew(void)
{
    Timestamp first, last, skew;

    g_assert_true(timestamp_parse(SLICE("-999999999999.999999999"), &first));
    g_assert_true(timestamp_parse(SLICE("+999999999999.999999999"), &last));

    g_autofree char *up = skew_text(timestamp_subtract(last, first));
    g_assert_cmpstr(up, ==, "+1999999999999.999999998");
    g_assert_true(timestamp_parse_skew(slice(up), &skew));
    assert_same(skew, timestamp_subtract(last, first));

    g_autofree char *down = skew_text(timestamp_subtract(first, last));
    g_assert_cmpstr(down, ==, "-1999999999999.999999998");
    g_assert_true(timestamp_parse_skew(slice(down), &skew));
    assert_same(skew, timestamp_subtract(first, last));
}

static void test_r20_skew_form(void)
{
    static const struct {
        const char *text;
        bool valid;
    } rows[] = {
        {"+0.263873386", true},
        {"-12.000000001", true},
        {"+0.000000000", true},
        {"-0.000000000", true},
        {"+00.000000000", true},
        {"+275202393.594378145", true},
        {"+9999999999999.999999999", true}, /* thirteen digits */
        {"+10000000000000.000000000", false},
        {"0.263873386", false}, /* a sign, always */
        {"+0.26387338", false}, /* nine decimals, always */
        {"+0.2638733860", false},
        {"+0.", false},
        {"+0", false},
        {"+.263873386", false},
        {"+-0.263873386", false},
        {"+0.26387338e", false},
        {"+nan", false},
        {"+", false},
        {"", false},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Timestamp skew = {42, 43};

        if (timestamp_parse_skew(slice(rows[i].text), &skew) != rows[i].valid)
            g_test_fail_printf("\"%s\" is taken for %s", rows[i].text,
                               rows[i].valid ? "invalid" : "valid");
        if (!rows[i].valid)
            assert_same(skew, (Timestamp){42, 43});
    }
}

static Timestamp random_time(void)
{
    /* Half of them near each other and near 1970, where the carries are. */
    int64_t range = g_test_rand_bit() ? 3 : latest;
    int64_t seconds = 0;

    for (int i = 0; i < 2; i++)
        seconds = seconds * 1000000 + g_test_rand_int_range(0, 1000000);
    seconds = seconds % (2 * range + 1) - range;

    int32_t nanoseconds = g_test_rand_bit() ? g_test_rand_int_range(0, 1000000000)
                                            : g_test_rand_int_range(0, 2) * 999999999;
    return (Timestamp){seconds, nanoseconds};
}

static void test_property_skew_reads_back(void)
{
    g_autoptr(GRegex) form = g_regex_new("^[+-](0|[1-9][0-9]{0,12})\\.[0-9]{9}$", 0, 0, NULL);

    for (int round = 0; round < 20000; round++) {
        Timestamp a = random_time();
        Timestamp b = random_time();
        Timestamp skew = timestamp_subtract(a, b);
        Timestamp back;

        g_assert_cmpint(skew.nanoseconds, >=, 0);
        g_assert_cmpint(skew.nanoseconds, <, 1000000000);
        g_assert_true(wide(skew) == wide(a) - wide(b));
        g_assert_cmpint(timestamp_compare(a, b), ==, (wide(a) > wide(b)) - (wide(a) < wide(b)));

        g_autofree char *text = skew_text(skew);
        g_assert_true(g_regex_match(form, text, 0, NULL));
        g_assert_true(text[0] == (wide(skew) < 0 ? '-' : '+'));
        g_assert_true(timestamp_parse_skew(slice(text), &back));
        assert_same(back, skew);
        assert_same(timestamp_add(b, skew), a);
    }
}

/* @number times ten to the @power, the rest dropped. */
static Wide shifted(Wide number, int power)
{
    for (; power > 0; power--)
        number *= 10;
    for (; power < 0; power++)
        number /= 10;
    return number;
}

/* An exponent moves the point and nothing else, wherever it stood. */
static void test_property_printed(void)
{
    unsigned taken = 0;

    for (int round = 0; round < 20000; round++) {
        g_autoptr(GString) text = g_string_new(g_test_rand_bit() ? "-" : "");
        int before = g_test_rand_int_range(1, 9);
        int behind = g_test_rand_int_range(0, 9);
        int exponent = g_test_rand_int_range(-20, 14);
        Wide digits = 0;
        Timestamp t = {42, 43};

        for (int i = 0; i < before + behind; i++) {
            int digit = g_test_rand_int_range(0, 10);

            g_string_append_printf(text, "%s%d", i == before ? "." : "", digit);
            digits = digits * 10 + digit;
        }
        g_string_append_printf(text, g_test_rand_bit() ? "e%+03d" : "E%d", exponent);

        Wide nanoseconds = shifted(digits, exponent - behind + 9);
        bool fits = nanoseconds < shifted(1, 13 + 9);
        g_assert_cmpint(timestamp_parse_printed(slice(text->str), &t), ==, fits);
        if (fits)
            g_assert_true(wide(t) == (text->str[0] == '-' ? -nanoseconds : nanoseconds));
        else
            assert_same(t, (Timestamp){42, 43});
        taken += fits;
    }
    g_assert_cmpuint(taken, >, 0);
}

static void test_property_time_reads_back(void)
{
    for (int round = 0; round < 20000; round++) {
        Timestamp t = random_time();
        Wide span = wide(t) < 0 ? -wide(t) : wide(t);
        const char *sign = wide(t) < 0 ? "-" : g_test_rand_bit() ? "+" : "";
        Timestamp back;

        g_autofree char *text =
            g_strdup_printf("%s%" G_GINT64_FORMAT ".%09d%.*s", sign, (int64_t)(span / 1000000000),
                            (int)(span % 1000000000), g_test_rand_int_range(0, 6), "98765");
        g_assert_true(timestamp_parse(slice(text), &back));
        assert_same(back, t);
    }
}

static void test_now(void)
{
    struct timespec before, after;

    clock_gettime(CLOCK_REALTIME, &before);
    Timestamp now = timestamp_now();
    clock_gettime(CLOCK_REALTIME, &after);

    Timestamp first = {before.tv_sec, (int32_t)before.tv_nsec};
    Timestamp last = {after.tv_sec, (int32_t)after.tv_nsec};
    if (timestamp_compare(first, last) > 0) {
        g_test_skip("the clock was set back meanwhile");
        return;
    }
    g_assert_cmpint(timestamp_compare(first, now), <=, 0);
    g_assert_cmpint(timestamp_compare(now, last), <=, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/timestamp/r8/valid", test_r8_valid);
    g_test_add_func("/timestamp/r8/invalid", test_r8_invalid);
    g_test_add_func("/timestamp/r8/compared-as-numbers-not-as-text", test_r8_not_by_text);
    g_test_add_func("/timestamp/r5/skew-is-exact", test_r5_skew);
    g_test_add_func("/timestamp/r5/widest-skew", test_r5_widest_skew);
    g_test_add_func("/timestamp/r20/skew-form", test_r20_skew_form);
    g_test_add_func("/timestamp/compare/order", test_compare);
    g_test_add_func("/timestamp/property/skew-reads-back", test_property_skew_reads_back);
    g_test_add_func("/timestamp/property/exponent-moves-the-point", test_property_printed);
    g_test_add_func("/timestamp/property/time-reads-back", test_property_time_reads_back);
    g_test_add_func("/timestamp/now/is-the-wall-clock", test_now);
    return g_test_run();
}
