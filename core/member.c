/* SPDX-License-Identifier: MIT */
#include "core/member.h"

#include "core/choice.h"

#include <string.h>

/* In the order of their enums. */
static const char *const dialects[] = {"native", "plain", "path", "last", "echo", NULL};
static const char *const deliveries[] = {"link", "message", NULL};
static const char *const terminators[] = {"lf", "crlf", "none", NULL};

void member_free(void *pointer)
{
    Member *member = pointer;

    g_ptr_array_unref(member->listen);
    g_ptr_array_unref(member->neighbours);
    g_free(member->name);
    g_free(member);
}

/* A name is a file's name (NAME.log) and a field on the wire. */
bool member_is_name(const char *name)
{
    size_t length = strlen(name);

    for (size_t i = 0; i < length; i++)
        if (!g_ascii_isalnum(name[i]) && strchr("._-", name[i]) == NULL)
            return false;
    return length > 0 && length <= MEMBER_NAME_MAX && name[0] != '.' && name[0] != '-';
}

bool member_has_neighbour(const Member *member, const char *name)
{
    for (unsigned i = 0; i < member->neighbours->len; i++)
        if (strcmp(member->neighbours->pdata[i], name) == 0)
            return true;
    return false;
}

bool member_is_at(const Member *member, const struct sockaddr_storage *address)
{
    for (unsigned i = 0; i < member->listen->len; i++)
        if (endpoint_same_host(member->listen->pdata[i], address))
            return true;
    return false;
}

static bool set_listen(Member *member, char **texts, HerdConfigError *ret_code, char **ret_why)
{
    *ret_code = HERD_CONFIG_ERROR_VALUE;
    for (size_t i = 0; texts[i] != NULL; i++) {
        const char *text = g_strstrip(texts[i]);

        if (*text == '\0')
            continue;
        Endpoint *endpoint = endpoint_parse(text, ret_why);
        if (endpoint == NULL)
            return false;
        g_ptr_array_add(member->listen, endpoint);
    }
    return true;
}

static bool set_neighbours(Member *member, char **names, HerdConfigError *ret_code, char **ret_why)
{
    *ret_code = HERD_CONFIG_ERROR_MEMBER;
    for (size_t i = 0; names[i] != NULL; i++) {
        const char *name = g_strstrip(names[i]);

        if (*name == '\0')
            continue;
        if (strcmp(name, member->name) == 0) {
            *ret_why = g_strdup_printf("%s cannot be its own neighbour", name);
            return false;
        }
        g_ptr_array_add(member->neighbours, g_strdup(name));
    }
    return true;
}

Member *member_new(const char *name)
{
    Member *member = g_new0(Member, 1);

    member->name = g_strdup(name);
    member->id = g_quark_from_string(name);
    member->listen = g_ptr_array_new_with_free_func(endpoint_free);
    member->neighbours = g_ptr_array_new_with_free_func(g_free);
    return member;
}

bool member_set(Member *member, const char *key, const char *value, HerdConfigError *ret_code,
                char **ret_why)
{
    g_auto(GStrv) parts = g_strsplit(value, ";", -1);

    if (strcmp(key, "listen") == 0)
        return set_listen(member, parts, ret_code, ret_why);
    if (strcmp(key, "neighbours") == 0)
        return set_neighbours(member, parts, ret_code, ret_why);

    /* Every enum here is an unsigned int to the compilers that this is built with. */
    *ret_code = HERD_CONFIG_ERROR_VALUE;
    if (strcmp(key, "dialect") == 0)
        return choice_parse(dialects, value, &member->dialect, ret_why);
    if (strcmp(key, "delivery") == 0)
        return choice_parse(deliveries, value, &member->delivery, ret_why);
    if (strcmp(key, "terminator") == 0)
        return choice_parse(terminators, value, &member->terminator, ret_why);
    *ret_code = HERD_CONFIG_ERROR_UNKNOWN;
    *ret_why = g_strdup("there is no such key");
    return false;
}

bool member_check_dialect(const Member *member, const char **ret_key, char **ret_why)
{
    if (!member_is_foreign(member) && member->terminator != TERMINATOR_LF) {
        *ret_key = "terminator";
        *ret_why = g_strdup("lines end in lf where the dialect is native");
        return false;
    }
    if (member->delivery == DELIVERY_LINK && member->terminator == TERMINATOR_NONE) {
        *ret_key = "terminator";
        *ret_why = g_strdup("none leaves nothing to end a message where the delivery is link");
        return false;
    }
    return true;
}

bool member_is_foreign(const Member *member)
{
    return member->dialect != DIALECT_NATIVE;
}

const char *member_dialect_name(Dialect dialect)
{
    return dialects[dialect];
}

bool member_listens_alike(const Member *a, const Member *b)
{
    if (a->listen->len != b->listen->len)
        return false;
    for (unsigned i = 0; i < a->listen->len; i++)
        if (!endpoint_equal(a->listen->pdata[i], b->listen->pdata[i]))
            return false;
    return true;
}

bool member_is_reached_alike(const Member *a, const Member *b)
{
    return endpoint_equal(a->listen->pdata[0], b->listen->pdata[0]) && a->dialect == b->dialect &&
           a->delivery == b->delivery && a->terminator == b->terminator;
}

bool member_equal(const Member *a, const Member *b)
{
    g_autoptr(GString) of_a = g_string_new(NULL);
    g_autoptr(GString) of_b = g_string_new(NULL);

    member_describe(a, of_a);
    member_describe(b, of_b);
    return g_string_equal(of_a, of_b) && member_listens_alike(a, b);
}

void member_describe(const Member *member, GString *text)
{
    g_string_append_printf(text, "\n[member %s]\nlisten = ", member->name);
    for (unsigned k = 0; k < member->listen->len; k++)
        g_string_append_printf(text, "%s%s", k > 0 ? ";" : "",
                               ((const Endpoint *)member->listen->pdata[k])->text);
    g_string_append(text, "\nneighbours =");
    for (unsigned k = 0; k < member->neighbours->len; k++)
        g_string_append_printf(text, "%s%s", k > 0 ? ";" : " ",
                               (const char *)member->neighbours->pdata[k]);
    g_string_append_c(text, '\n');
    if (member_is_foreign(member) || member->delivery != DELIVERY_LINK)
        g_string_append_printf(text, "dialect = %s\ndelivery = %s\nterminator = %s\n",
                               dialects[member->dialect], deliveries[member->delivery],
                               terminators[member->terminator]);
}
