/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Which workers may be runnable. The pool is large because workers block in lookups; if all of them
 * waited on the ready set, each request would wake another cold thread. So about one worker a CPU
 * is active and the rest are parked.
 *
 * Lock order: its mutex is a leaf.
 */

#include <stdbool.h>

typedef struct ActiveSet ActiveSet;

/* Room for @size workers at once. */
ActiveSet *active_set_new(unsigned size);
void active_set_free(ActiveSet *set); /* no worker uses it any more */

/* Parks the calling worker until there is room, and takes it. FALSE: the set is closed; the worker
 * is to end. */
bool active_set_join(ActiveSet *set);

/* The same without parking. FALSE: no room. */
bool active_set_try_join(ActiveSet *set);

/* Gives up the calling worker's place, which a parked one takes. */
void active_set_leave(ActiveSet *set);

/* Lets every parked worker go, now and from now on. Any thread. */
void active_set_close(ActiveSet *set);

/* About one a CPU that this process may run on, and no more than @workers. */
unsigned active_set_size_for_cpus(unsigned workers);
