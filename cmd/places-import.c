/* SPDX-License-Identifier: MIT */
#include "cmd/places-import.h"

#include "cmd/progress.h"
#include "cmd/replacement.h"
#include "cmd/tally.h"

#include "places/file/placesfile-format.h"
#include "places/file/placesfile-writer.h"
#include "places/import/import.h"
#include "places/osm/osmtags.h"
#include "places/places.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 };

typedef struct {
    const char *name;
    const char *const *extensions;
    ImportReader *read;
    const char *attribution; /* (nullable) of what comes in this format */
} Format;

static const char *const geonames_extensions[] = {".txt", ".tsv", NULL};
static const char *const geojson_extensions[] = {".geojson", ".json", NULL};
static const char *const geojsonseq_extensions[] = {".geojsonseq", ".geojsonl", ".ndjson", ".jsonl",
                                                    NULL};
static const char *const csv_extensions[] = {".csv", NULL};

static const Format formats[] = {
    {"geonames", geonames_extensions, import_geonames, GEONAMES_ATTRIBUTION},
    {"geojson", geojson_extensions, import_geojson, NULL},
    {"geojsonseq", geojsonseq_extensions, import_geojsonseq, NULL},
    {"csv", csv_extensions, import_csv, NULL},
};

#define FORMAT_NAMES "geonames, geojson, geojsonseq or csv"

static const char summary[] =
    "Makes OUTPUT, a places file, of the places in INPUT, or in standard input if that is \"-\".\n"
    "A member answers from it with \"places = file\" in [herd] and \"file = OUTPUT\" in [places].\n"
    "OUTPUT is replaced as a whole when all is read, so a member may be using it; SIGHUP tells "
    "the\n"
    "member to take the new one.";

static const char examples[] =
    "Formats, with the extensions that tell them:\n"
    "  geonames    GeoNames' dumps, 19 columns with tabs (.txt .tsv)\n"
    "  geojson     a GeoJSON FeatureCollection (.geojson .json)\n"
    "  geojsonseq  GeoJSON features one a line, or after record separators\n"
    "              (.geojsonseq .geojsonl .ndjson .jsonl)\n"
    "  csv         with a header: name, lat, lon, and maybe id, types, vicinity (.csv)\n"
    "\n"
    "Examples:\n"
    "  herd places import cities500.txt cities.places\n"
    "  herd places import --attribution osm berlin.geojsonseq berlin.places\n"
    "  osmium export -f geojsonseq -u type_id poi.osm.pbf |\n"
    "      herd places import --format geojsonseq --attribution osm - poi.places\n"
    "\n"
    "Exit status: 0 OUTPUT is made; 1 it is as it was, since there was no place in INPUT or "
    "something\n"
    "went wrong; 2 wrong use.";

typedef struct {
    char *format;      /* (owned) (nullable) */
    char *attribution; /* (owned) (nullable) */
    char **paths;      /* (owned) (nullable) */
} Arguments;

/* One import, as its parts call back. */
typedef struct {
    int fd;        /* of the input */
    uint64_t size; /* of the input; 0: not known */
    uint64_t bytes_read;
    int64_t begin_us;
    PlacesFileWriter *writer; /* (owned) */
    Tally *skipped;           /* (owned) */
    ProgressLine line;
} Import;

static void arguments_clear(Arguments *arguments)
{
    g_free(arguments->format);
    g_free(arguments->attribution);
    g_strfreev(arguments->paths);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Arguments, arguments_clear)

static bool parse_arguments(int *argc, char ***argv, Arguments *arguments, GError **error)
{
    const GOptionEntry entries[] = {
        {"format", 'f', 0, G_OPTION_ARG_STRING, &arguments->format,
         "The format of INPUT: " FORMAT_NAMES, "FORMAT"},
        /* As a file name: bytes, whatever the locale. */
        {"attribution", 'a', 0, G_OPTION_ARG_FILENAME, &arguments->attribution,
         "HTML that answers name the source with; \"geonames\" and \"osm\" stand for theirs",
         "TEXT"},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &arguments->paths, NULL,
         "INPUT OUTPUT"},
        {0},
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);

    g_option_context_set_summary(context, summary);
    g_option_context_set_description(context, examples);
    g_option_context_add_main_entries(context, entries, NULL);
    return g_option_context_parse(context, argc, argv, error);
}

G_GNUC_PRINTF(2, 3)
static int complain(int status, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    fprintf(stderr, "herd: %s\n", text);
    return status;
}

