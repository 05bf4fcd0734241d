/* SPDX-License-Identifier: MIT */
#include "core/queue.h"
#include "core/thread.h"

#include <glib.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool readable(const Queue *queue)
{
    struct pollfd watched = {.fd = queue_descriptor(queue), .events = POLLIN};

    return poll(&watched, 1, 0) == 1;
}

static void push(Queue *queue, int first, int count)
{
    g_autofree int *elements = g_new(int, count);

    for (int i = 0; i < count; i++)
        elements[i] = first + i;
    g_assert_cmpint(queue_push(queue, elements, (size_t)count), ==, QUEUE_OK);
}

/* Takes up to @most; they are @first and those that follow it, @count of them. */
static void assert_take(Queue *queue, size_t most, int first, size_t count)
{
    g_autofree int *elements = g_new(int, most);

    g_assert_cmpuint(queue_take(queue, elements, most), ==, count);
    for (size_t i = 0; i < count; i++)
        g_assert_cmpint(elements[i], ==, first + (int)i);
}

static void test_length(void)
{
    Queue *queue = queue_new(4, sizeof(int));

    g_assert_cmpuint(queue_length(queue), ==, 0);
    push(queue, 0, 3);
    g_assert_cmpuint(queue_length(queue), ==, 3);
    assert_take(queue, 2, 0, 2);
    push(queue, 3, 3); /* round the end */
    g_assert_cmpuint(queue_length(queue), ==, 4);
    queue_close(queue);
    g_assert_cmpuint(queue_length(queue), ==, 4);
    assert_take(queue, 9, 2, 4);
    g_assert_cmpuint(queue_length(queue), ==, 0);
    queue_free(queue);
}

static void test_order(void)
{
    Queue *queue = queue_new(8, sizeof(int));

    assert_take(queue, 8, 0, 0);
    push(queue, 0, 1);
    push(queue, 1, 3);
    push(queue, 4, 1);
    assert_take(queue, 2, 0, 2);
    assert_take(queue, 8, 2, 3);
    assert_take(queue, 8, 0, 0);
    queue_free(queue);
    queue_free(NULL);
}

/* Through the ring's end, with every fill and every size of push and take. */
static void test_wraps(void)
{
    enum { CAPACITY = 7 };

    for (int in = 1; in <= CAPACITY; in++) {
        for (int out = 1; out <= CAPACITY; out++) {
            Queue *queue = queue_new(CAPACITY, sizeof(int));
            int pushed = 0, taken = 0;

            for (int round = 0; round < 50; round++) {
                if (pushed - taken + in <= CAPACITY) {
                    push(queue, pushed, in);
                    pushed += in;
                }
                int wanted = MIN(out, pushed - taken);
                assert_take(queue, (size_t)out, taken, (size_t)wanted);
                taken += wanted;
            }
            queue_free(queue);
        }
    }
}

static void test_element_sizes(void)
{
    static const size_t sizes[] = {1, 3, 8, 24, 100};

    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        size_t size = sizes[i];
        Queue *queue = queue_new(3, size);
        g_autofree char *in = g_malloc(3 * size);
        g_autofree char *out = g_malloc(3 * size);

        for (size_t k = 0; k < 3 * size; k++)
            in[k] = (char)g_test_rand_int_range(0, 256);
        g_assert_cmpint(queue_push(queue, in, 2), ==, QUEUE_OK);
        g_assert_cmpuint(queue_take(queue, out, 1), ==, 1);
        g_assert_cmpint(queue_push(queue, in + 2 * size, 1), ==, QUEUE_OK);
        g_assert_cmpuint(queue_take(queue, out + size, 3), ==, 2);
        g_assert_true(memcmp(out, in, 3 * size) == 0);
        queue_free(queue);
    }
}

static void test_property_like_a_list(void)
{
    for (int round = 0; round < 200; round++) {
        int capacity = g_test_rand_int_range(1, 12);
        Queue *queue = queue_new((size_t)capacity, sizeof(int));
        int pushed = 0, taken = 0;

        for (int step = 0; step < 100; step++) {
            int room = capacity - (pushed - taken);
            int count = g_test_rand_int_range(0, capacity + 1);

            if (g_test_rand_bit() && count > 0 && count <= room) {
                push(queue, pushed, count);
                pushed += count;
            } else if (count > 0) {
                int wanted = MIN(count, pushed - taken);

                assert_take(queue, (size_t)count, taken, (size_t)wanted);
                taken += wanted;
            }
        }
        queue_free(queue);
    }
}

static void test_descriptor(void)
{
    Queue *queue = queue_new(8, sizeof(int));

    g_assert_false(readable(queue));
    /* The consumer has not looked yet, so it is awake. */
    push(queue, 0, 1);
    g_assert_false(readable(queue));
    assert_take(queue, 8, 0, 1);
    /* It found something, so it is awake still. */
    push(queue, 1, 1);
    g_assert_false(readable(queue));
    assert_take(queue, 8, 1, 1);
    assert_take(queue, 8, 0, 0);
    g_assert_false(readable(queue));
    /* It found nothing: the next one wakes it. */
    push(queue, 2, 1);
    g_assert_true(readable(queue));
    push(queue, 3, 1);
    g_assert_true(readable(queue));
    /* Once is enough. */
    assert_take(queue, 1, 2, 1);
    g_assert_false(readable(queue));
    push(queue, 4, 1);
    g_assert_false(readable(queue));
    assert_take(queue, 8, 3, 2);
    queue_free(queue);
}

