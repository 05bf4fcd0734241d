/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A bounded queue of small elements, for many producers and one consumer that sleeps in poll() or
 * epoll_wait().
 *
 * The consumer watches queue_descriptor(). It becomes readable when an element arrives while the
 * consumer sleeps, that is, after a queue_take() that found nothing; a producer that finds the
 * consumer awake makes no system call.
 *
 * Lock order: the queue's mutex is a leaf; nothing else is taken under it.
 */

#include <stdbool.h>
#include <stddef.h>

typedef struct Queue Queue;

typedef enum {
    QUEUE_OK,
    QUEUE_CLOSED, /* not taken; it never will be */
} QueueOutcome;

/* A queue of at most @capacity elements of @element_size bytes each, which are copied in and out.
 */
Queue *queue_new(size_t capacity, size_t element_size);

/* Neither producers nor the consumer use it any more. What elements own is the caller's to have
 * taken out. */
void queue_free(Queue *queue);

/* Adds @count elements, in order and all of them, waiting for room: for a consumer that never
 * blocks. On QUEUE_OK the queue has what the elements own; on QUEUE_CLOSED the caller keeps all of
 * it. Any thread, no lock held. */
QueueOutcome queue_push(Queue *queue, const void *elements, size_t count);

/* Takes up to @most elements; returns how many. Zero: the consumer may sleep until
 * queue_descriptor() is readable. The consumer's thread only. */
size_t queue_take(Queue *queue, void *elements, size_t most);

/* Readable when the consumer should call queue_take() again. (transfer none) */
int queue_descriptor(const Queue *queue);

/* How many elements wait to be taken. Any thread. */
size_t queue_length(Queue *queue);

/* Nothing more is taken in: producers that wait get QUEUE_CLOSED. What is in it can still be taken.
 */
void queue_close(Queue *queue);

/* Whether it was closed; what was in it may still be. Any thread. */
bool queue_closed(Queue *queue);
