/* SPDX-License-Identifier: MIT */
#include "places/file/placesfile-writer.h"

#include "places/file/placesfile-format.h"
#include "places/file/spill.h"
#include "places/geometry.h"
#include "places/places.h"

#include <errno.h>

#define TYPES_LENGTH_MAX 1024  /* of one list; there may be 65536 of them in memory */
#define PROGRESS_ROWS    65536 /* between two calls of a PlacesFileProgress */

/* What is sorted: where a row is. */
typedef struct {
    float axis[3];
    uint32_t row; /* in the order of adding */
} Key;

/* The rest of it. */
typedef struct {
    uint64_t text; /* in the spilled text: id, name, vicinity */
    int32_t latitude;
    int32_t longitude;
    uint16_t id_length;
    uint16_t name_length;
    uint16_t vicinity_length;
    uint16_t type_list;
} Row;

struct PlacesFileWriter {
    char *attribution; /* (owned) */
    char *folder;      /* (owned) of temporary files */
    Spill *keys;       /* (owned) Key */
    Spill *rows;       /* (owned) Row */
    Spill *text;       /* (owned) */
    uint32_t row_count;
    GHashTable *type_lists; /* owned char * -> its number + 1 */
    GPtrArray *type_names;  /* char * owned by type_lists, by number */
};

PlacesFileWriter *placesfile_writer_new(const char *attribution, const char *folder, GError **error)
{
    g_autoptr(PlacesFileWriter) writer = g_new0(PlacesFileWriter, 1);

    writer->attribution = g_strdup(attribution);
    writer->folder = g_strdup(folder);
    writer->type_lists = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    writer->type_names = g_ptr_array_new();
    if ((writer->keys = spill_new(folder, error)) == NULL ||
        (writer->rows = spill_new(folder, error)) == NULL ||
        (writer->text = spill_new(folder, error)) == NULL)
        return NULL;
    return g_steal_pointer(&writer);
}

void placesfile_writer_free(PlacesFileWriter *writer)
{
    if (writer == NULL)
        return;
    spill_free(writer->keys);
    spill_free(writer->rows);
    spill_free(writer->text);
    g_ptr_array_unref(writer->type_names);
    g_hash_table_unref(writer->type_lists);
    g_free(writer->attribution);
    g_free(writer->folder);
    g_free(writer);
}

static bool refuse(GError **error, const char *what)
{
    g_set_error_literal(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_DATA, what);
    return false;
}

static bool text_fits(Slice text)
{
    return text.length < PLACESFILE_VICINITY_IS_NAME &&
           (text.length == 0 || g_utf8_validate(text.data, (gssize)text.length, NULL));
}

static bool type_list_number(PlacesFileWriter *writer, Slice types, uint16_t *ret_number)
{
    g_autofree char *text = g_strndup(types.length == 0 ? "" : types.data, types.length);
    size_t number = GPOINTER_TO_SIZE(g_hash_table_lookup(writer->type_lists, text));

    if (number == 0) {
        if (writer->type_names->len > UINT16_MAX)
            return false;
        g_ptr_array_add(writer->type_names, text);
        number = writer->type_names->len;
        g_hash_table_insert(writer->type_lists, g_steal_pointer(&text), GSIZE_TO_POINTER(number));
    }
    *ret_number = (uint16_t)(number - 1);
    return true;
}

static bool spill_slice(Spill *spill, Slice text, GError **error)
{
    return spill_append(spill, text.data, text.length, error);
}

