/* SPDX-License-Identifier: MIT */
#include "core/queue.h"

#include "core/thread.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct Queue {
    size_t capacity;     /* read-only after new */
    size_t element_size; /* read-only after new */
    int descriptor;      /* (owned) eventfd; read-only after new */

    pthread_mutex_t lock;
    pthread_cond_t room; /* signalled under lock when elements are taken or the queue closes */
    char *elements;      /* (owned) ring of capacity elements; protected by lock */
    size_t head;         /* index of the oldest; protected by lock */
    size_t count;        /* protected by lock */
    size_t waiting;      /* producers in condition_wait(room); protected by lock */
    bool asleep;         /* the consumer found nothing; protected by lock */
    bool roused;         /* the descriptor has been written and not been read; protected by lock */
    bool closed;         /* protected by lock */
};

Queue *queue_new(size_t capacity, size_t element_size)
{
    Queue *queue = g_new0(Queue, 1);

    g_assert(capacity > 0 && element_size > 0);
    queue->capacity = capacity;
    queue->element_size = element_size;
    queue->elements = g_malloc_n(capacity, element_size);
    queue->descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (queue->descriptor < 0)
        g_error("eventfd: %s", g_strerror(errno)); /* at start only: no descriptors left at all */
    pthread_mutex_init(&queue->lock, NULL);
    condition_init(&queue->room);
    return queue;
}

void queue_free(Queue *queue)
{
    if (queue == NULL)
        return;
    close(queue->descriptor);
    pthread_cond_destroy(&queue->room);
    pthread_mutex_destroy(&queue->lock);
    g_free(queue->elements);
    g_free(queue);
}

/* Wakes the consumer if it sleeps. The descriptor is written and read under the lock, which does
 * not block, so that `roused` always says whether it is readable. With queue->lock held. */
static void rouse_unlocked(Queue *queue)
{
    if (!queue->asleep)
        return;
    int failed = eventfd_write(queue->descriptor, 1);
    g_assert(failed == 0); /* it is 0 or 1: far from full */
    queue->asleep = false;
    queue->roused = true;
}

QueueOutcome queue_push(Queue *queue, const void *elements, size_t count)
{
    const char *element = elements;

    g_assert(count <= queue->capacity);

    mutex_lock(&queue->lock);
    /* All at once or not at all, so that a close finds no half of a push. */
    while (!queue->closed && queue->capacity - queue->count < count) {
        queue->waiting++;
        condition_wait(&queue->room, &queue->lock);
        queue->waiting--;
    }
    if (queue->closed) {
        mutex_unlock(&queue->lock);
        return QUEUE_CLOSED;
    }
    for (size_t i = 0; i < count; i++, element += queue->element_size) {
        size_t slot = (queue->head + queue->count) % queue->capacity;

        memcpy(queue->elements + slot * queue->element_size, element, queue->element_size);
        queue->count++;
    }
    rouse_unlocked(queue);
    mutex_unlock(&queue->lock);
    return QUEUE_OK;
}

size_t queue_take(Queue *queue, void *elements, size_t most)
{
    char *element = elements;
    size_t taken = 0;
    eventfd_t wakes;

    mutex_lock(&queue->lock);
    if (queue->roused) {
        int failed = eventfd_read(queue->descriptor, &wakes);
        g_assert(failed == 0);
        queue->roused = false;
    }
    while (taken < most && queue->count > 0) {
        memcpy(element, queue->elements + queue->head * queue->element_size, queue->element_size);
        element += queue->element_size;
        queue->head = (queue->head + 1) % queue->capacity;
        queue->count--;
        taken++;
    }
    queue->asleep = taken == 0;
    if (taken > 0 && queue->waiting > 0)
        condition_broadcast(&queue->room);
    mutex_unlock(&queue->lock);
    return taken;
}

int queue_descriptor(const Queue *queue)
{
    return queue->descriptor;
}

size_t queue_length(Queue *queue)
{
    mutex_lock(&queue->lock);
    size_t length = queue->count;
    mutex_unlock(&queue->lock);
    return length;
}

void queue_close(Queue *queue)
{
    mutex_lock(&queue->lock);
    queue->closed = true;
    condition_broadcast(&queue->room);
    rouse_unlocked(queue);
    mutex_unlock(&queue->lock);
}

bool queue_closed(Queue *queue)
{
    mutex_lock(&queue->lock);
    bool closed = queue->closed;
    mutex_unlock(&queue->lock);
    return closed;
}
