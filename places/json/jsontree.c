/* SPDX-License-Identifier: MIT */
#include "places/json/jsonbuilder.h"

#define BLOCK_SIZE ((size_t)16 * 1024)

/* Values and text are never freed one by one: they lie in blocks that go with the tree. */
typedef struct Block Block;
struct Block {
    Block *next; /* (owned) the one before */
    max_align_t bytes[];
};

struct JsonTree {
    Block *blocks; /* (owned) the last one first */
    char *free;    /* in the last block */
    size_t free_size;
    size_t value_count;
    JsonValue *root; /* NULL until there is one */

    /* while parsing */
    size_t values_max;
    size_t text_left;                    /* bytes that may yet come */
    JsonValue *open[JSONTREE_DEPTH_MAX]; /* from the root to where the next value goes */
    size_t depth;
    Slice key; /* of the next value */
    bool too_large;
};

static void *allocate(JsonTree *tree, size_t size, size_t alignment)
{
    size_t skip = (alignment - (uintptr_t)tree->free % alignment) % alignment;

    if (tree->free == NULL || size + skip > tree->free_size) {
        tree->free_size = MAX(size, BLOCK_SIZE);
        Block *block = g_malloc(sizeof *block + tree->free_size);
        block->next = tree->blocks;
        tree->blocks = block;
        tree->free = (char *)block->bytes;
        skip = 0;
    }
    char *allocated = tree->free + skip;
    tree->free += skip + size;
    tree->free_size -= skip + size;
    return allocated;
}

static Slice copy_text(JsonTree *tree, const char *text, size_t length)
{
    if (length == 0)
        return SLICE("");

    static const char replacement[] = {'\xef', '\xbf', '\xbd'}; /* U+FFFD */
    char *copy = memcpy(allocate(tree, length, 1), text, length);

    /* \ud800 without its other half is no character, though JSON can write it: yajl makes three
     * bytes of it that are not UTF-8. The replacement character has three bytes too. */
    for (size_t i = 0; i + 2 < length; i++)
        if ((unsigned char)copy[i] == 0xed && (unsigned char)copy[i + 1] >= 0xa0)
            memcpy(copy + i, replacement, sizeof replacement);
    return (Slice){.data = copy, .length = length};
}

static JsonValue *new_value(JsonTree *tree, JsonType type)
{
    JsonValue *value = allocate(tree, sizeof *value, _Alignof(JsonValue));

    *value = (JsonValue){.type = type};
    return value;
}

static void append_value(JsonValue *container, JsonValue *value)
{
    if (container->last == NULL)
        container->first = value;
    else
        container->last->next = value;
    container->last = value;
    container->count++;
}

/* ---- what yajl calls: nonzero to go on ---- */

/* NULL: too many values. */
static JsonValue *add_value(JsonTree *tree, JsonType type)
{
    if (tree->value_count >= tree->values_max) {
        tree->too_large = true;
        return NULL;
    }
    tree->value_count++;

    JsonValue *value = new_value(tree, type);
    value->key = tree->key;
    tree->key = (Slice){0};
    if (tree->depth == 0)
        tree->root = value;
    else
        append_value(tree->open[tree->depth - 1], value);
    return value;
}

/* FALSE: too much text. */
static bool take_text(JsonTree *tree, const char *text, size_t length, Slice *ret_text)
{
    if (length > tree->text_left) {
        tree->too_large = true;
        return false;
    }
    tree->text_left -= length;
    *ret_text = copy_text(tree, text, length);
    return true;
}

static int add_text_value(JsonTree *tree, JsonType type, const char *text, size_t length)
{
    JsonValue *value = add_value(tree, type);

    return value != NULL && take_text(tree, text, length, &value->text);
}

static int start_container(JsonTree *tree, JsonType type)
{
    if (tree->depth == JSONTREE_DEPTH_MAX) {
        tree->too_large = true;
        return 0;
    }
    JsonValue *value = add_value(tree, type);
    if (value == NULL)
        return 0;
    tree->open[tree->depth++] = value;
    return 1;
}

static int on_null(void *tree)
{
    return add_value(tree, JSON_NULL) != NULL;
}

static int on_boolean(void *tree, int is_true)
{
    return add_value(tree, is_true ? JSON_TRUE : JSON_FALSE) != NULL;
}

static int on_number(void *tree, const char *text, size_t length)
{
    return add_text_value(tree, JSON_NUMBER, text, length);
}

static int on_string(void *tree, const unsigned char *text, size_t length)
{
    return add_text_value(tree, JSON_STRING, (const char *)text, length);
}

static int on_start_object(void *tree)
{
    return start_container(tree, JSON_OBJECT);
}

static int on_key(void *data, const unsigned char *text, size_t length)
{
    JsonTree *tree = data;

    return take_text(tree, (const char *)text, length, &tree->key);
}

static int on_start_array(void *tree)
{
    return start_container(tree, JSON_ARRAY);
}

static int on_end(void *data)
{
    JsonTree *tree = data;

    tree->depth--;
    return 1;
}

const yajl_callbacks jsonbuilder_callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number, /* and so neither yajl_integer nor yajl_double */
    .yajl_string = on_string,
    .yajl_start_map = on_start_object,
    .yajl_map_key = on_key,
    .yajl_end_map = on_end,
    .yajl_start_array = on_start_array,
    .yajl_end_array = on_end,
};

