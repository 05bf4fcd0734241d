/* SPDX-License-Identifier: MIT */
#include "cmd/load/options.h"

#include "cmd/load/clock.h"
#include "core/decimal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS_MAX 1000000
#define THREADS_MAX     256
#define DEPTH_MAX       4096
#define RATE_MAX        1e8
#define SECONDS_MAX     86400.0
#define STEP_MAX        1e6
#define RADIUS_MAX      50
#define BOUND_MAX       20

static const char summary[] =
    "Puts servers under load and tells how long they took: members of a herd, or the servers that "
    "a\n"
    "herd is compared with. Connections are dealt out to the targets in turn. Every reply is "
    "checked\n"
    "in full.";

static const char examples[] =
    "Without --rate each connection sends its next request when it has a reply (closed loop). With "
    "it\n"
    "requests leave when they are due and their latency counts from then on (open loop), so that "
    "a\n"
    "server that stalls cannot hide it. A connection that is lost, or on which a reply is overdue, "
    "is\n"
    "given up with what is under way there, and not opened again. With --retry it is opened at the "
    "next\n"
    "target, and what was not answered is said again there: what remains lost, clients would have "
    "lost.\n"
    "\n"
    "Examples:\n"
    "  herd-load localhost:10000                        64 connections, as fast as it goes, 10 s\n"
    "  herd-load -r 1000 -m 90:10 localhost:10000       1,000 requests a second, one in ten "
    "WHATSAT\n"
    "  herd-load --fill -t 0 --clients=1000000 localhost:10000        a million clients, no more\n"
    "  herd-load -r 1000 --watch=localhost:10004 localhost:10000      how soon another member "
    "knows\n"
    "  herd-load -r 1000 --retry localhost:10000 localhost:10001      while they are restarted\n"
    "  herd-load --pid=$(pidof -s herdd) --json localhost:10000       CPU and memory of the "
    "server\n"
    "  herd-load --reconnect tls://localhost:10443      TLS handshakes, one a request\n"
    "  herd-load --protocol=redis-set localhost:6379    the same bytes for Redis (redis-geoadd has "
    "no\n"
    "                                                   times: its places have none)\n"
    "\n"
    "Exit status: 0 all replies were right; 1 there were errors, and the result is printed all "
    "the\n"
    "same; 2 wrong use; 3 it could not begin, as when a connection is refused.";

/* As GOption reads it. */
typedef struct {
    int connections, depth, clients, bound, idle, threads;
    gint64 seed;
    double rate, seconds, warmup, step, ramp, probes, timeout;
    char *mix, *prefix, *radius, *protocol, *watch, *ca; /* (owned) (nullable) */
    char **pids, **targets;                              /* (owned) (nullable) */
    gboolean fill, reconnect, retry, tls, json, quiet, version;
} Arguments;

static void arguments_clear(Arguments *a)
{
    g_free(a->mix);
    g_free(a->prefix);
    g_free(a->radius);
    g_free(a->protocol);
    g_free(a->watch);
    g_free(a->ca);
    g_strfreev(a->pids);
    g_strfreev(a->targets);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Arguments, arguments_clear)

