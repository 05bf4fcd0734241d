/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A worker at work: it takes ready connections, reads, executes, and writes, and blocks in lookups.
 */

#include "core/config-current.h"
#include "net/active-set.h"
#include "net/connections.h"
#include "net/lookups.h"
#include "net/ready-set.h"
#include "net/session.h"

/* What all workers share. Read-only after its making; each part has its own lock. */
typedef struct {
    const ConfigCurrent *configs;
    SessionContext session; /* but for its config, which is each worker's own */
    ReadySet *ready;
    ActiveSet *active;
    Connections *connections;
    Lookups *lookups;
} WorkerContext;

/* Works until the ready set and the active set are closed. @context is a WorkerContext. The main
 * function of a worker's thread. */
void worker_main(void *context);
