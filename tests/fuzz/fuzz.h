/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What all fuzzers share. A fuzzer is a program of libFuzzer's: it runs LLVMFuzzerTestOneInput()
 * with inputs that it makes by changing those of before. What has to hold is asserted.
 *
 * What an input does not say itself, such as where it is split, follows from its bytes, so that one
 * input always does the same and a seed can be plain text.
 */

#include "core/slice.h"

#include <glib.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *count, char ***arguments);

/* Numbers that follow from an input. */
typedef struct {
    uint64_t state;
} Chance;

static inline Chance chance_of(Slice input)
{
    Chance chance = {.state = UINT64_C(0xcbf29ce484222325)};

    for (size_t i = 0; i < input.length; i++)
        chance.state = (chance.state ^ (uint8_t)input.data[i]) * UINT64_C(0x100000001b3);
    return chance;
}

/* 0 to @count - 1. */
__attribute__((no_sanitize("unsigned-integer-overflow"))) static inline size_t
chance_below(Chance *chance, size_t count)
{
    chance->state = chance->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(chance->state >> 33) % count;
}

static inline Slice slice_of_string(const GString *text)
{
    return (Slice){.data = text->str, .length = text->len};
}

static inline Slice slice_of_input(const uint8_t *data, size_t size)
{
    return (Slice){.data = (const char *)data, .length = size};
}
