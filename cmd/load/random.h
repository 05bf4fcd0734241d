/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Random numbers for choosing clients and places: SplitMix64 (Steele, Lea and Flood, 2014), a few
 * instructions each, where GRand takes tens of nanoseconds.
 */

#include <stdint.h>

/* A number that @state gives each time another of. */
static inline uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* A number below @limit, which is not 0. */
static inline uint32_t random_below(uint64_t *state, uint32_t limit)
{
    return (uint32_t)(((random_next(state) >> 32) * limit) >> 32);
}
