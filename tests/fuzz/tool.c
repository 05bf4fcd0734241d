/* SPDX-License-Identifier: MIT */

/*
 * What members say to the program herd, and what it then shows: whatever that is, a terminal is
 * told nothing that it would obey, no line of a table is wider than it, a locale that is ASCII gets
 * ASCII, and what --raw and --json put into a file is what was said, or JSON.
 *
 * An input is a letter for the command, one for the terminal, and what the members say, one after
 * the other, a line of dashes between two. They are asked by wire_call() of this file's own.
 */

#include "fuzz.h"

#include "cmd/tool/command.h"
#include "cmd/tool/commands.h"
#include "cmd/tool/text.h"
#include "cmd/tool/wire.h"

#include "places/json/jsontree.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WORDS_MAX   5
#define COLUMNS_LOW 60 /* a table of members needs as many for what it never leaves out */

static const char config[] = "[member Ada]\nlisten = 127.0.0.1:1\nneighbours = Bob;Cy\n"
                             "[member Bob]\nlisten = 127.0.0.1:2\n"
                             "[member Cy]\nlisten = 127.0.0.1:3\n"
                             "[http Ada]\nlisten = 127.0.0.1:4\n"
                             "[http Bob]\nlisten = 127.0.0.1:5\n";
static const char divider[] = "\n--\n";

static const struct {
    char letter;
    int (*run)(int argc, char **argv);
    const char *words[WORDS_MAX]; /* NULL after the last */
} commands[] = {
    {'i', command_iamat, {"iamat", "kiwi", "+1+2", "3", NULL}},
    {'j', command_iamat, {"iamat", "kiwi", "+1+2", "3", "--json"}},
    {'k', command_iamat, {"iamat", "kiwi", "+1+2", "3", "--raw"}},
    {'w', command_whatsat, {"whatsat", "kiwi", "10", NULL}},
    {'x', command_whatsat, {"whatsat", "kiwi", "10", "--json", NULL}},
    {'y', command_whatsat, {"whatsat", "kiwi", "10", "--raw", NULL}},
    {'a', command_where, {"where", "kiwi", NULL}},
    {'s', command_status, {"status", NULL}},
    {'t', command_status, {"status", "--json", NULL}},
    {'c', command_check, {"check", NULL}},
};

static const struct {
    char letter;
    Terminal terminal;
} terminals[] = {
    {'p', {.has_utf8 = true}},
    {'n', {.is_terminal = true, .has_utf8 = true, .columns = 20, .rows = 5}},
    {'m', {.is_terminal = true, .has_utf8 = true, .has_colours = true, .columns = 80, .rows = 24}},
    {'w', {.is_terminal = true, .has_utf8 = true, .has_colours = true, .columns = 200, .rows = 9}},
    {'a', {.is_terminal = true, .columns = 60, .rows = 24}},
};

static char *config_path;
static Terminal terminal;
static Slice rest;     /* what the members have not said yet */
static Slice answered; /* the last whole answer of one */

Terminal __wrap_terminal_of(FILE *stream);
bool __wrap_wire_call(WireCall *calls, size_t count, int64_t timeout_us, int interrupt);

Terminal __wrap_terminal_of(FILE *stream)
{
    Terminal same = terminal;

    same.stream = stream;
    return same;
}

static Slice next_answer(void)
{
    const char *end =
        rest.length > 0 ? memmem(rest.data, rest.length, divider, strlen(divider)) : NULL;
    Slice answer = {.data = rest.data,
                    .length = end != NULL ? (size_t)(end + 1 - rest.data) : rest.length};
    size_t taken = end != NULL ? answer.length + strlen(divider) - 1 : answer.length;

    rest = (Slice){.data = rest.data + taken, .length = rest.length - taken};
    return answer;
}

/* How much of @answer is one of that kind; 0: nothing is. */
static size_t whole_length(WireKind kind, Slice answer)
{
    bool many = kind == WIRE_ANSWER && answer.length > 0 && answer.data[0] != '?';
    const char *end =
        answer.length > 0 ? memmem(answer.data, answer.length, "\n\n", many ? 2 : 1) : NULL;

    return end != NULL ? (size_t)(end - answer.data) + (many ? 2 : 1) : 0;
}

