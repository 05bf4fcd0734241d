/* SPDX-License-Identifier: MIT */
#include "tests/unit/log-files.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

static void test_format(void)
{
    static const struct {
        LogLevel level;
        const char *name;
    } rows[] = {{LOG_INFO, "info"}, {LOG_WARNING, "warning"}, {LOG_ERROR, "error"}};

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Place place = place_new();
        Log *log = start(&place, LOG_MESSAGES_ALL);

        log_event(log, rows[i].level, "link %s is up after %d ms", "Bona", 42);
        log_free(log);
        assert_one_line(&place, rows[i].name, "link Bona is up after 42 ms");
        place_clear(&place);
    }
    log_free(NULL);
}

static void log_once(void *argument)
{
    log_event(argument, LOG_INFO, "here");
}

static void test_thread_name(void)
{
    Place place = place_new();
    Log *log = start(&place, LOG_MESSAGES_ALL);
    static const char *const names[] = {"acceptor", "worker/3", "a name longer than ps shows"};

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(GError) error = NULL;
        pthread_t thread;
        bool started = thread_start(&thread, names[i], log_once, log, &error);

        g_assert_no_error(error);
        g_assert_true(started);
        thread_join(thread);
    }
    log_free(log);

    g_auto(GStrv) lines = lines_of(place.path);
    g_assert_cmpuint(g_strv_length(lines), ==, 3);
    assert_line(lines[0], "info", "acceptor", "here");
    assert_line(lines[1], "info", "worker/3", "here");
    g_assert_true(g_str_has_suffix(lines[2], "Z info a name longer than ps shows here"));
    place_clear(&place);
}

static void test_time(void)
{
    Place place = place_new();
    Log *log = start(&place, LOG_MESSAGES_ALL);
    g_autoptr(GRegex) form = g_regex_new(LINE_FORM, 0, 0, NULL);
    g_autoptr(GMatchInfo) parts = NULL;
    struct tm utc = {0};

    Timestamp before = timestamp_now();
    log_event(log, LOG_INFO, "now");
    Timestamp after = timestamp_now();
    log_free(log);
    if (timestamp_compare(before, after) > 0) {
        g_test_skip("the clock was set back meanwhile");
        place_clear(&place);
        return;
    }

    g_auto(GStrv) lines = lines_of(place.path);
    g_assert_true(g_regex_match(form, lines[0], 0, &parts));
    g_autofree char *second = g_match_info_fetch(parts, 1);
    g_autofree char *fraction = g_match_info_fetch(parts, 2);
    const char *rest = strptime(second, "%Y-%m-%dT%H:%M:%S", &utc);
    g_assert_nonnull(rest);
    g_assert_cmpstr(rest, ==, "");

    Timestamp shown = {.seconds = timegm(&utc),
                       .nanoseconds = (int32_t)g_ascii_strtoull(fraction, NULL, 10)};
    g_assert_cmpint(timestamp_compare(before, shown), <=, 0);
    g_assert_cmpint(timestamp_compare(shown, after), <=, 0);
    place_clear(&place);
}

static void test_messages_format(void)
{
    Place place = place_new();
    Log *log = start(&place, LOG_MESSAGES_ALL);

    log_received(log, "127.0.0.1:51234", SLICE("IAMAT kiwi +34-118 5"));
    log_sent(log, "[::1]:51234", SLICE("AT Bailey +0.000000001 kiwi +34-118 5"));
    log_received(log, "127.0.0.1:51234", SLICE(""));
    log_free(log);

    g_auto(GStrv) lines = lines_of(place.path);
    g_assert_cmpuint(g_strv_length(lines), ==, 3);
    assert_line(lines[0], "info", "main", "recv 127.0.0.1:51234 IAMAT kiwi +34-118 5");
    assert_line(lines[1], "info", "main", "send [::1]:51234 AT Bailey +0.000000001 kiwi +34-118 5");
    assert_line(lines[2], "info", "main", "recv 127.0.0.1:51234 ");
    place_clear(&place);
}

