/* SPDX-License-Identifier: MIT */
#include "places/osm/overpassanswer.h"

#include "core/decimal.h"
#include "places/geometry.h"
#include "places/json/jsontree.h"
#include "places/osm/osmtags.h"
#include "places/resultlayout.h"
#include "places/types.h"

#define MILLIMETRES_PER_METRE 1000.0

/* In the order in which a server tells them. */
static const char *const kinds[] = {"node", "way", "relation"};

/* A place that was told. */
typedef struct {
    double haversine;
    size_t kind; /* in kinds */
    int64_t id;
    const JsonValue *tags; /* while the answer that told it is read; what result has of it is part
                              of that answer, too, and afterwards a copy in OverpassAnswer.texts */
    PlaceResult result;    /* without id; without vicinity as long as there are tags */
} Hit;

struct OverpassAnswer {
    PlacesQuery query;
    const char *type;     /* (nullable) */
    const char *language; /* (nullable) */
    double haversine_max;
    GStringChunk *texts; /* (owned) of the hits. It grows by those of one answer's, not by what
                            was answered: a lookup that waits for the next one holds little */
    Hit hits[PLACES_BOUND_MAX]; /* the nearest, in order */
    size_t count;
};

#define TEXTS_BLOCK 1024

OverpassAnswer *overpassanswer_new(const PlacesQuery *query, const char *type, const char *language)
{
    OverpassAnswer *answer = g_new0(OverpassAnswer, 1);

    answer->query = *query;
    answer->query.bound = MIN(query->bound, PLACES_BOUND_MAX);
    answer->type = type;
    answer->language = language;
    answer->haversine_max = haversine_of_radius(query->radius);
    answer->texts = g_string_chunk_new(TEXTS_BLOCK);
    return answer;
}

void overpassanswer_free(OverpassAnswer *answer)
{
    if (answer == NULL)
        return;
    g_string_chunk_free(answer->texts);
    g_free(answer);
}

/* ---- elements ---- */

/* FALSE: @value is no number of degrees up to @limit. */
static bool parse_degrees(const JsonValue *value, double limit, int64_t *ret_nanodegrees)
{
    if (value == NULL || value->type != JSON_NUMBER)
        return false;

    g_autofree char *text = g_strndup(value->text.data, value->text.length);
    double degrees = g_ascii_strtod(text, NULL);
    if (!(fabs(degrees) <= limit))
        return false;
    *ret_nanodegrees = llround(degrees * (double)NANODEGREES_PER_DEGREE);
    return true;
}

/* Where @element is: a node itself, the others by the centre of what they cover. FALSE: it does not
 * say, as a way with "center": {}. */
static bool locate(const JsonValue *element, PlaceResult *result)
{
    const JsonValue *center = jsontree_member(element, SLICE("center"), NULL);
    const JsonValue *at = center != NULL ? center : element;
    const JsonValue *latitude = jsontree_member(at, SLICE("lat"), NULL);
    const JsonValue *longitude = jsontree_member(at, SLICE("lon"), NULL);

    if (!parse_degrees(latitude, 90, &result->location.latitude) ||
        !parse_degrees(longitude, 180, &result->location.longitude))
        return false;
    result->latitude = latitude->text;
    result->longitude = longitude->text;
    return true;
}

/* Which of OpenStreetMap's things @element is. */
static bool identify(const JsonValue *element, Hit *hit)
{
    const JsonValue *type = jsontree_member(element, SLICE("type"), NULL);
    const JsonValue *id = jsontree_member(element, SLICE("id"), NULL);
    Decimal number;

    if (type == NULL || type->type != JSON_STRING || id == NULL || id->type != JSON_NUMBER ||
        !decimal_parse(id->text, &number) || number.sign != 0 || number.fraction.length > 0)
        return false;
    hit->id = number.whole;
    for (hit->kind = 0; hit->kind < G_N_ELEMENTS(kinds); hit->kind++)
        if (slice_equal(type->text, slice_of(kinds[hit->kind])))
            return true;
    return false;
}

