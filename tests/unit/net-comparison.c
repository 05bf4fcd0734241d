/* SPDX-License-Identifier: MIT */
#include "core/counters.h"
#include "core/message.h"
#include "net/comparison.h"

#include <glib.h>

#define SUM_BYTES 17 /* of each in an answer, its blank included */
#define WINDOW    32 /* questions under way at the most */

/* One comparison of ours with theirs. */
typedef struct {
    Store *ours, *theirs;
    Comparison *comparison;
    GPtrArray *found;       /* owned Record */
    unsigned questions;     /* asked so far */
    size_t asked, answered; /* bytes */
} Rig;

static Rig *rig_new(void)
{
    Rig *rig = g_new0(Rig, 1);

    rig->ours = store_new();
    rig->theirs = store_new();
    rig->comparison = comparison_new(rig->ours);
    rig->found = g_ptr_array_new_with_free_func((GDestroyNotify)record_unref);
    return rig;
}

static void rig_free(Rig *rig)
{
    g_ptr_array_unref(rig->found);
    comparison_free(rig->comparison);
    store_free(rig->ours);
    store_free(rig->theirs);
    g_free(rig);
}

/* (transfer full) */
static Record *record_of(int client, int time)
{
    g_autofree char *line = g_strdup_printf("AT Clark +0.000000001 %d +1+1 %d", client, time);
    Message m = message_parse(slice_of(line));

    g_assert_cmpint(m.kind, ==, MESSAGE_AT);
    return record_new(&m.at);
}

static void put(Store *store, int client, int time)
{
    g_autoptr(Record) record = record_of(client, time);

    store_put(store, record, 0);
}

static void put_both(Rig *rig, int from, int to)
{
    for (int i = from; i < to; i++) {
        put(rig->ours, i, 5);
        put(rig->theirs, i, 5);
    }
}

static uint64_t root_of(Store *store)
{
    uint64_t sums[STORE_SHARDS], root = 0;

    store_shard_sums(store, sums);
    for (unsigned i = 0; i < STORE_SHARDS; i++)
        root += sums[i];
    return root;
}

/* What a member answers to @question, a line without its LF. (transfer full) */
static GString *answer_to(Store *store, const char *question)
{
    Message m = message_parse(slice_of(question));
    uint64_t sums[STORE_SHARDS], leaves[STORE_LEAVES], root = root_of(store);
    GString *text = g_string_new(NULL);

    g_assert_cmpint(m.kind, ==, MESSAGE_DIGEST);
    if (m.digest.part == PART_ROOT) {
        message_append_sums(text, PART_ROOT, &root, 1);
    } else if (m.digest.part == PART_SHARDS) {
        store_shard_sums(store, sums);
        message_append_sums(text, PART_SHARDS, sums, STORE_SHARDS);
    } else {
        store_leaf_sums(store, (unsigned)m.digest.part, leaves);
        message_append_sums(text, m.digest.part, leaves, STORE_LEAVES);
    }
    return text;
}

/* Hands the comparison @line, without its LF, as an answer. */
static bool hand(Rig *rig, const char *line)
{
    Message m = message_parse(slice_of(line));

    g_assert_cmpint(m.kind, ==, MESSAGE_SUMS);
    return comparison_answer(rig->comparison, &m, rig->found);
}

/* All that it asks now, without LFs. (transfer full) of owned char * */
static GPtrArray *ask_all(Rig *rig)
{
    GPtrArray *questions = g_ptr_array_new_with_free_func(g_free);

    for (;;) {
        g_autoptr(GString) text = g_string_new(NULL);

        if (!comparison_ask(rig->comparison, text))
            break;
        rig->questions++;
        rig->asked += text->len;
        g_assert_cmpint(text->str[text->len - 1], ==, '\n');
        g_ptr_array_add(questions, g_strndup(text->str, text->len - 1));
    }
    g_assert_cmpuint(questions->len, <=, WINDOW);
    return questions;
}

