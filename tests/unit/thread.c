/* SPDX-License-Identifier: MIT */
#include "core/thread.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static pthread_t start(const char *name, ThreadMain main, void *argument)
{
    g_autoptr(GError) error = NULL;
    pthread_t thread;
    bool started = thread_start(&thread, name, main, argument, &error);

    g_assert_no_error(error);
    g_assert_true(started);
    return thread;
}

typedef struct {
    char *name; /* (owned) */
    char shown[16];
    bool blocked;
} Seen;

static void look(void *argument)
{
    Seen *seen = argument;
    sigset_t mask;

    seen->name = g_strdup(thread_name());
    g_assert_cmpint(pthread_getname_np(pthread_self(), seen->shown, sizeof seen->shown), ==, 0);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    seen->blocked = sigismember(&mask, SIGUSR1) == 1;
}

static void test_name(void)
{
    static const struct {
        const char *name, *shown;
    } rows[] = {
        {"log", "log"},
        {"worker/3", "worker/3"},
        {"fifteen-bytes-x", "fifteen-bytes-x"},
        {"sixteen-bytes-xx", "sixteen-bytes-x"}, /* ps shows fifteen; thread_name() all */
        {"worker/1023 of a long name", "worker/1023 of "},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        /* The caller's text may go as soon as the thread is started. */
        char *name = g_strdup(rows[i].name);
        Seen seen = {0};
        pthread_t thread = start(name, look, &seen);

        memset(name, 'x', strlen(name));
        g_free(name);
        thread_join(thread);
        g_assert_cmpstr(seen.name, ==, rows[i].name);
        g_assert_cmpstr(seen.shown, ==, rows[i].shown);
        g_free(seen.name);
    }
}

static void test_name_of_main(void)
{
    g_assert_cmpstr(thread_name(), ==, "main");
}

static void test_signal_mask(void)
{
    sigset_t wanted, before;

    sigemptyset(&wanted);
    sigaddset(&wanted, SIGUSR1);
    for (int blocked = 0; blocked <= 1; blocked++) {
        Seen seen = {0};

        pthread_sigmask(blocked ? SIG_BLOCK : SIG_UNBLOCK, &wanted, &before);
        thread_join(start("masked", look, &seen));
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        g_assert_cmpint(seen.blocked, ==, blocked);
        g_free(seen.name);
    }
}

/* The system has no more threads to give to a user who may have none; that binds everybody but
 * root. FALSE: this process cannot become such a user. */
static bool can_be_limited(void)
{
    return geteuid() != 0 || (seteuid(65534) == 0 && seteuid(0) == 0);
}

/* From now on, in a process of its own. */
static void become_limited(struct rlimit *ret_before)
{
    struct rlimit none;

    if (geteuid() == 0)
        g_assert_cmpint(setresuid(65534, 65534, 65534), ==, 0);
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* as before, for LeakSanitizer */
    g_assert_cmpint(getrlimit(RLIMIT_NPROC, ret_before), ==, 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = ret_before->rlim_max};
    g_assert_cmpint(setrlimit(RLIMIT_NPROC, &none), ==, 0);
}

static void run(void *argument)
{
    *(bool *)argument = true;
}

static void start_without_threads(void)
{
    struct rlimit before;
    bool ran = false;
    pthread_t thread, untouched;
    g_autoptr(GError) error = NULL;

    memset(&thread, 0x5a, sizeof thread);
    untouched = thread;
    become_limited(&before);
    g_assert_false(thread_start(&thread, "worker/17", run, &ran, &error));
    g_assert_error(error, HERD_THREAD_ERROR, HERD_THREAD_ERROR_START);
    g_assert_nonnull(strstr(error->message, "worker/17"));
    g_assert_nonnull(strstr(error->message, g_strerror(EAGAIN)));
    g_assert_null(strchr(error->message, '\n'));
    g_assert_true(pthread_equal(thread, untouched));
    /* Nor need the caller ask why. */
    g_assert_false(thread_start(&thread, "worker/18", run, &ran, NULL));
    g_assert_false(ran);
    setrlimit(RLIMIT_NPROC, &before); /* LeakSanitizer wants a thread too */
}

