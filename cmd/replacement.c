/* SPDX-License-Identifier: MIT */
#include "cmd/replacement.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct Replacement {
    char *path;      /* (owned) */
    char *folder;    /* (owned) */
    char *temporary; /* (owned) its path */
    FILE *file;      /* (owned) (nullable) */
};

/* What the signal handler removes; changed with the signals blocked only. */
static const char *volatile unfinished;

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

/* Calls nothing but what a signal handler may; then the signal does what it does by default. */
static void on_signal(int number)
{
    if (unfinished != NULL)
        unlink(unfinished);
    raise(number);
}

static sigset_t block_signals(void)
{
    sigset_t set;
    sigset_t before;

    sigemptyset(&set);
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
        sigaddset(&set, signals[i]);
    pthread_sigmask(SIG_BLOCK, &set, &before);
    return before;
}

static void restore_signals(const sigset_t *before)
{
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

/* One that is ignored, as under nohup, stays so. */
static void catch_signals(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++) {
        struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
        struct sigaction before;

        if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(signals[i], &action, NULL);
    }
}

static bool fail(const char *path, GError **error)
{
    g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(errno), "%s: %s", path,
                g_strerror(errno));
    return false;
}

/* Those of the old file, else those of a file that is made the usual way. */
static mode_t permissions(const char *path)
{
    struct stat status;

    if (stat(path, &status) == 0)
        return status.st_mode & 0777;
    mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

Replacement *replacement_new(const char *path, GError **error)
{
    g_autoptr(Replacement) replacement = g_new0(Replacement, 1);
    char *resolved = realpath(path, NULL);

    replacement->path = g_strdup(resolved != NULL ? resolved : path);
    free(resolved);
    replacement->folder = g_path_get_dirname(replacement->path);
    replacement->temporary = g_strdup_printf("%s.XXXXXX", replacement->path);

    sigset_t before = block_signals();
    catch_signals();
    int fd = mkostemp(replacement->temporary, O_CLOEXEC);
    if (fd >= 0)
        unfinished = replacement->temporary;
    restore_signals(&before);

    if (fd >= 0 && fchmod(fd, permissions(replacement->path)) == 0)
        replacement->file = fdopen(fd, "wb");
    if (replacement->file == NULL) {
        fail(path, error);
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    return g_steal_pointer(&replacement);
}

void replacement_free(Replacement *replacement)
{
    if (replacement == NULL)
        return;
    sigset_t before = block_signals();
    if (unfinished != NULL)
        unlink(unfinished);
    unfinished = NULL;
    restore_signals(&before);
    if (replacement->file != NULL)
        fclose(replacement->file);
    g_free(replacement->path);
    g_free(replacement->folder);
    g_free(replacement->temporary);
    g_free(replacement);
}

FILE *replacement_file(Replacement *replacement)
{
    return replacement->file;
}

const char *replacement_folder(const Replacement *replacement)
{
    return replacement->folder;
}

/* So that the new name survives a power cut. What cannot be opened or synchronised, as on some
 * file systems, is not worth a failure: the file is in its place. */
static void sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

bool replacement_commit(Replacement *replacement, GError **error)
{
    FILE *file = g_steal_pointer(&replacement->file);
    bool written = fflush(file) == 0 && fsync(fileno(file)) == 0;

    if (fclose(file) != 0 || !written)
        return fail(replacement->path, error);

    sigset_t before = block_signals();
    bool renamed = rename(replacement->temporary, replacement->path) == 0;
    if (renamed)
        unfinished = NULL;
    restore_signals(&before);
    if (!renamed)
        return fail(replacement->path, error);
    sync_folder(replacement->folder);
    return true;
}
