/* SPDX-License-Identifier: MIT */
#include "core/config-change.h"

#include "core/options.h"

/* max_lookups was checked against workers that are not there yet. */
static void hold_lookups(Config *config, const Config *running, GPtrArray *held)
{
    if (config->places.max_lookups < running->workers)
        return;
    config->places.max_lookups = running->places.max_lookups;
    g_ptr_array_add(held, g_strdup("[places] max_lookups"));
}

/* Our own addresses: the sockets are open, and links are bound to the first of them. */
static void hold_listen(Config *config, const Config *running, GPtrArray *held)
{
    for (unsigned i = 0; i < config->members->len; i++) {
        Member *member = config->members->pdata[i];

        if (member != config->self || member_listens_alike(member, running->self))
            continue;
        g_ptr_array_unref(member->listen);
        member->listen = g_ptr_array_ref(running->self->listen);
        g_ptr_array_add(held, g_strdup_printf("[member %s] listen", member->name));
    }
}

/* The certificate that our sockets are served with, as long as they are: without it nobody could
 * shake hands. */
static void hold_certificate(Config *config, const Config *running, GPtrArray *held)
{
    const GPtrArray *listen = config->self->listen;
    bool over_tls = false;

    for (unsigned i = 0; i < listen->len; i++)
        over_tls |= ((const Endpoint *)listen->pdata[i])->tls;
    if (!over_tls || config->tls.certificate_file != NULL)
        return;
    config->tls.certificate_file = g_strdup(running->tls.certificate_file);
    config->tls.key_file = g_strdup(running->tls.key_file);
    g_ptr_array_add(held, g_strdup("[tls] certificate_file"));
    g_ptr_array_add(held, g_strdup("[tls] key_file"));
}

static void compare_members(const Config *running, const Config *config, GPtrArray *taken)
{
    for (unsigned i = 0; i < running->members->len; i++) {
        const char *name = ((const Member *)running->members->pdata[i])->name;

        if (config_member(config, name) == NULL)
            g_ptr_array_add(taken, g_strdup_printf("member %s removed", name));
    }
    for (unsigned i = 0; i < config->members->len; i++) {
        const Member *member = config->members->pdata[i];
        const Member *old = config_member(running, member->name);

        if (old == NULL)
            g_ptr_array_add(taken, g_strdup_printf("member %s added", member->name));
        else if (!member_equal(member, old))
            g_ptr_array_add(taken, g_strdup_printf("member %s changed", member->name));
    }
}

/* Whether a Places made of @running's options answers as one made of @config's. */
static bool has_same_places(const Config *running, const Config *config)
{
    static const char *const of_lookups[] = {"max_lookups", "max_waiting", NULL};

    return running->places.provider == config->places.provider &&
           options_equal(running, config, "places", of_lookups);
}

ConfigChange *config_change_new(Config *config, const Config *running)
{
    ConfigChange *change = g_new0(ConfigChange, 1);

    change->taken = g_ptr_array_new_with_free_func(g_free);
    change->held = g_ptr_array_new_with_free_func(g_free);
    options_hold(config, running, change->held);
    hold_lookups(config, running, change->held);
    hold_listen(config, running, change->held);
    hold_certificate(config, running, change->held);
    options_compare(running, config, change->taken);
    compare_members(running, config, change->taken);
    change->places = !has_same_places(running, config);
    return change;
}

void config_change_free(ConfigChange *change)
{
    if (change == NULL)
        return;
    g_ptr_array_unref(change->taken);
    g_ptr_array_unref(change->held);
    g_free(change);
}

char *config_change_join(const GPtrArray *names)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < names->len; i++)
        g_string_append_printf(text, "%s%s", i > 0 ? ", " : "", (const char *)names->pdata[i]);
    return g_string_free(text, FALSE);
}
