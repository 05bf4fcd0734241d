/* SPDX-License-Identifier: MIT */

/* Files that a member must not begin with, and must leave as they are. */

#include "tests/unit/state-rig.h"

#include <sys/stat.h>

typedef struct {
    Place place;
    Log *log;
    char *path; /* (owned) of the state file */
} Rig;

static Rig rig_new(void)
{
    Rig rig = {.place = place_new()};

    rig.log = start(&rig.place, LOG_MESSAGES_NONE);
    rig.path = state_file_in(&rig.place);
    return rig;
}

static void rig_clear(Rig *rig)
{
    log_free(rig->log);
    g_free(rig->path);
    place_clear(&rig->place);
}

/* The records "client/0=1" to "client/@count-1=@count". */
static void rig_fill(Rig *rig, unsigned count)
{
    State *state = start_state(&rig->place, rig->log);

    for (unsigned i = 0; i < count; i++) {
        g_autofree char *client = g_strdup_printf("client/%u", i);

        keep(state, client, i + 1);
    }
    state_close(state);
}

static GBytes *contents(const char *path)
{
    g_autoptr(GError) error = NULL;
    char *bytes;
    size_t length;

    g_file_get_contents(path, &bytes, &length, &error);
    g_assert_no_error(error);
    return g_bytes_new_take(bytes, length);
}

static void write_contents(const char *path, const void *bytes, size_t length)
{
    FILE *file = fopen(path, "we");

    g_assert_nonnull(file);
    g_assert_cmpuint(fwrite(bytes, 1, length, file), ==, length);
    g_assert_cmpint(fclose(file), ==, 0);
}

/* A member that starts is told @code and @text, one line that names the file, and alters nothing.
 */
static void assert_refused(Rig *rig, HerdStateError code, const char *text)
{
    g_autoptr(GBytes) before = contents(rig->path);
    g_autoptr(GError) error = NULL;
    GHashTable *times = load_times(rig->place.folder, rig->log, &error);
    g_autoptr(GBytes) after = contents(rig->path);

    g_assert_null(times);
    g_assert_error(error, HERD_STATE_ERROR, (int)code);
    g_assert_nonnull(strstr(error->message, rig->path));
    g_assert_nonnull(strstr(error->message, text));
    g_assert_null(strchr(error->message, '\n'));
    g_assert_true(g_bytes_equal(before, after));
}

/* Lets the sqlite3 of another program at the file. */
static void run_sql(const Rig *rig, const char *sql)
{
    sqlite3 *db;

    g_assert_cmpint(sqlite3_open(rig->path, &db), ==, SQLITE_OK);
    int outcome = sqlite3_exec(db, sql, NULL, NULL, NULL);
    if (outcome != SQLITE_OK)
        g_test_message("%s: %s", sql, sqlite3_errmsg(db));
    g_assert_cmpint(outcome, ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_close(db), ==, SQLITE_OK);
}

static void test_empty(void)
{
    Rig rig = rig_new();

    write_contents(rig.path, "", 0);
    assert_times(rig.place.folder, rig.log, "");
    rig_fill(&rig, 2);
    assert_times(rig.place.folder, rig.log, "client/0=1 client/1=2");
    rig_clear(&rig);
}

static void test_form(void)
{
    Rig rig = rig_new();
    struct stat status;

    rig_fill(&rig, 1);
    g_assert_cmpint(stat(rig.path, &status), ==, 0);
    g_assert_cmpuint(status.st_mode & 07, ==, 0); /* where people are is not for everybody */
    g_autoptr(GBytes) bytes = contents(rig.path);
    const unsigned char *header = g_bytes_get_data(bytes, NULL);
    static const unsigned char id[] = {'h', 'e', 'r', 'd'}, version[] = {0, 0, 0, 1};
    g_assert_true(memcmp(header + 68, id, sizeof id) == 0);
    g_assert_true(memcmp(header + 60, version, sizeof version) == 0);
    g_assert_cmpuint(header[18], ==, 2); /* a write-ahead log */
    /* One file, without what SQLite keeps beside it while it is in use. */
    g_autofree char *wal = place_file(&rig.place, "Bailey.db-wal");
    g_autofree char *journal = place_file(&rig.place, "Bailey.db-journal");
    g_assert_false(g_file_test(wal, G_FILE_TEST_EXISTS));
    g_assert_false(g_file_test(journal, G_FILE_TEST_EXISTS));
    rig_clear(&rig);
}

