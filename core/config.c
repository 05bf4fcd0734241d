/* SPDX-License-Identifier: MIT */
#include "core/config.h"

#include "core/contents.h"
#include "core/options.h"

#include <string.h>

GQuark herd_config_error_quark(void)
{
    return g_quark_from_static_string("herd-config-error-quark");
}

#define MEMBER_GROUP "member"

/* Sets @error to one line: file, group, key (or NULL), what is wrong. Always FALSE. */
G_GNUC_PRINTF(6, 7)
static bool fail(GError **error, HerdConfigError code, const char *path, const char *group,
                 const char *key, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *what = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error(error, HERD_CONFIG_ERROR, (int)code, "%s: [%s]%s%s: %s", path, group,
                key != NULL ? " " : "", key != NULL ? key : "", what);
    return false;
}

/* The value without the white space around it. (transfer full) */
static char *get_value(GKeyFile *file, const char *group, const char *key)
{
    char *value = g_key_file_get_value(file, group, key, NULL);

    return value != NULL ? g_strstrip(value) : g_strdup("");
}

/* Reads the options of @common ("limits") from @group ("limits", or "limits Bailey") over those in
 * @config. */
static bool read_options(GKeyFile *file, const char *path, const char *group, const char *common,
                         Config *config, GError **error)
{
    g_auto(GStrv) keys = g_key_file_get_keys(file, group, NULL, NULL);

    for (size_t k = 0; keys != NULL && keys[k] != NULL; k++) {
        g_autofree char *value = get_value(file, group, keys[k]);
        g_autofree char *why = NULL;
        HerdConfigError code;

        if (strcmp(group, common) != 0 && options_is_common(common, keys[k]))
            return fail(error, HERD_CONFIG_ERROR_VALUE, path, group, keys[k],
                        "has to be the same for all members: put it into [%s]", common);
        if (!options_set(config, common, keys[k], value, &code, &why))
            return fail(error, code, path, group, keys[k], "%s", why);
    }
    return true;
}

/* "limits Bailey" -> "limits" and "Bailey"; "limits" -> "limits" and NULL. (transfer full) */
static char **split_group(const char *group)
{
    char **parts = g_strsplit(group, " ", 2);

    for (size_t i = 0; parts[i] != NULL; i++)
        g_strstrip(parts[i]);
    return parts;
}

/* The name of the group that @line begins, with single blanks; NULL if it begins none. (transfer
 * full) */
static char *group_begun_by(const char *line)
{
    size_t length = strlen(line);

    if (length < 2 || line[0] != '[' || line[length - 1] != ']')
        return NULL;
    g_autofree char *name = g_strndup(line + 1, length - 2);
    g_auto(GStrv) parts = split_group(name);
    return g_strjoinv(" ", parts);
}

/* A GKeyFile merges groups of one name and takes the last of equal keys, in silence; here both are
 * mistakes. */
static bool check_repeated(const char *path, const char *text, GError **error)
{
    g_autoptr(GHashTable) groups = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autofree char *group = NULL;

    for (size_t i = 0; lines[i] != NULL; i++) {
        const char *line = g_strstrip(lines[i]);
        char *begun = group_begun_by(line);
        const char *equals = strchr(line, '=');

        if (begun != NULL) {
            g_free(group);
            group = begun;
            g_hash_table_remove_all(keys);
            if (!g_hash_table_add(groups, g_strdup(group)))
                return fail(error, HERD_CONFIG_ERROR_VALUE, path, group, NULL,
                            "stands there twice, the second time in line %zu", i + 1);
        } else if (line[0] != '#' && equals != NULL && group != NULL) {
            char *key = g_strchomp(g_strndup(line, (size_t)(equals - line)));

            if (!g_hash_table_add(keys, key))
                return fail(error, HERD_CONFIG_ERROR_VALUE, path, group, key,
                            "stands there twice, the second time in line %zu", i + 1);
        }
    }
    return true;
}

