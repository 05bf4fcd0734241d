/* SPDX-License-Identifier: MIT */
#include "core/durations.h"

#include <glib.h>
#include <stdatomic.h>

#define SHORTEST_NS INT64_C(16000) /* the first bound; each further one is twice the one before */
#define NS_PER_S    1e9

/* All atomic; written by one thread alone. */
typedef struct {
    atomic_uint_fast64_t buckets[DURATION_BOUNDS + 1];
    atomic_uint_fast64_t sum_ns;
} Share;

typedef struct Block {
    struct Block *next; /* read-only once it is in the list */
    Share shares[DURATIONS];
} __attribute__((aligned(64))) Block;

/* Every block ever made, as in counters.c. atomic; only ever grows. */
static _Atomic(Block *) blocks;

static _Thread_local Block *own;

static Block *own_block(void)
{
    if (own == NULL) {
        own = g_aligned_alloc0(1, sizeof *own, 64);
        own->next = atomic_load(&blocks);
        while (!atomic_compare_exchange_weak(&blocks, &own->next, own))
            ;
    }
    return own;
}

static unsigned bucket_of(uint64_t nanoseconds)
{
    /* Of the bounds SHORTEST_NS * 2^i the first that is not exceeded. */
    uint64_t times = nanoseconds == 0 ? 0 : (nanoseconds - 1) / SHORTEST_NS;
    unsigned bucket = times == 0 ? 0 : 64 - (unsigned)__builtin_clzll(times);

    return MIN(bucket, DURATION_BOUNDS);
}

/* One writer: a load and a store do, without the cost of an atomic addition. */
static void add(atomic_uint_fast64_t *value, uint64_t amount)
{
    atomic_store_explicit(value, atomic_load_explicit(value, memory_order_relaxed) + amount,
                          memory_order_relaxed);
}

void durations_add(Duration duration, int64_t nanoseconds, uint64_t times)
{
    Share *share = &own_block()->shares[duration];
    uint64_t ns = (uint64_t)MAX(nanoseconds, 0);

    add(&share->buckets[bucket_of(ns)], times);
    add(&share->sum_ns, ns * times);
}

void durations_read(Duration duration, DurationFigures *ret_figures)
{
    *ret_figures = (DurationFigures){0};
    for (Block *block = atomic_load(&blocks); block != NULL; block = block->next) {
        Share *share = &block->shares[duration];

        for (unsigned i = 0; i <= DURATION_BOUNDS; i++) {
            uint64_t count = atomic_load_explicit(&share->buckets[i], memory_order_relaxed);

            ret_figures->buckets[i] += count;
            ret_figures->count += count;
        }
        ret_figures->sum_s +=
            (double)atomic_load_explicit(&share->sum_ns, memory_order_relaxed) / NS_PER_S;
    }
}

int64_t durations_bound(unsigned bucket)
{
    g_assert(bucket < DURATION_BOUNDS);
    return SHORTEST_NS << bucket;
}
