/* SPDX-License-Identifier: MIT */
#include "places/file/placesfile.h"

#include "places/file/placesfile-format.h"
#include "places/geometry.h"
#include "places/places.h"
#include "places/types.h"

/* All read-only after open. */
struct PlacesFile {
    const PlacesFilePoint *points;
    const PlacesFileRow *rows;
    const PlacesFileTypeList *type_lists;
    const char *pool;
    uint64_t pool_size;
    uint32_t row_count;
    uint32_t type_list_count;
    Slice attribution;
};

/* A bit for each number that a list of types can have. */
struct PlacesFilter {
    bool any; /* some are wanted */
    uint64_t wanted[(UINT16_MAX + 1) / 64];
};

/* One search: what is looked for, and the best so far. */
typedef struct {
    const PlacesFile *file;
    const PlacesFilter *filter; /* (nullable) */
    Location center;
    float axis[3]; /* of the centre */
    float reach;   /* chord beyond which no point is looked at */
    float reach_square;
    double worst;    /* haversine beyond which no row is taken */
    PlacesHit *hits; /* a heap once it is full: the worst is first */
    size_t count;
    size_t max;
} Search;

static bool damaged(GError **error, const char *what)
{
    g_set_error(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_DATA, "not a usable places file: %s",
                what);
    return false;
}

static uint64_t part_end(uint64_t offset, uint64_t count, uint64_t size)
{
    uint64_t end = (offset + count * size + PLACESFILE_ALIGN - 1) / PLACESFILE_ALIGN;

    return end * PLACESFILE_ALIGN;
}

/* Counts are 32 bits wide, so that the sums here stay far below 2^64 until a value from the file
 * joins them: each offset must be equal to what the counts say. */
static bool check_header(const PlacesFileHeader *header, size_t size, GError **error)
{
    if (size < sizeof *header || memcmp(header->magic, PLACESFILE_MAGIC, sizeof header->magic) != 0)
        return damaged(error, "it does not begin like one");
    if (GUINT32_FROM_LE(header->version) != PLACESFILE_VERSION)
        return damaged(error, "it is of another version");
    if (GUINT32_FROM_LE(header->header_size) != sizeof *header)
        return damaged(error, "its header has the wrong size");
    if (GUINT64_FROM_LE(header->file_size) != size)
        return damaged(error, "it is not as long as it says");

    uint64_t rows = GUINT32_FROM_LE(header->row_count);
    uint64_t points_offset = part_end(0, 1, sizeof *header);
    uint64_t rows_offset = part_end(points_offset, rows, sizeof(PlacesFilePoint));
    uint64_t type_lists_offset = part_end(rows_offset, rows, sizeof(PlacesFileRow));
    uint64_t pool_offset = part_end(type_lists_offset, GUINT32_FROM_LE(header->type_list_count),
                                    sizeof(PlacesFileTypeList));

    if (GUINT64_FROM_LE(header->points_offset) != points_offset ||
        GUINT64_FROM_LE(header->rows_offset) != rows_offset ||
        GUINT64_FROM_LE(header->type_lists_offset) != type_lists_offset ||
        GUINT64_FROM_LE(header->pool_offset) != pool_offset || pool_offset > size ||
        GUINT64_FROM_LE(header->pool_size) != size - pool_offset)
        return damaged(error, "its parts are not where they should be");

    uint64_t pool_size = size - pool_offset;
    uint64_t attribution = GUINT64_FROM_LE(header->attribution);
    if (attribution > pool_size ||
        GUINT32_FROM_LE(header->attribution_length) > pool_size - attribution)
        return damaged(error, "it points out of itself");
    return true;
}

