/* SPDX-License-Identifier: MIT */
#include "core/decimal.h"

#include <glib.h>

static Slice slice(const char *text)
{
    return (Slice){.data = text, .length = strlen(text)};
}

static void test_form(void)
{
    static const struct {
        const char *text;
        bool valid;
        char sign;
        int64_t whole;
        unsigned whole_digits;
        const char *fraction;
    } rows[] = {
        {"0", true, 0, 0, 1, ""},
        {"7", true, 0, 7, 1, ""},
        {"+7", true, '+', 7, 1, ""},
        {"-7", true, '-', 7, 1, ""},
        {"-0", true, '-', 0, 1, ""},
        {"007.500", true, 0, 7, 3, "500"},
        {"-118.445127", true, '-', 118, 3, "445127"},
        {"1621464827.959498503", true, 0, 1621464827, 10, "959498503"},
        {"999999999999999999", true, 0, 999999999999999999, 18, ""},
        {"000000000000000000", true, 0, 0, 18, ""},
        {"0000000000000000000", true, 0, 0, 19, ""}, /* zeros in front do not count */
        {"-0000000000999999999999999999.5", true, '-', 999999999999999999, 28, "5"},
        {"00000000001000000000000000000", false, 0, 0, 0, NULL},
        {"0.0000000000000000000000000000000000000001", true, 0, 0, 1,
         "0000000000000000000000000000000000000001"},
        {"1000000000000000000", false, 0, 0, 0, NULL},
        {"99999999999999999999999999999999", false, 0, 0, 0, NULL},
        {"", false, 0, 0, 0, NULL},
        {"+", false, 0, 0, 0, NULL},
        {"-", false, 0, 0, 0, NULL},
        {".", false, 0, 0, 0, NULL},
        {"5.", false, 0, 0, 0, NULL},
        {".5", false, 0, 0, 0, NULL},
        {"+.5", false, 0, 0, 0, NULL},
        {"-5.", false, 0, 0, 0, NULL},
        {"++5", false, 0, 0, 0, NULL},
        {"+-5", false, 0, 0, 0, NULL},
        {"5+", false, 0, 0, 0, NULL},
        {"5-5", false, 0, 0, 0, NULL},
        {"5.5.5", false, 0, 0, 0, NULL},
        {"5..5", false, 0, 0, 0, NULL},
        {"5.-5", false, 0, 0, 0, NULL},
        {"5,5", false, 0, 0, 0, NULL},
        {"5,000", false, 0, 0, 0, NULL},
        {"1e9", false, 0, 0, 0, NULL},
        {"1E9", false, 0, 0, 0, NULL},
        {"1.0e9", false, 0, 0, 0, NULL},
        {"0x10", false, 0, 0, 0, NULL},
        {"inf", false, 0, 0, 0, NULL},
        {"-inf", false, 0, 0, 0, NULL},
        {"nan", false, 0, 0, 0, NULL},
        {" 5", false, 0, 0, 0, NULL},
        {"5 ", false, 0, 0, 0, NULL},
        {"5.5 ", false, 0, 0, 0, NULL},
        {"5\n", false, 0, 0, 0, NULL},
        {"\xd9\xa3", false, 0, 0, 0, NULL}, /* a digit, but not an ASCII one */
        {"5/", false, 0, 0, 0, NULL},       /* the bytes beside the digits */
        {"5:", false, 0, 0, 0, NULL},
        {"5./", false, 0, 0, 0, NULL},
        {"5.:", false, 0, 0, 0, NULL},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Decimal d = {.sign = '?', .whole = -1};
        bool valid = decimal_parse(slice(rows[i].text), &d);

        if (valid != rows[i].valid) {
            g_test_fail_printf("\"%s\" is taken for %s", rows[i].text, valid ? "valid" : "invalid");
            continue;
        }
        if (!valid) { /* untouched */
            g_assert_cmpint(d.sign, ==, '?');
            g_assert_cmpint(d.whole, ==, -1);
            continue;
        }
        g_assert_cmpint(d.sign, ==, rows[i].sign);
        g_assert_cmpint(d.whole, ==, rows[i].whole);
        g_assert_cmpuint(d.whole_digits, ==, rows[i].whole_digits);
        g_assert_true(slice_equal(d.fraction, slice(rows[i].fraction)));
    }
}

static void test_ends_with_the_slice(void)
{
    static const char text[] = "12.345";
    Decimal d;

    g_assert_true(decimal_parse((Slice){.data = text, .length = 2}, &d));
    g_assert_cmpint(d.whole, ==, 12);
    g_assert_cmpuint(d.fraction.length, ==, 0);
    g_assert_false(decimal_parse((Slice){.data = text, .length = 3}, &d));
    g_assert_true(decimal_parse((Slice){.data = text, .length = 4}, &d));
    g_assert_true(slice_equal(d.fraction, SLICE("3")));
}

