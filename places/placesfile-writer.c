/* SPDX-License-Identifier: MIT */
#include "places/placesfile-writer.h"

#include "places/geometry.h"
#include "places/places.h"
#include "places/placesfile-format.h"

#include <errno.h>

/* A row as it was added; the text is in the order of adding, too. */
typedef struct {
    float axis[3];
    int32_t latitude;
    int32_t longitude;
    uint16_t id_length;
    uint16_t name_length;
    uint16_t vicinity_length;
    uint16_t type_list;
    uint64_t text;
} Row;

struct PlacesFileWriter {
    char *attribution; /* (owned) */
    GArray *rows;      /* Row */
    GByteArray **text; /* owned: blocks of the text, each TEXT_BLOCK bytes but the last */
    size_t text_blocks;
    GHashTable *type_lists; /* owned char * -> its number + 1 */
    GPtrArray *type_names;  /* char * owned by type_lists, by number */
};

/* A GByteArray is limited to 4 GiB and doubles its memory to grow: so there are many of them. A row
 * never spans two. */
#define TEXT_BLOCK (UINT32_C(1) << 24)

PlacesFileWriter *placesfile_writer_new(const char *attribution)
{
    PlacesFileWriter *writer = g_new0(PlacesFileWriter, 1);

    writer->attribution = g_strdup(attribution);
    writer->rows = g_array_new(FALSE, FALSE, sizeof(Row));
    writer->type_lists = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    writer->type_names = g_ptr_array_new();
    return writer;
}

