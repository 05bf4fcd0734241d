/* SPDX-License-Identifier: MIT */

/* placesfile, placesfile-writer, geometry: what is found is what a look at every row finds. */

#include "places/file/placesfile-format.h"
#include "places/fixedpoint.h"
#include "places/geometry.h"

#include "tests/unit/places-image.h"

#define LATITUDE_MAX  900000000  /* 1e-7 degrees */
#define LONGITUDE_MAX 1800000000 /* 1e-7 degrees */
#define HITS_MAX      20

/* ---- geometry ---- */

static Location degrees(int64_t latitude, int64_t longitude)
{
    return (Location){.latitude = latitude * NANODEGREES_PER_DEGREE,
                      .longitude = longitude * NANODEGREES_PER_DEGREE};
}

static void assert_metres(Location a, Location b, double expected)
{
    double metres = haversine_to_metres(haversine(a, b));

    g_assert_cmpfloat_with_epsilon(metres, expected, 1e-3);
    g_assert_cmpfloat_with_epsilon(haversine_to_metres(haversine(b, a)), expected, 1e-3);
}

static void test_known_distances(void)
{
    double degree = M_PI / 180 * EARTH_RADIUS_M;

    assert_metres(degrees(0, 0), degrees(1, 0), degree);
    assert_metres(degrees(0, 0), degrees(0, 1), degree);
    assert_metres(degrees(0, 179), degrees(0, -179), 2 * degree);
    assert_metres(degrees(0, 180), degrees(0, -180), 0);
    assert_metres(degrees(89, 0), degrees(89, 180), 2 * degree);
    assert_metres(degrees(90, 17), degrees(90, -101), 0);
    assert_metres(degrees(60, 0), degrees(60, 60),
                  2 * EARTH_RADIUS_M * asin(0.25)); /* cos 60 * sin 30 */
    /* Westwood from the university there: 2.0 km. */
    assert_metres((Location){.latitude = 34068930000, .longitude = -118445127000},
                  (Location){.latitude = 34056120000, .longitude = -118430630000}, 1952.508);
}

/* The plain formula, by another way: the angle between unit vectors, in long double. */
static void test_haversine_agrees_with_vectors(void)
{
    for (unsigned round = 0; round < 10000; round++) {
        Location a = {.latitude = (int64_t)g_test_rand_double_range(-90e9, 90e9),
                      .longitude = (int64_t)g_test_rand_double_range(-180e9, 180e9)};
        Location b = {.latitude = (int64_t)g_test_rand_double_range(-90e9, 90e9),
                      .longitude = (int64_t)g_test_rand_double_range(-180e9, 180e9)};
        UnitVector u = unit_vector(a);
        UnitVector v = unit_vector(b);
        double square = 0;

        for (size_t axis = 0; axis < 3; axis++)
            square += (u.axis[axis] - v.axis[axis]) * (u.axis[axis] - v.axis[axis]);
        g_assert_cmpfloat_with_epsilon(4 * haversine(a, b), square, 1e-14);
    }
}

static void assert_fixedpoint(int64_t value, unsigned digits, const char *expected)
{
    g_autoptr(GString) out = g_string_new("x");

    fixedpoint_append(out, value, digits);
    g_assert_cmpstr(out->str + 1, ==, expected);
}

static void test_fixedpoint(void)
{
    assert_fixedpoint(0, 9, "0");
    assert_fixedpoint(12000000000, 9, "12");
    assert_fixedpoint(-118445127000, 9, "-118.445127");
    assert_fixedpoint(34068930000, 9, "34.06893");
    assert_fixedpoint(1, 9, "0.000000001");
    assert_fixedpoint(-500000000, 9, "-0.5");
    assert_fixedpoint(10500000, 3, "10500");
    assert_fixedpoint(10500001, 3, "10500.001");
    assert_fixedpoint(100, 0, "100");
    assert_fixedpoint(INT64_MIN, 0, "-9223372036854775808");
    assert_fixedpoint(INT64_MAX, 18, "9.223372036854775807");
}

/* ---- search ---- */

static int compare_hits(const void *a, const void *b)
{
    const PlacesHit *left = a;
    const PlacesHit *right = b;

    if (left->haversine < right->haversine)
        return -1;
    if (left->haversine > right->haversine)
        return 1;
    return (left->row > right->row) - (left->row < right->row);
}

