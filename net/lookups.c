/* SPDX-License-Identifier: MIT */
#include "net/lookups.h"

#include "core/counters.h"
#include "core/thread.h"

/* One query that is being asked, or stands in line to be, and all who want its answer. */
struct Flight {
    PlacesQuery query; /* read-only after new; the first member: flights are found by it */
    GPtrArray *waits;  /* LookupWait, the longest waiting first; protected by Lookups.lock */
};

struct Lookups {
    ReadySet *ready; /* read-only after new */

    pthread_mutex_t lock;
    unsigned most;         /* protected by lock */
    unsigned most_waiting; /* protected by lock */
    unsigned wait_ms;      /* protected by lock */
    GHashTable *flights;   /* set of owned Flight, found by PlacesQuery; protected by lock */
    GQueue line;      /* of them those that are not being asked yet, in order; protected by lock */
    unsigned running; /* the others, at most `most` but for those that began when it was more;
                         protected by lock */
    unsigned waiting; /* LookupWait in all of them; protected by lock */
};

static Flight *flight_new(const PlacesQuery *query)
{
    Flight *flight = g_new(Flight, 1);

    flight->query = *query;
    flight->waits = g_ptr_array_new();
    return flight;
}

/* What waits for it belongs to the connections. */
static void flight_free(void *pointer)
{
    Flight *flight = pointer;

    g_ptr_array_unref(flight->waits);
    g_free(flight);
}

Lookups *lookups_new(ReadySet *ready, unsigned most, unsigned most_waiting, unsigned wait_ms)
{
    Lookups *lookups = g_new0(Lookups, 1);

    lookups->ready = ready;
    lookups->most = most;
    lookups->most_waiting = most_waiting;
    lookups->wait_ms = wait_ms;
    pthread_mutex_init(&lookups->lock, NULL);
    lookups->flights =
        g_hash_table_new_full(places_query_hash, places_query_equal, flight_free, NULL);
    g_queue_init(&lookups->line);
    return lookups;
}

void lookups_free(Lookups *lookups)
{
    if (lookups == NULL)
        return;
    g_queue_clear(&lookups->line);
    g_hash_table_unref(lookups->flights);
    pthread_mutex_destroy(&lookups->lock);
    g_free(lookups);
}

void lookup_wait_free(LookupWait *wait)
{
    if (wait == NULL)
        return;
    record_unref(wait->record);
    g_free(wait->answer);
    g_free(wait);
}

/* With lookups->lock held; there is room. */
static void wait_unlocked(Lookups *lookups, Flight *flight, Connection *connection, Record *record)
{
    LookupWait *wait = g_new0(LookupWait, 1);

    wait->connection = connection;
    wait->record = record_ref(record);
    wait->query = flight->query;
    wait->asked = monotonic_ns();
    wait->deadline = monotonic_ms() + lookups->wait_ms;
    wait->turn = LOOKUP_WAIT;
    connection->wait = wait;
    g_ptr_array_add(flight->waits, wait);
    lookups->waiting++;
}

LookupTurn lookups_enter(Lookups *lookups, Connection *connection, Record *record,
                         const PlacesQuery *query, Flight **ret_flight)
{
    LookupTurn turn = LOOKUP_WAIT;

    mutex_lock(&lookups->lock);
    Flight *flight = g_hash_table_lookup(lookups->flights, query);
    /* A line is only there while all places are taken, so nobody is overtaken. */
    if (flight == NULL && lookups->running < lookups->most)
        turn = LOOKUP_RUN;
    else if (lookups->waiting >= lookups->most_waiting)
        turn = LOOKUP_REFUSED;

    if (flight == NULL && turn != LOOKUP_REFUSED) {
        flight = flight_new(query);
        g_hash_table_add(lookups->flights, flight);
        if (turn == LOOKUP_WAIT)
            g_queue_push_tail(&lookups->line, flight);
    }
    if (turn == LOOKUP_RUN) {
        lookups->running++;
        *ret_flight = flight;
    } else if (turn == LOOKUP_WAIT) {
        wait_unlocked(lookups, flight, connection, record);
    }
    mutex_unlock(&lookups->lock);

    if (turn == LOOKUP_REFUSED)
        counters_add(COUNT_LOOKUPS_REFUSED, 1);
    return turn;
}

