/* SPDX-License-Identifier: MIT */
#include "net/ready-set.h"

#include "core/thread.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EVENTS_MAX 64

struct ReadySet {
    int epoll;   /* (owned) read-only after new */
    int resumes; /* (owned) eventfd that counts the connections in the list; read-only after new */
    int closes;  /* (owned) eventfd that is readable for good once closed; read-only after new */
    int pulses;  /* (owned) eventfd that is readable until a taker has the pulse; read-only after
                    new */
    atomic_bool closed;       /* atomic; set once */
    _Atomic int64_t pulse_at; /* atomic; monotonic_ms() when the last pulse was taken */

    pthread_mutex_t lock;
    Connection *first;     /* of the resumed, linked by next; protected by lock */
    Connection *last;      /* protected by lock */
    Connection *postponed; /* linked by next; protected by lock */
};

static bool watch(ReadySet *set, int descriptor, int *mark)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = mark};

    return descriptor >= 0 && epoll_ctl(set->epoll, EPOLL_CTL_ADD, descriptor, &event) == 0;
}

ReadySet *ready_set_new(GError **error)
{
    ReadySet *set = g_new0(ReadySet, 1);

    pthread_mutex_init(&set->lock, NULL);
    set->epoll = epoll_create1(EPOLL_CLOEXEC);
    /* A semaphore: each worker that reads it takes one connection off the list. */
    set->resumes = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
    set->closes = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    set->pulses = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    atomic_init(&set->pulse_at, monotonic_ms());
    if (set->epoll < 0 || !watch(set, set->resumes, &set->resumes) ||
        !watch(set, set->closes, &set->closes) || !watch(set, set->pulses, &set->pulses)) {
        g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(errno),
                    "cannot make the ready set: %s", g_strerror(errno));
        ready_set_free(set);
        return NULL;
    }
    return set;
}

void ready_set_free(ReadySet *set)
{
    if (set == NULL)
        return;
    if (set->pulses >= 0)
        close(set->pulses);
    if (set->closes >= 0)
        close(set->closes);
    if (set->resumes >= 0)
        close(set->resumes);
    if (set->epoll >= 0)
        close(set->epoll);
    pthread_mutex_destroy(&set->lock);
    g_free(set);
}

/* What @events of a socket say, as bits of its connection's state. */
static unsigned news(uint32_t events)
{
    unsigned bits = 0;

    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        bits |= STATE_READABLE;
    /* An end comes behind the last bytes, and a read stops at urgent data, as telnet sends them. */
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI)) != 0)
        bits |= STATE_READ_OUT;
    if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0)
        bits |= STATE_WRITABLE;
    return bits;
}

/* What has to happen before somebody takes a connection of this state. */
static unsigned awaited(unsigned state)
{
    return (state & STATE_SENDING) != 0 ? STATE_WRITABLE : STATE_READABLE;
}

/*
 * Notes the @events, and takes @connection if nobody owns it and it has waited for them.
 *
 * The event may be older than the connection, if this worker was slow and the memory is another's
 * by now (see connection_free()). Then somebody owns it and finds a note that is not true, or it is
 * taken: a turn finds nothing to read, or one more read is tried in each.
 */
static bool take(Connection *connection, uint32_t events)
{
    unsigned old = atomic_load_explicit(&connection->state, memory_order_relaxed);
    unsigned noted;
    bool taken;

    do {
        noted = old | news(events);
        taken = (old & STATE_OWNED) == 0 && (noted & awaited(old)) != 0;
        if (taken)
            noted |= STATE_OWNED;
    } while (!atomic_compare_exchange_weak_explicit(&connection->state, &old, noted,
                                                    memory_order_acq_rel, memory_order_relaxed));
    return taken;
}

static bool control(ReadySet *set, Connection *connection, int operation, uint32_t events)
{
    struct epoll_event event = {
        .events = events | EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET,
        .data.ptr = connection,
    };

    return epoll_ctl(set->epoll, operation, connection->stream.descriptor, &event) == 0;
}

bool ready_set_add(ReadySet *set, Connection *connection)
{
    if (!control(set, connection, EPOLL_CTL_ADD, 0))
        return false;
    ready_set_arm(set, connection);
    return true;
}

/* Once it is asked for, the kernel tells whenever a socket that was full has room again; asking of
 * each connection from the beginning would make an event of each new one. */
static void watch_output(ReadySet *set, Connection *connection)
{
    if (connection->watches_output)
        return;
    connection->watches_output = true;

    bool watched = control(set, connection, EPOLL_CTL_MOD, EPOLLOUT);
    g_assert(watched); /* it is there since ready_set_add(): nothing else can be wrong */
}

/*
 * What its owner did to @connection happened before it is no longer owned, which is before somebody
 * else takes it. What the socket has told meanwhile is in the state, so there is no moment at which
 * news could be lost: either the owner finds it here, or there is no owner when it comes.
 */
void ready_set_arm(ReadySet *set, Connection *connection)
{
    bool sending = stream_awaits_output(&connection->stream, connection->output != NULL);

    if (sending)
        watch_output(set, connection);

    unsigned old = atomic_load_explicit(&connection->state, memory_order_relaxed);
    unsigned armed;
    do {
        armed = old & ~(unsigned)(STATE_OWNED | STATE_SENDING);
        if (sending)
            armed |= STATE_SENDING;
        if ((old & (awaited(armed) | STATE_ROUSED)) != 0) {
            atomic_fetch_and_explicit(&connection->state, ~(unsigned)STATE_ROUSED,
                                      memory_order_acq_rel);
            ready_set_resume(set, connection);
            return;
        }
    } while (!atomic_compare_exchange_weak_explicit(&connection->state, &old, armed,
                                                    memory_order_release, memory_order_relaxed));
}

