/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Finding the nearest places with a server that can only say what is within a radius, and of that
 * only so many, in an order of its own.
 *
 * Two facts carry it. An answer that is not cut tells all there is within its radius. And a cut one
 * still tells of places that exist: the @bound nearest of those known are no nearer than the truth,
 * so the truth lies within the distance of the last of them, and a complete answer for that radius
 * settles it. As a cut answer has many more places than are wanted, that radius is much smaller.
 *
 * So: a small radius first, since what is near costs the server little, and one answer does in a
 * town. While it has too few places the radius grows, by what was seen, and so fast that the limit
 * is reached with one call left. When an answer is cut the radius becomes the distance of the last
 * of the nearest known. Plain values, no I/O; belongs to one thread at a time.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RADIUSSEARCH_CALLS_MAX 5

/* Read .radius; the rest is private. Radii are in millimetres. */
typedef struct {
    int64_t radius; /* to be asked for next */
    int64_t limit;
    size_t bound;
    int64_t complete; /* all within is known */
    int64_t cut;      /* the least radius whose answer was cut; above limit: none was */
    unsigned calls;
} RadiusSearch;

/* What is known after an answer. */
typedef struct {
    bool cut;         /* the answer may not have all that is within the radius */
    size_t known;     /* places known by now within the limit, at most bound: the nearest of them */
    int64_t farthest; /* of these: millimetres, rounded up; whatever where there is none */
} RadiusSearchSeen;

/* For the nearest @bound places, above 0, within @limit, above 0. */
RadiusSearch radiussearch_begin(int64_t limit, size_t bound);

/* Takes in the answer for search->radius. Whether there is more to be asked: FALSE when the places
 * known are the nearest, or no call is left. */
bool radiussearch_go_on(RadiusSearch *search, const RadiusSearchSeen *seen);

/* Whether the nearest places known are the nearest there are. */
bool radiussearch_is_settled(const RadiusSearch *search, const RadiusSearchSeen *seen);
