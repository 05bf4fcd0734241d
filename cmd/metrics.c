/* SPDX-License-Identifier: MIT */
#include "cmd/metrics.h"

#include "cmd/parts.h"
#include "cmd/process.h"
#include "core/counters.h"
#include "core/durations.h"
#include "core/memory.h"
#include "core/thread.h"

#include <inttypes.h>
#include <string.h>

#define HTTP_OK 200

/* One counter of core/counters.h as a series: a family may have several, which stand together here
 * and whose labels tell them apart; the first one's help is the family's. A family's series do not
 * overlap, so that their sum means something. */
typedef struct {
    Counter counter;
    const char *family;
    const char *labels; /* (nullable) */
    const char *help;
} Series;

static const Series series[] = {
    {COUNT_IAMAT, "herd_requests_total", "kind=\"iamat\"", "Lines of clients, by what they were."},
    {COUNT_WHATSAT, "herd_requests_total", "kind=\"whatsat\"", NULL},
    {COUNT_INVALID, "herd_requests_total", "kind=\"invalid\"", NULL},
    {COUNT_STALE, "herd_stale_iamats_total", NULL,
     "IAMATs that were not newer than what there was."},
    {COUNT_CONNECTIONS, "herd_connections_total", NULL, "Connections accepted."},
    {COUNT_CONNECTIONS_REFUSED, "herd_connections_refused_total", "limit=\"max_connections\"",
     "Connections closed at once, by the limit that was reached."},
    {COUNT_CONNECTIONS_REFUSED_ADDRESS, "herd_connections_refused_total",
     "limit=\"max_connections_per_address\"", NULL},
    {COUNT_TIMEOUTS_IDLE, "herd_connections_timed_out_total", "limit=\"idle_timeout_s\"",
     "Connections closed by a limit of time."},
    {COUNT_TIMEOUTS_LINE, "herd_connections_timed_out_total", "limit=\"line_timeout_s\"", NULL},
    {COUNT_TIMEOUTS_WRITE, "herd_connections_timed_out_total", "limit=\"write_timeout_s\"", NULL},
    {COUNT_TIMEOUTS, "herd_connections_timed_out_total", "limit=\"other\"", NULL},
    {COUNT_LINES_SLOWED, "herd_connections_slowed_total", NULL,
     "Times that a connection waited because of max_lines_per_s."},
    {COUNT_LINES_TOO_FAST, "herd_connections_too_fast_total", NULL,
     "Connections closed by max_lines_per_s."},
    {COUNT_MEMORY_REFUSED, "herd_memory_refused_total", NULL,
     "New clients refused and connections closed by max_memory_mb."},
    {COUNT_HANDSHAKES, "herd_tls_handshakes_total", "outcome=\"ok\"",
     "TLS handshakes, by what came of them."},
    {COUNT_HANDSHAKES_FAILED, "herd_tls_handshakes_total", "outcome=\"failed\"", NULL},
    {COUNT_HANDSHAKES_REFUSED, "herd_tls_handshakes_total", "outcome=\"refused\"", NULL},
    {COUNT_HELLOS_REFUSED, "herd_hellos_refused_total", NULL,
     "Hellos of somebody who did not prove to be the neighbour."},
    {COUNT_ACCESS_REFUSED, "herd_access_refused_total", NULL,
     "IAMATs of somebody who may not report for that client."},
    {COUNT_RELOADS, "herd_reloads_total", "outcome=\"taken\"",
     "Configurations read on SIGHUP, by what came of them."},
    {COUNT_RELOADS_REFUSED, "herd_reloads_total", "outcome=\"refused\"", NULL},
    {COUNT_LOOKUPS, "herd_lookups_total", "outcome=\"asked\"",
     "WHATSATs for a provider that blocks, by who answered: the provider was asked, an equal "
     "lookup "
     "in flight (merged) or before (cached), the last failure while the provider is left alone "
     "(spared), or nobody (refused)."},
    {COUNT_LOOKUPS_MERGED, "herd_lookups_total", "outcome=\"merged\"", NULL},
    {COUNT_LOOKUPS_CACHED, "herd_lookups_total", "outcome=\"cached\"", NULL},
    {COUNT_LOOKUPS_SPARED, "herd_lookups_total", "outcome=\"spared\"", NULL},
    {COUNT_LOOKUPS_REFUSED, "herd_lookups_total", "outcome=\"refused\"", NULL},
    {COUNT_LOOKUPS_FAILED, "herd_lookups_failed_total", NULL,
     "Lookups asked that ended with neither OK nor ZERO_RESULTS."},
    {COUNT_LOOKUPS_FALLBACK, "herd_lookups_fallback_total", NULL,
     "WHATSATs that the fallback answered."},
    {COUNT_PROVIDER_CALLS, "herd_provider_calls_total", NULL, "Requests sent to the provider."},
    {COUNT_CALLS_OVER_BUDGET, "herd_provider_calls_over_budget_total", NULL,
     "Requests not sent because of max_calls_per_minute."},
    {COUNT_CIRCUIT_OPENED, "herd_provider_circuit_opened_total", NULL,
     "Times that the provider began to be left alone."},
    {COUNT_UPDATES_TAKEN, "herd_updates_received_total", "kind=\"update\",outcome=\"taken\"",
     "Records that neighbours told, by how and whether they were newer."},
    {COUNT_UPDATES_DROPPED, "herd_updates_received_total", "kind=\"update\",outcome=\"dropped\"",
     NULL},
    {COUNT_SYNCS_TAKEN, "herd_updates_received_total", "kind=\"sync\",outcome=\"taken\"", NULL},
    {COUNT_SYNCS_DROPPED, "herd_updates_received_total", "kind=\"sync\",outcome=\"dropped\"", NULL},
    {COUNT_FOREIGN_TAKEN, "herd_updates_received_total", "kind=\"foreign\",outcome=\"taken\"",
     NULL},
    {COUNT_FOREIGN_DROPPED, "herd_updates_received_total", "kind=\"foreign\",outcome=\"dropped\"",
     NULL},
    {COUNT_UPDATES_SENT, "herd_updates_sent_total", "kind=\"update\"",
     "Records told to neighbours, one for each."},
    {COUNT_SYNCS_SENT, "herd_updates_sent_total", "kind=\"sync\"", NULL},
    {COUNT_UPDATES_CONFLATED, "herd_updates_conflated_total", NULL,
     "Updates replaced by a newer one before they were sent."},
    {COUNT_DIVERGED, "herd_diverged_shards_total", NULL,
     "Shards that differed from a neighbour's at two looks, and were mended."},
    {COUNT_EXPIRED, "herd_records_expired_total", NULL,
     "Records older than record_ttl_s: removed, or not taken."},
    {COUNT_RECORDS_REFUSED, "herd_records_refused_total", NULL,
     "Records of new clients above max_records."},
    {COUNT_LINKS_UP, "herd_link_changes_total", "to=\"up\"",
     "Times that a link to a neighbour came up or went down."},
    {COUNT_LINKS_DOWN, "herd_link_changes_total", "to=\"down\"", NULL},
    {COUNT_LINK_TRIES_FAILED, "herd_link_tries_failed_total", NULL,
     "Times that a link that was down could not be brought up."},
    {COUNT_STATE_SAVED, "herd_state_records_saved_total", NULL,
     "Records written into the state file."},
    {COUNT_STATE_LATE, "herd_state_batches_late_total", NULL,
     "Batches of records that took longer than state_sync_ms."},
};