/* Takes the longest waiting out of @flight. With lookups->lock held; there is one. */
static LookupWait *take_wait_unlocked(Lookups *lookups, Flight *flight)
{
    lookups->waiting--;
    return g_ptr_array_steal_index(flight->waits, 0);
}

static void resume_all(Lookups *lookups, const GPtrArray *waits)
{
    for (unsigned i = 0; i < waits->len; i++) {
        LookupWait *wait = waits->pdata[i];

        ready_set_resume(lookups->ready, wait->connection);
    }
}

/* Lets the flights at the head of the line begin, as far as there is room; those who are to run
 * them are added to
 * @resumed. With lookups->lock held. */
static void admit_unlocked(Lookups *lookups, GPtrArray *resumed)
{
    while (lookups->running < lookups->most && !g_queue_is_empty(&lookups->line)) {
        Flight *flight = g_queue_pop_head(&lookups->line);
        LookupWait *wait = take_wait_unlocked(lookups, flight);

        lookups->running++;
        wait->flight = flight;
        wait->turn = LOOKUP_RUN;
        g_ptr_array_add(resumed, wait);
    }
}

void lookups_set_bounds(Lookups *lookups, unsigned most, unsigned most_waiting, unsigned wait_ms)
{
    g_autoptr(GPtrArray) admitted = g_ptr_array_new();

    mutex_lock(&lookups->lock);
    lookups->most = most;
    lookups->most_waiting = most_waiting;
    lookups->wait_ms = wait_ms;
    admit_unlocked(lookups, admitted);
    mutex_unlock(&lookups->lock);
    resume_all(lookups, admitted);
}

void lookups_finish(Lookups *lookups, Flight *flight, const char *json, size_t length)
{
    g_autoptr(GPtrArray) admitted = g_ptr_array_new();

    mutex_lock(&lookups->lock);
    g_hash_table_steal(lookups->flights, flight);
    lookups->running--;
    lookups->waiting -= flight->waits->len;
    admit_unlocked(lookups, admitted);
    mutex_unlock(&lookups->lock);

    resume_all(lookups, admitted);

    /* Nobody else knows of the flight any more. */
    for (unsigned i = 0; i < flight->waits->len; i++) {
        LookupWait *wait = flight->waits->pdata[i];

        wait->answer = g_memdup2(json, length);
        wait->answer_length = length;
        wait->turn = LOOKUP_ANSWERED;
    }
    counters_add(COUNT_LOOKUPS_MERGED, flight->waits->len);
    resume_all(lookups, flight->waits);
    flight_free(flight);
}

LookupFigures lookups_figures(Lookups *lookups)
{
    mutex_lock(&lookups->lock);
    LookupFigures figures = {.running = lookups->running, .waiting = lookups->waiting};
    mutex_unlock(&lookups->lock);
    return figures;
}

void lookups_sweep(Lookups *lookups, int64_t now_ms)
{
    g_autoptr(GPtrArray) late = g_ptr_array_new();

    mutex_lock(&lookups->lock);
    for (GList *link = lookups->line.head, *next; link != NULL; link = next) {
        Flight *flight = link->data;

        next = link->next;
        while (flight->waits->len > 0 &&
               ((LookupWait *)flight->waits->pdata[0])->deadline <= now_ms) {
            LookupWait *wait = take_wait_unlocked(lookups, flight);

            wait->turn = LOOKUP_REFUSED;
            g_ptr_array_add(late, wait);
        }
        if (flight->waits->len == 0) {
            g_queue_delete_link(&lookups->line, link);
            g_hash_table_remove(lookups->flights, flight);
        }
    }
    mutex_unlock(&lookups->lock);

    counters_add(COUNT_LOOKUPS_REFUSED, late->len);
    resume_all(lookups, late);
}