static bool read_member(GKeyFile *file, const char *path, const char *group, Member *member,
                        GError **error)
{
    g_auto(GStrv) keys = g_key_file_get_keys(file, group, NULL, NULL);

    for (size_t k = 0; keys != NULL && keys[k] != NULL; k++) {
        g_autofree char *value = get_value(file, group, keys[k]);
        g_autofree char *why = NULL;
        HerdConfigError code;

        if (!member_set(member, keys[k], value, &code, &why))
            return fail(error, code, path, group, keys[k], "%s", why);
    }
    if (member_is_foreign(member) && !g_key_file_has_key(file, group, "delivery", NULL))
        member->delivery = DELIVERY_MESSAGE;

    const char *key = NULL;
    g_autofree char *why = NULL;
    if (!member_check_dialect(member, &key, &why))
        return fail(error, HERD_CONFIG_ERROR_VALUE, path, group, key, "%s", why);
    if (member->listen->len == 0)
        return fail(error, HERD_CONFIG_ERROR_VALUE, path, group, "listen",
                    "is missing: the address of this member, such as 127.0.0.1:10000");
    return true;
}

static bool read_members(GKeyFile *file, const char *path, Config *config, GError **error)
{
    g_auto(GStrv) groups = g_key_file_get_groups(file, NULL);

    for (size_t i = 0; groups[i] != NULL; i++) {
        g_auto(GStrv) parts = split_group(groups[i]);

        if (strcmp(parts[0], MEMBER_GROUP) != 0)
            continue;
        if (parts[1] == NULL || !member_is_name(parts[1]))
            return fail(error, HERD_CONFIG_ERROR_VALUE, path, groups[i], NULL,
                        "a member's name is 1 to %d letters, digits, dots, hyphens and "
                        "underscores, and begins with none of . and -",
                        MEMBER_NAME_MAX);
        Member *member = member_new(parts[1]);
        g_ptr_array_add(config->members, member);
        if (!read_member(file, path, groups[i], member, error))
            return false;
    }
    return true;
}

/* The common groups, then those of @name over them; those of other members are checked and left
 * aside. */
