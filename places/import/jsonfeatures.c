/* SPDX-License-Identifier: MIT */
#include "places/import/jsonfeatures.h"

#include "places/json/jsonbuilder.h"
#include "places/places.h"

#define DEPTH_MAX 1024 /* that is counted where nothing is kept; yajl has no bound of its own */

#define NOT_A_COLLECTION "not a FeatureCollection: an object with an array \"features\""

struct JsonFeatures {
    JsonFeaturesSink sink;
    yajl_handle parser; /* (owned) */

    /* Outside of features. */
    size_t depth;        /* arrays and objects that are open */
    bool features_next;  /* the member `features` of the whole is about to come */
    bool in_features;    /* in its array, or in a feature there */
    bool features_found; /* it has been there */
    bool closed;         /* the whole has ended */

    /* The feature that is being read. */
    size_t inner_depth;
    uint64_t line;
    JsonTree *tree; /* (owned) NULL: too large, or none is being read */

    size_t mark_seen; /* bytes of a byte order mark, or all of them when there can be no more */

    /* Where we are: yajl says how much of a piece it has read. */
    Slice piece;
    size_t counted; /* bytes of the piece whose line ends are in line_now */
    uint64_t line_now;
    size_t since_event; /* bytes of earlier pieces since yajl called last */
    bool called;        /* in this piece */

    GError *error; /* (owned) why a callback has said no */
};

static void count_lines(JsonFeatures *features)
{
    size_t read = yajl_get_bytes_consumed(features->parser);

    for (size_t i = features->counted; i < MIN(read, features->piece.length); i++)
        features->line_now += features->piece.data[i] == '\n';
    features->counted = MAX(features->counted, read);
}

static int refuse(JsonFeatures *features, const char *what)
{
    count_lines(features);
    g_set_error(&features->error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_DATA,
                "line %" G_GUINT64_FORMAT ": %s", features->line_now, what);
    return 0;
}

static void begin_feature(JsonFeatures *features)
{
    count_lines(features);
    features->line = features->line_now;
    features->tree = jsonbuilder_new(JSONFEATURES_VALUES_MAX, JSONFEATURES_TEXT_MAX);
}

static int end_feature(JsonFeatures *features)
{
    g_autoptr(JsonTree) tree = g_steal_pointer(&features->tree);

    return features->sink.feature(features->sink.self, features->line,
                                  tree == NULL ? NULL : jsontree_root(tree), &features->error);
}

/* What the builder made of an event: when it says no it gets no more of this feature. */
static void built(JsonFeatures *features, int taken)
{
    if (!taken)
        g_clear_pointer(&features->tree, jsontree_free);
}

/* Before a value that is no array or object. The tree that it belongs to, or NULL. */
static JsonTree *begin_scalar(JsonFeatures *features)
{
    features->called = true;
    if (features->in_features && features->inner_depth == 0)
        begin_feature(features);
    return features->tree;
}

static int end_scalar(JsonFeatures *features, int taken)
{
    if (!features->in_features)
        return features->depth > 0 || refuse(features, NOT_A_COLLECTION);
    built(features, taken);
    return features->inner_depth > 0 || end_feature(features);
}

static int on_null(void *data)
{
    JsonTree *tree = begin_scalar(data);

    return end_scalar(data, tree == NULL || jsonbuilder_callbacks.yajl_null(tree));
}

static int on_boolean(void *data, int is_true)
{
    JsonTree *tree = begin_scalar(data);

    return end_scalar(data, tree == NULL || jsonbuilder_callbacks.yajl_boolean(tree, is_true));
}

static int on_number(void *data, const char *text, size_t length)
{
    JsonTree *tree = begin_scalar(data);

    return end_scalar(data, tree == NULL || jsonbuilder_callbacks.yajl_number(tree, text, length));
}

static int on_string(void *data, const unsigned char *text, size_t length)
{
    JsonTree *tree = begin_scalar(data);

    return end_scalar(data, tree == NULL || jsonbuilder_callbacks.yajl_string(tree, text, length));
}

/* An array or object begins, in a feature or not. FALSE, with the error set: it may not. */
static bool open_container(JsonFeatures *features, JsonType type)
{
    features->called = true;
    if (features->depth + features->inner_depth >= DEPTH_MAX)
        return refuse(features, "nested too deep");
    if (features->in_features) {
        if (features->inner_depth++ == 0)
            begin_feature(features);
        return true;
    }
    if (features->depth == 0 && type == JSON_ARRAY)
        return refuse(features, NOT_A_COLLECTION);
    features->in_features = type == JSON_ARRAY && features->depth == 1 && features->features_next;
    features->features_found |= features->in_features;
    features->depth++;
    return true;
}

static int on_start_object(void *data)
{
    JsonFeatures *features = data;

    if (!open_container(features, JSON_OBJECT))
        return 0;
    if (features->tree != NULL)
        built(features, jsonbuilder_callbacks.yajl_start_map(features->tree));
    return 1;
}

