/* SPDX-License-Identifier: MIT */
#include "core/options.h"

#include "core/choice.h"
#include "core/decimal.h"
#include "core/endpoint.h"

#include <stddef.h>
#include <string.h>

typedef enum {
    OPTION_NUMBER,  /* unsigned, from least to most */
    OPTION_CHOICE,  /* one of choices; an enum that counts from 0 */
    OPTION_TEXT,    /* char *, owned; an empty value is NULL */
    OPTION_ADDRESS, /* the same: host:port or [v6]:port, without TLS */
} OptionType;

typedef struct {
    const char *group;
    const char *key;
    OptionType type;
    size_t offset;       /* in Config */
    const char *initial; /* as it would stand in the file */
    unsigned least, most;
    const char *const *choices;
} Option;

static const char *const providers[] = {"embedded",      "file",     "google",
                                        "google-legacy", "overpass", NULL};
static const char *const fallbacks[] = {"none", "embedded", NULL};
static const char *const log_messages[] = {"all", "errors", "none", NULL};
static const char *const log_targets[] = {"file", "journald", NULL};
static const char *const log_levels[] = {"info", "warning", "error", NULL};

#define NUMBER(group_, key_, field, initial_, least_, most_)                         \
    {                                                                                \
        .group = (group_), .key = (key_), .type = OPTION_NUMBER,                     \
        .offset = offsetof(Config, field), .initial = (initial_), .least = (least_), \
        .most = (most_)                                                              \
    }
#define CHOICE(group_, key_, field, initial_, choices_)                                 \
    {                                                                                   \
        .group = (group_), .key = (key_), .type = OPTION_CHOICE,                        \
        .offset = offsetof(Config, field), .initial = (initial_), .choices = (choices_) \
    }
#define TEXT(group_, key_, field, initial_)                                                       \
    {                                                                                             \
        .group = (group_), .key = (key_), .type = OPTION_TEXT, .offset = offsetof(Config, field), \
        .initial = (initial_)                                                                     \
    }

#define ADDRESS(group_, key_, field, initial_)                    \
    {                                                             \
        .group = (group_), .key = (key_), .type = OPTION_ADDRESS, \
        .offset = offsetof(Config, field), .initial = (initial_)  \
    }

#define DAY 86400

/* Every option there is, but for those of a [member NAME]. conf/herd.conf says what each is for. */
static const Option options[] = {
    CHOICE("herd", "places", places.provider, "embedded", providers),
    TEXT("herd", "log_dir", log_dir, "log"),
    CHOICE("herd", "log_messages", log_messages, "all", log_messages),
    CHOICE("herd", "log_target", log_target, "file", log_targets),
    CHOICE("herd", "log_level", log_level, "info", log_levels),
    NUMBER("herd", "workers", workers, "64", 2, 1024),
    NUMBER("herd", "resync_interval_s", resync_interval_s, "60", 0, DAY),
    TEXT("herd", "state_dir", state_dir, ""),
    NUMBER("herd", "state_sync_ms", state_sync_ms, "200", 10, 60000),
    TEXT("herd", "secret_file", secret_file, ""),
    NUMBER("herd", "stop_timeout_s", stop_timeout_s, "5", 1, 3600),
    NUMBER("places", "timeout_ms", places.timeout_ms, "5000", 1, 600000),
    NUMBER("places", "max_lookups", places.max_lookups, "0", 0, 1023),
    NUMBER("places", "max_waiting", places.max_waiting, "1000", 0, 1000000),
    TEXT("places", "url", places.url, ""),
    TEXT("places", "key_file", places.key_file, ""),
    TEXT("places", "ca_file", places.ca_file, ""),
    TEXT("places", "contact", places.contact, ""),
    TEXT("places", "file", places.file, ""),
    TEXT("places", "type", places.type, ""),
    TEXT("places", "language", places.language, ""),
    CHOICE("places", "fallback", places.fallback, "none", fallbacks),
    NUMBER("places", "max_calls_per_minute", places.max_calls_per_minute, "0", 0, 60000),
    NUMBER("places", "circuit_failures", places.circuit_failures, "5", 0, 1000),
    NUMBER("places", "cache_s", places.cache_s, "0", 0, 3600),
    NUMBER("limits", "max_connections", limits.max_connections, "10000", 1, 1000000),
    NUMBER("limits", "max_line", limits.max_line, "4096", 256, 32768),
    NUMBER("limits", "idle_timeout_s", limits.idle_timeout_s, "0", 0, 365 * DAY),
    NUMBER("limits", "line_timeout_s", limits.line_timeout_s, "10", 0, DAY),
    NUMBER("limits", "write_timeout_s", limits.write_timeout_s, "30", 0, DAY),
    NUMBER("limits", "max_future_skew_s", limits.max_future_skew_s, "0", 0, 365 * DAY),
    NUMBER("limits", "max_records", limits.max_records, "0", 0, 1000000000),
    NUMBER("limits", "record_ttl_s", limits.record_ttl_s, "0", 0, 3650 * DAY),
    NUMBER("limits", "link_timeout_s", limits.link_timeout_s, "5", 2, 3600),
    NUMBER("limits", "max_connections_per_address", limits.max_connections_per_address, "0", 0,
           1000000),
    NUMBER("limits", "max_lines_per_s", limits.max_lines_per_s, "0", 0, 1000000),
    NUMBER("limits", "handshake_timeout_s", limits.handshake_timeout_s, "5", 1, 3600),
    NUMBER("limits", "max_handshakes", limits.max_handshakes, "1000", 1, 1000000),
    NUMBER("limits", "max_memory_mb", limits.max_memory_mb, "2048", 0, 1000000),
    ADDRESS("http", "listen", http_listen, ""),
    TEXT("tls", "certificate_file", tls.certificate_file, ""),
    TEXT("tls", "key_file", tls.key_file, ""),
    TEXT("tls", "ca_file", tls.ca_file, ""),
    TEXT("access", "rules_file", access_rules_file, ""),
};

