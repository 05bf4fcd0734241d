/* SPDX-License-Identifier: MIT */
#pragma once

/* A log in a folder of the test's own, and what its lines have to look like. */

#include "core/log.h"
#include "core/thread.h"
#include "core/timestamp.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define LINE_FORM                                                             \
    "^([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})\\.([0-9]{9})Z " \
    "(info|warning|error) (\\S+) (.*)$"

/* A folder for one test's files. */
typedef struct {
    char *folder; /* (owned) */
    char *path;   /* (owned) of Bailey.log in it */
} Place;

static Place place_new(void)
{
    Place place = {.folder = g_dir_make_tmp("herd-log-XXXXXX", NULL)};

    g_assert_nonnull(place.folder);
    place.path = g_build_filename(place.folder, "Bailey.log", NULL);
    return place;
}

/* (transfer full) */
static char *place_file(const Place *place, const char *name)
{
    return g_build_filename(place->folder, name, NULL);
}

static void remove_all(const char *path)
{
    g_autoptr(GDir) folder =
        g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
    const char *name;

    while (folder != NULL && (name = g_dir_read_name(folder)) != NULL) {
        g_autofree char *inner = g_build_filename(path, name, NULL);

        remove_all(inner);
    }
    g_assert_cmpint(g_remove(path), ==, 0);
}

static void place_clear(Place *place)
{
    remove_all(place->folder);
    g_free(place->path);
    g_free(place->folder);
}

static Log *start(const Place *place, LogMessages messages)
{
    g_autoptr(GError) error = NULL;
    Log *log = log_new(place->folder, "Bailey", messages, &error);

    g_assert_no_error(error);
    g_assert_nonnull(log);
    return log;
}

/* The lines of the file @path; each ends in LF. (transfer full) */
static char **lines_of(const char *path)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    size_t length;

    g_file_get_contents(path, &text, &length, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(strlen(text), ==, length); /* no NUL, whatever was logged */
    if (length == 0)
        return g_new0(char *, 1);
    g_assert_cmpint(text[length - 1], ==, '\n');
    text[length - 1] = '\0';
    return g_strsplit(text, "\n", -1);
}

/* @line is "TIME LEVEL THREAD TEXT". */
static void assert_line(const char *line, const char *level, const char *thread, const char *text)
{
    g_autoptr(GRegex) form = g_regex_new(LINE_FORM, G_REGEX_DOLLAR_ENDONLY, 0, NULL);
    g_autoptr(GMatchInfo) parts = NULL;
    bool matches = g_regex_match(form, line, 0, &parts);

    if (!matches)
        g_test_message("of another form: %s", line);
    g_assert_true(matches);
    g_autofree char *got_level = g_match_info_fetch(parts, 3);
    g_autofree char *got_thread = g_match_info_fetch(parts, 4);
    g_autofree char *got_text = g_match_info_fetch(parts, 5);
    g_assert_cmpstr(got_level, ==, level);
    g_assert_cmpstr(got_thread, ==, thread);
    g_assert_cmpstr(got_text, ==, text);
}

/* The one line of @log, which is ended, is @text by this thread. */
static void assert_one_line(const Place *place, const char *level, const char *text)
{
    g_auto(GStrv) lines = lines_of(place->path);

    g_assert_cmpuint(g_strv_length(lines), ==, 1);
    assert_line(lines[0], level, "main", text);
}

/* Until @path, a file in @place's folder, holds @text: the kernel says when it has changed. */
static void wait_for_text(const Place *place, const char *path, const char *text)
{
    char event[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    int watch = inotify_init1(IN_CLOEXEC);

    g_assert_cmpint(watch, >=, 0);
    g_assert_cmpint(inotify_add_watch(watch, place->folder, IN_MODIFY | IN_CREATE | IN_MOVED_TO),
                    >=, 0);
    for (;;) {
        g_autofree char *contents = NULL;

        if (g_file_get_contents(path, &contents, NULL, NULL) && strstr(contents, text) != NULL)
            break;
        g_assert_cmpint(read(watch, event, sizeof event), >, 0);
    }
    close(watch);
}
