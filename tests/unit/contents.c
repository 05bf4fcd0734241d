/* SPDX-License-Identifier: MIT */
#include "core/contents.h"

#include <errno.h>
#include <glib/gstdio.h>

static void test_all(void)
{
    g_autofree char *folder = g_dir_make_tmp("herd-contents-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "file", NULL);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    size_t length;

    g_assert_true(g_file_set_contents(path, "a\0b\n", 4, NULL));
    g_assert_true(contents_read(path, &text, &length, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(length, ==, 4);
    g_assert_true(memcmp(text, "a\0b\n", 5) == 0);
    g_remove(path);
    g_rmdir(folder);
}

static void test_secret(void)
{
    g_autofree char *folder = g_dir_make_tmp("herd-contents-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "file", NULL);
    char bytes[4];
    mode_t mode;

    g_assert_true(g_file_set_contents_full(path, "abc", 3, 0, 0640, NULL));
    g_assert_cmpint(contents_read_secret(path, bytes, sizeof bytes, &mode), ==, 3);
    g_assert_true(memcmp(bytes, "abc", 3) == 0);
    g_assert_cmpint(mode & 0777, ==, 0640);
    g_assert_cmpint(contents_read_secret(path, bytes, 2, NULL), ==, 2); /* what there is room for */
    g_remove(path);
    g_assert_cmpint(contents_read_secret(path, bytes, sizeof bytes, NULL), ==, -1);
    g_assert_cmpint(errno, ==, ENOENT);
    g_assert_cmpint(contents_read_secret(folder, bytes, sizeof bytes, NULL), ==, -1);
    g_assert_cmpint(errno, ==, EISDIR);
    g_rmdir(folder);
}

static void test_failure(void)
{
    g_autofree char *folder = g_dir_make_tmp("herd-contents-XXXXXX", NULL);
    g_autofree char *none = g_build_filename(folder, "a: b", NULL);
    const struct {
        const char *path;
        GFileError code;
        int number;
    } rows[] = {{none, G_FILE_ERROR_NOENT, ENOENT}, {folder, G_FILE_ERROR_ISDIR, EISDIR}};

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        char *text = NULL;
        size_t length;

        g_assert_false(contents_read(rows[i].path, &text, &length, &error));
        g_assert_error(error, G_FILE_ERROR, (int)rows[i].code);
        g_autofree char *expected =
            g_strdup_printf("cannot read %s: %s", rows[i].path, g_strerror(rows[i].number));
        g_assert_cmpstr(error->message, ==, expected);
    }
    g_rmdir(folder);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/contents/all-of-a-file", test_all);
    g_test_add_func("/contents/secret", test_secret);
    g_test_add_func("/contents/failure-in-plain-words", test_failure);
    return g_test_run();
}
