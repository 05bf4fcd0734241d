/* SPDX-License-Identifier: MIT */
#include "core/hash.h"

#include <glib.h>
#include <sys/random.h>

typedef struct {
    uint64_t v0, v1, v2, v3;
} State;

static inline uint64_t rotate_left(uint64_t x, unsigned bits)
{
    return (x << bits) | (x >> (64 - bits));
}

static inline void sip_rounds(State *s, unsigned rounds)
{
    while (rounds-- > 0) {
        s->v0 += s->v1;
        s->v1 = rotate_left(s->v1, 13) ^ s->v0;
        s->v0 = rotate_left(s->v0, 32);
        s->v2 += s->v3;
        s->v3 = rotate_left(s->v3, 16) ^ s->v2;
        s->v0 += s->v3;
        s->v3 = rotate_left(s->v3, 21) ^ s->v0;
        s->v2 += s->v1;
        s->v1 = rotate_left(s->v1, 17) ^ s->v2;
        s->v2 = rotate_left(s->v2, 32);
    }
}

static inline void absorb(State *s, uint64_t word)
{
    s->v3 ^= word;
    sip_rounds(s, 2);
    s->v0 ^= word;
}

/* Little-endian, whatever the machine is: the published test vectors hold everywhere. */
static inline uint64_t load_word(const char *bytes, size_t count)
{
    uint64_t word = 0;

    memcpy(&word, bytes, count);
    return GUINT64_FROM_LE(word);
}

uint64_t hash_slice(const HashKey *key, Slice bytes)
{
    State s = {
        .v0 = key->words[0] ^ UINT64_C(0x736f6d6570736575),
        .v1 = key->words[1] ^ UINT64_C(0x646f72616e646f6d),
        .v2 = key->words[0] ^ UINT64_C(0x6c7967656e657261),
        .v3 = key->words[1] ^ UINT64_C(0x7465646279746573),
    };
    size_t at = 0;

    for (; bytes.length - at >= 8; at += 8)
        absorb(&s, load_word(bytes.data + at, 8));

    uint64_t last = (uint64_t)bytes.length << 56;
    if (at < bytes.length)
        last |= load_word(bytes.data + at, bytes.length - at);
    absorb(&s, last);

    s.v2 ^= 0xff;
    sip_rounds(&s, 4);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

HashKey hash_key_random(void)
{
    HashKey key;
    ssize_t got = getrandom(&key, sizeof key, 0);

    g_assert(got == (ssize_t)sizeof key); /* up to 256 bytes are never cut short: getrandom(2) */
    return key;
}