static void test_escapes(void)
{
    static const struct {
        Slice line;
        const char *shown;
    } rows[] = {
        {{"IAMAT kiwi", 10}, "IAMAT kiwi"},
        {{"a\rb", 3}, "a\\x0db"},
        {{"a\nb", 3}, "a\\x0ab"},
        {{"\n2026-01-31T12:00:00.123456789Z error main forged", 49},
         "\\x0a2026-01-31T12:00:00.123456789Z error main forged"},
        {{"a\0b", 3}, "a\\x00b"},
        {{"\0", 1}, "\\x00"},
        {{"\x1b[31m", 5}, "\\x1b[31m"},
        {{"\t \x7f", 3}, "\\x09 \\x7f"},
        {{"\x80\xff", 2}, "\\x80\\xff"},
        {{"\xc3\xa4", 2}, "\\xc3\\xa4"},
        {{"\\x0a", 4}, "\\x5cx0a"}, /* the sign of an escape is escaped: it reads back */
        {{"~ !\"%s%n", 8}, "~ !\"%s%n"},
        {{"  two  ", 7}, "  two  "},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Place place = place_new();
        Log *log = start(&place, LOG_MESSAGES_ALL);
        g_autofree char *wanted = g_strconcat("recv p ", rows[i].shown, NULL);

        log_received(log, "p", rows[i].line);
        log_free(log);
        assert_one_line(&place, "info", wanted);
        place_clear(&place);
    }
}

static void test_escapes_in_events(void)
{
    Place place = place_new();
    Log *log = start(&place, LOG_MESSAGES_ALL);

    log_event(log, LOG_WARNING, "peer says %s", "\r\n\x01\xff\\");
    log_free(log);
    assert_one_line(&place, "warning", "peer says \\x0d\\x0a\\x01\\xff\\x5c");
    place_clear(&place);
}

/* Any bytes are one line of printable ASCII, and read back as what they were. */
static void test_property_escapes_read_back(void)
{
    enum { LINES = 500, BYTES = 40 };
    Place place = place_new();
    Log *log = start(&place, LOG_MESSAGES_ALL);
    g_autoptr(GPtrArray) sent = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);

    for (int i = 0; i < LINES; i++) {
        char bytes[BYTES];
        size_t length = (size_t)g_test_rand_int_range(0, BYTES + 1);

        for (size_t k = 0; k < length; k++)
            bytes[k] = (char)g_test_rand_int_range(0, 256);
        log_received(log, "p", (Slice){.data = bytes, .length = length});
        g_ptr_array_add(sent, g_bytes_new(bytes, length));
    }
    log_free(log);

    g_auto(GStrv) lines = lines_of(place.path);
    g_assert_cmpuint(g_strv_length(lines), ==, LINES);
    for (unsigned i = 0; i < LINES; i++) {
        const char *at = strstr(lines[i], " recv p ");
        g_autoptr(GByteArray) back = g_byte_array_new();

        g_assert_nonnull(at);
        at += strlen(" recv p ");
        while (*at != '\0') {
            uint8_t byte = (uint8_t)*at;

            g_assert_true(byte >= ' ' && byte < 0x7f);
            if (byte == '\\') {
                g_assert_cmpint(at[1], ==, 'x');
                byte = (uint8_t)(g_ascii_xdigit_value(at[2]) * 16 + g_ascii_xdigit_value(at[3]));
                at += 3;
            }
            g_byte_array_append(back, &byte, 1);
            at++;
        }
        g_autoptr(GBytes) got = g_bytes_new(back->data, back->len);
        g_assert_true(g_bytes_equal(got, sent->pdata[i]));
    }
    place_clear(&place);
}

