/* SPDX-License-Identifier: MIT */

/* jsontree, jsonlayout: PROTOCOL R14. */

#include "places/json/jsonlayout.h"
#include "places/json/jsontree.h"

#include <stdio.h>

static JsonTree *parse(Slice text)
{
    JsonTree *tree = NULL;

    g_assert_cmpint(jsontree_parse(text, &tree), ==, JSONTREE_OK);
    g_assert_nonnull(tree);
    return tree;
}

/* @text in the one layout. (transfer full) */
static char *laid_out(Slice text)
{
    g_autoptr(JsonTree) tree = parse(text);
    GString *out = g_string_new(NULL);

    jsonlayout_append(out, jsontree_root(tree), 0);
    return g_string_free(out, FALSE);
}

static void assert_layout(const char *text, const char *expected)
{
    g_autofree char *out = laid_out(slice_of(text));

    g_assert_cmpstr(out, ==, expected);
}

/* Half a surrogate pair is no character; what JSON writes has to be UTF-8 all the same. */
static void test_half_a_surrogate_pair(void)
{
    static const char *const rows[] = {"\"\\ud800\"", "\"a\\udc00x\"", "\"\\ud800\\ud800\"",
                                       "{\"\\udfff\":1}"};

    for (size_t k = 0; k < G_N_ELEMENTS(rows); k++) {
        g_autofree char *out = laid_out(slice_of(rows[k]));

        g_assert_true(g_utf8_validate(out, -1, NULL));
    }
    assert_layout("\"\\ud83d\\ude00 \xed\x9f\xbf\"", "\"\xf0\x9f\x98\x80 \xed\x9f\xbf\"");
}

/* ---- layout ---- */

/* Where captured bodies are, if they are anywhere: they are not part of this project. */
static char *fixtures_directory(void)
{
    const char *set = g_getenv("HERD_FIXTURES");

    if (set != NULL)
        return g_build_filename(set, "google", NULL);
    return g_test_build_filename(G_TEST_DIST, "..", "..", "..", "shared", "fixtures", "google",
                                 NULL);
}

static void test_captured_bodies(void)
{
    g_autofree char *directory = fixtures_directory();
    g_autoptr(GDir) files = g_dir_open(directory, 0, NULL);
    unsigned checked = 0;

    if (files == NULL) {
        g_test_skip("no captured bodies: set HERD_FIXTURES");
        return;
    }
    for (const char *name = g_dir_read_name(files); name != NULL; name = g_dir_read_name(files)) {
        /* The other files there are documentation samples in other layouts. */
        if (!g_str_has_prefix(name, "qpowell_") && !g_str_has_prefix(name, "geocoder_"))
            continue;
        g_autofree char *path = g_build_filename(directory, name, NULL);
        g_autofree char *body = NULL;
        gsize length;

        g_assert_true(g_file_get_contents(path, &body, &length, NULL));
        while (length > 0 && body[length - 1] == '\n')
            body[--length] = '\0';
        g_autofree char *out = laid_out((Slice){.data = body, .length = length});
        g_test_message("%s", name);
        g_assert_cmpstr(out, ==, body);
        checked++;
    }
    g_assert_cmpuint(checked, >=, 4);
}

/* Each rule of the layout at least once. */
static const char own_body[] =
    "{\n"
    "   \"html_attributions\" : [],\n"
    "   \"results\" : [\n"
    "      {\n"
    "         \"Upper\" : \"sorts before lower\",\n"
    "         \"geometry\" : {\n"
    "            \"location\" : {\n"
    "               \"lat\" : -33.8688197,\n"
    "               \"lng\" : 151.2092955\n"
    "            },\n"
    "            \"nothing\" : {}\n"
    "         },\n"
    "         \"grid\" : [\n"
    "            [ 1, 2 ],\n"
    "            [ 3, [], {}, null, true, false ]\n"
    "         ],\n"
    "         \"name\" : \"Café \\\"Zo\u00eb\\\" & Sons' / \\\\ Łódź\",\n"
    "         \"photos\" : [\n"
    "            {\n"
    "               \"html_attributions\" : [\n"
    "                  \"\\u003ca "
    "href=\\\"https://example.org/contributors/116952450692489\\\"\\u003eA"
    "\\u003c/a\\u003e\"\n"
    "               ],\n"
    "               \"width\" : 4208\n"
    "            }\n"
    "         ],\n"
    "         \"rating\" : 4.2000000000000002,\n"
    "         \"types\" : [ \"bar\", \"restaurant\", \"food\", \"point_of_interest\" ]\n"
    "      }\n"
    "   ],\n"
    "   \"status\" : \"OK\"\n"
    "}";

static void test_own_body(void)
{
    assert_layout(own_body, own_body);
}