static bool parse_arguments(int *argc, char ***argv, Arguments *a, GError **error)
{
    const GOptionEntry entries[] = {
        {"connections", 'c', 0, G_OPTION_ARG_INT, &a->connections,
         "Connections that carry requests (64)", "N"},
        {"depth", 'd', 0, G_OPTION_ARG_INT, &a->depth,
         "Closed loop: requests under way on each connection (1)", "D"},
        {"rate", 'r', 0, G_OPTION_ARG_DOUBLE, &a->rate, "Open loop: requests a second, in all",
         "R"},
        {"seconds", 't', 0, G_OPTION_ARG_DOUBLE, &a->seconds, "Measured time (10)", "S"},
        {"warmup", 'w', 0, G_OPTION_ARG_DOUBLE, &a->warmup,
         "The same load before it, not counted (1)", "S"},
        {"mix", 'm', 0, G_OPTION_ARG_STRING, &a->mix, "Share of IAMAT and of WHATSAT (100:0)",
         "I:W"},
        {"clients", 0, 0, G_OPTION_ARG_INT, &a->clients, "Clients that report (100000)", "N"},
        {"prefix", 0, 0, G_OPTION_ARG_FILENAME, &a->prefix,
         "Of client IDs: phone-0000001.example (phone)", "TEXT"},
        {"step", 0, 0, G_OPTION_ARG_DOUBLE, &a->step,
         "How far a client moves between two reports (10)", "METRES"},
        {"radius", 0, 0, G_OPTION_ARG_STRING, &a->radius, "Of WHATSAT (10)", "KM"},
        {"bound", 0, 0, G_OPTION_ARG_INT, &a->bound, "Of WHATSAT (20)", "N"},
        {"fill", 0, 0, G_OPTION_ARG_NONE, &a->fill,
         "First report every client once; implied by WHATSAT in the mix. With --seconds=0 that is "
         "all",
         NULL},
        {"reconnect", 0, 0, G_OPTION_ARG_NONE, &a->reconnect,
         "Closed loop: a new connection for each request", NULL},
        {"retry", 0, 0, G_OPTION_ARG_NONE, &a->retry,
         "Go on at the next target when a connection ends or is refused, and say again what was "
         "not "
         "answered",
         NULL},
        {"tls", 0, 0, G_OPTION_ARG_NONE, &a->tls,
         "Speak TLS with every server, as with one that is named tls://HOST:PORT; whoever it is, "
         "without --ca",
         NULL},
        {"ca", 0, 0, G_OPTION_ARG_FILENAME, &a->ca,
         "TLS: the server's certificate has to be signed by one of FILE (PEM); its name is not "
         "looked at",
         "FILE"},
        {"ramp", 0, 0, G_OPTION_ARG_DOUBLE, &a->ramp,
         "Open the connections evenly over S seconds (0)", "S"},
        {"idle", 0, 0, G_OPTION_ARG_INT, &a->idle,
         "Further connections, which report once and stay silent (0)", "N"},
        {"threads", 0, 0, G_OPTION_ARG_INT, &a->threads, "Threads of the generator (1)", "N"},
        {"protocol", 0, 0, G_OPTION_ARG_STRING, &a->protocol,
         "herd, echo (of the request), memcached (set), redis-set or redis-geoadd (herd)", "P"},
        {"watch", 0, 0, G_OPTION_ARG_STRING, &a->watch,
         "Probe how long a report at the first target takes to reach this member", "HOST:PORT"},
        {"probes", 0, 0, G_OPTION_ARG_DOUBLE, &a->probes, "Of --watch, a second (100)", "R"},
        {"pid", 0, 0, G_OPTION_ARG_STRING_ARRAY, &a->pids,
         "Measure CPU and memory of this server; may be given several times", "PID"},
        {"timeout", 0, 0, G_OPTION_ARG_DOUBLE, &a->timeout,
         "A request without a reply for so long is an error (10)", "S"},
        {"seed", 0, 0, G_OPTION_ARG_INT64, &a->seed, "Of all that is random (1)", "N"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &a->json, "Print the result as JSON", NULL},
        {"quiet", 0, 0, G_OPTION_ARG_NONE, &a->quiet, "Tell nothing while it runs", NULL},
        {"version", 0, 0, G_OPTION_ARG_NONE, &a->version, "Print the version and exit", NULL},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &a->targets, NULL,
         "HOST:PORT [HOST:PORT...]"},
        {0},
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);

    g_option_context_set_summary(context, summary);
    g_option_context_set_description(context, examples);
    g_option_context_add_main_entries(context, entries, NULL);
    return g_option_context_parse(context, argc, argv, error);
}

G_GNUC_PRINTF(2, 3)
static bool refuse(GError **error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_propagate_error(
        error, g_error_new_valist(G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, format, arguments));
    va_end(arguments);
    return false;
}

static bool check_int(const char *name, int value, int least, int most, GError **error)
{
    if (value >= least && value <= most)
        return true;
    return refuse(error, "--%s=%d: it may be %d to %d", name, value, least, most);
}

/* What is no number is not between any two. */
static bool check_double(const char *name, double value, double least, double most, GError **error)
{
    if (value >= least && value <= most)
        return true;
    return refuse(error, "--%s=%g: it may be %g to %g", name, value, least, most);
}

