/* SPDX-License-Identifier: MIT */
#include "core/durations.h"

#include <glib.h>
#include <stdatomic.h>

#define SHORTEST_NS                                                              \
    UINT64_C(16000) /* the first bound; each further one is twice the one before \
                     */
#define NS_PER_S 1e9

/* All atomic; written by one thread alone. */
typedef struct {
    atomic_uint_fast64_t sum_ns;
    atomic_uint_fast64_t buckets[DURATION_BOUNDS + 1];
} __attribute__((aligned(64))) Share;

typedef struct Block {
    struct Block *next; /* read-only once it is in the list */
    Share shares[DURATIONS];
} Block;

/* Every block ever made, as in counters.c. atomic; only ever grows. */
static _Atomic(Block *) blocks;

/* initial-exec: as in counters.c */
static _Thread_local Block *own __attribute__((tls_model("initial-exec")));

/* Apart, so that later ones do not pay for it. */
static G_GNUC_NO_INLINE void add_first(Duration duration, int64_t nanoseconds, uint64_t times)
{
    own = g_aligned_alloc0(1, sizeof *own, 64);
    own->next = atomic_load(&blocks);
    while (!atomic_compare_exchange_weak(&blocks, &own->next, own))
        ;
    durations_add(duration, nanoseconds, times);
}

/* Of the bounds SHORTEST_NS * 2^i the first that @nanoseconds, at least one, do not exceed. */
static unsigned bucket_of(uint64_t nanoseconds)
{
    uint64_t whole = (nanoseconds - 1) / SHORTEST_NS;
    unsigned bucket = 63 - (unsigned)__builtin_clzll(2 * whole + 1); /* the bits of whole */

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
    if (own == NULL) {
        add_first(duration, nanoseconds, times);
        return;
    }
    uint64_t ns = (uint64_t)MAX(nanoseconds, 1);
    Share *share = &own->shares[duration];
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
    return (int64_t)(SHORTEST_NS << bucket);
}
