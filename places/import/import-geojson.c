/* SPDX-License-Identifier: MIT */

/* GeoJSON: a FeatureCollection, or a sequence of Features. */

#include "places/import/geofeature.h"
#include "places/import/import.h"
#include "places/import/jsonfeatures.h"
#include "places/import/records.h"

#define PIECE            ((size_t)64 * 1024)
#define RECORD_SEPARATOR '\x1e' /* RFC 8142 */

#define TOO_LARGE "a feature that is too large"

typedef struct {
    const ImportSink *sink;
    GeoFeatureText text;
    uint64_t rows;
} Import;

/* @feature is NULL if it is too large. */
static bool take_feature(void *pointer, uint64_t line, const JsonValue *feature, GError **error)
{
    Import *import = pointer;
    const ImportSink *sink = import->sink;
    Place place;
    uint64_t row = ++import->rows;
    const char *reason =
        feature == NULL ? TOO_LARGE : geofeature_read(feature, row, &import->text, &place);

    if (reason == NULL)
        return sink->place(sink->self, line, &place, error);
    sink->skipped(sink->self, line, reason);
    return true;
}

static bool read_collection(const ImportInput *input, Import *import, GError **error)
{
    JsonFeaturesSink sink = {.self = import, .feature = take_feature};
    g_autoptr(JsonFeatures) features = jsonfeatures_new(&sink);
    g_autofree char *piece = g_malloc(PIECE);

    for (;;) {
        gssize got = input->read(input->self, piece, PIECE, error);

        if (got < 0)
            return false;
        if (got == 0)
            return jsonfeatures_finish(features, error);
        if (!jsonfeatures_feed(features, (Slice){.data = piece, .length = (size_t)got}, error))
            return false;
    }
}

static bool take_record(Import *import, Slice record, uint64_t line, GError **error)
{
    g_autoptr(JsonTree) tree = NULL;

    switch (jsontree_parse_up_to(record, JSONFEATURES_VALUES_MAX, &tree)) {
    case JSONTREE_OK:
        return take_feature(import, line, jsontree_root(tree), error);
    case JSONTREE_TOO_LARGE:
        return take_feature(import, line, NULL, error);
    case JSONTREE_MALFORMED:
    default:
        import->rows++;
        import->sink->skipped(import->sink->self, line, "not JSON");
        return true;
    }
}

static bool read_sequence(const ImportInput *input, Import *import, GError **error)
{
    g_autoptr(Records) records = records_new(input, IMPORT_FEATURE_MAX);
    char first = '\n';

    if (records_peek(records, &first, error) == RECORDS_FAILED)
        return false;
    char delimiter = first == RECORD_SEPARATOR ? RECORD_SEPARATOR : '\n';
    for (;;) {
        Slice record;
        uint64_t line;
        RecordsOutcome outcome = records_next(records, delimiter, &record, &line, error);

        if (outcome == RECORDS_END || outcome == RECORDS_FAILED)
            return outcome == RECORDS_END;
        if (outcome == RECORDS_TOO_LONG) {
            if (!take_feature(import, line, NULL, error))
                return false;
            continue;
        }
        record = import_trim(record);
        if (record.length > 0 && !take_record(import, record, line, error))
            return false;
    }
}

static bool run(bool (*read)(const ImportInput *, Import *, GError **), const ImportInput *input,
                const ImportSink *sink, GError **error)
{
    Import import = {.sink = sink};

    geofeature_text_init(&import.text);
    bool done = read(input, &import, error);
    geofeature_text_clear(&import.text);
    return done;
}

bool import_geojson(const ImportInput *input, const ImportSink *sink, GError **error)
{
    return run(read_collection, input, sink, error);
}

bool import_geojsonseq(const ImportInput *input, const ImportSink *sink, GError **error)
{
    return run(read_sequence, input, sink, error);
}
