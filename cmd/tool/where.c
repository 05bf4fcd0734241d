/* SPDX-License-Identifier: MIT */

/* herd where: what each member knows of a client. */

#include "cmd/tool/command.h"
#include "cmd/tool/commands.h"
#include "cmd/tool/phrase.h"
#include "cmd/tool/table.h"
#include "cmd/tool/text.h"
#include "cmd/tool/wire.h"

#include "core/message.h"

static const char summary[] =
    "Asks every member where CLIENT is, all at once, and shows one line if they agree. If not:\n"
    "a table of who knows what, the newest first, with how old each is and how far away, from the\n"
    "newest; who does not know CLIENT, and who does not answer.";

static const char description[] = "Examples:\n"
                                  "  herd where kiwi\n"
                                  "  herd where --timeout 0.5 kiwi\n"
                                  "\n"
                                  "Members that are other implementations are not asked.\n"
                                  "\n"
                                  "Exit status: 0 all members agree; 1 they do not, or CLIENT is "
                                  "not known, or a member does not\n"
                                  "answer; 2 wrong use, or the configuration is wrong.";

static const TableColumn columns[] = {
    {.title = "MEMBER"},
    {.title = "LOCATION"},
    {.title = "TIME"},
    {.title = "TOLD TO"},
    {.title = "BEHIND", .right = true},
    {.title = "AWAY", .right = true},
};

/* What one member says. */
typedef struct {
    const char *name;
    Record *record;     /* (owned) (nullable) */
    bool knows_nothing; /* it answered so */
    char *why;          /* (owned) (nullable) it gave no answer */
} Answered;

static void clear_answered(void *data)
{
    Answered *one = data;

    record_unref(one->record);
    g_free(one->why);
}

/* The newest first (PROTOCOL R21), then those who know nothing, then those who do not answer. */
static int compare_answers(const void *a, const void *b)
{
    const Answered *left = a, *right = b;

    if (left->record != NULL && right->record != NULL)
        return -record_compare(left->record, right->record);
    if (left->record != NULL || right->record != NULL)
        return left->record != NULL ? -1 : 1;
    return (int)right->knows_nothing - (int)left->knows_nothing;
}

static Answered read_answer(const WireCall *call, const char *client)
{
    Answered one = {.name = call->name};

    if (!call->done) {
        one.why = g_strdup_printf("%s: %s", call->endpoint->text, call->why);
        return one;
    }
    Slice line = {.data = call->answer->str,
                  .length =
                      (size_t)((const char *)memchr(call->answer->str, '\n', call->answer->len) -
                               call->answer->str)};
    Message message = message_parse(line);
    one.knows_nothing = line.length > 0 && line.data[0] == '?';
    if (message.kind == MESSAGE_AT && slice_equal(message.at.client, slice_of(client))) {
        one.record = record_new(&message.at);
    } else if (!one.knows_nothing) {
        g_autofree char *said = text_clean(line);

        one.why = g_strdup_printf("it gives no answer to that: %.200s", said);
    }
    return one;
}

/* A row for each native member. (transfer full) */
static GArray *ask_all(const Roster *roster, const CommandLine *line, const char *client)
{
    g_autofree char *text = g_strdup_printf("WHATSAT %s 0 0\n", client);
    g_autofree WireCall *calls = g_new0(WireCall, roster_length(roster));
    GArray *answers = g_array_new(FALSE, FALSE, sizeof(Answered));
    size_t count = 0;

    for (size_t i = 0; i < roster_length(roster); i++) {
        const RosterEntry *entry = roster_at(roster, i);

        if (entry->config != NULL)
            calls[count++] = (WireCall){.kind = WIRE_ANSWER,
                                        .endpoint = entry->member->listen->pdata[0],
                                        .name = entry->member->name,
                                        .tls = &entry->config->tls,
                                        .line = text};
    }
    wire_call(calls, count, line->timeout_us, -1);
    g_array_set_clear_func(answers, clear_answered);
    for (size_t i = 0; i < count; i++) {
        Answered one = read_answer(&calls[i], client);

        g_array_append_val(answers, one);
    }
    wire_clear(calls, count);
    g_array_sort(answers, compare_answers);
    return answers;
}

