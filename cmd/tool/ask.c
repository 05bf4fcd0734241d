/* SPDX-License-Identifier: MIT */
#include "cmd/tool/ask.h"

#include "cmd/tool/text.h"
#include "core/contents.h"

#include <string.h>

#define TOKEN_MAX 1024 /* bytes */
#define WELCOME   "AUTH ok\n"

void ask_clear(AskOptions *options)
{
    g_free(options->member);
    g_free(options->token_file);
}

void answer_clear(Answer *answer)
{
    if (answer->answer != NULL)
        g_string_free(answer->answer, TRUE);
    roster_free(answer->roster);
}

bool answer_is_refusal(const Answer *answer)
{
    return answer->answer->str[0] == '?';
}

Slice answer_line(const Answer *answer)
{
    const GString *text = answer->answer;
    const char *end = memchr(text->str, '\n', text->len);

    return (Slice){.data = text->str,
                   .length = end != NULL ? (size_t)(end - text->str) : text->len};
}

/* "AUTH token" LF of the file; NULL: it cannot be, which has been told. (transfer full) */
static char *read_introduction(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    size_t length;

    if (!contents_read(path, &text, &length, &error)) {
        command_complain(EXIT_USAGE, "--token-file: %s", error->message);
        return NULL;
    }
    g_strstrip(text);
    if (!command_is_field(text) || strlen(text) > TOKEN_MAX) {
        command_complain(EXIT_USAGE,
                         "--token-file: %s holds no token: 1 to %d bytes without white "
                         "space",
                         path, TOKEN_MAX);
        return NULL;
    }
    return g_strdup_printf("AUTH %s\n", text);
}

/* Whether the member at @entry answered; @call is cleared otherwise. */
static bool ask_one(const CommandLine *line, const RosterEntry *entry, WireCall *call)
{
    call->endpoint = entry->member->listen->pdata[0];
    call->name = entry->member->name;
    call->tls = entry->config != NULL ? &entry->config->tls : NULL;
    wire_call(call, 1, line->timeout_us, -1);
    if (call->done)
        return true;
    command_complain(EXIT_BAD, "%s (%s): %s", call->name, call->endpoint->text, call->why);
    wire_clear(call, 1);
    return false;
}

int ask(const CommandLine *line, const AskOptions *options, WireKind kind, const char *text,
        Answer *ret_answer)
{
    g_autofree char *introduction = NULL;
    WireCall call = {.kind = kind, .line = text, .welcome = WELCOME};
    Roster *roster = ret_answer->roster = commandline_load(line, true);
    bool answered = false;

    if (roster == NULL)
        return EXIT_USAGE;
    if (options->member != NULL && roster_find(roster, options->member) == NULL)
        return command_complain(EXIT_USAGE, "%s: it has no member \"%s\"", line->config,
                                options->member);
    if (options->token_file != NULL) {
        introduction = read_introduction(options->token_file);
        if (introduction == NULL)
            return EXIT_USAGE;
        call.introduction = introduction;
    }
    for (size_t i = 0; i < roster_length(roster) && !answered; i++) {
        ret_answer->entry = roster_at(roster, i);
        if (options->member == NULL ||
            g_str_equal(ret_answer->entry->member->name, options->member))
            answered = ask_one(line, ret_answer->entry, &call);
    }
    if (!answered)
        return options->member != NULL
                   ? EXIT_BAD
                   : command_complain(EXIT_BAD, "no member of %s answers", line->config);
    if (introduction != NULL && !call.introduced) {
        command_complain(EXIT_BAD, "%s does not take the token in %s",
                         ret_answer->entry->member->name, options->token_file);
        wire_clear(&call, 1);
        return EXIT_BAD;
    }
    ret_answer->answer = g_steal_pointer(&call.answer);
    wire_clear(&call, 1);
    return EXIT_GOOD;
}
