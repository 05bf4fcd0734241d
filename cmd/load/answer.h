/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Whether the JSON of a WHATSAT's reply is an answer (PROTOCOL R13): an object in which all that
 * opens closes, and whose own "status" is OK or ZERO_RESULTS.
 *
 * It goes over the bytes once and builds nothing: a parser would take longer for an answer than a
 * server takes to look it up. That the rest is JSON to the letter is for the tests of a server.
 */

#include "core/slice.h"

/* NULL: it is. Otherwise what is wrong. (transfer none) */
const char *answer_check(Slice json);
