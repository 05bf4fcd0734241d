/* SPDX-License-Identifier: MIT */
#include "places/http/apikey.h"

#include "core/contents.h"
#include "core/credential.h"
#include "places/places.h"

#include <errno.h>

#define KEY_MAX 1024 /* bytes, with the blanks around it */

/* All read-only after read. */
struct ApiKey {
    char *text;    /* (owned) */
    char *escaped; /* (owned) */
};

static bool refuse(GError **error, const char *source, const char *what)
{
    g_set_error(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_KEY, "%s %s", source, what);
    return false;
}

static bool refuse_file(GError **error, const char *path, int failure)
{
    g_set_error(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_KEY, "cannot read key_file %s: %s",
                path, g_strerror(failure));
    return false;
}

static bool read_file(const char *path, char text[static KEY_MAX + 1], GError **error)
{
    ssize_t read = contents_read_secret(path, text, KEY_MAX + 1, NULL);
    size_t length = (size_t)read;

    if (read < 0)
        return refuse_file(error, path, errno);

    g_autofree char *source = g_strdup_printf("key_file %s", path);
    if (length > KEY_MAX)
        return refuse(error, source, "is too long to be an API key");
    if (memchr(text, '\0', length) != NULL)
        return refuse(error, source, "does not hold an API key: there is a NUL in it");
    text[length] = '\0';
    return true;
}

/* What any key is; whether it is the right one only the provider knows. */
static bool check(const char *text, const char *source, GError **error)
{
    if (*text == '\0')
        return refuse(error, source, "holds no API key");
    for (const char *c = text; *c != '\0'; c++)
        if (!g_ascii_isgraph(*c))
            return refuse(
                error, source,
                "does not hold an API key: it has white space or unprintable bytes in it");
    return true;
}

ApiKey *apikey_read(const char *key_file, GError **error)
{
    const char *from_environment = g_getenv(APIKEY_ENVIRONMENT);
    g_autofree char *source = NULL;
    char text[KEY_MAX + 1];
    g_autoptr(ApiKey) key = NULL;

    if (key_file != NULL) {
        g_autofree char *path = credential_path(key_file);

        source = g_strdup_printf("key_file %s", path);
        if (!read_file(path, text, error))
            return NULL;
    } else if (from_environment != NULL) {
        source = g_strdup("the environment variable " APIKEY_ENVIRONMENT);
        if (g_strlcpy(text, from_environment, sizeof text) >= sizeof text) {
            refuse(error, source, "is too long to be an API key");
            return NULL;
        }
    } else {
        g_set_error_literal(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_KEY,
                            "an API key is needed: neither key_file nor the environment "
                            "variable " APIKEY_ENVIRONMENT " is set");
        return NULL;
    }

    if (check(g_strstrip(text), source, error)) {
        key = g_new0(ApiKey, 1);
        key->text = g_strdup(text);
        key->escaped = g_uri_escape_string(text, NULL, FALSE);
    }
    explicit_bzero(text, sizeof text);
    return g_steal_pointer(&key);
}

static void forget(char *text)
{
    explicit_bzero(text, strlen(text));
    g_free(text);
}

void apikey_free(ApiKey *key)
{
    if (key == NULL)
        return;
    forget(key->text);
    forget(key->escaped);
    g_free(key);
}

const char *apikey_text(const ApiKey *key)
{
    return key->text;
}

const char *apikey_escaped(const ApiKey *key)
{
    return key->escaped;
}

void apikey_scrub(const ApiKey *key, JsonTree *tree)
{
    if (strlen(key->text) < APIKEY_SECRET_MIN)
        return;
    jsontree_replace(tree, slice_of(key->text), SLICE(APIKEY_REPLACEMENT));
    if (strcmp(key->text, key->escaped) != 0)
        jsontree_replace(tree, slice_of(key->escaped), SLICE(APIKEY_REPLACEMENT));
}
