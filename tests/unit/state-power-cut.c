/* SPDX-License-Identifier: MIT */

/*
 * What is on the disk when the power fails: of each file what it held when it was last synced, and
 * files that were deleted since their folder was synced. A SQLite VFS that copies a file into
 * another folder whenever it is synced shows just that.
 */

#include "tests/unit/state-rig.h"

typedef struct {
    const sqlite3_io_methods *real;
    sqlite3_io_methods methods; /* the real ones but for xSync */
    char *path;                 /* (owned) */
} Opened;

static sqlite3_vfs *real_vfs;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static GHashTable *opened; /* sqlite3_file -> owned Opened; protected by lock */
static char *watched;      /* (owned) the folder whose files are copied */
static char *disk;         /* (owned) the folder that they are copied to */

static void opened_free(void *data)
{
    Opened *file = data;

    g_free(file->path);
    g_free(file);
}

static void copy_file(const char *path, const char *folder)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *name = g_path_get_basename(path);
    g_autofree char *copy = g_build_filename(folder, name, NULL);
    g_autofree char *bytes = NULL;
    size_t length;

    g_file_get_contents(path, &bytes, &length, &error);
    g_assert_no_error(error);
    g_file_set_contents_full(copy, bytes, (gssize)length, G_FILE_SET_CONTENTS_NONE, 0600, &error);
    g_assert_no_error(error);
}

static int sync_and_copy(sqlite3_file *file, int flags)
{
    mutex_lock(&lock);
    const Opened *of = g_hash_table_lookup(opened, file);
    mutex_unlock(&lock);
    g_autofree char *folder = g_path_get_dirname(of->path);
    int outcome = of->real->xSync(file, flags);

    if (outcome == SQLITE_OK && strcmp(folder, watched) == 0)
        copy_file(of->path, disk);
    return outcome;
}

static int delete_watched(sqlite3_vfs *vfs G_GNUC_UNUSED, const char *name, int sync_folder)
{
    g_autofree char *folder = g_path_get_dirname(name);
    g_autofree char *base = g_path_get_basename(name);
    g_autofree char *copy = g_build_filename(disk, base, NULL);

    if (sync_folder && strcmp(folder, watched) == 0)
        g_remove(copy);
    return real_vfs->xDelete(real_vfs, name, sync_folder);
}

static int open_watched(sqlite3_vfs *vfs G_GNUC_UNUSED, const char *name, sqlite3_file *file,
                        int flags, int *ret_flags)
{
    int outcome = real_vfs->xOpen(real_vfs, name, file, flags, ret_flags);

    if (outcome == SQLITE_OK && name != NULL) {
        Opened *of = g_new0(Opened, 1);

        of->real = file->pMethods;
        of->methods = *file->pMethods;
        of->methods.xSync = sync_and_copy;
        of->path = g_strdup(name);
        file->pMethods = &of->methods;
        mutex_lock(&lock);
        g_hash_table_replace(opened, file, of);
        mutex_unlock(&lock);
    }
    return outcome;
}

/* All that a member which starts after a power cut would find. */
static void assert_after_power_cut(const Place *place, Log *log, GHashTable *expected)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *after = place_file(place, "after");
    g_autoptr(GDir) folder = g_dir_open(disk, 0, NULL);
    const char *name;
    GHashTableIter iter;
    void *client, *time;

    g_assert_cmpint(g_mkdir(after, 0700), ==, 0);
    while ((name = g_dir_read_name(folder)) != NULL) {
        g_autofree char *path = g_build_filename(disk, name, NULL);

        copy_file(path, after);
    }
    g_autoptr(GHashTable) times = load_times(after, log, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(g_hash_table_size(times), ==, g_hash_table_size(expected));
    g_hash_table_iter_init(&iter, expected);
    while (g_hash_table_iter_next(&iter, &client, &time))
        g_assert_true(g_hash_table_lookup(times, client) == time);
    remove_all(after);
}

/* Keeps records of clients with long names, so that the write-ahead log is written into the file
 * now and then. */
static void keep_some(State *state, GHashTable *expected, unsigned first_time)
{
    enum { BATCH = 100, CLIENTS = 1000 };
    g_autoptr(GHashTable) batch = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    uint64_t saved = counters_read(COUNT_STATE_SAVED);

    for (unsigned i = 0; i < BATCH; i++) {
        char *client = g_strdup_printf("%03000d", g_test_rand_int_range(0, CLIENTS));
        unsigned time = first_time + i;

        g_hash_table_replace(expected, client, GUINT_TO_POINTER(time));
        g_hash_table_replace(batch, g_strdup(client), GUINT_TO_POINTER(time));
    }

    GHashTableIter iter;
    void *client, *time;
    g_hash_table_iter_init(&iter, batch);
    while (g_hash_table_iter_next(&iter, &client, &time))
        keep(state, client, GPOINTER_TO_UINT(time));
    wait_for_saved(saved + g_hash_table_size(batch));
}

static void test_saved_is_synced(void)
{
    Place place = place_new();
    Log *log = start(&place, LOG_MESSAGES_NONE);
    unsigned rounds = g_getenv("HERD_TEST_SANITIZER") != NULL ? 8 : 15;
    g_autoptr(GHashTable) expected = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    watched = g_strdup(place.folder);
    disk = place_file(&place, "disk");
    g_assert_cmpint(g_mkdir(disk, 0700), ==, 0);
    for (unsigned run = 0; run < 3; run++) {
        State *state = start_state(&place, log);

        assert_after_power_cut(&place, log, expected);
        for (unsigned round = 0; round < rounds; round++) {
            keep_some(state, expected, 1 + run * 10000 + round * 100);
            assert_after_power_cut(&place, log, expected);
        }
        state_close(state);
        assert_after_power_cut(&place, log, expected);
    }
    log_free(log);
    g_free(watched);
    g_free(disk);
    place_clear(&place);
}

int main(int argc, char **argv)
{
    sqlite3_vfs vfs;

    g_test_init(&argc, &argv, NULL);
    real_vfs = sqlite3_vfs_find(NULL);
    vfs = *real_vfs;
    vfs.zName = "watched";
    vfs.xOpen = open_watched;
    vfs.xDelete = delete_watched;
    opened = g_hash_table_new_full(NULL, NULL, NULL, opened_free);
    g_assert_cmpint(sqlite3_vfs_register(&vfs, 1), ==, SQLITE_OK);

    g_test_add_func("/state/power-cut/what-is-saved-is-synced", test_saved_is_synced);
    int result = g_test_run();

    sqlite3_vfs_unregister(&vfs);
    g_hash_table_unref(opened);
    return result;
}
