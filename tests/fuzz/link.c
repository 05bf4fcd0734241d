/* SPDX-License-Identifier: MIT */

/*
 * What comes from a neighbour's address: Bona's hello and link lines, or with -DFUZZ_FOREIGN what
 * Riley of another implementation says (PROTOCOL R17, R20-R24). In any pieces it is answered and
 * stored the same, an update is never answered, and what is stored in the end does not depend on
 * the order in which it was said (R21).
 */

#include "member.h"

#ifdef FUZZ_FOREIGN
#define FROM RILEY
#else
#define FROM BONA
#endif

/* What becomes of all that @run has stored, told the other way round: the same. */
static void assert_order_does_not_matter(const Wire *run)
{
    Store *store = context.session.store;

    if (run->stored->len < 2)
        return;
    uint64_t sum = store_sum(store);
    size_t size = store_size(store);

    member_forget(run);
    for (unsigned i = run->stored->len; i-- > 0;)
        store_put(store, run->stored->pdata[i], 0);
    g_assert_cmpuint(store_sum(store), ==, sum);
    g_assert_cmpuint(store_size(store), ==, size);
    for (unsigned i = 0; i < run->stored->len; i++) /* all of it is there */
        g_assert_cmpint(store_put(store, run->stored->pdata[i], 0), !=, STORE_STORED);
}

/* Once a hello is accepted Bailey says nothing but PONG and sums. */
static void assert_well_formed(Slice said)
{
    bool link = false;
    Slice line;

    if (said.length > 0)
        g_assert_cmpint(said.data[said.length - 1], ==, '\n');
    while (take_line(&said, &line)) {
        Message message = message_parse(line);
        g_autofree uint64_t *sums = g_new(uint64_t, STORE_SHARDS);

        if (message.kind != MESSAGE_SUMS) {
            g_assert_true(!link || message.kind == MESSAGE_PONG);
            link |= message.kind == MESSAGE_HELLO;
            continue;
        }
        g_assert_true(link);
        g_assert_true(message_parse_sums(&message, sums,
                                         message.digest.part == PART_ROOT     ? 1
                                         : message.digest.part == PART_SHARDS ? STORE_SHARDS
                                                                              : STORE_LEAVES));
    }
}

int LLVMFuzzerInitialize(int *count G_GNUC_UNUSED, char ***arguments G_GNUC_UNUSED)
{
    member_start();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Slice input = slice_of_input(data, size);
    Wire whole;

    member_hear(&whole, WIRE_WHOLE, FROM, input);
    assert_well_formed(slice_of_string(whole.said));
    assert_order_does_not_matter(&whole);
    member_forget(&whole);

    assert_heard_alike(&whole, FROM, input);
    wire_clear(&whole);
    return 0;
}