static void test_nul_is_no_digit(void)
{
    Decimal d;

    g_assert_false(decimal_parse(SLICE("5\0"), &d));
    g_assert_false(decimal_parse(SLICE("5.\0"), &d));
    g_assert_false(decimal_parse(SLICE("5.5\0"), &d));
    g_assert_false(decimal_parse(SLICE("\0"), &d));
}

static void test_fraction(void)
{
    static const struct {
        const char *text;
        unsigned digits;
        int64_t value;
    } rows[] = {
        {"0.5", 3, 500},
        {"0.5", 1, 5},
        {"0.5", 0, 0},
        {"7", 9, 0},
        {"7.000000001", 9, 1},
        {"7.0000000009", 9, 0},
        {"7.9999999999", 9, 999999999}, /* cut, not rounded */
        {"7.959498503", 9, 959498503},
        {"-7.25", 2, 25},
        {"0.999999999999999999", 18, 999999999999999999},
        {"0.1", 18, 100000000000000000},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Decimal d;

        g_assert_true(decimal_parse(slice(rows[i].text), &d));
        g_assert_cmpint(decimal_fraction(&d, rows[i].digits), ==, rows[i].value);
    }
}

static void test_exceeds(void)
{
    static const struct {
        const char *text;
        int64_t limit;
        bool exceeds;
    } rows[] = {
        {"0", 0, false},
        {"0.0000000000000000000000000000000000001", 0, true},
        {"89.999999999999999999999999", 90, false},
        {"90", 90, false},
        {"90.000000000000000000000000", 90, false},
        {"90.0000000000000000001", 90, true},
        {"91", 90, true},
        {"-90", 90, false},
        {"-90.1", 90, true}, /* the sign is left aside */
        {"-91", 90, true},
        {"999999999999999999", 50, true},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Decimal d;

        g_assert_true(decimal_parse(slice(rows[i].text), &d));
        if (decimal_exceeds(&d, rows[i].limit) != rows[i].exceeds)
            g_test_fail_printf("%s > %d: not %d", rows[i].text, (int)rows[i].limit,
                               rows[i].exceeds);
    }
}

/* What is written is what is read, whatever the digits. */
static void test_property_reads_what_is_written(void)
{
    for (int round = 0; round < 20000; round++) {
        static const char *const signs[] = {"", "+", "-"};
        int sign = g_test_rand_int_range(0, 3);
        int zeros = g_test_rand_int_range(0, 4);
        int64_t whole = 0;
        g_autoptr(GString) fraction = g_string_new(NULL);
        Decimal d;

        for (int n = g_test_rand_int_range(0, 14); n > 0; n--)
            whole = whole * 10 + g_test_rand_int_range(0, 10);
        for (int n = g_test_rand_int_range(0, 30); n > 0; n--)
            g_string_append_c(fraction, (char)('0' + g_test_rand_int_range(0, 10)));

        g_autofree char *text =
            g_strdup_printf("%s%.*s%" G_GINT64_FORMAT "%s%s", signs[sign], zeros, "000", whole,
                            fraction->len > 0 ? "." : "", fraction->str);
        g_assert_true(decimal_parse(slice(text), &d));
        g_assert_cmpint(d.sign, ==, signs[sign][0]);
        g_assert_cmpint(d.whole, ==, whole);
        g_assert_true(slice_equal(d.fraction, slice(fraction->str)));
    }
}

static void test_slice_compare(void)
{
    /* In rising order. */
    static const Slice rising[] = {
        {NULL, 0}, {"\0", 1}, {"A", 1},  {"A\0", 2},  {"AB", 2},
        {"B", 1},  {"a", 1},  {"ab", 2}, {"\x80", 1}, {"\xff", 1},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rising); i++) {
        for (size_t k = 0; k < G_N_ELEMENTS(rising); k++) {
            int order = slice_compare(rising[i], rising[k]);

            g_assert_cmpint((order > 0) - (order < 0), ==, (i > k) - (i < k));
            g_assert_cmpint(slice_equal(rising[i], rising[k]), ==, i == k);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/decimal/parse/form", test_form);
    g_test_add_func("/decimal/parse/ends-with-the-slice", test_ends_with_the_slice);
    g_test_add_func("/decimal/parse/nul-is-no-digit", test_nul_is_no_digit);
    g_test_add_func("/decimal/parse/property/reads-what-is-written",
                    test_property_reads_what_is_written);
    g_test_add_func("/decimal/fraction/cuts-and-pads", test_fraction);
    g_test_add_func("/decimal/exceeds/minds-every-digit", test_exceeds);
    g_test_add_func("/slice/compare/bytewise-and-prefix-first", test_slice_compare);
    return g_test_run();
}
