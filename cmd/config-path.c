/* SPDX-License-Identifier: MIT */
#include "cmd/config-path.h"

#include <glib.h>

const char *config_path_default(void)
{
    return g_file_test(CONFIG_PATH_LOCAL, G_FILE_TEST_EXISTS) ? CONFIG_PATH_LOCAL
                                                              : CONFIG_PATH_INSTALLED;
}
