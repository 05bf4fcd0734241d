/* SPDX-License-Identifier: MIT */

/* herd whatsat: what is near a client. */

#include "cmd/tool/ask.h"
#include "cmd/tool/command.h"
#include "cmd/tool/commands.h"
#include "cmd/tool/phrase.h"
#include "cmd/tool/table.h"
#include "cmd/tool/text.h"

#include "core/decimal.h"
#include "core/message.h"
#include "places/degrees.h"
#include "places/geometry.h"
#include "places/json/jsontree.h"

#define RADIUS "1"
#define BOUND  "20"

static const char summary[] = "Shows what is within RADIUS_KM kilometres of CLIENT, 0 to 50 and 1 "
                              "if it is not said, at most\n"
                              "BOUND places, 0 to 20 and 20 if it is not said: how far and in "
                              "which direction, from where the\n"
                              "herd knows CLIENT to be.";

static const char description[] = "Examples:\n"
                                  "  herd whatsat kiwi\n"
                                  "  herd whatsat kiwi 10.5 5\n"
                                  "  herd whatsat --json kiwi 10 | jq -r '.results[].name'\n"
                                  "\n"
                                  "Exit status: 0 there is an answer, of no place perhaps; 1 there "
                                  "is none: CLIENT is not known,\n"
                                  "the source of places failed, or no member answers; 2 wrong use, "
                                  "or the configuration is wrong.";

static const TableColumn columns[] = {
    {.title = "NAME", .flexible = true},
    {.title = "TYPE", .flexible = true, .rank = 1},
    {.title = "DISTANCE", .right = true},
    {.title = "TO"},
    {.title = "ADDRESS", .flexible = true, .rank = 2},
};

/* What a reply consists of. */
typedef struct {
    RecordFields at;
    Location location;
    Slice json;
    JsonTree *tree; /* (owned) of json */
} Nearby;

static void nearby_clear(Nearby *nearby)
{
    jsontree_free(nearby->tree);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Nearby, nearby_clear)

/* What is wrong with the question, as far as one can tell from here. (transfer full) */
static char *explain(const char *const *fields)
{
    Decimal number;

    if (!decimal_parse(slice_of(fields[1]), &number) || number.sign != 0 ||
        decimal_exceeds(&number, PLACES_RADIUS_MAX_KM))
        return g_strdup_printf("\"%s\" is no RADIUS_KM: kilometres from 0 to %d, such as 10.5",
                               fields[1], PLACES_RADIUS_MAX_KM);
    if (!decimal_parse(slice_of(fields[2]), &number) || number.sign != 0 ||
        number.fraction.length > 0 || number.whole > PLACES_BOUND_MAX)
        return g_strdup_printf("\"%s\" is no BOUND: a whole number from 0 to %d", fields[2],
                               PLACES_BOUND_MAX);
    return g_strdup_printf("the herd does not know where \"%s\" is", fields[0]);
}

/* FALSE: it is no answer to a question about @client. */
static bool parse_reply(const Answer *answer, const char *client, Nearby *nearby)
{
    Slice line = answer_line(answer);
    Message message = message_parse(line);
    size_t begin = line.length + 1;

    if (message.kind != MESSAGE_AT || !slice_equal(message.at.client, slice_of(client)) ||
        !location_parse(message.at.location, &nearby->location))
        return false;
    nearby->at = message.at;
    /* The empty line is the reply's end, and not of the JSON. */
    nearby->json =
        (Slice){.data = answer->answer->str + begin, .length = answer->answer->len - begin - 1};
    return jsontree_parse(nearby->json, &nearby->tree) == JSONTREE_OK &&
           jsontree_root(nearby->tree)->type == JSON_OBJECT;
}

static const JsonValue *get_member(const JsonValue *object, const char *key)
{
    return object != NULL && object->type == JSON_OBJECT
               ? jsontree_member(object, slice_of(key), NULL)
               : NULL;
}

/* What @value says if it is a string, cleaned; else NULL. (transfer full) */
static char *to_text(const JsonValue *value)
{
    return value != NULL && value->type == JSON_STRING ? text_clean(value->text) : NULL;
}

static char *get_text(const JsonValue *object, const char *key)
{
    return to_text(get_member(object, key));
}

/* The first value of the array @key; NULL if there is none. */
static const JsonValue *get_first(const JsonValue *object, const char *key)
{
    const JsonValue *value = get_member(object, key);

    return value != NULL && value->type == JSON_ARRAY ? value->first : NULL;
}

static bool get_degrees(const JsonValue *object, const char *key, int64_t limit, int64_t *ret)
{
    const JsonValue *value = get_member(object, key);
    int32_t units;

    if (value == NULL || value->type != JSON_NUMBER || !degrees_parse(value->text, limit, &units))
        return false;
    *ret = units * NANODEGREES_PER_UNIT;
    return true;
}

