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

/* A worker that wants to watch, once. */
typedef struct {
    ActiveSet *set;
    atomic_int id;        /* of the thread; 0: not begun */
    atomic_bool ended;    /* active_set_watch() has returned */
    bool watches;         /* what it returned */
    atomic_int *watchers; /* how many have been let in */
} Parked;

static void park(void *argument)
{
    Parked *parked = argument;

    atomic_store(&parked->id, gettid());
    parked->watches = active_set_watch(parked->set, false);
    if (parked->watches)
        atomic_fetch_add(parked->watchers, 1);
    atomic_store(&parked->ended, true);
}

/* Until the kernel says that the worker sleeps, which can be in active_set_watch() only. */
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
    g_assert_true(active_set_watch(set, false));
    g_assert_false(active_set_try_join(set));
    active_set_free(set);
    active_set_free(NULL);
}

/* @count workers that want to watch and may not yet. */
static void park_all(ActiveSet *set, Parked *parked, pthread_t *threads, atomic_int *watchers,
                     int count)
{
    for (int i = 0; i < count; i++) {
        parked[i] = (Parked){.set = set, .watchers = watchers};
        threads[i] = start(park, &parked[i]);
        wait_until_parked(&parked[i]);
    }
}

static void wait_for_watchers(const atomic_int *watchers, int count)
{
    while (atomic_load(watchers) < count)
        sched_yield();
    g_assert_cmpint(atomic_load(watchers), ==, count);
}

static void assert_figures(ActiveSet *set, unsigned active, unsigned parked)
{
    ActiveSetFigures figures = active_set_figures(set);

    g_assert_cmpuint(figures.active, ==, active);
    g_assert_cmpuint(figures.parked, ==, parked);
}

static void test_figures(void)
{
    ActiveSet *set = active_set_new(2);
    Parked parked[PARKED_MAX];
    pthread_t threads[PARKED_MAX];
    atomic_int watchers = 0;

    assert_figures(set, 0, 0);
    g_assert_true(active_set_watch(set, false));
    park_all(set, parked, threads, &watchers, PARKED_MAX);
    assert_figures(set, 1, PARKED_MAX);
    active_set_unwatch(set);
    wait_for_watchers(&watchers, 1);
    assert_figures(set, 2, PARKED_MAX - 1);
    active_set_leave(set); /* the one that was let in watches, so nobody follows */
    assert_figures(set, 1, PARKED_MAX - 1);
    g_assert_true(active_set_try_join(set));
    assert_figures(set, 2, PARKED_MAX - 1);
    active_set_close(set);
    for (int i = 0; i < PARKED_MAX; i++)
        thread_join(threads[i]);
    assert_figures(set, 2, 0);
    active_set_free(set);
}

static void test_leave_wakes_one(void)
{
    ActiveSet *set = active_set_new(1);
    Parked parked[PARKED_MAX];
    pthread_t threads[PARKED_MAX];
    atomic_int watchers = 0;

    g_assert_true(active_set_watch(set, false));
    park_all(set, parked, threads, &watchers, PARKED_MAX);
    /* Each place that is given up goes to one of them, and to one only. */
    for (int given = 1; given <= PARKED_MAX; given++) {
        active_set_unwatch(set);
        g_assert_cmpint(atomic_load(&watchers), ==, given - 1); /* there is no room yet */
        active_set_leave(set);
        wait_for_watchers(&watchers, given);
        g_assert_false(active_set_try_join(set));
    }
    for (int i = 0; i < PARKED_MAX; i++) {
        thread_join(threads[i]);
        g_assert_true(parked[i].watches);
    }
    active_set_free(set);
}

static void test_one_watches(void)
{
    ActiveSet *set = active_set_new(3);
    Parked parked[PARKED_MAX];
    pthread_t threads[PARKED_MAX];
    atomic_int watchers = 0;

    g_assert_true(active_set_watch(set, false));
    park_all(set, parked, threads, &watchers, PARKED_MAX); /* though there is room for two more */
    active_set_unwatch(set);
    wait_for_watchers(&watchers, 1);
    active_set_unwatch(set);
    wait_for_watchers(&watchers, 2); /* three are active now */
    active_set_unwatch(set);
    g_assert_false(active_set_try_join(set));
    /* One who is active may watch again before those who are parked. */
    g_assert_true(active_set_watch(set, true));
    g_assert_cmpint(atomic_load(&watchers), ==, 2);
    active_set_close(set);
    for (int i = 0; i < PARKED_MAX; i++)
        thread_join(threads[i]);
    active_set_free(set);
}

static void test_close_releases_all(void)
{
    ActiveSet *set = active_set_new(1);
    Parked parked[PARKED_MAX];
    pthread_t threads[PARKED_MAX];
    atomic_int watchers = 0;

    g_assert_true(active_set_watch(set, false));
    park_all(set, parked, threads, &watchers, PARKED_MAX);
    active_set_close(set);
    for (int i = 0; i < PARKED_MAX; i++) {
        thread_join(threads[i]);
        g_assert_false(parked[i].watches);
    }
    /* From now on too, room or not. */
    g_assert_false(active_set_watch(set, false));
    active_set_unwatch(set);
    g_assert_false(active_set_watch(set, true));
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
    atomic_bool *watched;
} Contender;

static void contend(void *argument)
{
    const Contender *contender = argument;

    for (int round = 0; round < contender->rounds; round++) {
        bool watches = !contender->tries || !active_set_try_join(contender->set);

        if (watches) {
            g_assert_true(active_set_watch(contender->set, false));
            g_assert_false(atomic_exchange(contender->watched, true));
        }
        int active = atomic_fetch_add(contender->active, 1) + 1;
        int most = atomic_load(contender->most);

        g_assert_cmpint(active, <=, ROOM);
        while (active > most && !atomic_compare_exchange_weak(contender->most, &most, active))
            ;
        sched_yield();
        atomic_fetch_sub(contender->active, 1);
        if (watches) {
            g_assert_true(atomic_exchange(contender->watched, false));
            active_set_unwatch(contender->set);
        }
        active_set_leave(contender->set);
    }
}

/* No more active than there is room for, one that watches; none waits for good, or the test would
 * not end. */
static void test_contention(void)
{
    ActiveSet *set = active_set_new(ROOM);
    Contender contenders[CONTENDERS];
    pthread_t threads[CONTENDERS];
    atomic_int active = 0, most = 0;
    atomic_bool watched = false;
    int rounds = g_getenv("HERD_TEST_SANITIZER") != NULL ? 1000 : 10000;

    for (int i = 0; i < CONTENDERS; i++) {
        contenders[i] = (Contender){.set = set,
                                    .rounds = rounds,
                                    .tries = i % 2 == 0,
                                    .active = &active,
                                    .most = &most,
                                    .watched = &watched};
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
    g_test_add_func("/active-set/figures/active-and-parked", test_figures);
    g_test_add_func("/active-set/leave/wakes-one-parked-worker", test_leave_wakes_one);
    g_test_add_func("/active-set/watch/one-at-a-time", test_one_watches);
    g_test_add_func("/active-set/close/releases-all-for-good", test_close_releases_all);
    g_test_add_func("/active-set/watch/never-more-active-than-its-size", test_contention);
    g_test_add_func("/active-set/size-for-cpus/follows-the-affinity", test_size_for_cpus);
    return g_test_run();
}
