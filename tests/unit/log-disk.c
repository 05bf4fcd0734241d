/* SPDX-License-Identifier: MIT */

/* The log on disks that are renamed, full, half full and hanging. */

#include "tests/unit/log-files.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* Until the log thread has met the disk that takes nothing. */
static void wait_for_dropped(Log *log, uint64_t count)
{
    while (log_dropped(log) < count)
        sched_yield();
}

static void test_reopen_after_rename(void)
{
    Place place = place_new();
    g_autofree char *old = place_file(&place, "Bailey.log.1");
    Log *log = start(&place, LOG_MESSAGES_ALL);

    log_event(log, LOG_INFO, "before");
    wait_for_text(&place, place.path, "before");
    g_assert_cmpint(g_rename(place.path, old), ==, 0);
    log_event(log, LOG_INFO, "between");
    wait_for_text(&place, old, "between");
    log_reopen(log);
    wait_for_text(&place, place.path, "");
    log_event(log, LOG_INFO, "after");
    log_free(log);

    g_auto(GStrv) first = lines_of(old);
    g_assert_cmpuint(g_strv_length(first), ==, 2);
    assert_line(first[0], "info", "main", "before");
    assert_line(first[1], "info", "main", "between");
    assert_one_line(&place, "info", "after");
    place_clear(&place);
}

/* What is logged after log_reopen() is in the new file, however soon it comes. */
static void test_reopen_before_the_next_line(void)
{
    Place place = place_new();
    g_autofree char *old = place_file(&place, "Bailey.log.1");
    Log *log = start(&place, LOG_MESSAGES_ALL);

    log_event(log, LOG_INFO, "before");
    wait_for_text(&place, place.path, "before");
    g_assert_cmpint(g_rename(place.path, old), ==, 0);
    log_reopen(log);
    log_event(log, LOG_INFO, "after");
    log_free(log);

    g_auto(GStrv) first = lines_of(old);
    g_assert_cmpuint(g_strv_length(first), >=, 1);
    assert_line(first[0], "info", "main", "before");
    if (first[1] != NULL)
        g_test_fail_printf("in the old file: %s", first[1]);
    else
        assert_one_line(&place, "info", "after");
    place_clear(&place);
}

/* Better in the old file than nowhere. */
static void test_reopen_failure(void)
{
    Place place = place_new();
    g_autofree char *old = place_file(&place, "Bailey.log.1");
    Log *log = start(&place, LOG_MESSAGES_ALL);

    log_event(log, LOG_INFO, "before");
    wait_for_text(&place, place.path, "before");
    g_assert_cmpint(g_rename(place.path, old), ==, 0);
    g_assert_cmpint(g_mkdir(place.path, 0700), ==, 0);
    log_reopen(log);
    wait_for_text(&place, old, "cannot open");
    log_event(log, LOG_INFO, "after");
    log_free(log);

    g_auto(GStrv) lines = lines_of(old);
    g_autofree char *why =
        g_strdup_printf("log cannot open %s again: %s", place.path, g_strerror(EISDIR));
    g_assert_cmpuint(g_strv_length(lines), ==, 3);
    assert_line(lines[0], "info", "main", "before");
    assert_line(lines[1], "error", "log", why);
    assert_line(lines[2], "info", "main", "after");
    place_clear(&place);
}

/* A disk that is full takes nothing; what it did not take is counted, and said once there is room.
 */
static void test_full_disk(void)
{
    Place place = place_new();
    Log *log;

    g_assert_cmpint(symlink("/dev/full", place.path), ==, 0);
    log = start(&place, LOG_MESSAGES_ALL);
    g_assert_cmpuint(log_dropped(log), ==, 0);
    for (unsigned i = 1; i <= 30; i++) {
        log_event(log, LOG_INFO, "line %u", i);
        if (i % 10 == 0) /* in several writes */
            wait_for_dropped(log, i);
    }
    g_assert_cmpuint(log_dropped(log), ==, 30);

    g_assert_cmpint(g_unlink(place.path), ==, 0);
    log_reopen(log);
    wait_for_text(&place, place.path, "dropped");
    log_event(log, LOG_INFO, "room again");
    wait_for_text(&place, place.path, "room again");
    log_event(log, LOG_INFO, "and on");
    log_free(log);

    g_auto(GStrv) lines = lines_of(place.path);
    g_assert_cmpuint(g_strv_length(lines), ==, 3);
    assert_line(lines[0], "warning", "log", "log dropped 30 lines");
    assert_line(lines[1], "info", "main", "room again");
    assert_line(lines[2], "info", "main", "and on");
    place_clear(&place);
}

