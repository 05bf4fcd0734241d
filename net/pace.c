/* SPDX-License-Identifier: MIT */
#include "net/pace.h"

#include <glib.h>

#define LINE      1000 /* thousandths */
#define SECOND_MS 1000

void pace_refill(Pace *pace, unsigned rate, int64_t now)
{
    uint64_t most = (uint64_t)rate * LINE;
    /* A second fills it, so that what is multiplied stays small. */
    int64_t elapsed = pace->counted == 0 ? SECOND_MS : CLAMP(now - pace->counted, 0, SECOND_MS);

    pace->left = MIN(most, pace->left + (uint64_t)elapsed * rate);
    pace->counted = now;
}

bool pace_has_line(const Pace *pace)
{
    return pace->left >= LINE;
}

void pace_take_line(Pace *pace)
{
    g_assert(pace->left >= LINE);
    pace->left -= LINE;
}

bool pace_wait(Pace *pace, int64_t now)
{
    if (pace->slowed == 0)
        pace->slowed = now;
    return now - pace->slowed < PACE_PATIENCE_MS;
}

void pace_rest(Pace *pace)
{
    pace->slowed = 0;
}
