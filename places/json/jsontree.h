/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A JSON text as a tree, with every number as it was written: 34.068921 stays those digits,
 * whatever a double would make of it (PROTOCOL R14).
 *
 * What may come from a provider is bounded: depth and number of values here, the length of the text
 * by the caller. A tree owns all of its values and their text; it belongs to one thread at a time.
 */

#include "core/slice.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSONTREE_DEPTH_MAX  64
#define JSONTREE_VALUES_MAX 100000

typedef enum {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
} JsonType;

typedef struct JsonValue JsonValue;

/* Fields are for reading; jsontree_*() change them. */
struct JsonValue {
    JsonType type;
    size_t count;     /* of an array or object: its values */
    JsonValue *first; /* of an array or object, in the order of the text */
    JsonValue *last;
    JsonValue *next; /* in the array or object that this value is in */
    Slice key;       /* in an object: UTF-8 without escapes */
    Slice text;      /* of a number: as written; of a string: UTF-8 without escapes */
};

typedef enum {
    JSONTREE_OK,
    JSONTREE_MALFORMED, /* not one JSON text (RFC 8259; form feed and vertical tab pass as white
                           space), or not in UTF-8 */
    JSONTREE_TOO_LARGE, /* deeper than JSONTREE_DEPTH_MAX, or more than JSONTREE_VALUES_MAX values
                         */
} JsonTreeOutcome;

typedef struct JsonTree JsonTree;

/* Parses @text, which need not outlive the call. @ret_tree (transfer full) is untouched unless the
 * outcome is OK. */
JsonTreeOutcome jsontree_parse(Slice text, JsonTree **ret_tree);

/* The same with another bound than JSONTREE_VALUES_MAX. */
JsonTreeOutcome jsontree_parse_up_to(Slice text, size_t values_max, JsonTree **ret_tree);
void jsontree_free(JsonTree *tree);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(JsonTree, jsontree_free)

/* A tree that is one empty object, to be added to. (transfer full) */
JsonTree *jsontree_new_object(void);

/* (transfer none) */
JsonValue *jsontree_root(JsonTree *tree);

/* The member @key of @object, the first of that name; NULL if there is none. @ret_count (nullable):
 * how many have it. (transfer none) */
JsonValue *jsontree_member(const JsonValue *object, Slice key, size_t *ret_count);

/* Keeps the first @count values of @array, or all if it has no more. */
void jsontree_truncate(JsonValue *array, size_t count);

/* Adds a value to @container, with @key, a copy, if that is an object. No text: for all types but
 * number and string. (transfer none) */
JsonValue *jsontree_add(JsonTree *tree, JsonValue *container, Slice key, JsonType type);

/* The same for a number or a string, with @text, a copy: digits as JSON writes them, or UTF-8. */
JsonValue *jsontree_add_text(JsonTree *tree, JsonValue *container, Slice key, JsonType type,
                             Slice text);

/* Gives @value, a number or a string in @tree, another text, a copy. */
void jsontree_set_text(JsonTree *tree, JsonValue *value, Slice text);

/* Puts @replacement in place of @what wherever it stands in a string or a key. @what is not empty.
 */
void jsontree_replace(JsonTree *tree, Slice what, Slice replacement);