static void test_full_disk_to_the_end(void)
{
    Place place = place_new();

    g_assert_cmpint(symlink("/dev/full", place.path), ==, 0);
    Log *log = start(&place, LOG_MESSAGES_ALL);
    log_event(log, LOG_INFO, "lost");
    log_free(log); /* it ends all the same */
    place_clear(&place);
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;

    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &limit), ==, 0);
    limit.rlim_cur = MIN(bytes, limit.rlim_max);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
}

static bool has_line(const Place *place, const char *level, const char *thread, const char *text)
{
    g_auto(GStrv) lines = lines_of(place->path);
    g_autofree char *end = g_strdup_printf("Z %s %s %s", level, thread, text);

    for (size_t i = 0; lines[i] != NULL; i++) {
        const char *at = strstr(lines[i], end);

        /* Nothing before it but the time, and nothing after it. */
        if (at == lines[i] + strlen("2026-01-31T12:00:00.123456789") && strlen(at) == strlen(end))
            return true;
    }
    return false;
}

static void expect_line(const Place *place, const char *level, const char *thread, const char *text)
{
    g_autofree char *contents = NULL;

    if (has_line(place, level, thread, text))
        return;
    g_file_get_contents(place->path, &contents, NULL, NULL);
    g_autofree char *shown = g_strescape(contents, NULL);
    g_test_fail_printf("no line of its own says \"%s\": %s", text, shown);
}

static uint64_t count_line_feeds(const char *path)
{
    g_autofree char *text = NULL;
    uint64_t count = 0;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    for (const char *at = text; *at != '\0'; at++)
        count += *at == '\n';
    return count;
}

/* Until each of the @sent lines is in the file or counted. */
static void wait_for_all(const Place *place, Log *log, uint64_t sent)
{
    while (count_line_feeds(place->path) + log_dropped(log) < sent)
        sched_yield();
    g_assert_cmpuint(count_line_feeds(place->path) + log_dropped(log), ==, sent);
}

enum { FILLING = 40 };

/* Sends FILLING lines to a disk that is full in the midst of one of them. In a process of its own,
 * whose limit of file sizes it is. */
static void fill_to_half_a_line(const Place *place, Log *log)
{
    signal(SIGXFSZ, SIG_IGN);
    limit_files(1000);
    for (int i = 0; i < FILLING; i++)
        log_event(log, LOG_INFO, "line %d", i);
    wait_for_all(place, log, FILLING);
    g_assert_cmpuint(log_dropped(log), >, 0);
}

static void test_half_a_line(void)
{
    if (!g_test_subprocess()) {
        g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
        if (!g_test_trap_has_passed())
            g_test_fail_printf("its child process failed");
        return;
    }

    Place place = place_new();
    Log *log = start(&place, LOG_MESSAGES_ALL);

    fill_to_half_a_line(&place, log);
    uint64_t dropped = log_dropped(log);
    limit_files(RLIM_INFINITY);
    log_event(log, LOG_INFO, "room again");
    log_free(log);

    g_autofree char *count = g_strdup_printf("log dropped %" G_GUINT64_FORMAT " lines", dropped);
    expect_line(&place, "info", "main", "room again");
    expect_line(&place, "warning", "log", count);
    /* The half line's end, and those two. */
    g_assert_cmpuint(count_line_feeds(place.path), ==, FILLING - dropped + 3);
    place_clear(&place);
}

/* Also where nothing but the count is left to be written. */
static void test_half_a_line_at_free(void)
{
    if (!g_test_subprocess()) {
        g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
        if (!g_test_trap_has_passed())
            g_test_fail_printf("its child process failed");
        return;
    }

    Place place = place_new();
    Log *log = start(&place, LOG_MESSAGES_ALL);

    fill_to_half_a_line(&place, log);
    uint64_t dropped = log_dropped(log);
    limit_files(RLIM_INFINITY);
    log_free(log);

    g_autofree char *count = g_strdup_printf("log dropped %" G_GUINT64_FORMAT " lines", dropped);
    expect_line(&place, "warning", "log", count);
    place_clear(&place);
}

/* A reopening without a rename: the same file, which ends in half a line. */
static void test_half_a_line_and_reopen(void)
{
    if (!g_test_subprocess()) {
        g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
        if (!g_test_trap_has_passed())
            g_test_fail_printf("its child process failed");
        return;
    }

    Place place = place_new();
    Log *log = start(&place, LOG_MESSAGES_ALL);

    fill_to_half_a_line(&place, log);
    log_reopen(log);
    log_event(log, LOG_INFO, "lost too");
    wait_for_all(&place, log, FILLING + 1);
    limit_files(RLIM_INFINITY);
    log_event(log, LOG_INFO, "room again");
    log_free(log);

    expect_line(&place, "info", "main", "room again");
    place_clear(&place);
}