static bool read_groups(GKeyFile *file, const char *path, const char *name, Config *config,
                        GError **error)
{
    g_auto(GStrv) groups = g_key_file_get_groups(file, NULL);

    for (int own = 0; own <= 1; own++) {
        for (size_t i = 0; groups[i] != NULL; i++) {
            g_auto(GStrv) parts = split_group(groups[i]);

            if (strcmp(parts[0], MEMBER_GROUP) == 0)
                continue;
            if (!options_has_group(parts[0]))
                return fail(error, HERD_CONFIG_ERROR_UNKNOWN, path, groups[i], NULL,
                            "there is no such group");
            if (parts[1] != NULL && config_member(config, parts[1]) == NULL)
                return fail(error, HERD_CONFIG_ERROR_MEMBER, path, groups[i], NULL,
                            "there is no [%s %s]", MEMBER_GROUP, parts[1]);
            if ((parts[1] != NULL) != own)
                continue;

            bool others = own && strcmp(parts[1], name) != 0;
            g_autoptr(Config) scratch = others ? g_new0(Config, 1) : NULL;
            if (!read_options(file, path, groups[i], parts[0], others ? scratch : config, error))
                return false;
        }
    }
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorts the neighbours of @member. One that it names more than once is taken once, with a warning.
 */
static void tidy_neighbours(const char *path, const Member *member, GPtrArray *warnings)
{
    GPtrArray *names = member->neighbours;

    g_ptr_array_sort(names, compare_names);
    for (unsigned i = 0; i < names->len; i++) {
        const char *name = names->pdata[i];
        unsigned next = i + 1;

        while (next < names->len && strcmp(names->pdata[next], name) == 0)
            next++;
        if (next == i + 1)
            continue;
        g_ptr_array_remove_range(names, i + 1, next - i - 1);
        g_ptr_array_add(
            warnings,
            g_strdup_printf("%s: [%s %s] neighbours: %s stands there more than once; taken once",
                            path, MEMBER_GROUP, member->name, name));
    }
}

/* Edges are undirected: one that is named on one side only stands on the other too, with a warning.
 * But what members that we do not run say of each other is their own business. */
static bool complete_edges(const char *path, Config *config, GError **error)
{
    for (unsigned i = 0; i < config->members->len; i++)
        tidy_neighbours(path, config->members->pdata[i], config->warnings);
    for (unsigned i = 0; i < config->members->len; i++) {
        const Member *member = config->members->pdata[i];

        for (unsigned k = 0; k < member->neighbours->len; k++) {
            const char *name = member->neighbours->pdata[k];
            const Member *neighbour = config_member(config, name);
            g_autofree char *group = g_strconcat(MEMBER_GROUP " ", member->name, NULL);

            if (neighbour == NULL)
                return fail(error, HERD_CONFIG_ERROR_MEMBER, path, group, "neighbours",
                            "there is no [%s %s]", MEMBER_GROUP, name);
            if (member_has_neighbour(neighbour, member->name))
                continue;
            g_ptr_array_add(neighbour->neighbours, g_strdup(member->name));
            if (member_is_foreign(member) && member_is_foreign(neighbour))
                continue;
            g_ptr_array_add(config->warnings,
                            g_strdup_printf("%s: [%s %s] neighbours: %s is missing, which names "
                                            "%s as its own; taken as a link of both",
                                            path, MEMBER_GROUP, name, member->name, name));
        }
    }
    for (unsigned i = 0; i < config->members->len; i++)
        g_ptr_array_sort(((Member *)config->members->pdata[i])->neighbours, compare_names);
    return true;
}

/* Adds a warning for each member that what is stored here never comes to. */
static void warn_unreachable(const char *path, Config *config)
{
    g_autoptr(GPtrArray) reached = g_ptr_array_new(); /* names, in the order they are found */

    g_ptr_array_add(reached, config->self->name);
    for (unsigned i = 0; i < reached->len; i++) {
        const GPtrArray *next = config_member(config, reached->pdata[i])->neighbours;

        for (unsigned k = 0; k < next->len; k++)
            if (!g_ptr_array_find_with_equal_func(reached, next->pdata[k], g_str_equal, NULL))
                g_ptr_array_add(reached, next->pdata[k]);
    }
    for (unsigned i = 0; i < config->members->len; i++) {
        const char *name = ((const Member *)config->members->pdata[i])->name;

        if (!g_ptr_array_find_with_equal_func(reached, name, g_str_equal, NULL))
            g_ptr_array_add(config->warnings,
                            g_strdup_printf("%s: [%s %s] cannot be reached from %s: no chain of "
                                            "neighbours leads there",
                                            path, MEMBER_GROUP, name, config->self->name));
    }
}

/* @name is a member of this file that herdd can be. */
static bool find_self(const char *path, const char *name, Config *config, GError **error)
{
    config->self = config_member(config, name);
    if (config->self == NULL) {
        g_autoptr(GString) names = g_string_new(NULL);

        for (unsigned i = 0; i < config->members->len; i++)
            g_string_append_printf(names, "%s%s", i > 0 ? ", " : "",
                                   ((Member *)config->members->pdata[i])->name);
        g_set_error(error, HERD_CONFIG_ERROR, HERD_CONFIG_ERROR_MEMBER,
                    "%s: there is no [%s %s]; its members are: %s", path, MEMBER_GROUP, name,
                    names->len > 0 ? names->str : "none");
        return false;
    }
    if (member_is_foreign(config->self)) {
        g_autofree char *group = g_strconcat(MEMBER_GROUP " ", name, NULL);

        return fail(error, HERD_CONFIG_ERROR_MEMBER, path, group, "dialect",
                    "%s is another implementation's; herdd runs members whose dialect is native",
                    member_dialect_name(config->self->dialect));
    }
    return true;
}

static bool check_endpoints(const char *path, const Config *config, GError **error)
{
    g_autoptr(GHashTable) taken = g_hash_table_new(g_str_hash, g_str_equal);

    for (unsigned i = 0; i < config->members->len; i++) {
        const Member *member = config->members->pdata[i];
        g_autofree char *group = g_strconcat(MEMBER_GROUP " ", member->name, NULL);

        for (unsigned k = 0; k < member->listen->len; k++) {
            const Endpoint *endpoint = member->listen->pdata[k];
            bool wildcard = endpoint_is_wildcard(endpoint);

            if (k == 0 && wildcard && member->neighbours->len > 0)
                return fail(error, HERD_CONFIG_ERROR_VALUE, path, group, "listen",
                            "%s is no address that neighbours can connect to: put one that is "
                            "first",
                            endpoint->text);
            void *address = (void *)(uintptr_t)endpoint_address_text(endpoint);

            if (!wildcard && !g_hash_table_insert(taken, address, member->name))
                return fail(error, HERD_CONFIG_ERROR_VALUE, path, group, "listen",
                            "%s stands in this file twice", endpoint_address_text(endpoint));
        }
    }
    return true;
}

static bool check_lookups(const char *path, Config *config, GError **error)
{
    if (config->places.max_lookups == 0)
        config->places.max_lookups = MAX(1, config->workers * 3 / 4);
    if (config->places.max_lookups >= config->workers)
        return fail(
            error, HERD_CONFIG_ERROR_VALUE, path, "places", "max_lookups",
            "%u must be less than the %u workers, so that some are left for everything else",
            config->places.max_lookups, config->workers);
    return true;
}

/* Adds a warning for each option that is set for another provider than the one that is chosen. */
static void warn_unused(const char *path, Config *config)
{
    const PlacesOptions *places = &config->places;
    bool asks = places->provider != PROVIDER_EMBEDDED && places->provider != PROVIDER_FILE;
    bool has_key =
        places->provider == PROVIDER_GOOGLE || places->provider == PROVIDER_GOOGLE_LEGACY;
    const struct {
        const char *key;
        bool unused;
    } options[] = {
        {"file", places->file != NULL && places->provider != PROVIDER_FILE},
        {"key_file", places->key_file != NULL && !has_key},
        {"url", places->url != NULL && !asks},
        {"language", places->language != NULL && !asks},
        {"fallback", places->fallback != FALLBACK_NONE && !asks},
        {"ca_file", places->ca_file != NULL && !asks},
        {"contact", places->contact != NULL && !asks},
        {"max_calls_per_minute", places->max_calls_per_minute > 0 && !asks},
        {"cache_s", places->cache_s > 0 && !asks},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(options); i++)
        if (options[i].unused)
            g_ptr_array_add(config->warnings,
                            g_strdup_printf("%s: [places] %s: has no effect with places = %s", path,
                                            options[i].key,
                                            options_provider_name(places->provider)));
}

/* The first address of @member, where it is connected to, is said over TLS. */
static bool is_reached_over_tls(const Member *member)
{
    return ((const Endpoint *)member->listen->pdata[0])->tls;
}

static const Endpoint *find_tls_listener(const Member *member)
{
    for (unsigned i = 0; i < member->listen->len; i++)
        if (((const Endpoint *)member->listen->pdata[i])->tls)
            return member->listen->pdata[i];
    return NULL;
}

bool config_needs_tls(const Config *config)
{
    const GPtrArray *names = config->self->neighbours;

    if (find_tls_listener(config->self) != NULL)
        return true;
    for (unsigned i = 0; i < names->len; i++)
        if (is_reached_over_tls(config_member(config, names->pdata[i])))
            return true;
    return false;
}

/* What is said over TLS needs a certificate, and its key. */
static bool check_tls(const char *path, const Config *config, GError **error)
{
    const TlsOptions *tls = &config->tls;
    const Endpoint *listener = find_tls_listener(config->self);

    if (listener != NULL && tls->certificate_file == NULL)
        return fail(error, HERD_CONFIG_ERROR_VALUE, path, "tls", "certificate_file",
                    "is missing: %s listens on %s", config->self->name, listener->text);
    if ((tls->certificate_file != NULL) != (tls->key_file != NULL))
        return fail(error, HERD_CONFIG_ERROR_VALUE, path, "tls",
                    tls->key_file != NULL ? "certificate_file" : "key_file",
                    "is missing: a certificate and its key go together");
    return true;
}

/* Adds a warning if links over TLS are to anybody who has the right address. */
static void warn_unproven(const char *path, Config *config)
{
    const GPtrArray *names = config->self->neighbours;

    if (config->tls.ca_file != NULL || config->secret_file != NULL)
        return;
    for (unsigned i = 0; i < names->len; i++) {
        const Member *neighbour = config_member(config, names->pdata[i]);

        if (!is_reached_over_tls(neighbour))
            continue;
        g_ptr_array_add(config->warnings,
                        g_strdup_printf("%s: [tls] ca_file: is missing, and [herd] secret_file "
                                        "too: links over TLS are encrypted, but %s is known by its "
                                        "address alone",
                                        path, neighbour->name));
        return;
    }
}

Config *config_load(const char *path, const char *name, GError **error)
{
    g_autoptr(Config) config = g_new0(Config, 1);
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) problem = NULL;
    g_autofree char *text = NULL;
    size_t length;

    config->members = g_ptr_array_new_with_free_func(member_free);
    config->warnings = g_ptr_array_new_with_free_func(g_free);
    options_set_defaults(config);

    if (!contents_read(path, &text, &length, &problem)) {
        g_set_error_literal(error, HERD_CONFIG_ERROR, HERD_CONFIG_ERROR_FILE, problem->message);
        return NULL;
    }
    if (!g_key_file_load_from_data(file, text, length, G_KEY_FILE_KEEP_TRANSLATIONS, &problem)) {
        g_set_error(error, HERD_CONFIG_ERROR, HERD_CONFIG_ERROR_FILE, "%s: %s", path,
                    problem->message);
        return NULL;
    }
    if (!check_repeated(path, text, error) || !read_members(file, path, config, error) ||
        !read_groups(file, path, name, config, error) || !complete_edges(path, config, error) ||
        !check_endpoints(path, config, error) || !check_lookups(path, config, error))
        return NULL;
    if (config->log_dir == NULL) {
        fail(error, HERD_CONFIG_ERROR_VALUE, path, "herd", "log_dir", "is empty");
        return NULL;
    }

    if (!find_self(path, name, config, error) || !check_tls(path, config, error))
        return NULL;
    warn_unreachable(path, config);
    warn_unused(path, config);
    warn_unproven(path, config);
    return g_steal_pointer(&config);
}

void config_free(Config *config)
{
    if (config == NULL)
        return;
    options_clear(config);
    g_clear_pointer(&config->members, g_ptr_array_unref);
    g_clear_pointer(&config->warnings, g_ptr_array_unref);
    g_free(config);
}

const Member *config_member(const Config *config, const char *name)
{
    for (unsigned i = 0; i < config->members->len; i++) {
        const Member *member = config->members->pdata[i];

        if (strcmp(member->name, name) == 0)
            return member;
    }
    return NULL;
}

bool config_equal(const Config *a, const Config *b)
{
    g_autoptr(GPtrArray) differences = g_ptr_array_new_with_free_func(g_free);

    options_compare(a, b, differences);
    if (differences->len > 0 || a->members->len != b->members->len)
        return false;
    for (unsigned i = 0; i < a->members->len; i++) {
        const Member *member = a->members->pdata[i];
        const Member *other = config_member(b, member->name);

        if (other == NULL || !member_equal(member, other))
            return false;
    }
    return true;
}

char *config_describe(const Config *config)
{
    GString *text = g_string_new(NULL);

    options_describe(config, text);
    for (unsigned i = 0; i < config->members->len; i++)
        member_describe(config->members->pdata[i], text);
    return g_string_free(text, FALSE);
}
