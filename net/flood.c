/* SPDX-License-Identifier: MIT */
#include "net/flood.h"

#include "core/queue.h"
#include "core/thread.h"
#include "net/link.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#define QUEUE_CAPACITY 16384
#define BATCH          256 /* updates taken from the queue at once */
#define EVENTS_MAX     64
#define REST_NS        200000 /* see take_updates() */
#define STOP_LOOK_MS   1000   /* within which some neighbour takes something, or the end comes */

struct Flood {
    Queue *queue;     /* (owned) of FloodUpdate; read-only after new */
    pthread_t thread; /* read-only after new */
    bool started;     /* read-only after new */

    const ConfigCurrent *configs; /* read-only after new */
    Trust *trust;                 /* (nullable) read-only after new */
    Tls *tls;                     /* read-only after new */
    Store *store;                 /* read-only after new */
    Log *log;                     /* read-only after new */
    LinkBoard *board;             /* (owned) read-only after new */

    int epoll;            /* (owned) owned by the flood thread */
    const Config *config; /* that the links go by; owned by the flood thread */
    GPtrArray *links;     /* owned Link, one a neighbour of it; owned by the flood thread */
    int64_t taken_at;     /* monotonic_ns() of the last update's; owned by the flood thread */
    bool rested;          /* before this round; owned by the flood thread */
};

typedef enum {
    TAKEN_ALL,  /* who adds to the queue from now on wakes the thread */
    TAKEN_SOME, /* nobody does: the thread rests before it looks again */
    TAKEN_MUCH, /* there is more, which is for after what was taken is sent */
} Taken;

static void take_update(Flood *flood, const FloodUpdate *update)
{
    for (unsigned i = 0; i < flood->links->len; i++) {
        Link *link = flood->links->pdata[i];
        bool from = link_neighbour(link) == update->from;

        if (from && update->record == NULL)
            link_poke(link, update->incarnation);
        /* PROTOCOL R20: never back to where it came from. */
        if (update->record != NULL && !(from && link_incarnation(link) == update->incarnation))
            link_offer(link, update->record, update->found);
    }
    record_unref(update->record);
}

/* To be woken for an update costs more than to send it. Where one follows another within REST_NS
 * the thread rests for that time before it looks again, and goes on like that as long as it then
 * finds more than one: they leave in one message, which wakes the neighbours once. */
static Taken take_updates(Flood *flood, int64_t now_ns)
{
    bool quick = now_ns - flood->taken_at < REST_NS;
    FloodUpdate updates[BATCH];

    for (size_t sum = 0; sum < QUEUE_CAPACITY;) {
        size_t taken = queue_take(flood->queue, updates, BATCH);

        for (size_t i = 0; i < taken; i++)
            take_update(flood, &updates[i]);
        if (taken == 0)
            return TAKEN_ALL;
        sum += taken;
        flood->taken_at = now_ns;
        if (taken < BATCH && (flood->rested ? sum > 1 : quick))
            return TAKEN_SOME;
    }
    return TAKEN_MUCH;
}

static int64_t tick(Flood *flood, int64_t now)
{
    int64_t next = INT64_MAX;

    for (unsigned i = 0; i < flood->links->len; i++)
        next = MIN(next, link_tick(flood->links->pdata[i], now));
    return next;
}

static void end_links(Flood *flood)
{
    for (unsigned i = 0; i < flood->links->len; i++)
        link_end(flood->links->pdata[i]);
}

static bool all_idle(const Flood *flood)
{
    for (unsigned i = 0; i < flood->links->len; i++)
        if (!link_is_idle(flood->links->pdata[i]))
            return false;
    return true;
}

/* Changes as long as any neighbour takes what it is sent. */
static uint64_t progress(const Flood *flood)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < flood->links->len; i++)
        sum += link_progress(flood->links->pdata[i]);
    return sum;
}

/* Waits for the queue, a socket or @wake_ms, whichever is first, and lets the links do what their
 * sockets ask for. */
static void wait_for_news(Flood *flood, int64_t wake_ms)
{
    struct epoll_event events[EVENTS_MAX];
    int64_t wait = wake_ms - monotonic_ms();
    int count = epoll_wait(flood->epoll, events, EVENTS_MAX,
                           wake_ms == INT64_MAX ? -1 : (int)CLAMP(wait, 0, INT_MAX));

    g_assert(count >= 0 || errno == EINTR);
    for (int i = 0; i < count; i++)
        if (events[i].data.ptr != NULL) /* NULL is the queue, which is looked at in any case */
            link_ready(events[i].data.ptr, events[i].events);
}

/* Whether a socket has something before it is over. */
static bool rest(const Flood *flood)
{
    struct pollfd sockets = {.fd = flood->epoll, .events = POLLIN};
    struct timespec time = {.tv_nsec = REST_NS};
    int count = ppoll(&sockets, 1, &time, NULL);

    g_assert(count >= 0 || errno == EINTR);
    return count > 0;
}

static Link *find_link(const Flood *flood, GQuark neighbour)
{
    for (unsigned i = 0; i < flood->links->len; i++)
        if (link_neighbour(flood->links->pdata[i]) == neighbour)
            return flood->links->pdata[i];
    return NULL;
}

