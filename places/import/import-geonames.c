/* SPDX-License-Identifier: MIT */

/* GeoNames' dump format: cities500.txt, US.txt, allCountries.txt (its readme.txt names the
 * columns and its feature codes). */

#include "places/degrees.h"
#include "places/import/import.h"
#include "places/import/records.h"

#include <string.h>

enum {
    COLUMN_ID,
    COLUMN_NAME,
    COLUMN_ASCII_NAME,
    COLUMN_LATITUDE = 4,
    COLUMN_LONGITUDE,
    COLUMN_CLASS,
    COLUMN_CODE,
    COLUMNS = 19,
};

/* What a feature is to Google. The first line that fits counts. */
typedef struct {
    char feature_class;
    const char *code; /* what the code begins with */
    const char *types;
} Meaning;

#define POI "point_of_interest,establishment"

static const Meaning meanings[] = {
    {'P', "PPLX", "sublocality,political"},
    {'P', "", "locality,political"},
    {'A', "ADM1", "administrative_area_level_1,political"},
    {'A', "ADM2", "administrative_area_level_2,political"},
    {'A', "ADM3", "administrative_area_level_3,political"},
    {'A', "ADM4", "administrative_area_level_4,political"},
    {'A', "ADM5", "administrative_area_level_5,political"},
    {'A', "PCL", "country,political"},
    {'A', "", "political"},
    {'H', "", "natural_feature,establishment"},
    {'T', "", "natural_feature,establishment"},
    {'U', "", "natural_feature,establishment"},
    {'V', "CEM", "cemetery," POI},
    {'V', "", "natural_feature,establishment"},
    {'L', "AMUS", "amusement_park,tourist_attraction," POI},
    {'L', "PRK", "park," POI},
    {'L', "RES", "park," POI},
    {'R', "RD", "route"},
    {'R', "ST", "route"},
    {'S', "AIR", "airport," POI},
    {'S', "AMTH", "tourist_attraction," POI},
    {'S', "AQUAR", "aquarium,tourist_attraction," POI},
    {'S', "ARCH", "tourist_attraction," POI},
    {'S', "ART", "tourist_attraction," POI},
    {'S', "ATHF", "stadium," POI},
    {'S', "BANK", "bank,finance," POI},
    {'S', "BUSTN", "bus_station,transit_station," POI},
    {'S', "CH", "church,place_of_worship," POI},
    {'S', "CMPQ", POI},
    {'S', "CMP", "campground,lodging," POI},
    {'S', "CMTY", "cemetery," POI},
    {'S', "CSNO", "casino," POI},
    {'S', "CSTL", "tourist_attraction," POI},
    {'S', "CTHSE", "courthouse," POI},
    {'S', "CVNT", "place_of_worship," POI},
    {'S', "DIP", "embassy," POI},
    {'S', "FIRE", "fire_station," POI},
    {'S', "GHSE", "lodging," POI},
    {'S', "GRVE", "cemetery," POI},
    {'S', "HSEC", POI},
    {'S', "HSPC", "health," POI},
    {'S', "HSPD", "health," POI},
    {'S', "HSPL", "health," POI},
    {'S', "HSP", "hospital,health," POI},
    {'S', "HSTS", "tourist_attraction," POI},
    {'S', "HTL", "lodging," POI},
    {'S', "LIBR", "library," POI},
    {'S', "MALL", "shopping_mall," POI},
    {'S', "MNMT", "tourist_attraction," POI},
    {'S', "MSQE", "mosque,place_of_worship," POI},
    {'S', "MSTY", "place_of_worship," POI},
    {'S', "MTRO", "subway_station,transit_station," POI},
    {'S', "MUS", "museum,tourist_attraction," POI},
    {'S', "OPRA", "tourist_attraction," POI},
    {'S', "PAL", "tourist_attraction," POI},
    {'S', "PKLT", "parking," POI},
    {'S', "PO", "post_office," POI},
    {'S', "PP", "police," POI},
    {'S', "PYR", "tourist_attraction," POI},
    {'S', "REST", "restaurant,food," POI},
    {'S', "RHSE", "lodging," POI},
    {'S', "RLG", "place_of_worship," POI},
    {'S', "RSRT", "lodging," POI},
    {'S', "RSTN", "train_station,transit_station," POI},
    {'S', "RSTP", "train_station,transit_station," POI},
    {'S', "RUIN", "tourist_attraction," POI},
    {'S', "SCHC", "university," POI},
    {'S', "SCH", "school," POI},
    {'S', "SHRN", "place_of_worship," POI},
    {'S', "SPA", "spa," POI},
    {'S', "STDM", "stadium," POI},
    {'S', "STNB", POI},
    {'S', "SYG", "synagogue,place_of_worship," POI},
    {'S', "THTR", "tourist_attraction," POI},
    {'S', "TMPL", "place_of_worship," POI},
    {'S', "UNIV", "university," POI},
    {'S', "VETF", "veterinary_care," POI},
    {'S', "ZOO", "zoo,tourist_attraction," POI},
};

