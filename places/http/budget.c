/* SPDX-License-Identifier: MIT */
#include "places/http/budget.h"

#include "core/thread.h"

#define MINUTE_MS 60000

struct Budget {
    unsigned per_minute; /* read-only after new */

    pthread_mutex_t lock;
    unsigned oldest; /* in calls; protected by lock */
    int64_t calls[]; /* when the last per_minute of them were made, a ring; protected by lock */
};

Budget *budget_new(unsigned per_minute)
{
    Budget *budget = g_malloc0(sizeof *budget + per_minute * sizeof budget->calls[0]);

    budget->per_minute = per_minute;
    pthread_mutex_init(&budget->lock, NULL);
    for (unsigned i = 0; i < per_minute; i++)
        budget->calls[i] = INT64_MIN / 2; /* long ago */
    return budget;
}

void budget_free(Budget *budget)
{
    if (budget == NULL)
        return;
    pthread_mutex_destroy(&budget->lock);
    g_free(budget);
}

bool budget_take(Budget *budget, int64_t now_ms)
{
    if (budget->per_minute == 0)
        return true;

    mutex_lock(&budget->lock);
    bool left = now_ms - budget->calls[budget->oldest] >= MINUTE_MS;
    if (left) {
        budget->calls[budget->oldest] = now_ms;
        budget->oldest = (budget->oldest + 1) % budget->per_minute;
    }
    mutex_unlock(&budget->lock);
    return left;
}
