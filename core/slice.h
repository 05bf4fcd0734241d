/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A run of bytes that somebody else owns. Bytes are bytes: NUL and invalid UTF-8 may be among them.
 * A slice is valid as long as what it points into; whoever hands one out says how long that is.
 */

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct {
    const char *data;
    size_t length;
} Slice;

/* For string literals. */
#define SLICE(literal) ((Slice){.data = (literal), .length = sizeof(literal) - 1})

/* The bytes of a string, without its NUL. */
static inline Slice slice_of(const char *text)
{
    return (Slice){.data = text, .length = strlen(text)};
}

static inline bool slice_equal(Slice a, Slice b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

/* Bytewise order, a prefix before what it begins: below, at or above zero. */
static inline int slice_compare(Slice a, Slice b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);

    if (order != 0)
        return order;
    return (a.length > b.length) - (a.length < b.length);
}
