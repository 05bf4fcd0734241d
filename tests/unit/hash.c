/* SPDX-License-Identifier: MIT */
#include "core/hash.h"

#include <glib.h>

/* Of SipHash-2-4 with the key 00 01 .. 0f: the hash of the n bytes 00 01 .. n-1, n from 0. */
static const uint64_t reference[] = {
    UINT64_C(0x726fdb47dd0e0e31), UINT64_C(0x74f839c593dc67fd), UINT64_C(0x0d6c8009d9a94f5a),
    UINT64_C(0x85676696d7fb7e2d), UINT64_C(0xcf2794e0277187b7), UINT64_C(0x18765564cd99a68d),
    UINT64_C(0xcbc9466e58fee3ce), UINT64_C(0xab0200f58b01d137), UINT64_C(0x93f5f5799a932462),
    UINT64_C(0x9e0082df0ba9e4b0), UINT64_C(0x7a5dbbc594ddb9f3), UINT64_C(0xf4b32f46226bada7),
    UINT64_C(0x751e8fbc860ee5fb), UINT64_C(0x14ea5627c0843d90), UINT64_C(0xf723ca908e7af2ee),
    UINT64_C(0xa129ca6149be45e5), UINT64_C(0x3f2acc7f57c29bdb), UINT64_C(0x699ae9f52cbe4794),
    UINT64_C(0x4bc1b3f0968dd39c), UINT64_C(0xbb6dc91da77961bd), UINT64_C(0xbed65cf21aa2ee98),
    UINT64_C(0xd0f2cbb02e3b67c7), UINT64_C(0x93536795e3a33e88), UINT64_C(0xa80c038ccd5ccec8),
    UINT64_C(0xb8ad50c6f649af94), UINT64_C(0xbce192de8a85b8ea), UINT64_C(0x17d835b85bbb15f3),
    UINT64_C(0x2f2e6163076bcfad), UINT64_C(0xde4daaaca71dc9a5), UINT64_C(0xa6a2506687956571),
    UINT64_C(0xad87a3535c49ef28), UINT64_C(0x32d892fad841c342), UINT64_C(0x7127512f72f27cce),
    UINT64_C(0xa7f32346f95978e3), UINT64_C(0x12e0b01abb051238), UINT64_C(0x15e034d40fa197ae),
    UINT64_C(0x314dffbe0815a3b4), UINT64_C(0x027990f029623981), UINT64_C(0xcadcd4e59ef40c4d),
    UINT64_C(0x9abfd8766a33735c), UINT64_C(0x0e3ea96b5304a7d0), UINT64_C(0xad0c42d6fc585992),
    UINT64_C(0x187306c89bc215a9), UINT64_C(0xd4a60abcf3792b95), UINT64_C(0xf935451de4f21df2),
    UINT64_C(0xa9538f0419755787), UINT64_C(0xdb9acddff56ca510), UINT64_C(0xd06c98cd5c0975eb),
    UINT64_C(0xe612a3cb9ecba951), UINT64_C(0xc766e62cfcadaf96), UINT64_C(0xee64435a9752fe72),
    UINT64_C(0xa192d576b245165a), UINT64_C(0x0a8787bf8ecb74b2), UINT64_C(0x81b3e73d20b49b6f),
    UINT64_C(0x7fa8220ba3b2ecea), UINT64_C(0x245731c13ca42499), UINT64_C(0xb78dbfaf3a8d83bd),
    UINT64_C(0xea1ad565322a1a0b), UINT64_C(0x60e61c23a3795013), UINT64_C(0x6606d7e446282b93),
    UINT64_C(0x6ca4ecb15c5f91e1), UINT64_C(0x9f626da15c9625f3), UINT64_C(0xe51b38608ef25f57),
    UINT64_C(0x958a324ceb064572),
};

/* The key 00 01 .. 0f, its words being little-endian. */
static const HashKey reference_key = {{UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)}};

static void test_reference_vectors(void)
{
    char bytes[G_N_ELEMENTS(reference)];

    for (size_t n = 0; n < G_N_ELEMENTS(reference); n++) {
        uint64_t hash = hash_slice(&reference_key, (Slice){.data = bytes, .length = n});

        if (hash != reference[n])
            g_test_fail_printf("of %zu bytes: %016" G_GINT64_MODIFIER "x", n, hash);
        bytes[n] = (char)n;
    }
}

static void test_alignment_does_not_matter(void)
{
    char bytes[8 + 32];

    for (size_t shift = 0; shift < 8; shift++) {
        for (size_t n = 0; n < 32; n++)
            bytes[shift + n] = (char)n;
        for (size_t n = 0; n <= 32; n++)
            g_assert_cmphex(hash_slice(&reference_key, (Slice){.data = bytes + shift, .length = n}),
                            ==, reference[n]);
    }
}

static void test_bytes_after_the_slice_do_not_matter(void)
{
    char bytes[33];

    for (size_t n = 0; n <= 32; n++) {
        memset(bytes, 0xa5, sizeof bytes);
        for (size_t i = 0; i < n; i++)
            bytes[i] = (char)i;
        g_assert_cmphex(hash_slice(&reference_key, (Slice){.data = bytes, .length = n}), ==,
                        reference[n]);
    }
}

static void test_empty_without_an_address(void)
{
    g_assert_cmphex(hash_slice(&reference_key, (Slice){.data = NULL, .length = 0}), ==,
                    reference[0]);
}

static void test_random_keys_differ(void)
{
    HashKey a = hash_key_random();
    HashKey b = hash_key_random();

    g_assert_true(a.words[0] != b.words[0] || a.words[1] != b.words[1]);
    g_assert_cmphex(hash_slice(&a, SLICE("kiwi.cs.ucla.edu")), !=,
                    hash_slice(&b, SLICE("kiwi.cs.ucla.edu")));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hash/slice/reference-vectors", test_reference_vectors);
    g_test_add_func("/hash/slice/alignment-does-not-matter", test_alignment_does_not_matter);
    g_test_add_func("/hash/slice/bytes-after-the-slice-do-not-matter",
                    test_bytes_after_the_slice_do_not_matter);
    g_test_add_func("/hash/slice/empty-without-an-address", test_empty_without_an_address);
    g_test_add_func("/hash/key/random-ones-differ", test_random_keys_differ);
    return g_test_run();
}