static void add_place(Table *table, const JsonValue *place, Location center)
{
    const JsonValue *position = get_member(get_member(place, "geometry"), "location");
    g_autofree char *name = get_text(place, "name");
    g_autofree char *type = to_text(get_first(place, "types"));
    g_autofree char *vicinity = get_text(place, "vicinity");
    g_autofree char *address = get_text(place, "formatted_address");
    Location location;

    table_begin_row(table);
    table_add(table, STYLE_PLAIN, "%s", name != NULL ? name : "-");
    table_add(table, STYLE_PLAIN, "%s", type != NULL ? type : "-");
    if (get_degrees(position, "lat", 90, &location.latitude) &&
        get_degrees(position, "lng", 180, &location.longitude)) {
        table_add(table, STYLE_PLAIN, "%.0f m", distance_between(center, location));
        table_add(table, STYLE_PLAIN, "%s", direction_between(center, location));
    } else {
        table_add(table, STYLE_PLAIN, "-");
        table_add(table, STYLE_PLAIN, "-");
    }
    table_add(table, STYLE_PLAIN, "%s",
              vicinity != NULL  ? vicinity
              : address != NULL ? address
                                : "");
}

/* A line of text for each of the strings in the array @key. */
static void append_notes(const JsonValue *root, const char *key, GString *out)
{
    for (const JsonValue *note = get_first(root, key); note != NULL; note = note->next) {
        g_autoptr(GString) text = g_string_new(NULL);

        if (note->type != JSON_STRING)
            continue;
        text_append_html(text, note->text);
        g_autofree char *clean = text_clean((Slice){.data = text->str, .length = text->len});
        g_string_append_printf(out, "%s\n", clean);
    }
}

static void print_table(const Terminal *terminal, const Nearby *nearby, const char *radius)
{
    const JsonValue *root = jsontree_root(nearby->tree);
    g_autoptr(Table) table = table_new(columns, G_N_ELEMENTS(columns));
    g_autoptr(GString) out = g_string_new(NULL);
    g_autofree char *client = text_clean(nearby->at.client);
    g_autofree char *location = text_clean(nearby->at.location);
    g_autofree char *origin = text_clean(nearby->at.origin);
    g_autofree char *time = phrase_time(nearby->at.time_value);

    for (const JsonValue *place = get_first(root, "results"); place != NULL; place = place->next)
        add_place(table, place, nearby->location);
    g_string_append_printf(out, "%s was at %s on %s, as %s was told.\n", client, location, time,
                           origin);
    if (table_length(table) == 0) {
        g_string_append_printf(out, "No place is known within %s km.\n", radius);
    } else {
        g_string_append_c(out, '\n');
        table_append(table, terminal, out);
        g_string_append_c(out, '\n');
    }
    append_notes(root, "info_messages", out);
    append_notes(root, "html_attributions", out);
    terminal_write(terminal, out->str);
}

/* Returns the exit status. */
static int show(const CommandLine *line, const Answer *answer, const char *const *fields, bool json,
                bool raw)
{
    g_auto(Nearby) nearby = {0};
    const char *name = answer->entry->member->name;

    if (raw)
        terminal_write_raw(&line->terminal,
                           (Slice){.data = answer->answer->str, .length = answer->answer->len});
    if (answer_is_refusal(answer)) {
        g_autofree char *why = explain(fields);

        return command_complain(EXIT_BAD, "%s cannot answer: %s", name, why);
    }
    if (!parse_reply(answer, fields[0], &nearby)) {
        g_autofree char *said = text_clean(answer_line(answer));

        return command_complain(EXIT_BAD, "%s gives no answer to that: %.200s", name, said);
    }
    const JsonValue *root = jsontree_root(nearby.tree);
    g_autofree char *status = get_text(root, "status");
    bool failed =
        status == NULL || (!g_str_equal(status, "OK") && !g_str_equal(status, "ZERO_RESULTS"));
    if (json)
        terminal_write_raw(&line->terminal, nearby.json);
    else if (!raw && !failed)
        print_table(&line->terminal, &nearby, fields[1]);
    if (failed) {
        g_autofree char *message = get_text(root, "error_message");

        return command_complain(EXIT_BAD, "%s: %s%s%s", name,
                                status != NULL ? status : "the answer has no status",
                                message != NULL ? ": " : "", message != NULL ? message : "");
    }
    return EXIT_GOOD;
}

int command_whatsat(int argc, char **argv)
{
    gboolean json = FALSE, raw = FALSE;
    g_auto(AskOptions) asking = {0};
    const GOptionEntry options[] = {
        ASK_OPTIONS(&asking),
        {"json", 'j', 0, G_OPTION_ARG_NONE, &json, "Print the answer's JSON byte for byte", NULL},
        {"raw", 'r', 0, G_OPTION_ARG_NONE, &raw,
         "Print the whole answer as it came: the AT line, the JSON, an empty line", NULL},
        {0},
    };
    const CommandUsage usage = {.parameters = "CLIENT [RADIUS_KM] [BOUND]",
                                .least = 1,
                                .most = 3,
                                .summary = summary,
                                .description = description,
                                .options = options};
    g_auto(CommandLine) line = {0};
    g_auto(Answer) answer = {0};

    if (!commandline_parse(&line, &usage, argc, argv))
        return EXIT_USAGE;
    const char *fields[] = {line.arguments[0], line.count > 1 ? line.arguments[1] : RADIUS,
                            line.count > 2 ? line.arguments[2] : BOUND};
    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++)
        if (!command_is_field(fields[i]))
            return command_misused("CLIENT, RADIUS_KM and BOUND are not empty and have no white "
                                   "space in them");
    g_autofree char *text = g_strdup_printf("WHATSAT %s %s %s\n", fields[0], fields[1], fields[2]);
    int status = ask(&line, &asking, WIRE_ANSWER, text, &answer);
    return status == EXIT_GOOD ? show(&line, &answer, fields, json, raw) : status;
}
