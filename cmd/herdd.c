/* SPDX-License-Identifier: MIT */

/* herdd: one member of a herd. */

#include "cmd/config-path.h"
#include "cmd/server.h"
#include "cmd/service.h"

#include "core/config.h"
#include "core/thread.h"

#include <errno.h>
#include <glib.h>
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define STOP_TICK_MS 100  /* between two looks at who lingers, at signals and at the watchdog */
#define STOP_REST_MS 5000 /* for the neighbours, the state and the log, in what systemd is told */

enum { EXIT_USAGE = 2 }; /* wrong use or a bad configuration */

typedef struct {
    char *config; /* (owned) (nullable) */
    gboolean check;
    gboolean version;
    char **names; /* (owned) (nullable) */
} Arguments;

static const char summary[] =
    "Runs member NAME of a herd of location servers in the foreground, until SIGTERM or SIGINT.\n"
    "SIGHUP reopens its log and takes what has changed in the configuration, and in the files that "
    "it\nnames: places, keys, certificates, secret, rules of access.";

static const char examples[] =
    "Examples:\n"
    "  herdd Bailey                              by conf/herd.conf, else " CONFIG_PATH_INSTALLED
    "\n"
    "  herdd --config conf/herds/riley.conf Riley\n"
    "  herdd --check Bailey                      shows every option in force, starts nothing\n"
    "  printf 'IAMAT kiwi +34.068930-118.445127 1621464827.959498503\\n' | nc -N 127.0.0.1 10000\n"
    "\n"
    "Exit status: 0 stopped by a signal, or the check is good; 1 it cannot run, as when its port "
    "is\n"
    "taken; 2 wrong use, or the configuration is wrong.";

static bool parse_arguments(int *argc, char ***argv, Arguments *arguments, GError **error)
{
    const GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &arguments->config,
         "Read the herd's configuration from FILE", "FILE"},
        {"check", 0, 0, G_OPTION_ARG_NONE, &arguments->check,
         "Read the configuration, print what would be used, and exit", NULL},
        {"version", 0, 0, G_OPTION_ARG_NONE, &arguments->version, "Print the version and exit",
         NULL},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &arguments->names, NULL, "NAME"},
        {0},
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);

    g_option_context_set_summary(context, summary);
    g_option_context_set_description(context, examples);
    g_option_context_add_main_entries(context, entries, NULL);
    return g_option_context_parse(context, argc, argv, error);
}

/* Thousands of phones need thousands of descriptors; the soft limit is often 1,024. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        fprintf(stderr, "herdd: cannot raise the limit on open files: %s\n", g_strerror(errno));
}

/* Blocks the signals that main waits for, before any thread is there to get them. */
static sigset_t block_signals(void)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN); /* a peer that is gone is an error of send(), */
    signal(SIGXFSZ, SIG_IGN); /* a log that is too large one of write() */
    return signals;
}

/* The signal that comes within @wait_ms (negative: whenever), or 0. */
static int wait_signal(const sigset_t *signals, int64_t wait_ms)
{
    struct timespec wait = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000};
    int number = wait_ms < 0 ? sigwaitinfo(signals, NULL) : sigtimedwait(signals, NULL, &wait);

    return number > 0 ? number : 0; /* EINTR, as after SIGCONT, is no signal either */
}

static void report(Service *service, const Server *server)
{
    g_autofree char *status = server_status(server);

    service_report(service, server_is_alive(server), status);
}

static void say_ready(Service *service, const Server *server)
{
    g_autofree char *status = server_status(server);

    service_say_ready(service, status);
}

static void reload(Service *service, Server *server)
{
    service_say_reloading(service);
    server_reload(server);
    g_autofree char *status = server_status(server);
    service_say_reloaded(service, status);
}

static void run_until_stopped(Service *service, Server *server, const sigset_t *signals)
{
    for (;;) {
        switch (wait_signal(signals, service_interval_ms(service))) {
        case 0:
            report(service, server);
            break;
        case SIGHUP:
            reload(service, server);
            break;
        default:
            return;
        }
    }
}

/* Waits for the clients for up to @timeout_ms; less if another signal says that there is no time.
 */
static void wait_for_clients(Server *server, const sigset_t *signals, int64_t timeout_ms)
{
    int64_t deadline = monotonic_ms() + timeout_ms;

    while (!server_wait_ended(server, STOP_TICK_MS) && monotonic_ms() < deadline) {
        int number = wait_signal(signals, 0);

        if (number == SIGTERM || number == SIGINT)
            return;
    }
}