static bool check_numbers(const Arguments *a, GError **error)
{
    return check_int("connections", a->connections, 1, CONNECTIONS_MAX, error) &&
           check_int("depth", a->depth, 1, DEPTH_MAX, error) &&
           check_int("idle", a->idle, 0, CONNECTIONS_MAX, error) &&
           check_int("threads", a->threads, 1, THREADS_MAX, error) &&
           check_int("clients", a->clients, 1, CLIENTS_MAX, error) &&
           check_int("bound", a->bound, 0, BOUND_MAX, error) &&
           (isnan(a->rate) || check_double("rate", a->rate, 1e-3, RATE_MAX, error)) &&
           check_double("seconds", a->seconds, 0, SECONDS_MAX, error) &&
           check_double("warmup", a->warmup, 0, SECONDS_MAX, error) &&
           check_double("ramp", a->ramp, 0, SECONDS_MAX, error) &&
           check_double("timeout", a->timeout, 1e-3, SECONDS_MAX, error) &&
           check_double("probes", a->probes, 1e-3, RATE_MAX, error) &&
           check_double("step", a->step, 0, STEP_MAX, error);
}

static bool check_texts(const Arguments *a, GError **error)
{
    size_t length = strlen(a->prefix);
    Decimal radius;

    if (length == 0 || length > PREFIX_MAX)
        return refuse(error, "--prefix=%s: it may be 1 to %d bytes", a->prefix, PREFIX_MAX);
    for (const char *at = a->prefix; *at != '\0'; at++)
        if (!g_ascii_isgraph(*at))
            return refuse(error, "--prefix=%s: only printable ASCII without blanks", a->prefix);
    if (strlen(a->radius) > 20 || !decimal_parse(slice_of(a->radius), &radius) ||
        radius.sign != 0 || decimal_exceeds(&radius, RADIUS_MAX))
        return refuse(error, "--radius=%s: it may be 0 to %d, as 10 or 10.5", a->radius,
                      RADIUS_MAX);
    return true;
}

/* Options that do not go together. */
static bool check_together(const Arguments *a, const Settings *s, GError **error)
{
    if (s->rate > 0 && a->reconnect)
        return refuse(error, "--reconnect is for the closed loop, without --rate");
    if (a->reconnect && a->depth > 1)
        return refuse(error, "--reconnect has one request under way on a connection: no --depth");
    if (a->retry && a->reconnect)
        return refuse(error, "--retry is for connections that are kept, without --reconnect");
    if (a->retry && s->weights[REQUEST_WHATSAT] > 0)
        return refuse(error,
                      "--retry is for IAMAT alone: what another server has heard of a client "
                      "when it is asked is not certain");
    if (a->retry && a->watch != NULL)
        return refuse(error, "--retry does not go together with --watch");
    if (s->rate > 0 && a->depth > 1)
        return refuse(error, "--depth is for the closed loop, without --rate");
    if (a->clients < a->connections)
        return refuse(error, "--clients=%d: each of %d connections needs one of its own",
                      a->clients, a->connections);
    if (a->threads > a->connections)
        return refuse(error, "--threads=%d: each needs one of %d connections", a->threads,
                      a->connections);
    if (s->weights[REQUEST_WHATSAT] > 0 && !s->protocol->has_whatsat)
        return refuse(error, "--mix=%s: %s has no WHATSAT", a->mix, s->protocol->name);
    if (a->watch != NULL && !s->protocol->has_whatsat)
        return refuse(error, "--watch is for members of a herd, not for %s", s->protocol->name);
    return true;
}

static bool parse_mix(const char *text, unsigned weights[static REQUEST_KINDS], GError **error)
{
    unsigned iamat, whatsat;
    char rest;

    if (sscanf(text, "%6u:%6u%c", &iamat, &whatsat, &rest) != 2 || strchr(text, '-') != NULL ||
        iamat + whatsat == 0)
        return refuse(error, "--mix=%s: it is to be IAMAT:WHATSAT, as 90:10", text);
    weights[REQUEST_IAMAT] = iamat;
    weights[REQUEST_WHATSAT] = whatsat;
    return true;
}

static bool parse_pids(char **texts, GArray *pids, GError **error)
{
    for (; texts != NULL && *texts != NULL; texts++) {
        char *end;
        long long value = strtoll(*texts, &end, 10);
        pid_t pid = (pid_t)value;

        if (*end != '\0' || value < 1 || value > INT_MAX)
            return refuse(error, "--pid=%s is not the number of a process", *texts);
        g_array_append_val(pids, pid);
    }
    return true;
}

static Endpoint *parse_target(const Arguments *a, const char *text, char **ret_why)
{
    Endpoint *target = endpoint_parse(text, ret_why);

    if (target != NULL && a->tls)
        target->tls = true;
    return target;
}

