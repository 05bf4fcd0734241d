/* SPDX-License-Identifier: MIT */

/* The readers of places in the formats of others, and records, which most of them read by. */

#include "places/import/import.h"
#include "places/import/records.h"
#include "places/places.h"

#include <stdlib.h>
#include <string.h>

/* An input that hands out @text in pieces of at most @most bytes. */
typedef struct {
    Slice text;
    size_t most;
    bool fails; /* at its end */
} Text;

static gssize read_text(void *self, char *buffer, size_t size, GError **error)
{
    Text *text = self;
    size_t wanted = (size_t)g_test_rand_int_range(1, (int)text->most + 1);
    size_t got = MIN(MIN(wanted, size), text->text.length);

    if (got == 0 && text->fails) {
        g_set_error_literal(error, G_FILE_ERROR, G_FILE_ERROR_IO, "fails");
        return -1;
    }
    memcpy(buffer, text->text.data, got);
    text->text.data += got;
    text->text.length -= got;
    return (gssize)got;
}

static const size_t piece_sizes[] = {1, 3, 10, 100000};

/* ---- records ---- */

/* The records of @text, as "line:record;", with - for one that is too long. */
static char *records_of(Slice text, size_t most, size_t length_max, char delimiter)
{
    Text source = {.text = text, .most = most};
    ImportInput input = {.self = &source, .read = read_text};
    g_autoptr(Records) records = records_new(&input, length_max);
    GString *all = g_string_new(NULL);

    for (;;) {
        Slice record = {0};
        uint64_t line;
        RecordsOutcome outcome = records_next(records, delimiter, &record, &line, NULL);

        if (outcome == RECORDS_END)
            return g_string_free(all, FALSE);
        g_string_append_printf(all, "%" G_GUINT64_FORMAT ":", line);
        if (outcome == RECORDS_ONE)
            g_string_append_len(all, record.data, (gssize)record.length);
        else
            g_string_append_c(all, '-');
        g_string_append_c(all, ';');
    }
}

static void assert_records(const char *text, char delimiter, const char *expected)
{
    for (size_t i = 0; i < G_N_ELEMENTS(piece_sizes); i++) {
        g_autofree char *records = records_of(slice_of(text), piece_sizes[i], 8, delimiter);

        g_assert_cmpstr(records, ==, expected);
    }
}

static void test_records(void)
{
    assert_records("", '\n', "");
    assert_records("a", '\n', "1:a;");
    assert_records("a\n", '\n', "1:a;");
    assert_records("\n\nab\nc", '\n', "1:;2:;3:ab;4:c;");
    assert_records("12345678\n123456789\n12345678", '\n', "1:12345678;2:-;3:12345678;");
    assert_records("123456789", '\n', "1:-;");
    assert_records("1234567890123456789012345678901234567890\nx\n", '\n', "1:-;2:x;");
    assert_records("\xef\xbb\xbf"
                   "a\n\xef\xbb\xbf",
                   '\n', "1:a;2:\xef\xbb\xbf;");
    assert_records("\xef\xbb", '\n', "1:\xef\xbb;");
    assert_records("\x1e"
                   "a\nb\n\x1e"
                   "c\n\x1e",
                   '\x1e', "1:;1:a\nb\n;3:c\n;");
    assert_records("\n\n\n\n\n\n\n\n\n\n\x1e"
                   "c",
                   '\x1e', "1:-;11:c;");
}

static void test_input_that_fails(void)
{
    static ImportReader *const readers[] = {import_geonames, import_csv, import_geojson,
                                            import_geojsonseq};

    for (size_t i = 0; i < G_N_ELEMENTS(readers); i++) {
        Text source = {.most = 1, .fails = true};
        ImportInput input = {.self = &source, .read = read_text};
        ImportSink sink = {0}; /* is not called */
        g_autoptr(GError) error = NULL;

        g_assert_false(readers[i](&input, &sink, &error));
        g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_IO);
    }
}

/* ---- readers ---- */

static void append_slice(GString *out, Slice text)
{
    g_string_append_c(out, '|');
    g_string_append_len(out, text.data, (gssize)text.length);
}

