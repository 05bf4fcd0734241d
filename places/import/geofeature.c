/* SPDX-License-Identifier: MIT */
#include "places/import/geofeature.h"

#include "places/import/geopoint.h"
#include "places/osm/osmtags.h"

void geofeature_text_init(GeoFeatureText *text)
{
    text->id = g_string_new(NULL);
    text->types = g_string_new(NULL);
    text->vicinity = g_string_new(NULL);
}

void geofeature_text_clear(GeoFeatureText *text)
{
    g_string_free(text->id, TRUE);
    g_string_free(text->types, TRUE);
    g_string_free(text->vicinity, TRUE);
}

/* The member @key of what may be no object, or NULL itself. */
static const JsonValue *member(const JsonValue *object, const char *key)
{
    if (object == NULL || object->type != JSON_OBJECT)
        return NULL;
    return jsontree_member(object, slice_of(key), NULL);
}

/* The text of what may be no string, or NULL; trimmed, empty if there is none. */
static Slice text_of(const JsonValue *value)
{
    return value != NULL && value->type == JSON_STRING ? import_trim(value->text) : (Slice){0};
}

static Slice first_text(const JsonValue *object, const char *const *keys)
{
    Slice text = {0};

    for (; *keys != NULL && text.length == 0; keys++)
        text = text_of(member(object, *keys));
    return text;
}

static Slice slice_of_string(const GString *text)
{
    return (Slice){.data = text->str, .length = text->len};
}

static bool is_closed(const JsonValue *properties)
{
    Slice status = text_of(member(properties, "operating_status"));

    return status.length > 0 && !slice_equal(status, SLICE("open"));
}

static Slice name_of(const JsonValue *properties)
{
    Slice name = text_of(member(member(properties, "names"), "primary"));

    if (name.length == 0 && osmtags_name(properties, NULL, &name))
        name = import_trim(name);
    return name;
}

static void append_own_types(const JsonValue *properties, GString *types)
{
    const JsonValue *own = member(properties, "types");

    if (own != NULL && own->type == JSON_ARRAY)
        for (const JsonValue *type = own->first; type != NULL; type = type->next)
            import_append_types(types, text_of(type));
    else
        import_append_types(types, text_of(own));
    if (types->len == 0)
        import_append_types(types, text_of(member(properties, "category")));
}

static Slice types_of(const JsonValue *properties, GString *types)
{
    g_string_truncate(types, 0);
    append_own_types(properties, types);
    if (types->len == 0) {
        import_append_types(types, text_of(member(member(properties, "categories"), "primary")));
        if (types->len > 0)
            import_append_types(types, SLICE(IMPORT_TYPES_DEFAULT));
    }
    if (types->len > 0)
        return slice_of_string(types);

    Slice tagged = osmtags_types(properties);
    return tagged.length > 0 ? tagged : SLICE(IMPORT_TYPES_DEFAULT);
}

static void append_overture_address(const JsonValue *properties, GString *vicinity)
{
    const JsonValue *addresses = member(properties, "addresses");

    if (addresses == NULL || addresses->type != JSON_ARRAY)
        return;
    Slice street = text_of(member(addresses->first, "freeform"));
    Slice locality = text_of(member(addresses->first, "locality"));
    g_string_append_len(vicinity, street.data, (gssize)street.length);
    if (street.length > 0 && locality.length > 0)
        g_string_append(vicinity, ", ");
    g_string_append_len(vicinity, locality.data, (gssize)locality.length);
}

static Slice vicinity_of(const JsonValue *properties, GString *vicinity)
{
    static const char *const own_keys[] = {"vicinity", "address", NULL};
    Slice own = first_text(properties, own_keys);

    if (own.length > 0)
        return own;
    g_string_truncate(vicinity, 0);
    append_overture_address(properties, vicinity);
    if (vicinity->len == 0)
        osmtags_append_vicinity(properties, vicinity);
    return slice_of_string(vicinity);
}

static Slice id_of(const JsonValue *feature, const JsonValue *properties, uint64_t row, GString *id)
{
    const JsonValue *candidates[] = {member(feature, "id"), member(properties, "id"),
                                     member(properties, "@id")};

    for (size_t i = 0; i < G_N_ELEMENTS(candidates); i++) {
        const JsonValue *value = candidates[i];

        if (value != NULL && (value->type == JSON_STRING || value->type == JSON_NUMBER) &&
            value->text.length > 0)
            return value->text;
    }
    return import_row_id(id, row);
}

const char *geofeature_read(const JsonValue *feature, uint64_t row, GeoFeatureText *text,
                            Place *ret_place)
{
    const JsonValue *properties = member(feature, "properties");

    if (!slice_equal(text_of(member(feature, "type")), SLICE("Feature")))
        return "not a Feature";
    if (properties == NULL || properties->type != JSON_OBJECT)
        return IMPORT_NO_NAME;
    if (is_closed(properties))
        return "closed";

    Slice name = name_of(properties);
    if (name.length == 0)
        return IMPORT_NO_NAME;
    Place place = {.name = name};
    const char *reason =
        geopoint_of(member(feature, "geometry"), &place.latitude, &place.longitude);
    if (reason != NULL)
        return reason;
    place.id = id_of(feature, properties, row, text->id);
    place.types = types_of(properties, text->types);
    place.vicinity = vicinity_of(properties, text->vicinity);
    *ret_place = place;
    return NULL;
}
