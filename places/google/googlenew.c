/* SPDX-License-Identifier: MIT */
#include "places/google/googlenew.h"

#include "places/json/jsonlayout.h"

#define ATTRIBUTIONS_MAX 100 /* in one list; more than a few come from nobody who means well */

#define NO_KEY ((Slice){0}) /* of what is added to an array */

/* ---- reading: what is missing and what has the wrong type are the same ---- */

/* The member @key of @object (nullable) if it is of @type, else NULL. */
static JsonValue *member(const JsonValue *object, Slice key, JsonType type)
{
    if (object == NULL || object->type != JSON_OBJECT)
        return NULL;
    JsonValue *value = jsontree_member(object, key, NULL);
    return value != NULL && value->type == type ? value : NULL;
}

/* The same for a string that is not empty. */
static JsonValue *text_member(const JsonValue *object, Slice key)
{
    JsonValue *value = member(object, key, JSON_STRING);

    return value != NULL && value->text.length > 0 ? value : NULL;
}

static const JsonValue *first_of(const JsonValue *array)
{
    return array == NULL ? NULL : array->first;
}

/* Degrees, in the provider's digits. */
typedef struct {
    Slice latitude;
    Slice longitude;
} Position;

/* In the JSON form of proto3 a member that is 0 is not written. */
static bool read_degrees(const JsonValue *position, Slice key, Slice *ret_degrees)
{
    const JsonValue *degrees = jsontree_member(position, key, NULL);

    *ret_degrees = degrees == NULL ? SLICE("0") : degrees->text;
    return degrees == NULL || degrees->type == JSON_NUMBER;
}

static bool read_position(const JsonValue *object, Slice key, Position *ret_position)
{
    const JsonValue *position = member(object, key, JSON_OBJECT);

    return position != NULL && read_degrees(position, SLICE("latitude"), &ret_position->latitude) &&
           read_degrees(position, SLICE("longitude"), &ret_position->longitude);
}

/* ---- writing ---- */

static void add_string(JsonTree *tree, JsonValue *to, Slice key, Slice text)
{
    jsontree_add_text(tree, to, key, JSON_STRING, text);
}

/* Adds @value (nullable) as @key. */
static void copy_value(JsonTree *tree, JsonValue *to, Slice key, const JsonValue *value)
{
    if (value != NULL)
        jsontree_add_text(tree, to, key, value->type, value->text);
}

static void add_position(JsonTree *tree, JsonValue *to, Slice key, const Position *position)
{
    JsonValue *added = jsontree_add(tree, to, key, JSON_OBJECT);

    jsontree_add_text(tree, added, SLICE("lat"), JSON_NUMBER, position->latitude);
    jsontree_add_text(tree, added, SLICE("lng"), JSON_NUMBER, position->longitude);
}

static void add_geometry(JsonTree *tree, JsonValue *result, const JsonValue *place,
                         const Position *location)
{
    const JsonValue *viewport = member(place, SLICE("viewport"), JSON_OBJECT);
    JsonValue *geometry = jsontree_add(tree, result, SLICE("geometry"), JSON_OBJECT);
    Position high;
    Position low;

    add_position(tree, geometry, SLICE("location"), location);
    if (read_position(viewport, SLICE("high"), &high) &&
        read_position(viewport, SLICE("low"), &low)) {
        JsonValue *added = jsontree_add(tree, geometry, SLICE("viewport"), JSON_OBJECT);
        add_position(tree, added, SLICE("northeast"), &high);
        add_position(tree, added, SLICE("southwest"), &low);
    }
}

/* The New API has more, such as FUTURE_OPENING; legacy clients know these. */
static void add_business_status(JsonTree *tree, JsonValue *result, const JsonValue *place)
{
    const JsonValue *status = text_member(place, SLICE("businessStatus"));

    if (status == NULL)
        return;
    bool closed = slice_equal(status->text, SLICE("CLOSED_PERMANENTLY"));
    if (closed)
        jsontree_add(tree, result, SLICE("permanently_closed"), JSON_TRUE);
    if (closed || slice_equal(status->text, SLICE("CLOSED_TEMPORARILY")) ||
        slice_equal(status->text, SLICE("OPERATIONAL")))
        copy_value(tree, result, SLICE("business_status"), status);
}

static void add_icon(JsonTree *tree, JsonValue *result, const JsonValue *place)
{
    const JsonValue *mask = text_member(place, SLICE("iconMaskBaseUri"));

    copy_value(tree, result, SLICE("icon_background_color"),
               text_member(place, SLICE("iconBackgroundColor")));
    if (mask == NULL)
        return;
    g_autoptr(GString) image = g_string_new_len(mask->text.data, (gssize)mask->text.length);
    g_string_append(image, ".png");
    copy_value(tree, result, SLICE("icon_mask_base_uri"), mask);
    add_string(tree, result, SLICE("icon"), (Slice){.data = image->str, .length = image->len});
}

