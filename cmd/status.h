/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * How a member is: for people and their tools as JSON, and in a word for who starts it, sends
 * clients to it, or puts up a new one in its place.
 *
 * Each is a page's write() (cmd/http.h), with Parts as its self. Any thread, no lock held.
 */

#include "cmd/parts.h"

#include <glib.h>

/* /status: 200 and a JSON text. */
unsigned status_write(const void *parts, GString *body);

/* /healthz: 200 and "ok", or 503 and what stands still. */
unsigned status_write_health(const void *parts, GString *body);

/* /readyz: 200 and "ok", or 503 and why not to send clients here. */
unsigned status_write_readiness(const void *parts, GString *body);