/* Who adds a counter says here what it is called. */
G_STATIC_ASSERT(G_N_ELEMENTS(series) == COUNTERS);

static void begin_family(GString *text, const char *name, const char *type, const char *help)
{
    g_string_append_printf(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_sample(GString *text, const char *name, const char *labels, double value)
{
    char digits[G_ASCII_DTOSTR_BUF_SIZE];

    g_ascii_formatd(digits, sizeof digits, "%.16g", value);
    if (labels != NULL)
        g_string_append_printf(text, "%s{%s} %s\n", name, labels, digits);
    else
        g_string_append_printf(text, "%s %s\n", name, digits);
}

static void put_alone(GString *text, const char *name, const char *type, double value,
                      const char *help)
{
    begin_family(text, name, type, help);
    put_sample(text, name, NULL, value);
}

static void put_gauge(GString *text, const char *name, double value, const char *help)
{
    put_alone(text, name, "gauge", value, help);
}

static void put_counter(GString *text, const char *name, double value, const char *help)
{
    put_alone(text, name, "counter", value, help);
}

static void put_counters(GString *text)
{
    for (size_t i = 0; i < G_N_ELEMENTS(series); i++) {
        const Series *s = &series[i];

        if (s->help != NULL)
            begin_family(text, s->family, "counter", s->help);
        put_sample(text, s->family, s->labels, (double)counters_read(s->counter));
    }
}

static void put_process(GString *text, const Parts *parts)
{
    ProcessUse use = process_use();

    put_gauge(text, "process_start_time_seconds",
              (double)parts->started.seconds + parts->started.nanoseconds / 1e9,
              "When this process began to serve, in seconds since 1970.");
    put_counter(text, "process_cpu_seconds_total", use.cpu_s,
                "Processor time of this process, in seconds.");
    put_gauge(text, "process_resident_memory_bytes", (double)use.resident,
              "Resident memory of this process.");
    put_gauge(text, "process_open_fds", (double)use.descriptors,
              "File descriptors that this process has open.");
    put_gauge(text, "process_max_fds",
              use.descriptors_max == UINT64_MAX ? -1 : (double)use.descriptors_max,
              "File descriptors that this process may have open; -1: no limit.");
}

static void put_gauges(GString *text, const Parts *parts, const Config *config)
{
    ActiveSetFigures active = active_set_figures(parts->active);
    LookupFigures lookups = lookups_figures(parts->lookups);
    g_autofree char *left_alone = parts->places_left_alone(parts->self);

    put_gauge(text, "herd_connections_open", connections_count(parts->connections),
              "Connections open, those of neighbours included.");
    put_gauge(text, "herd_connections_max", config->limits.max_connections,
              "Connections that may be open.");
    put_gauge(text, "herd_workers", config->workers, "Threads of the pool.");
    put_gauge(text, "herd_workers_active", active.active, "Workers that may run.");
    put_gauge(text, "herd_workers_parked", active.parked, "Workers that wait to be called.");
    put_gauge(text, "herd_workers_in_lookups", lookups.running,
              "Workers that wait for the places provider.");
    put_gauge(text, "herd_lookups_running", lookups.running, "Lookups that have begun.");
    put_gauge(text, "herd_lookups_waiting", lookups.waiting,
              "WHATSATs that wait for a lookup, theirs or an equal one.");
    put_gauge(text, "herd_lookups_max", config->places.max_lookups, "Lookups that may run.");
    put_gauge(text, "herd_provider_left_alone", left_alone != NULL,
              "Whether the places provider is not asked now.");
    put_gauge(text, "herd_records", (double)store_size(parts->store), "Clients known.");
    put_gauge(text, "herd_memory_short", memory_is_short(), "Whether max_memory_mb is reached.");
    put_gauge(text, "herd_flood_queue_length", (double)flood_queue_length(parts->flood),
              "Updates that wait for the flood thread.");
    put_counter(text, "herd_log_lines_dropped_total", (double)log_dropped(parts->log),
                "Lines of the log that the disk did not take in time.");
}

static double link_is_up(const Parts *parts G_GNUC_UNUSED, const LinkPost *link)
{
    return link->state == LINK_STATUS_UP;
}

static double link_is_joined(const Parts *parts, const LinkPost *link)
{
    return connections_joined(parts->connections, link->neighbour) > 0;
}

static double link_pending(const Parts *parts G_GNUC_UNUSED, const LinkPost *link)
{
    return (double)link->pending;
}

static double link_lag(const Parts *parts G_GNUC_UNUSED, const LinkPost *link)
{
    return (double)link_post_lag_ms(link, monotonic_ms()) / 1e3;
}

static void put_links(GString *text, const Parts *parts)
{
    static const struct {
        const char *name;
        double (*value)(const Parts *parts, const LinkPost *link);
        const char *help;
    } families[] = {
        {"herd_link_up", link_is_up, "Whether the link to a neighbour is up."},
        {"herd_link_joined", link_is_joined, "Whether a neighbour's link to this member is open."},
        {"herd_link_pending_updates", link_pending, "Records that wait to be told to a neighbour."},
        {"herd_link_lag_seconds", link_lag,
         "How long the oldest of what a neighbour is to be told has waited."},
    };
    g_autoptr(GPtrArray) links = flood_links(parts->flood);

    for (size_t f = 0; f < G_N_ELEMENTS(families) && links->len > 0; f++) {
        begin_family(text, families[f].name, "gauge", families[f].help);
        for (unsigned i = 0; i < links->len; i++) {
            const LinkPost *link = links->pdata[i];
            /* A member's name needs no escape: member_is_name(). */
            g_autofree char *label =
                g_strdup_printf("neighbour=\"%s\"", g_quark_to_string(link->neighbour));

            put_sample(text, families[f].name, label, families[f].value(parts, link));
        }
    }
}

static void put_histogram(GString *text, const char *name, Duration duration, const char *help)
{
    g_autofree char *bucket = g_strconcat(name, "_bucket", NULL);
    g_autofree char *sum = g_strconcat(name, "_sum", NULL);
    g_autofree char *count = g_strconcat(name, "_count", NULL);
    DurationFigures figures;
    uint64_t below = 0;

    durations_read(duration, &figures);
    begin_family(text, name, "histogram", help);
    for (unsigned i = 0; i < DURATION_BOUNDS; i++) {
        char bound[G_ASCII_DTOSTR_BUF_SIZE], label[G_ASCII_DTOSTR_BUF_SIZE + 8];

        below += figures.buckets[i];
        g_ascii_formatd(bound, sizeof bound, "%.9g", (double)durations_bound(i) / 1e9);
        g_snprintf(label, sizeof label, "le=\"%s\"", bound);
        put_sample(text, bucket, label, (double)below);
    }
    put_sample(text, bucket, "le=\"+Inf\"", (double)figures.count);
    put_sample(text, sum, NULL, figures.sum_s);
    put_sample(text, count, NULL, (double)figures.count);
}

static void put_build_info(GString *text, const Config *config)
{
    g_autofree char *labels =
        g_strdup_printf("version=\"%s\",member=\"%s\"", HERD_VERSION, config->self->name);

    begin_family(text, "herd_build_info", "gauge", "Which program this is, and which member.");
    put_sample(text, "herd_build_info", labels, 1);
}

unsigned metrics_write(const void *pointer, GString *body)
{
    const Parts *parts = pointer;
    const Config *config = config_current_get(parts->configs);

    put_build_info(body, config);
    put_process(body, parts);
    put_gauges(body, parts, config);
    put_links(body, parts);
    put_counters(body);
    put_histogram(body, "herd_request_duration_seconds", DURATION_REQUEST,
                  "From when a worker heard of a client's line to its reply's send().");
    put_histogram(body, "herd_lookup_duration_seconds", DURATION_LOOKUP,
                  "From asking the places provider to its answer.");
    put_histogram(body, "herd_lookup_wait_seconds", DURATION_LOOKUP_WAIT,
                  "From the wish for a lookup to its begin.");
    return HTTP_OK;
}
