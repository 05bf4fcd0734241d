/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Places lookups, all of them under way on the one loop: libcurl's multi interface says which
 * sockets and which time it waits for, and uv_poll and uv_timer wait for them.
 *
 * At most max_lookups ask the provider at once, over connections that are kept; the others wait for
 * one of those, within their timeout_ms.
 */

#include "core/query.h"
#include "core/record.h"
#include "scripts/variants/libuv/connection.h"

/* Reads the API key. NULL with @error set. */
Lookups *lookups_new(uv_loop_t *loop, const PlacesOptions *options, GError **error);

/* What has failed is logged from now on. */
void lookups_set_log(Lookups *lookups, Log *log);

/* Abandons what is under way. The handles that it has in the loop close in the loop's next turns.
 * NULL is fine. */
void lookups_free(Lookups *lookups);

/* Asks what is near the place of @record. connection_resume() tells, never before this returns. */
Lookup *lookups_begin(Lookups *lookups, Connection *connection, Record *record,
                      const PlacesQuery *query);

/* Nobody waits for @lookup any more. */
void lookups_abandon(Lookup *lookup);