static int on_start_array(void *data)
{
    JsonFeatures *features = data;

    if (!open_container(features, JSON_ARRAY))
        return 0;
    if (features->tree != NULL)
        built(features, jsonbuilder_callbacks.yajl_start_array(features->tree));
    return 1;
}

static int on_key(void *data, const unsigned char *text, size_t length)
{
    JsonFeatures *features = data;

    features->called = true;
    if (features->tree != NULL)
        built(features, jsonbuilder_callbacks.yajl_map_key(features->tree, text, length));
    if (!features->in_features)
        features->features_next =
            features->depth == 1 &&
            slice_equal((Slice){.data = (const char *)text, .length = length}, SLICE("features"));
    return 1;
}

/* yajl has seen to it that it is the end of what was opened. */
static int on_end(void *data)
{
    JsonFeatures *features = data;

    features->called = true;
    if (!features->in_features || features->inner_depth == 0) {
        features->in_features = false;
        features->closed = --features->depth == 0;
        return 1;
    }
    if (features->tree != NULL)
        built(features, jsonbuilder_callbacks.yajl_end_array(features->tree)); /* as yajl_end_map */
    return --features->inner_depth > 0 || end_feature(features);
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_start_object,
    .yajl_map_key = on_key,
    .yajl_end_map = on_end,
    .yajl_start_array = on_start_array,
    .yajl_end_array = on_end,
};

JsonFeatures *jsonfeatures_new(const JsonFeaturesSink *sink)
{
    JsonFeatures *features = g_new0(JsonFeatures, 1);

    features->sink = *sink;
    features->parser = yajl_alloc(&callbacks, NULL, features);
    g_assert(features->parser != NULL);
    features->line_now = 1;
    /* What follows the collection is looked at by us: yajl would let half a string pass. */
    yajl_config(features->parser, yajl_allow_trailing_garbage, 1);
    return features;
}

void jsonfeatures_free(JsonFeatures *features)
{
    if (features == NULL)
        return;
    yajl_free(features->parser);
    jsontree_free(features->tree);
    g_clear_error(&features->error);
    g_free(features);
}

/* Says why yajl has stopped: a callback of ours, or the text. */
static bool fail(JsonFeatures *features, GError **error)
{
    if (features->error == NULL) {
        unsigned char *words = yajl_get_error(features->parser, 0, NULL, 0);
        g_autofree char *what = g_strdup_printf("not JSON: %s", (const char *)words);

        yajl_free_error(features->parser, words);
        refuse(features, g_strchomp(what));
    }
    g_propagate_error(error, g_steal_pointer(&features->error));
    return false;
}

/* @piece without what is in it of a byte order mark that begins the text (RFC 8259, 8.1). */
static Slice without_mark(JsonFeatures *features, Slice piece)
{
    static const char mark[] = {'\xef', '\xbb', '\xbf'};

    while (features->mark_seen < sizeof mark && piece.length > 0 &&
           piece.data[0] == mark[features->mark_seen]) {
        features->mark_seen++;
        piece.data++;
        piece.length--;
    }
    if (piece.length > 0)
        features->mark_seen = sizeof mark;
    return piece;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* What follows the collection may only be white space. */
static bool pass_over(JsonFeatures *features, Slice rest, GError **error)
{
    features->counted = SIZE_MAX; /* lines are counted here from now on */
    for (size_t i = 0; i < rest.length; i++) {
        if (!is_blank(rest.data[i])) {
            refuse(features, "not JSON: there is something behind its end");
            return fail(features, error);
        }
        features->line_now += rest.data[i] == '\n';
    }
    return true;
}

bool jsonfeatures_feed(JsonFeatures *features, Slice piece, GError **error)
{
    if (features->closed)
        return pass_over(features, piece, error);
    piece = without_mark(features, piece);
    features->piece = piece;
    features->counted = 0;
    features->called = false;
    if (yajl_parse(features->parser, (const unsigned char *)piece.data, piece.length) !=
        yajl_status_ok)
        return fail(features, error);
    count_lines(features);
    if (features->closed) {
        size_t end = yajl_get_bytes_consumed(features->parser);
        return pass_over(features, (Slice){.data = piece.data + end, .length = piece.length - end},
                         error);
    }

    /* A string that does not end is kept by yajl until it does. */
    features->since_event = features->called ? 0 : features->since_event + piece.length;
    if (features->since_event > JSONFEATURES_TEXT_MAX) {
        refuse(features, "a string is too long");
        return fail(features, error);
    }
    return true;
}

bool jsonfeatures_finish(JsonFeatures *features, GError **error)
{
    features->piece = (Slice){0};
    if (yajl_complete_parse(features->parser) != yajl_status_ok)
        return fail(features, error);
    if (features->features_found)
        return true;
    refuse(features, NOT_A_COLLECTION);
    return fail(features, error);
}