/* Asks what is to be asked now, and answers it. FALSE: there was nothing. */
static bool exchange(Rig *rig)
{
    g_autoptr(GPtrArray) questions = ask_all(rig);

    for (unsigned i = 0; i < questions->len; i++) {
        g_autoptr(GString) answer = answer_to(rig->theirs, questions->pdata[i]);

        rig->answered += answer->len;
        g_string_truncate(answer, answer->len - 1);
        g_assert_true(hand(rig, answer->str));
    }
    return questions->len > 0;
}

static void exchange_all(Rig *rig)
{
    while (exchange(rig))
        ;
    g_assert_true(comparison_is_idle(rig->comparison));
}

static void compare(Rig *rig)
{
    comparison_begin(rig->comparison);
    g_assert_false(comparison_is_idle(rig->comparison));
    exchange_all(rig);
}

static void assert_found(const Rig *rig, int client)
{
    g_autofree char *name = g_strdup_printf("%d", client);

    for (unsigned i = 0; i < rig->found->len; i++)
        if (slice_equal(record_client(rig->found->pdata[i]), slice_of(name)))
            return;
    g_test_fail_printf("client %d is not found", client);
}

static void test_equal(void)
{
    static const int sizes[] = {0, 1, 1000};

    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        Rig *rig = rig_new();

        put_both(rig, 0, sizes[i]);
        compare(rig);
        g_assert_cmpuint(rig->questions, ==, 1);
        g_assert_cmpuint(rig->found->len, ==, 0);
        g_assert_cmpuint(rig->asked + rig->answered, <, 50);
        rig_free(rig);
    }
}

/* Newer, older, lacking: a difference is a difference, and it costs one path down. */
static void test_one_differs(void)
{
    for (int theirs = 4; theirs <= 7; theirs++) { /* at that time; 7: not at all */
        Rig *rig = rig_new();

        put_both(rig, 0, 1000);
        put(rig->ours, 1000, 5);
        if (theirs < 7)
            put(rig->theirs, 1000, theirs);
        compare(rig);
        if (theirs == 5) {
            g_assert_cmpuint(rig->found->len, ==, 0);
        } else {
            g_assert_cmpuint(rig->questions, ==, 3);
            g_assert_cmpuint(rig->answered, <, (1 + STORE_SHARDS + STORE_LEAVES) * SUM_BYTES + 50);
            assert_found(rig, 1000);
        }
        rig_free(rig);
    }
}

/* What they have and we do not is theirs to send. */
static void test_ours_empty(void)
{
    Rig *rig = rig_new();

    for (int i = 0; i < 1000; i++)
        put(rig->theirs, i, 5);
    compare(rig);
    g_assert_cmpuint(rig->found->len, ==, 0);
    g_assert_cmpuint(rig->questions, ==, 2);
    rig_free(rig);
}

static void test_theirs_empty(void)
{
    enum { CLIENTS = 5000 };
    Rig *rig = rig_new();

    for (int i = 0; i < CLIENTS; i++)
        put(rig->ours, i, 5);
    compare(rig);
    g_assert_cmpuint(rig->found->len, ==, CLIENTS);
    for (unsigned i = 0; i < rig->found->len; i++)
        store_put(rig->theirs, rig->found->pdata[i], 0);
    g_assert_true(root_of(rig->ours) == root_of(rig->theirs));
    g_assert_cmpuint(rig->questions, <=, 2 + STORE_SHARDS);
    rig_free(rig);
}

/* The cost follows the difference, not the store. */
static void test_few_of_many(void)
{
    enum { CLIENTS = 100000, DIFFERENT = 100 };
    Rig *rig = rig_new();

    put_both(rig, 0, CLIENTS);
    for (int i = 0; i < DIFFERENT; i++)
        put(rig->ours, i * (CLIENTS / DIFFERENT), 6);
    compare(rig);
    for (int i = 0; i < DIFFERENT; i++)
        assert_found(rig, i * (CLIENTS / DIFFERENT));
    /* 1.5 records a leaf; whoever shares one with a difference is sent beside it. */
    g_assert_cmpuint(rig->found->len, <, 5 * DIFFERENT);
    g_assert_cmpuint(rig->questions, <=, 2 + DIFFERENT);
    g_assert_cmpuint(rig->asked, <, (2 + DIFFERENT) * sizeof "DIGEST SHARDS\n");
    g_assert_cmpuint(rig->answered, <,
                     (1 + STORE_SHARDS + DIFFERENT * STORE_LEAVES) * SUM_BYTES +
                         (2 + DIFFERENT) * sizeof "SUMS SHARDS");
    rig_free(rig);
}

