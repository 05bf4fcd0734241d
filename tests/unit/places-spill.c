/* SPDX-License-Identifier: MIT */

/* spill, and the writer of places files when the disk has no room for its spills. */

#include "places/file/spill.h"

#include "tests/unit/places-image.h"

#include <errno.h>
#include <glib/gstdio.h>

#include <signal.h>
#include <sys/resource.h>

#define FILE_LIMIT 200000 /* bytes */

static void test_comes_back(void)
{
    g_autoptr(Spill) spill = spill_new(g_get_tmp_dir(), NULL);
    g_autoptr(GString) all = g_string_new(NULL);

    g_assert_nonnull(spill);
    for (unsigned i = 0; i < 20000; i++) {
        g_autofree char *piece =
            g_strnfill((gsize)g_test_rand_int_range(0, 30), (char)('a' + i % 26));

        g_string_append(all, piece);
        g_assert_true(spill_append(spill, piece, strlen(piece), NULL));
        g_assert_cmpuint(spill_size(spill), ==, all->len);
    }
    char *map = spill_map(spill, NULL);
    g_assert_nonnull(map);
    g_assert_cmpuint(spill_size(spill), ==, all->len);
    g_assert_true(memcmp(map, all->str, all->len) == 0);
    memset(map, 'x', spill_size(spill));
}

static void test_nothing(void)
{
    g_autoptr(Spill) spill = spill_new(g_get_tmp_dir(), NULL);

    g_assert_nonnull(spill_map(spill, NULL));
    g_assert_cmpuint(spill_size(spill), ==, 0);
}

static void test_leaves_no_name(void)
{
    g_autofree char *folder = g_dir_make_tmp("herd-XXXXXX", NULL);
    g_autoptr(Spill) spill = spill_new(folder, NULL);

    g_assert_true(spill_append(spill, "x", 1, NULL));
    g_assert_nonnull(spill_map(spill, NULL));
    g_assert_cmpint(g_rmdir(folder), ==, 0);
}

static void test_no_folder(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) writer_error = NULL;

    g_assert_null(spill_new("/nonexistent/folder", &error));
    g_assert_error(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_DISK);
    g_assert_null(placesfile_writer_new("", "/nonexistent/folder", &writer_error));
    g_assert_error(writer_error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_DISK);
}

/* A limit on the size of files does what a full disk does. */
static void test_full_disk(void)
{
    g_autoptr(PlacesFileWriter) writer = new_writer("");
    Place place = {.id = SLICE("id"), .name = SLICE("name")};
    g_autoptr(GError) error = NULL;
    struct rlimit before;

    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &before), ==, 0);
    struct rlimit limit = {.rlim_cur = FILE_LIMIT, .rlim_max = before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
    unsigned rows = 0;
    while (rows < FILE_LIMIT && placesfile_writer_add(writer, &place, &error))
        rows++;
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &before), ==, 0);
    g_assert_error(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_DISK);
    g_assert_nonnull(strstr(error->message, g_strerror(EFBIG)));
    g_assert_cmpuint(rows, >, 1000);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/places/spill/what-was-appended-comes-back", test_comes_back);
    g_test_add_func("/places/spill/nothing-can-be-mapped", test_nothing);
    g_test_add_func("/places/spill/leaves-no-name", test_leaves_no_name);
    g_test_add_func("/places/spill/no-folder-is-an-error", test_no_folder);
    g_test_add_func("/places/spill/a-full-disk-is-an-error", test_full_disk);
    return g_test_run();
}
