/* SPDX-License-Identifier: MIT */
#include "tests/unit/net-lookups-rig.h"

static void assert_figures(const Rig *rig, unsigned running, unsigned waiting)
{
    LookupFigures figures = lookups_figures(rig->lookups);

    g_assert_cmpuint(figures.running, ==, running);
    g_assert_cmpuint(figures.waiting, ==, waiting);
}

static void test_most_at_once(void)
{
    Rig rig = rig_new(2, 3);
    Connection *c[7];
    uint64_t refused = counters_read(COUNT_LOOKUPS_REFUSED);

    fill(c, 7);
    Flight *first = enter(&rig, c[0], 0, LOOKUP_RUN);
    Flight *second = enter(&rig, c[1], 1, LOOKUP_RUN);
    for (unsigned i = 2; i < 5; i++)
        enter(&rig, c[i], i, LOOKUP_WAIT);
    enter(&rig, c[5], 5, LOOKUP_REFUSED);
    enter(&rig, c[6], 0, LOOKUP_REFUSED); /* an equal one waits too */
    assert_figures(&rig, 2, 3);
    g_assert_cmpuint(counters_read(COUNT_LOOKUPS_REFUSED), ==, refused + 2);
    assert_none_resumed(&rig);

    /* In order, one for each that ends. */
    finish(&rig, second, "{}");
    Flight *third = assert_resumed(&rig, c[2], LOOKUP_RUN);
    assert_figures(&rig, 2, 2);
    finish(&rig, first, "{}");
    Flight *fourth = assert_resumed(&rig, c[3], LOOKUP_RUN);
    enter(&rig, c[5], 5, LOOKUP_WAIT);
    finish(&rig, third, "{}");
    Flight *fifth = assert_resumed(&rig, c[4], LOOKUP_RUN);
    finish(&rig, fourth, "{}");
    Flight *sixth = assert_resumed(&rig, c[5], LOOKUP_RUN);
    finish(&rig, fifth, "{}");
    finish(&rig, sixth, "{}");
    assert_none_resumed(&rig);
    finish(&rig, enter(&rig, c[6], 0, LOOKUP_RUN), "{}");
    assert_figures(&rig, 0, 0);
    drop(c, 7);
    rig_free(&rig);
    lookups_free(NULL);
    lookup_wait_free(NULL);
}

static void test_equal_share_one_flight(void)
{
    Rig rig = rig_new(3, 10);
    Connection *c[5];
    uint64_t merged = counters_read(COUNT_LOOKUPS_MERGED);

    fill(c, 5);
    Flight *flight = enter(&rig, c[0], 0, LOOKUP_RUN);
    for (unsigned i = 1; i < 4; i++)
        enter(&rig, c[i], 0, LOOKUP_WAIT);
    Flight *other = enter(&rig, c[4], 1, LOOKUP_RUN); /* there is room: they took none */
    assert_none_resumed(&rig);

    lookups_finish(rig.lookups, flight, "{\n \"a\" : 1\n}???", 12);
    g_autoptr(GPtrArray) resumed = take_resumed(&rig);
    g_assert_cmpuint(resumed->len, ==, 3);
    for (unsigned i = 1; i < 4; i++) {
        g_assert_true(resumed->pdata[i - 1] == c[i]);
        g_assert_cmpint(c[i]->wait->turn, ==, LOOKUP_ANSWERED);
        assert_answer(c[i], "{\n \"a\" : 1\n}");
        g_assert_true(c[i]->wait->record == rig.record);
    }
    g_assert_true(c[1]->wait->answer != c[2]->wait->answer); /* each its own */
    g_assert_cmpuint(counters_read(COUNT_LOOKUPS_MERGED), ==, merged + 3);
    finish(&rig, other, "{}");
    drop(c, 5);
    rig_free(&rig);
}

static void test_unequal_do_not(void)
{
    Rig rig = rig_new(6, 0);
    Connection *c[1];
    Flight *flights[6];

    fill(c, 1);
    for (unsigned i = 0; i < 6; i++)
        flights[i] = enter(&rig, c[0], i, LOOKUP_RUN);
    for (unsigned i = 0; i < 6; i++)
        finish(&rig, flights[i], "{}");
    drop(c, 1);
    rig_free(&rig);
}

/* ARCHITECTURE.md: an equal query is joined, not repeated; also in line, where both take one place.
 */
