/* SPDX-License-Identifier: MIT */
#include "core/access.h"

#include "core/contents.h"
#include "core/message.h"
#include "core/pattern.h"

#include <stdatomic.h>

#define TOKEN_PREFIX "sha256:"

struct Access {
    atomic_uint references;            /* atomic */
    GHashTable *tokens;                /* (owned) owned digest -> owned GPtrArray of patterns */
    GHashTable *names;                 /* (owned) owned name of a certificate -> the same */
    GPtrArray *name_patterns;          /* owned NamePattern */
    GPtrArray *anyone;                 /* owned patterns */
    uint8_t text[ACCESS_DIGEST_BYTES]; /* digest of what all this was made of */
};

/* Certificates of several names. */
typedef struct {
    char *names;        /* (owned) */
    GPtrArray *clients; /* owned patterns */
} NamePattern;

GQuark herd_access_error_quark(void)
{
    return g_quark_from_static_string("herd-access-error-quark");
}

/* A digest is as good as a random number; who asks chooses what it is of, not what it is. */
static unsigned digest_hash(const void *digest)
{
    unsigned hash;

    memcpy(&hash, digest, sizeof hash);
    return hash;
}

static int digest_equal(const void *a, const void *b)
{
    return memcmp(a, b, ACCESS_DIGEST_BYTES) == 0;
}

static void name_pattern_free(void *pointer)
{
    NamePattern *rule = pointer;

    g_free(rule->names);
    g_ptr_array_unref(rule->clients);
    g_free(rule);
}

static void patterns_free(void *patterns)
{
    g_ptr_array_unref(patterns);
}

static Access *access_new(void)
{
    Access *access = g_new0(Access, 1);

    atomic_init(&access->references, 1);
    access->tokens = g_hash_table_new_full(digest_hash, digest_equal, g_free, patterns_free);
    access->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, patterns_free);
    access->name_patterns = g_ptr_array_new_with_free_func(name_pattern_free);
    access->anyone = g_ptr_array_new_with_free_func(g_free);
    return access;
}

Access *access_ref(Access *access)
{
    atomic_fetch_add_explicit(&access->references, 1, memory_order_relaxed);
    return access;
}

void access_unref(Access *access)
{
    if (access == NULL ||
        atomic_fetch_sub_explicit(&access->references, 1, memory_order_acq_rel) != 1)
        return;
    g_hash_table_unref(access->tokens);
    g_hash_table_unref(access->names);
    g_ptr_array_unref(access->name_patterns);
    g_ptr_array_unref(access->anyone);
    g_free(access);
}

/* The patterns of @key, which it takes, in @table. (transfer none) */
static GPtrArray *patterns_of(GHashTable *table, void *key)
{
    GPtrArray *patterns = g_hash_table_lookup(table, key);

    if (patterns != NULL) {
        g_free(key);
        return patterns;
    }
    patterns = g_ptr_array_new_with_free_func(g_free);
    g_hash_table_insert(table, key, patterns);
    return patterns;
}

