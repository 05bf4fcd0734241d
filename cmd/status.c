/* SPDX-License-Identifier: MIT */
#include "cmd/status.h"

#include "cmd/process.h"
#include "core/counters.h"
#include "core/options.h"
#include "core/thread.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>
#include <yajl/yajl_gen.h>

enum { HTTP_OK = 200, HTTP_UNAVAILABLE = 503 };

/*
 * Why clients should not be sent here, or NULL. (transfer full)
 *
 * Clients can connect before the HTTP port is open. But a member that has just started knows
 * nothing of what its neighbours know, and would call clients of theirs unknown; so it waits until
 * each link to a native neighbour has come up, from when on both sides are told all, or has failed
 * once. Not until all are up: a member whose neighbours are all down serves as well as any, and to
 * take it away from its clients because others are down would take the whole herd away with them.
 * A foreign neighbour cannot be asked what it knows.
 */
static char *why_not_ready(const Parts *parts, const GPtrArray *links)
{
    if (atomic_load(parts->stopping))
        return g_strdup("stopping");
    for (unsigned i = 0; i < links->len; i++) {
        const LinkPost *link = links->pdata[i];

        if (link->is_native && link->state == LINK_STATUS_CONNECTING)
            return g_strdup_printf("starting: the link to %s has not been tried yet",
                                   g_quark_to_string(link->neighbour));
    }
    return NULL;
}

/* Appends "ok" or @why_not (nullable), and returns the page's HTTP status. */
static unsigned write_verdict(const char *why_not, GString *body)
{
    g_string_append_printf(body, "%s\n", why_not != NULL ? why_not : "ok");
    return why_not != NULL ? HTTP_UNAVAILABLE : HTTP_OK;
}

unsigned status_write_health(const void *pointer, GString *body)
{
    const Parts *parts = pointer;
    g_autofree char *standstill = parts->standstill(parts->self);

    return write_verdict(standstill, body);
}

unsigned status_write_readiness(const void *pointer, GString *body)
{
    const Parts *parts = pointer;
    g_autoptr(GPtrArray) links = flood_links(parts->flood);
    g_autofree char *why_not = why_not_ready(parts, links);

    return write_verdict(why_not, body);
}

/* ---- JSON: a name, then its value ---- */

/* What a provider says may be no UTF-8. */
static void put_string(yajl_gen json, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);

    yajl_gen_string(json, (const unsigned char *)valid, strlen(valid));
}

static void put_text(yajl_gen json, const char *name, const char *text)
{
    put_string(json, name);
    if (text != NULL)
        put_string(json, text);
    else
        yajl_gen_null(json);
}

static void put_integer(yajl_gen json, const char *name, uint64_t value)
{
    put_string(json, name);
    yajl_gen_integer(json, (long long)value);
}

static void put_bool(yajl_gen json, const char *name, bool value)
{
    put_string(json, name);
    yajl_gen_bool(json, value);
}

/* With three decimals: yajl's own have too many. */
static void put_number(yajl_gen json, const char *name, double value)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE + 310]; /* no double has more digits before its point */

    put_string(json, name);
    g_ascii_formatd(text, sizeof text, "%.3f", value);
    yajl_gen_number(json, text, strlen(text));
}

static void put_time(yajl_gen json, const char *name, Timestamp time)
{
    char text[64];

    put_string(json, name);
    g_snprintf(text, sizeof text, "%" PRId64 ".%03d", (int64_t)time.seconds,
               (int)time.nanoseconds / 1000000);
    yajl_gen_number(json, text, strlen(text));
}

static void open_map(yajl_gen json, const char *name)
{
    put_string(json, name);
    yajl_gen_map_open(json);
}

/* ---- */

static void put_listen(yajl_gen json, const Member *self)
{
    put_string(json, "listen");
    yajl_gen_array_open(json);
    for (unsigned i = 0; i < self->listen->len; i++)
        put_string(json, ((const Endpoint *)self->listen->pdata[i])->text);
    yajl_gen_array_close(json);
}

