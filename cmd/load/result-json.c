/* SPDX-License-Identifier: MIT */
#include "cmd/load/result.h"

#include "cmd/load/clock.h"

#include <stdbool.h>
#include <string.h>
#include <yajl/yajl_gen.h>

static void put_text(yajl_gen json, const char *text)
{
    /* What a server said may be no UTF-8. */
    g_autofree char *valid = g_utf8_make_valid(text, -1);

    yajl_gen_string(json, (const unsigned char *)valid, strlen(valid));
}

/* With up to @decimals decimals, as text: yajl writes the digits that it is given. */
static void put_number(yajl_gen json, const char *name, double value, int decimals)
{
    char format[8], text[G_ASCII_DTOSTR_BUF_SIZE + 32];

    put_text(json, name);
    g_snprintf(format, sizeof format, "%%.%df", decimals);
    g_ascii_formatd(text, sizeof text, format, value);
    size_t length = strlen(text);
    if (strchr(text, '.') != NULL) {
        while (text[length - 1] == '0')
            length--;
        if (text[length - 1] == '.')
            length--;
    }
    yajl_gen_number(json, text, length);
}

static void put_integer(yajl_gen json, const char *name, uint64_t value)
{
    put_text(json, name);
    yajl_gen_integer(json, (long long)value);
}

static void put_null(yajl_gen json, const char *name)
{
    put_text(json, name);
    yajl_gen_null(json);
}

/* null if it is not known, or does not apply. */
static void put_number_if(yajl_gen json, const char *name, bool applies, double value, int decimals)
{
    if (applies)
        put_number(json, name, value, decimals);
    else
        put_null(json, name);
}

static void put_bool(yajl_gen json, const char *name, bool value)
{
    put_text(json, name);
    yajl_gen_bool(json, value);
}

static void open_map(yajl_gen json, const char *name)
{
    put_text(json, name);
    yajl_gen_map_open(json);
}

static void put_histogram(yajl_gen json, const char *name, const Histogram *h, bool applies)
{
    static const struct {
        const char *name;
        unsigned per_million;
    } quantiles[] = {
        {"p50", 500000}, {"p90", 900000}, {"p99", 990000}, {"p99_9", 999000}, {"p99_99", 999900},
    };

    if (!applies) {
        put_null(json, name);
        return;
    }
    open_map(json, name);
    put_integer(json, "count", histogram_count(h));
    put_number(json, "min", (double)histogram_least(h) / 1e3, 3);
    put_number(json, "mean", histogram_mean(h) / 1e3, 3);
    for (size_t i = 0; i < G_N_ELEMENTS(quantiles); i++)
        put_number(json, quantiles[i].name,
                   (double)histogram_quantile(h, quantiles[i].per_million) / 1e3, 3);
    put_number(json, "max", (double)histogram_most(h) / 1e3, 3);
    yajl_gen_map_close(json);
}

/* What was to be. */
static void put_settings(yajl_gen json, const Settings *s)
{
    put_text(json, "targets");
    yajl_gen_array_open(json);
    for (unsigned i = 0; i < s->targets->len; i++)
        put_text(json, ((const Endpoint *)s->targets->pdata[i])->text);
    yajl_gen_array_close(json);
    put_text(json, "mode");
    put_text(json, s->rate > 0 ? "open" : "closed");
    put_integer(json, "connections", s->connections);
    put_integer(json, "depth", s->depth);
    put_number_if(json, "offered_per_s", s->rate > 0, s->rate, 3);
    open_map(json, "mix");
    put_integer(json, "iamat", s->weights[REQUEST_IAMAT]);
    put_integer(json, "whatsat", s->weights[REQUEST_WHATSAT]);
    yajl_gen_map_close(json);
    put_integer(json, "clients", s->clients);
    put_bool(json, "reconnect", s->reconnect);
    put_integer(json, "idle", s->idle);
    put_integer(json, "threads", s->threads);
    put_text(json, "seed");
    yajl_gen_integer(json, (long long)s->seed);
}

static void put_errors(yajl_gen json, const Outcome *outcome)
{
    static const char *const names[ERROR_KINDS] = {
        [ERROR_WRONG_REPLY] = "wrong_replies",
        [ERROR_LOST_CONNECTION] = "lost_connections",
        [ERROR_TIMEOUT] = "timeouts",
    };

    open_map(json, "errors");
    put_integer(json, "total", outcome_errors(outcome));
    for (size_t i = 0; i < ERROR_KINDS; i++)
        put_integer(json, names[i], outcome->errors[i]);
    put_text(json, "first");
    if (outcome->first_error != NULL)
        put_text(json, outcome->first_error);
    else
        yajl_gen_null(json);
    yajl_gen_map_close(json);
}

