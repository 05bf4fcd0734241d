/* SPDX-License-Identifier: MIT */
#include "cmd/service.h"

#include "core/thread.h"
#include "net/listeners.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#define STATUS_EVERY_MS 2000
/* For a reload, in which nobody feeds the watchdog: names that are looked up may take long, each
 * until the resolver gives up. */
#define RELOAD_WATCHDOG_US (UINT64_C(120) * 1000000)
#define KEPT               "listen-" /* the names of kept sockets begin so */

struct Service {
    bool is_managed;      /* somebody listens to what is said */
    bool has_complained;  /* that it cannot be said */
    uint64_t watchdog_us; /* within which it has to be fed; 0: there is no watchdog */
    int64_t status_at;    /* monotonic_ms() when status was told */
    char *status;         /* (owned) (nullable) as it was told last */
};

Service *service_new(void)
{
    Service *service = g_new0(Service, 1);

    service->is_managed = getenv("NOTIFY_SOCKET") != NULL;
    if (service->is_managed && sd_watchdog_enabled(0, &service->watchdog_us) <= 0)
        service->watchdog_us = 0;
    return service;
}

void service_free(Service *service)
{
    g_free(service->status);
    g_free(service);
}

/* @result is negative if the manager could not be told. The member serves all the same. */
static void check_told(Service *service, int result)
{
    if (result < 0 && !service->has_complained)
        fprintf(stderr, "herdd: cannot tell the service manager anything: NOTIFY_SOCKET: %s\n",
                g_strerror(-result));
    service->has_complained |= result < 0;
}

G_GNUC_PRINTF(2, 3)
static void tell(Service *service, const char *format, ...)
{
    va_list arguments;

    if (!service->is_managed)
        return;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    check_told(service, sd_notify(0, text));
}

GArray *service_take_sockets(void)
{
    GArray *sockets = handed_sockets_new();
    char **names = NULL;
    int count = sd_listen_fds_with_names(1, &names);

    if (count < 0)
        fprintf(stderr, "herdd: cannot take the sockets that were handed over: %s\n",
                g_strerror(-count));
    for (int i = 0; i < count; i++) {
        HandedSocket socket = {.descriptor = SD_LISTEN_FDS_START + i, .name = g_strdup(names[i])};

        g_array_append_val(sockets, socket);
        free(names[i]); /* libsystemd's */
    }
    free(names);
    return sockets;
}

/* Whether a socket that is in use has that name. */
static bool is_in_use(const GArray *handed, const char *name)
{
    for (unsigned i = 0; i < handed->len; i++) {
        const HandedSocket *socket = &g_array_index(handed, HandedSocket, i);

        if (socket->used && strcmp(socket->name, name) == 0)
            return true;
    }
    return false;
}

static void keep(Service *service, int descriptor, const char *name)
{
    g_autofree char *text = g_strdup_printf("FDSTORE=1\nFDNAME=%s", name);

    check_told(service, sd_pid_notify_with_fds(0, 0, text, &descriptor, 1));
}

void service_keep_sockets(Service *service, const GArray *listeners, const GArray *handed)
{
    if (!service->is_managed)
        return;
    for (unsigned i = 0; i < handed->len; i++) {
        const HandedSocket *socket = &g_array_index(handed, HandedSocket, i);

        if (!socket->used && g_str_has_prefix(socket->name, KEPT))
            tell(service, "FDSTOREREMOVE=1\nFDNAME=%s", socket->name);
    }
    /* A name is for one socket, since it is by name that it is removed. */
    for (unsigned i = 0, number = 0; i < listeners->len; i++) {
        const Listener *listener = &g_array_index(listeners, Listener, i);
        g_autofree char *name = NULL;

        if (listener->handed)
            continue;
        do {
            g_free(name);
            name = g_strdup_printf(KEPT "%u", number++);
        } while (is_in_use(handed, name));
        keep(service, listener->descriptor, name);
    }
}

int64_t service_interval_ms(const Service *service)
{
    if (!service->is_managed)
        return -1;
    if (service->watchdog_us == 0)
        return STATUS_EVERY_MS;
    return CLAMP((int64_t)(service->watchdog_us / 4000), 1, STATUS_EVERY_MS);
}

static void note_status(Service *service, const char *status)
{
    g_free(service->status);
    service->status = g_strdup(status);
    service->status_at = monotonic_ms();
}

void service_say_ready(Service *service, const char *status)
{
    tell(service, "READY=1\nSTATUS=%s", status);
    note_status(service, status);
}

/* How long the manager is to wait for a watchdog's next feeding, from now on. */
static void set_watchdog(Service *service, uint64_t microseconds)
{
    if (service->watchdog_us > 0)
        tell(service, "WATCHDOG_USEC=%" PRIu64, microseconds);
}

void service_say_reloading(Service *service)
{
    set_watchdog(service, MAX(service->watchdog_us, RELOAD_WATCHDOG_US));
    tell(service, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, g_get_monotonic_time());
}

void service_say_stopping(Service *service, int64_t timeout_ms)
{
    tell(service, "STOPPING=1\nSTATUS=stopping\nEXTEND_TIMEOUT_USEC=%" PRId64, timeout_ms * 1000);
    note_status(service, "stopping");
    /* systemd has no watchdog for what stops, but feeding would make one, and a reload that ended
     * just before has. */
    set_watchdog(service, (uint64_t)timeout_ms * 1000);
    service->watchdog_us = 0;
}

void service_say_reloaded(Service *service, const char *status)
{
    service_say_ready(service, status);
    set_watchdog(service, service->watchdog_us);
}

void service_report(Service *service, bool is_alive, const char *status)
{
    if (service->watchdog_us > 0 && is_alive)
        tell(service, "WATCHDOG=1");
    if (monotonic_ms() < service->status_at + STATUS_EVERY_MS ||
        g_strcmp0(status, service->status) == 0)
        return;
    tell(service, "STATUS=%s", status);
    note_status(service, status);
}
