/* SPDX-License-Identifier: MIT */
#include "cmd/tool/survey-view.h"

#include "cmd/tool/phrase.h"
#include "cmd/tool/table.h"
#include "cmd/tool/text.h"

#include "places/json/jsonlayout.h"
#include "places/json/jsontree.h"

#include <math.h>

#define BAR_LEVELS 8

static const TableColumn member_columns[] = {
    {.title = "MEMBER"},
    {.title = "STATE"},
    {.title = "UP FOR", .right = true},
    {.title = "VERSION", .rank = 6},
    {.title = "CONNS", .right = true},
    {.title = "BUSY", .right = true, .rank = 1},
    {.title = "WAITING", .right = true, .rank = 4},
    {.title = "IAMAT/s", .right = true},
    {.title = "WHATSAT/s", .right = true, .rank = 2},
    {.title = "RECORDS", .right = true},
    {.title = "MEMORY", .right = true, .rank = 5},
    {.title = "PLACES", .flexible = true, .rank = 3},
    {.title = "IAMAT/s SO FAR"},
};

/* Where no member tells more. */
static const TableColumn few_columns[] = {
    {.title = "MEMBER"},
    {.title = "STATE"},
    {.title = "NOTE", .flexible = true},
};

static const TableColumn link_columns[] = {
    {.title = "FROM"},
    {.title = "TO"},
    {.title = "LINK"},
    {.title = "FOR", .right = true},
    {.title = "PENDING", .right = true},
    {.title = "LAG", .right = true},
    {.title = "WHY", .flexible = true},
};

/* "-" for what is not known. */
static void add_number(Table *table, double value, int decimals)
{
    if (isnan(value))
        table_add(table, STYLE_PLAIN, "-");
    else
        table_add(table, STYLE_PLAIN, "%.*f", decimals, value);
}

static void add_ratio(Table *table, double part, double whole)
{
    if (isnan(part) || isnan(whole))
        table_add(table, STYLE_PLAIN, "-");
    else
        table_add(table, STYLE_PLAIN, "%.0f/%.0f", part, whole);
}

static void add_places(Table *table, const MemberStatus *status)
{
    const char *state = status->provider_state != NULL ? status->provider_state : "-";
    bool is_ok = g_str_equal(state, "ok");
    const char *detail = status->provider_detail;

    table_add(table, is_ok ? STYLE_PLAIN : STYLE_WARNING, "%s %s%s%s",
              status->provider != NULL ? status->provider : "-", state,
              !is_ok && detail != NULL ? ": " : "", !is_ok && detail != NULL ? detail : "");
}

static void add_status(Table *table, const MemberStatus *status)
{
    g_autofree char *span = phrase_span(status->uptime_s);

    table_add(table, STYLE_PLAIN, "%s", span);
    table_add(table, STYLE_PLAIN, "%s", status->version != NULL ? status->version : "-");
    add_number(table, status->connections, 0);
    add_ratio(table, status->workers_active + status->workers_in_lookups, status->workers);
    add_number(table, status->lookups_waiting, 0);
    add_number(table, status->iamat_rate, 1);
    add_number(table, status->whatsat_rate, 1);
    add_number(table, status->records, 0);
    if (isnan(status->memory_bytes))
        table_add(table, STYLE_PLAIN, "-");
    else
        table_add(table, STYLE_PLAIN, "%.1f MB", status->memory_bytes / 1e6);
    add_places(table, status);
}

static void add_member(Table *table, const SurveyRow *row, const char *history)
{
    static const struct {
        const char *text;
        Style style;
    } states[] = {
        [MEMBER_DOWN] = {"down", STYLE_BAD},
        [MEMBER_NOT_READY] = {"not ready", STYLE_WARNING},
        [MEMBER_UP] = {"up", STYLE_GOOD},
    };

    table_begin_row(table);
    table_add(table, STYLE_PLAIN, "%s", row->entry->member->name);
    table_add(table, states[row->state].style, "%s", states[row->state].text);
    if (row->status == NULL) {
        table_add(table, STYLE_PLAIN, "%s", row->note != NULL ? row->note : "");
        return;
    }
    add_status(table, row->status);
    if (history != NULL)
        table_add(table, STYLE_PLAIN, "%s", history);
}

static bool any_tells(const Survey *survey)
{
    for (size_t i = 0; i < survey_length(survey); i++)
        if (survey_at(survey, i)->status != NULL)
            return true;
    return false;
}

void survey_append_members(const Survey *survey, const Terminal *terminal, char **history,
                           GString *out)
{
    bool whole = any_tells(survey);
    size_t count =
        whole ? G_N_ELEMENTS(member_columns) - (history == NULL) : G_N_ELEMENTS(few_columns);
    g_autoptr(Table) table = table_new(whole ? member_columns : few_columns, count);

    for (size_t i = 0; i < survey_length(survey); i++)
        add_member(table, survey_at(survey, i), history != NULL ? history[i] : NULL);
    table_append(table, terminal, out);
}