void ready_set_reading(Connection *connection)
{
    atomic_fetch_and_explicit(&connection->state, ~(unsigned)STATE_READABLE, memory_order_acq_rel);
}

bool ready_set_has_read(Connection *connection, size_t received, size_t room)
{
    unsigned state = atomic_load_explicit(&connection->state, memory_order_relaxed);

    /* Fewer bytes than there was room for: the socket is empty (epoll(7)), but for what it has told
     * of already and does not tell again. */
    if (received < room && (state & STATE_READ_OUT) == 0)
        return false;
    atomic_fetch_or_explicit(&connection->state, STATE_READABLE, memory_order_relaxed);
    return true;
}

void ready_set_has_not_read(Connection *connection)
{
    if (!stream_awaits_output(&connection->stream, false) && !stream_is_paused(&connection->stream))
        return;
    atomic_fetch_or_explicit(&connection->state, STATE_READABLE, memory_order_relaxed);
}

void ready_set_writing(Connection *connection)
{
    atomic_fetch_and_explicit(&connection->state, ~(unsigned)STATE_WRITABLE, memory_order_acq_rel);
}

void ready_set_resume(ReadySet *set, Connection *connection)
{
    connection->next = NULL;
    mutex_lock(&set->lock);
    if (set->last != NULL)
        set->last->next = connection;
    else
        set->first = connection;
    set->last = connection;
    mutex_unlock(&set->lock);

    int failed = eventfd_write(set->resumes, 1);
    g_assert(failed == 0); /* it counts connections: far below its 64 bits */
}

void ready_set_postpone(ReadySet *set, Connection *connection)
{
    mutex_lock(&set->lock);
    connection->next = set->postponed;
    set->postponed = connection;
    mutex_unlock(&set->lock);
}

void ready_set_resume_postponed(ReadySet *set)
{
    mutex_lock(&set->lock);
    Connection *next = g_steal_pointer(&set->postponed);
    mutex_unlock(&set->lock);

    while (next != NULL) {
        Connection *connection = next;

        next = connection->next;
        ready_set_resume(set, connection);
    }
}

bool ready_set_rouse(Connection *connection)
{
    unsigned old = atomic_load_explicit(&connection->state, memory_order_relaxed);
    unsigned roused;

    do {
        roused = old | ((old & STATE_OWNED) != 0 ? STATE_ROUSED : STATE_OWNED);
    } while (!atomic_compare_exchange_weak_explicit(&connection->state, &old, roused,
                                                    memory_order_acq_rel, memory_order_relaxed));
    return (old & STATE_OWNED) == 0;
}

/* The connection that was resumed first, or NULL when another worker was faster. */
static Connection *take_resumed(ReadySet *set)
{
    eventfd_t one;

    if (eventfd_read(set->resumes, &one) != 0)
        return NULL;

    mutex_lock(&set->lock);
    Connection *connection = set->first;
    set->first = connection->next;
    if (set->first == NULL)
        set->last = NULL;
    mutex_unlock(&set->lock);
    return connection;
}

/* Whether an event is of a descriptor of the set's own, and not of a connection. */
static bool is_own_mark(const ReadySet *set, const void *mark)
{
    return (uintptr_t)mark - (uintptr_t)set < sizeof *set;
}

/* What such an event is for: a connection, or NULL. */
static Connection *take_own(ReadySet *set, const int *mark)
{
    eventfd_t pulses;

    if (mark == &set->resumes)
        return take_resumed(set);
    if (mark == &set->pulses && eventfd_read(set->pulses, &pulses) == 0)
        atomic_store(&set->pulse_at, monotonic_ms());
    return NULL;
}

unsigned ready_set_take(ReadySet *set, Connection **connections, unsigned most)
{
    struct epoll_event events[EVENTS_MAX];
    unsigned taken = 0;

    g_assert(most >= 1 && most <= EVENTS_MAX);
    while (taken == 0 && !atomic_load(&set->closed)) {
        int count = epoll_wait(set->epoll, events, (int)most, -1);

        g_assert(count >= 0 || errno == EINTR);
        for (int i = 0; i < count; i++) {
            Connection *connection = events[i].data.ptr;

            if (is_own_mark(set, events[i].data.ptr))
                connection = take_own(set, events[i].data.ptr);
            else if (!take(connection, events[i].events))
                continue;
            if (connection != NULL)
                connections[taken++] = connection;
        }
    }
    return atomic_load(&set->closed) ? 0 : taken;
}

void ready_set_pulse(ReadySet *set)
{
    int failed = eventfd_write(set->pulses, 1);

    g_assert(failed == 0); /* it is read before there are 2^64 of them */
}

int64_t ready_set_pulse_at(const ReadySet *set)
{
    return atomic_load(&set->pulse_at);
}

void ready_set_close(ReadySet *set)
{
    atomic_store(&set->closed, true);

    int failed = eventfd_write(set->closes, 1);

    g_assert(failed == 0);
}