/* FALSE: @element is not a place that is wanted. */
static bool parse_element(const OverpassAnswer *answer, const JsonValue *element, Hit *hit)
{
    const JsonValue *tags = jsontree_member(element, SLICE("tags"), NULL);

    if (tags == NULL || tags->type != JSON_OBJECT || !identify(element, hit) ||
        !locate(element, &hit->result) || !osmtags_name(tags, answer->language, &hit->result.name))
        return false;
    hit->tags = tags;
    hit->result.types = osmtags_types(tags);
    if (hit->result.types.length == 0 ||
        (answer->type != NULL && !types_have(hit->result.types, slice_of(answer->type))))
        return false;
    hit->haversine = haversine(answer->query.center, hit->result.location);
    return hit->haversine <= answer->haversine_max;
}

/* Below zero: @a stands before @b. Zero: they are the same thing, at the same place. */
static int compare_hits(const Hit *a, const Hit *b)
{
    if (a->haversine < b->haversine || a->haversine > b->haversine)
        return a->haversine < b->haversine ? -1 : 1;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    return (a->id > b->id) - (a->id < b->id);
}

static bool is_known(const OverpassAnswer *answer, const Hit *hit)
{
    for (size_t i = 0; i < answer->count; i++)
        if (answer->hits[i].kind == hit->kind && answer->hits[i].id == hit->id)
            return true;
    return false;
}

static void keep(OverpassAnswer *answer, const Hit *hit)
{
    bool full = answer->count == answer->query.bound;

    if ((full && compare_hits(hit, &answer->hits[answer->count - 1]) >= 0) || is_known(answer, hit))
        return;
    size_t at = full ? answer->count - 1 : answer->count++;
    for (; at > 0 && compare_hits(hit, &answer->hits[at - 1]) < 0; at--)
        answer->hits[at] = answer->hits[at - 1];
    answer->hits[at] = *hit;
}

static void copy_text(OverpassAnswer *answer, Slice *text)
{
    text->data = g_string_chunk_insert_len(answer->texts, text->data, (gssize)text->length);
}

/* Makes the hits independent of the answer that told them. */
static void copy_texts(OverpassAnswer *answer)
{
    for (size_t i = 0; i < answer->count; i++) {
        Hit *hit = &answer->hits[i];
        PlaceResult *result = &hit->result;

        if (hit->tags == NULL)
            continue;
        g_autoptr(GString) vicinity = g_string_new(NULL);
        osmtags_append_vicinity(hit->tags, vicinity);
        result->vicinity = vicinity->len > 0
                               ? (Slice){.data = vicinity->str, .length = vicinity->len}
                               : result->name;
        copy_text(answer, &result->vicinity);
        copy_text(answer, &result->name);
        copy_text(answer, &result->latitude);
        copy_text(answer, &result->longitude);
        hit->tags = NULL;
    }
}

/* ---- failures ---- */

static bool begins(Slice text, Slice word)
{
    return text.length >= word.length && memcmp(text.data, word.data, word.length) == 0;
}

static bool holds(Slice text, const char *word)
{
    return memmem(text.data, text.length, word, strlen(word)) != NULL;
}

/* A server that runs out of something says so in an answer that is otherwise good, with or without
 * elements; other remarks are no failures. */
static PlacesStatus check_remark(const JsonValue *root, ProviderFailure *failure)
{
    const JsonValue *remark = jsontree_member(root, SLICE("remark"), NULL);

    if (remark == NULL || remark->type != JSON_STRING || remark->text.length == 0)
        return PLACES_OK;
    if (holds(remark->text, "rate_limited") || holds(remark->text, "Dispatcher_Client"))
        return provider_fail(failure, PLACES_OVER_QUERY_LIMIT,
                             "The places provider has too many queries to answer.");
    if (!begins(remark->text, SLICE("runtime error")))
        return PLACES_OK;
    if (holds(remark->text, "timed out"))
        return provider_fail(failure, PLACES_UNKNOWN_ERROR, "The places provider ran out of time.");
    if (holds(remark->text, "out of memory"))
        return provider_fail(failure, PLACES_UNKNOWN_ERROR,
                             "The places provider ran out of memory.");
    return provider_fail(failure, PLACES_UNKNOWN_ERROR,
                         "The places provider failed while it was searching.");
}