static bool is_up(const LinkView *link)
{
    return link->state != NULL && g_str_equal(link->state, "up");
}

static void add_link(Table *table, const char *name, const LinkView *link)
{
    double since = (double)g_get_real_time() / 1e6 - link->since;
    g_autofree char *span = phrase_span(MAX(since, 0));
    g_autofree char *lag = phrase_span(link->lag_ms / 1e3);

    table_begin_row(table);
    table_add(table, STYLE_PLAIN, "%s", name);
    table_add(table, STYLE_PLAIN, "%s", link->neighbour);
    table_add(table, is_up(link) ? STYLE_GOOD : STYLE_BAD, "%s",
              link->state != NULL ? link->state : "-");
    table_add(table, STYLE_PLAIN, "%s", isnan(link->since) ? "-" : span);
    add_number(table, link->pending, 0);
    table_add(table, STYLE_PLAIN, "%s", link->lag_ms > 0 ? lag : "-");
    if (link->reason != NULL)
        table_add(table, STYLE_PLAIN, "%s", link->reason);
    else if (is_up(link) && !link->joined)
        table_add(table, STYLE_WARNING, "%s has no link to %s", link->neighbour, name);
    else
        table_add(table, STYLE_PLAIN, "%s", "");
}

void survey_append_links(const Survey *survey, const Terminal *terminal, bool only_bad,
                         GString *out)
{
    g_autoptr(Table) table = table_new(link_columns, G_N_ELEMENTS(link_columns));

    for (size_t i = 0; i < survey_length(survey); i++) {
        const SurveyRow *row = survey_at(survey, i);

        for (unsigned k = 0; row->status != NULL && k < row->status->links->len; k++) {
            const LinkView *link = &g_array_index(row->status->links, LinkView, k);

            if (!only_bad || !is_up(link) || !link->joined)
                add_link(table, row->entry->member->name, link);
        }
    }
    if (table_length(table) == 0)
        return;
    g_string_append_c(out, '\n');
    table_append(table, terminal, out);
}

/* ---- JSON ---- */

static void append_text(GString *out, const char *text)
{
    if (text != NULL)
        jsonlayout_append_string(out, slice_of(text));
    else
        g_string_append(out, "null");
}

static void append_row(const SurveyRow *row, GString *out)
{
    static const char *const states[] = {
        [MEMBER_DOWN] = "down", [MEMBER_NOT_READY] = "not ready", [MEMBER_UP] = "up"};
    JsonTree *parsed = NULL;

    g_string_append(out, "{\"member\":");
    append_text(out, row->entry->member->name);
    g_string_append_printf(out, ",\"state\":\"%s\",\"note\":", states[row->state]);
    append_text(out, row->note);
    g_string_append(out, ",\"status\":");
    if (row->body != NULL && jsontree_parse(slice_of(row->body), &parsed) == JSONTREE_OK) {
        g_autoptr(JsonTree) tree = parsed;

        jsonlayout_append(out, jsontree_root(tree), 0);
    } else {
        g_string_append(out, "null");
    }
    g_string_append_c(out, '}');
}

/* Made compact and put into the project's one layout as a whole. */
void survey_append_json(const Survey *survey, GString *out)
{
    g_autoptr(GString) text = g_string_new("{\"members\":[");
    JsonTree *parsed = NULL;

    for (size_t i = 0; i < survey_length(survey); i++) {
        if (i > 0)
            g_string_append_c(text, ',');
        append_row(survey_at(survey, i), text);
    }
    g_string_append(text, "]}");
    JsonTreeOutcome outcome =
        jsontree_parse((Slice){.data = text->str, .length = text->len}, &parsed);
    if (outcome != JSONTREE_OK) { /* too large as a whole */
        g_string_append(out, text->str);
    } else {
        g_autoptr(JsonTree) tree = parsed;

        jsonlayout_append(out, jsontree_root(tree), 0);
    }
    g_string_append_c(out, '\n');
}

char *survey_history_bar(const double *rates, size_t count, double most)
{
    GString *bar = g_string_new(NULL);

    for (size_t i = 0; i < count; i++) {
        double part = most > 0 ? rates[i] / most : 0;

        if (isnan(rates[i]))
            g_string_append_c(bar, ' ');
        else
            g_string_append_unichar(
                bar, 0x2581 + (gunichar)CLAMP(ceil(part * BAR_LEVELS) - 1, 0, BAR_LEVELS - 1));
    }
    return g_string_free(bar, FALSE);
}
