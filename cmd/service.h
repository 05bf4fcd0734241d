/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a member and the service manager say to each other: sd_notify(3), sd_listen_fds(3),
 * sd_watchdog_enabled(3), and the file descriptor store, in which the manager keeps the listening
 * sockets from one run of the member to the next. Where there is no manager nothing is said.
 *
 * All functions are called from main.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Service Service;

/* Finds out from the environment what the manager wants. */
Service *service_new(void);
void service_free(Service *service);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Service, service_free)

/* Takes the sockets that the manager hands over. (transfer full) of HandedSocket. */
GArray *service_take_sockets(void);

/* Has the manager keep the sockets of @listeners for the next run, and forget those of @handed that
 * it has kept and that nobody used. */
void service_keep_sockets(Service *service, const GArray *listeners, const GArray *handed);

/* How long to wait before service_report() has something to say again; negative: for good. */
int64_t service_interval_ms(const Service *service);

/* The member serves; @status is a line for people. */
void service_say_ready(Service *service, const char *status);

/* It takes over a new configuration, until it has said that it is reloaded. The watchdog has
 * patience meanwhile, since main, which feeds it, may wait for names to be looked up. */
void service_say_reloading(Service *service);

/* It serves as before, or by the new one. */
void service_say_reloaded(Service *service, const char *status);

/* It stops, and may need @timeout_ms for that. The watchdog is not fed any more. */
void service_say_stopping(Service *service, int64_t timeout_ms);

/* Feeds the watchdog if the member @is_alive, and tells @status if it has changed. */
void service_report(Service *service, bool is_alive, const char *status);