static Location location_of(const Record *record)
{
    Location location = {0};

    location_parse(record_location(record), &location);
    return location;
}

static void add_record(Table *table, const Record *record, const Record *newest)
{
    g_autofree char *location = text_clean(record_location(record));
    g_autofree char *origin = text_clean(record_origin(record));
    g_autofree char *time = phrase_time(record_time(record));

    table_add(table, STYLE_PLAIN, "%s", location);
    table_add(table, STYLE_PLAIN, "%s", time);
    table_add(table, STYLE_PLAIN, "%s", origin);
    if (record_compare(record, newest) == 0) {
        table_add(table, STYLE_GOOD, "newest");
        table_add(table, STYLE_PLAIN, "-");
        return;
    }
    g_autofree char *behind =
        phrase_timestamp_span(timestamp_subtract(record_time(newest), record_time(record)));
    table_add(table, STYLE_BAD, "%s", behind);
    table_add(table, STYLE_BAD, "%.0f m",
              distance_between(location_of(newest), location_of(record)));
}

static void print_table(const Terminal *terminal, const GArray *answers)
{
    g_autoptr(Table) table = table_new(columns, G_N_ELEMENTS(columns));
    g_autoptr(GString) out = g_string_new(NULL);
    const Record *newest = g_array_index(answers, Answered, 0).record;

    for (unsigned i = 0; i < answers->len; i++) {
        const Answered *one = &g_array_index(answers, Answered, i);

        table_begin_row(table);
        table_add(table, STYLE_PLAIN, "%s", one->name);
        if (one->record != NULL)
            add_record(table, one->record, newest);
        else if (one->knows_nothing)
            table_add(table, STYLE_BAD, "does not know it");
        else
            table_add(table, STYLE_BAD, "%s", one->why);
    }
    table_append(table, terminal, out);
    terminal_write(terminal, out->str);
}

static bool agree(const GArray *answers)
{
    const Record *first = g_array_index(answers, Answered, 0).record;

    for (unsigned i = 0; i < answers->len; i++) {
        const Record *record = g_array_index(answers, Answered, i).record;

        if (record == NULL || record_compare(first, record) != 0)
            return false;
    }
    return true;
}

static bool all_know_nothing(const GArray *answers)
{
    for (unsigned i = 0; i < answers->len; i++)
        if (!g_array_index(answers, Answered, i).knows_nothing)
            return false;
    return true;
}

static void print_agreement(const Terminal *terminal, const GArray *answers)
{
    const Record *record = g_array_index(answers, Answered, 0).record;
    g_autofree char *client = text_clean(record_client(record));
    g_autofree char *location = text_clean(record_location(record));
    g_autofree char *origin = text_clean(record_origin(record));
    g_autofree char *time = phrase_time(record_time(record));
    g_autofree char *who = answers->len == 1
                               ? g_strdup("the one member knows it")
                               : g_strdup_printf("all %u members agree", answers->len);
    g_autofree char *text = g_strdup_printf("%s was at %s on %s, as %s was told; %s\n", client,
                                            location, time, origin, who);

    terminal_write(terminal, text);
}

int command_where(int argc, char **argv)
{
    const CommandUsage usage = {.parameters = "CLIENT",
                                .least = 1,
                                .most = 1,
                                .summary = summary,
                                .description = description};
    g_auto(CommandLine) line = {0};

    if (!commandline_parse(&line, &usage, argc, argv))
        return EXIT_USAGE;
    const char *client = line.arguments[0];
    if (!command_is_field(client))
        return command_misused("CLIENT is not empty and has no white space in it");
    g_autoptr(Roster) roster = commandline_load(&line, true);
    if (roster == NULL)
        return EXIT_USAGE;
    g_autoptr(GArray) answers = ask_all(roster, &line, client);
    if (agree(answers)) {
        print_agreement(&line.terminal, answers);
        return EXIT_GOOD;
    }
    if (all_know_nothing(answers))
        return command_complain(EXIT_BAD, "no member knows where \"%s\" is", client);
    print_table(&line.terminal, answers);
    return EXIT_BAD;
}
