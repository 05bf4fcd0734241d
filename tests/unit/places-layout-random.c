/* SPDX-License-Identifier: MIT */

/*
 * jsonlayout (PROTOCOL R14) with any tree: what it writes is read back as the same tree, and never
 * has an empty line. GLib prints the seed; --seed repeats a run.
 */

#include "places/json/jsonlayout.h"
#include "places/json/jsontree.h"

#define VALUES_USUAL 60

static unsigned rounds(void)
{
    return g_getenv("HERD_TEST_SANITIZER") != NULL ? 500 : 5000;
}

static bool one_in(int count)
{
    return g_test_rand_int_range(0, count) == 0;
}

/* ---- a random tree ---- */

static const char *const pieces[] = {
    "a",
    "Z",
    "0",
    "key",
    "\"",
    "\\",
    "/",
    "<",
    ">",
    "&",
    "'",
    " ",
    "\n",
    "\n\n",
    "\r",
    "\t",
    "\b",
    "\f",
    "\x01",
    "\x1f",
    "\x7f",
    "\xc3\xa9",
    "\xe6\xbc\xa2",
    "\xf0\x9f\x98\x80",
    "\xef\xbf\xbd",
    "\xef\xbf\xbf",
    "\xed\x9f\xbf",
    "\xee\x80\x80",
    "\xe2\x80\xa8",
    "\xc2\x80",
    "\\u0041",
    "\",\n",
    "] }",
    " : ",
    ", ",
    "null",
    "-0.5e+7",
};

static void append_text(GString *text, unsigned most_pieces)
{
    for (int i = g_test_rand_int_range(0, (int)most_pieces + 1); i > 0; i--) {
        if (one_in(20))
            g_string_append_c(text, '\0');
        else
            g_string_append(text, pieces[g_test_rand_int_range(0, (int)G_N_ELEMENTS(pieces))]);
    }
}

static void append_digits(GString *text, int most)
{
    for (int i = g_test_rand_int_range(0, most); i >= 0; i--)
        g_string_append_c(text, (char)g_test_rand_int_range('0', '9' + 1));
}

/* Any number that JSON can write. */
static void append_number(GString *text)
{
    if (one_in(2))
        g_string_append_c(text, '-');
    if (one_in(3)) {
        g_string_append_c(text, '0');
    } else {
        g_string_append_c(text, (char)g_test_rand_int_range('1', '9' + 1));
        append_digits(text, one_in(10) ? 60 : 4);
    }
    if (one_in(2)) {
        g_string_append_c(text, '.');
        append_digits(text, one_in(10) ? 60 : 8);
    }
    if (one_in(4)) {
        g_string_append_c(text, one_in(2) ? 'e' : 'E');
        if (one_in(2))
            g_string_append_c(text, one_in(2) ? '+' : '-');
        append_digits(text, 4);
    }
}

typedef struct {
    JsonTree *tree;
    unsigned left; /* values that it may still get */
} Grower;

static void grow(Grower *grower, JsonValue *container, unsigned depth);

static void add_value(Grower *grower, JsonValue *container, JsonType type, unsigned depth)
{
    g_autoptr(GString) key = g_string_new(NULL);
    g_autoptr(GString) text = g_string_new(NULL);

    if (container->type == JSON_OBJECT)
        append_text(key, one_in(30) ? 100 : 3); /* some are empty, some are equal */
    Slice name = {.data = key->str, .length = key->len};
    switch (type) {
    case JSON_STRING:
        append_text(text, one_in(30) ? 200 : 6);
        break;
    case JSON_NUMBER:
        append_number(text);
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        if (depth < JSONTREE_DEPTH_MAX)
            grow(grower, jsontree_add(grower->tree, container, name, type), depth + 1);
        return;
    case JSON_NULL:
    case JSON_FALSE:
    case JSON_TRUE:
    default:
        jsontree_add(grower->tree, container, name, type);
        return;
    }
    jsontree_add_text(grower->tree, container, name, type,
                      (Slice){.data = text->str, .length = text->len});
}

/* An array of scalars about as long as goes on one line. */
static void grow_to_the_margin(Grower *grower, JsonValue *array)
{
    int count = g_test_rand_int_range(1, 26);
    int bytes = g_test_rand_int_range(70, 78) - 4 - 2 * (count - 1); /* of the values */

    for (int i = count; i > 0; i--) {
        g_autoptr(GString) digits = g_string_new("1");

        while (i == 1 && (int)digits->len < bytes)
            g_string_append_c(digits, '7');
        bytes -= (int)digits->len;
        jsontree_add_text(grower->tree, array, SLICE(""), JSON_NUMBER,
                          (Slice){.data = digits->str, .length = digits->len});
    }
}