/* "sha256:" and 64 hexadecimal digits. */
static bool parse_digest(Slice text, uint8_t ret_digest[static ACCESS_DIGEST_BYTES])
{
    const size_t prefix = strlen(TOKEN_PREFIX);

    if (text.length != prefix + 2 * (size_t)ACCESS_DIGEST_BYTES ||
        memcmp(text.data, TOKEN_PREFIX, prefix) != 0)
        return false;
    for (size_t i = 0; i < ACCESS_DIGEST_BYTES; i++) {
        int high = g_ascii_xdigit_value(text.data[prefix + 2 * i]);
        int low = g_ascii_xdigit_value(text.data[prefix + 2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        ret_digest[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* The next field of @line, which loses it; empty: there is none. */
static Slice take_field(Slice *line)
{
    Slice field = {0};

    if (message_split(*line, &field, 1) == 0)
        return (Slice){.data = "", .length = 0};
    size_t taken = (size_t)(field.data - line->data) + field.length;
    *line = (Slice){.data = line->data + taken, .length = line->length - taken};
    return field;
}

/* FALSE: @ret_why (transfer full) says why @pattern is none. */
static bool check_pattern(Slice pattern, char **ret_why)
{
    const char *why = NULL;

    if (pattern_check(pattern, &why))
        return true;
    *ret_why = g_strdup_printf("\"%.*s\" %s", (int)pattern.length, pattern.data, why);
    return false;
}

/* Where the clients of a rule go whose first field is @who; takes its second from @line. NULL:
 * @ret_why (transfer full) says why it is no rule. (transfer none) */
static GPtrArray *take_who(Access *access, Slice who, Slice *line, char **ret_why)
{
    uint8_t digest[ACCESS_DIGEST_BYTES];

    if (slice_equal(who, SLICE("anyone")))
        return access->anyone;
    if (slice_equal(who, SLICE("token"))) {
        if (parse_digest(take_field(line), digest))
            return patterns_of(access->tokens, g_memdup2(digest, sizeof digest));
        *ret_why = g_strdup("a token is said by its digest, " TOKEN_PREFIX
                            " and 64 hexadecimal digits, which \"printf %s TOKEN | sha256sum\" "
                            "prints");
        return NULL;
    }
    if (!slice_equal(who, SLICE("certificate"))) {
        /* Not what stands there: it may be a token. */
        *ret_why = g_strdup("a rule begins with certificate, token or anyone");
        return NULL;
    }

    Slice name = take_field(line);
    if (name.length == 0) {
        *ret_why = g_strdup("certificate has no name behind it");
        return NULL;
    }
    if (!check_pattern(name, ret_why))
        return NULL;
    if (pattern_is_literal(name))
        return patterns_of(access->names, g_strndup(name.data, name.length));

    NamePattern *rule = g_new0(NamePattern, 1);
    rule->names = g_strndup(name.data, name.length);
    rule->clients = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(access->name_patterns, rule);
    return rule->clients;
}

/* FALSE: @ret_why (transfer full) says why @line is no rule. */
static bool parse_line(Access *access, Slice line, char **ret_why)
{
    Slice who = take_field(&line);

    if (who.length == 0 || who.data[0] == '#')
        return true;
    if (memchr(line.data, '\0', line.length) != NULL) {
        *ret_why = g_strdup("there is a NUL in it");
        return false;
    }

    GPtrArray *patterns = take_who(access, who, &line, ret_why);
    if (patterns == NULL)
        return false;
    Slice client = take_field(&line);
    if (client.length == 0) {
        *ret_why = g_strdup("names no clients");
        return false;
    }
    for (; client.length > 0; client = take_field(&line)) {
        if (!check_pattern(client, ret_why))
            return false;
        g_ptr_array_add(patterns, g_strndup(client.data, client.length));
    }
    return true;
}

Access *access_parse(const char *name, Slice text, GError **error)
{
    g_autoptr(Access) access = access_new();

    access_digest(text, access->text);
    for (unsigned number = 1; text.length > 0; number++) {
        const char *end = memchr(text.data, '\n', text.length);
        size_t length = end != NULL ? (size_t)(end - text.data) : text.length;
        g_autofree char *why = NULL;

        if (!parse_line(access, (Slice){.data = text.data, .length = length}, &why)) {
            g_set_error(error, HERD_ACCESS_ERROR, HERD_ACCESS_ERROR_RULE, "%s, line %u: %s", name,
                        number, why);
            return NULL;
        }
        length += end != NULL;
        text = (Slice){.data = text.data + length, .length = text.length - length};
    }
    return g_steal_pointer(&access);
}

Access *access_read(const char *path, GError **error)
{
    g_autoptr(GError) problem = NULL;
    g_autofree char *text = NULL;
    size_t length;

    if (!contents_read(path, &text, &length, &problem)) {
        g_set_error_literal(error, HERD_ACCESS_ERROR, HERD_ACCESS_ERROR_FILE, problem->message);
        return NULL;
    }
    return access_parse(path, (Slice){.data = text, .length = length}, error);
}

bool access_equal(const Access *a, const Access *b)
{
    return digest_equal(a->text, b->text);
}

bool access_has_tokens(const Access *access)
{
    return g_hash_table_size(access->tokens) > 0;
}

void access_digest(Slice token, uint8_t ret_digest[static ACCESS_DIGEST_BYTES])
{
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    size_t length = ACCESS_DIGEST_BYTES;

    g_checksum_update(checksum, (const unsigned char *)token.data, (gssize)token.length);
    g_checksum_get_digest(checksum, ret_digest, &length);
}

bool access_knows_token(const Access *access, const uint8_t digest[static ACCESS_DIGEST_BYTES])
{
    return g_hash_table_contains(access->tokens, digest);
}

static bool any_matches(const GPtrArray *patterns, Slice client)
{
    for (unsigned i = 0; patterns != NULL && i < patterns->len; i++)
        if (pattern_matches(slice_of(patterns->pdata[i]), client))
            return true;
    return false;
}

bool access_allows(const Access *access, const char *certificate, const uint8_t *digest,
                   Slice client)
{
    if (any_matches(access->anyone, client))
        return true;
    if (digest != NULL && any_matches(g_hash_table_lookup(access->tokens, digest), client))
        return true;
    if (certificate == NULL)
        return false;
    if (any_matches(g_hash_table_lookup(access->names, certificate), client))
        return true;
    for (unsigned i = 0; i < access->name_patterns->len; i++) {
        const NamePattern *rule = access->name_patterns->pdata[i];

        if (pattern_matches(slice_of(rule->names), slice_of(certificate)) &&
            any_matches(rule->clients, client))
            return true;
    }
    return false;
}