static void test_joins_in_line(void)
{
    Rig rig = rig_new(2, 10);
    Connection *c[5];

    fill(c, 5);
    Flight *a = enter(&rig, c[0], 0, LOOKUP_RUN);
    Flight *b = enter(&rig, c[1], 1, LOOKUP_RUN);
    enter(&rig, c[2], 2, LOOKUP_WAIT);
    enter(&rig, c[3], 2, LOOKUP_WAIT);
    enter(&rig, c[4], 3, LOOKUP_WAIT);
    finish(&rig, a, "{}");
    Flight *third = assert_resumed(&rig, c[2], LOOKUP_RUN);
    finish(&rig, b, "{}");
    Flight *fifth = assert_resumed(&rig, c[4], LOOKUP_RUN);
    finish(&rig, fifth, "{}");
    assert_none_resumed(&rig);
    finish(&rig, third, "{}");
    assert_resumed(&rig, c[3], LOOKUP_ANSWERED);
    drop(c, 5);
    rig_free(&rig);
}

static void test_sweep(void)
{
    Rig rig = rig_new(1, 10);
    Connection *c[5];
    int64_t before = monotonic_ms();

    fill(c, 5);
    Flight *flight = enter(&rig, c[0], 0, LOOKUP_RUN);
    enter(&rig, c[1], 0, LOOKUP_WAIT); /* behind the flight: that ends by itself */
    enter(&rig, c[2], 1, LOOKUP_WAIT);
    int64_t deadline = c[2]->wait->deadline;
    g_assert_cmpint(deadline, >=, before + WAIT_MS);
    g_assert_cmpint(deadline, <=, monotonic_ms() + WAIT_MS);
    while (monotonic_ms() + WAIT_MS == deadline)
        sched_yield();
    enter(&rig, c[3], 2, LOOKUP_WAIT);
    enter(&rig, c[4], 1, LOOKUP_WAIT); /* joins c[2], and has longer */

    lookups_sweep(rig.lookups, deadline - 1);
    assert_none_resumed(&rig);
    lookups_sweep(rig.lookups, deadline);
    assert_resumed(&rig, c[2], LOOKUP_REFUSED);
    finish(&rig, flight, "{}");
    g_autoptr(GPtrArray) resumed = take_resumed(&rig);
    g_assert_cmpuint(resumed->len, ==, 2);
    g_assert_true(resumed->pdata[0] == c[4]); /* in the place that c[2] had in line */
    g_assert_cmpint(c[4]->wait->turn, ==, LOOKUP_RUN);
    g_assert_true(resumed->pdata[1] == c[1]);
    g_assert_cmpint(c[1]->wait->turn, ==, LOOKUP_ANSWERED);

    /* One that runs is not swept. */
    lookups_sweep(rig.lookups, INT64_MAX);
    assert_resumed(&rig, c[3], LOOKUP_REFUSED);
    lookups_sweep(rig.lookups, INT64_MAX);
    assert_none_resumed(&rig);
    finish(&rig, c[4]->wait->flight, "{}");
    assert_none_resumed(&rig);
    drop(c, 5);
    rig_free(&rig);
}

/* LeakSanitizer tells of what is left, and of what is freed twice. */
static void test_freed_with_waiters(void)
{
    Rig rig = rig_new(1, 10);
    Connection *c[3];

    fill(c, 3);
    enter(&rig, c[0], 0, LOOKUP_RUN);
    enter(&rig, c[1], 0, LOOKUP_WAIT);
    enter(&rig, c[2], 1, LOOKUP_WAIT);
    /* Either order: what waits belongs to its connection. */
    connection_free(c[1]);
    rig_free(&rig);
    connection_free(c[2]);
    connection_free(c[0]);
}

/* What the lookups are to be: everything in plain lists. */
typedef struct {
    unsigned query;
    Flight *flight;   /* NULL in line */
    GPtrArray *waits; /* Connection */
} ModelFlight;

typedef struct {
    GPtrArray *running; /* ModelFlight */
    GPtrArray *line;    /* ModelFlight */
    GPtrArray *idle;    /* Connection */
    unsigned waiting;
} Model;

static ModelFlight *model_find(const GPtrArray *flights, unsigned query)
{
    for (unsigned i = 0; i < flights->len; i++) {
        ModelFlight *flight = flights->pdata[i];

        if (flight->query == query)
            return flight;
    }
    return NULL;
}

static ModelFlight *model_begin(GPtrArray *flights, unsigned query, Flight *flight)
{
    ModelFlight *begun = g_new(ModelFlight, 1);

    *begun = (ModelFlight){.query = query, .flight = flight, .waits = g_ptr_array_new()};
    g_ptr_array_add(flights, begun);
    return begun;
}

static void model_flight_free(ModelFlight *flight)
{
    g_ptr_array_unref(flight->waits);
    g_free(flight);
}