static bool has_extension(const char *path, const char *const *extensions)
{
    const char *dot = strrchr(path, '.');

    for (; dot != NULL && *extensions != NULL; extensions++)
        if (g_ascii_strcasecmp(dot, *extensions) == 0)
            return true;
    return false;
}

/* NULL: neither named nor to be told by the extension. */
static const Format *find_format(const char *name, const char *path)
{
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++)
        if (name != NULL ? g_str_equal(name, formats[i].name)
                         : has_extension(path, formats[i].extensions))
            return &formats[i];
    return NULL;
}

static const char *find_attribution(const char *given, const Format *format)
{
    if (given == NULL)
        return format->attribution;
    if (g_str_equal(given, "geonames"))
        return GEONAMES_ATTRIBUTION;
    if (g_str_equal(given, "osm"))
        return OSM_ATTRIBUTION;
    return given;
}

static bool is_places_file(const char *path)
{
    char magic[sizeof PLACESFILE_MAGIC - 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool is = fd >= 0 && read(fd, magic, sizeof magic) == (ssize_t)sizeof magic &&
              memcmp(magic, PLACESFILE_MAGIC, sizeof magic) == 0;

    if (fd >= 0)
        close(fd);
    return is;
}

/* Whether what is at @path, if anything, may be replaced by what is read from @input. */
static bool check_output(const char *path, const struct stat *input)
{
    struct stat status;

    if (stat(path, &status) != 0)
        return true;
    if (status.st_dev == input->st_dev && status.st_ino == input->st_ino)
        return complain(false, "%s: it is input and output both", path);
    if (!is_places_file(path))
        return complain(false,
                        "%s: there is something that is no places file; INPUT comes first, then "
                        "OUTPUT",
                        path);
    return true;
}

/* ---- what the reader calls ---- */

static uint64_t rows_read(const Import *import)
{
    return placesfile_writer_row_count(import->writer) + tally_total(import->skipped);
}

static double seconds_since(int64_t begin_us)
{
    return (double)MAX(g_get_monotonic_time() - begin_us, 1) / 1e6;
}

static double rows_a_second(const Import *import)
{
    return (double)rows_read(import) / seconds_since(import->begin_us);
}

static void show_reading(Import *import)
{
    if (!progress_line_is_due(&import->line))
        return;
    g_autofree char *percent =
        import->size == 0
            ? g_strdup("")
            : g_strdup_printf(" %3.0f %%", 100 * (double)import->bytes_read / (double)import->size);
    progress_line_write(&import->line, "reading%s  %" G_GUINT64_FORMAT " rows  %.0f rows/s",
                        percent, rows_read(import), rows_a_second(import));
}

static gssize read_input(void *self, char *buffer, size_t size, GError **error)
{
    Import *import = self;
    ssize_t got;

    do
        got = read(import->fd, buffer, size);
    while (got < 0 && errno == EINTR);
    if (got < 0) {
        g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(errno), "%s",
                    g_strerror(errno));
        return -1;
    }
    import->bytes_read += (uint64_t)got;
    show_reading(import);
    return got;
}

static void skip_row(void *self, uint64_t line, const char *reason)
{
    tally_add(((Import *)self)->skipped, reason, line);
}

/* Without an address the name has to say where it is, as it does in all answers made here. */
static bool take_place(void *self, uint64_t line, const Place *place, GError **error)
{
    Import *import = self;
    GError *why = NULL;
    Place row = *place;

    if (row.vicinity.length == 0)
        row.vicinity = row.name;
    if (placesfile_writer_add(import->writer, &row, &why))
        return true;
    if (!g_error_matches(why, HERD_PLACES_ERROR, HERD_PLACES_ERROR_DATA)) {
        g_propagate_error(error, why);
        return false;
    }
    skip_row(import, line, why->message);
    g_error_free(why);
    return true;
}

static void show_finishing(void *self, PlacesFilePhase phase, uint64_t done, uint64_t total)
{
    Import *import = self;

    if (progress_line_is_due(&import->line))
        progress_line_write(&import->line, "%s %3.0f %%  %u rows",
                            phase == PLACESFILE_SORTING ? "sorting" : "writing",
                            100 * (double)done / (double)total,
                            placesfile_writer_row_count(import->writer));
}

/* ---- the whole ---- */

