/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * One worker, and how bytes get from the connection whose turn it is to it and back (worker.c says
 * what it does with them). Belongs to the worker's thread: no locks.
 */

#include "net/worker.h"

/* Ready connections taken at once. As many as that are a sign that one worker does not keep up: the
 * last of them waits for half a millisecond. A lower mark gained nothing on two cores, and cost the
 * sharing of caches. */
#define BATCH 64

/* Bytes executed in one turn. More than any line, so there is always room to read when there is no
 * complete one. */
#define INPUT_SIZE ((size_t)64 << 10)

typedef struct {
    const WorkerContext *context;
    SessionContext session; /* by the configuration that was in force when the batch began */
    bool active;            /* has a place in the active set */
    bool watching;          /* the ready set: nobody else does, as long as this one goes on to */
    Connection *batch[BATCH];
    unsigned next; /* of the batch, to be begun */
    unsigned count;
    int64_t taken; /* monotonic_ns() when the batch was */

    /* Of the connection whose turn it is */
    bool paced;  /* it may say only so many lines a second */
    char *input; /* (owned) INPUT_SIZE bytes, of which begin to end are to be executed */
    size_t begin;
    size_t end;
    Turn turn;         /* its output and updates are owned, and kept from turn to turn */
    unsigned answered; /* lines whose replies are in the output, if it is a client's */
    int64_t now;       /* monotonic_ns() when a turn sent last, or the batch was taken */
} Worker;

/* What @connection has kept goes back into the worker's input. */
void worker_load_input(Worker *worker, Connection *connection);

/* What is left of the worker's input stays with @connection. */
void worker_keep_input(Worker *worker, Connection *connection);

/* Hands over what was stored. */
void worker_flood_updates(Worker *worker);

/* Floods what was stored, then sends the replies that say so; what the socket does not take stays
 * with @connection. FALSE: the peer is gone. */
bool worker_send_output(Worker *worker, Connection *connection);

/* Sends what @connection has kept. FALSE: the peer is gone. */
bool worker_send_kept(Worker *worker, Connection *connection);

/* Reads what there is, up to the room in the input. FALSE: the peer is gone. */
bool worker_receive(Worker *worker, Connection *connection);
