/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A number that tells this run of a member from every other run of it: random, the same for as long
 * as the process lives. Any thread.
 */

#include <stdint.h>

#define INCARNATION_UNKNOWN 0 /* of a peer that does not say; no process has it */

/* 1 to 999,999,999,999,999,999: eighteen digits. */
int64_t incarnation(void);