/* @container stands @depth deep, the root at 1. */
static void grow(Grower *grower, JsonValue *container, unsigned depth)
{
    int count = g_test_rand_int_range(0, 8);

    if (container->type == JSON_ARRAY && one_in(4)) {
        grow_to_the_margin(grower, container);
        return;
    }
    /* One type alone makes chains as deep as they may be, and arrays of many scalars. */
    bool all_alike = one_in(4);
    JsonType type = (JsonType)g_test_rand_int_range(JSON_NULL, JSON_OBJECT + 1);
    if (all_alike && type < JSON_ARRAY)
        count = g_test_rand_int_range(0, 40);
    for (; count > 0 && grower->left > 0; count--) {
        grower->left--;
        if (!all_alike)
            type = (JsonType)g_test_rand_int_range(JSON_NULL, JSON_OBJECT + 1);
        add_value(grower, container, type, depth);
    }
}

/* A chain down to the last level that there may be. */
static void add_chain(Grower *grower)
{
    JsonValue *at = jsontree_root(grower->tree);

    for (unsigned depth = 2; depth <= JSONTREE_DEPTH_MAX; depth++)
        at = jsontree_add(grower->tree, at, at->type == JSON_OBJECT ? SLICE("deeper") : SLICE(""),
                          one_in(2) ? JSON_ARRAY : JSON_OBJECT);
    add_value(grower, at, JSON_STRING, JSONTREE_DEPTH_MAX);
}

static JsonTree *random_tree(void)
{
    Grower grower = {.tree = jsontree_new_object(), .left = VALUES_USUAL};

    grow(&grower, jsontree_root(grower.tree), 1);
    if (one_in(50))
        add_chain(&grower);
    return grower.tree;
}

/* ---- what holds for each ---- */

static gint compare_keys(gconstpointer a, gconstpointer b)
{
    const JsonValue *const *left = a, *const *right = b;

    return slice_compare((*left)->key, (*right)->key);
}

/* The values of @container, those of an object in the order of their keys, equal ones as they were.
 */
static GPtrArray *values_of(const JsonValue *container)
{
    GPtrArray *values = g_ptr_array_new();

    for (JsonValue *value = container->first; value != NULL; value = value->next)
        g_ptr_array_add(values, value);
    if (container->type == JSON_OBJECT)
        g_ptr_array_sort(values, compare_keys); /* stable */
    return values;
}

static void assert_equal_trees(const JsonValue *a, const JsonValue *b)
{
    g_autoptr(GPtrArray) of_a = values_of(a);
    g_autoptr(GPtrArray) of_b = values_of(b);

    g_assert_cmpint(a->type, ==, b->type);
    g_assert_true(slice_equal(a->text, b->text));
    g_assert_cmpuint(of_a->len, ==, of_b->len);
    for (unsigned i = 0; i < of_a->len; i++) {
        const JsonValue *x = of_a->pdata[i], *y = of_b->pdata[i];

        g_assert_true(slice_equal(x->key, y->key));
        assert_equal_trees(x, y);
    }
}

/* PROTOCOL R13, and the rule of the 74 bytes. */
static void assert_lines(const GString *text)
{
    g_auto(GStrv) lines = g_strsplit(text->str, "\n", -1);

    g_assert_cmpuint(strlen(text->str), ==, text->len); /* no NUL */
    g_assert_null(strpbrk(text->str, "<>\r\t\b\f"));
    g_assert_true(g_utf8_validate(text->str, (gssize)text->len, NULL));
    for (unsigned i = 0; lines[i] != NULL; i++) {
        size_t indent = strspn(lines[i], " ");

        g_assert_cmpuint(indent % strlen(JSONLAYOUT_INDENT), ==, 0);
        g_assert_cmpint(lines[i][indent], !=, '\0');
        if (g_str_has_prefix(lines[i] + indent, "[ "))
            g_assert_cmpuint(strcspn(lines[i] + indent, "\n"), <=, strlen(",") + 73);
    }
}

static GString *laid_out(JsonTree *tree)
{
    GString *text = g_string_new(NULL);

    jsonlayout_append(text, jsontree_root(tree), 0);
    return text;
}

static void test_read_back(void)
{
    gsize most = 0;

    for (unsigned round = rounds(); round > 0; round--) {
        g_autoptr(JsonTree) tree = random_tree();
        g_autoptr(GString) once = laid_out(tree);
        g_autoptr(JsonTree) parsed = NULL;

        assert_lines(once);
        g_assert_cmpint(jsontree_parse((Slice){.data = once->str, .length = once->len}, &parsed),
                        ==, JSONTREE_OK);
        assert_equal_trees(jsontree_root(tree), jsontree_root(parsed));
        g_autoptr(GString) twice = laid_out(parsed);
        g_assert_true(g_string_equal(once, twice));
        most = MAX(most, once->len);
    }
    g_test_message("%u trees, the largest of %" G_GSIZE_FORMAT " bytes", rounds(), most);
    g_assert_cmpuint(most, >, 4096); /* they are not all empty */
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/places/layout/property/is-read-back-as-the-same-tree", test_read_back);
    return g_test_run();
}
