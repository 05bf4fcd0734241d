/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a provider says in words of its own is told on without the URLs in it (PROTOCOL R15): they
 * lead to the console of whoever runs the herd, which is nothing for its clients.
 */

#include "core/slice.h"

#include <glib.h>

#define URLSCRUB_REPLACEMENT "[url]"

/* Appends @message to @out with URLSCRUB_REPLACEMENT in place of every URL, which is anything like
 * scheme://..., up to white space. Punctuation at its end is the sentence's and stays. */
void urlscrub_append(GString *out, Slice message);