static bool read_authorities(const Arguments *a, Settings *s, GError **error)
{
    g_autoptr(GError) problem = NULL;
    TlsContext *context = tls_context_new(&(TlsOptions){.ca_file = a->ca}, &problem);

    if (context == NULL)
        return refuse(error, "--ca=%s: %s", a->ca != NULL ? a->ca : "", problem->message);
    s->tls = tls_new(context);
    return true;
}

static bool parse_targets(const Arguments *a, Settings *s, GError **error)
{
    g_autofree char *why = NULL;

    if (a->targets == NULL)
        return refuse(error, "name a server, as localhost:10000");
    for (char **text = a->targets; *text != NULL; text++) {
        Endpoint *target = parse_target(a, *text, &why);

        if (target == NULL)
            return refuse(error, "%s", why);
        g_ptr_array_add(s->targets, target);
    }
    if (a->watch == NULL)
        return true;
    s->watch = parse_target(a, a->watch, &why);
    return s->watch != NULL || refuse(error, "--watch: %s", why);
}

static bool fill_in(const Arguments *a, Settings *s, GError **error)
{
    if (!check_numbers(a, error) || !check_texts(a, error) ||
        !parse_mix(a->mix, s->weights, error) || !parse_pids(a->pids, s->pids, error))
        return false;
    s->protocol = protocol_find(a->protocol);
    if (s->protocol == NULL) {
        g_autofree char *names = protocol_names();

        return refuse(error, "--protocol=%s: it may be one of %s", a->protocol, names);
    }
    s->threads = (unsigned)a->threads;
    s->connections = (unsigned)a->connections;
    s->idle = (unsigned)a->idle;
    s->depth = (unsigned)a->depth;
    s->rate = isnan(a->rate) ? 0 : a->rate;
    s->measured_ns = (int64_t)(a->seconds * (double)NS_PER_S);
    s->warmup_ns = (int64_t)(a->warmup * (double)NS_PER_S);
    s->ramp_ns = (int64_t)(a->ramp * (double)NS_PER_S);
    s->timeout_ns = (int64_t)(a->timeout * (double)NS_PER_S);
    s->clients = (uint32_t)a->clients;
    s->prefix = g_strdup(a->prefix);
    s->step = a->step;
    s->area = g_strdup_printf("%s %d", a->radius, a->bound);
    s->fill = a->fill || s->weights[REQUEST_WHATSAT] > 0;
    s->reconnect = a->reconnect;
    s->retry = a->retry;
    s->probes = a->probes;
    s->seed = (uint64_t)a->seed;
    s->json = a->json;
    s->quiet = a->quiet;
    return check_together(a, s, error) && parse_targets(a, s, error) &&
           read_authorities(a, s, error);
}

static void set_default(char **text, const char *value)
{
    if (*text == NULL)
        *text = g_strdup(value);
}

OptionsOutcome options_parse(int *argc, char ***argv, Settings **ret_settings, GError **error)
{
    g_auto(Arguments) a = {
        .connections = 64,
        .depth = 1,
        .clients = 100000,
        .bound = 20,
        .threads = 1,
        .seed = 1,
        .rate = NAN, /* none */
        .seconds = 10,
        .warmup = 1,
        .step = 10,
        .probes = 100,
        .timeout = 10,
    };
    g_autoptr(Settings) settings = g_new0(Settings, 1);

    settings->targets = g_ptr_array_new_with_free_func(endpoint_free);
    settings->pids = g_array_new(FALSE, FALSE, sizeof(pid_t));
    if (!parse_arguments(argc, argv, &a, error))
        return OPTIONS_WRONG;
    if (a.version) {
        printf("herd-load " HERD_VERSION "\n");
        return OPTIONS_DONE;
    }
    set_default(&a.mix, "100:0");
    set_default(&a.prefix, "phone");
    set_default(&a.radius, "10");
    set_default(&a.protocol, "herd");
    if (!fill_in(&a, settings, error))
        return OPTIONS_WRONG;
    *ret_settings = g_steal_pointer(&settings);
    return OPTIONS_RUN;
}

void settings_free(Settings *settings)
{
    if (settings == NULL)
        return;
    g_ptr_array_unref(settings->targets);
    g_array_unref(settings->pids);
    endpoint_free(settings->watch);
    tls_free(settings->tls);
    g_free(settings->prefix);
    g_free(settings->area);
    g_free(settings);
}
