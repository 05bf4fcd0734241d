/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash, so that a client that chooses its IDs
 * cannot make them all fall into one chain of the store.
 */

#include "core/slice.h"

#include <stdint.h>

typedef struct {
    uint64_t words[2];
} HashKey;

uint64_t hash_slice(const HashKey *key, Slice bytes);

/* A key that nobody can guess, from the kernel. Aborts where the kernel has none to give. */
HashKey hash_key_random(void);