static bool take_place(void *self, uint64_t line, const Place *place, GError **error G_GNUC_UNUSED)
{
    GString *out = self;

    g_string_append_printf(out, "%" G_GUINT64_FORMAT "|%d|%d", line, place->latitude,
                           place->longitude);
    append_slice(out, place->id);
    append_slice(out, place->name);
    append_slice(out, place->vicinity);
    append_slice(out, place->types);
    g_string_append_c(out, '\n');
    return true;
}

static void take_skipped(void *self, uint64_t line, const char *reason)
{
    g_string_append_printf(self, "%" G_GUINT64_FORMAT " %s\n", line, reason);
}

/* What @read makes of @text: a line for each place and each row that is none. */
static GString *imported(ImportReader *read, Slice text, size_t most, GError **error)
{
    Text source = {.text = text, .most = most};
    ImportInput input = {.self = &source, .read = read_text};
    GString *out = g_string_new(NULL);
    ImportSink sink = {.self = out, .place = take_place, .skipped = take_skipped};

    read(&input, &sink, error);
    return out;
}

static void assert_imported_slice(ImportReader *read, Slice text, const char *expected)
{
    for (size_t i = 0; i < G_N_ELEMENTS(piece_sizes); i++) {
        GError *error = NULL;
        g_autoptr(GString) out = imported(read, text, piece_sizes[i], &error);

        g_assert_no_error(error);
        g_assert_cmpstr(out->str, ==, expected);
    }
}

static void assert_imported(ImportReader *read, const char *text, const char *expected)
{
    assert_imported_slice(read, slice_of(text), expected);
}

static void assert_fails(ImportReader *read, const char *text, const char *says)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GString) out = imported(read, slice_of(text), 100, &error);

    g_assert_nonnull(out);
    g_assert_error(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_DATA);
    g_assert_nonnull(strstr(error->message, says));
}

#define POI    "point_of_interest,establishment"
#define BEHIND "\tXX\t\t\t\t\t\t0\t\t0\tUTC\t2024-02-29"

static void test_geonames(void)
{
    assert_imported(import_geonames,
                    "3039154\tEl Tarter\tEl Tarter\tEhl Tarter,x\t42.57952\t1.65362\tP\tPPL" BEHIND
                    "\r\n"
                    "\n"
                    "5\tŁódź\tLodz\t\t51.75\t19.46667\tP\tPPLX" BEHIND "\n"
                    "6\t\tAscii\t\t-1\t-2\tA\tADM2" BEHIND "\n"
                    "7\tInn\t\t\t0\t0\tS\tHTL" BEHIND "\n"
                    "8\tChurch\t\t\t0\t0\tS\tCH" BEHIND "\n"
                    "9\tNew\t\t\t0\t0\tS\tXYZ" BEHIND "\n"
                    "\tNameless id\t\t\t0\t0\t\t" BEHIND "\n"
                    "10\t\t\t\t0\t0\tT\tMT" BEHIND "\n"
                    "11\tPole\t\t\t90.1\t0\tT\tMT" BEHIND "\n"
                    "12\tPeak\t\t\t0\tE\tT\tMT" BEHIND "\n"
                    "13\tShort\t42.5\t1.6\n"
                    "14\tLong\t\t\t0\t0\tS\tHTL" BEHIND "\t\n"
                    "15\tEnd\t\t\t0\t0\tT\tMT" BEHIND,
                    "1|425795200|16536200|gn:3039154|El Tarter|El Tarter|locality,political\n"
                    "3|517500000|194666700|gn:5|Łódź|Łódź|sublocality,political\n"
                    "4|-10000000|-20000000|gn:6|Ascii|Ascii|administrative_area_level_2,political\n"
                    "5|0|0|gn:7|Inn|Inn|lodging," POI "\n"
                    "6|0|0|gn:8|Church|Church|church,place_of_worship," POI "\n"
                    "7|0|0|gn:9|New|New|" POI "\n"
                    "8|0|0|row:7|Nameless id|Nameless id|" POI "\n"
                    "9 no name\n"
                    "10 its coordinates are not a position on the globe\n"
                    "11 its coordinates are not a position on the globe\n"
                    "12 not 19 columns\n"
                    "13 not 19 columns\n"
                    "14|0|0|gn:15|End|End|natural_feature,establishment\n");
}