static void add_plus_code(JsonTree *tree, JsonValue *result, const JsonValue *place)
{
    const JsonValue *code = member(place, SLICE("plusCode"), JSON_OBJECT);
    const JsonValue *compound = text_member(code, SLICE("compoundCode"));
    const JsonValue *global = text_member(code, SLICE("globalCode"));

    if (compound == NULL && global == NULL)
        return;
    JsonValue *added = jsontree_add(tree, result, SLICE("plus_code"), JSON_OBJECT);
    copy_value(tree, added, SLICE("compound_code"), compound);
    copy_value(tree, added, SLICE("global_code"), global);
}

static void add_types(JsonTree *tree, JsonValue *result, const JsonValue *place)
{
    const JsonValue *types = member(place, SLICE("types"), JSON_ARRAY);
    JsonValue *added = NULL;

    for (const JsonValue *type = first_of(types); type != NULL; type = type->next) {
        if (type->type != JSON_STRING)
            continue;
        if (added == NULL)
            added = jsontree_add(tree, result, SLICE("types"), JSON_ARRAY);
        copy_value(tree, added, NO_KEY, type);
    }
}

static bool holds(const JsonValue *array, Slice text)
{
    for (const JsonValue *value = array->first; value != NULL; value = value->next)
        if (slice_equal(value->text, text))
            return true;
    return false;
}

/* Adds to @array, once, who is to be named: @name (nullable), leading to @uri (nullable). */
static void add_attribution(JsonTree *tree, JsonValue *array, const JsonValue *name,
                            const JsonValue *uri)
{
    if (name == NULL || array->count >= ATTRIBUTIONS_MAX)
        return;
    g_autofree char *html = g_markup_escape_text(name->text.data, (gssize)name->text.length);
    if (uri != NULL) {
        g_autofree char *address = g_markup_escape_text(uri->text.data, (gssize)uri->text.length);
        g_autofree char *text = g_steal_pointer(&html);
        html = g_strconcat("<a href=\"", address, "\">", text, "</a>", NULL);
    }
    if (!holds(array, slice_of(html)))
        add_string(tree, array, NO_KEY, slice_of(html));
}

static void add_photo(JsonTree *tree, JsonValue *result, const JsonValue *place)
{
    const JsonValue *photo = first_of(member(place, SLICE("photos"), JSON_ARRAY));
    const JsonValue *name = text_member(photo, SLICE("name"));

    if (name == NULL)
        return;
    JsonValue *photos = jsontree_add(tree, result, SLICE("photos"), JSON_ARRAY);
    JsonValue *added = jsontree_add(tree, photos, NO_KEY, JSON_OBJECT);
    copy_value(tree, added, SLICE("height"), member(photo, SLICE("heightPx"), JSON_NUMBER));
    copy_value(tree, added, SLICE("width"), member(photo, SLICE("widthPx"), JSON_NUMBER));
    copy_value(tree, added, SLICE("photo_reference"), name);

    JsonValue *html = jsontree_add(tree, added, SLICE("html_attributions"), JSON_ARRAY);
    const JsonValue *authors = member(photo, SLICE("authorAttributions"), JSON_ARRAY);
    for (const JsonValue *author = first_of(authors); author != NULL; author = author->next)
        add_attribution(tree, html, text_member(author, SLICE("displayName")),
                        text_member(author, SLICE("uri")));
}

/* FALSE: @place is none that a client could use, nothing is added. */
static bool add_result(JsonTree *tree, JsonValue *results, const JsonValue *place)
{
    const JsonValue *name =
        text_member(member(place, SLICE("displayName"), JSON_OBJECT), SLICE("text"));
    const JsonValue *id = text_member(place, SLICE("id"));
    const JsonValue *address = text_member(place, SLICE("shortFormattedAddress"));
    Position location;

    if (name == NULL || !read_position(place, SLICE("location"), &location))
        return false;
    if (address == NULL)
        address = text_member(place, SLICE("formattedAddress"));

    JsonValue *result = jsontree_add(tree, results, NO_KEY, JSON_OBJECT);
    add_business_status(tree, result, place);
    add_geometry(tree, result, place, &location);
    add_icon(tree, result, place);
    copy_value(tree, result, SLICE("name"), name);
    add_photo(tree, result, place);
    copy_value(tree, result, SLICE("place_id"), id);
    add_plus_code(tree, result, place);
    copy_value(tree, result, SLICE("reference"), id);
    add_string(tree, result, SLICE("scope"), SLICE("GOOGLE"));
    add_types(tree, result, place);
    copy_value(tree, result, SLICE("vicinity"), address);
    return true;
}