bool placesfile_writer_add(PlacesFileWriter *writer, const Place *place, GError **error)
{
    bool vicinity_is_name = slice_equal(place->vicinity, place->name);
    Slice vicinity = {.data = place->vicinity.data,
                      .length = vicinity_is_name ? 0 : place->vicinity.length};
    Row row = {
        .text = spill_size(writer->text),
        .latitude = place->latitude,
        .longitude = place->longitude,
        .id_length = (uint16_t)place->id.length,
        .name_length = (uint16_t)place->name.length,
        .vicinity_length =
            vicinity_is_name ? PLACESFILE_VICINITY_IS_NAME : (uint16_t)vicinity.length,
    };

    if (ABS((int64_t)place->latitude) > 90 * UNITS_PER_DEGREE ||
        ABS((int64_t)place->longitude) > 180 * UNITS_PER_DEGREE)
        return refuse(error, "the position is not on the globe");
    if (place->id.length == 0)
        return refuse(error, "the id is missing");
    if (!text_fits(place->id) || !text_fits(place->name) || !text_fits(vicinity) ||
        !text_fits(place->types) || place->types.length > TYPES_LENGTH_MAX)
        return refuse(error, "a text is too long or not UTF-8");
    if (writer->row_count == UINT32_MAX)
        return refuse(error, "there are too many rows");
    if (!type_list_number(writer, place->types, &row.type_list))
        return refuse(error, "there are too many different lists of types");

    UnitVector vector =
        unit_vector((Location){.latitude = place->latitude * NANODEGREES_PER_UNIT,
                               .longitude = place->longitude * NANODEGREES_PER_UNIT});
    Key key = {.row = writer->row_count};
    for (size_t axis = 0; axis < G_N_ELEMENTS(key.axis); axis++)
        key.axis[axis] = (float)vector.axis[axis];
    if (!spill_append(writer->keys, &key, sizeof key, error) ||
        !spill_append(writer->rows, &row, sizeof row, error) ||
        !spill_slice(writer->text, place->id, error) ||
        !spill_slice(writer->text, place->name, error) ||
        !spill_slice(writer->text, vicinity, error))
        return false;
    writer->row_count++;
    return true;
}

uint32_t placesfile_writer_row_count(const PlacesFileWriter *writer)
{
    return writer->row_count;
}

/* ---- progress ---- */

typedef struct {
    PlacesFileProgress report; /* (nullable) */
    void *self;
    PlacesFilePhase phase;
    uint64_t done;
    uint64_t total;
    uint64_t reported;
} Progress;

static void advance(Progress *progress, uint64_t by)
{
    progress->done += by;
    if (progress->report == NULL || progress->done - progress->reported < PROGRESS_ROWS)
        return;
    progress->reported = progress->done;
    progress->report(progress->self, progress->phase, progress->done, progress->total);
}

/* ---- the tree ---- */

/* A total order, so that the tree does not depend on how the sort goes about it. */
static inline bool key_before(const Key *a, const Key *b, unsigned axis)
{
    if (a->axis[axis] < b->axis[axis])
        return true;
    return !(a->axis[axis] > b->axis[axis]) && a->row < b->row;
}

static inline void swap_keys(Key *a, Key *b)
{
    Key kept = *a;

    *a = *b;
    *b = kept;
}

/* Puts the key that belongs at @middle there, with none that is greater before it and none that is
 * less after it. Quickselect with the median of three: the input's order makes it quadratic only if
 * made for that. */
static void select_middle(Key *keys, size_t first, size_t end, size_t middle, unsigned axis)
{
    while (end - first > 1) {
        size_t last = end - 1;
        size_t centre = first + (end - first) / 2;

        if (key_before(&keys[centre], &keys[first], axis))
            swap_keys(&keys[centre], &keys[first]);
        if (key_before(&keys[last], &keys[first], axis))
            swap_keys(&keys[last], &keys[first]);
        if (key_before(&keys[last], &keys[centre], axis))
            swap_keys(&keys[last], &keys[centre]);
        if (end - first <= 3)
            return; /* in order now */

        Key pivot = keys[centre];
        size_t low = first;
        size_t high = last;
        for (;;) {
            while (key_before(&keys[low], &pivot, axis))
                low++;
            while (key_before(&pivot, &keys[high], axis))
                high--;
            if (low >= high)
                break;
            swap_keys(&keys[low++], &keys[high--]);
        }
        /* Up to high all are at most the pivot, after it at least. */
        if (middle <= high)
            end = high + 1;
        else
            first = high + 1;
    }
}