/* Whether its field is a text, owned. */
static bool is_text(const Option *option)
{
    return option->type == OPTION_TEXT || option->type == OPTION_ADDRESS;
}

static void *option_field(const Option *option, Config *config)
{
    return (char *)config + option->offset;
}

static bool set_number(const Option *option, const char *value, unsigned *field, char **ret_why)
{
    Decimal d;

    if (decimal_parse((Slice){.data = value, .length = strlen(value)}, &d) && d.sign == 0 &&
        d.fraction.length == 0 && d.whole >= option->least && d.whole <= option->most) {
        *field = (unsigned)d.whole;
        return true;
    }
    *ret_why = g_strdup_printf("\"%s\" is not a whole number from %u to %u", value, option->least,
                               option->most);
    return false;
}

static bool is_address(const char *value, char **ret_why)
{
    Endpoint *endpoint = endpoint_parse(value, ret_why);
    bool tls = endpoint != NULL && endpoint->tls;

    if (tls)
        *ret_why = g_strdup_printf("\"%s\": there is no TLS here", value);
    bool good = endpoint != NULL && !tls;
    endpoint_free(endpoint);
    return good;
}

/* FALSE: @ret_why says why not. (transfer full) */
static bool set_option(const Option *option, Config *config, const char *value, char **ret_why)
{
    void *field = option_field(option, config);

    switch (option->type) {
    case OPTION_NUMBER:
        return set_number(option, value, field, ret_why);
    case OPTION_CHOICE:
        /* Every enum here is an unsigned int to the compilers that this is built with. */
        return choice_parse(option->choices, value, field, ret_why);
    case OPTION_ADDRESS:
        if (*value != '\0' && !is_address(value, ret_why))
            return false;
        G_GNUC_FALLTHROUGH;
    case OPTION_TEXT:
        g_free(*(char **)field);
        *(char **)field = *value != '\0' ? g_strdup(value) : NULL;
        return true;
    }
    g_assert_not_reached();
}

bool options_has_group(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(options); i++)
        if (strcmp(options[i].group, name) == 0)
            return true;
    return false;
}

bool options_is_common(const char *group, const char *key)
{
    return strcmp(group, "limits") == 0 && strcmp(key, "record_ttl_s") == 0;
}

