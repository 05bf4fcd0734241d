/* SPDX-License-Identifier: MIT */
#include "net/comparison.h"

#include "core/counters.h"

#define WINDOW 32 /* questions under way */

/* How far a shard is, in the order in which one gives way to another. */
typedef enum {
    LOOK_NOT,    /* nothing to be asked */
    LOOK_ONCE,   /* there should be no difference: ask, and ask again if there is */
    LOOK_TWICE,  /* there was one: if it is still there, it is real */
    LOOK_TO_SEND /* what differs is sent */
} Look;

typedef struct {
    int part;
    Look look;
} Question;

struct Comparison {
    Store *store;
    GRand *random; /* (owned) */

    Question whole;            /* PART_ROOT or PART_SHARDS, to be asked unless LOOK_NOT */
    Look shards[STORE_SHARDS]; /* to be asked */
    unsigned open;             /* how many of shards are not LOOK_NOT */
    unsigned next;             /* the shard to go on with */
    Question asked[WINDOW];    /* not answered yet, the oldest first */
    unsigned asked_count;
};

Comparison *comparison_new(Store *store)
{
    Comparison *comparison = g_new0(Comparison, 1);

    comparison->store = store;
    comparison->random = g_rand_new();
    return comparison;
}

void comparison_free(Comparison *comparison)
{
    g_rand_free(comparison->random);
    g_free(comparison);
}

void comparison_reset(Comparison *comparison)
{
    comparison->whole.look = LOOK_NOT;
    memset(comparison->shards, 0, sizeof comparison->shards);
    comparison->open = 0;
    comparison->asked_count = 0;
}

void comparison_begin(Comparison *comparison)
{
    comparison_reset(comparison);
    comparison->whole = (Question){.part = PART_ROOT, .look = LOOK_TO_SEND};
    comparison->next = (unsigned)g_rand_int_range(comparison->random, 0, STORE_SHARDS);
}

void comparison_check(Comparison *comparison)
{
    if (comparison->whole.look == LOOK_NOT)
        comparison->whole = (Question){.part = PART_ROOT, .look = LOOK_ONCE};
}

static void look_at(Comparison *comparison, unsigned shard, Look look)
{
    if (comparison->shards[shard] == LOOK_NOT)
        comparison->open++;
    comparison->shards[shard] = MAX(comparison->shards[shard], look);
}

void comparison_add(Comparison *comparison, unsigned shard)
{
    look_at(comparison, shard, LOOK_TO_SEND);
}

bool comparison_is_idle(const Comparison *comparison)
{
    return comparison->whole.look == LOOK_NOT && comparison->open == 0 &&
           comparison->asked_count == 0;
}

/* The next thing to ask, which is then no longer to be asked. With comparison->open or whole set.
 */
static Question take_question(Comparison *comparison)
{
    Question question = comparison->whole;

    if (question.look != LOOK_NOT) {
        comparison->whole.look = LOOK_NOT;
        return question;
    }
    while (comparison->shards[comparison->next] == LOOK_NOT)
        comparison->next = (comparison->next + 1) % STORE_SHARDS;
    question =
        (Question){.part = (int)comparison->next, .look = comparison->shards[comparison->next]};
    comparison->shards[comparison->next] = LOOK_NOT;
    comparison->open--;
    return question;
}

bool comparison_is_ready(const Comparison *comparison)
{
    return comparison->asked_count < WINDOW &&
           (comparison->whole.look != LOOK_NOT || comparison->open > 0);
}

bool comparison_ask(Comparison *comparison, GString *text)
{
    if (!comparison_is_ready(comparison))
        return false;

    Question question = take_question(comparison);
    comparison->asked[comparison->asked_count++] = question;
    message_append_digest(text, question.part);
    return true;
}

static bool take_root(Comparison *comparison, const Message *answer, Look look)
{
    uint64_t theirs;

    if (!message_parse_sums(answer, &theirs, 1))
        return false;
    if (store_sum(comparison->store) != theirs)
        comparison->whole = (Question){.part = PART_SHARDS, .look = look};
    return true;
}

static bool take_shards(Comparison *comparison, const Message *answer, Look look)
{
    uint64_t ours[STORE_SHARDS], theirs[STORE_SHARDS];

    if (!message_parse_sums(answer, theirs, STORE_SHARDS))
        return false;
    store_shard_sums(comparison->store, ours);
    for (unsigned i = 0; i < STORE_SHARDS; i++)
        if (ours[i] != theirs[i] && ours[i] != 0)
            look_at(comparison, i, look);
    return true;
}

static bool take_leaves(Comparison *comparison, const Message *answer, Look look, GPtrArray *found)
{
    unsigned shard = (unsigned)answer->digest.part;
    uint64_t ours[STORE_LEAVES], theirs[STORE_LEAVES], differing = 0;

    if (!message_parse_sums(answer, theirs, STORE_LEAVES))
        return false;
    store_leaf_sums(comparison->store, shard, ours);
    for (unsigned i = 0; i < STORE_LEAVES; i++)
        if (ours[i] != theirs[i] && ours[i] != 0)
            differing |= UINT64_C(1) << i;
    if (differing == 0)
        return true;
    if (look == LOOK_ONCE) {
        look_at(comparison, shard, LOOK_TWICE);
        return true;
    }
    unsigned before = found->len;
    store_collect(comparison->store, shard, differing, found);
    if (look == LOOK_TWICE && found->len > before)
        counters_add(COUNT_DIVERGED, 1);
    return true;
}

bool comparison_answer(Comparison *comparison, const Message *answer, GPtrArray *found)
{
    Question question = comparison->asked[0];

    if (comparison->asked_count == 0 || question.part != answer->digest.part)
        return false;
    comparison->asked_count--;
    memmove(comparison->asked, comparison->asked + 1,
            comparison->asked_count * sizeof comparison->asked[0]);
    switch (question.part) {
    case PART_ROOT:
        return take_root(comparison, answer, question.look);
    case PART_SHARDS:
        return take_shards(comparison, answer, question.look);
    default:
        return take_leaves(comparison, answer, question.look, found);
    }
}
