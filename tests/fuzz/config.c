/* SPDX-License-Identifier: MIT */

/*
 * A herd's file: it is taken or refused with one line, and what was taken says what it is in a file
 * that is taken as the same. No name is asked for: hosts are numbers here (-Wl,--wrap=getaddrinfo).
 * Nor is one kept for ever, as GLib does with what it makes quarks of.
 */

#include "fuzz.h"

#include "core/config.h"

#include <netdb.h>
#include <sys/mman.h>
#include <unistd.h>

int __real_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **found);
int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **found);

GQuark __wrap_g_quark_from_string(const char *text);

GQuark __wrap_g_quark_from_string(const char *text)
{
    return MAX(1, g_str_hash(text));
}

int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **found)
{
    struct addrinfo numbers = *hints;

    numbers.ai_flags |= AI_NUMERICHOST;
    return __real_getaddrinfo(node, service, &numbers, found);
}

/* What a file with @text says to Bailey, described; NULL: it is refused. (transfer full) */
static char *load(Slice text)
{
    g_autoptr(GError) error = NULL;
    int file = memfd_create("herd.conf", MFD_CLOEXEC);
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", file);
    size_t at = 0;

    g_assert_cmpint(file, >=, 0);
    while (at < text.length) {
        ssize_t n = write(file, text.data + at, text.length - at);

        g_assert_cmpint(n, >, 0);
        at += (size_t)n;
    }
    g_autoptr(Config) config = config_load(path, "Bailey", &error);
    close(file);

    g_assert_true((config == NULL) == (error != NULL));
    if (config == NULL) {
        g_assert_true(error->domain == HERD_CONFIG_ERROR);
        g_assert_null(strchr(error->message, '\n'));
        g_assert_nonnull(strstr(error->message, error->code == HERD_CONFIG_ERROR_FILE ? "" : path));
        return NULL;
    }
    for (unsigned i = 0; i < config->warnings->len; i++)
        g_assert_null(strchr(config->warnings->pdata[i], '\n'));
    return config_describe(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *once = load(slice_of_input(data, size));

    if (once == NULL)
        return 0;
    g_autofree char *twice = load(slice_of(once));
    g_assert_cmpstr(twice, ==, once);
    return 0;
}