/* The next of @resumed is the first that waits for @flight, with @turn. Returns its flight. */
static Flight *model_resumes(Model *model, GPtrArray *resumed, ModelFlight *flight, LookupTurn turn)
{
    Connection *connection = g_ptr_array_steal_index(flight->waits, 0);

    g_assert_cmpuint(resumed->len, >, 0);
    g_assert_true(g_ptr_array_steal_index(resumed, 0) == connection);
    g_assert_cmpint(connection->wait->turn, ==, turn);
    if (turn == LOOKUP_ANSWERED) {
        g_autofree char *json = g_strdup_printf("{%u}", flight->query);

        assert_answer(connection, json);
    }
    Flight *begun = connection->wait->flight;
    g_clear_pointer(&connection->wait, lookup_wait_free);
    g_ptr_array_add(model->idle, connection);
    model->waiting--;
    return begun;
}

static void model_enter(Model *model, const Rig *rig, unsigned most, unsigned most_waiting)
{
    int which = g_test_rand_int_range(0, (int)model->idle->len);
    Connection *connection = g_ptr_array_steal_index_fast(model->idle, (unsigned)which);
    unsigned query = (unsigned)g_test_rand_int_range(0, 6);
    ModelFlight *equal = model_find(model->running, query);

    if (equal == NULL)
        equal = model_find(model->line, query);
    if (equal == NULL && model->running->len < most) {
        model_begin(model->running, query, enter(rig, connection, query, LOOKUP_RUN));
        g_ptr_array_add(model->idle, connection);
    } else if (model->waiting == most_waiting) {
        enter(rig, connection, query, LOOKUP_REFUSED);
        g_ptr_array_add(model->idle, connection);
    } else {
        enter(rig, connection, query, LOOKUP_WAIT);
        if (equal == NULL)
            equal = model_begin(model->line, query, NULL);
        g_ptr_array_add(equal->waits, connection);
        model->waiting++;
    }
}

static void model_finish(Model *model, const Rig *rig, unsigned most)
{
    int which = g_test_rand_int_range(0, (int)model->running->len);
    ModelFlight *ended = g_ptr_array_steal_index_fast(model->running, (unsigned)which);
    g_autofree char *json = g_strdup_printf("{%u}", ended->query);

    finish(rig, ended->flight, json);
    g_autoptr(GPtrArray) resumed = take_resumed(rig);
    while (model->running->len < most && model->line->len > 0) {
        ModelFlight *first = g_ptr_array_steal_index(model->line, 0);

        first->flight = model_resumes(model, resumed, first, LOOKUP_RUN);
        g_ptr_array_add(model->running, first);
    }
    while (ended->waits->len > 0)
        model_resumes(model, resumed, ended, LOOKUP_ANSWERED);
    g_assert_cmpuint(resumed->len, ==, 0);
    model_flight_free(ended);
}

/* The deadline of somebody in line comes. */
static void model_sweep(Model *model, const Rig *rig)
{
    const ModelFlight *some = model->line->pdata[g_test_rand_int_range(0, (int)model->line->len)];
    const Connection *somebody = some->waits->pdata[0];
    int64_t now = somebody->wait->deadline;

    lookups_sweep(rig->lookups, now);
    g_autoptr(GPtrArray) resumed = take_resumed(rig);
    for (unsigned i = 0; i < model->line->len;) {
        ModelFlight *flight = model->line->pdata[i];

        while (flight->waits->len > 0 &&
               ((Connection *)flight->waits->pdata[0])->wait->deadline <= now)
            model_resumes(model, resumed, flight, LOOKUP_REFUSED);
        if (flight->waits->len == 0)
            model_flight_free(g_ptr_array_steal_index(model->line, i));
        else
            i++;
    }
    g_assert_cmpuint(resumed->len, ==, 0);
}

static void test_property_like_lists(void)
{
    int rounds = g_getenv("HERD_TEST_SANITIZER") != NULL ? 60 : 400;

    for (int round = 0; round < rounds; round++) {
        unsigned most = (unsigned)g_test_rand_int_range(1, 5);
        unsigned most_waiting = (unsigned)g_test_rand_int_range(0, 12);
        unsigned count = (unsigned)g_test_rand_int_range(1, 20);
        Rig rig = rig_new(most, most_waiting);
        g_autoptr(GPtrArray) running = g_ptr_array_new();
        g_autoptr(GPtrArray) line = g_ptr_array_new();
        g_autoptr(GPtrArray) idle = g_ptr_array_new();
        Model model = {.running = running, .line = line, .idle = idle};

        g_ptr_array_set_size(idle, (int)count);
        fill((Connection **)idle->pdata, count);
        for (int step = 0; step < 200; step++) {
            int what = g_test_rand_int_range(0, 20);

            if (what < 12 && idle->len > 0)
                model_enter(&model, &rig, most, most_waiting);
            else if (what < 19 && running->len > 0)
                model_finish(&model, &rig, most);
            else if (line->len > 0)
                model_sweep(&model, &rig);
        }
        while (running->len > 0)
            model_finish(&model, &rig, most);
        /* Nobody is left behind. */
        g_assert_cmpuint(line->len, ==, 0);
        g_assert_cmpuint(idle->len, ==, count);
        drop((Connection **)idle->pdata, count);
        rig_free(&rig);
    }
}

