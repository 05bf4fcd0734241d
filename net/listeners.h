/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The listening sockets of a member: those that whoever started it has handed over, as far as they
 * are at its addresses, and sockets of its own at the others.
 */

#include "core/config.h"
#include "core/endpoint.h"
#include "core/log.h"

#include <glib.h>
#include <stdbool.h>

/* A socket that was handed over. */
typedef struct {
    int descriptor; /* (owned) -1: it is a listener's, or closed */
    char *name;     /* (owned) by which whoever handed it over knows it */
    bool used;      /* it is a listener's */
} HandedSocket;

/* (transfer full) of HandedSocket. What nobody has taken is closed when it is freed. */
GArray *handed_sockets_new(void);

typedef struct {
    int descriptor; /* (owned) -1: another listener's socket is at this address too */
    bool tls;       /* what is said over its connections is said over TLS */
    bool handed;    /* others have the socket too: it goes on to listen when this is closed */
} Listener;

/*
 * Listens on each address of the member: one Listener each, in that order. (transfer full), for
 * listeners_close(). The sockets of @handed (nullable) that are at none of them are closed, and
 * @log tells. NULL with @error set: one line with the address and the cause. Called from main.
 */
GArray *listeners_open(const Member *self, GArray *handed, Log *log, GError **error);

/* A socket of our own that listens on @endpoint, non-blocking, closed by exec. -1 with errno set.
 */
int listener_socket(const Endpoint *endpoint);

/* Closes what is open of @listeners, which is empty then. */
void listeners_close(GArray *listeners);