static void test_text(void)
{
    static const char *const texts[] = {"x", "IAMAT kiwi +34-118 5\n", "SQLite format 3"};
    Rig rig = rig_new();

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        write_contents(rig.path, texts[i], strlen(texts[i]));
        assert_refused(&rig, HERD_STATE_ERROR_FOREIGN, "is no state file");
    }
    g_autofree char *zeros = g_malloc0(100000);
    write_contents(rig.path, zeros, 100000);
    assert_refused(&rig, HERD_STATE_ERROR_FOREIGN, "is no state file");
    rig_clear(&rig);
}

static void test_other_program(void)
{
    static const char *const modes[] = {"DELETE", "WAL"};

    for (size_t i = 0; i < G_N_ELEMENTS(modes); i++) {
        Rig rig = rig_new();
        g_autofree char *sql = g_strdup_printf("PRAGMA journal_mode = %s;"
                                               "CREATE TABLE records (client, line, digest);",
                                               modes[i]);

        run_sql(&rig, sql);
        assert_refused(&rig, HERD_STATE_ERROR_FOREIGN, "database of another program");
        run_sql(&rig, "PRAGMA application_id = 7");
        assert_refused(&rig, HERD_STATE_ERROR_FOREIGN, "move it away");
        rig_clear(&rig);
    }
}

static void test_newer(void)
{
    Rig rig = rig_new();

    rig_fill(&rig, 3);
    run_sql(&rig, "PRAGMA user_version = 2");
    assert_refused(&rig, HERD_STATE_ERROR_NEWER, "version 2");
    rig_clear(&rig);
}

static void test_wrong_rows(void)
{
    static const char *const changes[] = {
        "UPDATE records SET digest = digest + 1 WHERE client = CAST('client/1' AS BLOB)",
        "UPDATE records SET line = CAST('AT Bailey +0.0 client/1 +34-118 5' AS BLOB)"
        " WHERE client = CAST('client/1' AS BLOB)",
        "UPDATE records SET line = CAST('' AS BLOB) WHERE client = CAST('client/1' AS BLOB)",
        "UPDATE records SET line = zeroblob(70000) WHERE client = CAST('client/1' AS BLOB)",
        "UPDATE records SET client = CAST('other' AS BLOB)"
        " WHERE client = CAST('client/1' AS BLOB)",
        "DROP TABLE records",
        "ALTER TABLE records RENAME COLUMN line TO text",
        "PRAGMA application_id = 1751478884; DROP TABLE records; CREATE TABLE other (x)",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
        Rig rig = rig_new();

        rig_fill(&rig, 3);
        run_sql(&rig, changes[i]);
        assert_refused(&rig, HERD_STATE_ERROR_DAMAGED, "is damaged");
        rig_clear(&rig);
    }
}

static void assert_all(GHashTable *times, unsigned count)
{
    g_assert_cmpuint(g_hash_table_size(times), ==, count);
    for (unsigned i = 0; i < count; i++) {
        g_autofree char *client = g_strdup_printf("client/%u", i);

        g_assert_cmpuint(GPOINTER_TO_UINT(g_hash_table_lookup(times, client)), ==, i + 1);
    }
}