/* No more than the window is under way; an answer makes room for one more question. */
static void test_window(void)
{
    Rig *rig = rig_new();

    for (int i = 0; i < 5000; i++)
        put(rig->ours, i, 5);
    comparison_begin(rig->comparison);
    g_assert_true(exchange(rig)); /* the root */
    g_assert_true(exchange(rig)); /* the shards */
    g_autoptr(GPtrArray) questions = ask_all(rig);
    g_assert_cmpuint(questions->len, ==, WINDOW);
    for (unsigned i = 0; i < WINDOW; i++) {
        g_autoptr(GString) answer = answer_to(rig->theirs, questions->pdata[i]);
        g_autoptr(GString) next = g_string_new(NULL);

        g_string_truncate(answer, answer->len - 1);
        g_assert_true(hand(rig, answer->str));
        g_assert_true(comparison_ask(rig->comparison, next));
        g_assert_false(comparison_ask(rig->comparison, next));
    }
    g_assert_false(comparison_is_idle(rig->comparison));
    rig_free(rig);
}

static void test_wrong_answers(void)
{
    static const char zero[] = "0000000000000000";
    const char *const answers[] = {
        "SUMS SHARDS 0000000000000000",
        "SUMS 0 0000000000000000",
        "SUMS ROOT 000000000000000",
        "SUMS ROOT 00000000000000000",
        "SUMS ROOT 000000000000000x",
        "SUMS ROOT x",
        "SUMS ROOT 0000000000000000 0000000000000000",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
        Rig *rig = rig_new();

        put(rig->ours, 1, 5);
        g_assert_false(hand(rig, answers[i])); /* not asked */
        comparison_begin(rig->comparison);
        g_assert_false(hand(rig, answers[i])); /* nor is that enough */
        g_ptr_array_unref(ask_all(rig));
        g_assert_false(hand(rig, answers[i]));
        g_assert_cmpuint(rig->found->len, ==, 0);
        /* After that the link is down, and up again. */
        compare(rig);
        g_assert_cmpuint(rig->found->len, ==, 1);
        rig_free(rig);
    }

    /* Answers come in the order of the questions. */
    Rig *rig = rig_new();
    for (int i = 0; i < 1000; i++)
        put(rig->ours, i, 5);
    comparison_begin(rig->comparison);
    exchange(rig);
    exchange(rig);
    g_autoptr(GPtrArray) questions = ask_all(rig);
    g_assert_cmpuint(questions->len, ==, WINDOW);
    g_autoptr(GString) second = answer_to(rig->theirs, questions->pdata[1]);
    g_string_truncate(second, second->len - 1);
    g_assert_false(hand(rig, second->str));

    /* One sum too few, and one too many. */
    g_autoptr(GString) first = answer_to(rig->theirs, questions->pdata[0]);
    g_string_truncate(first, first->len - 1 - SUM_BYTES);
    g_assert_false(hand(rig, first->str));
    rig_free(rig);
    rig = rig_new();
    comparison_add(rig->comparison, 3);
    g_ptr_array_unref(ask_all(rig));
    g_autoptr(GString) longer = answer_to(rig->theirs, "DIGEST 3");
    g_string_truncate(longer, longer->len - 1);
    g_string_append_printf(longer, " %s", zero);
    g_assert_false(hand(rig, longer->str));
    rig_free(rig);
}

