/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * How fast a client may speak (max_lines_per_s): as many lines at once as in a second, then as they
 * come to it. One that wants to say more waits, and after PACE_PATIENCE_MS of that has to go.
 *
 * Pure functions of their arguments. Times are monotonic_ms().
 */

#include <stdbool.h>
#include <stdint.h>

#define PACE_PATIENCE_MS 10000

/* Of one connection; zero at its beginning. */
typedef struct {
    int64_t counted; /* up to when time has been turned into lines; 0: not yet */
    int64_t slowed;  /* since when it wants to say more than it may; 0: it does not */
    uint64_t left;   /* thousandths of a line that it may still say */
} Pace;

/* Turns the time since the last call into lines, @rate a second. */
void pace_refill(Pace *pace, unsigned rate, int64_t now);

/* Whether there is a line left to say. */
bool pace_has_line(const Pace *pace);

/* It says one, which there is. */
void pace_take_line(Pace *pace);

/* It wants to say more than is left. FALSE: it has wanted that for too long. */
bool pace_wait(Pace *pace, int64_t now);

/* It has said all that it wanted to. */
void pace_rest(Pace *pace);
