/* SPDX-License-Identifier: MIT */
#include "places/osm/overpassquery.h"

#include "places/fixedpoint.h"
#include "places/osm/osmtags.h"
#include "places/places.h"
#include "places/types.h"

/* Whether @types is what is looked for. */
static bool is_wanted(const char *types, const char *type)
{
    return type == NULL || types_have(slice_of(types), slice_of(type));
}

/* Whether @meaning is wanted, and needs no other tag. */
static bool is_plain(const OsmMeaning *meaning, const char *type)
{
    return meaning->also_key == NULL && is_wanted(meaning->types, type);
}

/* Whether @value is wanted, whatever stands beside it. */
static bool is_plain_value(const OsmKey *key, const char *value, const char *type)
{
    for (size_t i = 0; i < key->meaning_count; i++)
        if (strcmp(key->meanings[i].value, value) == 0 && is_plain(&key->meanings[i], type))
            return true;
    return false;
}

/* The values of @key that are, with | between two. */
static void append_plain_values(const OsmKey *key, const char *type, GString *values)
{
    for (size_t i = 0; i < key->meaning_count; i++)
        if (is_plain(&key->meanings[i], type))
            g_string_append_printf(values, "%s%s", values->len > 0 ? "|" : "",
                                   key->meanings[i].value);
}

/* Of a value with semicolons the first part counts, as in osmtags.h. */
static void add_filters_of_key(const OsmKey *key, const char *type, GPtrArray *filters)
{
    g_autoptr(GString) values = g_string_new(NULL);

    append_plain_values(key, type, values);
    if (values->len > 0)
        g_ptr_array_add(filters,
                        g_strdup_printf("[name][\"%s\"~\"^(%s)(;|$)\"]", key->key, values->str));
    for (size_t i = 0; i < key->meaning_count; i++) {
        const OsmMeaning *meaning = &key->meanings[i];

        if (meaning->also_key != NULL && is_wanted(meaning->types, type) &&
            !is_plain_value(key, meaning->value, type))
            g_ptr_array_add(filters,
                            g_strdup_printf("[name][\"%s\"~\"^%s(;|$)\"][\"%s\"~\"^%s(;|$)\"]",
                                            key->key, meaning->value, meaning->also_key,
                                            meaning->also_value));
    }
}

char **overpassquery_filters(const char *type, GError **error)
{
    g_autoptr(GPtrArray) filters = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GString) any_value = g_string_new(NULL); /* keys of which all is wanted */
    size_t key_count;
    const OsmKey *keys = osmtags_keys(&key_count);

    for (size_t i = 0; i < key_count; i++) {
        const OsmKey *key = &keys[i];

        if (key->otherwise != NULL && is_wanted(key->otherwise, type))
            g_string_append_printf(any_value, "%s%s", any_value->len > 0 ? "|" : "", key->key);
        else if (!key->common || type != NULL)
            add_filters_of_key(key, type, filters);
    }
    if (any_value->len > 0)
        g_ptr_array_insert(filters, 0,
                           g_strdup_printf("[name][~\"^(%s)$\"~\".\"]", any_value->str));
    if (filters->len == 0) {
        g_set_error(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_DATA,
                    "type: OpenStreetMap has no \"%s\"", type);
        return NULL;
    }
    g_ptr_array_add(filters, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&filters), FALSE);
}

void overpassquery_append(GString *form, char *const *filters, Location center, int64_t radius,
                          int64_t timeout_s)
{
    g_autoptr(GString) query = g_string_new(NULL);

    g_string_printf(query, "[out:json][timeout:%" G_GINT64_FORMAT "];(", timeout_s);
    for (; *filters != NULL; filters++) {
        g_string_append(query, "nwr(around:");
        fixedpoint_append(query, radius, MILLIMETRE_DIGITS);
        g_string_append_c(query, ',');
        fixedpoint_append(query, center.latitude, NANODEGREE_DIGITS);
        g_string_append_c(query, ',');
        fixedpoint_append(query, center.longitude, NANODEGREE_DIGITS);
        g_string_append_printf(query, ")%s;", *filters);
    }
    g_string_append_printf(query, ");out tags center %d;", OVERPASSQUERY_ELEMENTS_MAX);
    g_string_append(form, "data=");
    g_string_append_uri_escaped(form, query->str, NULL, FALSE);
}