static bool begins_with(Slice text, const char *begin)
{
    size_t length = strlen(begin);

    return text.length >= length && memcmp(text.data, begin, length) == 0;
}

static Slice types_of(Slice feature_class, Slice code)
{
    if (feature_class.length != 1)
        return SLICE(IMPORT_TYPES_DEFAULT);
    for (size_t i = 0; i < G_N_ELEMENTS(meanings); i++)
        if (meanings[i].feature_class == feature_class.data[0] &&
            begins_with(code, meanings[i].code))
            return slice_of(meanings[i].types);
    return SLICE(IMPORT_TYPES_DEFAULT);
}

/* FALSE: there are not as many columns as there should be. */
static bool split(Slice line, Slice columns[COLUMNS])
{
    size_t count = 0;
    const char *end = line.data + line.length;

    for (const char *at = line.data;; at++) {
        const char *tab = memchr(at, '\t', (size_t)(end - at));
        const char *column_end = tab == NULL ? end : tab;

        if (count == COLUMNS)
            return false;
        columns[count++] = (Slice){.data = at, .length = (size_t)(column_end - at)};
        if (tab == NULL)
            return count == COLUMNS;
        at = tab;
    }
}

/* NULL, or why @line is no place. Its text is in @line and @id. */
static const char *read_place(Slice line, uint64_t row, GString *id, Place *ret_place)
{
    Slice columns[COLUMNS];

    if (!split(line, columns))
        return "not 19 columns";
    if (!degrees_parse(columns[COLUMN_LATITUDE], 90, &ret_place->latitude) ||
        !degrees_parse(columns[COLUMN_LONGITUDE], 180, &ret_place->longitude))
        return IMPORT_NO_POSITION;
    ret_place->name = import_trim(columns[COLUMN_NAME]);
    if (ret_place->name.length == 0)
        ret_place->name = import_trim(columns[COLUMN_ASCII_NAME]);
    if (ret_place->name.length == 0)
        return IMPORT_NO_NAME;
    ret_place->vicinity = ret_place->name;
    ret_place->types = types_of(columns[COLUMN_CLASS], columns[COLUMN_CODE]);
    if (columns[COLUMN_ID].length == 0) {
        ret_place->id = import_row_id(id, row);
    } else {
        g_string_assign(id, "gn:");
        g_string_append_len(id, columns[COLUMN_ID].data, (gssize)columns[COLUMN_ID].length);
        ret_place->id = (Slice){.data = id->str, .length = id->len};
    }
    return NULL;
}

bool import_geonames(const ImportInput *input, const ImportSink *sink, GError **error)
{
    g_autoptr(Records) records = records_new(input, IMPORT_LINE_MAX);
    g_autoptr(GString) id = g_string_new(NULL);
    uint64_t rows = 0;

    for (;;) {
        Slice line;
        uint64_t number;
        RecordsOutcome outcome = records_next(records, '\n', &line, &number, error);

        if (outcome == RECORDS_END || outcome == RECORDS_FAILED)
            return outcome == RECORDS_END;
        if (outcome == RECORDS_TOO_LONG) {
            rows++;
            sink->skipped(sink->self, number, "a line of more than 1 MiB");
            continue;
        }
        if (line.length > 0 && line.data[line.length - 1] == '\r')
            line.length--;
        if (line.length == 0)
            continue;

        Place place;
        const char *reason = read_place(line, ++rows, id, &place);
        if (reason != NULL)
            sink->skipped(sink->self, number, reason);
        else if (!sink->place(sink->self, number, &place, error))
            return false;
    }
}
