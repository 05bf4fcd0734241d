/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Whether this process has more memory than it may have (max_memory_mb). Measured from time to
 * time, so that asking costs nothing; what is allocated between two looks is bounded by what comes
 * in over the network in that time.
 */

#include <stdbool.h>
#include <stddef.h>

/* Measures, and returns how many bytes there are of memory of its own: resident and not of a file.
 * It is short above @most MiB, of which those count that are in use, not those that malloc() keeps
 * for later; 0: never. One thread, from time to time. */
size_t memory_measure(unsigned most);

/* As it was when it was last measured. Any thread. */
bool memory_is_short(void);