static void stop(Service *service, Server *server, const sigset_t *signals)
{
    const Config *config = server_config(server);
    int64_t timeout_ms = (int64_t)config->stop_timeout_s * 1000;

    service_say_stopping(service,
                         2 * timeout_ms + (int64_t)config->places.timeout_ms + STOP_REST_MS);
    server_begin_stop(server);
    wait_for_clients(server, signals, timeout_ms);
    server_stop(server);
}

static void say_listening(const Member *self)
{
    printf("herdd: %s listening on ", self->name);
    for (unsigned i = 0; i < self->listen->len; i++)
        printf("%s%s", i > 0 ? ", " : "", ((const Endpoint *)self->listen->pdata[i])->text);
    printf("\n");
    fflush(stdout);
}

/*
 * Large blocks go back to the system when they are freed. glibc would learn from the first large
 * answer of a provider to keep them, in each arena that a worker allocates from: 48 lookups at once
 * with 2 MB each then leave 50 to 80 MB behind, and 10 MB so.
 */
static void keep_no_large_blocks(void)
{
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
}

/* Takes @config, which was read from @path, @places, what is in @files, and @tls. */
static int run(const char *path, Config *config, Places *places, TrustFiles *files, TlsContext *tls)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Service) service = service_new();
    g_autoptr(GArray) handed = service_take_sockets();
    sigset_t signals = block_signals();

    keep_no_large_blocks();
    raise_descriptor_limit();
    Server *server = server_start(path, config, places, files, tls, handed, &error);
    if (server == NULL) {
        fprintf(stderr, "herdd: %s\n", error->message);
        return EXIT_FAILURE;
    }
    service_keep_sockets(service, server_listeners(server), handed);
    say_listening(server_config(server)->self);
    say_ready(service, server);
    run_until_stopped(service, server, &signals);
    stop(service, server, &signals);
    return EXIT_SUCCESS;
}

static int check(const Config *config)
{
    g_autofree char *description = config_describe(config);

    for (unsigned i = 0; i < config->warnings->len; i++)
        fprintf(stderr, "herdd: warning: %s\n", (const char *)config->warnings->pdata[i]);
    printf("# What %s would use.\n%s", config->self->name, description);
    return EXIT_SUCCESS;
}

static int act(const Arguments *arguments)
{
    g_autoptr(GError) error = NULL;

    if (arguments->version) {
        printf("herdd " HERD_VERSION "\n");
        return EXIT_SUCCESS;
    }
    if (arguments->names == NULL || arguments->names[1] != NULL) {
        fprintf(stderr, "herdd: name one member: herdd [--config FILE] [--check] NAME; see herdd "
                        "--help\n");
        return EXIT_USAGE;
    }

    const char *path = arguments->config != NULL ? arguments->config : config_path_default();
    g_autoptr(Config) config = config_load(path, arguments->names[0], &error);
    if (config == NULL) {
        fprintf(stderr, "herdd: %s\n", error->message);
        return EXIT_USAGE;
    }
    g_autoptr(Places) places = places_new(&config->places, &error);
    if (places == NULL) {
        fprintf(stderr, "herdd: %s: [places] %s\n", path, error->message);
        return EXIT_USAGE;
    }
    g_auto(TrustFiles) files = {0};
    if (!trust_read(config, &files, config->warnings, &error)) {
        fprintf(stderr, "herdd: %s: %s\n", path, error->message);
        return EXIT_USAGE;
    }
    g_autoptr(TlsContext) tls = NULL;
    if (config_needs_tls(config)) {
        tls = tls_context_new(&config->tls, &error);
        if (tls == NULL) {
            fprintf(stderr, "herdd: %s: [tls] %s\n", path, error->message);
            return EXIT_USAGE;
        }
    }
    return arguments->check ? check(config)
                            : run(path, g_steal_pointer(&config), g_steal_pointer(&places), &files,
                                  g_steal_pointer(&tls));
}

int main(int argc, char **argv)
{
    Arguments arguments = {0};
    g_autoptr(GError) error = NULL;
    int status = EXIT_USAGE;

    setlocale(LC_CTYPE, ""); /* for what GOption prints; numbers stay what they are */
    if (parse_arguments(&argc, &argv, &arguments, &error))
        status = act(&arguments);
    else
        fprintf(stderr, "herdd: %s; see herdd --help\n", error->message);
    g_free(arguments.config);
    g_strfreev(arguments.names);
    return status;
}