void placesfile_writer_free(PlacesFileWriter *writer)
{
    if (writer == NULL)
        return;
    for (size_t i = 0; i < writer->text_blocks; i++)
        g_byte_array_unref(writer->text[i]);
    g_free(writer->text);
    g_array_unref(writer->rows);
    g_ptr_array_unref(writer->type_names);
    g_hash_table_unref(writer->type_lists);
    g_free(writer->attribution);
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

static void append_text(GByteArray *block, Slice text)
{
    if (text.length > 0)
        g_byte_array_append(block, (const guint8 *)text.data, (guint)text.length);
}

/* The block that has room for @length bytes more. */
static GByteArray *text_room(PlacesFileWriter *writer, size_t length)
{
    if (writer->text_blocks == 0 ||
        writer->text[writer->text_blocks - 1]->len + length > TEXT_BLOCK) {
        writer->text = g_renew(GByteArray *, writer->text, writer->text_blocks + 1);
        writer->text[writer->text_blocks++] = g_byte_array_new();
    }
    return writer->text[writer->text_blocks - 1];
}

bool placesfile_writer_add(PlacesFileWriter *writer, const Place *place, GError **error)
{
    bool vicinity_is_name = slice_equal(place->vicinity, place->name);
    Slice vicinity = {.data = place->vicinity.data,
                      .length = vicinity_is_name ? 0 : place->vicinity.length};
    Row row = {
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
        !text_fits(place->types))
        return refuse(error, "a text is too long or not UTF-8");
    if (writer->rows->len >= G_MAXUINT / sizeof(Row))
        return refuse(error, "there are too many rows");
    if (!type_list_number(writer, place->types, &row.type_list))
        return refuse(error, "there are too many different lists of types");

    GByteArray *block = text_room(writer, place->id.length + place->name.length + vicinity.length);
    row.text = (uint64_t)(writer->text_blocks - 1) * TEXT_BLOCK + block->len;
    append_text(block, place->id);
    append_text(block, place->name);
    append_text(block, vicinity);

    UnitVector vector =
        unit_vector((Location){.latitude = place->latitude * NANODEGREES_PER_UNIT,
                               .longitude = place->longitude * NANODEGREES_PER_UNIT});
    for (size_t axis = 0; axis < G_N_ELEMENTS(row.axis); axis++)
        row.axis[axis] = (float)vector.axis[axis];
    g_array_append_val(writer->rows, row);
    return true;
}

/* ---- the tree ---- */

/* A total order, so that the file does not depend on how the sort goes about it. Text was added in
 * the order of the rows: its place stands for the row's. */
static inline bool row_before(const Row *a, const Row *b, unsigned axis)
{
    if (a->axis[axis] < b->axis[axis])
        return true;
    return !(a->axis[axis] > b->axis[axis]) && a->text < b->text;
}

static inline void swap_rows(Row *a, Row *b)
{
    Row kept = *a;

    *a = *b;
    *b = kept;
}

/* Puts the row that belongs at @middle there, with none that is greater before it and none that is
 * less after it. Quickselect with the median of three: the input's order makes it quadratic only if
 * made for that. */
static void select_middle(Row *rows, size_t first, size_t end, size_t middle, unsigned axis)
{
    while (end - first > 1) {
        size_t last = end - 1;
        size_t centre = first + (end - first) / 2;

        if (row_before(&rows[centre], &rows[first], axis))
            swap_rows(&rows[centre], &rows[first]);
        if (row_before(&rows[last], &rows[first], axis))
            swap_rows(&rows[last], &rows[first]);
        if (row_before(&rows[last], &rows[centre], axis))
            swap_rows(&rows[last], &rows[centre]);
        if (end - first <= 3)
            return; /* in order now */

        Row pivot = rows[centre];
        size_t low = first;
        size_t high = last;
        for (;;) {
            while (row_before(&rows[low], &pivot, axis))
                low++;
            while (row_before(&pivot, &rows[high], axis))
                high--;
            if (low >= high)
                break;
            swap_rows(&rows[low++], &rows[high--]);
        }
        /* Up to high all are at most the pivot, after it at least. */
        if (middle <= high)
            end = high + 1;
        else
            first = high + 1;
    }
}

static void build_tree(Row *rows, size_t first, size_t end, unsigned axis)
{
    while (end - first > PLACESFILE_BUCKET) {
        size_t middle = first + (end - first) / 2;

        select_middle(rows, first, end, middle, axis);
        axis = axis == 2 ? 0 : axis + 1;
        build_tree(rows, first, middle, axis);
        first = middle + 1;
    }
}

/* ---- the file ---- */

static uint64_t aligned(uint64_t offset)
{
    return (offset + PLACESFILE_ALIGN - 1) / PLACESFILE_ALIGN * PLACESFILE_ALIGN;
}

static size_t row_text_length(const Row *row)
{
    size_t vicinity =
        row->vicinity_length == PLACESFILE_VICINITY_IS_NAME ? 0 : row->vicinity_length;

    return (size_t)row->id_length + row->name_length + vicinity;
}

static void write_padding(FILE *out, uint64_t from, uint64_t to)
{
    for (; from < to; from++)
        putc_unlocked(0, out);
}

static void write_points(const GArray *rows, FILE *out)
{
    for (guint i = 0; i < rows->len; i++) {
        const Row *row = &g_array_index(rows, Row, i);
        PlacesFilePoint point;

        for (size_t axis = 0; axis < G_N_ELEMENTS(point.axis); axis++) {
            memcpy(&point.axis[axis], &row->axis[axis], sizeof point.axis[axis]);
            point.axis[axis] = GUINT32_TO_LE(point.axis[axis]);
        }
        fwrite(&point, sizeof point, 1, out);
    }
}

/* The text of each row follows that of the row before it, so that neighbours on the map share
 * pages. */
static void write_rows(const GArray *rows, uint64_t text, FILE *out)
{
    for (guint i = 0; i < rows->len; i++) {
        const Row *row = &g_array_index(rows, Row, i);
        PlacesFileRow written = {
            .latitude = (int32_t)GUINT32_TO_LE((uint32_t)row->latitude),
            .longitude = (int32_t)GUINT32_TO_LE((uint32_t)row->longitude),
            .text = GUINT64_TO_LE(text),
            .id_length = GUINT16_TO_LE(row->id_length),
            .name_length = GUINT16_TO_LE(row->name_length),
            .vicinity_length = GUINT16_TO_LE(row->vicinity_length),
            .type_list = GUINT16_TO_LE(row->type_list),
        };

        fwrite(&written, sizeof written, 1, out);
        text += row_text_length(row);
    }
}

static void write_type_lists(const GPtrArray *names, uint64_t text, FILE *out)
{
    for (guint i = 0; i < names->len; i++) {
        size_t length = strlen(names->pdata[i]);
        PlacesFileTypeList list = {.text = GUINT64_TO_LE(text),
                                   .length = GUINT32_TO_LE((uint32_t)length)};

        fwrite(&list, sizeof list, 1, out);
        text += length;
    }
}

static void write_pool(const PlacesFileWriter *writer, FILE *out)
{
    fputs(writer->attribution, out);
    for (guint i = 0; i < writer->type_names->len; i++)
        fputs(writer->type_names->pdata[i], out);
    for (guint i = 0; i < writer->rows->len; i++) {
        const Row *row = &g_array_index(writer->rows, Row, i);

        fwrite(writer->text[row->text / TEXT_BLOCK]->data + row->text % TEXT_BLOCK, 1,
               row_text_length(row), out);
    }
}

bool placesfile_writer_finish(PlacesFileWriter *writer, FILE *out, GError **error)
{
    GArray *rows = writer->rows;
    uint64_t attribution_length = strlen(writer->attribution);
    uint64_t type_text = 0;
    uint64_t row_text = 0;

    for (guint i = 0; i < writer->type_names->len; i++)
        type_text += strlen(writer->type_names->pdata[i]);
    for (guint i = 0; i < rows->len; i++)
        row_text += row_text_length(&g_array_index(rows, Row, i));

    uint64_t points = aligned(sizeof(PlacesFileHeader));
    uint64_t points_end = points + (uint64_t)rows->len * sizeof(PlacesFilePoint);
    uint64_t rows_offset = aligned(points_end);
    uint64_t rows_end = rows_offset + (uint64_t)rows->len * sizeof(PlacesFileRow);
    uint64_t lists = aligned(rows_end);
    uint64_t lists_end = lists + (uint64_t)writer->type_names->len * sizeof(PlacesFileTypeList);
    uint64_t pool = aligned(lists_end);
    uint64_t pool_size = attribution_length + type_text + row_text;
    PlacesFileHeader header = {
        .version = GUINT32_TO_LE(PLACESFILE_VERSION),
        .header_size = GUINT32_TO_LE((uint32_t)sizeof header),
        .file_size = GUINT64_TO_LE(pool + pool_size),
        .row_count = GUINT32_TO_LE(rows->len),
        .type_list_count = GUINT32_TO_LE(writer->type_names->len),
        .points_offset = GUINT64_TO_LE(points),
        .rows_offset = GUINT64_TO_LE(rows_offset),
        .type_lists_offset = GUINT64_TO_LE(lists),
        .pool_offset = GUINT64_TO_LE(pool),
        .pool_size = GUINT64_TO_LE(pool_size),
        .attribution_length = GUINT32_TO_LE((uint32_t)attribution_length),
    };
    memcpy(header.magic, PLACESFILE_MAGIC, sizeof header.magic);

    if (rows->len > 0)
        build_tree(&g_array_index(rows, Row, 0), 0, rows->len, 0);
    fwrite(&header, sizeof header, 1, out);
    write_padding(out, sizeof header, points);
    write_points(rows, out);
    write_padding(out, points_end, rows_offset);
    write_rows(rows, attribution_length + type_text, out);
    write_padding(out, rows_end, lists);
    write_type_lists(writer->type_names, attribution_length, out);
    write_padding(out, lists_end, pool);
    write_pool(writer, out);

    /* A FILE remembers that a write failed. */
    if (fflush(out) != 0 || ferror(out)) {
        g_set_error(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_DATA,
                    "cannot write the places file: %s", g_strerror(errno));
        return false;
    }
    return true;
}
