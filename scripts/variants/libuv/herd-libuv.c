/* SPDX-License-Identifier: MIT */

/* herd-libuv: one member of a herd, in one thread, on libuv's event loop. */

#include "scripts/variants/libuv/server.h"

#include <curl/curl.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { EXIT_USAGE = 2 }; /* wrong use or a bad configuration */

typedef struct {
    char *config; /* (owned) (nullable) */
    gboolean check;
    gboolean version;
    char **names; /* (owned) (nullable) */
} Arguments;

static const char summary[] =
    "Runs member NAME of a herd of location servers in the foreground, until SIGTERM or SIGINT:\n"
    "herdd's protocol in one thread, on libuv's event loop. SIGHUP reopens its log.";

static const char examples[] =
    "Examples:\n"
    "  herd-libuv --config herd.conf Bailey\n"
    "  herd-libuv --config herd.conf --check Bailey     starts nothing\n"
    "\n"
    "Exit status: 0 stopped by a signal, or the check is good; 1 it cannot run, as when its port "
    "is\n"
    "taken; 2 wrong use, or the configuration is wrong.";

static bool parse_arguments(int *argc, char ***argv, Arguments *arguments, GError **error)
{
    const GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &arguments->config,
         "Read the herd's configuration from FILE", "FILE"},
        {"check", 0, 0, G_OPTION_ARG_NONE, &arguments->check, "Read the configuration, and exit",
         NULL},
        {"version", 0, 0, G_OPTION_ARG_NONE, &arguments->version, "Print the versions and exit",
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

/* Whether herd-libuv can be a member of the herd that @config describes. FALSE: one line on stderr
 * says why not. */
static bool is_supported(const char *path, const Config *config)
{
    if (config->places.provider != PROVIDER_GOOGLE_LEGACY) {
        fprintf(stderr, "herd-libuv: %s: [herd] places: herd-libuv has google-legacy only\n", path);
        return false;
    }
    for (unsigned i = 0; i < config->self->neighbours->len; i++) {
        const Member *neighbour = config_member(config, config->self->neighbours->pdata[i]);

        if (member_is_foreign(neighbour)) {
            fprintf(stderr, "herd-libuv: %s: [member %s] dialect: herd-libuv has native only\n",
                    path, neighbour->name);
            return false;
        }
    }
    return true;
}

/* Thousands of phones need thousands of descriptors; the soft limit is often 1,024. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        fprintf(stderr, "herd-libuv: cannot raise the limit on open files: %s\n",
                g_strerror(errno));
}

/* As herdd says it: whoever starts members waits for this line. */
static void say_listening(const Member *self)
{
    printf("herdd: %s listening on ", self->name);
    for (unsigned i = 0; i < self->listen->len; i++)
        printf("%s%s", i > 0 ? ", " : "", ((const Endpoint *)self->listen->pdata[i])->text);
    printf("\n");
    fflush(stdout);
}

static int run(const Config *config)
{
    g_autoptr(GError) error = NULL;

    signal(SIGPIPE, SIG_IGN); /* a peer that is gone is an error of write(), */
    signal(SIGXFSZ, SIG_IGN); /* and so is a log that is too large */
    raise_descriptor_limit();
    Server *server = server_start(config, &error);
    if (server == NULL) {
        fprintf(stderr, "herd-libuv: %s\n", error->message);
        return EXIT_FAILURE;
    }
    say_listening(config->self);
    server_run(server);
    server_free(server);
    return EXIT_SUCCESS;
}

static int act(const Arguments *arguments)
{
    g_autoptr(GError) error = NULL;

    if (arguments->version) {
        printf("herd-libuv, libuv %s, libcurl %s\n", uv_version_string(),
               curl_version_info(CURLVERSION_NOW)->version);
        return EXIT_SUCCESS;
    }
    if (arguments->config == NULL || arguments->names == NULL || arguments->names[1] != NULL) {
        fprintf(stderr, "herd-libuv: name a configuration and one member: herd-libuv --config FILE "
                        "[--check] NAME; see herd-libuv --help\n");
        return EXIT_USAGE;
    }
    g_autoptr(Config) config = config_load(arguments->config, arguments->names[0], &error);
    if (config == NULL) {
        fprintf(stderr, "herd-libuv: %s\n", error->message);
        return EXIT_USAGE;
    }
    if (!is_supported(arguments->config, config))
        return EXIT_USAGE;
    return arguments->check ? EXIT_SUCCESS : run(config);
}

int main(int argc, char **argv)
{
    Arguments arguments = {0};
    g_autoptr(GError) error = NULL;
    int status = EXIT_USAGE;

    if (parse_arguments(&argc, &argv, &arguments, &error))
        status = act(&arguments);
    else
        fprintf(stderr, "herd-libuv: %s; see herd-libuv --help\n", error->message);
    g_free(arguments.config);
    g_strfreev(arguments.names);
    return status;
}