static void build_tree(Key *keys, size_t first, size_t end, unsigned axis, Progress *progress)
{
    while (end - first > PLACESFILE_BUCKET) {
        size_t middle = first + (end - first) / 2;

        select_middle(keys, first, end, middle, axis);
        axis = axis == 2 ? 0 : axis + 1;
        build_tree(keys, first, middle, axis, progress);
        first = middle + 1;
        advance(progress, 1);
    }
    advance(progress, end - first);
}

/* ---- from the order of adding to that of the tree ---- */

/*
 * Rows and text were added in one order and are written in another. Looking each up where it was
 * added would be a jump about the disk for each row as soon as they are more than the kernel's
 * cache holds. So they are first dealt out, from front to back, to a few files for as many
 * stretches of the tree: within one of these a jump stays in memory.
 */
#define STRETCHES_MAX    128
#define STRETCH_ROWS_MIN 65536

/* A row in the file of its stretch; its text follows it, so that the next one is not aligned. */
typedef struct {
    uint32_t position; /* in the tree */
    Row row;
} Dealt;

typedef struct {
    uint32_t rows; /* of each but the last */
    size_t count;
    Spill *files[STRETCHES_MAX]; /* (owned) */
    const char *maps[STRETCHES_MAX];
} Stretches;

static void stretches_clear(Stretches *stretches)
{
    for (size_t i = 0; i < stretches->count; i++)
        spill_free(stretches->files[i]);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Stretches, stretches_clear)

static size_t row_text_length(const Row *row)
{
    size_t vicinity =
        row->vicinity_length == PLACESFILE_VICINITY_IS_NAME ? 0 : row->vicinity_length;

    return (size_t)row->id_length + row->name_length + vicinity;
}

/* Where in the tree each row goes, by its number. (transfer full) */
static Spill *positions_of(const PlacesFileWriter *writer, const Key *keys,
                           const uint32_t **ret_positions, GError **error)
{
    g_autoptr(Spill) spill = spill_new(writer->folder, error);

    if (spill == NULL)
        return NULL;
    for (uint32_t row = 0; row < writer->row_count; row++)
        if (!spill_append(spill, &row, sizeof row, error))
            return NULL;
    uint32_t *positions = spill_map(spill, error);
    if (positions == NULL)
        return NULL;
    for (uint32_t i = 0; i < writer->row_count; i++)
        positions[keys[i].row] = i;
    *ret_positions = positions;
    return g_steal_pointer(&spill);
}

static bool deal_rows(const PlacesFileWriter *writer, const uint32_t *positions,
                      Stretches *stretches, Progress *progress, GError **error)
{
    const Row *rows = spill_map(writer->rows, error);
    const char *text = rows == NULL ? NULL : spill_map(writer->text, error);

    if (text == NULL)
        return false;
    for (uint32_t i = 0; i < writer->row_count; i++) {
        Dealt dealt = {.position = positions[i], .row = rows[i]};
        Spill *file = stretches->files[dealt.position / stretches->rows];

        if (!spill_append(file, &dealt, sizeof dealt, error) ||
            !spill_append(file, text + rows[i].text, row_text_length(&rows[i]), error))
            return false;
        advance(progress, 1);
    }
    return true;
}

/* Deals all rows out by @keys, which are in the order of the tree. */
static bool deal(const PlacesFileWriter *writer, const Key *keys, Stretches *stretches,
                 Progress *progress, GError **error)
{
    const uint32_t *positions;
    g_autoptr(Spill) spill = positions_of(writer, keys, &positions, error);

    if (spill == NULL)
        return false;
    stretches->rows = MAX(writer->row_count / STRETCHES_MAX + 1, STRETCH_ROWS_MIN);
    for (uint64_t begin = 0; begin < writer->row_count; begin += stretches->rows) {
        Spill *file = spill_new(writer->folder, error);

        if (file == NULL)
            return false;
        stretches->files[stretches->count++] = file;
    }
    if (!deal_rows(writer, positions, stretches, progress, error))
        return false;
    for (size_t i = 0; i < stretches->count; i++)
        if ((stretches->maps[i] = spill_map(stretches->files[i], error)) == NULL)
            return false;
    return true;
}

