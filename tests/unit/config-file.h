/* SPDX-License-Identifier: MIT */
#pragma once

/* One configuration file, which each test writes and reads. */

#include "core/config.h"

#include <glib/gstdio.h>
#include <string.h>

static char *folder; /* (owned) of the files that the tests make */
static char *path;   /* (owned) of the one file that they read */

/* One member and nothing else. */
#define BAILEY "[member Bailey]\nlisten = 127.0.0.1:10000\n"
#define BONA   "[member Bona]\nlisten = 127.0.0.1:10001\n"

static Config *load_as(const char *name, const char *text, GError **error)
{
    bool written = g_file_set_contents(path, text, -1, NULL);

    g_assert_true(written);
    return config_load(path, name, error);
}

/* What Bailey is to do by @text. (transfer full) */
static Config *load(const char *text)
{
    g_autoptr(GError) error = NULL;
    Config *config = load_as("Bailey", text, &error);

    g_assert_no_error(error);
    g_assert_nonnull(config);
    return config;
}

/* @text is wrong, and the message is the file's name and @wanted. */
static void expect_error(const char *text, HerdConfigError code, const char *wanted)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Config) config = load_as("Bailey", text, &error);
    g_autofree char *message = g_strdup_printf("%s: %s", path, wanted);

    if (config != NULL) {
        g_autofree char *shown = g_strescape(text, NULL);

        g_test_fail_printf("taken instead of \"%s\": %s", wanted, shown);
        return;
    }
    g_assert_error(error, HERD_CONFIG_ERROR, (int)code);
    if (!g_str_has_prefix(error->message, message))
        g_test_fail_printf("\"%s\" instead of \"%s...\"", error->message, message);
    g_assert_null(strchr(error->message, '\n'));
}

static void file_begin(void)
{
    folder = g_dir_make_tmp("herd-config-XXXXXX", NULL);
    g_assert_nonnull(folder);
    path = g_build_filename(folder, "herd.conf", NULL);
}

static void file_end(void)
{
    g_unlink(path);
    g_rmdir(folder);
    g_free(path);
    g_free(folder);
}