/* What placesfile_nearest() promises, by a look at every row. */
static size_t scan(const PlacesFile *file, Location center, int64_t radius, PlacesHit *all)
{
    uint32_t rows = placesfile_row_count(file);
    double farthest = haversine_of_radius(radius);
    size_t count = 0;

    for (uint32_t row = 0; row < rows; row++) {
        PlacesHit hit = {.haversine = haversine(center, placesfile_location(file, row)),
                         .row = row};
        if (hit.haversine <= farthest)
            all[count++] = hit;
    }
    qsort(all, count, sizeof *all, compare_hits);
    return count;
}

/* Of a filtered search nothing but rows of @type, and the nearest of them. */
static void assert_filtered(const PlacesFile *file, const PlacesFilter *filter, const char *type,
                            Location center, int64_t radius, size_t max)
{
    g_autofree PlacesHit *all = g_new(PlacesHit, placesfile_row_count(file) + 1);
    PlacesHit hits[HITS_MAX];
    size_t count = scan(file, center, radius, all);
    size_t expected = 0;

    for (size_t i = 0; i < count && expected < max; i++) {
        Place place;

        g_assert_true(placesfile_place(file, all[i].row, &place));
        if (slice_equal(place.types, slice_of(type)))
            all[expected++] = all[i];
    }
    g_assert_cmpuint(placesfile_nearest(file, filter, center, radius, hits, max), ==, expected);
    for (size_t i = 0; i < expected; i++)
        g_assert_cmpuint(hits[i].row, ==, all[i].row);
}

static size_t assert_same_as_scan(const PlacesFile *file, Location center, int64_t radius,
                                  size_t max)
{
    g_autofree PlacesHit *all = g_new(PlacesHit, placesfile_row_count(file) + 1);
    PlacesHit hits[HITS_MAX];
    size_t expected = MIN(scan(file, center, radius, all), max);
    size_t found = placesfile_nearest(file, NULL, center, radius, hits, max);

    g_assert_cmpuint(found, ==, expected);
    for (size_t i = 0; i < found; i++)
        g_assert_cmpuint(hits[i].row, ==, all[i].row);
    return found;
}

static int32_t random_near(int32_t at, int32_t spread, int32_t limit)
{
    int64_t value = (int64_t)at + g_test_rand_int_range(-spread, spread + 1);

    return (int32_t)CLAMP(value, -limit, limit);
}

/* Points everywhere, and crowds where an index may go wrong. */
static Image random_image(unsigned rows)
{
    static const struct {
        int32_t latitude;
        int32_t longitude;
    } crowds[] = {
        {LATITUDE_MAX, 0},
        {-LATITUDE_MAX, LONGITUDE_MAX},
        {0, LONGITUDE_MAX},
        {0, -LONGITUDE_MAX},
        {650000000, LONGITUDE_MAX},
        {340689300, -1184451270},
        {-450000000, -LONGITUDE_MAX},
        {0, 0},
        {0, LONGITUDE_MAX / 2},
    };
    g_autoptr(PlacesFileWriter) writer = new_writer("test");

    for (unsigned i = 0; i < rows; i++) {
        g_autofree char *id = g_strdup_printf("t:%u", i);
        int32_t latitude = g_test_rand_int_range(-LATITUDE_MAX, LATITUDE_MAX + 1);
        int32_t longitude = g_test_rand_int_range(-LONGITUDE_MAX, LONGITUDE_MAX + 1);

        if (i % 2 == 0) {
            size_t crowd = (size_t)g_test_rand_int_range(0, G_N_ELEMENTS(crowds));
            /* Some within metres, some at the very same place. */
            int32_t spread = i % 8 == 0 ? 0 : i % 8 == 2 ? 100 : 2000000;

            latitude = random_near(crowds[crowd].latitude, spread, LATITUDE_MAX);
            longitude = random_near(crowds[crowd].longitude, spread, LONGITUDE_MAX);
        }
        add(writer, id, "n", "v", i % 16 == 0 ? "a,b" : "c", latitude, longitude);
    }
    return finish(writer);
}