static void test_any_layout_comes_out_as_one(void)
{
    /* Without blanks between tokens, members in reverse, characters escaped that need not be. */
    assert_layout("{\"b\":[1,2],\"a\":{\"y\":\"\\u0041\\/\",\"x\":[]}}\r\n\r\n",
                  "{\n"
                  "   \"a\" : {\n"
                  "      \"x\" : [],\n"
                  "      \"y\" : \"A/\"\n"
                  "   },\n"
                  "   \"b\" : [ 1, 2 ]\n"
                  "}");
}

static void test_scalars_stand_alone(void)
{
    assert_layout(" null ", "null");
    assert_layout("[]", "[]");
    assert_layout("{ }", "{}");
    assert_layout("\"\"", "\"\"");
}

static void test_equal_keys_keep_their_order(void)
{
    assert_layout("{\"b\":1,\"a\":2,\"b\":3,\"\":4,\"a\":5}", "{\n"
                                                              "   \"\" : 4,\n"
                                                              "   \"a\" : 2,\n"
                                                              "   \"a\" : 5,\n"
                                                              "   \"b\" : 1,\n"
                                                              "   \"b\" : 3\n"
                                                              "}");
}

static void test_many_members_are_sorted(void)
{
    g_autoptr(GString) text = g_string_new("{");
    g_autoptr(GString) expected = g_string_new("{\n");

    for (int i = 999; i >= 0; i--)
        g_string_append_printf(text, "\"%03d\":%d%s", i, i, i > 0 ? "," : "}");
    for (int i = 0; i < 1000; i++)
        g_string_append_printf(expected, "   \"%03d\" : %d%s\n", i, i, i < 999 ? "," : "");
    g_string_append_c(expected, '}');
    assert_layout(text->str, expected->str);
}

/* An array of @count strings of one byte, and as a last one a string that makes the line @bytes
 * long. */
static char *array_text(unsigned count, size_t bytes)
{
    GString *text = g_string_new("[ ");

    for (unsigned i = 0; i + 1 < count; i++)
        g_string_append(text, "1, ");
    while (text->len + 2 < bytes)
        g_string_append_c(text, '7');
    g_string_append(text, " ]");
    return g_string_free(text, FALSE);
}

static void test_array_line_length(void)
{
    g_autofree char *fits = array_text(3, 73);
    g_autofree char *too_long = array_text(3, 74);
    g_autofree char *one = array_text(1, 74);

    g_assert_cmpuint(strlen(fits), ==, 73);
    g_assert_cmpuint(strlen(too_long), ==, 74);
    assert_layout(fits, fits);
    g_autofree char *broken = laid_out(slice_of(too_long));
    g_assert_true(g_str_has_prefix(broken, "[\n   1,\n   1,\n   777"));
    g_assert_true(g_str_has_suffix(broken, "777\n]"));
    g_autofree char *broken_one = laid_out(slice_of(one));
    g_assert_true(g_str_has_prefix(broken_one, "[\n   777"));
}

static void test_array_line_values(void)
{
    g_autoptr(GString) text = g_string_new("[ 1");

    /* As many values of one byte as fit: 4 + 2 * 22 + 23 bytes. */
    for (unsigned count = 1; count < 23; count++)
        g_string_append(text, ", 1");
    g_string_append(text, " ]");
    assert_layout(text->str, text->str);

    g_string_truncate(text, text->len - strlen(" ]"));
    g_string_append(text, ", 1 ]");
    g_autofree char *broken = laid_out(slice_of(text->str));
    g_assert_true(g_str_has_prefix(broken, "[\n   1,\n   1,\n"));
}

/* ---- text and numbers ---- */