/* What clients would have noticed of servers that end; null without --retry. */
static void put_retry(yajl_gen json, const Settings *s, const Outcome *outcome)
{
    if (!s->retry) {
        put_null(json, "retry");
        return;
    }
    open_map(json, "retry");
    put_integer(json, "reconnects", outcome->reconnects);
    put_integer(json, "repeated", outcome->repeated);
    put_integer(json, "lost", outcome->errors[ERROR_TIMEOUT]);
    yajl_gen_map_close(json);
}

static void put_latency(yajl_gen json, const Settings *s, const Outcome *outcome)
{
    g_autoptr(Histogram) all = histogram_new();

    for (size_t i = 0; i < REQUEST_KINDS; i++)
        histogram_merge(all, outcome->latency[i]);
    open_map(json, "latency");
    put_text(json, "precision");
    put_text(json, "3 significant digits");
    put_text(json, "unit");
    put_text(json, "us");
    put_histogram(json, "all", all, true);
    put_histogram(json, "iamat", outcome->latency[REQUEST_IAMAT], s->weights[REQUEST_IAMAT] > 0);
    put_histogram(json, "whatsat", outcome->latency[REQUEST_WHATSAT],
                  s->weights[REQUEST_WHATSAT] > 0);
    put_histogram(json, "fill", outcome->fill, s->fill);
    yajl_gen_map_close(json);
    put_histogram(json, "propagation", outcome->propagation, s->watch != NULL);
}

static void put_servers(yajl_gen json, const Result *result)
{
    put_text(json, "servers");
    yajl_gen_array_open(json);
    for (unsigned i = 0; i < result->servers->len; i++) {
        const ServerUse *use = &g_array_index(result->servers, ServerUse, i);

        yajl_gen_map_open(json);
        put_integer(json, "pid", (uint64_t)use->pid);
        put_number_if(json, "cpu_s", !use->has_ended, use->cpu_s, 9);
        open_map(json, "rss");
        put_integer(json, "before", (uint64_t)use->rss_before);
        put_integer(json, "most", (uint64_t)use->rss_most);
        put_number_if(json, "after", !use->has_ended, (double)use->rss_after, 0);
        yajl_gen_map_close(json);
        open_map(json, "anonymous");
        put_integer(json, "before", (uint64_t)use->anonymous_before);
        put_number_if(json, "after", !use->has_ended, (double)use->anonymous_after, 0);
        yajl_gen_map_close(json);
        yajl_gen_map_close(json);
    }
    yajl_gen_array_close(json);
}

static void put_result(yajl_gen json, const Result *result)
{
    const Outcome *outcome = result->outcome;
    const Settings *s = result->settings;

    put_text(json, "program");
    put_text(json, "herd-load");
    put_text(json, "protocol");
    put_text(json, s->protocol->name);
    put_settings(json, s);
    put_number(json, "seconds", result->seconds, 6);
    open_map(json, "requests");
    put_integer(json, "sent", outcome->sent);
    put_integer(json, "answered", outcome->answered);
    put_number(json, "per_s", result_per_s(result), 3);
    yajl_gen_map_close(json);
    put_errors(json, outcome);
    put_retry(json, s, outcome);
    put_latency(json, s, outcome);
    open_map(json, "generator");
    put_number(json, "cpu_s", (double)outcome->cpu_ns / (double)NS_PER_S, 9);
    put_number(json, "busy", result_busy(result), 4);
    yajl_gen_map_close(json);
    if (s->fill) {
        open_map(json, "fill");
        put_integer(json, "clients", histogram_count(outcome->fill));
        put_number(json, "seconds", result->fill_seconds, 6);
        yajl_gen_map_close(json);
    } else {
        put_null(json, "fill");
    }
    put_servers(json, result);
    put_number_if(json, "server_cpu_us_per_request", result_cpu_us_per_request(result) >= 0,
                  result_cpu_us_per_request(result), 4);
}

char *result_json(const Result *result)
{
    yajl_gen json = yajl_gen_alloc(NULL);
    const unsigned char *text;
    size_t length;

    g_assert(json != NULL); /* out of memory */
    yajl_gen_config(json, yajl_gen_beautify, 1);
    yajl_gen_config(json, yajl_gen_indent_string, "  ");
    yajl_gen_map_open(json);
    put_result(json, result);
    yajl_gen_map_close(json);
    yajl_gen_get_buf(json, &text, &length);
    char *copy = g_strndup((const char *)text, length);
    yajl_gen_free(json);
    return copy;
}
