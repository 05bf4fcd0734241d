/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * One thread's share of the load: its connections, its clients, and what it measures. Generators
 * share nothing. Each of these functions blocks; one thread at a time calls them, in this order.
 *
 * Closed loop: as soon as a reply has come the next request goes out. Open loop: requests go out
 * when they are due, whatever the replies do, and their latency counts from when they were due, so
 * a server that stalls cannot hide it. Those that are due while no connection can take more wait
 * their turn; none is dropped or put off.
 */

#include "cmd/load/outcome.h"
#include "cmd/load/settings.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define OPEN_DEPTH_MAX 1024 /* requests under way on a connection in the open loop */
#define FILL_DEPTH     128

typedef struct Generator Generator;

/* Generator @number of those that @settings has. @settings must outlive it. */
Generator *generator_new(const Settings *settings, unsigned number);
void generator_free(Generator *generator);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Generator, generator_free)

/* Opens the connections, evenly over the ramp from @begin on (now_ns()). FALSE with @error set. */
bool generator_connect(Generator *generator, int64_t begin, GError **error);

/* Reports every client once. */
void generator_fill(Generator *generator);

/* Warm-up and measured time from @begin on, until all that was sent is answered or given up. */
void generator_run(Generator *generator, int64_t begin);

/* What was measured so far. (transfer none) */
Outcome *generator_outcome(Generator *generator);