static void test_close_keeps_what_is_in(void)
{
    Queue *queue = queue_new(8, sizeof(int));
    int more[2] = {7, 8};

    push(queue, 0, 3);
    queue_close(queue);
    g_assert_cmpint(queue_push(queue, more, 2), ==, QUEUE_CLOSED);
    assert_take(queue, 2, 0, 2);
    g_assert_cmpint(queue_push(queue, more, 1), ==, QUEUE_CLOSED);
    assert_take(queue, 8, 2, 1);
    assert_take(queue, 8, 0, 0);
    queue_close(queue);
    queue_free(queue);
}

static void test_close_wakes_the_consumer(void)
{
    Queue *queue = queue_new(8, sizeof(int));

    assert_take(queue, 8, 0, 0);
    g_assert_false(readable(queue));
    queue_close(queue);
    g_assert_true(readable(queue));
    queue_free(queue);
}

typedef struct {
    Queue *queue;
    int first, count; /* one push of them */
    QueueOutcome outcome;
    atomic_int id; /* of the thread, once it runs */
} Producer;

static void produce(void *argument)
{
    Producer *producer = argument;
    g_autofree int *elements = g_new(int, producer->count);

    for (int i = 0; i < producer->count; i++)
        elements[i] = producer->first + i;
    atomic_store(&producer->id, gettid());
    producer->outcome = queue_push(producer->queue, elements, (size_t)producer->count);
}

static pthread_t start(Producer *producer)
{
    g_autoptr(GError) error = NULL;
    pthread_t thread;
    bool started = thread_start(&thread, "producer", produce, producer, &error);

    g_assert_no_error(error);
    g_assert_true(started);
    return thread;
}

/* Until the kernel says that the producer sleeps, which can be in queue_push() only. */
static void wait_until_blocked(Producer *producer)
{
    for (;;) {
        int id = atomic_load(&producer->id);
        g_autofree char *path = g_strdup_printf("/proc/self/task/%d/stat", id);
        g_autofree char *text = NULL;

        if (id != 0 && g_file_get_contents(path, &text, NULL, NULL) && strstr(text, ") S ") != NULL)
            return;
        sched_yield();
    }
}

static void test_blocked_push_is_released_by_take(void)
{
    Queue *queue = queue_new(2, sizeof(int));
    Producer producer = {.queue = queue, .first = 2, .count = 1, .outcome = QUEUE_CLOSED};

    push(queue, 0, 2);
    pthread_t thread = start(&producer);
    wait_until_blocked(&producer);
    assert_take(queue, 1, 0, 1);
    thread_join(thread);
    g_assert_cmpint(producer.outcome, ==, QUEUE_OK);
    assert_take(queue, 8, 1, 2);
    queue_free(queue);
}

static void test_blocked_push_is_released_by_close(void)
{
    Queue *queue = queue_new(2, sizeof(int));
    Producer producers[3];
    pthread_t threads[3];

    push(queue, 0, 2);
    for (size_t i = 0; i < 3; i++) {
        producers[i] = (Producer){.queue = queue, .first = 10, .count = 1, .outcome = QUEUE_OK};
        threads[i] = start(&producers[i]);
    }
    for (size_t i = 0; i < 3; i++)
        wait_until_blocked(&producers[i]);
    queue_close(queue);
    for (size_t i = 0; i < 3; i++) {
        thread_join(threads[i]);
        g_assert_cmpint(producers[i].outcome, ==, QUEUE_CLOSED);
    }
    assert_take(queue, 8, 0, 2);
    queue_free(queue);
}

static void test_batch_is_all_or_nothing(void)
{
    Queue *queue = queue_new(4, sizeof(int));
    Producer producer = {.queue = queue, .first = 100, .count = 3, .outcome = QUEUE_OK};

    push(queue, 0, 4);
    pthread_t thread = start(&producer);
    wait_until_blocked(&producer);
    /* Room for two of its three. */
    assert_take(queue, 2, 0, 2);
    queue_close(queue);
    thread_join(thread);
    g_assert_cmpint(producer.outcome, ==, QUEUE_CLOSED);
    assert_take(queue, 8, 2, 2);
    assert_take(queue, 8, 0, 0);
    queue_free(queue);
}

static void test_batch_of_the_whole_capacity(void)
{
    Queue *queue = queue_new(4, sizeof(int));
    Producer producer = {.queue = queue, .first = 1, .count = 4, .outcome = QUEUE_CLOSED};

    push(queue, 0, 1);
    pthread_t thread = start(&producer);
    wait_until_blocked(&producer);
    assert_take(queue, 4, 0, 1);
    thread_join(thread);
    g_assert_cmpint(producer.outcome, ==, QUEUE_OK);
    assert_take(queue, 4, 1, 4);
    queue_free(queue);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/queue/length", test_length);
    g_test_add_func("/queue/take/order", test_order);
    g_test_add_func("/queue/take/wraps", test_wraps);
    g_test_add_func("/queue/take/element-sizes", test_element_sizes);
    g_test_add_func("/queue/take/property/like-a-list", test_property_like_a_list);
    g_test_add_func("/queue/descriptor/readable-only-when-the-consumer-slept", test_descriptor);
    g_test_add_func("/queue/close/keeps-what-is-in", test_close_keeps_what_is_in);
    g_test_add_func("/queue/close/wakes-the-consumer", test_close_wakes_the_consumer);
    g_test_add_func("/queue/push/blocked-is-released-by-take",
                    test_blocked_push_is_released_by_take);
    g_test_add_func("/queue/push/blocked-is-released-by-close",
                    test_blocked_push_is_released_by_close);
    g_test_add_func("/queue/push/batch-is-all-or-nothing", test_batch_is_all_or_nothing);
    g_test_add_func("/queue/push/batch-of-the-whole-capacity", test_batch_of_the_whole_capacity);
    return g_test_run();
}
