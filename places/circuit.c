/* SPDX-License-Identifier: MIT */
#include "places/circuit.h"

#include "core/counters.h"
#include "core/thread.h"

typedef enum { CLOSED, OPEN, TRIAL } State;

struct Circuit {
    unsigned threshold; /* read-only after new */
    Log *log;           /* (nullable) read-only after circuit_set_log() */

    pthread_mutex_t lock;
    State state;        /* protected by lock, as all below */
    unsigned change;    /* how often the state has changed */
    unsigned failures;  /* in a row, while closed */
    int64_t until;      /* while open: when the next trial may begin */
    unsigned pause_s;   /* how long it is open the next time */
    PlacesStatus last;  /* the last failure */
    char *last_message; /* (owned) */
};

Circuit *circuit_new(unsigned failures)
{
    Circuit *circuit = g_new0(Circuit, 1);

    circuit->threshold = failures;
    circuit->pause_s = CIRCUIT_PAUSE_MIN_S;
    pthread_mutex_init(&circuit->lock, NULL);
    return circuit;
}

void circuit_free(Circuit *circuit)
{
    if (circuit == NULL)
        return;
    pthread_mutex_destroy(&circuit->lock);
    g_free(circuit->last_message);
    g_free(circuit);
}

void circuit_set_log(Circuit *circuit, Log *log)
{
    circuit->log = log;
}

/* ---- with circuit->lock held ---- */

static void set_state_unlocked(Circuit *circuit, State state)
{
    circuit->state = state;
    circuit->change++;
    circuit->failures = 0;
}

/* Opens it for @pause_s seconds, or keeps it open at least so long. */
static void open_unlocked(Circuit *circuit, int64_t now_ms, unsigned pause_s)
{
    int64_t until = now_ms + (int64_t)pause_s * 1000;

    if (circuit->state == OPEN) {
        circuit->until = MAX(circuit->until, until);
        return;
    }
    if (circuit->state == CLOSED)
        counters_add(COUNT_CIRCUIT_OPENED, 1);
    set_state_unlocked(circuit, OPEN);
    circuit->until = until;
    if (circuit->log != NULL)
        log_event(circuit->log, LOG_WARNING,
                  "places circuit open: the provider is asked again in %u s; its last failure: %s",
                  pause_s, circuit->last_message);
}

static void close_unlocked(Circuit *circuit)
{
    set_state_unlocked(circuit, CLOSED);
    circuit->pause_s = CIRCUIT_PAUSE_MIN_S;
    if (circuit->log != NULL)
        log_event(circuit->log, LOG_INFO, "places circuit closed: the provider is asked as ever");
}

static void open_longer_unlocked(Circuit *circuit, int64_t now_ms, unsigned retry_after_s)
{
    open_unlocked(circuit, now_ms, MAX(circuit->pause_s, retry_after_s));
    circuit->pause_s = MIN(circuit->pause_s * 2, CIRCUIT_PAUSE_MAX_S);
}

static bool refuses_unlocked(const Circuit *circuit, int64_t now_ms, PlacesStatus *ret_status,
                             ProviderFailure *failure)
{
    if (circuit->state == CLOSED || (circuit->state == OPEN && now_ms >= circuit->until))
        return false;

    *ret_status = circuit->last;
    failure->not_asked = true;
    if (circuit->state == OPEN)
        provider_fail(failure, circuit->last, "%s (It is asked again in %u s.)",
                      circuit->last_message, (unsigned)((circuit->until - now_ms + 999) / 1000));
    else
        provider_fail(failure, circuit->last, "%s (It is being asked again.)",
                      circuit->last_message);
    return true;
}

/* ---- */

bool circuit_enter(Circuit *circuit, int64_t now_ms, CircuitPass *ret_pass,
                   PlacesStatus *ret_status, ProviderFailure *failure)
{
    mutex_lock(&circuit->lock);
    bool refused = refuses_unlocked(circuit, now_ms, ret_status, failure);
    if (!refused && circuit->state == OPEN)
        set_state_unlocked(circuit, TRIAL);
    ret_pass->change = circuit->change;
    mutex_unlock(&circuit->lock);
    return !refused;
}

bool circuit_refuses(Circuit *circuit, int64_t now_ms, PlacesStatus *ret_status,
                     ProviderFailure *failure)
{
    mutex_lock(&circuit->lock);
    bool refused = refuses_unlocked(circuit, now_ms, ret_status, failure);
    mutex_unlock(&circuit->lock);
    return refused;
}

/* An answer that tells of the query, not of the provider. */
static bool is_well(PlacesStatus status)
{
    return status == PLACES_OK || status == PLACES_ZERO_RESULTS || status == PLACES_INVALID_REQUEST;
}

/* The lookup that ended counts: the circuit is as it was when that began. With circuit->lock held.
 */
static void judge_unlocked(Circuit *circuit, int64_t now_ms, PlacesStatus status, bool asked,
                           unsigned retry_after_s)
{
    if (is_well(status)) {
        circuit->failures = 0;
        if (circuit->state == TRIAL)
            close_unlocked(circuit);
    } else if (!asked) {
        /* Nothing is known. The next one tries. */
        if (circuit->state == TRIAL)
            set_state_unlocked(circuit, OPEN);
    } else if (circuit->threshold == 0) {
        /* It has had the peace that it asked for; unless it asks for more. */
        if (circuit->state == TRIAL && retry_after_s == 0)
            close_unlocked(circuit);
    } else if (circuit->state == TRIAL || ++circuit->failures == circuit->threshold) {
        open_longer_unlocked(circuit, now_ms, retry_after_s);
    }
}

void circuit_leave(Circuit *circuit, int64_t now_ms, CircuitPass pass, PlacesStatus status,
                   const ProviderFailure *failure)
{
    unsigned retry_after_s = MIN(failure->retry_after_s, CIRCUIT_RETRY_AFTER_MAX_S);
    bool failed = !is_well(status) && !failure->not_asked;

    mutex_lock(&circuit->lock);
    if (failed || retry_after_s > 0) {
        circuit->last = failed ? status : PLACES_OVER_QUERY_LIMIT;
        g_free(circuit->last_message);
        circuit->last_message = g_strdup(failure->message);
    }
    if (pass.change == circuit->change)
        judge_unlocked(circuit, now_ms, status, !failure->not_asked, retry_after_s);
    /* What it asks for holds whenever it was asked. */
    if (retry_after_s > 0)
        open_unlocked(circuit, now_ms, retry_after_s);
    mutex_unlock(&circuit->lock);
}
