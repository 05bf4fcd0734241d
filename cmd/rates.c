/* SPDX-License-Identifier: MIT */
#include "cmd/rates.h"

#include "core/thread.h"

#include <glib.h>

typedef struct {
    int64_t at_ns;
    uint64_t counts[RATES];
} Sample;

struct Rates {
    pthread_mutex_t lock;
    Sample samples[RATES_SPAN_S]; /* a ring; protected by lock */
    unsigned next;                /* where the next goes; protected by lock */
    unsigned count;               /* protected by lock */
};

static const Counter counters[RATES] = {
    [RATE_IAMAT] = COUNT_IAMAT,
    [RATE_WHATSAT] = COUNT_WHATSAT,
    [RATE_INVALID] = COUNT_INVALID,
    [RATE_UPDATES_TAKEN] = COUNT_UPDATES_TAKEN,
    [RATE_UPDATES_SENT] = COUNT_UPDATES_SENT,
};

static Sample take_sample(int64_t now_ns)
{
    Sample sample = {.at_ns = now_ns};

    for (unsigned i = 0; i < RATES; i++)
        sample.counts[i] = counters_read(counters[i]);
    return sample;
}

Rates *rates_new(int64_t now_ns)
{
    Rates *rates = g_new0(Rates, 1);

    pthread_mutex_init(&rates->lock, NULL);
    rates_sample(rates, now_ns);
    return rates;
}

void rates_free(Rates *rates)
{
    if (rates == NULL)
        return;
    pthread_mutex_destroy(&rates->lock);
    g_free(rates);
}

void rates_sample(Rates *rates, int64_t now_ns)
{
    Sample sample = take_sample(now_ns);

    mutex_lock(&rates->lock);
    rates->samples[rates->next] = sample;
    rates->next = (rates->next + 1) % RATES_SPAN_S;
    rates->count = MIN(rates->count + 1, RATES_SPAN_S);
    mutex_unlock(&rates->lock);
}

void rates_read(Rates *rates, int64_t now_ns, double ret_per_s[static RATES])
{
    Sample now = take_sample(now_ns);

    mutex_lock(&rates->lock);
    Sample oldest = rates->samples[rates->count < RATES_SPAN_S ? 0 : rates->next];
    mutex_unlock(&rates->lock);

    double seconds = (double)MAX(now.at_ns - oldest.at_ns, 1) / 1e9;
    for (unsigned i = 0; i < RATES; i++)
        ret_per_s[i] = (double)(now.counts[i] - oldest.counts[i]) / seconds;
}

const char *rates_name(Rate rate)
{
    return counters_name(counters[rate]);
}