static void test_check_stays(void)
{
    Rig *rig = rig_new();
    uint64_t diverged = counters_read(COUNT_DIVERGED);

    put_both(rig, 0, 1000);
    comparison_check(rig->comparison);
    exchange_all(rig);
    g_assert_cmpuint(rig->questions, ==, 1);

    put(rig->ours, 1000, 5);
    comparison_check(rig->comparison);
    exchange_all(rig);
    g_assert_cmpuint(rig->questions, ==, 1 + 4); /* root, shards, its leaves twice */
    g_assert_cmpuint(counters_read(COUNT_DIVERGED), ==, diverged + 1);
    assert_found(rig, 1000);
    for (unsigned i = 0; i < rig->found->len; i++)
        store_put(rig->theirs, rig->found->pdata[i], 0);
    g_assert_true(root_of(rig->ours) == root_of(rig->theirs));

    comparison_check(rig->comparison);
    exchange_all(rig);
    g_assert_cmpuint(rig->questions, ==, 1 + 4 + 1);
    g_assert_cmpuint(counters_read(COUNT_DIVERGED), ==, diverged + 1);
    rig_free(rig);
}

/* What was under way when it was looked at first has arrived by then. */
static void test_check_goes(void)
{
    for (unsigned looks = 1; looks <= 3; looks++) { /* questions before it arrives */
        Rig *rig = rig_new();
        uint64_t diverged = counters_read(COUNT_DIVERGED);

        put_both(rig, 0, 1000);
        put(rig->ours, 1000, 5);
        comparison_check(rig->comparison);
        for (unsigned i = 0; i < looks; i++)
            g_assert_true(exchange(rig));
        g_assert_cmpuint(rig->questions, ==, looks);
        put(rig->theirs, 1000, 5);
        exchange_all(rig);
        g_assert_cmpuint(rig->found->len, ==, 0);
        g_assert_cmpuint(counters_read(COUNT_DIVERGED), ==, diverged);
        rig_free(rig);
    }
}

/* A check does not weaken what is to be compared anyway, nor is that a divergence. */
static void test_check_beside_begin(void)
{
    Rig *rig = rig_new();
    uint64_t diverged = counters_read(COUNT_DIVERGED);

    put(rig->ours, 1, 5);
    comparison_begin(rig->comparison);
    comparison_check(rig->comparison);
    exchange_all(rig);
    g_assert_cmpuint(rig->found->len, ==, 1);
    g_assert_cmpuint(rig->questions, ==, 3);
    g_assert_cmpuint(counters_read(COUNT_DIVERGED), ==, diverged);
    rig_free(rig);
}

/* Nor what is added between its question and its answer. */
static void test_check_beside_add(void)
{
    Rig *rig = rig_new();
    g_autoptr(Record) record = record_of(1, 5);
    uint64_t diverged = counters_read(COUNT_DIVERGED);

    put(rig->ours, 1, 5);
    comparison_check(rig->comparison);
    exchange(rig); /* the root */
    g_autoptr(GPtrArray) questions = ask_all(rig);
    g_autoptr(GString) shards = answer_to(rig->theirs, "DIGEST SHARDS");
    g_assert_cmpuint(questions->len, ==, 1);
    comparison_add(rig->comparison, store_shard_of(record));
    g_string_truncate(shards, shards->len - 1);
    g_assert_true(hand(rig, shards->str));
    exchange_all(rig);
    g_assert_cmpuint(rig->found->len, ==, 1);
    g_assert_cmpuint(rig->questions, ==, 3);
    g_assert_cmpuint(counters_read(COUNT_DIVERGED), ==, diverged);
    rig_free(rig);
}

static void test_add(void)
{
    Rig *rig = rig_new();
    g_autoptr(Record) record = record_of(1, 5);
    uint64_t diverged = counters_read(COUNT_DIVERGED);

    put_both(rig, 10, 20);
    put(rig->ours, 1, 5);
    put(rig->ours, 2, 5); /* of another shard, which nobody asks about */
    for (int i = 0; i < 100; i++)
        comparison_add(rig->comparison, store_shard_of(record));
    g_assert_false(comparison_is_idle(rig->comparison));
    exchange_all(rig);
    g_assert_cmpuint(rig->questions, ==, 1);
    g_assert_cmpuint(rig->found->len, ==, 1);
    assert_found(rig, 1);
    g_assert_cmpuint(counters_read(COUNT_DIVERGED), ==, diverged);

    /* Once more when something changes after it was asked. */
    comparison_add(rig->comparison, store_shard_of(record));
    g_autoptr(GPtrArray) asked = ask_all(rig);
    g_assert_cmpuint(asked->len, ==, 1);
    comparison_add(rig->comparison, store_shard_of(record));
    g_autoptr(GPtrArray) again = ask_all(rig);
    g_assert_cmpuint(again->len, ==, 1);
    rig_free(rig);
}

