/* SPDX-License-Identifier: MIT */

#include "core/counters.h"
#include "core/thread.h"
#include "places/circuit.h"

#define THRESHOLD 3

static char hung_text[] = "It hung.";
static const ProviderFailure hung = {.message = hung_text};

/* A lookup from @now to @end that may ask, and fails. */
static void fail_between(Circuit *circuit, int64_t now, int64_t end)
{
    g_auto(ProviderFailure) failure = {0};
    CircuitPass pass;
    PlacesStatus status;

    g_assert_true(circuit_enter(circuit, now, &pass, &status, &failure));
    circuit_leave(circuit, end, pass, PLACES_UNKNOWN_ERROR, &hung);
}

static void fail_times(Circuit *circuit, int64_t now, unsigned times)
{
    while (times-- > 0)
        fail_between(circuit, now, now);
}

/* One that may ask, and is answered with @status. */
static void answer(Circuit *circuit, int64_t now, PlacesStatus answered)
{
    g_auto(ProviderFailure) failure = {0};
    CircuitPass pass;
    PlacesStatus status;

    g_assert_true(circuit_enter(circuit, now, &pass, &status, &failure));
    circuit_leave(circuit, now, pass, answered, &(ProviderFailure){0});
}

static void assert_refused(Circuit *circuit, int64_t now, PlacesStatus expected,
                           const char *message)
{
    for (int begin = 0; begin <= 1; begin++) {
        g_auto(ProviderFailure) failure = {0};
        CircuitPass pass;
        PlacesStatus status;

        if (begin)
            g_assert_false(circuit_enter(circuit, now, &pass, &status, &failure));
        else
            g_assert_true(circuit_refuses(circuit, now, &status, &failure));
        g_assert_cmpint(status, ==, expected);
        g_assert_cmpstr(failure.message, ==, message);
        g_assert_true(failure.not_asked);
    }
}

static void assert_asks(Circuit *circuit, int64_t now)
{
    g_auto(ProviderFailure) failure = {0};
    PlacesStatus status;

    g_assert_false(circuit_refuses(circuit, now, &status, &failure));
    g_assert_null(failure.message);
}

static void test_opens_after_failures_in_a_row(void)
{
    g_autoptr(Circuit) circuit = circuit_new(THRESHOLD);
    uint64_t opened = counters_read(COUNT_CIRCUIT_OPENED);

    fail_times(circuit, 0, THRESHOLD - 1);
    answer(circuit, 0, PLACES_ZERO_RESULTS);
    fail_times(circuit, 0, THRESHOLD - 1);
    answer(circuit, 0, PLACES_INVALID_REQUEST); /* tells of the query */
    fail_times(circuit, 0, THRESHOLD - 1);
    assert_asks(circuit, 0);
    g_assert_cmpuint(counters_read(COUNT_CIRCUIT_OPENED) - opened, ==, 0);
    fail_times(circuit, 0, 1);
    assert_refused(circuit, 0, PLACES_UNKNOWN_ERROR, "It hung. (It is asked again in 1 s.)");
    assert_refused(circuit, 999, PLACES_UNKNOWN_ERROR, "It hung. (It is asked again in 1 s.)");
    g_assert_cmpuint(counters_read(COUNT_CIRCUIT_OPENED) - opened, ==, 1);
}

static void test_closes_by_a_trial(void)
{
    g_autoptr(Circuit) circuit = circuit_new(THRESHOLD);
    g_auto(ProviderFailure) failure = {0};
    CircuitPass pass;
    PlacesStatus status;

    fail_times(circuit, 0, THRESHOLD);
    g_assert_true(circuit_enter(circuit, 1000, &pass, &status, &failure));
    /* One at a time. */
    assert_refused(circuit, 1000, PLACES_UNKNOWN_ERROR, "It hung. (It is being asked again.)");
    circuit_leave(circuit, 1100, pass, PLACES_OK, &failure);
    assert_asks(circuit, 1100);
    /* The next time it opens it begins anew. */
    fail_times(circuit, 2000, THRESHOLD);
    assert_refused(circuit, 2000, PLACES_UNKNOWN_ERROR, "It hung. (It is asked again in 1 s.)");
}

static void test_pauses_grow_to_a_bound(void)
{
    static const unsigned pauses[] = {1, 2, 4, 8, 16, 32, 60, 60};
    g_autoptr(Circuit) circuit = circuit_new(THRESHOLD);
    int64_t now = 0;

    fail_times(circuit, now, THRESHOLD);
    for (size_t i = 0; i < G_N_ELEMENTS(pauses); i++) {
        g_autofree char *message =
            g_strdup_printf("It hung. (It is asked again in %u s.)", pauses[i]);

        assert_refused(circuit, now, PLACES_UNKNOWN_ERROR, message);
        now += pauses[i] * 1000;
        fail_between(circuit, now, now); /* the trial */
    }
}

