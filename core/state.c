/* SPDX-License-Identifier: MIT */
#include "core/state.h"

#include "core/counters.h"
#include "core/thread.h"

/* How long the thread waits after a failure before it tries again: doubled each time. */
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 5000

struct State {
    StateFile *file; /* (owned) owned by the state thread while it runs, else by main */
    int64_t sync_ms; /* read-only after open */
    Log *log;        /* read-only after open */

    pthread_t thread; /* read-only after start */
    bool started;     /* owned by main */

    /* owned by the state thread */
    int64_t backoff_ms; /* 0: the last try succeeded */
    bool late_said;     /* it is in the log that the disk does not keep up */

    pthread_mutex_t lock;
    pthread_cond_t news;   /* the set has a first entry, or stop; signalled under lock */
    GHashTable *pending;   /* owned Record, found by RecordKey -> StateChange; protected by lock */
    int64_t pending_since; /* when the oldest of pending was handed in, if any; protected by lock */
    bool stop;             /* protected by lock */
};

static GHashTable *changes_new(void)
{
    return g_hash_table_new_full(record_key_hash, record_key_equal, (GDestroyNotify)record_unref,
                                 NULL);
}

/* The later change of a client decides, unless its record is older. */
static void changes_put(GHashTable *changes, Record *record, StateChange change)
{
    void *before;

    if (!g_hash_table_lookup_extended(changes, record, &before, NULL) ||
        record_compare(record, before) >= 0)
        g_hash_table_replace(changes, record_ref(record), GUINT_TO_POINTER(change));
}

State *state_open(const char *directory, const char *member, unsigned sync_ms, Log *log,
                  GError **error)
{
    StateFile *file = state_file_open(directory, member, error);

    if (file == NULL)
        return NULL;

    State *state = g_new0(State, 1);
    state->file = file;
    state->sync_ms = sync_ms;
    state->log = log;
    state->pending = changes_new();
    pthread_mutex_init(&state->lock, NULL);
    condition_init(&state->news);
    return state;
}

bool state_load(State *state, void (*take)(void *user, Record *record), void *user, GError **error)
{
    return state_file_load(state->file, take, user, error);
}

const char *state_path(const State *state)
{
    return state_file_path(state->file);
}

static void hand_in(State *state, Record *record, StateChange change)
{
    mutex_lock(&state->lock);
    if (g_hash_table_size(state->pending) == 0) {
        state->pending_since = monotonic_ms();
        condition_signal(&state->news);
    }
    changes_put(state->pending, record, change);
    mutex_unlock(&state->lock);
}

void state_keep(State *state, Record *record)
{
    hand_in(state, record, STATE_KEEP);
}

void state_forget(State *state, Record *record)
{
    hand_in(state, record, STATE_FORGET);
}

/*
 * Waits until what is pending has to be written: when half of the time that it may take is over, or
 * after a failure when it is worth another try. FALSE: nothing is pending, and nothing will be.
 */
static bool wait_for_changes(State *state)
{
    int64_t not_before = monotonic_ms() + state->backoff_ms;

    mutex_lock(&state->lock);
    while (!state->stop && g_hash_table_size(state->pending) == 0)
        condition_wait(&state->news, &state->lock);

    int64_t due = MAX(not_before, state->pending_since + state->sync_ms / 2);
    while (!state->stop && monotonic_ms() < due)
        condition_wait_until(&state->news, &state->lock, due);
    bool any = g_hash_table_size(state->pending) > 0;
    mutex_unlock(&state->lock);
    return any;
}

/* All that is pending. (transfer full) */
static GHashTable *take_pending(State *state, int64_t *ret_since)
{
    GHashTable *empty = changes_new();

    mutex_lock(&state->lock);
    GHashTable *taken = state->pending;
    *ret_since = state->pending_since;
    state->pending = empty;
    mutex_unlock(&state->lock);
    return taken;
}

/* Puts @taken back under what has come since. FALSE: there will be no other try. */
static bool give_back(State *state, GHashTable *taken, int64_t since)
{
    GHashTableIter iter;
    void *record, *change;

    mutex_lock(&state->lock);
    GHashTable *later = state->pending;
    g_hash_table_iter_init(&iter, later);
    while (g_hash_table_iter_next(&iter, &record, &change))
        changes_put(taken, record, (StateChange)GPOINTER_TO_UINT(change));
    state->pending = taken;
    state->pending_since = since;
    bool again = !state->stop;
    mutex_unlock(&state->lock);
    g_hash_table_unref(later);
    return again;
}

static unsigned count_kept(GHashTable *changes)
{
    GHashTableIter iter;
    void *change;
    unsigned count = 0;

    g_hash_table_iter_init(&iter, changes);
    while (g_hash_table_iter_next(&iter, NULL, &change))
        count += GPOINTER_TO_UINT(change) == STATE_KEEP;
    return count;
}

/* What was handed in first at @since is on the disk. */
static void note_success(State *state, int64_t since)
{
    int64_t took = monotonic_ms() - since;
    bool late = took > state->sync_ms;

    if (late)
        counters_add(COUNT_STATE_LATE, 1);
    if (state->backoff_ms > 0)
        log_event(state->log, LOG_INFO, "state %s is written again", state_path(state));
    else if (late && !state->late_said)
        log_event(state->log, LOG_WARNING,
                  "state %s is late: %" G_GINT64_FORMAT " ms to the disk, not %" G_GINT64_FORMAT
                  ": the disk is slow",
                  state_path(state), took, state->sync_ms);
    state->late_said = late;
    state->backoff_ms = 0;
}

static void note_failure(State *state, const char *what)
{
    if (state->backoff_ms == 0)
        log_event(state->log, LOG_ERROR,
                  "%s; make room on its disk, or mend it: until then records wait in memory, "
                  "and a crash would lose them",
                  what);
    state->backoff_ms = CLAMP(state->backoff_ms * 2, BACKOFF_MIN_MS, BACKOFF_MAX_MS);
}

/* FALSE: it failed, and there will be no other try. */
static bool save(State *state)
{
    g_autoptr(GError) error = NULL;
    int64_t since;
    GHashTable *changes = take_pending(state, &since);

    if (!state_file_write(state->file, changes, &error)) {
        note_failure(state, error->message);
        return give_back(state, changes, since);
    }
    note_success(state, since);
    counters_add(COUNT_STATE_SAVED, count_kept(changes));
    g_hash_table_unref(changes);
    return true;
}

static void run(void *argument)
{
    State *state = argument;

    while (wait_for_changes(state))
        if (!save(state))
            return;
}

bool state_start(State *state, GError **error)
{
    state->started = state_file_prepare(state->file, error) &&
                     thread_start(&state->thread, "state", run, state, error);
    return state->started;
}

void state_close(State *state)
{
    if (state == NULL)
        return;
    if (state->started) {
        mutex_lock(&state->lock);
        state->stop = true;
        condition_signal(&state->news);
        mutex_unlock(&state->lock);
        thread_join(state->thread);
    }
    if (g_hash_table_size(state->pending) > 0)
        log_event(state->log, LOG_ERROR, "state %s: %u clients' records are not saved",
                  state_path(state), g_hash_table_size(state->pending));
    state_file_close(state->file);
    g_hash_table_unref(state->pending);
    pthread_cond_destroy(&state->news);
    pthread_mutex_destroy(&state->lock);
    g_free(state);
}
