/* SPDX-License-Identifier: MIT */
#include "tests/unit/state-rig.h"

#include <signal.h>
#include <sys/resource.h>

static void test_survives_close(void)
{
    Place place = place_new();
    Log *log = start(&place, LOG_MESSAGES_NONE);
    State *state = start_state(&place, log);

    keep(state, "kiwi", 5);
    keep(state, "moa", 6);
    state_close(state);
    assert_times(place.folder, log, "kiwi=5 moa=6");

    state = start_state(&place, log);
    keep(state, "kiwi", 7);
    state_close(state);
    assert_times(place.folder, log, "kiwi=7 moa=6");
    state_close(NULL);

    log_free(log);
    place_clear(&place);
}

/* A member that starts and stops, or only looks, changes nothing. */
static void test_load_alone(void)
{
    Place place = place_new();
    Log *log = start(&place, LOG_MESSAGES_NONE);
    State *state = start_state(&place, log);

    keep(state, "kiwi", 5);
    state_close(state);
    for (int i = 0; i < 3; i++)
        assert_times(place.folder, log, "kiwi=5");
    state_close(start_state(&place, log));
    assert_times(place.folder, log, "kiwi=5");

    log_free(log);
    place_clear(&place);
}

/* The line comes back to the byte, whatever is in it. */
static void test_bytes(void)
{
    static const char client[] = "k\x01\x7f\xff\xc3\x28'\"\\%;--";
    Place place = place_new();
    Log *log = start(&place, LOG_MESSAGES_NONE);
    State *state = start_state(&place, log);
    g_autofree char *longest = g_strnfill(32000, 'k');

    keep(state, client, 5);
    keep(state, longest, 6);
    state_close(state);

    g_autoptr(GError) error = NULL;
    g_autoptr(GHashTable) times = load_times(place.folder, log, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(g_hash_table_size(times), ==, 2);
    g_assert_true(g_hash_table_contains(times, client));
    g_assert_true(g_hash_table_contains(times, longest));

    log_free(log);
    place_clear(&place);
}

/* Keeps two clients, says so when they are saved, and then waits for its end. */
static void keep_and_wait(const Place *place, int ready)
{
    Log *log = start(place, LOG_MESSAGES_NONE);
    State *state = start_state(place, log);

    uint64_t saved = counters_read(COUNT_STATE_SAVED);

    keep(state, "kiwi", 5);
    keep(state, "moa", 6);
    wait_for_saved(saved + 2);
    keep(state, "kiwi", 7);
    wait_for_saved(saved + 3);
    g_assert_cmpint(write(ready, "x", 1), ==, 1);
    for (;;)
        pause();
}

static void test_survives_sigkill(void)
{
    Place place = place_new();
    int ready[2];
    char byte;
    int status;

    g_assert_cmpint(pipe(ready), ==, 0);
    pid_t child = fork();
    g_assert_cmpint(child, >=, 0);
    if (child == 0)
        keep_and_wait(&place, ready[1]);
    close(ready[1]); /* so that a child that fails ends the reading */
    g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);
    g_assert_cmpint(kill(child, SIGKILL), ==, 0);
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    close(ready[0]);

    Log *log = start(&place, LOG_MESSAGES_NONE);
    g_autofree char *wal = place_file(&place, "Bailey.db-wal");
    g_assert_true(g_file_test(wal, G_FILE_TEST_EXISTS)); /* it did not end in order */
    assert_times(place.folder, log, "kiwi=7 moa=6");
    state_close(start_state(&place, log));
    g_assert_false(g_file_test(wal, G_FILE_TEST_EXISTS));
    assert_times(place.folder, log, "kiwi=7 moa=6");
    log_free(log);
    place_clear(&place);
}