/* A line of a message is cut at 4096 bytes and says how many are left out. */
static void test_long_lines(void)
{
    static const struct {
        size_t length, left_out;
        char byte;
        const char *shown;
    } rows[] = {
        {4095, 0, 'x', "x"},
        {4096, 0, 'x', "x"},
        {4097, 1, 'x', "x"},
        {32767, 28671, 'x', "x"},
        {4096, 0, '\x01', "\\x01"},
        {32767, 28671, '\x01', "\\x01"},
        {1000000, 995904, '\0', "\\x00"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Place place = place_new();
        Log *log = start(&place, LOG_MESSAGES_ALL);
        g_autofree char *line = g_malloc(rows[i].length);
        g_autoptr(GString) wanted = g_string_new("recv 127.0.0.1:51234 ");

        memset(line, rows[i].byte, rows[i].length);
        log_received(log, "127.0.0.1:51234", (Slice){.data = line, .length = rows[i].length});
        log_free(log);

        for (size_t k = 0; k < rows[i].length - rows[i].left_out; k++)
            g_string_append(wanted, rows[i].shown);
        if (rows[i].left_out > 0)
            g_string_append_printf(wanted, " (+%zu bytes)", rows[i].left_out);
        assert_one_line(&place, "info", wanted->str);
        place_clear(&place);
    }
}

static void test_long_event(void)
{
    Place place = place_new();
    Log *log = start(&place, LOG_MESSAGES_ALL);
    g_autofree char *text = g_strnfill(100000, '\x01');

    log_event(log, LOG_INFO, "%s", text);
    log_event(log, LOG_INFO, "the next");
    log_free(log);

    g_auto(GStrv) lines = lines_of(place.path);
    g_assert_cmpuint(g_strv_length(lines), ==, 2);
    g_assert_true(g_str_has_suffix(lines[0], "\\x01\\x01 (+95904 bytes)"));
    assert_line(lines[1], "info", "main", "the next");
    place_clear(&place);
}

static void test_modes(void)
{
    static const struct {
        LogMessages messages;
        bool all, invalid;
    } rows[] = {
        {LOG_MESSAGES_ALL, true, true},
        {LOG_MESSAGES_ERRORS, false, true},
        {LOG_MESSAGES_NONE, false, false},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Place place = place_new();
        Log *log = start(&place, rows[i].messages);

        g_assert_cmpint(log_wants_messages(log), ==, rows[i].all);
        g_assert_cmpint(log_wants_invalid(log), ==, rows[i].invalid);
        /* Connections and links are always logged. */
        log_event(log, LOG_INFO, "open 127.0.0.1:51234");
        log_free(log);
        assert_one_line(&place, "info", "open 127.0.0.1:51234");
        place_clear(&place);
    }
}

static void test_levels(void)
{
    Place place = place_new();
    Log *log = start(&place, LOG_MESSAGES_ALL);

    log_set_level(log, LOG_WARNING, LOG_MESSAGES_ALL);
    g_assert_false(log_wants_messages(log)); /* they are information */
    g_assert_false(log_wants_invalid(log));
    log_event(log, LOG_INFO, "is left out");
    log_event(log, LOG_WARNING, "a warning");
    log_set_level(log, LOG_ERROR, LOG_MESSAGES_ALL);
    log_event(log, LOG_WARNING, "is left out too");
    log_event(log, LOG_ERROR, "an error");
    log_set_level(log, LOG_INFO, LOG_MESSAGES_ERRORS);
    g_assert_false(log_wants_messages(log));
    g_assert_true(log_wants_invalid(log));
    log_event(log, LOG_INFO, "information");
    log_free(log);

    g_auto(GStrv) lines = lines_of(place.path);
    g_assert_cmpuint(g_strv_length(lines), ==, 3);
    assert_line(lines[0], "warning", "main", "a warning");
    assert_line(lines[1], "error", "main", "an error");
    assert_line(lines[2], "info", "main", "information");
    place_clear(&place);
}

static void test_makes_the_folder(void)
{
    Place place = place_new();
    g_autofree char *folder = g_build_filename(place.folder, "a", "b", NULL);
    g_autofree char *path = g_build_filename(folder, "Bailey.log", NULL);
    g_autoptr(GError) error = NULL;
    GStatBuf status;

    for (int round = 1; round <= 2; round++) { /* made, then found; appended to */
        Log *log = log_new(folder, "Bailey", LOG_MESSAGES_ALL, &error);

        g_assert_no_error(error);
        log_event(log, LOG_INFO, "round %d", round);
        log_free(log);
    }

    g_auto(GStrv) lines = lines_of(path);
    g_assert_cmpuint(g_strv_length(lines), ==, 2);
    assert_line(lines[0], "info", "main", "round 1");
    assert_line(lines[1], "info", "main", "round 2");
    /* Where clients are is nobody else's affair. */
    g_assert_cmpint(g_stat(path, &status), ==, 0);
    g_assert_cmpint(status.st_mode & 07, ==, 0);
    place_clear(&place);
}

static void test_open_failure(void)
{
    Place place = place_new();
    g_autofree char *file = place_file(&place, "file");
    g_autofree char *inside = g_build_filename(file, "log", NULL);
    g_autofree char *in_the_way = place_file(&place, "Bona.log");
    g_autoptr(GError) error = NULL;

    g_assert_true(g_file_set_contents(file, "", 0, NULL));
    g_assert_null(log_new(inside, "Bailey", LOG_MESSAGES_ALL, &error));
    g_assert_error(error, HERD_LOG_ERROR, HERD_LOG_ERROR_OPEN);
    g_assert_nonnull(strstr(error->message, inside));
    g_assert_null(strchr(error->message, '\n'));
    g_clear_error(&error);

    g_assert_cmpint(g_mkdir(in_the_way, 0700), ==, 0);
    g_assert_null(log_new(place.folder, "Bona", LOG_MESSAGES_ALL, &error));
    g_assert_error(error, HERD_LOG_ERROR, HERD_LOG_ERROR_OPEN);
    g_assert_nonnull(strstr(error->message, in_the_way));
    g_assert_nonnull(strstr(error->message, g_strerror(EISDIR)));
    place_clear(&place);
}

/* The system has no more threads to give to a user who may have none; that binds everybody but
 * root. FALSE: this process cannot become such a user. */
static bool can_be_limited(void)
{
    return geteuid() != 0 || (seteuid(65534) == 0 && seteuid(0) == 0);
}

/* From now on, in a process of its own. */
static void become_limited(struct rlimit *ret_before)
{
    struct rlimit none;

    if (geteuid() == 0)
        g_assert_cmpint(setresuid(65534, 65534, 65534), ==, 0);
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* as before, for LeakSanitizer */
    g_assert_cmpint(getrlimit(RLIMIT_NPROC, ret_before), ==, 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = ret_before->rlim_max};
    g_assert_cmpint(setrlimit(RLIMIT_NPROC, &none), ==, 0);
}

static void start_without_threads(void)
{
    struct rlimit before;
    g_autoptr(GError) error = NULL;

    become_limited(&before);
    Place place = place_new();
    g_assert_null(log_new(place.folder, "Bailey", LOG_MESSAGES_ALL, &error));
    g_assert_error(error, HERD_THREAD_ERROR, HERD_THREAD_ERROR_START);
    g_assert_nonnull(strstr(error->message, "log"));
    place_clear(&place);
    setrlimit(RLIMIT_NPROC, &before); /* LeakSanitizer wants a thread too */
}

static void test_thread_failure(void)
{
    if (g_test_subprocess()) {
        start_without_threads();
        return;
    }
    if (!can_be_limited()) {
        g_test_skip("no limit of threads binds this user");
        return;
    }
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
    g_test_trap_assert_passed();
}

static void test_free_writes_what_is_waiting(void)
{
    Place place = place_new();
    Log *log = start(&place, LOG_MESSAGES_ALL);

    for (int i = 0; i < 20000; i++)
        log_event(log, LOG_INFO, "line %d", i);
    g_assert_cmpuint(log_dropped(log), ==, 0);
    log_free(log);

    g_auto(GStrv) lines = lines_of(place.path);
    g_assert_cmpuint(g_strv_length(lines), ==, 20000);
    for (int i = 0; i < 20000; i++) {
        g_autofree char *end = g_strdup_printf(" info main line %d", i);

        g_assert_true(g_str_has_suffix(lines[i], end)); /* in order, too */
    }
    place_clear(&place);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/log/line/format", test_format);
    g_test_add_func("/log/line/thread-name", test_thread_name);
    g_test_add_func("/log/line/time-is-utc-to-the-nanosecond", test_time);
    g_test_add_func("/log/line/messages", test_messages_format);
    g_test_add_func("/log/line/escapes", test_escapes);
    g_test_add_func("/log/line/escapes-in-events", test_escapes_in_events);
    g_test_add_func("/log/line/property/escapes-read-back", test_property_escapes_read_back);
    g_test_add_func("/log/line/long-is-cut", test_long_lines);
    g_test_add_func("/log/line/long-event-is-cut", test_long_event);
    g_test_add_func("/log/messages/modes", test_modes);
    g_test_add_func("/log/messages/levels", test_levels);
    g_test_add_func("/log/new/makes-the-folder-and-appends", test_makes_the_folder);
    g_test_add_func("/log/new/failure-to-open-is-reported", test_open_failure);
    g_test_add_func("/log/new/failure-to-start-the-thread-is-reported", test_thread_failure);
    g_test_add_func("/log/free/writes-what-is-waiting", test_free_writes_what_is_waiting);
    return g_test_run();
}
