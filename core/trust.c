/* SPDX-License-Identifier: MIT */
#include "core/trust.h"

#include "core/credential.h"
#include "core/thread.h"

#include <stdatomic.h>

struct Trust {
    pthread_mutex_t lock;
    Secret *secret;           /* (owned) (nullable) protected by lock */
    _Atomic(Access *) access; /* (owned) (nullable) atomic; written under lock */
};

bool trust_read(const Config *config, TrustFiles *ret_files, GPtrArray *warnings, GError **error)
{
    g_auto(TrustFiles) files = {0};
    bool open = false;

    if (config->secret_file != NULL) {
        g_autofree char *path = credential_path(config->secret_file);

        files.secret = secret_read(path, &open, error);
        if (files.secret == NULL) {
            g_prefix_error(error, "[herd] secret_file: ");
            return false;
        }
    }
    if (config->access_rules_file != NULL) {
        g_autofree char *path = credential_path(config->access_rules_file);

        files.access = access_read(path, error);
        if (files.access == NULL) {
            g_prefix_error(error, "[access] rules_file: ");
            return false;
        }
    }
    if (open && warnings != NULL)
        g_ptr_array_add(warnings, g_strdup_printf("[herd] secret_file: %s is open to everybody on "
                                                  "this host: chmod o= %s",
                                                  config->secret_file, config->secret_file));
    *ret_files = (TrustFiles){.secret = g_steal_pointer(&files.secret),
                              .access = g_steal_pointer(&files.access)};
    return true;
}

void trust_files_clear(TrustFiles *files)
{
    g_clear_pointer(&files->secret, secret_unref);
    g_clear_pointer(&files->access, access_unref);
}

Trust *trust_new(void)
{
    Trust *trust = g_new0(Trust, 1);

    pthread_mutex_init(&trust->lock, NULL);
    return trust;
}

void trust_free(Trust *trust)
{
    if (trust == NULL)
        return;
    secret_unref(trust->secret);
    access_unref(atomic_load(&trust->access));
    pthread_mutex_destroy(&trust->lock);
    g_free(trust);
}

void trust_set(Trust *trust, TrustFiles *files)
{
    TrustFiles old;

    mutex_lock(&trust->lock);
    old.secret = trust->secret;
    old.access = atomic_load_explicit(&trust->access, memory_order_relaxed);
    trust->secret = g_steal_pointer(&files->secret);
    atomic_store_explicit(&trust->access, g_steal_pointer(&files->access), memory_order_release);
    mutex_unlock(&trust->lock);
    trust_files_clear(&old);
}

bool trust_has_secret(Trust *trust, const Secret *secret)
{
    g_autoptr(Secret) current = trust_secret(trust);

    if (current == NULL || secret == NULL)
        return current == secret;
    return slice_equal(secret_bytes(current), secret_bytes(secret));
}

bool trust_has_access(Trust *trust, const Access *access)
{
    g_autoptr(Access) current = NULL;

    trust_update_access(trust, &current);
    if (current == NULL || access == NULL)
        return current == access;
    return access_equal(current, access);
}

Secret *trust_secret(Trust *trust)
{
    Secret *secret = NULL;

    if (trust == NULL)
        return NULL;
    mutex_lock(&trust->lock);
    if (trust->secret != NULL)
        secret = secret_ref(trust->secret);
    mutex_unlock(&trust->lock);
    return secret;
}

void trust_update_access(Trust *trust, Access **access)
{
    /* Who has a reference keeps others from being made at its address, so that the same address
     * means the same rules. */
    if (trust == NULL || atomic_load_explicit(&trust->access, memory_order_relaxed) == *access)
        return;

    Access *old = *access;
    mutex_lock(&trust->lock);
    *access = atomic_load_explicit(&trust->access, memory_order_relaxed);
    if (*access != NULL)
        access_ref(*access);
    mutex_unlock(&trust->lock);
    access_unref(old);
}