/* The array of elements; NULL: it is not an answer. */
static const JsonValue *elements_of(const JsonValue *root)
{
    size_t count = 0;
    const JsonValue *elements =
        root->type == JSON_OBJECT ? jsontree_member(root, SLICE("elements"), &count) : NULL;

    return count == 1 && elements->type == JSON_ARRAY ? elements : NULL;
}

/* ---- answers ---- */

/* The elements of @reply, which belong to @ret_tree; NULL: it failed, @ret_status says how. */
static const JsonValue *parse_reply(const HttpReply *reply, JsonTree **ret_tree,
                                    PlacesStatus *ret_status, ProviderFailure *failure)
{
    const char what[] = "an answer of Overpass";

    if (reply->status != HTTP_OK) {
        *ret_status = provider_fail_status(failure, reply);
        return NULL;
    }

    g_autoptr(JsonTree) tree = NULL;
    Slice body = {.data = reply->body->str, .length = reply->body->len};
    JsonTreeOutcome parsed = jsontree_parse(body, &tree);
    if (parsed != JSONTREE_OK) {
        *ret_status = provider_fail_body(failure, parsed, what);
        return NULL;
    }

    const JsonValue *root = jsontree_root(tree);
    *ret_status = root->type == JSON_OBJECT ? check_remark(root, failure) : PLACES_OK;
    if (*ret_status != PLACES_OK) {
        failure->retry_after_s = reply->retry_after_s;
        return NULL;
    }
    const JsonValue *elements = elements_of(root);
    if (elements == NULL)
        *ret_status = provider_fail_body(failure, parsed, what);
    *ret_tree = g_steal_pointer(&tree);
    return elements;
}

static int64_t millimetres_of(double h)
{
    return (int64_t)ceil(haversine_to_metres(h) * MILLIMETRES_PER_METRE);
}

PlacesStatus overpassanswer_add(OverpassAnswer *answer, const HttpReply *reply, size_t elements_max,
                                RadiusSearchSeen *ret_seen, ProviderFailure *failure)
{
    g_autoptr(JsonTree) tree = NULL;
    PlacesStatus status;
    const JsonValue *elements = parse_reply(reply, &tree, &status, failure);

    if (elements == NULL)
        return status;
    for (const JsonValue *element = elements->first; element != NULL; element = element->next) {
        Hit hit = {0};

        if (parse_element(answer, element, &hit))
            keep(answer, &hit);
    }
    copy_texts(answer);
    ret_seen->cut = elements->count >= elements_max;
    ret_seen->known = answer->count;
    ret_seen->farthest =
        answer->count > 0 ? millimetres_of(answer->hits[answer->count - 1].haversine) : 0;
    return PLACES_OK;
}

bool overpassanswer_is_full(const OverpassAnswer *answer)
{
    return answer->count == answer->query.bound;
}

PlacesStatus overpassanswer_append(const OverpassAnswer *answer, GString *json)
{
    resultlayout_begin(json, SLICE(OSM_ATTRIBUTION));
    for (size_t i = 0; i < answer->count; i++) {
        const Hit *hit = &answer->hits[i];
        PlaceResult result = hit->result;
        g_autofree char *id =
            g_strdup_printf("osm:%s/%" G_GINT64_FORMAT, kinds[hit->kind], hit->id);

        result.id = slice_of(id);
        resultlayout_append(json, &result, i);
    }
    return resultlayout_end(json, answer->count);
}
