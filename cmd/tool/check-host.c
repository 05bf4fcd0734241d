/* SPDX-License-Identifier: MIT */
#include "cmd/tool/check-host.h"

#include "core/credential.h"
#include "core/trust.h"
#include "places/places.h"

#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Descriptors of a member that are for none of its connections: listeners, epolls, log, state. */
#define OTHER_DESCRIPTORS 64

/* An address can be bound to where it is an interface's. */
static bool is_own_address(const Endpoint *endpoint)
{
    struct sockaddr_storage address = endpoint->address;
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return false;
    if (address.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&address)->sin6_port = 0;
    else
        ((struct sockaddr_in *)&address)->sin_port = 0;
    bool bound = bind(fd, (struct sockaddr *)&address, endpoint->length) == 0;
    close(fd);
    return bound;
}

bool check_is_here(const RosterEntry *entry)
{
    return is_own_address(entry->member->listen->pdata[0]);
}

/* ---- files ---- */

typedef struct {
    const char *option;
    const char *path; /* (nullable) */
    bool is_secret;
} NamedFile;

/* Whether it can be read from here. */
static bool check_file(Checklist *list, const char *name, const NamedFile *file)
{
    struct stat status;

    if (stat(file->path, &status) != 0) {
        if (errno == ENOENT && file->is_secret && strchr(file->path, '/') == NULL)
            checklist_add(list, CHECK_NOTE,
                          "%s: %s: %s is not here; it may be a credential of the service", name,
                          file->option, file->path);
        else
            checklist_add(list, CHECK_BAD, "%s: %s: %s: %s", name, file->option, file->path,
                          g_strerror(errno));
        return false;
    }
    if (!S_ISREG(status.st_mode)) {
        checklist_add(list, CHECK_BAD, "%s: %s: %s is no file", name, file->option, file->path);
        return false;
    }
    if (status.st_size == 0) {
        checklist_add(list, CHECK_BAD, "%s: %s: %s is empty", name, file->option, file->path);
        return false;
    }
    if (access(file->path, R_OK) != 0) {
        checklist_add(list, CHECK_WARNING, "%s: %s: %s: you may not read it; %s has to", name,
                      file->option, file->path, name);
        return false;
    }
    if (file->is_secret && (status.st_mode & S_IRWXO) != 0)
        checklist_add(list, CHECK_WARNING, "%s: %s: %s is secret, and everybody may read it", name,
                      file->option, file->path);
    else
        checklist_add(list, CHECK_OK, "%s: %s: %s", name, file->option, file->path);
    return true;
}

/* The same of a file that may be named as a credential, or not at all. */
static bool check_option(Checklist *list, const char *name, const NamedFile *option)
{
    if (option->path == NULL)
        return true;
    g_autofree char *path = credential_path(option->path);
    NamedFile file = {.option = option->option, .path = path, .is_secret = option->is_secret};

    return check_file(list, name, &file);
}

/* A folder need not be there, since the member makes it. */
static void check_folder(Checklist *list, const char *name, const char *option, const char *path)
{
    struct stat status;

    if (path == NULL)
        return;
    if (stat(path, &status) != 0 && errno == ENOENT)
        checklist_add(list, CHECK_NOTE, "%s: %s: %s is not there yet", name, option, path);
    else if (stat(path, &status) != 0)
        checklist_add(list, CHECK_BAD, "%s: %s: %s: %s", name, option, path, g_strerror(errno));
    else if (!S_ISDIR(status.st_mode))
        checklist_add(list, CHECK_BAD, "%s: %s: %s is no folder", name, option, path);
    else if (access(path, W_OK | X_OK) != 0)
        checklist_add(list, CHECK_WARNING, "%s: %s: %s: you may not write there; %s has to", name,
                      option, path, name);
    else
        checklist_add(list, CHECK_OK, "%s: %s: %s", name, option, path);
}

void check_files(Checklist *list, const RosterEntry *entry)
{
    const Config *config = entry->config;
    const char *name = entry->member->name;
    const NamedFile files[] = {
        {"[herd] secret_file", config->secret_file, true},
        {"[places] key_file", config->places.key_file, true},
        {"[places] ca_file", config->places.ca_file, false},
        {"[places] file", config->places.file, false},
        {"[tls] certificate_file", config->tls.certificate_file, false},
        {"[tls] key_file", config->tls.key_file, true},
        {"[tls] ca_file", config->tls.ca_file, false},
        {"[access] rules_file", config->access_rules_file, true},
    };
    g_autoptr(GError) error = NULL;
    bool readable = true;

    for (size_t i = 0; i < G_N_ELEMENTS(files); i++)
        readable &= check_option(list, name, &files[i]);
    if (config->log_target == LOG_TARGET_FILE)
        check_folder(list, name, "[herd] log_dir", config->log_dir);
    check_folder(list, name, "[herd] state_dir", config->state_dir);
    if (!readable)
        return;
    Places *places = places_new(&config->places, &error);
    if (places == NULL)
        checklist_add(list, CHECK_BAD, "%s: [places] %s", name, error->message);
    else
        checklist_add(list, CHECK_OK, "%s: [places] fits its provider", name);
    places_unref(places);

    g_autoptr(GError) distrust = NULL;
    g_auto(TrustFiles) trusted = {0};
    if (!trust_read(config, &trusted, NULL, &distrust))
        checklist_add(list, CHECK_BAD, "%s: %s", name, distrust->message);
}

/* ---- descriptors ---- */

void check_descriptors(Checklist *list, const SurveyRow *row)
{
    const Config *config = row->entry->config;
    const char *name = row->entry->member->name;
    rlim_t wanted = (rlim_t)config->limits.max_connections + config->places.max_lookups +
                    2 * (rlim_t)row->entry->member->neighbours->len + OTHER_DESCRIPTORS;
    double pid = row->status != NULL ? row->status->pid : (double)NAN;
    bool known = pid >= 1 && pid <= G_MAXINT32;
    struct rlimit limit;
    const char *whose = "";
    rlim_t has;

    if (known && prlimit((pid_t)pid, RLIMIT_NOFILE, NULL, &limit) == 0) {
        has = limit.rlim_cur; /* it raised that at its start */
    } else if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        has = limit.rlim_max;
        whose = ", if it is started from here";
    } else {
        return;
    }
    if (has == RLIM_INFINITY || has >= wanted)
        checklist_add(list, CHECK_OK, "%s: it may open enough files for max_connections = %u%s",
                      name, config->limits.max_connections, whose);
    else
        checklist_add(list, CHECK_WARNING,
                      "%s: it may open %llu files%s, and max_connections = %u needs %llu "
                      "(ulimit -n, LimitNOFILE)",
                      name, (unsigned long long)has, whose, config->limits.max_connections,
                      (unsigned long long)wanted);
}
