/* SPDX-License-Identifier: MIT */

/* herd iamat: reports where a client is. */

#include "cmd/tool/ask.h"
#include "cmd/tool/command.h"
#include "cmd/tool/commands.h"
#include "cmd/tool/phrase.h"
#include "cmd/tool/text.h"

#include "core/message.h"
#include "places/json/jsonlayout.h"

#include <inttypes.h>

static const char summary[] =
    "Tells a member where CLIENT is: LAT-LON in degrees, both with a sign and nothing between "
    "them,\n"
    "such as +34.068930-118.445127, at TIME, in seconds since 1970; without it now.";

static const char description[] =
    "Examples:\n"
    "  herd iamat kiwi +34.068930-118.445127\n"
    "  herd iamat kiwi -33.9+151.2 1621464827.959498503\n"
    "  herd iamat --member Bona --token-file token kiwi +34.068930-118.445127\n"
    "\n"
    "Exit status: 0 the member took it; 1 it did not, or no member answers; 2 wrong use, or the\n"
    "configuration is wrong.";

typedef struct {
    const char *client, *location, *time;
} Report;

/* What is wrong with it, as far as one can tell from here. (transfer full) */
static char *explain(const Report *report, const RosterEntry *entry)
{
    Location location;
    Timestamp time;

    if (!location_parse(slice_of(report->location), &location))
        return g_strdup_printf(
            "\"%s\" is no LAT-LON: degrees from -90 to 90 and from -180 to 180, both with a sign, "
            "such as +34.068930-118.445127",
            report->location);
    if (!timestamp_parse(slice_of(report->time), &time))
        return g_strdup_printf("\"%s\" is no TIME: seconds since 1970, such as "
                               "1621464827.959498503",
                               report->time);
    unsigned ahead_s = entry->config != NULL ? entry->config->limits.max_future_skew_s : 0;
    Timestamp ahead = timestamp_subtract(time, timestamp_now());
    if (ahead_s > 0 && ahead.seconds >= ahead_s)
        return g_strdup_printf("TIME is more than the %u s ahead that max_future_skew_s allows",
                               ahead_s);
    return g_strdup("it is well formed; perhaps CLIENT is new and the member has no room for more "
                    "(max_records, max_memory_mb), or you may not report for CLIENT (rules_file)");
}

/* Whether @line is the answer to @report, whose fields a member copies byte for byte. */
static bool is_answer(Slice line, const Report *report, RecordFields *ret_fields)
{
    Message message = message_parse(line);

    if (message.kind != MESSAGE_AT || !slice_equal(message.at.client, slice_of(report->client)) ||
        !slice_equal(message.at.location, slice_of(report->location)) ||
        !slice_equal(message.at.time, slice_of(report->time)))
        return false;
    *ret_fields = message.at;
    return true;
}

static void print_sentence(const Terminal *terminal, const RecordFields *fields)
{
    Timestamp skew;
    bool known = timestamp_parse_skew(fields->skew, &skew);
    g_autofree char *origin = text_clean(fields->origin);
    g_autofree char *client = text_clean(fields->client);
    g_autofree char *location = text_clean(fields->location);
    bool before = known && skew.seconds < 0;
    Timestamp span = before ? timestamp_subtract((Timestamp){0}, skew) : skew;
    g_autofree char *phrase = known ? phrase_timestamp_span(span) : g_strdup("some time");
    g_autofree char *text =
        g_strdup_printf("%s took %s at %s, %s %s\n", origin, client, location, phrase,
                        before ? "before its time" : "after it was sent");

    terminal_write(terminal, text);
}

static void append_member(GString *json, const char *name, Slice value)
{
    g_autofree char *valid = g_utf8_make_valid(value.data, (gssize)value.length);

    g_string_append_printf(json, "%s\"%s\" : ", json->len > 1 ? ", " : " ", name);
    jsonlayout_append_string(json, slice_of(valid));
}

static void print_json(const Terminal *terminal, const RecordFields *fields)
{
    g_autoptr(GString) json = g_string_new("{");

    append_member(json, "client", fields->client);
    append_member(json, "location", fields->location);
    append_member(json, "member", fields->origin);
    append_member(json, "skew", fields->skew);
    append_member(json, "time", fields->time);
    g_string_append(json, " }\n");
    terminal_write_raw(terminal, (Slice){.data = json->str, .length = json->len});
}

int command_iamat(int argc, char **argv)
{
    gboolean json = FALSE, raw = FALSE;
    g_auto(AskOptions) asking = {0};
    const GOptionEntry options[] = {
        ASK_OPTIONS(&asking),
        {"json", 'j', 0, G_OPTION_ARG_NONE, &json, "Print the answer's fields as a JSON object",
         NULL},
        {"raw", 'r', 0, G_OPTION_ARG_NONE, &raw, "Print the answer as it came", NULL},
        {0},
    };
    const CommandUsage usage = {.parameters = "CLIENT LAT-LON [TIME]",
                                .least = 2,
                                .most = 3,
                                .summary = summary,
                                .description = description,
                                .options = options};
    g_auto(CommandLine) line = {0};
    g_auto(Answer) answer = {0};
    RecordFields fields;

    if (!commandline_parse(&line, &usage, argc, argv))
        return EXIT_USAGE;
    Timestamp now = timestamp_now();
    g_autofree char *now_text =
        g_strdup_printf("%" PRId64 ".%09" PRId32, now.seconds, now.nanoseconds);
    const Report report = {.client = line.arguments[0],
                           .location = line.arguments[1],
                           .time = line.count > 2 ? line.arguments[2] : now_text};
    if (!command_is_field(report.client) || !command_is_field(report.location) ||
        !command_is_field(report.time))
        return command_misused("CLIENT, LAT-LON and TIME are not empty and have no white space in "
                               "them");
    g_autofree char *text =
        g_strdup_printf("IAMAT %s %s %s\n", report.client, report.location, report.time);
    int status = ask(&line, &asking, WIRE_LINE, text, &answer);
    if (status != EXIT_GOOD)
        return status;
    Slice reply = answer_line(&answer);
    const char *name = answer.entry->member->name;
    if (raw)
        terminal_write_raw(&line.terminal,
                           (Slice){.data = answer.answer->str, .length = answer.answer->len});
    if (answer_is_refusal(&answer)) {
        g_autofree char *why = explain(&report, answer.entry);

        return command_complain(EXIT_BAD, "%s does not take it: %s", name, why);
    }
    if (!is_answer(reply, &report, &fields)) {
        g_autofree char *said = text_clean(reply);

        return command_complain(EXIT_BAD, "%s gives no answer to that: %.200s", name, said);
    }
    if (json)
        print_json(&line.terminal, &fields);
    else if (!raw)
        print_sentence(&line.terminal, &fields);
    return EXIT_GOOD;
}
