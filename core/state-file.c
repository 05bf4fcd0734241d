/* SPDX-License-Identifier: MIT */
#include "core/state-file.h"

#include "core/message.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#define APPLICATION_ID 0x68657264 /* "herd" */
#define VERSION        1 /* of the table; a number that this program does not know is newer */

/* What SQLite's file format says of its first bytes: https://www.sqlite.org/fileformat.html */
#define HEADER_SIZE       100
#define HEADER_MAGIC      "SQLite format 3"
#define HEADER_VERSION_AT 60
#define HEADER_ID_AT      68

#define STRINGIFY(x) #x
#define TEXT(x)      STRINGIFY(x)

/* The write-ahead log shrinks to this many bytes after a batch that was larger. */
#define LOG_SIZE_KEPT 67108864

GQuark herd_state_error_quark(void)
{
    return g_quark_from_static_string("herd-state-error-quark");
}

struct StateFile {
    char *path;           /* (owned) */
    sqlite3 *db;          /* (owned) */
    sqlite3_stmt *keep;   /* (owned) (nullable) until prepared */
    sqlite3_stmt *forget; /* (owned) (nullable) until prepared */
    const Record *change; /* what keep or forget is being executed for */
};

const char *state_file_path(const StateFile *file)
{
    return file->path;
}

/* Always FALSE. */
static bool fail_damaged(const char *path, const char *what, GError **error)
{
    g_autofree char *line = g_strdelimit(g_strdup(what), "\n", ' ');

    g_set_error(error, HERD_STATE_ERROR, HERD_STATE_ERROR_DAMAGED,
                "the state file %s is damaged (%s): move it and what stands beside it (%s-*) away; "
                "the neighbours bring the records back",
                path, line, path);
    return false;
}

/* Always FALSE. */
static bool fail_no_state_file(const char *path, GError **error)
{
    g_set_error(error, HERD_STATE_ERROR, HERD_STATE_ERROR_FOREIGN,
                "%s is no state file, or its beginning is damaged: move it away, or choose "
                "another state_dir; the neighbours bring the records back",
                path);
    return false;
}

/* What SQLite's last failure means to whoever starts a member. Always FALSE. */
static bool fail(const StateFile *file, GError **error)
{
    const char *what = sqlite3_errmsg(file->db);

    switch (sqlite3_errcode(file->db) & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        g_set_error(error, HERD_STATE_ERROR, HERD_STATE_ERROR_BUSY,
                    "the state file %s is in use by another process: stop that one first",
                    file->path);
        return false;
    case SQLITE_NOTADB:
        return fail_no_state_file(file->path, error);
    case SQLITE_CORRUPT:
    case SQLITE_ERROR: /* our statements are right: it is not the table that they are for */
        return fail_damaged(file->path, what, error);
    default:
        g_set_error(error, HERD_STATE_ERROR, HERD_STATE_ERROR_OPEN,
                    "cannot open the state file %s: %s", file->path, what);
        return false;
    }
}

