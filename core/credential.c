/* SPDX-License-Identifier: MIT */
#include "core/credential.h"

#include <glib.h>
#include <string.h>

char *credential_path(const char *value)
{
    const char *folder = g_getenv("CREDENTIALS_DIRECTORY");

    if (folder != NULL && strchr(value, '/') == NULL) {
        g_autofree char *path = g_build_filename(folder, value, NULL);

        if (g_file_test(path, G_FILE_TEST_IS_REGULAR))
            return g_steal_pointer(&path);
    }
    return g_strdup(value);
}
