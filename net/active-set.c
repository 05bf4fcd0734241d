/* SPDX-License-Identifier: MIT */
#include "net/active-set.h"

#include "core/thread.h"

#include <sched.h>

struct ActiveSet {
    unsigned size; /* read-only after new */
    pthread_mutex_t lock;
    pthread_cond_t vacant; /* nobody watches and active < size, or closed; signalled under lock */
    unsigned active;       /* workers; protected by lock */
    unsigned parked;       /* workers in condition_wait(vacant); protected by lock */
    bool watched;          /* one of them watches; protected by lock */
    bool closed;           /* protected by lock */
};

ActiveSet *active_set_new(unsigned size)
{
    ActiveSet *set = g_new0(ActiveSet, 1);

    set->size = size;
    pthread_mutex_init(&set->lock, NULL);
    condition_init(&set->vacant);
    return set;
}

void active_set_free(ActiveSet *set)
{
    if (set == NULL)
        return;
    pthread_cond_destroy(&set->vacant);
    pthread_mutex_destroy(&set->lock);
    g_free(set);
}

static bool is_vacant(const ActiveSet *set)
{
    return !set->watched && set->active < set->size;
}

bool active_set_watch(ActiveSet *set, bool is_active)
{
    mutex_lock(&set->lock);
    if (is_active)
        set->active--;
    set->parked++;
    while (!is_vacant(set) && !set->closed)
        condition_wait(&set->vacant, &set->lock);
    set->parked--;
    bool watches = !set->closed;
    if (watches) {
        set->active++;
        set->watched = true;
    }
    mutex_unlock(&set->lock);
    return watches;
}

void active_set_unwatch(ActiveSet *set)
{
    mutex_lock(&set->lock);
    set->watched = false;
    if (is_vacant(set))
        condition_signal(&set->vacant);
    mutex_unlock(&set->lock);
}

bool active_set_try_join(ActiveSet *set)
{
    mutex_lock(&set->lock);
    bool joined = set->active < set->size && !set->closed;
    if (joined)
        set->active++;
    mutex_unlock(&set->lock);
    return joined;
}

void active_set_leave(ActiveSet *set)
{
    mutex_lock(&set->lock);
    set->active--;
    if (is_vacant(set))
        condition_signal(&set->vacant);
    mutex_unlock(&set->lock);
}

ActiveSetFigures active_set_figures(ActiveSet *set)
{
    mutex_lock(&set->lock);
    ActiveSetFigures figures = {.active = set->active, .parked = set->parked};
    mutex_unlock(&set->lock);
    return figures;
}

void active_set_close(ActiveSet *set)
{
    mutex_lock(&set->lock);
    set->closed = true;
    condition_broadcast(&set->vacant);
    mutex_unlock(&set->lock);
}

unsigned active_set_size_for_cpus(unsigned workers)
{
    cpu_set_t cpus;
    unsigned count = 1;

    if (sched_getaffinity(0, sizeof cpus, &cpus) == 0)
        count = (unsigned)CPU_COUNT(&cpus);
    return CLAMP(count, 1, workers);
}