static void test_reset(void)
{
    Rig *rig = rig_new();

    put(rig->ours, 1, 5);
    comparison_begin(rig->comparison);
    comparison_add(rig->comparison, 17);
    g_ptr_array_unref(ask_all(rig));
    g_assert_false(comparison_is_idle(rig->comparison));
    comparison_reset(rig->comparison);
    g_assert_true(comparison_is_idle(rig->comparison));
    g_autoptr(GPtrArray) nothing = ask_all(rig);
    g_assert_cmpuint(nothing->len, ==, 0);
    g_assert_false(hand(rig, "SUMS ROOT 0000000000000000")); /* an answer of before */
    compare(rig);
    g_assert_cmpuint(rig->found->len, ==, 1);
    rig_free(rig);
}

/* Each side sends what it finds; then both have the newest of all. */
static void test_property_both_ways(void)
{
    enum { ROUNDS = 30, CLIENTS = 3000 };

    for (int round = 0; round < ROUNDS; round++) {
        Rig *a = rig_new(), *b = rig_new();
        g_autoptr(Store) all = store_new();
        int same = g_test_rand_int_range(0, 4); /* how often both have heard of it */

        for (int i = g_test_rand_int_range(0, CLIENTS); i > 0; i--) {
            int client = g_test_rand_int_range(0, CLIENTS), time = g_test_rand_int_range(0, 5);
            bool both = g_test_rand_int_range(0, 4) < same, first = g_test_rand_bit();

            put(all, client, time);
            if (both || first)
                put(a->ours, client, time);
            if (both || !first)
                put(b->ours, client, time);
        }
        g_clear_pointer(&a->theirs, store_free);
        g_clear_pointer(&b->theirs, store_free);
        a->theirs = b->ours;
        b->theirs = a->ours;
        comparison_begin(a->comparison);
        comparison_begin(b->comparison);
        for (bool more = true; more;) { /* at the same time */
            more = exchange(a);
            more = exchange(b) || more;
        }
        for (unsigned i = 0; i < a->found->len; i++)
            store_put(b->ours, a->found->pdata[i], 0);
        for (unsigned i = 0; i < b->found->len; i++)
            store_put(a->ours, b->found->pdata[i], 0);
        g_assert_true(root_of(a->ours) == root_of(all));
        g_assert_true(root_of(b->ours) == root_of(all));
        g_assert_cmpuint(store_size(a->ours), ==, store_size(all));
        a->theirs = b->theirs = NULL;
        rig_free(a);
        rig_free(b);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/comparison/begin/equal-costs-one-sum", test_equal);
    g_test_add_func("/comparison/begin/one-differs", test_one_differs);
    g_test_add_func("/comparison/begin/we-are-empty", test_ours_empty);
    g_test_add_func("/comparison/begin/they-are-empty", test_theirs_empty);
    g_test_add_func("/comparison/begin/cost-follows-the-difference", test_few_of_many);
    g_test_add_func("/comparison/ask/window", test_window);
    g_test_add_func("/comparison/answer/wrong-ones", test_wrong_answers);
    g_test_add_func("/comparison/check/what-stays-is-counted-and-mended", test_check_stays);
    g_test_add_func("/comparison/check/what-goes-is-not", test_check_goes);
    g_test_add_func("/comparison/check/beside-begin", test_check_beside_begin);
    g_test_add_func("/comparison/check/beside-add", test_check_beside_add);
    g_test_add_func("/comparison/add/one-shard", test_add);
    g_test_add_func("/comparison/reset/nothing-is-left", test_reset);
    g_test_add_func("/comparison/property/both-ways-make-equal", test_property_both_ways);
    return g_test_run();
}
