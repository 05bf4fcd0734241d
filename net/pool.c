/* SPDX-License-Identifier: MIT */
#include "net/pool.h"

#include "core/thread.h"

struct Pool {
    WorkerContext *context;
    unsigned count; /* of threads */
    pthread_t threads[];
};

Pool *pool_new(WorkerContext *context, unsigned workers, GError **error)
{
    Pool *pool = g_malloc0(sizeof *pool + workers * sizeof pool->threads[0]);

    pool->context = context;
    while (pool->count < workers) {
        char name[32];

        g_snprintf(name, sizeof name, "worker/%u", pool->count);
        if (!thread_start(&pool->threads[pool->count], name, worker_main, context, error)) {
            pool_free(pool);
            return NULL;
        }
        pool->count++;
    }
    return pool;
}

void pool_free(Pool *pool)
{
    if (pool == NULL)
        return;
    ready_set_close(pool->context->ready);
    active_set_close(pool->context->active);
    for (unsigned i = 0; i < pool->count; i++)
        thread_join(pool->threads[i]);
    g_free(pool);
}