static void test_start_failure(void)
{
    if (g_test_subprocess()) {
        start_without_threads();
        return;
    }
    if (!can_be_limited()) {
        g_test_skip("no limit of threads binds this user");
        return;
    }
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
    g_test_trap_assert_passed();
}

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int state; /* protected by lock */
} Shared;

static void answer(void *argument)
{
    Shared *shared = argument;

    mutex_lock(&shared->lock);
    while (shared->state != 1)
        condition_wait(&shared->changed, &shared->lock);
    shared->state = 2;
    condition_broadcast(&shared->changed);
    mutex_unlock(&shared->lock);
}

static void test_condition(void)
{
    Shared shared = {.lock = PTHREAD_MUTEX_INITIALIZER};

    condition_init(&shared.changed);
    pthread_t thread = start("answer", answer, &shared);

    int64_t deadline = monotonic_ms() + 60000;
    mutex_lock(&shared.lock);
    shared.state = 1;
    condition_signal(&shared.changed);
    while (shared.state != 2)
        g_assert_true(condition_wait_until(&shared.changed, &shared.lock, deadline));
    mutex_unlock(&shared.lock);
    thread_join(thread);
    pthread_cond_destroy(&shared.changed);
    pthread_mutex_destroy(&shared.lock);
}

static void test_condition_deadline(void)
{
    Shared shared = {.lock = PTHREAD_MUTEX_INITIALIZER};

    condition_init(&shared.changed);
    mutex_lock(&shared.lock);
    /* One that has passed, and one that passes while it waits. */
    for (int64_t wait = -5; wait <= 5; wait += 10) {
        int64_t deadline = monotonic_ms() + wait;

        while (condition_wait_until(&shared.changed, &shared.lock, deadline))
            ;
        g_assert_cmpint(monotonic_ms(), >=, deadline);
    }
    mutex_unlock(&shared.lock);
    pthread_cond_destroy(&shared.changed);
    pthread_mutex_destroy(&shared.lock);
}

static void test_monotonic(void)
{
    int64_t before = g_get_monotonic_time() / 1000;
    int64_t now = monotonic_ms();
    int64_t after = g_get_monotonic_time() / 1000;

    g_assert_cmpint(before, <=, now);
    g_assert_cmpint(now, <=, after);
}

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool may_end; /* protected by lock */
} Gate;

static void wait_at_gate(void *argument)
{
    Gate *gate = argument;

    mutex_lock(&gate->lock);
    while (!gate->may_end)
        condition_wait(&gate->changed, &gate->lock);
    mutex_unlock(&gate->lock);
}

static void test_join_within(void)
{
    Gate gate = {.lock = PTHREAD_MUTEX_INITIALIZER};

    condition_init(&gate.changed);
    pthread_t thread = start("gate", wait_at_gate, &gate);
    int64_t begin = monotonic_ms();
    g_assert_false(thread_join_within(thread, 30));
    g_assert_cmpint(monotonic_ms() - begin, >=, 29); /* two clocks, each cut to milliseconds */
    begin = monotonic_ms();
    g_assert_false(thread_join_within(thread, 1030));
    g_assert_cmpint(monotonic_ms() - begin, >=, 1029);

    mutex_lock(&gate.lock);
    gate.may_end = true;
    condition_signal(&gate.changed);
    mutex_unlock(&gate.lock);
    g_assert_true(thread_join_within(thread, 60000));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/thread/name/of-a-thread", test_name);
    g_test_add_func("/thread/name/of-main", test_name_of_main);
    g_test_add_func("/thread/start/inherits-the-signal-mask", test_signal_mask);
    g_test_add_func("/thread/start/failure-is-reported", test_start_failure);
    g_test_add_func("/thread/condition/wakes", test_condition);
    g_test_add_func("/thread/condition/deadline", test_condition_deadline);
    g_test_add_func("/thread/monotonic-ms/is-the-monotonic-clock", test_monotonic);
    g_test_add_func("/thread/join-within/waits-as-long-as-it-may", test_join_within);
    return g_test_run();
}