PlacesFile *placesfile_open(const void *data, size_t size, GError **error)
{
    const PlacesFileHeader *header = data;
    const char *bytes = data;

    g_return_val_if_fail((uintptr_t)data % sizeof(uint64_t) == 0, NULL);

    if (!check_header(header, size, error))
        return NULL;

    PlacesFile *file = g_new0(PlacesFile, 1);
    /* Through void: each part is aligned, as the whole is. */
    file->points = (const void *)(bytes + GUINT64_FROM_LE(header->points_offset));
    file->rows = (const void *)(bytes + GUINT64_FROM_LE(header->rows_offset));
    file->type_lists = (const void *)(bytes + GUINT64_FROM_LE(header->type_lists_offset));
    file->pool = bytes + GUINT64_FROM_LE(header->pool_offset);
    file->pool_size = GUINT64_FROM_LE(header->pool_size);
    file->row_count = GUINT32_FROM_LE(header->row_count);
    file->type_list_count = GUINT32_FROM_LE(header->type_list_count);
    file->attribution = (Slice){.data = file->pool + GUINT64_FROM_LE(header->attribution),
                                .length = GUINT32_FROM_LE(header->attribution_length)};
    return file;
}

void placesfile_free(PlacesFile *file)
{
    g_free(file);
}

uint32_t placesfile_row_count(const PlacesFile *file)
{
    return file->row_count;
}

Slice placesfile_attribution(const PlacesFile *file)
{
    return file->attribution;
}

Location placesfile_location(const PlacesFile *file, uint32_t row)
{
    const PlacesFileRow *r = &file->rows[row];

    return (Location){
        .latitude = (int32_t)GUINT32_FROM_LE((uint32_t)r->latitude) * NANODEGREES_PER_UNIT,
        .longitude = (int32_t)GUINT32_FROM_LE((uint32_t)r->longitude) * NANODEGREES_PER_UNIT};
}

static bool pool_slice(const PlacesFile *file, uint64_t offset, uint64_t length, Slice *ret_slice)
{
    if (offset > file->pool_size || length > file->pool_size - offset)
        return false;
    *ret_slice = (Slice){.data = file->pool + offset, .length = length};
    return true;
}

static bool type_list_slice(const PlacesFile *file, size_t number, Slice *ret_types)
{
    if (number >= file->type_list_count)
        return false;

    const PlacesFileTypeList *list = &file->type_lists[number];
    return pool_slice(file, GUINT64_FROM_LE(list->text), GUINT32_FROM_LE(list->length), ret_types);
}

bool placesfile_place(const PlacesFile *file, uint32_t row, Place *ret_place)
{
    const PlacesFileRow *r = &file->rows[row];
    uint64_t text = GUINT64_FROM_LE(r->text);
    size_t id = GUINT16_FROM_LE(r->id_length);
    size_t name = GUINT16_FROM_LE(r->name_length);
    size_t vicinity = GUINT16_FROM_LE(r->vicinity_length);
    bool own_vicinity = vicinity != PLACESFILE_VICINITY_IS_NAME;
    Slice all;
    Slice types;

    if (!type_list_slice(file, GUINT16_FROM_LE(r->type_list), &types) ||
        !pool_slice(file, text, id + name + (own_vicinity ? vicinity : 0), &all))
        return false;

    Slice name_text = {.data = all.data + id, .length = name};
    *ret_place = (Place){
        .id = {.data = all.data, .length = id},
        .name = name_text,
        .vicinity =
            own_vicinity ? (Slice){.data = all.data + id + name, .length = vicinity} : name_text,
        .types = types,
        .latitude = (int32_t)GUINT32_FROM_LE((uint32_t)r->latitude),
        .longitude = (int32_t)GUINT32_FROM_LE((uint32_t)r->longitude),
    };
    return true;
}

PlacesFilter *placesfile_filter_new(const PlacesFile *file, Slice type)
{
    PlacesFilter *filter = g_new0(PlacesFilter, 1);

    for (size_t number = 0; number <= UINT16_MAX; number++) {
        Slice types;

        if (!type_list_slice(file, number, &types) || !types_have(types, type))
            continue;
        filter->wanted[number / 64] |= UINT64_C(1) << number % 64;
        filter->any = true;
    }
    return filter;
}

void placesfile_filter_free(PlacesFilter *filter)
{
    g_free(filter);
}

/* ---- search ---- */

static inline bool is_wanted(const Search *search, uint32_t row)
{
    if (search->filter == NULL)
        return true;

    unsigned number = GUINT16_FROM_LE(search->file->rows[row].type_list);
    return search->filter->wanted[number / 64] >> number % 64 & 1;
}