static void test_csv(void)
{
    assert_imported(import_csv,
                    "\xef\xbb\xbf"
                    "ID,name,Lat,LON,types,vicinity\r\n"
                    "a,Cafe,1.5,-2.5,\"cafe, Food\",1 Main St\r\n"
                    "\r\n"
                    "b,\"said \"\"hello\"\",\r\ntwice\",1e1,2e0,cafe;food|bar,\r\n"
                    ",5\" pipe, 1 , 2 ,,\n"
                    "c,,1,2,,\n"
                    "d,x,91,2,,\n"
                    "e,x\n"
                    "f,y,1,2,,,,more,columns\n"
                    "g,last,1,2,,z",
                    "2|15000000|-25000000|a|Cafe|1 Main St|cafe,food\n"
                    "4|100000000|20000000|b|said \"hello\",\ntwice||cafe,food,bar\n"
                    "6|10000000|20000000|row:3|5\" pipe||" POI "\n"
                    "7 no name\n"
                    "8 its coordinates are not a position on the globe\n"
                    "9 its coordinates are not a position on the globe\n"
                    "10|10000000|20000000|f|y||" POI "\n"
                    "11|10000000|20000000|g|last|z|" POI "\n");
}

static void test_csv_headers(void)
{
    assert_imported(import_csv, "longitude;other;NAME;latitude\n2;x;n,m;1\n",
                    "2|10000000|20000000|row:1|n,m||" POI "\n");
    assert_imported(import_csv, "lng\tname\tlat\taddress\ttype\n2\tn\t1\ta;b\tBus Station\n",
                    "2|10000000|20000000|row:1|n|a;b|bus_station\n");
    assert_imported(import_csv, "\"name\",\"lat\", lon \nn,1,2\n",
                    "2|10000000|20000000|row:1|n||" POI "\n");
    assert_imported(import_csv, "name,lat,lon", "");
    assert_fails(import_csv, "", "header");
    assert_fails(import_csv, "name,lat\nx,1\n", "header");
    assert_fails(import_csv, "\nname,lat,lon\n", "header");
    assert_fails(import_csv, "\"name,lat,lon\nx,1,2\n", "header");
}

/* A quotation mark that is never closed costs rows, but not all that follow. */
static void test_csv_open_quote(void)
{
    g_autoptr(GString) text = g_string_new("name,lat,lon\n\"open,1,2\n");
    size_t rows = IMPORT_LINE_MAX / 6 + 100;

    for (size_t i = 0; i < rows; i++)
        g_string_append(text, "x,1,2\n");
    GError *error = NULL;
    g_autoptr(GString) out =
        imported(import_csv, (Slice){.data = text->str, .length = text->len}, 100000, &error);
    g_assert_no_error(error);
    g_assert_true(g_str_has_prefix(out->str, "2 a row of more than 1 MiB\n"));
    g_assert_nonnull(strstr(out->str, "|x||"));
}

static void test_long_lines(void)
{
    g_autofree char *filler = g_strnfill(IMPORT_LINE_MAX, 'x');
    g_autofree char *csv = g_strdup_printf(
        "name,lat,lon,more\na,1,2,%s\nb,1,2,\n\"%s\n%s\",1,2,\nc,1,2,\n", filler, filler, filler);
    g_autofree char *geonames =
        g_strdup_printf("1\ta\t%s\n2\tb\t\t\t1\t2\tT\tMT" BEHIND "\n", filler);

    for (size_t i = 2; i < G_N_ELEMENTS(piece_sizes); i++) {
        g_autoptr(GString) out = imported(import_csv, slice_of(csv), piece_sizes[i], NULL);
        g_assert_true(g_str_has_prefix(out->str, "2 a row of more than 1 MiB\n"
                                                 "3|10000000|20000000|row:2|b||" POI "\n"
                                                 "4 a row of more than 1 MiB\n"));
        g_assert_true(g_str_has_suffix(out->str, "|c||" POI "\n"));
        g_autoptr(GString) other =
            imported(import_geonames, slice_of(geonames), piece_sizes[i], NULL);
        g_assert_cmpstr(other->str, ==,
                        "1 a line of more than 1 MiB\n"
                        "2|10000000|20000000|gn:2|b|b|natural_feature,establishment\n");
    }
}

#define POINT   "\"geometry\":{\"type\":\"Point\",\"coordinates\":[2,1]}"
#define FEATURE "{\"type\":\"Feature\"," POINT ",\"properties\":" /* and them, and } */

