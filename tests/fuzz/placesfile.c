/* SPDX-License-Identifier: MIT */

/*
 * A damaged places file: nothing outside of it is read, and answers from it are whole ones with at
 * most as many places as were asked for (placesfile.h).
 *
 * Most changes leave a file that is refused at once, so the mutator makes the header agree with the
 * size and the counts again.
 */

#include "fuzz.h"

#include "places/file/dataset.h"
#include "places/file/placesfile-format.h"
#include "places/file/placesfile.h"
#include "places/json/jsontree.h"

#include <stdlib.h>

#define HITS_MAX 30

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t size_max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed);

static uint64_t align_up(uint64_t offset)
{
    return (offset + PLACESFILE_ALIGN - 1) / PLACESFILE_ALIGN * PLACESFILE_ALIGN;
}

/* Makes the header of a file of @size bytes one that is taken, with as many of its rows and lists
 * of types as there is room for. */
static void mend_header(uint8_t *data, size_t size)
{
    PlacesFileHeader header;

    if (size < sizeof header)
        return;
    memcpy(&header, data, sizeof header);
    memcpy(header.magic, PLACESFILE_MAGIC, sizeof header.magic);
    header.version = GUINT32_TO_LE(PLACESFILE_VERSION);
    header.header_size = GUINT32_TO_LE(sizeof header);
    header.file_size = GUINT64_TO_LE(size);
    header.points_offset = GUINT64_TO_LE(align_up(sizeof header));

    uint64_t rows = GUINT32_FROM_LE(header.row_count);
    uint64_t lists = GUINT32_FROM_LE(header.type_list_count);
    for (;;) {
        uint64_t rows_offset = align_up(align_up(sizeof header) + rows * sizeof(PlacesFilePoint));
        uint64_t lists_offset = align_up(rows_offset + rows * sizeof(PlacesFileRow));
        uint64_t pool_offset = align_up(lists_offset + lists * sizeof(PlacesFileTypeList));

        if (pool_offset > size && (rows > 0 || lists > 0)) {
            rows /= 2;
            lists /= 2;
            continue;
        }
        header.row_count = GUINT32_TO_LE((uint32_t)rows);
        header.type_list_count = GUINT32_TO_LE((uint32_t)lists);
        header.rows_offset = GUINT64_TO_LE(rows_offset);
        header.type_lists_offset = GUINT64_TO_LE(lists_offset);
        header.pool_offset = GUINT64_TO_LE(pool_offset);
        header.pool_size = GUINT64_TO_LE(size - pool_offset);
        break;
    }
    memcpy(data, &header, sizeof header);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
    size = LLVMFuzzerMutate(data, size, size_max);
    if (seed % 8 != 0)
        mend_header(data, size);
    return size;
}

static void check_search(const PlacesFile *file, const PlacesFilter *filter,
                         const PlacesQuery *query)
{
    PlacesHit hits[HITS_MAX];
    size_t count =
        placesfile_nearest(file, filter, query->center, query->radius, hits, query->bound);

    g_assert_cmpuint(count, <=, query->bound);
    for (size_t i = 0; i < count; i++) {
        g_assert_cmpuint(hits[i].row, <, placesfile_row_count(file));
        if (i > 0)
            g_assert_false(hits[i].haversine < hits[i - 1].haversine);
    }
}

/* Every byte that @text says it has is there. */
static void touch(Slice text)
{
    g_free(g_memdup2(text.data, text.length));
}

static void check_rows(const PlacesFile *file)
{
    touch(placesfile_attribution(file));
    for (uint32_t row = 0; row < placesfile_row_count(file); row++) {
        Place place;

        if (!placesfile_place(file, row, &place))
            continue;
        touch(place.id);
        touch(place.name);
        touch(place.vicinity);
        touch(place.types);
    }
}

static void check_answer(const void *image, size_t size, const char *type, const PlacesQuery *query)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Dataset) dataset = dataset_new(image, size, type, &error);
    g_autoptr(GString) json = g_string_new(NULL);

    g_assert_nonnull(dataset);
    dataset_nearby(dataset, query, json);
    g_assert_null(memmem(json->str, json->len, "\n\n", 2));
    g_assert_true(json->len > 0 && json->str[json->len - 1] != '\n');
    if (!g_utf8_validate_len(json->str, json->len, NULL))
        return; /* wrong at worst, as the file */

    g_autoptr(JsonTree) tree = NULL;
    g_assert_cmpint(jsontree_parse(slice_of_string(json), &tree), ==, JSONTREE_OK);
    const JsonValue *results = jsontree_member(jsontree_root(tree), SLICE("results"), NULL);
    g_assert_cmpuint(results->count, <=, query->bound);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    void *image = malloc(MAX(size, 1)); /* of exactly that size, and aligned */
    Chance chance = chance_of(slice_of_input(data, size));
    PlacesQuery query = {
        .center = {.latitude = ((int64_t)chance_below(&chance, 181) - 90) * NANODEGREES_PER_DEGREE,
                   .longitude =
                       ((int64_t)chance_below(&chance, 361) - 180) * NANODEGREES_PER_DEGREE},
        .radius = 1 + (int64_t)chance_below(&chance, 2) * 49 * MILLIMETRES_PER_KM,
        .bound = 1 + (unsigned)chance_below(&chance, PLACES_BOUND_MAX),
    };

    memcpy(image, data, size);
    g_autoptr(PlacesFile) file = placesfile_open(image, size, &error);
    g_assert_true((file == NULL) == (error != NULL));
    if (file != NULL) {
        g_autoptr(PlacesFilter) filter = placesfile_filter_new(file, SLICE("cafe"));

        if (placesfile_row_count(file) > 0 && chance_below(&chance, 4) > 0)
            query.center = placesfile_location(file, 0);
        check_rows(file);
        check_search(file, NULL, &query);
        check_search(file, filter, &query);
        query.radius = INT64_C(20015115) * 1000; /* half way around the Earth */
        check_search(file, NULL, &query);
        check_answer(image, size, NULL, &query);
        check_answer(image, size, "cafe", &query);
    }
    free(image);
    return 0;
}