static void print_summary(const Import *import, const char *output, uint64_t size)
{
    g_autoptr(GString) reasons = g_string_new(NULL);

    fprintf(stderr,
            "herd: %s: %" G_GUINT64_FORMAT " rows read, %u written, %" G_GUINT64_FORMAT
            " skipped; %.1f s, %.0f rows a second; %.1f MB\n",
            output, rows_read(import), placesfile_writer_row_count(import->writer),
            tally_total(import->skipped), seconds_since(import->begin_us), rows_a_second(import),
            (double)size / 1e6);
    tally_describe(import->skipped, reasons);
    fputs(reasons->str, stderr);
}

/* Reads, sorts, writes. Returns the exit status. */
static int run(Import *import, const Format *format, const char *input, const char *output,
               Replacement *replacement)
{
    ImportInput source = {.self = import, .read = read_input};
    ImportSink sink = {.self = import, .place = take_place, .skipped = skip_row};
    g_autoptr(GError) error = NULL;
    FILE *file = replacement_file(replacement);

    if (!format->read(&source, &sink, &error)) {
        progress_line_clear(&import->line);
        return complain(EXIT_FAILURE, "%s: %s; %s is as it was", input, error->message, output);
    }
    if (placesfile_writer_row_count(import->writer) == 0) {
        progress_line_clear(&import->line);
        print_summary(import, output, 0);
        return complain(EXIT_FAILURE, "%s: there is no place in it; %s is as it was", input,
                        output);
    }
    bool done = placesfile_writer_finish(import->writer, file, show_finishing, import, &error);
    off_t size = done ? ftello(file) : 0;
    done = done && replacement_commit(replacement, &error);
    progress_line_clear(&import->line);
    if (!done)
        return complain(EXIT_FAILURE, "%s: %s; it is as it was", output, error->message);
    print_summary(import, output, (uint64_t)size);
    return EXIT_SUCCESS;
}

/* From the open input @fd. */
static int import_from(int fd, const Format *format, const char *attribution, const char *input,
                       const char *output)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Tally) skipped = tally_new();
    struct stat status;

    if (fstat(fd, &status) != 0)
        return complain(EXIT_FAILURE, "%s: %s", input, g_strerror(errno));
    if (!check_output(output, &status))
        return EXIT_USAGE;
    g_autoptr(Replacement) replacement = replacement_new(output, &error);
    if (replacement == NULL)
        return complain(EXIT_FAILURE, "%s", error->message);
    g_autoptr(PlacesFileWriter) writer =
        placesfile_writer_new(attribution, replacement_folder(replacement), &error);
    if (writer == NULL)
        return complain(EXIT_FAILURE, "%s: %s", output, error->message);

    Import import = {
        .fd = fd,
        .size = S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0,
        .begin_us = g_get_monotonic_time(),
        .writer = writer,
        .skipped = skipped,
    };
    progress_line_init(&import.line);
    return run(&import, format, input, output, replacement);
}

static int act(const Arguments *arguments)
{
    char **paths = arguments->paths;

    if (paths == NULL || paths[1] == NULL || paths[2] != NULL)
        return complain(EXIT_USAGE, "name one INPUT and one OUTPUT; see herd places import --help");

    const char *input = paths[0];
    const Format *format = find_format(arguments->format, input);
    if (format == NULL && arguments->format != NULL)
        return complain(EXIT_USAGE, "--format: \"%s\" is none of " FORMAT_NAMES, arguments->format);
    if (format == NULL)
        return complain(EXIT_USAGE, "%s: say its format: --format " FORMAT_NAMES, input);

    const char *attribution = find_attribution(arguments->attribution, format);
    if (attribution != NULL && !g_utf8_validate(attribution, -1, NULL))
        return complain(EXIT_USAGE, "--attribution: it is not UTF-8");

    bool is_stdin = g_str_equal(input, "-");
    int fd = is_stdin ? STDIN_FILENO : open(input, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return complain(EXIT_FAILURE, "%s: %s", input, g_strerror(errno));
    int status = import_from(fd, format, attribution != NULL ? attribution : "",
                             is_stdin ? "standard input" : input, paths[1]);
    if (!is_stdin)
        close(fd);
    if (status == EXIT_SUCCESS && attribution == NULL)
        complain(status, "note: answers will name no source; if the data's licence wants one "
                         "named: --attribution");
    return status;
}

int places_import(int argc, char **argv)
{
    g_auto(Arguments) arguments = {0};
    g_autoptr(GError) error = NULL;

    if (!parse_arguments(&argc, &argv, &arguments, &error))
        return complain(EXIT_USAGE, "%s; see herd places import --help", error->message);
    return act(&arguments);
}