static Location random_center(const PlacesFile *file)
{
    Location center = {.latitude = (int64_t)g_test_rand_double_range(-90e9, 90e9),
                       .longitude = (int64_t)g_test_rand_double_range(-180e9, 180e9)};

    switch (g_test_rand_int_range(0, 4)) {
    case 0:
        return center;
    case 1: /* exactly at a row */
        return placesfile_location(
            file, (uint32_t)g_test_rand_int_range(0, (int)placesfile_row_count(file)));
    default: { /* near a row, across a pole or the date line at times */
        Location row = placesfile_location(
            file, (uint32_t)g_test_rand_int_range(0, (int)placesfile_row_count(file)));
        center.latitude = row.latitude + g_test_rand_int_range(-300000000, 300000000);
        center.longitude = row.longitude + g_test_rand_int_range(-300000000, 300000000);
        center.latitude = CLAMP(center.latitude, -INT64_C(90000000000), INT64_C(90000000000));
        if (center.longitude > INT64_C(180000000000))
            center.longitude -= INT64_C(360000000000);
        if (center.longitude < -INT64_C(180000000000))
            center.longitude += INT64_C(360000000000);
        return center;
    }
    }
}

static int64_t random_radius(void)
{
    static const int64_t largest[] = {1, 10000, 1000000, 50000000, 1000000000, 20100000000};

    return (int64_t)g_test_rand_double_range(
        0, (double)largest[g_test_rand_int_range(0, G_N_ELEMENTS(largest))]);
}

static void test_random_against_scan(void)
{
    g_auto(Image) image = random_image(4000);
    g_autoptr(PlacesFile) file = open_image(&image);
    size_t found = 0;

    for (unsigned round = 0; round < 3000; round++)
        found += assert_same_as_scan(file, random_center(file), random_radius(),
                                     (size_t)g_test_rand_int_range(1, HITS_MAX + 1));
    g_assert_cmpuint(found, >, 3000); /* or it was no test */
}

static void test_filtered_against_scan(void)
{
    g_auto(Image) image = random_image(4000);
    g_autoptr(PlacesFile) file = open_image(&image);
    g_autoptr(PlacesFilter) first = placesfile_filter_new(file, SLICE("a"));
    g_autoptr(PlacesFilter) second = placesfile_filter_new(file, SLICE("b"));
    g_autoptr(PlacesFilter) none = placesfile_filter_new(file, SLICE("a,b"));

    for (unsigned round = 0; round < 1000; round++) {
        Location center = random_center(file);
        int64_t radius = random_radius();
        size_t max = (size_t)g_test_rand_int_range(1, HITS_MAX + 1);
        PlacesHit hits[HITS_MAX];

        assert_filtered(file, first, "a,b", center, radius, max);
        assert_filtered(file, second, "a,b", center, radius, max);
        g_assert_cmpuint(placesfile_nearest(file, none, center, radius, hits, max), ==, 0);
    }
    PlacesHit hit;
    g_assert_cmpuint(placesfile_nearest(file, first, degrees(0, 0), INT64_C(20100000000), &hit, 1),
                     ==, 1);
}

static void test_small_files_against_scan(void)
{
    for (unsigned rows = 1; rows <= 40; rows++) {
        g_auto(Image) image = random_image(rows);
        g_autoptr(PlacesFile) file = open_image(&image);

        for (unsigned round = 0; round < 50; round++)
            assert_same_as_scan(file, random_center(file), random_radius(), HITS_MAX);
    }
}

static void test_edges_of_the_map(void)
{
    g_auto(Image) image = random_image(2000);
    g_autoptr(PlacesFile) file = open_image(&image);
    static const int64_t latitudes[] = {90, -90, 89, 0, 65, -45};
    static const int64_t longitudes[] = {180, -180, 179, -179, 0, 90};

    for (size_t i = 0; i < G_N_ELEMENTS(latitudes); i++)
        for (size_t j = 0; j < G_N_ELEMENTS(longitudes); j++)
            for (int64_t radius = 1000; radius <= 50000000; radius *= 10)
                assert_same_as_scan(file, degrees(latitudes[i], longitudes[j]), radius, HITS_MAX);
    g_assert_cmpuint(assert_same_as_scan(file, degrees(90, 77), 1000, HITS_MAX), >, 0);
    g_assert_cmpuint(assert_same_as_scan(file, degrees(0, 180), 1000, HITS_MAX), >, 0);
}

