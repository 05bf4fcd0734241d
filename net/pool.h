/* SPDX-License-Identifier: MIT */
#pragma once

/* The fixed pool: N named threads (worker/0 ...) that run worker_main(). */

#include "net/worker.h"

#include <glib.h>

typedef struct Pool Pool;

/* Starts @workers threads. NULL with @error set: none of them is left. @context outlives the pool.
 * Called from main. */
Pool *pool_new(WorkerContext *context, unsigned workers, GError **error);

/* Closes the ready set and the active set, lets every worker finish its turn, and joins them. */
void pool_free(Pool *pool);
