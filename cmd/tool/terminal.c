/* SPDX-License-Identifier: MIT */
#include "cmd/tool/terminal.h"

#include "cmd/tool/text.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define USUAL_COLUMNS 80
#define USUAL_ROWS    24

static bool wants_colours(void)
{
    const char *forbidden = getenv("NO_COLOR");
    const char *kind = getenv("TERM");

    return (forbidden == NULL || *forbidden == '\0') && kind != NULL && !g_str_equal(kind, "dumb");
}

Terminal terminal_of(FILE *stream)
{
    Terminal terminal = {.stream = stream, .is_terminal = isatty(fileno(stream)), .has_utf8 = true};
    struct winsize size = {0};

    if (!terminal.is_terminal)
        return terminal;
    bool known = ioctl(fileno(stream), TIOCGWINSZ, &size) == 0;
    terminal.columns = known && size.ws_col > 0 ? size.ws_col : USUAL_COLUMNS;
    terminal.rows = known && size.ws_row > 0 ? size.ws_row : USUAL_ROWS;
    terminal.has_colours = wants_colours();
    terminal.has_utf8 = g_get_charset(NULL);
    return terminal;
}

const char *terminal_begin(const Terminal *terminal, Style style)
{
    static const char *const begin[] = {
        [STYLE_PLAIN] = "",           [STYLE_TITLE] = "\033[1m", [STYLE_GOOD] = "\033[32m",
        [STYLE_WARNING] = "\033[33m", [STYLE_BAD] = "\033[31m",
    };

    return terminal->has_colours ? begin[style] : "";
}

const char *terminal_end(const Terminal *terminal, Style style)
{
    return terminal->has_colours && style != STYLE_PLAIN ? "\033[0m" : "";
}

/* In ASCII, with as many columns. */
static char *to_ascii(const char *text)
{
    static const char bars[] = "._-~=+*#"; /* in place of the eight block elements */
    GString *out = g_string_new(NULL);

    while (*text != '\0') {
        gunichar c = text_take(&text);
        char shown[5] = {0};

        if (c >= 0x2581 && c <= 0x2588) {
            g_string_append_c(out, bars[c - 0x2581]);
        } else if (c == 0x2026) {
            g_string_append_c(out, '~');
        } else if (c == 0xb5) {
            g_string_append_c(out, 'u');
        } else if (c < 0x80) {
            g_string_append_c(out, (char)c);
        } else {
            g_unichar_to_utf8(c, shown);
            for (size_t i = text_width(shown); i > 0; i--)
                g_string_append_c(out, '?');
        }
    }
    return g_string_free(out, FALSE);
}

void terminal_write(const Terminal *terminal, const char *text)
{
    g_autofree char *ascii = terminal->has_utf8 ? NULL : to_ascii(text);

    fputs(ascii != NULL ? ascii : text, terminal->stream);
}

void terminal_write_raw(const Terminal *terminal, Slice bytes)
{
    if (!terminal->is_terminal) {
        fwrite(bytes.data, 1, bytes.length, terminal->stream);
        return;
    }
    while (bytes.length > 0) {
        const char *end = memchr(bytes.data, '\n', bytes.length);
        Slice line = {.data = bytes.data,
                      .length = end != NULL ? (size_t)(end - bytes.data) : bytes.length};
        g_autofree char *clean = text_clean(line);
        size_t taken = line.length + (end != NULL);

        terminal_write(terminal, clean);
        if (end != NULL)
            terminal_write(terminal, "\n");
        bytes = (Slice){.data = bytes.data + taken, .length = bytes.length - taken};
    }
}