/* The radius decides to the millimetre, although the tree is only good to a metre. */
static void test_radius_is_exact(void)
{
    g_autoptr(PlacesFileWriter) writer = new_writer("");
    add(writer, "a", "n", "n", "", 340689300, -1184451270);
    g_auto(Image) image = finish(writer);
    g_autoptr(PlacesFile) file = open_image(&image);

    for (unsigned round = 0; round < 1000; round++) {
        Location center = {.latitude = 34068930000 + g_test_rand_int_range(-400000000, 400000000),
                           .longitude =
                               -118445127000 + g_test_rand_int_range(-400000000, 400000000)};
        double metres = haversine_to_metres(haversine(center, placesfile_location(file, 0)));
        int64_t below = (int64_t)floor(metres * 1000) - 1;
        PlacesHit hit;

        if (below < 0)
            continue;
        g_assert_cmpuint(placesfile_nearest(file, NULL, center, below, &hit, 1), ==, 0);
        g_assert_cmpuint(placesfile_nearest(file, NULL, center, below + 3, &hit, 1), ==, 1);
    }
}

static void test_equal_places_come_in_row_order(void)
{
    g_autoptr(PlacesFileWriter) writer = new_writer("");
    for (unsigned i = 0; i < 100; i++) {
        g_autofree char *id = g_strdup_printf("%u", i);
        add(writer, id, "n", "n", "", 10, 10);
    }
    g_auto(Image) image = finish(writer);
    g_autoptr(PlacesFile) file = open_image(&image);
    PlacesHit hits[HITS_MAX];

    g_assert_cmpuint(placesfile_nearest(file, NULL, degrees(0, 0), 1000000, hits, HITS_MAX), ==,
                     HITS_MAX);
    for (uint32_t i = 0; i < HITS_MAX; i++)
        g_assert_cmpuint(hits[i].row, ==, i);
}

static void test_no_rows_and_no_room(void)
{
    g_autoptr(PlacesFileWriter) none = new_writer("");
    g_auto(Image) empty = finish(none);
    g_autoptr(PlacesFile) empty_file = open_image(&empty);
    g_auto(Image) image = random_image(50);
    g_autoptr(PlacesFile) file = open_image(&image);
    PlacesHit hit;

    g_assert_cmpuint(placesfile_row_count(empty_file), ==, 0);
    g_assert_cmpuint(
        placesfile_nearest(empty_file, NULL, degrees(0, 0), INT64_C(20100000000), &hit, 1), ==, 0);
    g_assert_cmpuint(placesfile_nearest(file, NULL, degrees(0, 0), INT64_C(20100000000), &hit, 0),
                     ==, 0);
}

/* ---- rows ---- */

static void test_rows_come_back(void)
{
    g_autoptr(PlacesFileWriter) writer = new_writer("<b>source</b>");
    unsigned count = 500;

    for (unsigned i = 0; i < count; i++) {
        g_autofree char *id = g_strdup_printf("id:%u", i);
        g_autofree char *name = g_strdup_printf("Łódź %u", i);
        g_autofree char *vicinity = g_strdup_printf(i % 3 == 0 ? "Łódź %u" : "street %u", i);

        add(writer, id, name, i % 5 == 0 ? "" : vicinity, i % 2 == 0 ? "cafe,food" : "",
            (int32_t)i * 1000000 - LATITUDE_MAX, LONGITUDE_MAX - (int32_t)i * 3500001);
    }
    g_auto(Image) image = finish(writer);
    g_autoptr(PlacesFile) file = open_image(&image);
    g_autofree bool *seen = g_new0(bool, count);

    g_assert_true(slice_equal(placesfile_attribution(file), SLICE("<b>source</b>")));
    g_assert_cmpuint(placesfile_row_count(file), ==, count);
    for (uint32_t row = 0; row < count; row++) {
        Place place;
        unsigned i;

        g_assert_true(placesfile_place(file, row, &place));
        g_autofree char *id = g_strndup(place.id.data, place.id.length);
        g_assert_cmpint(sscanf(id, "id:%u", &i), ==, 1);
        g_assert_cmpuint(i, <, count);
        g_assert_false(seen[i]);
        seen[i] = true;
        g_autofree char *name = g_strdup_printf("Łódź %u", i);
        g_autofree char *vicinity = g_strdup_printf(i % 3 == 0 ? "Łódź %u" : "street %u", i);
        g_assert_true(slice_equal(place.name, slice_of(name)));
        g_assert_true(slice_equal(place.vicinity, slice_of(i % 5 == 0 ? "" : vicinity)));
        g_assert_true(slice_equal(place.types, slice_of(i % 2 == 0 ? "cafe,food" : "")));
        g_assert_cmpint(place.latitude, ==, (int32_t)i * 1000000 - LATITUDE_MAX);
        g_assert_cmpint(place.longitude, ==, LONGITUDE_MAX - (int32_t)i * 3500001);
        g_assert_cmpint(placesfile_location(file, row).longitude, ==,
                        place.longitude * NANODEGREES_PER_UNIT);
    }
}

