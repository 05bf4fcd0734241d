/* SPDX-License-Identifier: MIT */
#include "places/http/apikey.h"

#include <glib.h>
#include <glib/gstdio.h>

/* What a bad key is, and that the file goes before the environment, is in places-google-legacy.c.
 */

static void test_a_credential_holds_it(void)
{
    g_autofree char *folder = g_dir_make_tmp("places-key-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "herd.places-key", NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) missing = NULL;

    g_assert_true(g_file_set_contents(path, "hush\n", -1, NULL));
    g_setenv("CREDENTIALS_DIRECTORY", folder, TRUE);
    g_autoptr(ApiKey) key = apikey_read("herd.places-key", &error);
    g_assert_no_error(error);
    g_assert_cmpstr(apikey_text(key), ==, "hush");

    /* Without the credential the same name is a path. */
    g_unsetenv("CREDENTIALS_DIRECTORY");
    g_assert_null(apikey_read("herd.places-key", &missing));
    g_assert_nonnull(strstr(missing->message, "key_file herd.places-key"));
    g_assert_cmpint(g_remove(path), ==, 0);
    g_assert_cmpint(g_rmdir(folder), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/places-apikey/a-credential-holds-it", test_a_credential_holds_it);
    return g_test_run();
}
