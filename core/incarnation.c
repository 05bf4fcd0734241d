/* SPDX-License-Identifier: MIT */
#include "core/incarnation.h"

#include "core/hash.h"

#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int64_t own; /* read-only after once */

static void choose(void)
{
    own = (int64_t)(hash_key_random().words[0] % UINT64_C(999999999999999999)) + 1;
}

int64_t incarnation(void)
{
    pthread_once(&once, choose);
    return own;
}