static void test_geojson(void)
{
    assert_imported(
        import_geojson,
        "{\"type\":\"FeatureCollection\",\"features\":[\n" FEATURE
        "{\"name\":\"A\",\"amenity\":\"cafe\"}}"
        ",\n" FEATURE "{}}"
        ",\n" FEATURE "null}"
        ",\n"
        "null,\n"
        "{\"type\":\"Feature\",\"properties\":{\"name\":\"B\"},"
        "\"geometry\":null},\n"
        "{\"type\":\"Feature\",\"properties\":{\"name\":\"C\"},"
        "\"geometry\":"
        "{\"type\":\"Point\",\"coordinates\":[181,0]}},\n" FEATURE
        "{\"name\":\" D \",\"types\":[\"Bar\",5,\"night club\"],\"vicinity\":\"There\"}}"
        "]}",
        "2|10000000|20000000|row:1|A||cafe,food," POI "\n"
        "3 no name\n"
        "4 no name\n"
        "5 not a Feature\n"
        "6 no geometry\n"
        "7 its coordinates are not positions on the globe\n"
        "8|10000000|20000000|row:7|D|There|bar,night_club\n");
    assert_fails(import_geojson,
                 "{\"features\":[\n" FEATURE "{\"name\":\"A\"}}"
                 ",\n}",
                 "line 3");
}

static void assert_feature(const char *properties, const char *more, const char *expected)
{
    g_autofree char *text =
        g_strdup_printf("{\"type\":\"Feature\"," POINT ",\"properties\":%s%s}\n", properties, more);
    g_autofree char *line = g_strdup_printf("1|10000000|20000000|%s\n", expected);

    assert_imported(import_geojsonseq, text, line);
}

static void test_properties(void)
{
    assert_feature("{\"name\":\"A\"}", "", "row:1|A||" POI);
    assert_feature("{\"name\":\"A\"}", ",\"id\":\"n123\"", "n123|A||" POI);
    assert_feature("{\"name\":\"A\",\"id\":\"p\"}", ",\"id\":17", "17|A||" POI);
    assert_feature("{\"name\":\"A\",\"@id\":5,\"id\":\"\"}", "", "5|A||" POI);
    assert_feature("{\"name\":\"A\",\"types\":\"x, y\",\"category\":\"z\",\"shop\":\"bakery\"}", "",
                   "row:1|A||x,y");
    assert_feature("{\"name\":\"A\",\"category\":\"Coffee Shop\",\"address\":\"here\"}", "",
                   "row:1|A|here|coffee_shop");
    assert_feature("{\"name\":\"A\",\"addr:street\":\"Long Street\",\"addr:housenumber\":\"12\","
                   "\"addr:city\":\"Town\",\"tourism\":\"hotel\"}",
                   "", "row:1|A|12 Long Street, Town|lodging," POI);
    /* Overture's */
    assert_feature(
        "{\"names\":{\"primary\":\"B\",\"common\":null},\"categories\":{\"primary\":"
        "\"coffee_shop\"},\"addresses\":[{\"freeform\":\"1 Way\",\"locality\":\"Town\"},{}],"
        "\"operating_status\":\"open\",\"id\":\"08f\"}",
        "", "08f|B|1 Way, Town|coffee_shop," POI);
    assert_feature("{\"names\":{\"primary\":\"B\"},\"addresses\":[{\"locality\":\"Town\"}]}", "",
                   "row:1|B|Town|" POI);
    assert_imported(import_geojsonseq,
                    FEATURE
                    "{\"names\":{\"primary\":\"B\"},\"operating_status\":\"permanently_closed\"}}",
                    "1 closed\n");
}

static void test_geojson_sequences(void)
{
    const char *expected = "1|10000000|20000000|row:1|A||" POI "\n"
                           "2 not JSON\n"
                           "3 not JSON\n"
                           "5|10000000|20000000|row:4|B||" POI "\n";

    assert_imported(import_geojsonseq,
                    FEATURE "{\"name\":\"A\"}}"
                            "\n{\"type\":\n\xff\n\r\n" FEATURE "{\"name\":\"B\"}}",
                    expected);
    assert_imported(import_geojsonseq,
                    "\x1e" FEATURE "{\"name\":\"A\"}}"
                    "\n\x1e{\"type\":\n\x1e\xff\n\n\x1e" FEATURE "{\"name\":\"B\"}}"
                    "\n",
                    expected);
    /* What has record separators may have line ends within. */
    assert_imported(import_geojsonseq,
                    "\x1e" FEATURE "\n{\"name\":\n\"A\"}}"
                    "\n\x1e" FEATURE "{\"name\":\"B\"}}",
                    "1|10000000|20000000|row:1|A||" POI "\n4|10000000|20000000|row:2|B||" POI "\n");
    assert_imported(import_geojsonseq, "", "");
}