/* Between two batches all that is said of a client is one entry. */
static void test_conflation(void)
{
    enum { UPDATES = 1000 };
    Place place = place_new();
    Log *log = start(&place, LOG_MESSAGES_NONE);
    g_autoptr(GError) error = NULL;
    /* So long that the only batch is that of the end. */
    State *state = state_open(place.folder, "Bailey", 60000, log, &error);
    uint64_t saved = counters_read(COUNT_STATE_SAVED);
    bool started = state_start(state, &error);

    g_assert_no_error(error);
    g_assert_true(started);
    for (unsigned i = 1; i <= UPDATES; i++) {
        keep(state, "kiwi", i);
        keep(state, "moa", UPDATES + 1 - i);
    }
    state_close(state);
    g_assert_cmpuint(counters_read(COUNT_STATE_SAVED) - saved, ==, 2);
    assert_times(place.folder, log, "kiwi=1000 moa=1000");

    log_free(log);
    place_clear(&place);
}

/* A worker that stored first may hand in last, when the newer one is on the disk already. */
static void test_never_backwards(void)
{
    Place place = place_new();
    Log *log = start(&place, LOG_MESSAGES_NONE);
    State *state = start_state(&place, log);
    uint64_t saved = counters_read(COUNT_STATE_SAVED);

    keep(state, "kiwi", 7);
    wait_for_saved(saved + 1);
    keep(state, "kiwi", 5);
    wait_for_saved(saved + 2);
    state_close(state);
    assert_times(place.folder, log, "kiwi=7");

    log_free(log);
    place_clear(&place);
}

static void test_forget(void)
{
    Place place = place_new();
    Log *log = start(&place, LOG_MESSAGES_NONE);
    State *state = start_state(&place, log);
    uint64_t saved = counters_read(COUNT_STATE_SAVED);

    keep(state, "gone", 5);
    keep(state, "newer-on-disk", 6);
    keep(state, "newer-later", 5);
    keep(state, "older-on-disk", 4);
    wait_for_saved(saved + 4);

    forget(state, "gone", 5);
    forget(state, "newer-on-disk", 5);
    forget(state, "newer-later", 5);
    keep(state, "newer-later", 6);
    keep(state, "older-on-disk", 5); /* which may never come to the disk */
    forget(state, "older-on-disk", 5);
    keep(state, "newer-waits", 6);
    forget(state, "newer-waits", 5);
    keep(state, "unsaved", 5);
    forget(state, "unsaved", 5);
    forget(state, "back", 5);
    keep(state, "back", 5);
    forget(state, "unknown", 5);
    state_close(state);
    assert_times(place.folder, log, "newer-on-disk=6 newer-later=6 newer-waits=6 back=5");

    log_free(log);
    place_clear(&place);
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;

    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &limit), ==, 0);
    limit.rlim_cur = MIN(bytes, limit.rlim_max);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
}

enum { FILLING = 500 };

/* Hands in more than the disk takes, and waits until that is in the log. */
static void fill(const Place *place, State *state)
{
    uint64_t saved = counters_read(COUNT_STATE_SAVED);
    g_autofree char *wal = place_file(place, "Bailey.db-wal");
    GStatBuf size;

    signal(SIGXFSZ, SIG_IGN);
    keep(state, "kiwi", 5);
    keep(state, "gone", 5);
    wait_for_saved(saved + 2);

    /* Room for the log, and not for one more record: how many are written at once is not known. */
    g_assert_cmpint(g_stat(wal, &size), ==, 0);
    limit_files((rlim_t)size.st_size);
    for (unsigned i = 0; i < FILLING; i++) {
        g_autofree char *client = g_strdup_printf("client/%u", i);

        keep(state, client, 5);
    }
    wait_for_text(place, place->path, "cannot write the state file");
}

/* Whether this is the process whose limit of file sizes it is. */
static bool in_subprocess(void)
{
    if (g_test_subprocess())
        return true;
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
    if (!g_test_trap_has_passed())
        g_test_fail_printf("its child process failed");
    return false;
}

static unsigned count_lines(const Place *place, const char *text)
{
    g_auto(GStrv) lines = lines_of(place->path);
    unsigned count = 0;

    for (size_t i = 0; lines[i] != NULL; i++)
        count += strstr(lines[i], text) != NULL;
    return count;
}

