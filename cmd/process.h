/* SPDX-License-Identifier: MIT */
#pragma once

/* What this process uses, as the kernel counts it. */

#include <stdint.h>

typedef struct {
    double cpu_s;             /* of all its threads, ended ones included */
    uint64_t resident;        /* bytes; 0: not known */
    uint64_t descriptors;     /* open; 0: not known */
    uint64_t descriptors_max; /* the soft limit; UINT64_MAX: none */
} ProcessUse;

/* Any thread. */
ProcessUse process_use(void);