static void put_load(yajl_gen json, const Parts *parts, const Config *config)
{
    ActiveSetFigures active = active_set_figures(parts->active);
    LookupFigures lookups = lookups_figures(parts->lookups);

    open_map(json, "connections");
    put_integer(json, "open", connections_count(parts->connections));
    put_integer(json, "most", config->limits.max_connections);
    yajl_gen_map_close(json);
    open_map(json, "workers");
    put_integer(json, "all", config->workers);
    put_integer(json, "active", active.active);
    put_integer(json, "parked", active.parked);
    put_integer(json, "in_lookups", lookups.running);
    yajl_gen_map_close(json);
    open_map(json, "lookups");
    put_integer(json, "running", lookups.running);
    put_integer(json, "waiting", lookups.waiting);
    put_integer(json, "most", config->places.max_lookups);
    yajl_gen_map_close(json);
}

static void put_rates(yajl_gen json, const Parts *parts)
{
    double per_s[RATES];

    rates_read(parts->rates, monotonic_ns(), per_s);
    open_map(json, "rates");
    for (unsigned i = 0; i < RATES; i++)
        put_number(json, rates_name((Rate)i), per_s[i]);
    yajl_gen_map_close(json);
}

static void put_places(yajl_gen json, const Parts *parts, const Config *config)
{
    g_autofree char *left_alone = parts->places_left_alone(parts->self);

    open_map(json, "places");
    put_text(json, "provider", options_provider_name(config->places.provider));
    put_text(json, "state", left_alone != NULL ? "left alone" : "ok");
    put_text(json, "detail", left_alone);
    yajl_gen_map_close(json);
}

static void put_link(yajl_gen json, const Parts *parts, const LinkPost *link)
{
    static const char *const states[] = {
        [LINK_STATUS_UP] = "up",
        [LINK_STATUS_CONNECTING] = "connecting",
        [LINK_STATUS_DOWN] = "down",
    };

    yajl_gen_map_open(json);
    put_text(json, "neighbour", g_quark_to_string(link->neighbour));
    put_text(json, "address", link->address);
    put_text(json, "state", states[link->state]);
    put_time(json, "since", link->since);
    put_text(json, "reason", link->reason);
    put_integer(json, "pending", link->pending);
    put_number(json, "lag_ms", (double)link_post_lag_ms(link, monotonic_ms()));
    put_bool(json, "joined", connections_joined(parts->connections, link->neighbour) > 0);
    yajl_gen_map_close(json);
}

static void put_links(yajl_gen json, const Parts *parts, const GPtrArray *links)
{
    put_string(json, "links");
    yajl_gen_array_open(json);
    for (unsigned i = 0; i < links->len; i++)
        put_link(json, parts, links->pdata[i]);
    yajl_gen_array_close(json);
}

static void put_counters(yajl_gen json)
{
    open_map(json, "counters");
    for (unsigned i = 0; i < COUNTERS; i++)
        put_integer(json, counters_name((Counter)i), counters_read((Counter)i));
    yajl_gen_map_close(json);
}

static void put_status(yajl_gen json, const Parts *parts)
{
    const Config *config = config_current_get(parts->configs);
    g_autoptr(GPtrArray) links = flood_links(parts->flood);
    g_autofree char *why_not = why_not_ready(parts, links);

    put_text(json, "member", config->self->name);
    put_text(json, "version", HERD_VERSION);
    put_integer(json, "pid", (uint64_t)getpid());
    put_time(json, "started", parts->started);
    put_number(json, "uptime_s", (double)(monotonic_ns() - parts->started_ns) / 1e9);
    put_bool(json, "ready", why_not == NULL);
    put_listen(json, config->self);
    put_load(json, parts, config);
    put_rates(json, parts);
    put_integer(json, "records", store_size(parts->store));
    put_integer(json, "memory_bytes", process_use().resident);
    put_places(json, parts, config);
    put_links(json, parts, links);
    open_map(json, "log");
    put_integer(json, "dropped", log_dropped(parts->log));
    yajl_gen_map_close(json);
    put_counters(json);
}

unsigned status_write(const void *parts, GString *body)
{
    yajl_gen json = yajl_gen_alloc(NULL);
    const unsigned char *text;
    size_t length;

    g_assert(json != NULL); /* out of memory */
    yajl_gen_map_open(json);
    put_status(json, parts);
    yajl_gen_map_close(json);
    yajl_gen_get_buf(json, &text, &length);
    g_string_append_len(body, (const char *)text, (gssize)length);
    g_string_append_c(body, '\n');
    yajl_gen_free(json);
    return HTTP_OK;
}