static bool execute(const StateFile *file, const char *sql)
{
    return sqlite3_exec(file->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* The first column of the first row of what @sql answers. (transfer full); NULL: it failed. */
static char *query(const StateFile *file, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    char *text = NULL;

    if (sqlite3_prepare_v2(file->db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        text = g_strdup((const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    return text;
}

/* A folder that was made is there after a power cut only if the one above it says so on the disk.
 */
static bool sync_folder(const char *path)
{
    int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (descriptor < 0)
        return false;
    bool synced = fsync(descriptor) == 0;
    int problem = errno;
    close(descriptor);
    errno = problem;
    return synced;
}

static bool make_folder(const char *directory, GError **error)
{
    g_autofree char *above = g_path_get_dirname(directory);
    bool there = g_file_test(directory, G_FILE_TEST_EXISTS);

    if (g_mkdir_with_parents(directory, 0750) == 0 && (there || sync_folder(above)))
        return true;
    g_set_error(error, HERD_STATE_ERROR, HERD_STATE_ERROR_OPEN, "cannot make the folder %s: %s",
                directory, g_strerror(errno));
    return false;
}

static uint32_t number_at(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Reads the first @size bytes of the file, or makes it empty. -1 with errno set. */
static ssize_t read_header(const char *path, unsigned char *header, size_t size)
{
    struct stat status;
    ssize_t length = -1;
    /* O_NONBLOCK: it may be a pipe. */
    int descriptor = open(path, O_RDONLY | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0640);

    if (descriptor < 0)
        return -1;
    if (fstat(descriptor, &status) == 0) {
        errno = EINVAL;
        if (S_ISREG(status.st_mode))
            length = pread(descriptor, header, size, 0);
    }
    int problem = errno;
    close(descriptor);
    errno = problem;
    return length;
}

/* Refuses what is not ours by its header before SQLite, which mends what a crash has left of any
 * database, sees it. What has no header of SQLite's is left to SQLite to refuse. */
static bool check_header(const char *path, GError **error)
{
    unsigned char header[HEADER_SIZE];
    ssize_t length = read_header(path, header, sizeof header);

    if (length < 0) {
        g_set_error(error, HERD_STATE_ERROR, HERD_STATE_ERROR_OPEN,
                    "cannot open the state file %s: %s", path, g_strerror(errno));
        return false;
    }
    if (length > 0 && length < HEADER_SIZE) /* SQLite takes one byte for none */
        return fail_no_state_file(path, error);
    if (length == 0 || memcmp(header, HEADER_MAGIC, sizeof HEADER_MAGIC) != 0)
        return true;
    if (number_at(header + HEADER_ID_AT) != APPLICATION_ID) {
        g_set_error(error, HERD_STATE_ERROR, HERD_STATE_ERROR_FOREIGN,
                    "%s is a database of another program: move it away, or choose another "
                    "state_dir",
                    path);
        return false;
    }
    if (number_at(header + HEADER_VERSION_AT) != VERSION) {
        g_set_error(error, HERD_STATE_ERROR, HERD_STATE_ERROR_NEWER,
                    "the state file %s has version %u, and this herdd knows only " TEXT(
                        VERSION) ": run the newer herdd, or move the file away; the neighbours "
                                 "bring the records back",
                    path, number_at(header + HEADER_VERSION_AT));
        return false;
    }
    return true;
}

/* In one transaction with the header, so that a crash leaves an empty file or a whole one. */
static bool make_table(const StateFile *file)
{
    return execute(file, "CREATE TABLE records (client BLOB PRIMARY KEY, line BLOB NOT NULL,"
                         " digest INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
                         "PRAGMA application_id = " TEXT(
                             APPLICATION_ID) ";"
                                             "PRAGMA user_version = " TEXT(VERSION) ";");
}

/* With the lock held: makes an empty file a state file, and looks through any other. */
static bool make_or_check(const StateFile *file, GError **error)
{
    g_autofree char *id = query(file, "PRAGMA application_id");

    if (id == NULL)
        return fail(file, error);
    if (strcmp(id, "0") == 0) /* any other than an empty one was refused by its header */
        return make_table(file) || fail(file, error);

    g_autofree char *verdict = query(file, "PRAGMA quick_check(1)");
    if (verdict == NULL)
        return fail(file, error);
    return strcmp(verdict, "ok") == 0 || fail_damaged(file->path, verdict, error);
}

StateFile *state_file_open(const char *directory, const char *member, GError **error)
{
    g_autofree char *name = g_strconcat(member, ".db", NULL);
    g_autofree char *path = g_build_filename(directory, name, NULL);

    if (!make_folder(directory, error))
        return NULL;

    g_autoptr(StateFile) file = g_new0(StateFile, 1);
    /* An absolute path, since SQLite may take "file:..." for more than a name. */
    file->path = g_canonicalize_filename(path, NULL);
    if (!check_header(file->path, error))
        return NULL;
    if (sqlite3_open_v2(file->path, &file->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK) {
        fail(file, error);
        return NULL;
    }
    if (sqlite3_db_readonly(file->db, "main") == 1) {
        g_set_error(error, HERD_STATE_ERROR, HERD_STATE_ERROR_OPEN,
                    "cannot open the state file %s: it may not be written", file->path);
        return NULL;
    }
    /* Nothing is written into a file that is then found to be wrong, not even by closing it. */
    sqlite3_db_config(file->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    /* EXTRA: like FULL, and the journal that the file is made with is gone for good when it is
     * deleted, so that no power cut brings it back. */
    if (!execute(file, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA auto_vacuum = NONE;"
                       "PRAGMA synchronous = EXTRA; BEGIN EXCLUSIVE")) {
        fail(file, error);
        return NULL;
    }
    if (!make_or_check(file, error))
        return NULL;
    if (!execute(file, "COMMIT")) {
        fail(file, error);
        return NULL;
    }
    return g_steal_pointer(&file);
}

static Slice column(sqlite3_stmt *row, int index)
{
    const char *data = sqlite3_column_blob(row, index);

    return (Slice){.data = data, .length = (size_t)sqlite3_column_bytes(row, index)};
}

/* The record whose line is @line, LF included. (transfer full); NULL: it is no such line. */
static Record *record_of_line(Slice line)
{
    Slice text = {.data = line.data, .length = line.length - 1};

    if (line.length == 0 || line.length > UINT16_MAX)
        return NULL;

    Message message = message_parse(text);
    if (message.kind != MESSAGE_AT)
        return NULL;
    g_autoptr(Record) record = record_new(&message.at);
    return slice_equal(record_line(record), line) ? g_steal_pointer(&record) : NULL;
}

/* (transfer full); NULL with @ret_what set: what is wrong with the row. */
static Record *record_of_row(sqlite3_stmt *row, const char **ret_what)
{
    g_autoptr(Record) record = record_of_line(column(row, 1));

    *ret_what = NULL;
    if (record == NULL)
        *ret_what = "a row of it has no record";
    else if (!slice_equal(record_client(record), column(row, 0)))
        *ret_what = "a row of it has the record of another client";
    else if (record_digest(record) != (uint64_t)sqlite3_column_int64(row, 2))
        *ret_what = "a row of it has another record than was saved";
    return *ret_what == NULL ? g_steal_pointer(&record) : NULL;
}

bool state_file_load(StateFile *file, void (*take)(void *user, Record *record), void *user,
                     GError **error)
{
    sqlite3_stmt *rows = NULL;
    const char *damage = NULL;

    if (sqlite3_prepare_v2(file->db, "SELECT client, line, digest FROM records", -1, &rows, NULL) !=
        SQLITE_OK)
        return fail(file, error);
    while (damage == NULL && sqlite3_step(rows) == SQLITE_ROW) {
        g_autoptr(Record) record = record_of_row(rows, &damage);

        if (record != NULL)
            take(user, record);
    }
    bool whole = sqlite3_finalize(rows) == SQLITE_OK; /* what the last step said */
    if (damage != NULL)
        return fail_damaged(file->path, damage, error);
    return whole || fail(file, error);
}

/* SQL: newer(line), whether what stands in the row is newer than the change. What cannot be read is
 * not. */
static void newer(sqlite3_context *context, int count, sqlite3_value **values)
{
    const StateFile *file = sqlite3_user_data(context);
    const char *data = sqlite3_value_blob(values[0]);
    g_autoptr(Record) record =
        record_of_line((Slice){.data = data, .length = (size_t)sqlite3_value_bytes(values[0])});

    g_assert(count == 1);
    sqlite3_result_int(context, record != NULL && record_compare(record, file->change) > 0);
}

bool state_file_prepare(StateFile *file, GError **error)
{
    g_autofree char *mode = query(file, "PRAGMA journal_mode = WAL");

    if (mode == NULL)
        return fail(file, error);
    if (strcmp(mode, "wal") != 0) {
        g_set_error(error, HERD_STATE_ERROR, HERD_STATE_ERROR_OPEN,
                    "cannot open the state file %s: it does not take a write-ahead log",
                    file->path);
        return false;
    }
    if (!execute(file, "PRAGMA journal_size_limit = " TEXT(LOG_SIZE_KEPT)) ||
        sqlite3_create_function(file->db, "newer", 1, SQLITE_UTF8 | SQLITE_DIRECTONLY, file, newer,
                                NULL, NULL) != SQLITE_OK ||
        sqlite3_prepare_v3(file->db,
                           "INSERT INTO records VALUES (?1, ?2, ?3) ON CONFLICT (client)"
                           " DO UPDATE SET line = excluded.line, digest = excluded.digest"
                           " WHERE NOT newer(line)",
                           -1, SQLITE_PREPARE_PERSISTENT, &file->keep, NULL) != SQLITE_OK ||
        sqlite3_prepare_v3(file->db, "DELETE FROM records WHERE client = ?1 AND NOT newer(line)",
                           -1, SQLITE_PREPARE_PERSISTENT, &file->forget, NULL) != SQLITE_OK)
        return fail(file, error);
    sqlite3_db_config(file->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    return true;
}

static bool bind_slice(sqlite3_stmt *statement, int index, Slice bytes)
{
    return sqlite3_bind_blob(statement, index, bytes.data, (int)bytes.length, SQLITE_STATIC) ==
           SQLITE_OK;
}

static bool write_change(StateFile *file, const Record *record, StateChange change)
{
    sqlite3_stmt *statement = change == STATE_KEEP ? file->keep : file->forget;

    file->change = record;
    if (!bind_slice(statement, 1, record_client(record)))
        return false;
    if (change == STATE_KEEP &&
        (!bind_slice(statement, 2, record_line(record)) ||
         sqlite3_bind_int64(statement, 3, (sqlite3_int64)record_digest(record)) != SQLITE_OK))
        return false;
    sqlite3_step(statement);
    return sqlite3_reset(statement) == SQLITE_OK; /* what the step said */
}

static bool write_changes(StateFile *file, GHashTable *changes)
{
    GHashTableIter iter;
    void *record, *change;

    g_hash_table_iter_init(&iter, changes);
    while (g_hash_table_iter_next(&iter, &record, &change))
        if (!write_change(file, record, (StateChange)GPOINTER_TO_UINT(change)))
            return false;
    return true;
}

bool state_file_write(StateFile *file, GHashTable *changes, GError **error)
{
    if (execute(file, "BEGIN") && write_changes(file, changes) && execute(file, "COMMIT"))
        return true;
    g_set_error(error, HERD_STATE_ERROR, HERD_STATE_ERROR_WRITE,
                "cannot write the state file %s: %s", file->path, sqlite3_errmsg(file->db));
    if (!sqlite3_get_autocommit(file->db)) /* some failures have ended it already */
        execute(file, "ROLLBACK");
    return false;
}

void state_file_close(StateFile *file)
{
    if (file == NULL)
        return;
    sqlite3_finalize(file->keep);
    sqlite3_finalize(file->forget);
    int outcome = sqlite3_close(file->db);
    g_assert(outcome == SQLITE_OK); /* or a statement is not finalized */
    g_free(file->path);
    g_free(file);
}