static void test_large_features(void)
{
    g_autofree char *filler = g_strnfill(IMPORT_FEATURE_MAX, 'x');
    g_autofree char *text =
        g_strdup_printf("{\"a\":\"%s\"}\n%s\n", filler, FEATURE "{\"name\":\"A\"}}");
    g_autoptr(GString) out = imported(import_geojsonseq, slice_of(text), 100000, NULL);

    g_assert_cmpstr(out->str, ==,
                    "1 a feature that is too large\n2|10000000|20000000|row:2|A||" POI "\n");
}

static bool refuse_place(void *self G_GNUC_UNUSED, uint64_t line G_GNUC_UNUSED,
                         const Place *place G_GNUC_UNUSED, GError **error)
{
    g_set_error_literal(error, G_FILE_ERROR, G_FILE_ERROR_NOSPC, "full");
    return false;
}

static void test_sink_that_stops(void)
{
    static const struct {
        ImportReader *read;
        const char *text;
    } cases[] = {
        {import_geonames, "1\ta\t\t\t0\t0\tT\tMT" BEHIND "\n"},
        {import_csv, "name,lat,lon\na,1,2\n"},
        {import_geojson, "{\"features\":[" FEATURE "{\"name\":\"A\"}}"
                         "]}"},
        {import_geojsonseq, FEATURE "{\"name\":\"A\"}}"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        Text source = {.text = slice_of(cases[i].text), .most = 10};
        ImportInput input = {.self = &source, .read = read_text};
        ImportSink sink = {.place = refuse_place};
        g_autoptr(GError) error = NULL;

        g_assert_false(cases[i].read(&input, &sink, &error));
        g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOSPC);
    }
}

/* Whatever the bytes, nothing but places and reasons. */
static void test_random_bytes(void)
{
    static const char alphabet[] = "\"\",,;\t\n\n\r{}[]:01.5e-\\\x1e\xff\xc3nul\0";
    static ImportReader *const readers[] = {import_geonames, import_csv, import_geojson,
                                            import_geojsonseq};

    for (unsigned round = 0; round < 4000; round++) {
        g_autoptr(GString) text =
            g_string_new(round % 2 == 0 ? "name,lat,lon\n" : "{\"features\":[");
        size_t length = (size_t)g_test_rand_int_range(0, 60);

        for (size_t i = 0; i < length; i++)
            g_string_append_c(text, alphabet[g_test_rand_int_range(0, sizeof alphabet)]);
        Slice slice = {.data = text->str, .length = text->len};
        for (size_t i = 0; i < G_N_ELEMENTS(readers); i++) {
            g_autoptr(GError) error = NULL;
            g_autoptr(GString) out = imported(readers[i], slice, 7, &error);

            g_assert_true(error == NULL || error->domain == HERD_PLACES_ERROR);
            g_assert_nonnull(out);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/places/records/lines-and-records", test_records);
    g_test_add_func("/places/import/input-that-fails", test_input_that_fails);
    g_test_add_func("/places/import/geonames", test_geonames);
    g_test_add_func("/places/import/csv", test_csv);
    g_test_add_func("/places/import/csv-headers", test_csv_headers);
    g_test_add_func("/places/import/csv-quote-that-is-never-closed", test_csv_open_quote);
    g_test_add_func("/places/import/long-lines-are-passed-over", test_long_lines);
    g_test_add_func("/places/import/geojson", test_geojson);
    g_test_add_func("/places/import/geojson-properties", test_properties);
    g_test_add_func("/places/import/geojson-sequences", test_geojson_sequences);
    g_test_add_func("/places/import/large-features-are-passed-over", test_large_features);
    g_test_add_func("/places/import/sink-that-stops", test_sink_that_stops);
    g_test_add_func("/places/import/random-bytes-are-survived", test_random_bytes);
    return g_test_run();
}