/* Appends @places (nullable) as a legacy answer. */
static PlacesStatus append_answer(GString *json, const JsonValue *places, unsigned bound)
{
    g_autoptr(JsonTree) tree = jsontree_new_object();
    JsonValue *root = jsontree_root(tree);
    JsonValue *html = jsontree_add(tree, root, SLICE("html_attributions"), JSON_ARRAY);
    JsonValue *results = jsontree_add(tree, root, SLICE("results"), JSON_ARRAY);

    for (const JsonValue *place = first_of(places); place != NULL && results->count < bound;
         place = place->next) {
        if (!add_result(tree, results, place))
            continue;
        const JsonValue *sources = member(place, SLICE("attributions"), JSON_ARRAY);
        for (const JsonValue *source = first_of(sources); source != NULL; source = source->next)
            add_attribution(tree, html, text_member(source, SLICE("provider")),
                            text_member(source, SLICE("providerUri")));
    }
    PlacesStatus status = results->count > 0 ? PLACES_OK : PLACES_ZERO_RESULTS;
    add_string(tree, root, SLICE("status"), slice_of(places_status_name(status)));
    jsonlayout_append(json, root, 0);
    return status;
}

/* ---- failures ---- */

/* Why, as google.rpc.ErrorInfo says it among the details of @error; NULL where it does not. */
static const JsonValue *reason_of(const JsonValue *error)
{
    const JsonValue *details = member(error, SLICE("details"), JSON_ARRAY);

    for (const JsonValue *detail = first_of(details); detail != NULL; detail = detail->next) {
        const JsonValue *reason = text_member(detail, SLICE("reason"));
        if (reason != NULL)
            return reason;
    }
    return NULL;
}

static bool is_reason(const JsonValue *error, Slice name)
{
    const JsonValue *reason = reason_of(error);

    return reason != NULL && slice_equal(reason->text, name);
}

static bool says(const JsonValue *message, const char *words)
{
    return memmem(message->text.data, message->text.length, words, strlen(words)) != NULL;
}

/* Whether the key, or its project, is not for this API, as one of an old project is not. The reason
 * decides; other reasons have messages that sound alike. */
static bool is_other_api(const JsonValue *error, const JsonValue *message)
{
    const JsonValue *status = text_member(error, SLICE("status"));

    if (status == NULL || !slice_equal(status->text, SLICE("PERMISSION_DENIED")))
        return false;
    if (reason_of(error) != NULL)
        return is_reason(error, SLICE("SERVICE_DISABLED")) ||
               is_reason(error, SLICE("API_KEY_SERVICE_BLOCKED"));
    return says(message, "not enabled") || says(message, "is disabled") ||
           says(message, "has not been used") ||
           (says(message, "Requests to this API") && says(message, "blocked"));
}

/* Tells of a failure in the words of @tree (nullable), a google.rpc.Status as JSON has it, if it is
 * one. */
static PlacesStatus explain(const HttpReply *reply, JsonTree *tree, const GoogleService *service,
                            ProviderFailure *failure)
{
    PlacesStatus status = provider_fail_status(failure, reply);
    const JsonValue *root = tree == NULL ? NULL : jsontree_root(tree);
    const JsonValue *error = member(root, SLICE("error"), JSON_OBJECT);
    JsonValue *message = text_member(error, SLICE("message"));

    if (message == NULL)
        return status;
    googleservice_scrub_failure(service, tree, message);
    if (is_reason(error, SLICE("API_KEY_INVALID"))) /* comes with 400 */
        status = PLACES_REQUEST_DENIED;
    const char *hint = reply->status == HTTP_FORBIDDEN && is_other_api(error, message)
                           ? " If the key is for Places API (Legacy), set places = google-legacy."
                           : "";
    return provider_fail(failure, status, "%.*s%s", (int)message->text.length, message->text.data,
                         hint);
}

PlacesStatus googlenew_append(GString *json, const HttpReply *reply, unsigned bound,
                              const GoogleService *service, ProviderFailure *failure)
{
    g_autoptr(JsonTree) tree = NULL;
    Slice body = {.data = reply->body->str, .length = reply->body->len};
    JsonTreeOutcome parsed = jsontree_parse(body, &tree);

    if (tree != NULL)
        apikey_scrub(service->key, tree);
    if (reply->status != HTTP_OK)
        return explain(reply, tree, service, failure);
    if (parsed == JSONTREE_OK) {
        const JsonValue *root = jsontree_root(tree);
        size_t count = 0;
        const JsonValue *places =
            root->type == JSON_OBJECT ? jsontree_member(root, SLICE("places"), &count) : NULL;

        /* {} when nothing was found: in the JSON form of proto3 an empty list is not written. */
        if ((count == 1 && places->type == JSON_ARRAY) ||
            (root->type == JSON_OBJECT && root->count == 0))
            return append_answer(json, places, bound);
    }
    return provider_fail_body(failure, parsed, "a Nearby Search answer");
}
