/* SPDX-License-Identifier: MIT */
#include "core/queue.h"
#include "core/thread.h"

#include <glib.h>
#include <poll.h>

enum { PRODUCERS = 8, CAPACITY = 64, BATCH_MAX = 16, TAKE_MAX = 48 };

typedef struct {
    unsigned producer;
    unsigned sequence;
    unsigned left; /* of its batch, after it */
} Element;

typedef struct {
    Queue *queue;
    GRand *random; /* (owned) */
    unsigned number;
    unsigned limit;  /* elements to push */
    unsigned pushed; /* elements that the queue took */
    bool closed;
} Producer;

typedef struct {
    unsigned next[PRODUCERS]; /* the sequence that comes next */
    Element last;             /* the element taken before */
    unsigned taken;
} Check;

static unsigned limit(void)
{
    if (g_getenv("HERD_TEST_SANITIZER") != NULL)
        return 20000;
    return g_test_slow() ? 2000000 : 200000;
}

static void produce(void *argument)
{
    Producer *producer = argument;
    Element batch[BATCH_MAX];

    while (producer->pushed < producer->limit) {
        unsigned room = producer->limit - producer->pushed;
        unsigned count = (unsigned)g_rand_int_range(producer->random, 1, BATCH_MAX + 1);

        count = MIN(count, room);

        for (unsigned i = 0; i < count; i++)
            batch[i] = (Element){producer->number, producer->pushed + i, count - 1 - i};
        if (queue_push(producer->queue, batch, count) == QUEUE_CLOSED) {
            producer->closed = true;
            return;
        }
        producer->pushed += count;
    }
}

static void start(Queue *queue, Producer producers[static PRODUCERS],
                  pthread_t threads[static PRODUCERS], unsigned elements)
{
    for (unsigned i = 0; i < PRODUCERS; i++) {
        g_autoptr(GError) error = NULL;

        producers[i] = (Producer){
            .queue = queue,
            .random = g_rand_new_with_seed((uint32_t)g_test_rand_int()),
            .number = i,
            .limit = elements,
        };
        bool started = thread_start(&threads[i], "producer", produce, &producers[i], &error);
        g_assert_no_error(error);
        g_assert_true(started);
    }
}

/* In each producer's order, none missing, and no batch torn. */
static void check(Check *check, const Element *elements, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const Element *e = &elements[i];

        g_assert_cmpuint(e->producer, <, PRODUCERS);
        g_assert_cmpuint(e->sequence, ==, check->next[e->producer]);
        if (check->last.left > 0) {
            g_assert_cmpuint(e->producer, ==, check->last.producer);
            g_assert_cmpuint(e->left, ==, check->last.left - 1);
        }
        check->next[e->producer]++;
        check->last = *e;
    }
    check->taken += (unsigned)count;
}

/* As the flood thread does: sleeps when there is nothing, and nothing else wakes it. */
static void sleep_until_readable(Queue *queue)
{
    struct pollfd watched = {.fd = queue_descriptor(queue), .events = POLLIN};

    g_assert_cmpint(poll(&watched, 1, 60000), ==, 1); /* else a wake-up is lost */
}

static void test_nothing_lost(void)
{
    Queue *queue = queue_new(CAPACITY, sizeof(Element));
    Producer producers[PRODUCERS];
    pthread_t threads[PRODUCERS];
    Check so_far = {0};
    unsigned each = limit();

    start(queue, producers, threads, each);
    while (so_far.taken < each * PRODUCERS) {
        Element elements[TAKE_MAX];
        size_t count = queue_take(queue, elements, TAKE_MAX);

        if (count == 0)
            sleep_until_readable(queue);
        check(&so_far, elements, count);
    }
    for (unsigned i = 0; i < PRODUCERS; i++) {
        Element more;

        thread_join(threads[i]);
        g_assert_false(producers[i].closed);
        g_assert_cmpuint(so_far.next[i], ==, each);
        g_assert_cmpuint(queue_take(queue, &more, 1), ==, 0);
        g_rand_free(producers[i].random);
    }
    queue_free(queue);
}

/* What was taken in before the close comes out, and nothing that was not. */
static void test_close(void)
{
    for (unsigned round = 0; round < 100; round++) {
        Queue *queue = queue_new(CAPACITY, sizeof(Element));
        Producer producers[PRODUCERS];
        pthread_t threads[PRODUCERS];
        Element elements[TAKE_MAX];
        Check so_far = {0};
        unsigned enough = (unsigned)g_test_rand_int_range(0, 2000);
        size_t count;

        start(queue, producers, threads, UINT32_MAX); /* until it is closed */
        while (so_far.taken < enough) {
            count = queue_take(queue, elements, TAKE_MAX);
            if (count == 0)
                sleep_until_readable(queue);
            check(&so_far, elements, count);
        }
        queue_close(queue);
        while ((count = queue_take(queue, elements, TAKE_MAX)) > 0)
            check(&so_far, elements, count);
        g_assert_cmpuint(so_far.last.left, ==, 0);
        for (unsigned i = 0; i < PRODUCERS; i++) {
            thread_join(threads[i]);
            g_assert_true(producers[i].closed);
            g_assert_cmpuint(so_far.next[i], ==, producers[i].pushed);
            g_rand_free(producers[i].random);
        }
        g_assert_cmpuint(queue_take(queue, elements, TAKE_MAX), ==, 0);
        queue_free(queue);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/queue/stress/nothing-lost-and-in-order", test_nothing_lost);
    g_test_add_func("/queue/stress/close-under-load", test_close);
    return g_test_run();
}