/* Nor is a line glued to the half of one that an earlier run left behind. */
static void test_half_a_line_of_an_earlier_run(void)
{
    Place place = place_new();

    g_assert_true(g_file_set_contents(place.path, "2026-01-31T12:00:00.12345", -1, NULL));
    Log *log = start(&place, LOG_MESSAGES_ALL);
    log_event(log, LOG_INFO, "started");
    log_free(log);

    expect_line(&place, "info", "main", "started");
    place_clear(&place);
}

typedef struct {
    int descriptor;    /* (owned) of the pipe's reading end */
    atomic_uint lines; /* whole ones, but for those of the log about itself */
    uint64_t said;     /* that were dropped */
} Reader;

static void read_pipe(void *argument)
{
    Reader *reader = argument;
    FILE *stream = fdopen(reader->descriptor, "r");
    g_autoptr(GRegex) form = g_regex_new(LINE_FORM, G_REGEX_DOLLAR_ENDONLY, 0, NULL);
    char line[8192];

    g_assert_nonnull(stream);
    while (fgets(line, sizeof line, stream) != NULL) {
        const char *count = strstr(line, "Z warning log log dropped ");

        g_strchomp(line);
        g_assert_true(g_regex_match(form, line, 0, NULL));
        if (count != NULL)
            reader->said +=
                g_ascii_strtoull(count + strlen("Z warning log log dropped "), NULL, 10);
        else
            atomic_fetch_add(&reader->lines, 1);
    }
    fclose(stream);
}

/* A disk that hangs: nobody waits for it, and what finds no room in memory is counted. */
static void test_no_room_in_memory(void)
{
    enum { SENT = 3000 };
    Place place = place_new();
    Reader reader = {0};
    g_autoptr(GError) error = NULL;
    g_autofree char *text = g_strnfill(4000, 'x');
    pthread_t thread;

    /* A pipe that nobody reads stands for it. */
    g_assert_cmpint(mkfifo(place.path, 0600), ==, 0);
    reader.descriptor = open(place.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    g_assert_cmpint(reader.descriptor, >=, 0);
    g_assert_cmpint(fcntl(reader.descriptor, F_SETFL, 0), ==, 0);
    Log *log = start(&place, LOG_MESSAGES_ALL);

    for (int i = 0; i < SENT; i++) /* 12 MB, more than both buffers and the pipe hold */
        log_event(log, LOG_INFO, "%s", text);
    uint64_t dropped = log_dropped(log);
    g_assert_cmpuint(dropped, >, 0);
    g_assert_cmpuint(dropped * 4000, <, (uint64_t)SENT * 4000 - LOG_BUFFER_SIZE / 2);

    bool started = thread_start(&thread, "reader", read_pipe, &reader, &error);
    g_assert_no_error(error);
    g_assert_true(started);
    /* log_free() waits for a disk that hangs, and no longer. */
    while (atomic_load(&reader.lines) + dropped < SENT)
        sched_yield();
    log_free(log);
    thread_join(thread);
    g_assert_cmpuint(atomic_load(&reader.lines) + dropped, ==, SENT);
    g_assert_cmpuint(reader.said, ==, dropped);
    place_clear(&place);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/log/reopen/after-rename", test_reopen_after_rename);
    g_test_add_func("/log/reopen/before-the-next-line", test_reopen_before_the_next_line);
    g_test_add_func("/log/reopen/failure-goes-on-in-the-old-file", test_reopen_failure);
    g_test_add_func("/log/dropped/full-disk-is-counted-and-said", test_full_disk);
    g_test_add_func("/log/dropped/full-disk-to-the-end", test_full_disk_to_the_end);
    g_test_add_func("/log/dropped/half-a-line-is-ended", test_half_a_line);
    g_test_add_func("/log/dropped/half-a-line-is-ended-at-free", test_half_a_line_at_free);
    g_test_add_func("/log/dropped/half-a-line-is-ended-after-reopen", test_half_a_line_and_reopen);
    g_test_add_func("/log/new/half-a-line-of-an-earlier-run-is-ended",
                    test_half_a_line_of_an_earlier_run);
    g_test_add_func("/log/dropped/no-room-in-memory-is-counted-and-said", test_no_room_in_memory);
    return g_test_run();
}