/* Forty that hang together open it once, and what else they say comes late. */
static void test_what_was_under_way_does_not_count(void)
{
    enum { UNDER_WAY = 40 };
    g_autoptr(Circuit) circuit = circuit_new(THRESHOLD);
    g_auto(ProviderFailure) failure = {0};
    CircuitPass passes[UNDER_WAY];
    CircuitPass trial;
    PlacesStatus status;

    for (unsigned i = 0; i < UNDER_WAY; i++)
        g_assert_true(circuit_enter(circuit, 0, &passes[i], &status, &failure));
    for (unsigned i = 0; i < UNDER_WAY / 2; i++)
        circuit_leave(circuit, 5000, passes[i], PLACES_UNKNOWN_ERROR, &hung);
    assert_refused(circuit, 5000, PLACES_UNKNOWN_ERROR, "It hung. (It is asked again in 1 s.)");

    g_assert_true(circuit_enter(circuit, 6000, &trial, &status, &failure));
    for (unsigned i = UNDER_WAY / 2; i < UNDER_WAY - 1; i++)
        circuit_leave(circuit, 6000, passes[i], PLACES_UNKNOWN_ERROR, &hung);
    assert_refused(circuit, 6000, PLACES_UNKNOWN_ERROR, "It hung. (It is being asked again.)");
    circuit_leave(circuit, 6100, trial, PLACES_OK, &failure);
    circuit_leave(circuit, 6200, passes[UNDER_WAY - 1], PLACES_UNKNOWN_ERROR, &hung);
    fail_times(circuit, 6300, THRESHOLD - 1);
    assert_asks(circuit, 6300);
}

static void test_retry_after_is_obeyed(void)
{
    char text[] = "Too many.";
    const ProviderFailure busy = {.message = text, .retry_after_s = 30};

    for (unsigned threshold = 0; threshold <= 5; threshold += 5) {
        g_autoptr(Circuit) circuit = circuit_new(threshold);
        g_auto(ProviderFailure) failure = {0};
        CircuitPass first, second, late;
        PlacesStatus status;

        g_assert_true(circuit_enter(circuit, 0, &first, &status, &failure));
        g_assert_true(circuit_enter(circuit, 0, &second, &status, &failure));
        g_assert_true(circuit_enter(circuit, 0, &late, &status, &failure));
        circuit_leave(circuit, 100, first, PLACES_OVER_QUERY_LIMIT, &busy);
        assert_refused(circuit, 100, PLACES_OVER_QUERY_LIMIT,
                       "Too many. (It is asked again in 30 s.)");
        /* An answer to what was asked before does not lift it; a later wish extends it. */
        circuit_leave(circuit, 200, second, PLACES_OK, &failure);
        assert_refused(circuit, 30099, PLACES_OVER_QUERY_LIMIT,
                       "Too many. (It is asked again in 1 s.)");
        circuit_leave(circuit, 10000, late, PLACES_OVER_QUERY_LIMIT, &busy);
        assert_refused(circuit, 39999, PLACES_OVER_QUERY_LIMIT,
                       "Too many. (It is asked again in 1 s.)");
        answer(circuit, 40000, PLACES_OK);
        assert_asks(circuit, 40000);
    }
}

/* A provider that is asked several times for one lookup may say enough and then this. */
static void test_retry_after_of_a_good_answer_is_obeyed(void)
{
    char text[] = "Too many.";
    const ProviderFailure busy = {.message = text, .retry_after_s = 30};
    g_autoptr(Circuit) circuit = circuit_new(THRESHOLD);
    g_auto(ProviderFailure) failure = {0};
    CircuitPass pass;
    PlacesStatus status;

    g_assert_true(circuit_enter(circuit, 0, &pass, &status, &failure));
    circuit_leave(circuit, 0, pass, PLACES_OK, &busy);
    assert_refused(circuit, 0, PLACES_OVER_QUERY_LIMIT, "Too many. (It is asked again in 30 s.)");
    /* Also when it is said by the trial. */
    g_assert_true(circuit_enter(circuit, 30000, &pass, &status, &failure));
    circuit_leave(circuit, 30000, pass, PLACES_OK, &busy);
    assert_refused(circuit, 30000, PLACES_OVER_QUERY_LIMIT,
                   "Too many. (It is asked again in 30 s.)");
}

static void test_retry_after_is_bounded(void)
{
    char text[] = "Never.";
    const ProviderFailure busy = {.message = text, .retry_after_s = UINT_MAX};
    g_autoptr(Circuit) circuit = circuit_new(THRESHOLD);
    g_auto(ProviderFailure) failure = {0};
    CircuitPass pass;
    PlacesStatus status;

    g_assert_true(circuit_enter(circuit, 0, &pass, &status, &failure));
    circuit_leave(circuit, 0, pass, PLACES_UNKNOWN_ERROR, &busy);
    assert_refused(circuit, 0, PLACES_UNKNOWN_ERROR, "Never. (It is asked again in 86400 s.)");
    assert_asks(circuit, INT64_C(86400000));
}

