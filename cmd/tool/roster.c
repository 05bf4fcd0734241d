/* SPDX-License-Identifier: MIT */
#include "cmd/tool/roster.h"

#include <string.h>

#define GROUP "member "

/* The names in [member NAME], as they stand there; none if the file cannot be read, which
 * config_load() then says better. (transfer full) */
static GPtrArray *read_names(const char *path)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);

    if (!g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, NULL))
        return names;
    g_auto(GStrv) groups = g_key_file_get_groups(file, NULL);
    for (size_t i = 0; groups[i] != NULL; i++)
        if (g_str_has_prefix(groups[i], GROUP))
            g_ptr_array_add(names, g_strstrip(g_strdup(groups[i] + strlen(GROUP))));
    return names;
}

static void clear_entry(void *data)
{
    RosterEntry *entry = data;

    config_free(entry->config);
    endpoint_free(entry->http);
    g_free(entry->problem);
}

/* 0.0.0.0 and [::] are where it listens, not where one asks: that is the host of the member. */
static void make_reachable(Endpoint *http, const Member *member)
{
    const Endpoint *listen = member->listen->pdata[0];
    struct sockaddr_storage address = listen->address;

    if (!endpoint_is_wildcard(http) || endpoint_is_wildcard(listen))
        return;
    in_port_t port = http->address.ss_family == AF_INET6
                         ? ((const struct sockaddr_in6 *)&http->address)->sin6_port
                         : ((const struct sockaddr_in *)&http->address)->sin_port;
    if (address.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&address)->sin6_port = port;
    else
        ((struct sockaddr_in *)&address)->sin_port = port;
    http->address = address;
    http->length = listen->length;
}

/* Fills in what @name makes of the configuration, or what is wrong with it. */
static void load_entry(const char *path, const char *name, RosterEntry *entry, GError **error)
{
    g_autofree char *why = NULL;

    entry->config = config_load(path, name, error);
    if (entry->config == NULL)
        return;
    entry->member = entry->config->self;
    if (entry->config->http_listen == NULL)
        return;
    entry->http = endpoint_parse(entry->config->http_listen, &why);
    if (entry->http != NULL)
        make_reachable(entry->http, entry->member);
    else
        entry->problem = g_strdup_printf("%s: [http] listen: %s", path, why);
}

/* Gives those without a configuration of their own the member that others see. */
static bool fill_in(GArray *entries, const GPtrArray *names)
{
    const Config *any = NULL;

    for (unsigned i = 0; i < entries->len && any == NULL; i++)
        any = g_array_index(entries, RosterEntry, i).config;
    for (unsigned i = 0; any != NULL && i < entries->len; i++) {
        RosterEntry *entry = &g_array_index(entries, RosterEntry, i);

        if (entry->member == NULL)
            entry->member = config_member(any, names->pdata[i]);
        if (entry->member == NULL)
            return false;
        if (member_is_foreign(entry->member))
            g_clear_pointer(&entry->problem, g_free);
    }
    return any != NULL;
}

Roster *roster_load(const char *path, GError **error)
{
    g_autoptr(Roster) roster = g_new0(Roster, 1);
    g_autoptr(GPtrArray) names = read_names(path);
    GError *first = NULL;

    if (names->len == 0)
        g_ptr_array_add(names, g_strdup("NAME"));
    roster->entries = g_array_new(FALSE, TRUE, sizeof(RosterEntry));
    g_array_set_clear_func(roster->entries, clear_entry);
    g_array_set_size(roster->entries, names->len);
    for (unsigned i = 0; i < names->len; i++) {
        RosterEntry *entry = &g_array_index(roster->entries, RosterEntry, i);
        GError *problem = NULL;

        load_entry(path, names->pdata[i], entry, &problem);
        if (problem == NULL)
            continue;
        entry->problem = g_strdup(problem->message);
        if (first == NULL)
            first = problem;
        else
            g_error_free(problem);
    }
    if (fill_in(roster->entries, names)) {
        g_clear_error(&first);
        return g_steal_pointer(&roster);
    }
    g_assert(first != NULL);
    g_propagate_error(error, first);
    return NULL;
}

void roster_free(Roster *roster)
{
    if (roster == NULL)
        return;
    g_array_unref(roster->entries);
    g_free(roster);
}

size_t roster_length(const Roster *roster)
{
    return roster->entries->len;
}

const RosterEntry *roster_at(const Roster *roster, size_t index)
{
    return &g_array_index(roster->entries, RosterEntry, index);
}

const RosterEntry *roster_find(const Roster *roster, const char *name)
{
    for (size_t i = 0; i < roster_length(roster); i++)
        if (strcmp(roster_at(roster, i)->member->name, name) == 0)
            return roster_at(roster, i);
    return NULL;
}