static bool is_for_the_start(const Option *option)
{
    static const char *const names[][2] = {
        {"herd", "log_dir"},   {"herd", "log_target"},    {"herd", "workers"},
        {"herd", "state_dir"}, {"herd", "state_sync_ms"}, {"http", "listen"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        if (strcmp(option->group, names[i][0]) == 0 && strcmp(option->key, names[i][1]) == 0)
            return true;
    return false;
}

void options_set_defaults(Config *config)
{
    for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
        char *why = NULL;
        bool good = set_option(&options[i], config, options[i].initial, &why);

        g_assert(good);
    }
}

void options_clear(Config *config)
{
    for (size_t i = 0; i < G_N_ELEMENTS(options); i++)
        if (is_text(&options[i]))
            g_clear_pointer((char **)option_field(&options[i], config), g_free);
}

bool options_set(Config *config, const char *group, const char *key, const char *value,
                 HerdConfigError *ret_code, char **ret_why)
{
    for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
        if (strcmp(options[i].group, group) == 0 && strcmp(options[i].key, key) == 0) {
            *ret_code = HERD_CONFIG_ERROR_VALUE;
            return set_option(&options[i], config, value, ret_why);
        }
    }
    *ret_code = HERD_CONFIG_ERROR_UNKNOWN;
    *ret_why = g_strdup("there is no such key");
    return false;
}

const char *options_provider_name(PlacesProvider provider)
{
    return providers[provider];
}

static bool is_equal(const Option *option, const Config *a, const Config *b)
{
    const void *of_a = (const char *)a + option->offset;
    const void *of_b = (const char *)b + option->offset;

    if (is_text(option))
        return g_strcmp0(*(char *const *)of_a, *(char *const *)of_b) == 0;
    return *(const unsigned *)of_a == *(const unsigned *)of_b;
}

bool options_equal(const Config *a, const Config *b, const char *group, const char *const *but)
{
    for (size_t i = 0; i < G_N_ELEMENTS(options); i++)
        if (strcmp(options[i].group, group) == 0 && !g_strv_contains(but, options[i].key) &&
            !is_equal(&options[i], a, b))
            return false;
    return true;
}

void options_hold(Config *config, const Config *running, GPtrArray *held)
{
    for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
        const Option *option = &options[i];

        if (!is_for_the_start(option) || is_equal(option, config, running))
            continue;
        void *field = option_field(option, config);
        const void *old = (const char *)running + option->offset;
        if (is_text(option)) {
            g_free(*(char **)field);
            *(char **)field = g_strdup(*(char *const *)old);
        } else {
            *(unsigned *)field = *(const unsigned *)old;
        }
        g_ptr_array_add(held, g_strdup_printf("[%s] %s", option->group, option->key));
    }
}

static void describe_option(const Option *option, const Config *config, GString *text)
{
    const void *field = (const char *)config + option->offset;
    const char *value = NULL;

    switch (option->type) {
    case OPTION_NUMBER:
        g_string_append_printf(text, "%s = %u\n", option->key, *(const unsigned *)field);
        return;
    case OPTION_CHOICE:
        value = option->choices[*(const unsigned *)field];
        break;
    case OPTION_TEXT:
    case OPTION_ADDRESS:
        value = *(char *const *)field;
        break;
    }
    g_string_append_printf(text, "%s =%s%s\n", option->key, value != NULL ? " " : "",
                           value != NULL ? value : "");
}

void options_compare(const Config *from, const Config *config, GPtrArray *differences)
{
    for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
        g_autoptr(GString) text = g_string_new(NULL);

        if (is_equal(&options[i], from, config))
            continue;
        g_string_printf(text, "[%s] ", options[i].group);
        describe_option(&options[i], config, text);
        g_string_truncate(text, text->len - 1); /* its LF */
        g_ptr_array_add(differences, g_string_free(g_steal_pointer(&text), FALSE));
    }
}

void options_describe(const Config *config, GString *text)
{
    for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
        if (i == 0 || strcmp(options[i].group, options[i - 1].group) != 0)
            g_string_append_printf(text, "%s[%s]\n", i > 0 ? "\n" : "", options[i].group);
        describe_option(&options[i], config, text);
    }
}