static void test_truncated(void)
{
    Rig rig = rig_new();

    rig_fill(&rig, 300);
    g_autoptr(GBytes) bytes = contents(rig.path);
    size_t length = g_bytes_get_size(bytes);

    for (size_t cut = 4096; cut < length; cut += 4096) {
        write_contents(rig.path, g_bytes_get_data(bytes, NULL), cut);
        assert_refused(&rig, HERD_STATE_ERROR_DAMAGED, "move it");
    }
    rig_clear(&rig);
}

/* Wherever the file ends, it is an error, unless nothing was in what is missing. */
static void test_property_truncated(void)
{
    enum { RECORDS = 300 };
    Rig rig = rig_new();

    rig_fill(&rig, RECORDS);
    g_autoptr(GBytes) bytes = contents(rig.path);
    size_t length = g_bytes_get_size(bytes);

    for (int i = 0; i < 30; i++) {
        g_autoptr(GError) error = NULL;
        size_t cut = (size_t)g_test_rand_int_range(100, (int)length);

        write_contents(rig.path, g_bytes_get_data(bytes, NULL), cut);
        g_autoptr(GHashTable) times = load_times(rig.place.folder, rig.log, &error);
        g_autoptr(GBytes) after = contents(rig.path);
        if (times != NULL)
            assert_all(times, RECORDS);
        else
            g_assert_error(error, HERD_STATE_ERROR, HERD_STATE_ERROR_DAMAGED);
        g_assert_cmpuint(g_bytes_get_size(after), ==, cut);
    }
    rig_clear(&rig);
}

/* Whatever bit turns, what is loaded is what was saved, or it is an error. */
static void test_property_flipped_bit(void)
{
    enum { RECORDS = 120 };
    Rig rig = rig_new();

    rig_fill(&rig, RECORDS);
    g_autoptr(GBytes) bytes = contents(rig.path);
    size_t length;
    const unsigned char *whole = g_bytes_get_data(bytes, &length);
    g_autofree unsigned char *flipped = g_memdup2(whole, length);
    unsigned rounds = g_test_slow() ? 20000 : 300, found = 0;

    for (unsigned i = 0; i < rounds; i++) {
        g_autoptr(GError) error = NULL;
        size_t byte = (size_t)g_test_rand_int_range(0, (int)length);

        flipped[byte] ^= (unsigned char)(1u << g_test_rand_int_range(0, 8));
        write_contents(rig.path, flipped, length);
        g_autoptr(GHashTable) times = load_times(rig.place.folder, rig.log, &error);
        if (times != NULL) {
            assert_all(times, RECORDS);
        } else {
            g_autoptr(GBytes) after = contents(rig.path);

            found++;
            g_assert_cmpuint(g_bytes_get_size(after), ==, length);
            g_assert_true(memcmp(flipped, g_bytes_get_data(after, NULL), length) == 0);
        }
        flipped[byte] = whole[byte];
    }
    g_test_message("%u of %u flips found", found, rounds);
    g_assert_cmpuint(found, >, rounds / 4);
    rig_clear(&rig);
}

/* Holds the file until its input ends. */
static void hold(const Rig *rig, int ready, int end)
{
    char byte;
    Log *log = start(&rig->place, LOG_MESSAGES_NONE);
    State *state = start_state(&rig->place, log);

    g_assert_cmpint(write(ready, "x", 1), ==, 1);
    g_assert_cmpint(read(end, &byte, 1), ==, 0);
    state_close(state);
    log_free(log);
    _exit(0);
}

static void test_busy(void)
{
    Place place = place_new();
    Rig rig = {.place = place, .path = state_file_in(&place)};
    int ready[2], end[2], status;
    char byte;

    g_assert_cmpint(pipe(ready), ==, 0);
    g_assert_cmpint(pipe(end), ==, 0);
    pid_t child = fork(); /* before this process has another thread */
    g_assert_cmpint(child, >=, 0);
    if (child == 0) {
        close(end[1]);
        hold(&rig, ready[1], end[0]);
    }
    close(ready[1]);
    close(end[0]);
    g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);

    rig.log = start(&rig.place, LOG_MESSAGES_NONE);
    assert_refused(&rig, HERD_STATE_ERROR_BUSY, "in use by another process");
    close(end[1]);
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_cmpint(status, ==, 0);
    assert_times(rig.place.folder, rig.log, "");
    close(ready[0]);
    rig_clear(&rig);
}