static void test_numbers_keep_their_digits(void)
{
    static const char *const numbers[] = {
        "0",
        "-0",
        "34.068921",
        "34.06892100000000",
        "-118.44512700000001",
        "4.0",
        "1E400",
        "1e-400",
        "6.02e+23",
        "123456789012345678901234567890",
        "0.1000000000000000055511151231257827",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
        assert_layout(numbers[i], numbers[i]);
}

static void test_strings_span_no_lines(void)
{
    assert_layout("\"\\n\\r\\t\\b\\f\\u0000\\u001F\\u007f\"",
                  "\"\\n\\r\\t\\b\\f\\u0000\\u001f\x7f\"");
    assert_layout("{\"a\\n\\n<b>\":1}", "{\n   \"a\\n\\n\\u003cb\\u003e\" : 1\n}");
    /* Beyond the basic plane: a pair of escapes is one character. */
    assert_layout("\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\"");
}

static void test_malformed_is_refused(void)
{
    static const char *const texts[] = {
        "",
        " ",
        "{",
        "[1,]",
        "{\"a\":}",
        "{\"a\" 1}",
        "{a:1}",
        "01",
        "+1",
        ".5",
        "5.",
        "1 2",
        "nul",
        "NaN",
        "Infinity",
        "'a'",
        "\"a",
        "\"\n\"",
        "\"\\x\"",
        "[1}",
        "{}x",
        "{}\"x",
        "{}{}",
        "1\"",
        "// c\n{}",
        "\"\xff\"",
        "\"\xc0\x80\"",
        "\"\xed\xa0\x80\"",
        "502 Bad Gateway",
        "<html></html>",
        "\xef\xbb\xbf{}",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        JsonTree *tree = NULL;

        g_autofree char *printable = g_strescape(texts[i], NULL);
        g_test_message("%s", printable);
        g_assert_cmpint(jsontree_parse(slice_of(texts[i]), &tree), ==, JSONTREE_MALFORMED);
        g_assert_null(tree);
    }
    /* A text that is cut off anywhere is malformed, whatever was read of it. */
    for (size_t length = 0; length < sizeof own_body - 1; length++) {
        JsonTree *tree = NULL;

        g_assert_cmpint(jsontree_parse((Slice){.data = own_body, .length = length}, &tree), ==,
                        JSONTREE_MALFORMED);
    }
}

static JsonTreeOutcome parse_nested(size_t depth)
{
    g_autofree char *text = g_malloc(2 * depth + 1);
    g_autoptr(JsonTree) tree = NULL;

    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    return jsontree_parse((Slice){.data = text, .length = 2 * depth}, &tree);
}

static void test_depth_is_bounded(void)
{
    g_assert_cmpint(parse_nested(JSONTREE_DEPTH_MAX), ==, JSONTREE_OK);
    g_assert_cmpint(parse_nested(JSONTREE_DEPTH_MAX + 1), ==, JSONTREE_TOO_LARGE);
    g_assert_cmpint(parse_nested(1000000), ==, JSONTREE_TOO_LARGE);
}

static JsonTreeOutcome parse_wide(size_t values)
{
    g_autoptr(GString) text = g_string_new("[0");
    g_autoptr(JsonTree) tree = NULL;

    for (size_t i = 2; i < values; i++)
        g_string_append(text, ",0");
    g_string_append_c(text, ']');
    return jsontree_parse((Slice){.data = text->str, .length = text->len}, &tree);
}

static void test_number_of_values_is_bounded(void)
{
    g_assert_cmpint(parse_wide(JSONTREE_VALUES_MAX), ==, JSONTREE_OK);
    g_assert_cmpint(parse_wide(JSONTREE_VALUES_MAX + 1), ==, JSONTREE_TOO_LARGE);
}

/* ---- changes ---- */

static void test_truncate(void)
{
    static const char *const expected[] = {"[]", "[ 1 ]", "[ 1, 2 ]", "[ 1, 2, 3 ]", "[ 1, 2, 3 ]"};

    for (size_t count = 0; count < G_N_ELEMENTS(expected); count++) {
        g_autoptr(JsonTree) tree = parse(SLICE("[1,2,3]"));
        g_autoptr(GString) out = g_string_new(NULL);

        jsontree_truncate(jsontree_root(tree), count);
        jsonlayout_append(out, jsontree_root(tree), 0);
        g_assert_cmpstr(out->str, ==, expected[count]);
    }
}

static void test_member(void)
{
    g_autoptr(JsonTree) tree = parse(SLICE("{\"a\":1,\"b\":2,\"a\":3,\"ab\":{\"c\":4}}"));
    JsonValue *root = jsontree_root(tree);
    size_t count = 9;

    g_assert_true(slice_equal(jsontree_member(root, SLICE("a"), &count)->text, SLICE("1")));
    g_assert_cmpuint(count, ==, 2);
    g_assert_true(slice_equal(jsontree_member(root, SLICE("b"), &count)->text, SLICE("2")));
    g_assert_cmpuint(count, ==, 1);
    g_assert_null(jsontree_member(root, SLICE("c"), &count));
    g_assert_cmpuint(count, ==, 0);
    g_assert_nonnull(jsontree_member(root, SLICE("ab"), NULL));
}

static void test_add_empty_array(void)
{
    g_autoptr(JsonTree) tree = parse(SLICE("{}"));
    g_autoptr(GString) out = g_string_new(NULL);

    jsontree_add(tree, jsontree_root(tree), SLICE("results"), JSON_ARRAY);
    jsonlayout_append(out, jsontree_root(tree), 0);
    g_assert_cmpstr(out->str, ==, "{\n   \"results\" : []\n}");
}

static void test_replace(void)
{
    g_autoptr(JsonTree) tree =
        parse(SLICE("{\"KEY\":[\"KEYKEY\",\"a KEY b KEY\",\"KE\",\"\",{\"x\":\"KEY\"}]}"));
    g_autoptr(GString) out = g_string_new(NULL);

    jsontree_replace(tree, SLICE("KEY"), SLICE("-"));
    jsonlayout_append(out, jsontree_root(tree), 0);
    g_assert_cmpstr(out->str, ==,
                    "{\n"
                    "   \"-\" : [\n"
                    "      \"--\",\n"
                    "      \"a - b -\",\n"
                    "      \"KE\",\n"
                    "      \"\",\n"
                    "      {\n"
                    "         \"x\" : \"-\"\n"
                    "      }\n"
                    "   ]\n"
                    "}");
}

/* ---- any text ---- */

static void append_random_string(GString *text)
{
    static const char *const pieces[] = {"a",       "Z", "\\n", "\\\"",    "\\\\", "<",
                                         "\\u003e", "é", "漢",  "\\u0001", "/",    " "};

    g_string_append_c(text, '"');
    for (int i = g_test_rand_int_range(0, 12); i > 0; i--)
        g_string_append(text, pieces[g_test_rand_int_range(0, G_N_ELEMENTS(pieces))]);
    g_string_append_c(text, '"');
}

static void append_random_value(GString *text, unsigned depth)
{
    int kind = g_test_rand_int_range(0, depth < 6 ? 6 : 4);
    int count = g_test_rand_int_range(0, 5);

    switch (kind) {
    case 0:
        g_string_append(text, g_test_rand_bit() ? "true" : "null");
        break;
    case 1:
        g_string_append_printf(text, "%d.%04d", g_test_rand_int_range(-180, 180),
                               g_test_rand_int_range(0, 10000));
        break;
    case 2:
    case 3:
        append_random_string(text);
        break;
    case 4:
        g_string_append_c(text, '[');
        for (int i = 0; i < count; i++) {
            append_random_value(text, depth + 1);
            g_string_append(text, i + 1 < count ? " ,\n\n" : "");
        }
        g_string_append_c(text, ']');
        break;
    default:
        g_string_append_c(text, '{');
        for (int i = 0; i < count; i++) {
            append_random_string(text);
            g_string_append(text, "\n\n:\t");
            append_random_value(text, depth + 1);
            g_string_append(text, i + 1 < count ? "," : "");
        }
        g_string_append_c(text, '}');
        break;
    }
}

static void test_layout_is_stable(void)
{
    for (unsigned round = 0; round < 2000; round++) {
        g_autoptr(GString) text = g_string_new(NULL);

        append_random_value(text, 0);
        g_autofree char *once = laid_out((Slice){.data = text->str, .length = text->len});
        g_autofree char *twice = laid_out(slice_of(once));
        g_assert_cmpstr(once, ==, twice);
        /* PROTOCOL R13: an empty line would end the reply. */
        g_assert_null(strstr(once, "\n\n"));
        g_assert_false(g_str_has_suffix(once, "\n"));
        g_assert_null(strpbrk(once, "<>\r\t"));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/places/json/half-a-surrogate-pair", test_half_a_surrogate_pair);
    g_test_add_func("/places/json/layout-is-byte-identical-on-captured-bodies",
                    test_captured_bodies);
    g_test_add_func("/places/json/layout-is-byte-identical-on-own-body", test_own_body);
    g_test_add_func("/places/json/any-layout-comes-out-as-one", test_any_layout_comes_out_as_one);
    g_test_add_func("/places/json/scalars-stand-alone", test_scalars_stand_alone);
    g_test_add_func("/places/json/equal-keys-keep-their-order", test_equal_keys_keep_their_order);
    g_test_add_func("/places/json/many-members-are-sorted", test_many_members_are_sorted);
    g_test_add_func("/places/json/array-breaks-at-74-bytes", test_array_line_length);
    g_test_add_func("/places/json/array-breaks-at-24-values", test_array_line_values);
    g_test_add_func("/places/json/numbers-keep-their-digits", test_numbers_keep_their_digits);
    g_test_add_func("/places/json/strings-span-no-lines", test_strings_span_no_lines);
    g_test_add_func("/places/json/malformed-is-refused", test_malformed_is_refused);
    g_test_add_func("/places/json/depth-is-bounded", test_depth_is_bounded);
    g_test_add_func("/places/json/number-of-values-is-bounded", test_number_of_values_is_bounded);
    g_test_add_func("/places/json/truncate-keeps-the-first", test_truncate);
    g_test_add_func("/places/json/member-counts-equal-keys", test_member);
    g_test_add_func("/places/json/add-empty-array", test_add_empty_array);
    g_test_add_func("/places/json/replace-reaches-keys-and-strings", test_replace);
    g_test_add_func("/places/json/layout-is-stable-on-any-text", test_layout_is_stable);
    return g_test_run();
}
