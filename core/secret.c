/* SPDX-License-Identifier: MIT */
#include "core/secret.h"

#include "core/contents.h"

#include <errno.h>
#include <stdatomic.h>
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

Secret *secret_read(const char *path, bool *ret_open, GError **error)
{
    char text[FILE_MAX];
    mode_t mode;
    ssize_t read = contents_read_secret(path, text, sizeof text, &mode);
    Secret *secret = NULL;

    if (read < 0) {
        g_set_error(error, HERD_SECRET_ERROR, HERD_SECRET_ERROR_FILE, "cannot read %s: %s", path,
                    g_strerror(errno));
        return NULL;
    }
    *ret_open = (mode & S_IRWXO) != 0;

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