static void test_full_disk_and_recovery(void)
{
    if (!in_subprocess())
        return;

    Place place = place_new();
    Log *log = start(&place, LOG_MESSAGES_NONE);
    State *state = start_state(&place, log);

    fill(&place, state);
    /* Meanwhile: newer, older, new, gone. */
    keep(state, "client/1", 9);
    keep(state, "client/2", 3);
    keep(state, "moa", 6);
    forget(state, "gone", 5);
    forget(state, "client/3", 5);
    limit_files(RLIM_INFINITY);
    wait_for_text(&place, place.path, "is written again");
    keep(state, "kiwi", 8);
    state_close(state);
    log_free(log);
    g_assert_cmpuint(count_lines(&place, "error state cannot write the state file"), ==, 1);
    g_assert_cmpuint(count_lines(&place, "is written again"), ==, 1);
    g_assert_cmpuint(counters_read(COUNT_STATE_LATE), >, 0);

    log = start(&place, LOG_MESSAGES_NONE);
    g_autoptr(GError) error = NULL;
    g_autoptr(GHashTable) times = load_times(place.folder, log, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(g_hash_table_size(times), ==, FILLING - 1 + 2);
    for (unsigned i = 0; i < FILLING; i++) {
        g_autofree char *client = g_strdup_printf("client/%u", i);
        unsigned expected = i == 1 ? 9 : i == 3 ? 0 : 5;

        g_assert_cmpuint(GPOINTER_TO_UINT(g_hash_table_lookup(times, client)), ==, expected);
    }
    g_assert_cmpuint(GPOINTER_TO_UINT(g_hash_table_lookup(times, "moa")), ==, 6);
    g_assert_cmpuint(GPOINTER_TO_UINT(g_hash_table_lookup(times, "kiwi")), ==, 8);
    log_free(log);
    place_clear(&place);
}

/* It ends all the same, says what is lost, and what was saved before is there. */
static void test_full_disk_to_the_end(void)
{
    if (!in_subprocess())
        return;

    Place place = place_new();
    Log *log = start(&place, LOG_MESSAGES_NONE);
    State *state = start_state(&place, log);

    fill(&place, state);
    state_close(state);
    log_free(log);
    limit_files(RLIM_INFINITY);
    g_assert_cmpuint(count_lines(&place, "500 clients' records are not saved"), ==, 1);

    log = start(&place, LOG_MESSAGES_NONE);
    assert_times(place.folder, log, "kiwi=5 gone=5");
    log_free(log);
    place_clear(&place);
}

static void test_folder_that_cannot_be_made(void)
{
    Place place = place_new();
    Log *log = start(&place, LOG_MESSAGES_NONE);
    g_autoptr(GError) error = NULL;
    g_autofree char *inner = place_file(&place, "Bailey.log/state");
    State *state = state_open(inner, "Bailey", SYNC_MS, log, &error);

    g_assert_null(state);
    g_assert_error(error, HERD_STATE_ERROR, HERD_STATE_ERROR_OPEN);
    g_assert_nonnull(strstr(error->message, inner));

    log_free(log);
    place_clear(&place);
}

static void test_folder_is_made(void)
{
    Place place = place_new();
    Log *log = start(&place, LOG_MESSAGES_NONE);
    g_autofree char *inner = place_file(&place, "a/b");
    g_autoptr(GError) error = NULL;
    State *state = state_open(inner, "Bailey", SYNC_MS, log, &error);

    g_assert_no_error(error);
    state_close(state);
    assert_times(inner, log, "");

    log_free(log);
    place_clear(&place);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/state/keep/survives-a-close", test_survives_close);
    g_test_add_func("/state/keep/survives-sigkill", test_survives_sigkill);
    g_test_add_func("/state/keep/bytes-are-bytes", test_bytes);
    g_test_add_func("/state/keep/one-entry-a-client", test_conflation);
    g_test_add_func("/state/keep/never-backwards", test_never_backwards);
    g_test_add_func("/state/forget/that-record-and-older-ones", test_forget);
    g_test_add_func("/state/load/changes-nothing", test_load_alone);
    g_test_add_func("/state/write/full-disk-loses-nothing", test_full_disk_and_recovery);
    g_test_add_func("/state/write/full-disk-to-the-end", test_full_disk_to_the_end);
    g_test_add_func("/state/open/folder-is-made", test_folder_is_made);
    g_test_add_func("/state/open/folder-that-cannot-be-made", test_folder_that_cannot_be_made);
    return g_test_run();
}
