/* SPDX-License-Identifier: MIT */
#include "core/secret.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>

#define FILE_MAX (SECRET_MAX + 256) /* bytes, with the white space at the end */

struct Secret {
    atomic_uint references; /* atomic */
    size_t length;
    char bytes[];
};

GQuark herd_secret_error_quark(void)
{
    return g_quark_from_static_string("herd-secret-error-quark");
}

Secret *secret_new(Slice bytes)
{
    Secret *secret = g_malloc(sizeof *secret + bytes.length);

    atomic_init(&secret->references, 1);
    secret->length = bytes.length;
    memcpy(secret->bytes, bytes.data, bytes.length);
    return secret;
}

Secret *secret_ref(Secret *secret)
{
    atomic_fetch_add_explicit(&secret->references, 1, memory_order_relaxed);
    return secret;
}

void secret_unref(Secret *secret)
{
    if (secret == NULL ||
        atomic_fetch_sub_explicit(&secret->references, 1, memory_order_acq_rel) != 1)
        return;
    explicit_bzero(secret->bytes, secret->length);
    g_free(secret);
}

Slice secret_bytes(const Secret *secret)
{
    return (Slice){.data = secret->bytes, .length = secret->length};
}

/* Not g_file_get_contents(), which leaves copies behind. -1 with errno set. */
static ssize_t read_file(const char *path, char text[static FILE_MAX], bool *ret_open)
{
    FILE *file = fopen(path, "re");
    struct stat status;

    if (file == NULL)
        return -1;
    setvbuf(file, NULL, _IONBF, 0);
    size_t length = fread(text, 1, FILE_MAX, file);
    bool failed = ferror(file) != 0 || fstat(fileno(file), &status) != 0;
    int problem = errno;
    fclose(file);
    errno = problem;
    if (failed)
        return -1;
    *ret_open = (status.st_mode & (S_IRWXO)) != 0;
    return (ssize_t)length;
}

Secret *secret_read(const char *path, bool *ret_open, GError **error)
{
    char text[FILE_MAX];
    ssize_t read = read_file(path, text, ret_open);
    Secret *secret = NULL;

    if (read < 0) {
        g_set_error(error, HERD_SECRET_ERROR, HERD_SECRET_ERROR_FILE, "cannot read %s: %s", path,
                    g_strerror(errno));
        return NULL;
    }

    size_t length = (size_t)read;
    while (length > 0 && strchr(" \t\r\n\f\v", text[length - 1]) != NULL &&
           text[length - 1] != '\0')
        length--;
    if (read == FILE_MAX || length > SECRET_MAX)
        g_set_error(error, HERD_SECRET_ERROR, HERD_SECRET_ERROR_SIZE,
                    "%s is longer than a secret may be, %d bytes", path, SECRET_MAX);
    else if (length < SECRET_MIN)
        g_set_error(error, HERD_SECRET_ERROR, HERD_SECRET_ERROR_SIZE,
                    "%s holds %zu bytes; a secret has %d or more, such as what \"openssl rand "
                    "-hex 32\" prints",
                    path, length, SECRET_MIN);
    else
        secret = secret_new((Slice){.data = text, .length = length});
    explicit_bzero(text, sizeof text);
    return secret;
}
