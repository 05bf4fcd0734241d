/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A terminal taken over for a while, and given back as it was, whatever ends the program in an
 * orderly way. Signals are read from a descriptor: there are no handlers. One at a time in a
 * process, called from main.
 */

#include "cmd/tool/terminal.h"

#include <glib.h>
#include <stdbool.h>

typedef enum {
    SCREEN_TIME,    /* nothing else happened */
    SCREEN_RESIZED, /* or it is back after Ctrl-Z: draw again */
    SCREEN_END,     /* SIGINT, SIGTERM, SIGHUP or SIGQUIT */
} ScreenEvent;

typedef struct Screen Screen;

/* Takes over standard output if it is a terminal; otherwise only the signals. NULL with @error set.
 */
Screen *screen_new(GError **error);
void screen_free(Screen *screen);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Screen, screen_free)

/* The descriptor that is readable when a signal has come; screen_wait() reads it. */
int screen_descriptor(const Screen *screen);

/* Waits for a signal until @until_us of the monotonic clock. */
ScreenEvent screen_wait(Screen *screen, int64_t until_us);

/* Shows the lines of @text in place of what is there, as far as there are rows for them. */
void screen_draw(const Screen *screen, const Terminal *terminal, const char *text);
