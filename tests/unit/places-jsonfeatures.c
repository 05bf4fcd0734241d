/* SPDX-License-Identifier: MIT */

/* jsonfeatures: a FeatureCollection in pieces of any size. */

#include "places/import/jsonfeatures.h"
#include "places/json/jsonlayout.h"
#include "places/places.h"

/* What was handed over: "line:layout;" for each value, and where to stop. */
typedef struct {
    GString *seen;
    unsigned count;
    unsigned stop_at; /* 0: never */
} Seen;

static bool take(void *pointer, uint64_t line, const JsonValue *feature, GError **error)
{
    Seen *seen = pointer;

    g_string_append_printf(seen->seen, "%" G_GUINT64_FORMAT ":", line);
    if (feature == NULL)
        g_string_append(seen->seen, "too large");
    else
        jsonlayout_append(seen->seen, feature, 0);
    g_string_append_c(seen->seen, ';');
    if (++seen->count != seen->stop_at)
        return true;
    g_set_error_literal(error, G_FILE_ERROR, G_FILE_ERROR_NOSPC, "stop");
    return false;
}

static size_t any_size(size_t most)
{
    return (size_t)g_test_rand_int_range(1, (int)most + 1);
}

/* Feeds @text in pieces of at most @most bytes, each in memory of its own. */
static bool feed(const char *text, size_t most, Seen *seen, GError **error)
{
    JsonFeaturesSink sink = {.self = seen, .feature = take};
    g_autoptr(JsonFeatures) features = jsonfeatures_new(&sink);
    size_t left = strlen(text);

    while (left > 0) {
        size_t wanted = any_size(most);
        size_t size = MIN(wanted, left);
        g_autofree char *piece = g_memdup2(text, size);

        if (!jsonfeatures_feed(features, (Slice){.data = piece, .length = size}, error))
            return false;
        text += size;
        left -= size;
    }
    return jsonfeatures_finish(features, error);
}

static const size_t piece_sizes[] = {1, 2, 3, 7, 50, 100000};

static void assert_seen(const char *text, const char *expected)
{
    for (size_t i = 0; i < G_N_ELEMENTS(piece_sizes); i++) {
        g_autoptr(GString) all = g_string_new(NULL);
        Seen seen = {.seen = all};
        GError *error = NULL;

        feed(text, piece_sizes[i], &seen, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(all->str, ==, expected);
    }
}

static void assert_fails(const char *text, const char *says)
{
    for (size_t i = 0; i < G_N_ELEMENTS(piece_sizes); i++) {
        g_autoptr(GString) all = g_string_new(NULL);
        Seen seen = {.seen = all};
        g_autoptr(GError) error = NULL;

        g_assert_false(feed(text, piece_sizes[i], &seen, &error));
        g_assert_error(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_DATA);
        if (!g_str_has_prefix(error->message, says))
            g_error("\"%s\" does not begin with \"%s\"", error->message, says);
        g_assert_null(strchr(error->message, '\n'));
    }
}

static void test_values_come_one_by_one(void)
{
    assert_seen("{\"features\":[]}", "");
    assert_seen("\xef\xbb\xbf{\"features\":[1]}", "1:1;");
    assert_seen("{\"type\":\"FeatureCollection\",\"features\":[1,\"two\",null,true,[],{}]}",
                "1:1;1:\"two\";1:null;1:true;1:[];1:{};");
    assert_seen("{\"features\":[{\"a\":[1,{\"b\":[2]}]},\n\n {\"\":\n-1.50e+3}\n]}\n",
                "1:{\n   \"a\" : [\n      1,\n      {\n         \"b\" : [ 2 ]\n      }\n   ]\n};"
                "3:{\n   \"\" : -1.50e+3\n};");
}

static void test_what_is_around(void)
{
    assert_seen("{\"bbox\":[1,[2]],\"crs\":{\"features\":[8]},\"x\":\"features\",\"features\":[1],"
                "\"after\":{\"features\":[9]},\"n\":null,\"t\":true,\"z\":3}",
                "1:1;");
    /* A second array of that name is read, too. */
    assert_seen("{\"features\":[1],\"features\":[2]}", "1:1;1:2;");
    assert_seen("{\"features\":5,\"features\":[2]}", "1:2;");
    assert_seen("{\"features\":{\"features\":[1]},\"features\":[[\"features\",[3]]]}",
                "1:[\n   \"features\",\n   [ 3 ]\n];");
}

static void test_errors_name_the_line(void)
{
    assert_fails("", "line 1: not JSON");
    assert_fails("\n\n", "line 3: not JSON");
    assert_fails("{\"features\":[1,\n2,\n,3]}", "line 3: not JSON");
    assert_fails("{\"features\":[1,\n2", "line 2: not JSON");
    assert_fails("{\"features\":[{}]\n}\n{", "line 3: not JSON");
    assert_fails("{\"features\":[]}\n \"", "line 2: not JSON");
    assert_fails("{\"features\":[]}\n\n}", "line 3: not JSON");
    assert_fails("{\"features\":[\"\xff\"]}", "line 1: not JSON");
    assert_fails("{\"features\":[{}\n}", "line 2: not JSON");
    assert_fails("{\"features\":[\xef\xbb\xbf]}", "line 1: not JSON");
    assert_fails("[1]", "line 1: not a FeatureCollection");
    assert_fails("\n5 ", "line 2: not a FeatureCollection");
    assert_fails("{}", "line 1: not a FeatureCollection");
    assert_fails("{\"type\":\"Feature\",\n\"properties\":{\"features\":[1]}}\n",
                 "line 3: not a FeatureCollection");
}

static void test_the_sink_may_stop(void)
{
    g_autoptr(GString) all = g_string_new(NULL);
    Seen seen = {.seen = all, .stop_at = 2};
    g_autoptr(GError) error = NULL;

    g_assert_false(feed("{\"features\":[1,{},3]}", 1, &seen, &error));
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOSPC);
    g_assert_cmpstr(all->str, ==, "1:1;1:{};");
}

