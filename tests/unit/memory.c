/* SPDX-License-Identifier: MIT */
#include "core/memory.h"

#include <glib.h>
#include <string.h>

#define MIB ((size_t)1 << 20)

static bool sanitized(void)
{
    return g_getenv("HERD_TEST_SANITIZER") != NULL;
}

static void test_short(void)
{
    const unsigned more = 64;

    if (g_strcmp0(g_getenv("HERD_TEST_SANITIZER"), "thread") == 0) {
        g_test_skip("what mallinfo2() tells is not of this sanitizer's allocator");
        return;
    }
    size_t before = memory_measure(0);
    unsigned limit = (unsigned)(before / MIB) + more / 2;

    g_assert_cmpuint(before, >, 0);
    memory_measure(limit);
    g_assert_false(memory_is_short());

    char *block = g_malloc(more * MIB);
    memset(block, 1, more * MIB);
    g_assert_cmpuint(memory_measure(limit), >=, before + more * MIB / 2);
    g_assert_true(memory_is_short());
    memory_measure(0); /* no bound */
    g_assert_false(memory_is_short());
    memory_measure(limit + 2 * more);
    g_assert_false(memory_is_short());
    g_free(block);
}

/* What is free again does not count, whether malloc() gives it back to the system or not. */
static void test_freed(void)
{
    enum { BLOCKS = 100000, SIZE = 400 };
    char **blocks = g_new(char *, BLOCKS);
    unsigned limit = (unsigned)(memory_measure(0) / MIB) + BLOCKS * SIZE / MIB / 2;

    if (sanitized()) {
        g_test_skip("a sanitizer's allocator does not tell what is in use");
        g_free(blocks);
        return;
    }
    for (unsigned i = 0; i < BLOCKS; i++) {
        blocks[i] = g_malloc(SIZE);
        memset(blocks[i], 1, SIZE);
    }
    memory_measure(limit);
    g_assert_true(memory_is_short());
    for (unsigned i = 0; i < BLOCKS - 1; i++) /* the last one keeps the heap from shrinking */
        g_free(blocks[i]);
    g_assert_cmpuint(memory_measure(limit), >, (size_t)limit * MIB);
    g_assert_false(memory_is_short());
    g_free(blocks[BLOCKS - 1]);
    g_free(blocks);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/memory/short-above-the-limit", test_short);
    g_test_add_func("/memory/what-is-free-again-does-not-count", test_freed);
    return g_test_run();
}