static void test_same_rows_make_the_same_file(void)
{
    g_autoptr(PlacesFileWriter) one = new_writer("s");
    g_autoptr(PlacesFileWriter) other = new_writer("s");

    for (unsigned i = 0; i < 1000; i++) {
        g_autofree char *id = g_strdup_printf("%u", i);
        int32_t latitude = g_test_rand_int_range(-5, 5);
        int32_t longitude = g_test_rand_int_range(-5, 5);
        add(one, id, id, id, "t", latitude, longitude);
        add(other, id, id, id, "t", latitude, longitude);
    }
    g_auto(Image) a = finish(one);
    g_auto(Image) b = finish(other);
    g_assert_cmpuint(a.size, ==, b.size);
    g_assert_true(memcmp(a.bytes, b.bytes, a.size) == 0);
}

static void assert_refused(Place place)
{
    g_autoptr(PlacesFileWriter) writer = new_writer("");
    g_autoptr(GError) error = NULL;

    g_assert_false(placesfile_writer_add(writer, &place, &error));
    g_assert_error(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_DATA);
    g_auto(Image) image = finish(writer);
    g_autoptr(PlacesFile) file = open_image(&image);
    g_assert_cmpuint(placesfile_row_count(file), ==, 0);
}

static void test_writer_refuses(void)
{
    Place good = {
        .id = SLICE("i"), .name = SLICE("n"), .vicinity = SLICE("v"), .types = SLICE("t")};
    g_autofree char *text = g_strnfill(UINT16_MAX, 'a');
    Place bad = good;

    bad.latitude = LATITUDE_MAX + 1;
    assert_refused(bad);
    bad = good;
    bad.longitude = -LONGITUDE_MAX - 1;
    assert_refused(bad);
    bad = good;
    bad.id = SLICE("");
    assert_refused(bad);
    bad = good;
    bad.name = SLICE("\xff");
    assert_refused(bad);
    bad = good;
    bad.vicinity = slice_of(text);
    assert_refused(bad);
}

static void test_write_failure_is_told(void)
{
    g_autoptr(PlacesFileWriter) writer = new_writer("");
    g_autoptr(GError) error = NULL;
    FILE *full = fopen("/dev/full", "w");

    if (full == NULL) {
        g_test_skip("no /dev/full here");
        return;
    }
    add(writer, "i", "n", "v", "t", 0, 0);
    g_assert_false(placesfile_writer_finish(writer, full, NULL, NULL, &error));
    g_assert_error(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_DISK);
    fclose(full);
}

/* ---- damage ---- */

static void assert_not_opened(const char *bytes, size_t size)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(placesfile_open(bytes, size, &error));
    g_assert_error(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_DATA);
}

static void test_wrong_size_is_refused(void)
{
    g_auto(Image) image = random_image(100);

    for (size_t size = 0; size < image.size; size++) {
        /* A copy of its own, so that reading past its end is seen. */
        g_autofree char *cut = g_memdup2(image.bytes, size + (size == 0));
        assert_not_opened(cut, size);
    }
    g_autofree char *longer = g_malloc0(image.size + 1);
    memcpy(longer, image.bytes, image.size);
    assert_not_opened(longer, image.size + 1);
}

static void test_wrong_header_is_refused(void)
{
    g_auto(Image) image = random_image(100);

    /* Every byte before the attribution counts, and its place is checked against the pool. */
    for (size_t at = 0; at < offsetof(PlacesFileHeader, attribution); at++) {
        image.bytes[at] = (char)(image.bytes[at] ^ 0x40);
        assert_not_opened(image.bytes, image.size);
        image.bytes[at] = (char)(image.bytes[at] ^ 0x40);
    }
    size_t high = offsetof(PlacesFileHeader, attribution) + 7;
    image.bytes[high] = (char)0xff;
    assert_not_opened(image.bytes, image.size);
    image.bytes[high] = 0;
    memset(image.bytes + offsetof(PlacesFileHeader, attribution_length), 0xff, sizeof(uint32_t));
    assert_not_opened(image.bytes, image.size);
}