static void test_no_file(void)
{
    Rig rig = rig_new();
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(g_mkdir(rig.path, 0700), ==, 0);
    g_assert_null(load_times(rig.place.folder, rig.log, &error));
    g_assert_error(error, HERD_STATE_ERROR, HERD_STATE_ERROR_OPEN);
    g_clear_error(&error);
    g_assert_cmpint(g_rmdir(rig.path), ==, 0);

    g_assert_cmpint(mkfifo(rig.path, 0600), ==, 0);
    g_assert_null(load_times(rig.place.folder, rig.log, &error));
    g_assert_error(error, HERD_STATE_ERROR, HERD_STATE_ERROR_OPEN);
    g_assert_nonnull(strstr(error->message, rig.path));
    rig_clear(&rig);
}

/* What a crash left beside a file that is then damaged is left too: it may help whoever mends it.
 */
static void test_damaged_beside_a_log(void)
{
    Rig rig = rig_new();

    rig_fill(&rig, 300);
    State *state = start_state(&rig.place, rig.log);
    uint64_t saved = counters_read(COUNT_STATE_SAVED);
    keep(state, "kiwi", 5);
    wait_for_saved(saved + 1);
    /* As a crash would leave them. */
    g_autofree char *wal = place_file(&rig.place, "Bailey.db-wal");
    g_autoptr(GBytes) file_bytes = contents(rig.path);
    g_autoptr(GBytes) wal_bytes = contents(wal);
    state_close(state);
    size_t length = g_bytes_get_size(file_bytes);
    g_autofree char *damaged = g_memdup2(g_bytes_get_data(file_bytes, NULL), length);
    /* In every page but the first: the log has some of them anew. */
    for (size_t i = 4096; i < length; i++)
        damaged[i] = (char)(damaged[i] ^ 0x55);
    write_contents(rig.path, damaged, length);
    write_contents(wal, g_bytes_get_data(wal_bytes, NULL), g_bytes_get_size(wal_bytes));

    assert_refused(&rig, HERD_STATE_ERROR_DAMAGED, "damaged");
    g_autoptr(GBytes) wal_after = contents(wal);
    g_assert_true(g_bytes_equal(wal_bytes, wal_after));

    /* And whole, they are loaded together. */
    write_contents(rig.path, g_bytes_get_data(file_bytes, NULL), length);
    g_autoptr(GError) error = NULL;
    g_autoptr(GHashTable) times = load_times(rig.place.folder, rig.log, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(g_hash_table_size(times), ==, 301);
    rig_clear(&rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/state-file/busy/another-process", test_busy);
    g_test_add_func("/state-file/made/empty-file", test_empty);
    g_test_add_func("/state-file/made/form", test_form);
    g_test_add_func("/state-file/refused/no-database", test_text);
    g_test_add_func("/state-file/refused/of-another-program", test_other_program);
    g_test_add_func("/state-file/refused/newer", test_newer);
    g_test_add_func("/state-file/refused/wrong-rows", test_wrong_rows);
    g_test_add_func("/state-file/refused/truncated", test_truncated);
    g_test_add_func("/state-file/refused/property/truncated", test_property_truncated);
    g_test_add_func("/state-file/refused/no-regular-file", test_no_file);
    g_test_add_func("/state-file/refused/damaged-beside-a-write-ahead-log",
                    test_damaged_beside_a_log);
    g_test_add_func("/state-file/refused/property/flipped-bit", test_property_flipped_bit);
    return g_test_run();
}