/* @count times @piece. */
static void append_many(GString *text, const char *piece, size_t count)
{
    for (size_t i = 0; i < count; i++)
        g_string_append(text, piece);
}

static void test_too_large(void)
{
    g_autoptr(GString) text = g_string_new("{\"features\":[1,\n[0");
    g_autoptr(GString) all = g_string_new(NULL);
    Seen seen = {.seen = all};
    GError *error = NULL;

    append_many(text, ",0", JSONFEATURES_VALUES_MAX);
    g_string_append(text, "],\n{\"deep\":");
    append_many(text, "[", JSONTREE_DEPTH_MAX);
    append_many(text, "]", JSONTREE_DEPTH_MAX);
    g_string_append(text, "},\n[");
    g_autofree char *word = g_strnfill(1 << 16, 'x');
    append_many(text, "\"", 1);
    for (size_t size = 0; size <= JSONFEATURES_TEXT_MAX; size += 1 << 16)
        g_string_append_printf(text, "\",\"%s", word);
    g_string_append(text, "\"],\n5]}");

    feed(text->str, 100000, &seen, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(all->str, ==, "1:1;2:too large;3:too large;4:too large;5:5;");
}

static void test_too_deep(void)
{
    g_autoptr(GString) inside = g_string_new("{\"features\":[1,\n");
    g_autoptr(GString) outside = g_string_new("{\"a\":\n");

    append_many(inside, "[", 100000);
    append_many(outside, "[", 100000);
    assert_fails(inside->str, "line 2: nested too deep");
    assert_fails(outside->str, "line 2: nested too deep");
}

static void test_endless_string(void)
{
    g_autoptr(GString) text = g_string_new("{\"features\":[{\"a\":\n\"");
    g_autoptr(GString) all = g_string_new(NULL);
    Seen seen = {.seen = all};
    g_autoptr(GError) error = NULL;

    g_string_set_size(text, JSONFEATURES_TEXT_MAX + 1000000);
    memset(text->str + 20, 'x', text->len - 20);
    g_assert_false(feed(text->str, 65536, &seen, &error));
    g_assert_error(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_DATA);
    g_assert_cmpstr(error->message, ==, "line 2: a string is too long");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/places/jsonfeatures/values-come-one-by-one", test_values_come_one_by_one);
    g_test_add_func("/places/jsonfeatures/what-is-around-them-does-not-matter",
                    test_what_is_around);
    g_test_add_func("/places/jsonfeatures/errors-name-the-line", test_errors_name_the_line);
    g_test_add_func("/places/jsonfeatures/the-sink-may-stop", test_the_sink_may_stop);
    g_test_add_func("/places/jsonfeatures/what-is-too-large-is-passed-over", test_too_large);
    g_test_add_func("/places/jsonfeatures/what-is-nested-too-deep-is-refused", test_too_deep);
    g_test_add_func("/places/jsonfeatures/a-string-without-end-is-refused", test_endless_string);
    return g_test_run();
}
