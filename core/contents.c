/* SPDX-License-Identifier: MIT */
#include "core/contents.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

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

ssize_t contents_read_secret(const char *path, char *bytes, size_t size, mode_t *ret_mode)
{
    FILE *file = fopen(path, "re");
    struct stat status;

    if (file == NULL)
        return -1;
    setvbuf(file, NULL, _IONBF, 0);
    size_t length = fread(bytes, 1, size, file);
    bool failed = ferror(file) != 0 || fstat(fileno(file), &status) != 0;
    int problem = errno;
    fclose(file);
    errno = problem;
    if (failed)
        return -1;
    if (ret_mode != NULL)
        *ret_mode = status.st_mode;
    return (ssize_t)length;
}
