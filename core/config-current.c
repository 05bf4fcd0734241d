/* SPDX-License-Identifier: MIT */
#include "core/config-current.h"

#include <stdatomic.h>

struct ConfigCurrent {
    _Atomic(const Config *) config; /* atomic; the last of `all` */
    GPtrArray *all;                 /* owned Config, in the order they came; owned by main */
};

static void free_config(void *config)
{
    config_free(config);
}

static void put_in_force(ConfigCurrent *current, Config *config)
{
    g_ptr_array_add(current->all, config);
    atomic_store_explicit(&current->config, config, memory_order_release);
}

ConfigCurrent *config_current_new(Config *config)
{
    ConfigCurrent *current = g_new0(ConfigCurrent, 1);

    current->all = g_ptr_array_new_with_free_func(free_config);
    put_in_force(current, config);
    return current;
}

void config_current_free(ConfigCurrent *current)
{
    if (current == NULL)
        return;
    g_ptr_array_unref(current->all);
    g_free(current);
}

const Config *config_current_get(const ConfigCurrent *current)
{
    return atomic_load_explicit(&current->config, memory_order_acquire);
}

bool config_current_replace(ConfigCurrent *current, Config *config)
{
    if (config_equal(config_current_get(current), config)) {
        config_free(config);
        return false;
    }
    put_in_force(current, config);
    return true;
}