/* ---- the file ---- */

/* What is written, and where it goes. */
typedef struct {
    const PlacesFileWriter *writer;
    const Key *keys; /* in the order of the tree */
    const Stretches *stretches;
    Progress *progress;
    FILE *file;
    uint64_t text_size; /* of all rows */
    int failed;         /* errno of the first write that failed, or 0 */
    uint64_t text;      /* where in the pool the text of the next row is */
} Output;

static void put(Output *out, const void *data, size_t size)
{
    if (out->failed == 0 && size > 0 && fwrite(data, size, 1, out->file) != 1)
        out->failed = errno;
}

static uint64_t aligned(uint64_t offset)
{
    return (offset + PLACESFILE_ALIGN - 1) / PLACESFILE_ALIGN * PLACESFILE_ALIGN;
}

static void write_padding(Output *out, uint64_t from, uint64_t to)
{
    static const char zeros[PLACESFILE_ALIGN];

    put(out, zeros, to - from);
}

static void write_points(Output *out)
{
    for (uint32_t i = 0; i < out->writer->row_count && out->failed == 0; i++) {
        PlacesFilePoint point;

        for (size_t axis = 0; axis < G_N_ELEMENTS(point.axis); axis++) {
            memcpy(&point.axis[axis], &out->keys[i].axis[axis], sizeof point.axis[axis]);
            point.axis[axis] = GUINT32_TO_LE(point.axis[axis]);
        }
        put(out, &point, sizeof point);
        advance(out->progress, 1);
    }
}

/* Calls @write for all rows in the order of the tree. */
static void write_each(Output *out, void (*write)(Output *out, const Row *row, const char *text))
{
    const Stretches *stretches = out->stretches;
    g_autofree size_t *offsets = g_new(size_t, stretches->rows);

    for (size_t i = 0; i < stretches->count && out->failed == 0; i++) {
        const char *map = stretches->maps[i];
        size_t size = spill_size(stretches->files[i]);
        uint32_t rows = 0;
        Dealt dealt;

        for (size_t at = 0; at < size; at += sizeof dealt + row_text_length(&dealt.row)) {
            memcpy(&dealt, map + at, sizeof dealt);
            offsets[dealt.position % stretches->rows] = at;
            rows++;
        }
        for (uint32_t row = 0; row < rows && out->failed == 0; row++) {
            memcpy(&dealt, map + offsets[row], sizeof dealt);
            write(out, &dealt.row, map + offsets[row] + sizeof dealt);
            advance(out->progress, 1);
        }
    }
}

/* The text of each row follows that of the row before it, so that neighbours on the map share
 * pages. */
static void write_row(Output *out, const Row *row, const char *text G_GNUC_UNUSED)
{
    PlacesFileRow written = {
        .latitude = (int32_t)GUINT32_TO_LE((uint32_t)row->latitude),
        .longitude = (int32_t)GUINT32_TO_LE((uint32_t)row->longitude),
        .text = GUINT64_TO_LE(out->text),
        .id_length = GUINT16_TO_LE(row->id_length),
        .name_length = GUINT16_TO_LE(row->name_length),
        .vicinity_length = GUINT16_TO_LE(row->vicinity_length),
        .type_list = GUINT16_TO_LE(row->type_list),
    };

    put(out, &written, sizeof written);
    out->text += row_text_length(row);
}

static void write_row_text(Output *out, const Row *row, const char *text)
{
    put(out, text, row_text_length(row));
}

static void write_type_lists(Output *out, uint64_t text)
{
    const GPtrArray *names = out->writer->type_names;

    for (guint i = 0; i < names->len; i++) {
        size_t length = strlen(names->pdata[i]);
        PlacesFileTypeList list = {.text = GUINT64_TO_LE(text),
                                   .length = GUINT32_TO_LE((uint32_t)length)};

        put(out, &list, sizeof list);
        text += length;
    }
}

