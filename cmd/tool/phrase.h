/* SPDX-License-Identifier: MIT */
#pragma once

/* Spans, times and directions as people say them. */

#include "core/query.h"
#include "core/timestamp.h"

#include <stdint.h>

/* The same, as "0.3 ms", "12.4 s", "5 min 3 s", "3 d 4 h", "5.5 years"; the sign is left aside.
 * "-" for what is not a number. (transfer full) */
char *phrase_span(double seconds);
char *phrase_timestamp_span(Timestamp span);

/* "2021-05-19 22:53:47.959 UTC". (transfer full) */
char *phrase_time(Timestamp time);

/* In metres, along the surface of the sphere. */
double distance_between(Location from, Location to);

/* The direction in which one leaves @from for @to, of eight: N, NE, E ... "-" where they are one
 * place. (transfer none) */
const char *direction_between(Location from, Location to);
