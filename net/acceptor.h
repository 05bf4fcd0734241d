/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The acceptor thread: it owns the listening sockets, hands every new connection to the pool's
 * ready set, keeps the limits on connections, and once a second has everybody's deadlines swept.
 */

#include "core/config-current.h"
#include "core/log.h"
#include "net/connections.h"
#include "net/listeners.h"
#include "net/ready-set.h"
#include "net/tls.h"

#include <glib.h>

#define HERD_ACCEPTOR_ERROR (herd_acceptor_error_quark())
GQuark herd_acceptor_error_quark(void);

typedef enum {
    HERD_ACCEPTOR_ERROR_LISTEN, /* an address cannot be listened on */
} HerdAcceptorError;

typedef struct Acceptor Acceptor;

/* What is done once a second with the time in monotonic_ms(), by the acceptor thread. */
typedef struct {
    void (*run)(void *self, int64_t now_ms);
    void *self;
} Sweep;

/* Listens on every address of the member, with the sockets of @handed (nullable) as far as they are
 * there; nothing is accepted yet, but clients can connect. NULL with @error set: one line with the
 * address and the cause. Called from main. */
Acceptor *acceptor_new(const ConfigCurrent *configs, Connections *connections, ReadySet *ready,
                       Tls *tls, Sweep sweep, GArray *handed, Log *log, GError **error);

/* Its sockets, of Listener, as they are until it stops to listen. Called from main. (transfer
 * none) */
const GArray *acceptor_listeners(const Acceptor *acceptor);

/* Starts the thread. FALSE with @error set. */
bool acceptor_start(Acceptor *acceptor, GError **error);

/* Stops listening: no connection comes in any more. What has connected by now is accepted before,
 * unless its socket was handed over and so will be to somebody else too. The sweep goes on until
 * acceptor_free(). Called from main. */
void acceptor_stop_listening(Acceptor *acceptor);

/* Ends the thread. */
void acceptor_free(Acceptor *acceptor);
