/* SPDX-License-Identifier: MIT */
#include "cmd/tool/screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* The alternate screen without a cursor; and back. */
#define ENTER "\033[?1049h\033[?25l"
#define LEAVE "\033[?25h\033[?1049l"

#define HOME           "\033[H"
#define CLEAR_LINE     "\033[K"
#define CLEAR_DOWNWARD "\033[J"

struct Screen {
    int fd; /* (owned) of signals */
    bool is_terminal;
    sigset_t before; /* the signals that were blocked */
};

static void say(const Screen *screen, const char *text)
{
    if (screen->is_terminal)
        fputs(text, stdout);
    fflush(stdout);
}

Screen *screen_new(GError **error)
{
    Screen *screen = g_new0(Screen, 1);
    sigset_t signals;

    screen->is_terminal = isatty(STDOUT_FILENO);
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGQUIT);
    if (screen->is_terminal) {
        sigaddset(&signals, SIGWINCH);
        sigaddset(&signals, SIGTSTP);
    }
    sigprocmask(SIG_BLOCK, &signals, &screen->before);
    screen->fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (screen->fd < 0) {
        g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(errno),
                    "cannot wait for signals: %s", g_strerror(errno));
        g_free(screen);
        return NULL;
    }
    say(screen, ENTER);
    return screen;
}

void screen_free(Screen *screen)
{
    if (screen == NULL)
        return;
    say(screen, LEAVE);
    close(screen->fd);
    sigprocmask(SIG_SETMASK, &screen->before, NULL);
    g_free(screen);
}

int screen_descriptor(const Screen *screen)
{
    return screen->fd;
}

/* Ctrl-Z: the shell gets its screen back until it sends us to the foreground again. */
static void stand_still(const Screen *screen)
{
    say(screen, LEAVE);
    raise(SIGSTOP);
    say(screen, ENTER);
}

ScreenEvent screen_wait(Screen *screen, int64_t until_us)
{
    struct pollfd news = {.fd = screen->fd, .events = POLLIN};
    struct signalfd_siginfo signal;
    int64_t left_us;

    while ((left_us = until_us - g_get_monotonic_time()) > 0) {
        if (poll(&news, 1, (int)MIN(left_us / 1000 + 1, G_MAXINT)) <= 0 ||
            read(screen->fd, &signal, sizeof signal) != (ssize_t)sizeof signal)
            continue;
        if (signal.ssi_signo == SIGTSTP)
            stand_still(screen);
        if (signal.ssi_signo == SIGTSTP || signal.ssi_signo == SIGWINCH)
            return SCREEN_RESIZED;
        return SCREEN_END;
    }
    return SCREEN_TIME;
}

void screen_draw(const Screen *screen, const Terminal *terminal, const char *text)
{
    g_autoptr(GString) out = g_string_new(HOME);

    if (!screen->is_terminal) {
        terminal_write(terminal, text);
        fflush(stdout);
        return;
    }
    for (unsigned row = 0; *text != '\0' && row < terminal->rows; row++) {
        size_t length = strcspn(text, "\n");

        g_string_append(out, row > 0 ? "\r\n" : "");
        g_string_append_len(out, text, (gssize)length);
        g_string_append(out, CLEAR_LINE);
        text += length + (text[length] == '\n');
    }
    g_string_append(out, CLEAR_DOWNWARD);
    terminal_write(terminal, out->str);
    fflush(stdout);
}
