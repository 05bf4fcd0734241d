/* SPDX-License-Identifier: MIT */
#include "cmd/tool/text.h"

#include <glib.h>

static void check_clean(Slice bytes, const char *expected)
{
    g_autofree char *clean = text_clean(bytes);

    g_assert_cmpstr(clean, ==, expected);
    g_assert_true(g_utf8_validate(clean, -1, NULL));
}

static void test_text_of_any_script_stays(void)
{
    check_clean(SLICE("Café Łódź 東京 \xf0\x9f\x8d\x95"), "Café Łódź 東京 \xf0\x9f\x8d\x95");
    check_clean(SLICE("مقهى"), "مقهى");
    check_clean(SLICE(""), "");
    /* Joiners are part of how some scripts are written. */
    check_clean(SLICE("क\xe2\x80\x8dष"), "क\xe2\x80\x8dष");
}

static void test_control_characters_are_shown(void)
{
    check_clean(SLICE("a\033[31mb"), "a\\x1b[31mb");
    check_clean(SLICE("a\nb\rc\td\177"), "a\\x0ab\\x0dc\\x09d\\x7f");
    check_clean(SLICE("a\0b"), "a\\x00b");
    check_clean(SLICE("\xc2\x9b"
                      "31m"),
                "\\u009b31m"); /* CSI in one character */
    check_clean(SLICE("\xe2\x80\xa8\xe2\x80\xa9"), "\\u2028\\u2029");
}

static void test_turns_of_direction_are_shown(void)
{
    check_clean(SLICE("a\xe2\x80\xae"
                      "b\xe2\x81\xa6"),
                "a\\u202eb\\u2066");
}

static void test_bytes_that_are_no_text_are_shown(void)
{
    check_clean(SLICE("a\xff\xfe"
                      "b"),
                "a\\xff\\xfeb");
    check_clean(SLICE("\xc3"), "\\xc3");                   /* half a character */
    check_clean(SLICE("\xc0\xaf"), "\\xc0\\xaf");          /* too long a form */
    check_clean(SLICE("\xed\xa0\x80"), "\\xed\\xa0\\x80"); /* a surrogate */
    check_clean(SLICE("\xe6\x9d"), "\\xe6\\x9d");
}

static void test_width_is_in_columns(void)
{
    g_assert_cmpuint(text_width(""), ==, 0);
    g_assert_cmpuint(text_width("Café"), ==, 4);
    g_assert_cmpuint(text_width("Cafe\xcc\x81"), ==, 4); /* a mark of its own */
    g_assert_cmpuint(text_width("東京"), ==, 4);
    g_assert_cmpuint(text_width("한국 x"), ==, 6);
}

static void check_cut(const char *text, size_t columns, const char *expected, size_t taken)
{
    g_autoptr(GString) out = g_string_new(NULL);

    g_assert_cmpuint(text_append_cut(out, text, columns), ==, taken);
    g_assert_cmpstr(out->str, ==, expected);
    g_assert_cmpuint(text_width(out->str), ==, taken);
}

static void test_cut_keeps_to_the_columns(void)
{
    check_cut("Bailey", 6, "Bailey", 6);
    check_cut("Bailey", 5, "Bail…", 5);
    check_cut("Bailey", 1, "…", 1);
    check_cut("Bailey", 0, "", 0);
    check_cut("東京都", 6, "東京都", 6);
    check_cut("東京都", 5, "東京…", 5);
    check_cut("東京都", 4, "東…", 3); /* no half of a wide character */
    check_cut("e\xcc\x81"
              "e\xcc\x81"
              "e",
              2, "e\xcc\x81…", 2);
}

static void check_html(const char *html, const char *expected)
{
    g_autoptr(GString) out = g_string_new(NULL);

    text_append_html(out, slice_of(html));
    g_assert_cmpstr(out->str, ==, expected);
}

static void test_attributions_keep_their_links(void)
{
    check_html("<a href=\"https://a.example/\">A &amp; B</a>, <b>CC</b>",
               "A & B (https://a.example/), CC");
    check_html("© OpenStreetMap contributors", "© OpenStreetMap contributors");
    check_html("1 < 2", "1 < 2");
    check_html("<a>x</a> <a href=\"u", "x <a href=\"u");
    check_html("&lt;i&gt; &unknown;", "<i> &unknown;");
    /* Megabytes of what begins no tag take no longer than others. */
    g_autofree char *open = g_strnfill((gsize)4 << 20, '<');
    check_html(open, open);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tool/text/any-script-stays", test_text_of_any_script_stays);
    g_test_add_func("/tool/text/control-characters-are-shown", test_control_characters_are_shown);
    g_test_add_func("/tool/text/turns-of-direction-are-shown", test_turns_of_direction_are_shown);
    g_test_add_func("/tool/text/bytes-that-are-no-text-are-shown",
                    test_bytes_that_are_no_text_are_shown);
    g_test_add_func("/tool/text/width-is-in-columns", test_width_is_in_columns);
    g_test_add_func("/tool/text/cut-keeps-to-the-columns", test_cut_keeps_to_the_columns);
    g_test_add_func("/tool/text/attributions-keep-their-links", test_attributions_keep_their_links);
    return g_test_run();
}
