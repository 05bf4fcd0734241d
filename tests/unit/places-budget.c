/* SPDX-License-Identifier: MIT */

#include "core/thread.h"
#include "places/http/budget.h"

#define MINUTE 60000

static void test_so_many_in_a_minute(void)
{
    Budget *budget = budget_new(3);

    g_assert_true(budget_take(budget, 1000));
    g_assert_true(budget_take(budget, 2000));
    g_assert_true(budget_take(budget, 3000));
    g_assert_false(budget_take(budget, 3000));
    g_assert_false(budget_take(budget, 1000 + MINUTE - 1));
    g_assert_true(budget_take(budget, 1000 + MINUTE)); /* the first one is a minute ago */
    g_assert_false(budget_take(budget, 1000 + MINUTE));
    g_assert_true(budget_take(budget, 2000 + MINUTE));
    budget_free(budget);
}

static void test_none_is_no_bound(void)
{
    Budget *budget = budget_new(0);

    for (unsigned i = 0; i < 100000; i++)
        g_assert_true(budget_take(budget, 5));
    budget_free(budget);
}

/* Whatever 60 seconds are looked at, wherever they begin. */
static void test_any_minute_has_at_most_so_many(void)
{
    enum { MOST = 7, CALLS = 5000 };
    guint32 seed = g_random_int();
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    g_autoptr(GArray) taken = g_array_new(FALSE, FALSE, sizeof(int64_t));
    Budget *budget = budget_new(MOST);
    int64_t now = -123456;
    unsigned refused = 0;

    g_test_message("seed %u", seed);
    for (unsigned i = 0; i < CALLS; i++) {
        now += g_rand_int_range(random, 0, 12000);
        bool full =
            taken->len >= MOST && now - g_array_index(taken, int64_t, taken->len - MOST) < MINUTE;

        g_assert_true(budget_take(budget, now) == !full);
        if (!full)
            g_array_append_val(taken, now);
        refused += full;
    }
    g_assert_cmpuint(refused, >, 0);
    g_assert_cmpuint(taken->len, >, MOST);
    budget_free(budget);
}

static void *take_many(void *data)
{
    size_t taken = 0;

    for (unsigned i = 0; i < 1000; i++)
        taken += budget_take(data, 1);
    return GSIZE_TO_POINTER(taken);
}

static void test_threads_share_it(void)
{
    Budget *budget = budget_new(1500);
    pthread_t threads[4];
    size_t taken = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
        g_assert_cmpint(pthread_create(&threads[i], NULL, take_many, budget), ==, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++) {
        void *share;

        pthread_join(threads[i], &share);
        taken += GPOINTER_TO_SIZE(share);
    }
    g_assert_cmpuint(taken, ==, 1500);
    budget_free(budget);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/places/budget/so-many-in-a-minute", test_so_many_in_a_minute);
    g_test_add_func("/places/budget/none-is-no-bound", test_none_is_no_bound);
    g_test_add_func("/places/budget/any-minute-has-at-most-so-many",
                    test_any_minute_has_at_most_so_many);
    g_test_add_func("/places/budget/threads-share-it", test_threads_share_it);
    return g_test_run();
}
