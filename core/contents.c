/* SPDX-License-Identifier: MIT */
#include "core/contents.h"

#include <string.h>

bool contents_read(const char *path, char **ret_text, size_t *ret_length, GError **error)
{
    g_autoptr(GError) problem = NULL;

    if (g_file_get_contents(path, ret_text, ret_length, &problem))
        return true;

    const char *why = strrchr(problem->message, ':'); /* the system's words stand behind the last */
    g_set_error(error, problem->domain, problem->code, "cannot read %s:%s", path,
                why != NULL ? why + 1 : " it is too large");
    return false;
}
