/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * One member on one loop: what its connections, links and lookups share. There is one thread, so
 * nothing here has a lock; only the log writes its file from a thread of its own, and the store
 * keeps the locks that it has for others.
 */

#include "core/config.h"
#include "core/log.h"
#include "core/store.h"

#include <glib.h>
#include <uv.h>

/* The longest half line and what is read behind it: see connection.c. */
#define INPUT_SIZE ((size_t)64 << 10)

typedef struct Link Link;
typedef struct Lookups Lookups;

typedef struct {
    uv_loop_t loop;
    const Config *config;
    Log *log;           /* (owned) */
    Store *store;       /* (owned) */
    GPtrArray *links;   /* owned Link, in the order of the configuration's neighbours */
    Lookups *lookups;   /* (owned) */
    GQueue connections; /* of Connection, by Connection.position */

    /* One callback runs at a time, and uses these from its begin to its end. */
    char input[INPUT_SIZE]; /* what was read last */
    GString *output;        /* (owned) replies that are gathered for one write */

    uv_tcp_t *listeners; /* (owned) one for each of config->self->listen */
    uv_signal_t signals[3];
    uv_prepare_t prepare;  /* before it waits the loop sends what links were given */
    uv_timer_t sweep;      /* runs while connections linger */
    uv_timer_t stop_limit; /* runs while the server stops */
    bool stopping;
} Server;

/* Listens and dials. NULL with @error set: its message is one line. */
Server *server_start(const Config *config, GError **error);

/* Runs until a signal ends it and all connections have got what they are owed. */
void server_run(Server *server);

void server_free(Server *server);

/* A connection has closed. */
void server_connection_closed(Server *server);

/* Keeps @record if it is newer than what is known, and then tells every link but @from
 * (CONNECTION_CLIENT: every link). PROTOCOL R9, R20. */
StoreOutcome server_store(Server *server, Record *record, int from);
