/* SPDX-License-Identifier: MIT */
#include "net/ready-set.h"

#include "core/thread.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EVENTS_MAX 64

struct ReadySet {
    int epoll;   /* (owned) read-only after new */
    int resumes; /* (owned) eventfd that counts the connections in the list; read-only after new */
    int closes;  /* (owned) eventfd that is readable for good once closed; read-only after new */
    atomic_bool closed; /* atomic; set once */

    pthread_mutex_t lock;
    Connection *first; /* of the resumed, linked by next; protected by lock */
    Connection *last;  /* protected by lock */
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
    if (set->epoll < 0 || !watch(set, set->resumes, &set->resumes) ||
        !watch(set, set->closes, &set->closes)) {
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
    if (set->closes >= 0)
        close(set->closes);
    if (set->resumes >= 0)
        close(set->resumes);
    if (set->epoll >= 0)
        close(set->epoll);
    pthread_mutex_destroy(&set->lock);
    g_free(set);
}

static void take(Connection *connection)
{
    bool armed = atomic_load_explicit(&connection->armed, memory_order_acquire);

    g_assert(armed); /* or two would own it */
    atomic_store_explicit(&connection->armed, false, memory_order_relaxed);
}

/*
 * Hands @connection over: what its owner did to it happened before `armed` is set, which is before
 * the kernel hears of it, which is before somebody takes it and finds `armed` set. The memory model
 * of C knows nothing of epoll, so the flag is what makes the hand-over one.
 *
 * The system call is made directly, since while it is still on its way back the connection may be
 * taken and its descriptor closed by another worker. The kernel does not mind; ThreadSanitizer's
 * epoll_ctl() takes it for a race.
 */
static bool give(ReadySet *set, Connection *connection, int operation)
{
    int descriptor = connection->descriptor;
    struct epoll_event event = {
        .events = (connection->output != NULL ? EPOLLOUT : EPOLLIN) | EPOLLONESHOT,
        .data.ptr = connection,
    };

    atomic_store_explicit(&connection->armed, true, memory_order_release);
    return syscall(SYS_epoll_ctl, set->epoll, operation, descriptor, &event) == 0;
}

bool ready_set_add(ReadySet *set, Connection *connection)
{
    return give(set, connection, EPOLL_CTL_ADD);
}

void ready_set_arm(ReadySet *set, Connection *connection)
{
    bool armed = give(set, connection, EPOLL_CTL_MOD);

    g_assert(armed); /* it is there since ready_set_add(): nothing else can be wrong */
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

            if (events[i].data.ptr == &set->closes)
                continue;
            if (events[i].data.ptr == &set->resumes)
                connection = take_resumed(set);
            else
                take(connection);
            if (connection != NULL)
                connections[taken++] = connection;
        }
    }
    return atomic_load(&set->closed) ? 0 : taken;
}

void ready_set_close(ReadySet *set)
{
    atomic_store(&set->closed, true);

    int failed = eventfd_write(set->closes, 1);

    g_assert(failed == 0);
}
