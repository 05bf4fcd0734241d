/* SPDX-License-Identifier: MIT */
#include "core/credential.h"

#include <glib.h>
#include <glib/gstdio.h>

/* A folder of credentials that holds one, "herd.secret". */
typedef struct {
    char *folder; /* (owned) */
    char *secret; /* (owned) its path */
} Fixture;

static void set_up(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
    fixture->folder = g_dir_make_tmp("herd-credential-XXXXXX", NULL);
    g_assert_nonnull(fixture->folder);
    fixture->secret = g_build_filename(fixture->folder, "herd.secret", NULL);
    g_assert_true(g_file_set_contents(fixture->secret, "s", 1, NULL));
    g_setenv("CREDENTIALS_DIRECTORY", fixture->folder, TRUE);
}

static void tear_down(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
    g_unsetenv("CREDENTIALS_DIRECTORY");
    g_assert_cmpint(g_remove(fixture->secret), ==, 0);
    g_assert_cmpint(g_rmdir(fixture->folder), ==, 0);
    g_free(fixture->secret);
    g_free(fixture->folder);
}

static void assert_path(const char *value, const char *expected)
{
    g_autofree char *path = credential_path(value);

    g_assert_cmpstr(path, ==, expected);
}

static void test_a_bare_name_is_the_credential(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
    assert_path("herd.secret", fixture->secret);
}

static void test_a_path_stays(G_GNUC_UNUSED Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
    assert_path("/etc/herd/herd.secret", "/etc/herd/herd.secret");
    assert_path("./herd.secret", "./herd.secret");
    assert_path("", "");
}

static void test_a_name_of_none_stays(G_GNUC_UNUSED Fixture *fixture,
                                      G_GNUC_UNUSED gconstpointer data)
{
    assert_path("herd.other", "herd.other");
    assert_path("..", ".."); /* is in the folder, but no file */
}

static void test_without_credentials_all_stay(G_GNUC_UNUSED Fixture *fixture,
                                              G_GNUC_UNUSED gconstpointer data)
{
    g_unsetenv("CREDENTIALS_DIRECTORY");
    assert_path("herd.secret", "herd.secret");
}

#define TEST(path, function) \
    g_test_add("/credential/" path, Fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    TEST("a-bare-name-is-the-credential", test_a_bare_name_is_the_credential);
    TEST("a-path-stays", test_a_path_stays);
    TEST("a-name-of-none-stays", test_a_name_of_none_stays);
    TEST("without-credentials-all-stay", test_without_credentials_all_stay);
    return g_test_run();
}