/* yajl itself would take an unfinished string behind the value for the end of the text. */
static bool is_blank(Slice text)
{
    for (size_t i = 0; i < text.length; i++)
        if (strchr(" \t\r\n", text.data[i]) == NULL || text.data[i] == '\0')
            return false;
    return true;
}

JsonTree *jsonbuilder_new(size_t values_max, size_t text_max)
{
    JsonTree *tree = g_new0(JsonTree, 1);

    tree->values_max = values_max;
    tree->text_left = text_max;
    return tree;
}

JsonTreeOutcome jsontree_parse(Slice text, JsonTree **ret_tree)
{
    return jsontree_parse_up_to(text, JSONTREE_VALUES_MAX, ret_tree);
}

JsonTreeOutcome jsontree_parse_up_to(Slice text, size_t values_max, JsonTree **ret_tree)
{
    /* yajl looks at UTF-8, too, but lets overlong forms and surrogates through. */
    if (!g_utf8_validate_len(text.data, text.length, NULL))
        return JSONTREE_MALFORMED;

    g_autoptr(JsonTree) tree = jsonbuilder_new(values_max, SIZE_MAX);
    yajl_handle parser = yajl_alloc(&jsonbuilder_callbacks, NULL, tree);
    g_assert(parser != NULL);
    yajl_config(parser, yajl_allow_trailing_garbage, 1); /* which is looked at below */
    yajl_status status = yajl_parse(parser, (const unsigned char *)text.data, text.length);
    size_t end = yajl_get_bytes_consumed(parser);
    if (status == yajl_status_ok)
        status = yajl_complete_parse(parser);
    yajl_free(parser);

    if (tree->too_large)
        return JSONTREE_TOO_LARGE;
    if (status != yajl_status_ok || tree->root == NULL ||
        !is_blank((Slice){.data = text.data + end, .length = text.length - end}))
        return JSONTREE_MALFORMED;
    *ret_tree = g_steal_pointer(&tree);
    return JSONTREE_OK;
}

JsonTree *jsontree_new_object(void)
{
    JsonTree *tree = g_new0(JsonTree, 1);

    tree->root = new_value(tree, JSON_OBJECT);
    return tree;
}

void jsontree_free(JsonTree *tree)
{
    if (tree == NULL)
        return;
    while (tree->blocks != NULL) {
        Block *block = tree->blocks;
        tree->blocks = block->next;
        g_free(block);
    }
    g_free(tree);
}

JsonValue *jsontree_root(JsonTree *tree)
{
    return tree->root;
}

JsonValue *jsontree_member(const JsonValue *object, Slice key, size_t *ret_count)
{
    JsonValue *found = NULL;
    size_t count = 0;

    for (JsonValue *member = object->first; member != NULL; member = member->next) {
        if (!slice_equal(member->key, key))
            continue;
        if (count++ == 0)
            found = member;
    }
    if (ret_count != NULL)
        *ret_count = count;
    return found;
}

void jsontree_truncate(JsonValue *array, size_t count)
{
    if (array->count <= count)
        return;

    JsonValue *last = NULL;
    JsonValue *value = array->first;
    for (size_t kept = 0; kept < count; kept++) {
        last = value;
        value = value->next;
    }
    if (last == NULL)
        array->first = NULL;
    else
        last->next = NULL;
    array->last = last;
    array->count = count;
}

JsonValue *jsontree_add(JsonTree *tree, JsonValue *container, Slice key, JsonType type)
{
    JsonValue *value = new_value(tree, type);

    value->key = copy_text(tree, key.data, key.length);
    append_value(container, value);
    return value;
}

void jsontree_set_text(JsonTree *tree, JsonValue *value, Slice text)
{
    value->text = copy_text(tree, text.data, text.length);
}

JsonValue *jsontree_add_text(JsonTree *tree, JsonValue *container, Slice key, JsonType type,
                             Slice text)
{
    JsonValue *value = jsontree_add(tree, container, key, type);

    jsontree_set_text(tree, value, text);
    return value;
}

static Slice replace_in(JsonTree *tree, Slice text, Slice what, Slice replacement)
{
    if (text.length < what.length) /* nothing, perhaps, with no bytes to point to */
        return text;

    const char *end = text.data + text.length;
    const char *found = memmem(text.data, text.length, what.data, what.length);
    if (found == NULL)
        return text;

    g_autoptr(GString) replaced = g_string_sized_new(text.length);
    const char *at = text.data;
    for (; found != NULL; found = memmem(at, (size_t)(end - at), what.data, what.length)) {
        g_string_append_len(replaced, at, found - at);
        g_string_append_len(replaced, replacement.data, (gssize)replacement.length);
        at = found + what.length;
    }
    g_string_append_len(replaced, at, end - at);
    return copy_text(tree, replaced->str, replaced->len);
}

static void replace_below(JsonTree *tree, JsonValue *value, Slice what, Slice replacement)
{
    value->key = replace_in(tree, value->key, what, replacement);
    if (value->type == JSON_STRING)
        value->text = replace_in(tree, value->text, what, replacement);
    for (JsonValue *inner = value->first; inner != NULL; inner = inner->next)
        replace_below(tree, inner, what, replacement); /* at most JSONTREE_DEPTH_MAX deep */
}

void jsontree_replace(JsonTree *tree, Slice what, Slice replacement)
{
    replace_below(tree, tree->root, what, replacement);
}