#define WORKERS 4
#define MOST    2

typedef struct {
    const Rig *rig;
    atomic_int *flying;   /* lookups that run */
    atomic_int *of_query; /* the same, of each query */
    atomic_int *left;     /* turns of connections still to come */
} Worker;

static void fly(const Worker *worker, Flight *flight, unsigned query)
{
    g_assert_cmpint(atomic_fetch_add(worker->flying, 1), <, MOST);
    g_assert_cmpint(atomic_fetch_add(&worker->of_query[query], 1), ==, 0);
    sched_yield();
    atomic_fetch_sub(&worker->of_query[query], 1);
    atomic_fetch_sub(worker->flying, 1);
    finish(worker->rig, flight, "{}");
}

/* Each connection asks whenever it has its turn; its generation is kept in neighbour. */
static void work(void *argument)
{
    const Worker *worker = argument;
    Connection *connection;

    while (ready_set_take(worker->rig->ready, &connection, 1) > 0) {
        LookupWait *wait = g_steal_pointer(&connection->wait);
        Flight *flight = NULL;
        bool goes_on = true;

        if (wait != NULL) {
            g_assert_cmpint(wait->turn, !=, LOOKUP_WAIT);
            if (wait->turn == LOOKUP_RUN)
                fly(worker, wait->flight, wait->query.bound - 5);
            lookup_wait_free(wait);
        } else if (connection->neighbour > 0) {
            unsigned query = connection->neighbour % 3;
            PlacesQuery wanted = {.bound = 5 + query};

            connection->neighbour--;
            atomic_fetch_sub(worker->left, 1);
            switch (lookups_enter(worker->rig->lookups, connection, worker->rig->record, &wanted,
                                  &flight)) {
            case LOOKUP_RUN:
                fly(worker, flight, query);
                break;
            case LOOKUP_WAIT:
                goes_on = false;
                break;
            case LOOKUP_REFUSED:
            case LOOKUP_ANSWERED:
                break;
            }
        } else {
            /* It is done: 0 turns left. */
            atomic_fetch_sub(worker->left, 1);
            goes_on = false;
        }
        if (goes_on)
            ready_set_resume(worker->rig->ready, connection);
    }
}

/* Every connection comes to its end, whoever waits for whom. */
static void test_many_workers(void)
{
    enum { CONNECTIONS = 12 };
    int turns = g_getenv("HERD_TEST_SANITIZER") != NULL ? 300 : 3000;
    Rig rig = rig_new(MOST, 6);
    Connection *c[CONNECTIONS];
    pthread_t threads[WORKERS];
    atomic_int flying = 0, of_query[3] = {0}, left = CONNECTIONS * (turns + 1);
    Worker worker = {.rig = &rig, .flying = &flying, .of_query = of_query, .left = &left};
    g_autoptr(GError) error = NULL;

    fill(c, CONNECTIONS);
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        c[i]->neighbour = (GQuark)turns;
        ready_set_resume(rig.ready, c[i]);
    }
    for (int i = 0; i < WORKERS; i++)
        g_assert_true(thread_start(&threads[i], "worker", work, &worker, &error));
    while (atomic_load(&left) > 0)
        sched_yield();
    ready_set_close(rig.ready);
    for (int i = 0; i < WORKERS; i++)
        thread_join(threads[i]);
    for (unsigned i = 0; i < CONNECTIONS; i++)
        g_assert_null(c[i]->wait);
    drop(c, CONNECTIONS);
    rig_free(&rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lookups/most-at-once-then-in-line", test_most_at_once);
    g_test_add_func("/lookups/equal-queries-share-one-flight", test_equal_share_one_flight);
    g_test_add_func("/lookups/unequal-queries-do-not", test_unequal_do_not);
    g_test_add_func("/lookups/equal-ones-in-line-are-asked-once", test_joins_in_line);
    g_test_add_func("/lookups/sweep/refuses-whose-time-in-line-is-over", test_sweep);
    g_test_add_func("/lookups/free/with-waiters", test_freed_with_waiters);
    g_test_add_func("/lookups/property/like-plain-lists", test_property_like_lists);
    g_test_add_func("/lookups/many-workers", test_many_workers);
    return g_test_run();
}
