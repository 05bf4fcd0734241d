/* SPDX-License-Identifier: MIT */
#include "cmd/tool/survey.h"

#include "cmd/tool/command.h"
#include "cmd/tool/wire.h"

static void clear_row(void *data)
{
    SurveyRow *row = data;

    memberstatus_free(row->status);
    g_free(row->body);
    g_free(row->unseen);
    g_free(row->note);
}

/* The Date of an answer is a second long and was said between begin and end of the call. */
static void read_clock(SurveyRow *row, const WireCall *call)
{
    double now = (double)g_get_real_time() / 1e6;
    double begin = now - (double)call->took_us / 1e6;
    double theirs = (double)call->their_now;

    row->clock_told = call->their_now >= 0;
    if (!row->clock_told)
        return;
    if (theirs > now)
        row->clock_off_s = theirs - now;
    else if (theirs + 1 < begin)
        row->clock_off_s = theirs + 1 - begin;
}

/* FALSE: the row has no status, and says why. */
static bool take_status(SurveyRow *row, const WireCall *call)
{
    const char *where = call->endpoint->text;
    g_autofree char *why = NULL;

    if (!call->done) {
        row->unseen = g_strdup_printf("http://%s: %s", where, call->why);
        return false;
    }
    Slice body = {.data = call->answer->str, .length = call->answer->len};
    row->status = memberstatus_parse(body, &why);
    if (row->status == NULL) {
        row->unseen = g_strdup_printf("http://%s: %s", where, why);
        return false;
    }
    if (!g_str_equal(row->status->name, call->name)) {
        row->unseen =
            g_strdup_printf("http://%s is %s, not %s", where, row->status->name, call->name);
        g_clear_pointer(&row->status, memberstatus_free);
        return false;
    }
    row->body = g_strndup(body.data, body.length);
    row->state = row->status->ready ? MEMBER_UP : MEMBER_NOT_READY;
    read_clock(row, call);
    return true;
}

static void take_probe(SurveyRow *row, const WireCall *call)
{
    if (!call->done) {
        row->note = g_strdup_printf("%s: %s", call->endpoint->text, call->why);
        return;
    }
    row->state = MEMBER_UP;
    if (row->unseen != NULL)
        row->note = g_strdup(row->unseen);
    else if (row->entry->config != NULL)
        row->note = g_strdup("turn on [http] listen to see more");
}

static WireCall status_call(const SurveyRow *row)
{
    return (WireCall){
        .kind = WIRE_STATUS, .endpoint = row->entry->http, .name = row->entry->member->name};
}

static WireCall probe_call(const SurveyRow *row)
{
    const Config *config = row->entry->config;

    /* Other implementations may keep a connection whose other end is said. */
    return (WireCall){
        .kind = config != NULL ? WIRE_PROBE : WIRE_CONNECT,
        .endpoint = row->entry->member->listen->pdata[0],
        .name = row->entry->member->name,
        .tls = config != NULL ? &config->tls : NULL,
    };
}

/* Those that tell nothing at their [http] listen may still serve: asks them as the others were, and
 * gives them as long again, for a busy host keeps also a member that is well from answering at
 * once. */
static void ask_again(Survey *survey, const size_t *again, size_t count, int64_t timeout_us,
                      int interrupt)
{
    g_autofree WireCall *calls = g_new0(WireCall, count);

    for (size_t i = 0; i < count; i++)
        calls[i] = probe_call(survey_at(survey, again[i]));
    survey->complete = wire_call(calls, count, timeout_us, interrupt);
    for (size_t i = 0; i < count; i++)
        take_probe(&g_array_index(survey->rows, SurveyRow, again[i]), &calls[i]);
    wire_clear(calls, count);
}

static void ask(Survey *survey, int64_t timeout_us, int interrupt)
{
    size_t count = survey_length(survey);
    g_autofree WireCall *calls = g_new0(WireCall, count);
    g_autofree size_t *again = g_new0(size_t, count);
    size_t again_count = 0;

    for (size_t i = 0; i < count; i++) {
        const SurveyRow *row = survey_at(survey, i);

        calls[i] = row->entry->http != NULL ? status_call(row) : probe_call(row);
    }
    survey->complete = wire_call(calls, count, timeout_us, interrupt);
    for (size_t i = 0; i < count; i++) {
        SurveyRow *row = &g_array_index(survey->rows, SurveyRow, i);

        if (calls[i].kind != WIRE_STATUS)
            take_probe(row, &calls[i]);
        else if (!take_status(row, &calls[i]))
            again[again_count++] = i;
    }
    wire_clear(calls, count);

    if (survey->complete && again_count > 0)
        ask_again(survey, again, again_count, timeout_us, interrupt);
}

Survey *survey_new(const Roster *roster, char **names, int64_t timeout_us, int interrupt)
{
    Survey *survey = g_new0(Survey, 1);

    survey->rows = g_array_new(FALSE, TRUE, sizeof(SurveyRow));
    g_array_set_clear_func(survey->rows, clear_row);
    for (size_t i = 0; i < roster_length(roster); i++) {
        SurveyRow row = {.entry = roster_at(roster, i)};

        if (names[0] == NULL ||
            g_strv_contains((const char *const *)names, row.entry->member->name))
            g_array_append_val(survey->rows, row);
    }
    ask(survey, timeout_us, interrupt);
    return survey;
}

void survey_free(Survey *survey)
{
    if (survey == NULL)
        return;
    g_array_unref(survey->rows);
    g_free(survey);
}

size_t survey_length(const Survey *survey)
{
    return survey->rows->len;
}

const SurveyRow *survey_at(const Survey *survey, size_t index)
{
    return &g_array_index(survey->rows, SurveyRow, index);
}

const SurveyRow *survey_find(const Survey *survey, const char *name)
{
    for (size_t i = 0; i < survey_length(survey); i++)
        if (g_str_equal(survey_at(survey, i)->entry->member->name, name))
            return survey_at(survey, i);
    return NULL;
}

bool survey_is_good(const Survey *survey)
{
    for (size_t i = 0; i < survey_length(survey); i++)
        if (survey_at(survey, i)->state != MEMBER_UP)
            return false;
    return true;
}

bool survey_check_names(const Roster *roster, char **names)
{
    for (size_t i = 0; names[i] != NULL; i++) {
        if (roster_find(roster, names[i]) == NULL) {
            command_complain(EXIT_USAGE, "the configuration has no member \"%s\"", names[i]);
            return false;
        }
    }
    return true;
}