static void write_pool(Output *out)
{
    const PlacesFileWriter *writer = out->writer;

    put(out, writer->attribution, strlen(writer->attribution));
    for (guint i = 0; i < writer->type_names->len; i++)
        put(out, writer->type_names->pdata[i], strlen(writer->type_names->pdata[i]));
    write_each(out, write_row_text);
}

static void write_file(Output *out)
{
    const PlacesFileWriter *writer = out->writer;
    uint64_t attribution_length = strlen(writer->attribution);
    uint64_t type_text = 0;

    for (guint i = 0; i < writer->type_names->len; i++)
        type_text += strlen(writer->type_names->pdata[i]);

    uint64_t points = aligned(sizeof(PlacesFileHeader));
    uint64_t points_end = points + (uint64_t)writer->row_count * sizeof(PlacesFilePoint);
    uint64_t rows = aligned(points_end);
    uint64_t rows_end = rows + (uint64_t)writer->row_count * sizeof(PlacesFileRow);
    uint64_t lists = aligned(rows_end);
    uint64_t lists_end = lists + (uint64_t)writer->type_names->len * sizeof(PlacesFileTypeList);
    uint64_t pool = aligned(lists_end);
    uint64_t pool_size = attribution_length + type_text + out->text_size;
    PlacesFileHeader header = {
        .version = GUINT32_TO_LE(PLACESFILE_VERSION),
        .header_size = GUINT32_TO_LE((uint32_t)sizeof header),
        .file_size = GUINT64_TO_LE(pool + pool_size),
        .row_count = GUINT32_TO_LE(writer->row_count),
        .type_list_count = GUINT32_TO_LE(writer->type_names->len),
        .points_offset = GUINT64_TO_LE(points),
        .rows_offset = GUINT64_TO_LE(rows),
        .type_lists_offset = GUINT64_TO_LE(lists),
        .pool_offset = GUINT64_TO_LE(pool),
        .pool_size = GUINT64_TO_LE(pool_size),
        .attribution_length = GUINT32_TO_LE((uint32_t)attribution_length),
    };
    memcpy(header.magic, PLACESFILE_MAGIC, sizeof header.magic);

    put(out, &header, sizeof header);
    write_padding(out, sizeof header, points);
    write_points(out);
    write_padding(out, points_end, rows);
    out->text = attribution_length + type_text;
    write_each(out, write_row);
    write_padding(out, rows_end, lists);
    write_type_lists(out, attribution_length);
    write_padding(out, lists_end, pool);
    write_pool(out);
    if (out->failed == 0 && fflush(out->file) != 0)
        out->failed = errno;
}

bool placesfile_writer_finish(PlacesFileWriter *writer, FILE *file, PlacesFileProgress report,
                              void *self, GError **error)
{
    Key *keys = spill_map(writer->keys, error);
    g_auto(Stretches) stretches = {0};

    if (keys == NULL)
        return false;

    Progress sorting = {
        .report = report, .self = self, .phase = PLACESFILE_SORTING, .total = writer->row_count};
    build_tree(keys, 0, writer->row_count, 0, &sorting);

    /* Each row is dealt out, and then written three times: its point, the row, its text. */
    Progress writing = {.report = report,
                        .self = self,
                        .phase = PLACESFILE_WRITING,
                        .total = 4 * (uint64_t)writer->row_count};
    if (!deal(writer, keys, &stretches, &writing, error))
        return false;

    uint64_t text_size = spill_size(writer->text);
    g_clear_pointer(&writer->rows, spill_free); /* there may be no room for all at once */
    g_clear_pointer(&writer->text, spill_free);
    Output out = {.writer = writer,
                  .keys = keys,
                  .stretches = &stretches,
                  .progress = &writing,
                  .file = file,
                  .text_size = text_size};
    write_file(&out);
    if (out.failed == 0)
        return true;
    g_set_error(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_DISK,
                "cannot write the places file: %s", g_strerror(out.failed));
    return false;
}