/* As the header of the real one says. */
bool __wrap_wire_call(WireCall *calls, size_t count, int64_t timeout_us, int interrupt)
{
    (void)timeout_us;
    (void)interrupt;
    for (size_t i = 0; i < count; i++) {
        Slice answer = next_answer();
        size_t length =
            calls[i].kind == WIRE_STATUS ? answer.length : whole_length(calls[i].kind, answer);

        calls[i].took_us = 1234;
        calls[i].their_now = calls[i].kind == WIRE_STATUS ? 1234567890 : -1;
        if (length > 0)
            answered = (Slice){.data = answer.data, .length = length};
        calls[i].answer = g_string_new_len(answer.data, (gssize)length);
        calls[i].done = calls[i].kind == WIRE_PROBE || calls[i].kind == WIRE_CONNECT || length > 0;
        calls[i].why = calls[i].done ? NULL : g_strdup("no answer within 3.00 s");
    }
    return true;
}

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    int file = memfd_create("herd.conf", 0);

    (void)count;
    (void)arguments;
    g_assert_cmpint(file, >=, 0);
    g_assert_cmpint(write(file, config, strlen(config)), ==, (ssize_t)strlen(config));
    config_path = g_strdup_printf("/proc/self/fd/%d", file);
    return 0;
}

/* Runs the command with that number; returns its exit status. */
static int run(size_t number)
{
    g_auto(GStrv) owned = g_new0(char *, WORDS_MAX + 3);
    char *words[WORDS_MAX + 3]; /* which the command may move */
    int count = 0;

    while (count < WORDS_MAX && commands[number].words[count] != NULL) {
        owned[count] = g_strdup(commands[number].words[count]);
        count++;
    }
    owned[count++] = g_strdup("--config");
    owned[count++] = g_strdup(config_path);
    memcpy(words, owned, sizeof words);
    return commands[number].run(count, words);
}

/* What a terminal is told: text, line ends, and the colours that herd itself has. */
static void assert_obeys_nothing(Slice text)
{
    g_assert_true(g_utf8_validate_len(text.data, text.length, NULL));
    for (const char *at = text.data, *end = text.data + text.length; at < end;) {
        gunichar c = text_take(&at);

        g_assert_true(terminal.has_utf8 || c < 0x80);
        if (terminal.has_colours && c == 0x1b) {
            at += strspn(at, "[0123456789");
            g_assert_cmpint(*at++, ==, 'm');
            continue;
        }
        g_assert_true(c == '\n' || g_unichar_type(c) != G_UNICODE_CONTROL);
        g_assert_false((c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069));
    }
}

/* No line is wider than the terminal. */
static void assert_fits(Slice text)
{
    g_autofree char *all = g_strndup(text.data, text.length);
    g_autoptr(GRegex) colours = g_regex_new("\033\\[[0-9]*m", 0, 0, NULL);
    g_autofree char *plain = g_regex_replace_literal(colours, all, -1, 0, "", 0, NULL);
    g_auto(GStrv) lines = g_strsplit(plain, "\n", -1);

    for (char **line = lines; *line != NULL; line++)
        g_assert_cmpuint(text_width(*line), <=, terminal.columns);
}

static void check(size_t number, int status, Slice out)
{
    char letter = commands[number].letter;
    g_autoptr(JsonTree) tree = NULL;

    g_assert_cmpint(status, >=, EXIT_GOOD);
    g_assert_cmpint(status, <=, EXIT_USAGE);
    if (terminal.is_terminal) {
        assert_obeys_nothing(out);
        if ((letter == 's' || (letter == 'a' && status == EXIT_BAD)) &&
            terminal.columns >= COLUMNS_LOW)
            assert_fits(out);
    } else if (letter == 'k' || letter == 'y') {
        g_assert_true(slice_equal(out, answered));
    } else if (letter == 't' || (strchr("jx", letter) != NULL && status == EXIT_GOOD)) {
        g_assert_cmpint(jsontree_parse(out, &tree), ==, JSONTREE_OK);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Slice input = slice_of_input(data, size);
    FILE *const real_out = stdout, *const real_err = stderr;
    g_autofree char *out = NULL;
    g_autofree char *err = NULL;
    size_t number = 0, kind = 0, out_length, err_length;

    if (size < 2)
        return 0;
    while (number < G_N_ELEMENTS(commands) && commands[number].letter != input.data[0])
        number++;
    while (kind < G_N_ELEMENTS(terminals) && terminals[kind].letter != input.data[1])
        kind++;
    if (number == G_N_ELEMENTS(commands) || kind == G_N_ELEMENTS(terminals))
        return 0;
    terminal = terminals[kind].terminal;
    rest = (Slice){.data = input.data + 2, .length = input.length - 2};
    answered = (Slice){.data = rest.data, .length = 0};

    stdout = open_memstream(&out, &out_length);
    stderr = open_memstream(&err, &err_length);
    int status = run(number);
    fclose(stdout);
    fclose(stderr);
    stdout = real_out;
    stderr = real_err;
    check(number, status, (Slice){.data = out, .length = out_length});
    if (terminal.is_terminal)
        assert_obeys_nothing((Slice){.data = err, .length = err_length});
    return 0;
}
