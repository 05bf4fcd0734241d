/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Which workers may be runnable. The pool is large because workers block in lookups; if all of them
 * waited on the ready set, each request would wake another cold thread. So about one worker a CPU
 * is active and the rest are parked; and of the active ones at most one watches the ready set. It
 * goes on watching as long as it keeps up: what comes while it is busy is its next batch, which is
 * cheaper than to wake another thread for each request. When it does not keep up, or is about to
 * take long, it lets another one watch.
 *
 * Lock order: its mutex is a leaf.
 */

#include <stdbool.h>

typedef struct ActiveSet ActiveSet;

/* Room for @size workers at once. */
ActiveSet *active_set_new(unsigned size);
void active_set_free(ActiveSet *set); /* no worker uses it any more */

/* Parks the calling worker until nobody watches and there is room, then it is active and watches.
 * @is_active: it is active already, and has let another watch. FALSE: the set is closed; the worker
 * is to end, and is not active. */
bool active_set_watch(ActiveSet *set, bool is_active);

/* The calling worker, which watches, lets another do so, and stays active. */
void active_set_unwatch(ActiveSet *set);

/* Makes the calling worker active again, without parking and without watching. FALSE: no room. */
bool active_set_try_join(ActiveSet *set);

/* The calling worker, which is active and does not watch, gives up its place. */
void active_set_leave(ActiveSet *set);

typedef struct {
    unsigned active;
    unsigned parked; /* in active_set_watch() */
} ActiveSetFigures;

/* How many workers there are in it. Any thread. */
ActiveSetFigures active_set_figures(ActiveSet *set);

/* Lets every parked worker go, now and from now on. Any thread. */
void active_set_close(ActiveSet *set);

/* About one a CPU that this process may run on, and no more than @workers. */
unsigned active_set_size_for_cpus(unsigned workers);
