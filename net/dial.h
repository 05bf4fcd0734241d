/* SPDX-License-Identifier: MIT */
#pragma once

#include "core/endpoint.h"

/* Begins to connect a socket to @to, from the address of @from (with a port of the kernel's choice)
 * if they are of one family. It does not block, and ends by itself when the other side acknowledges
 * nothing for @timeout_ms. Returns its descriptor (transfer full), which becomes writable when it
 * is connected or has failed; or -1 with errno set. */
int dial(const Endpoint *from, const Endpoint *to, int timeout_ms);

/* What has become of it when it is writable: 0, or why it failed (errno). */
int dial_outcome(int descriptor);

/* The same socket, from now on with @timeout_ms. */
void dial_set_timeout(int descriptor, int timeout_ms);