/* The budget was used up: nothing is known of the provider. */
static void test_what_was_not_asked_does_not_count(void)
{
    char text[] = "No budget.";
    const ProviderFailure no_budget = {.message = text, .not_asked = true};
    g_autoptr(Circuit) circuit = circuit_new(THRESHOLD);
    g_auto(ProviderFailure) failure = {0};
    CircuitPass pass;
    PlacesStatus status;

    for (unsigned i = 0; i < 2 * THRESHOLD; i++) {
        g_assert_true(circuit_enter(circuit, 0, &pass, &status, &failure));
        circuit_leave(circuit, 0, pass, PLACES_OVER_QUERY_LIMIT, &no_budget);
    }
    assert_asks(circuit, 0);

    fail_times(circuit, 0, THRESHOLD);
    g_assert_true(circuit_enter(circuit, 1000, &pass, &status, &failure));
    circuit_leave(circuit, 1000, pass, PLACES_OVER_QUERY_LIMIT, &no_budget);
    /* The next one is the trial. */
    answer(circuit, 1000, PLACES_OK);
    answer(circuit, 1000, PLACES_OK);
}

static void test_none_never_opens(void)
{
    g_autoptr(Circuit) circuit = circuit_new(0);

    fail_times(circuit, 0, 1000);
    assert_asks(circuit, 0);
}

/* Only for as long as the provider has asked for, whatever comes afterwards. */
static void test_none_never_opens_again_after_retry_after(void)
{
    char text[] = "Too many.";
    const ProviderFailure busy = {.message = text, .retry_after_s = 30};
    g_autoptr(Circuit) circuit = circuit_new(0);
    g_auto(ProviderFailure) failure = {0};
    CircuitPass pass;
    PlacesStatus status;

    g_assert_true(circuit_enter(circuit, 0, &pass, &status, &failure));
    circuit_leave(circuit, 0, pass, PLACES_OVER_QUERY_LIMIT, &busy);
    fail_between(circuit, 30000, 30000); /* the trial */
    fail_times(circuit, 30000, 10);
    assert_asks(circuit, 30000);
    /* The trial may ask for more. */
    g_assert_true(circuit_enter(circuit, 30000, &pass, &status, &failure));
    circuit_leave(circuit, 30000, pass, PLACES_OVER_QUERY_LIMIT, &busy);
    g_assert_true(circuit_enter(circuit, 60000, &pass, &status, &failure));
    circuit_leave(circuit, 60000, pass, PLACES_OVER_QUERY_LIMIT, &busy);
    assert_refused(circuit, 60000, PLACES_OVER_QUERY_LIMIT,
                   "Too many. (It is asked again in 30 s.)");
}

typedef struct {
    Circuit *circuit;
    guint32 seed;
} Share;

static void *use(void *data)
{
    const Share *share = data;
    g_autoptr(GRand) random = g_rand_new_with_seed(share->seed);

    for (int64_t now = 0; now < 100000; now += 5) {
        g_auto(ProviderFailure) failure = {0};
        CircuitPass pass;
        PlacesStatus status = PLACES_OK;

        if (!circuit_enter(share->circuit, now, &pass, &status, &failure)) {
            g_assert_cmpint(status, ==, PLACES_UNKNOWN_ERROR);
            continue;
        }
        bool fails = g_rand_int_range(random, 0, 3) > 0;
        circuit_leave(share->circuit, now + g_rand_int_range(random, 0, 50), pass,
                      fails ? PLACES_UNKNOWN_ERROR : PLACES_OK, fails ? &hung : &failure);
    }
    return NULL;
}

static void test_threads_share_it(void)
{
    g_autoptr(Circuit) circuit = circuit_new(THRESHOLD);
    guint32 seed = g_random_int();
    uint64_t opened = counters_read(COUNT_CIRCUIT_OPENED);
    pthread_t threads[4];
    Share shares[G_N_ELEMENTS(threads)];

    g_test_message("seed %u", seed);
    for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++) {
        shares[i] = (Share){.circuit = circuit, .seed = seed + i};
        g_assert_cmpint(pthread_create(&threads[i], NULL, use, &shares[i]), ==, 0);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
        pthread_join(threads[i], NULL);
    g_assert_cmpuint(counters_read(COUNT_CIRCUIT_OPENED), >, opened);
    /* It is in no state that it does not come out of. */
    answer(circuit, INT64_C(1000000), PLACES_OK);
    assert_asks(circuit, INT64_C(1000000));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name, test) g_test_add_func("/places/circuit/" name, test)
    TEST("opens-after-failures-in-a-row", test_opens_after_failures_in_a_row);
    TEST("closes-by-a-trial", test_closes_by_a_trial);
    TEST("pauses-grow-to-a-bound", test_pauses_grow_to_a_bound);
    TEST("what-was-under-way-does-not-count", test_what_was_under_way_does_not_count);
    TEST("retry-after-is-obeyed", test_retry_after_is_obeyed);
    TEST("retry-after-of-a-good-answer-is-obeyed", test_retry_after_of_a_good_answer_is_obeyed);
    TEST("retry-after-is-bounded", test_retry_after_is_bounded);
    TEST("what-was-not-asked-does-not-count", test_what_was_not_asked_does_not_count);
    TEST("none-never-opens", test_none_never_opens);
    TEST("none-never-opens-again-after-retry-after", test_none_never_opens_again_after_retry_after);
    TEST("threads-share-it", test_threads_share_it);
    return g_test_run();
}
