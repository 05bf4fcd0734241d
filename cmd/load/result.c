/* SPDX-License-Identifier: MIT */
#include "cmd/load/result.h"

#include "cmd/load/clock.h"

#include <string.h>

#define BUSY 0.9 /* from where on the generator may be what is measured */

double result_per_s(const Result *result)
{
    return result->seconds > 0 ? (double)result->outcome->answered_in_time / result->seconds : 0;
}

double result_busy(const Result *result)
{
    double busiest = (double)result->outcome->busiest_ns / (double)NS_PER_S;

    return result->seconds > 0 ? MIN(busiest / result->seconds, 1) : 0;
}

double result_cpu_us_per_request(const Result *result)
{
    double cpu = 0;

    if (result->servers->len == 0 || result->outcome->answered_in_time == 0)
        return -1;
    for (unsigned i = 0; i < result->servers->len; i++) {
        const ServerUse *use = &g_array_index(result->servers, ServerUse, i);

        if (use->has_ended)
            return -1;
        cpu += use->cpu_s;
    }
    return cpu * 1e6 / (double)result->outcome->answered_in_time;
}

static void add_settings(GString *text, const Settings *s)
{
    for (unsigned i = 0; i < s->targets->len; i++)
        g_string_append_printf(text, "%s%s", i > 0 ? ", " : "",
                               ((const Endpoint *)s->targets->pdata[i])->text);
    g_string_append_printf(text, ": %s, %u connection%s", s->protocol->name, s->connections,
                           s->connections == 1 ? "" : "s");
    if (s->rate > 0)
        g_string_append_printf(text, ", open loop, %g requests a second", s->rate);
    else if (s->reconnect)
        g_string_append(text, ", closed loop, each of them for one request");
    else
        g_string_append_printf(text, ", closed loop, %u at a time", s->depth);
    if (s->idle > 0)
        g_string_append_printf(text, ", %u idle", s->idle);
    g_string_append_printf(text, ", %u clients", s->clients);
    if (s->weights[REQUEST_WHATSAT] > 0)
        g_string_append_printf(text, ", IAMAT to WHATSAT %u:%u", s->weights[REQUEST_IAMAT],
                               s->weights[REQUEST_WHATSAT]);
    g_string_append_c(text, '\n');
}

static void add_errors(GString *text, const Outcome *outcome)
{
    if (outcome_errors(outcome) == 0) {
        g_string_append(text, "  no errors\n");
        return;
    }
    g_string_append_printf(text,
                           "  ERRORS: %" G_GUINT64_FORMAT " wrong replies, %" G_GUINT64_FORMAT
                           " lost connections, %" G_GUINT64_FORMAT " timeouts\n  the first: %s\n",
                           outcome->errors[ERROR_WRONG_REPLY],
                           outcome->errors[ERROR_LOST_CONNECTION], outcome->errors[ERROR_TIMEOUT],
                           outcome->first_error);
}

/* A line of the table, in microseconds; nothing of an empty histogram. */
static void add_histogram(GString *text, const char *name, const Histogram *h)
{
    static const unsigned quantiles[] = {500000, 900000, 990000, 999000, 999900};

    if (histogram_count(h) == 0)
        return;
    g_string_append_printf(text, "  %-11s %11" G_GUINT64_FORMAT " %9.1f", name, histogram_count(h),
                           histogram_mean(h) / 1e3);
    for (size_t i = 0; i < G_N_ELEMENTS(quantiles); i++)
        g_string_append_printf(text, " %9.1f", (double)histogram_quantile(h, quantiles[i]) / 1e3);
    g_string_append_printf(text, " %9.1f\n", (double)histogram_most(h) / 1e3);
}

static void add_latency(GString *text, const Outcome *outcome)
{
    g_string_append_printf(text, "\n  %-11s %11s %9s %9s %9s %9s %9s %9s %9s\n", "latency, us",
                           "count", "mean", "p50", "p90", "p99", "p99.9", "p99.99", "most");
    add_histogram(text, "IAMAT", outcome->latency[REQUEST_IAMAT]);
    add_histogram(text, "WHATSAT", outcome->latency[REQUEST_WHATSAT]);
    add_histogram(text, "fill", outcome->fill);
    add_histogram(text, "propagation", outcome->propagation);
}

static void add_servers(GString *text, const Result *result)
{
    for (unsigned i = 0; i < result->servers->len; i++) {
        const ServerUse *use = &g_array_index(result->servers, ServerUse, i);

        if (use->has_ended) {
            g_string_append_printf(text, "  process %d has ended\n", (int)use->pid);
            continue;
        }
        g_string_append_printf(text,
                               "  process %d: %.3f s of CPU; memory %.1f MB before, %.1f at most, "
                               "%.1f after; its own %.1f and %.1f\n",
                               (int)use->pid, use->cpu_s, (double)use->rss_before / 1e6,
                               (double)use->rss_most / 1e6, (double)use->rss_after / 1e6,
                               (double)use->anonymous_before / 1e6,
                               (double)use->anonymous_after / 1e6);
    }
    if (result_cpu_us_per_request(result) >= 0)
        g_string_append_printf(text, "  CPU of the server%s: %.2f us a request\n",
                               result->servers->len == 1 ? "" : "s",
                               result_cpu_us_per_request(result));
}

char *result_text(const Result *result)
{
    const Outcome *outcome = result->outcome;
    GString *text = g_string_new(NULL);

    add_settings(text, result->settings);
    if (result->settings->fill)
        g_string_append_printf(text, "  %" G_GUINT64_FORMAT " clients reported in %.2f s\n",
                               histogram_count(outcome->fill), result->fill_seconds);
    if (result->settings->measured_ns > 0)
        g_string_append_printf(text,
                               "  %.0f requests a second in %.2f s: %" G_GUINT64_FORMAT
                               " sent, %" G_GUINT64_FORMAT " answered\n",
                               result_per_s(result), result->seconds, outcome->sent,
                               outcome->answered);
    if (result->settings->retry)
        g_string_append_printf(text,
                               "  %" G_GUINT64_FORMAT " reconnects, %" G_GUINT64_FORMAT
                               " requests repeated, %" G_GUINT64_FORMAT " lost\n",
                               outcome->reconnects, outcome->repeated,
                               outcome->errors[ERROR_TIMEOUT]);
    add_errors(text, outcome);
    add_latency(text, outcome);
    g_string_append_c(text, '\n');
    add_servers(text, result);
    if (result->settings->measured_ns > 0)
        g_string_append_printf(
            text, "  generator: %.3f s of CPU, its busiest thread %.0f %% of the time\n",
            (double)outcome->cpu_ns / (double)NS_PER_S, 100 * result_busy(result));
    if (result_busy(result) > BUSY)
        g_string_append(text, "  That is the generator's limit as much as the server's: try "
                              "--threads.\n");
    return g_string_free(text, FALSE);
}
