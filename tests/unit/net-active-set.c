/* SPDX-License-Identifier: MIT */
#include "core/thread.h"
#include "net/active-set.h"

#include <glib.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define PARKED_MAX 4

static pthread_t start(ThreadMain main, void *argument)
{
    g_autoptr(GError) error = NULL;
    pthread_t thread;
    bool started = thread_start(&thread, "worker", main, argument, &error);

    g_assert_no_error(error);
    g_assert_true(started);
    return thread;
}

/* A worker that joins once. */
typedef struct {
    ActiveSet *set;
    atomic_int id;       /* of the thread; 0: not begun */
    atomic_bool ended;   /* active_set_join() has returned */
    bool joined;         /* what it returned */
    atomic_int *joiners; /* how many have been let in */
} Parked;

static void park(void *argument)
{
    Parked *parked = argument;

    atomic_store(&parked->id, gettid());
    parked->joined = active_set_join(parked->set);
    if (parked->joined)
        atomic_fetch_add(parked->joiners, 1);
    atomic_store(&parked->ended, true);
}

/* Until the kernel says that the worker sleeps, which can be in active_set_join() only. */
static void wait_until_parked(Parked *parked)
{
    for (;;) {
        int id = atomic_load(&parked->id);
        g_autofree char *path = g_strdup_printf("/proc/self/task/%d/stat", id);
        g_autofree char *text = NULL;

        if (id != 0 && g_file_get_contents(path, &text, NULL, NULL) && strstr(text, ") S ") != NULL)
            return;
        g_assert_false(atomic_load(&parked->ended));
        sched_yield();
    }
}

static void test_try_join(void)
{
    ActiveSet *set = active_set_new(2);

    g_assert_true(active_set_try_join(set));
    g_assert_true(active_set_try_join(set));
    g_assert_false(active_set_try_join(set));
    active_set_leave(set);
    g_assert_true(active_set_join(set));
    g_assert_false(active_set_try_join(set));
    active_set_free(set);
    active_set_free(NULL);
}

static void test_leave_wakes_one(void)
{
    ActiveSet *set = active_set_new(1);
    Parked parked[PARKED_MAX];
    pthread_t threads[PARKED_MAX];
    atomic_int joiners = 0;

    g_assert_true(active_set_join(set));
    for (int i = 0; i < PARKED_MAX; i++) {
        parked[i] = (Parked){.set = set, .joiners = &joiners};
        threads[i] = start(park, &parked[i]);
        wait_until_parked(&parked[i]);
    }
    /* Each place that is given up goes to one of them, and to one only. */
    for (int given = 1; given <= PARKED_MAX; given++) {
        active_set_leave(set);
        while (atomic_load(&joiners) < given)
            sched_yield();
        g_assert_false(active_set_try_join(set));
        g_assert_cmpint(atomic_load(&joiners), ==, given);
    }
    for (int i = 0; i < PARKED_MAX; i++) {
        thread_join(threads[i]);
        g_assert_true(parked[i].joined);
    }
    active_set_free(set);
}

static void test_close_releases_all(void)
{
    ActiveSet *set = active_set_new(1);
    Parked parked[PARKED_MAX];
    pthread_t threads[PARKED_MAX];
    atomic_int joiners = 0;

    g_assert_true(active_set_join(set));
    for (int i = 0; i < PARKED_MAX; i++) {
        parked[i] = (Parked){.set = set, .joined = true, .joiners = &joiners};
        threads[i] = start(park, &parked[i]);
        wait_until_parked(&parked[i]);
    }
    active_set_close(set);
    for (int i = 0; i < PARKED_MAX; i++) {
        thread_join(threads[i]);
        g_assert_false(parked[i].joined);
    }
    /* From now on too, room or not. */
    g_assert_false(active_set_join(set));
    active_set_leave(set);
    g_assert_false(active_set_join(set));
    g_assert_false(active_set_try_join(set));
    active_set_free(set);
}

#define CONTENDERS 8
#define ROOM       3

typedef struct {
    ActiveSet *set;
    int rounds;
    bool tries; /* joins with active_set_try_join() first */
    atomic_int *active;
    atomic_int *most;
} Contender;

static void contend(void *argument)
{
    const Contender *contender = argument;

    for (int round = 0; round < contender->rounds; round++) {
        if (!contender->tries || !active_set_try_join(contender->set))
            g_assert_true(active_set_join(contender->set));
        int active = atomic_fetch_add(contender->active, 1) + 1;
        int most = atomic_load(contender->most);

        g_assert_cmpint(active, <=, ROOM);
        while (active > most && !atomic_compare_exchange_weak(contender->most, &most, active))
            ;
        sched_yield();
        atomic_fetch_sub(contender->active, 1);
        active_set_leave(contender->set);
    }
}

/* No more than there is room for; none waits for good, or the test would not end. */
static void test_contention(void)
{
    ActiveSet *set = active_set_new(ROOM);
    Contender contenders[CONTENDERS];
    pthread_t threads[CONTENDERS];
    atomic_int active = 0, most = 0;
    int rounds = g_getenv("HERD_TEST_SANITIZER") != NULL ? 1000 : 10000;

    for (int i = 0; i < CONTENDERS; i++) {
        contenders[i] = (Contender){
            .set = set, .rounds = rounds, .tries = i % 2 == 0, .active = &active, .most = &most};
        threads[i] = start(contend, &contenders[i]);
    }
    for (int i = 0; i < CONTENDERS; i++)
        thread_join(threads[i]);
    g_assert_cmpint(atomic_load(&active), ==, 0);
    g_assert_cmpint(atomic_load(&most), >=, 1);
    for (int i = 0; i < ROOM; i++)
        g_assert_true(active_set_try_join(set));
    g_assert_false(active_set_try_join(set));
    active_set_free(set);
}

static void test_size_for_cpus(void)
{
    cpu_set_t before, one;
    size_t first = 0;

    g_assert_cmpint(sched_getaffinity(0, sizeof before, &before), ==, 0);
    g_assert_cmpuint(active_set_size_for_cpus(1024), ==, (unsigned)CPU_COUNT(&before));
    g_assert_cmpuint(active_set_size_for_cpus(1), ==, 1);

    while (!CPU_ISSET(first, &before))
        first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    g_assert_cmpint(sched_setaffinity(0, sizeof one, &one), ==, 0);
    unsigned size = active_set_size_for_cpus(1024);
    g_assert_cmpint(sched_setaffinity(0, sizeof before, &before), ==, 0);
    g_assert_cmpuint(size, ==, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/active-set/try-join/only-while-there-is-room", test_try_join);
    g_test_add_func("/active-set/leave/wakes-one-parked-worker", test_leave_wakes_one);
    g_test_add_func("/active-set/close/releases-all-for-good", test_close_releases_all);
    g_test_add_func("/active-set/join/never-more-than-its-size", test_contention);
    g_test_add_func("/active-set/size-for-cpus/follows-the-affinity", test_size_for_cpus);
    return g_test_run();
}
