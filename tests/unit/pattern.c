/* SPDX-License-Identifier: MIT */
#include "core/pattern.h"

#include <fnmatch.h>
#include <glib.h>

static void assert_match(const char *pattern, const char *text, bool expected)
{
    const char *why;

    g_assert_true(pattern_check(slice_of(pattern), &why));
    if (pattern_matches(slice_of(pattern), slice_of(text)) != expected)
        g_test_fail_printf("%s %s %s", pattern, expected ? "does not match" : "matches", text);
}

static void test_table(void)
{
    static const struct {
        const char *pattern, *text;
        bool matches;
    } rows[] = {
        {"kiwi", "kiwi", true},
        {"kiwi", "kiwis", false},
        {"kiwi", "kiw", false},
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "anything", true},
        {"bus-*", "bus-7", true},
        {"bus-*", "bus-", true},
        {"bus-*", "abus-7", false},
        {"*.example", "a.example", true},
        {"*.example", "a.example.", false},
        {"a*b*c", "a-b-b-c", true},
        {"a*b*c", "a-c-b", false},
        {"?", "a", true},
        {"?", "", false},
        {"?", "ab", false},
        {"[a-c]x", "bx", true},
        {"[a-c]x", "dx", false},
        {"[!a-c]x", "dx", true},
        {"[!a-c]x", "ax", false},
        {"[]]", "]", true},
        {"[!]]", "]", false},
        {"[!]]", "a", true},
        {"[a-]", "-", true},
        {"[-a]", "-", true},
        {"[\\]]", "]", true},
        {"\\*", "*", true},
        {"\\*", "a", false},
        {"\\\\[ab]", "\\b", true},
        {"\\[a]", "[a]", true},
        {"Kiwi", "kiwi", false},
        {"[\xf0-\xff]", "\xfe", true},
        {"?", "\xff", true},
        {"**a**", "bab", true},
        {"*[0-9]", "x7", true},
        {"*[0-9]", "7x", false},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        assert_match(rows[i].pattern, rows[i].text, rows[i].matches);
}

static void test_bad(void)
{
    static const char *const rows[] = {"[", "[a", "a[]", "[!]", "[a\\]", "\\", "a\\", "\\\\["};
    const char *why = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        if (pattern_check(slice_of(rows[i]), &why))
            g_test_fail_printf("%s is taken", rows[i]);
}

static void test_literal(void)
{
    g_assert_true(pattern_is_literal(SLICE("phone-7.example]!^$+")));
    g_assert_true(pattern_is_literal(SLICE("a\0b")));
    g_assert_false(pattern_is_literal(SLICE("phone-*")));
    g_assert_false(pattern_is_literal(SLICE("phone-?")));
    g_assert_false(pattern_is_literal(SLICE("[p]hone")));
    g_assert_false(pattern_is_literal(SLICE("\\phone")));
}

/* What fnmatch() says, where it can say it: of few stars, in the C locale. */
static void test_like_fnmatch(void)
{
    static const char pattern_bytes[] = "ab*?[]!-\\", text_bytes[] = "ab[]-\\";
    unsigned matched = 0;

    for (int round = 0; round < 200000; round++) {
        char pattern[9] = {0}, text[9] = {0};
        const char *why;

        for (int n = g_test_rand_int_range(0, 9), i = 0; i < n; i++)
            pattern[i] = pattern_bytes[g_test_rand_int_range(0, sizeof pattern_bytes - 1)];
        for (int n = g_test_rand_int_range(0, 9), i = 0; i < n; i++)
            text[i] = text_bytes[g_test_rand_int_range(0, sizeof text_bytes - 1)];
        /* Here a range that goes backwards is empty, there it may be an error: none of those. */
        if (!pattern_check(slice_of(pattern), &why) || strchr(pattern, '-') != NULL)
            continue;
        bool expected = fnmatch(pattern, text, 0) == 0;
        matched += expected;
        assert_match(pattern, text, expected);
    }
    g_assert_cmpuint(matched, >, 1000);
}

/* Stars do not multiply. */
static void test_many_stars(void)
{
    g_autofree char *text = g_strnfill(32768, 'a');

    assert_match("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*ab", text, false);
    assert_match("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a", text, true);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pattern/table", test_table);
    g_test_add_func("/pattern/bad", test_bad);
    g_test_add_func("/pattern/literal", test_literal);
    g_test_add_func("/pattern/as-fnmatch-has-it", test_like_fnmatch);
    g_test_add_func("/pattern/many-stars-take-no-time", test_many_stars);
    return g_test_run();
}
