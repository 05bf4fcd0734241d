/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * How many calls may be made: at most so many in any 60 seconds, wherever they begin. It protects
 * the bill of whoever owns the key. Any thread may use a budget; its mutex is a leaf.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Budget Budget;

/* 0: no bound. 8 bytes for each call of @per_minute. (transfer full) */
Budget *budget_new(unsigned per_minute);
void budget_free(Budget *budget); /* NULL is fine */

/* Takes a call. FALSE: there is none left at @now_ms, which is monotonic_ms(). */
bool budget_take(Budget *budget, int64_t now_ms);