static inline float load_float(uint32_t bits)
{
    float value;

    bits = GUINT32_FROM_LE(bits);
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Whether @a is worse than @b; no two rows are equal. */
static inline bool worse(const PlacesHit *a, const PlacesHit *b)
{
    if (a->haversine < b->haversine)
        return false;
    return a->haversine > b->haversine || a->row > b->row;
}

static void sift_down(PlacesHit *heap, size_t count, size_t at)
{
    PlacesHit moved = heap[at];

    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count)
            break;
        if (child + 1 < count && worse(&heap[child + 1], &heap[child]))
            child++;
        if (!worse(&heap[child], &moved))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moved;
}

/* placesfile-format.h says what the slack is for. */
static void set_worst(Search *search, double worst)
{
    double chord = 2 * sqrt(worst) * (1 + PLACESFILE_CHORD_SLACK_RELATIVE) + PLACESFILE_CHORD_SLACK;

    search->worst = worst;
    search->reach = (float)chord;
    search->reach_square = (float)(chord * chord);
}

/* Takes @row if it is wanted and its exact position is near enough. */
static void take(Search *search, uint32_t row)
{
    if (!is_wanted(search, row))
        return;

    PlacesHit hit = {.haversine = haversine(search->center, placesfile_location(search->file, row)),
                     .row = row};

    if (hit.haversine > search->worst)
        return;
    if (search->count < search->max) {
        search->hits[search->count++] = hit;
        if (search->count < search->max)
            return;
        for (size_t at = search->max / 2; at-- > 0;)
            sift_down(search->hits, search->max, at);
    } else {
        if (!worse(&search->hits[0], &hit))
            return;
        search->hits[0] = hit;
        sift_down(search->hits, search->max, 0);
    }
    set_worst(search, search->hits[0].haversine);
}

static inline void visit(Search *search, uint32_t row)
{
    const PlacesFilePoint *point = &search->file->points[row];
    float x = search->axis[0] - load_float(point->axis[0]);
    float y = search->axis[1] - load_float(point->axis[1]);
    float z = search->axis[2] - load_float(point->axis[2]);

    if (x * x + y * y + z * z <= search->reach_square)
        take(search, row);
}

/* At most 30 deep: a range of 2^32 rows halves to a bucket by then. */
static void descend(Search *search, uint32_t first, uint32_t end, unsigned axis)
{
    while (end - first > PLACESFILE_BUCKET) {
        uint32_t middle = first + (end - first) / 2;
        float side = search->axis[axis] - load_float(search->file->points[middle].axis[axis]);

        axis = axis == 2 ? 0 : axis + 1;
        /* The nearer half first, so that the reach is short when the other one's turn comes. */
        if (side < 0) {
            descend(search, first, middle, axis);
            if (-side > search->reach)
                return;
            visit(search, middle);
            first = middle + 1;
        } else {
            descend(search, middle + 1, end, axis);
            if (side > search->reach)
                return;
            visit(search, middle);
            end = middle;
        }
    }
    for (uint32_t row = first; row < end; row++)
        visit(search, row);
}

size_t placesfile_nearest(const PlacesFile *file, const PlacesFilter *filter, Location center,
                          int64_t radius, PlacesHit *hits, size_t max)
{
    UnitVector vector = unit_vector(center);
    Search search = {
        .file = file,
        .filter = filter,
        .center = center,
        .axis = {(float)vector.axis[0], (float)vector.axis[1], (float)vector.axis[2]},
        .hits = hits,
        .max = max,
    };

    if (max == 0 || (filter != NULL && !filter->any))
        return 0;
    set_worst(&search, haversine_of_radius(radius));
    descend(&search, 0, file->row_count, 0);

    /* The end of a heap sort; the hits are not a heap yet when there was room for more. */
    for (size_t at = search.count / 2; at-- > 0;)
        sift_down(hits, search.count, at);
    for (size_t left = search.count; left > 1;) {
        PlacesHit last = hits[--left];
        hits[left] = hits[0];
        hits[0] = last;
        sift_down(hits, left, 0);
    }
    return search.count;
}