/* Has a link to each neighbour of the configuration in force, and to nobody else. */
static void take_config(Flood *flood)
{
    const Config *config = config_current_get(flood->configs);
    const GPtrArray *names = config->self->neighbours;

    if (config == flood->config)
        return;
    flood->config = config;
    for (unsigned i = flood->links->len; i > 0; i--) {
        Link *link = flood->links->pdata[i - 1];

        if (link_take_config(link, config))
            continue;
        g_ptr_array_steal_index_fast(flood->links, i - 1);
        link_drop(link, member_has_neighbour(config->self, g_quark_to_string(link_neighbour(link)))
                            ? "the neighbour is talked to in another way now"
                            : "it is no neighbour any more");
    }
    for (unsigned i = 0; i < names->len; i++)
        if (find_link(flood, config_member(config, names->pdata[i])->id) == NULL)
            g_ptr_array_add(flood->links,
                            link_new(config, flood->trust, flood->tls, names->pdata[i],
                                     flood->store, flood->log, flood->epoll));
}

static void flood_main(void *argument)
{
    Flood *flood = argument;
    int64_t stop_at = INT64_MAX, look_at = INT64_MAX;
    uint64_t taken = 0;

    take_config(flood);
    for (;;) {
        Taken outcome = take_updates(flood, monotonic_ns());
        /* Behind the queue, by which a change wakes this thread: what woke it is seen. */
        take_config(flood);
        int64_t now = monotonic_ms();
        int64_t wake = tick(flood, now);
        wake = MIN(wake, link_board_update(flood->board, flood->links, now));
        if (outcome == TAKEN_ALL && queue_closed(flood->queue)) {
            if (stop_at == INT64_MAX) {
                /* Nothing is added any more, but something may have been between the last look and
                 * the close. */
                stop_at = now + (int64_t)config_current_get(flood->configs)->stop_timeout_s * 1000;
                look_at = now + STOP_LOOK_MS;
                taken = progress(flood);
                end_links(flood);
                continue;
            }
            if (now >= stop_at || all_idle(flood))
                return;
            if (now >= look_at) {
                uint64_t before = taken;

                taken = progress(flood);
                if (taken == before)
                    return;
                look_at = now + STOP_LOOK_MS;
            }
        }
        flood->rested = outcome == TAKEN_SOME;
        if (!flood->rested || rest(flood))
            wait_for_news(flood, outcome == TAKEN_ALL ? MIN(wake, MIN(stop_at, look_at)) : now);
    }
}

Flood *flood_new(const ConfigCurrent *configs, Trust *trust, Tls *tls, Store *store, Log *log,
                 GError **error)
{
    Flood *flood = g_new0(Flood, 1);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};

    flood->configs = configs;
    flood->trust = trust;
    flood->tls = tls;
    flood->store = store;
    flood->log = log;
    flood->queue = queue_new(QUEUE_CAPACITY, sizeof(FloodUpdate));
    flood->links = g_ptr_array_new_with_free_func(link_free);
    flood->board = link_board_new();
    flood->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (flood->epoll < 0 ||
        epoll_ctl(flood->epoll, EPOLL_CTL_ADD, queue_descriptor(flood->queue), &event) != 0) {
        g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(errno),
                    "cannot make the flood thread's epoll: %s", g_strerror(errno));
        flood_free(flood);
        return NULL;
    }
    take_config(flood);
    link_board_update(flood->board, flood->links, monotonic_ms()); /* nobody finds it empty */
    flood->started = thread_start(&flood->thread, "flood", flood_main, flood, error);
    if (!flood->started) {
        flood_free(flood);
        return NULL;
    }
    return flood;
}

void flood_free(Flood *flood)
{
    if (flood == NULL)
        return;
    queue_close(flood->queue);
    if (flood->started)
        thread_join(flood->thread);
    g_ptr_array_unref(flood->links);
    if (flood->epoll >= 0)
        close(flood->epoll);
    queue_free(flood->queue);
    link_board_free(flood->board);
    g_free(flood);
}

void flood_push(Flood *flood, const FloodUpdate *updates, size_t count)
{
    while (count > 0) {
        size_t part = MIN(count, BATCH);

        if (queue_push(flood->queue, updates, part) == QUEUE_CLOSED)
            for (size_t i = 0; i < part; i++)
                record_unref(updates[i].record);
        updates += part;
        count -= part;
    }
}

void flood_poke(Flood *flood, GQuark neighbour, int64_t incarnation)
{
    FloodUpdate sign = {.from = neighbour, .incarnation = incarnation};

    flood_push(flood, &sign, 1);
}

void flood_take_config(Flood *flood)
{
    static const FloodUpdate nothing; /* but a wake-up: the thread looks for itself */

    flood_push(flood, &nothing, 1);
}

GPtrArray *flood_links(Flood *flood)
{
    return link_board_read(flood->board);
}

size_t flood_queue_length(Flood *flood)
{
    return queue_length(flood->queue);
}