/* Parts that are where a larger count would put them, beyond the end, and a size that wraps around
 * to match. */
static void test_lying_header_is_refused(void)
{
    g_auto(Image) image = random_image(100);
    PlacesFileHeader header;
    uint64_t rows = 1000000;

    memcpy(&header, image.bytes, sizeof header);
    header.row_count = GUINT32_TO_LE((uint32_t)rows);
    header.points_offset = 128;
    header.rows_offset = header.points_offset + rows * sizeof(PlacesFilePoint);
    header.type_lists_offset = header.rows_offset + rows * sizeof(PlacesFileRow);
    header.pool_offset = header.type_lists_offset + 64;
    header.pool_size = image.size - header.pool_offset;
    header.rows_offset = GUINT64_TO_LE(header.rows_offset);
    header.points_offset = GUINT64_TO_LE(header.points_offset);
    header.type_lists_offset = GUINT64_TO_LE(header.type_lists_offset);
    header.pool_offset = GUINT64_TO_LE(header.pool_offset);
    header.pool_size = GUINT64_TO_LE(header.pool_size);
    memcpy(image.bytes, &header, sizeof header);
    assert_not_opened(image.bytes, image.size);
}

static void test_damaged_rows_are_survived(void)
{
    g_auto(Image) image = random_image(200);
    size_t damaged = 0;

    for (unsigned round = 0; round < 300; round++) {
        g_autofree char *bytes = g_memdup2(image.bytes, image.size);

        for (unsigned i = 0; i < 200; i++) {
            size_t at = (size_t)g_test_rand_int_range(sizeof(PlacesFileHeader), (int)image.size);
            bytes[at] = (char)g_test_rand_int_range(-128, 128);
        }
        g_autoptr(PlacesFile) file = placesfile_open(bytes, image.size, NULL);
        g_assert_nonnull(file);
        PlacesHit hits[HITS_MAX];
        size_t found =
            placesfile_nearest(file, NULL, random_center(file), random_radius(), hits, HITS_MAX);
        for (size_t i = 0; i < found; i++)
            g_assert_cmpuint(hits[i].row, <, 200);
        for (uint32_t row = 0; row < 200; row++) {
            Place place = {0};
            if (!placesfile_place(file, row, &place))
                damaged++;
            else
                g_assert_cmpuint(place.id.length + place.name.length, <, image.size);
        }
    }
    g_assert_cmpuint(damaged, >, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/places/geometry/known-distances", test_known_distances);
    g_test_add_func("/places/geometry/haversine-agrees-with-vectors",
                    test_haversine_agrees_with_vectors);
    g_test_add_func("/places/fixedpoint/keeps-every-digit-and-no-more", test_fixedpoint);
    g_test_add_func("/places/file/random-queries-find-what-a-scan-finds", test_random_against_scan);
    g_test_add_func("/places/file/filtered-queries-find-what-a-scan-finds",
                    test_filtered_against_scan);
    g_test_add_func("/places/file/small-files-find-what-a-scan-finds",
                    test_small_files_against_scan);
    g_test_add_func("/places/file/poles-and-date-line-are-nothing-special", test_edges_of_the_map);
    g_test_add_func("/places/file/radius-is-exact", test_radius_is_exact);
    g_test_add_func("/places/file/equal-distances-come-in-row-order",
                    test_equal_places_come_in_row_order);
    g_test_add_func("/places/file/no-rows-and-no-room", test_no_rows_and_no_room);
    g_test_add_func("/places/file/rows-come-back", test_rows_come_back);
    g_test_add_func("/places/file/same-rows-make-the-same-file", test_same_rows_make_the_same_file);
    g_test_add_func("/places/file/writer-refuses-what-has-no-place", test_writer_refuses);
    g_test_add_func("/places/file/write-failure-is-told", test_write_failure_is_told);
    g_test_add_func("/places/file/wrong-size-is-refused", test_wrong_size_is_refused);
    g_test_add_func("/places/file/wrong-header-is-refused", test_wrong_header_is_refused);
    g_test_add_func("/places/file/lying-header-is-refused", test_lying_header_is_refused);
    g_test_add_func("/places/file/damaged-rows-are-survived", test_damaged_rows_are_survived);
    return g_test_run();
}
