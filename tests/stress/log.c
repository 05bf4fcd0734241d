/* SPDX-License-Identifier: MIT */
#include "core/log.h"
#include "core/thread.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>

enum { THREADS = 8, LINE_MAX_SHOWN = 16384 };

#define COUNT_TEXT "Z warning log log dropped "

typedef struct {
    Log *log;
    GRand *random; /* (owned) */
    unsigned number;
    unsigned lines;
    unsigned length_max; /* of what is in a line beside its number */
} Writer;

/* What was read of the log so far. */
typedef struct {
    int descriptor;         /* where a thread reads it from, if one does */
    unsigned next[THREADS]; /* the least number that may come next */
    uint64_t lines;         /* of writers */
    uint64_t said;          /* that were dropped */
} Check;

static unsigned lines_of_each(void)
{
    if (g_getenv("HERD_TEST_SANITIZER") != NULL)
        return 3000;
    return g_test_slow() ? 200000 : 20000;
}

static void write_lines(void *argument)
{
    Writer *writer = argument;
    g_autofree char *text = g_malloc(writer->length_max + 64);

    for (unsigned i = 0; i < writer->lines; i++) {
        int length = g_snprintf(text, 64, "writer %u line %u ", writer->number, i);
        unsigned more = (unsigned)g_rand_int_range(writer->random, 0, (int32_t)writer->length_max);

        memset(text + length, 'a' + (int)writer->number, more);
        text[(unsigned)length + more] = '.';
        log_received(writer->log, "p",
                     (Slice){.data = text, .length = (unsigned)length + more + 1});
    }
}

static void start(Log *log, Writer writers[static THREADS], pthread_t threads[static THREADS],
                  unsigned length_max)
{
    for (unsigned i = 0; i < THREADS; i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *name = g_strdup_printf("writer/%u", i);

        writers[i] = (Writer){
            .log = log,
            .random = g_rand_new_with_seed((uint32_t)g_test_rand_int()),
            .number = i,
            .lines = lines_of_each(),
            .length_max = length_max,
        };
        bool started = thread_start(&threads[i], name, write_lines, &writers[i], &error);
        g_assert_no_error(error);
        g_assert_true(started);
    }
}

static void join(Writer writers[static THREADS], const pthread_t threads[static THREADS])
{
    for (unsigned i = 0; i < THREADS; i++) {
        thread_join(threads[i]);
        g_rand_free(writers[i].random);
    }
}

/* @line, without its LF, is one that a writer wrote, whole, after those before it. */
static void check_line(Check *check, const char *line)
{
    static const char time_form[] = "dddd-dd-ddTdd:dd:dd.dddddddddZ";
    unsigned number, again, sequence;
    int begin = 0;

    for (size_t i = 0; time_form[i] != '\0'; i++)
        g_assert_true(time_form[i] == 'd' ? g_ascii_isdigit(line[i]) : line[i] == time_form[i]);

    const char *rest = line + strlen(time_form) - 1;
    if (g_str_has_prefix(rest, COUNT_TEXT)) {
        char *end;

        check->said += g_ascii_strtoull(rest + strlen(COUNT_TEXT), &end, 10);
        g_assert_cmpstr(end, ==, " lines");
        return;
    }
    g_assert_cmpint(sscanf(rest, "Z info writer/%u recv p writer %u line %u %n", &number, &again,
                           &sequence, &begin),
                    ==, 3);
    g_assert_cmpuint(number, <, THREADS);
    g_assert_cmpuint(again, ==, number);
    g_assert_cmpuint(sequence, >=, check->next[number]);
    check->next[number] = sequence + 1;

    const char *text = rest + begin;
    size_t same = strspn(text, (char[]){(char)('a' + (int)number), '\0'});
    g_assert_cmpstr(text + same, ==, ".");
    check->lines++;
}

static void check_stream(Check *check, FILE *stream)
{
    g_autofree char *line = g_malloc(LINE_MAX_SHOWN);

    while (fgets(line, LINE_MAX_SHOWN, stream) != NULL) {
        size_t length = strlen(line);

        g_assert_cmpint(line[length - 1], ==, '\n');
        line[length - 1] = '\0';
        check_line(check, line);
    }
}

static void check_file(Check *check, const char *path)
{
    FILE *stream = g_fopen(path, "r");

    g_assert_nonnull(stream);
    check_stream(check, stream);
    fclose(stream);
}

/* As log rotation does it, while everybody logs: no line is lost or torn between the files. */
static void test_rotation(void)
{
    enum { FILES = 20 };
    g_autofree char *folder = g_dir_make_tmp("herd-log-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "Bailey.log", NULL);
    g_autoptr(GError) error = NULL;
    Log *log = log_new(folder, "Bailey", LOG_MESSAGES_ALL, &error);
    Writer writers[THREADS];
    pthread_t threads[THREADS];
    Check so_far = {0};

    g_assert_no_error(error);
    start(log, writers, threads, 40);
    for (unsigned i = 1; i < FILES; i++) {
        g_autofree char *old = g_strdup_printf("%s.%u", path, i);

        g_assert_cmpint(g_rename(path, old), ==, 0);
        log_reopen(log);
        while (!g_file_test(path, G_FILE_TEST_EXISTS))
            sched_yield();
    }
    join(writers, threads);
    uint64_t dropped = log_dropped(log);
    log_free(log);

    for (unsigned i = 1; i <= FILES; i++) {
        g_autofree char *old = g_strdup_printf("%s.%u", path, i);
        const char *name = i < FILES ? old : path;

        check_file(&so_far, name);
        g_unlink(name);
    }
    g_assert_cmpuint(so_far.lines + dropped, ==, (uint64_t)THREADS * lines_of_each());
    g_assert_cmpuint(so_far.said, ==, dropped);
    g_rmdir(folder);
}

static void read_pipe(void *argument)
{
    Check *check = argument;
    FILE *stream = fdopen(check->descriptor, "r");

    g_assert_nonnull(stream);
    check_stream(check, stream);
    fclose(stream);
}

/* A disk that is slower than those who log: every line is written whole, or dropped and counted. */
static void test_slow_disk(void)
{
    g_autofree char *folder = g_dir_make_tmp("herd-log-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "Bailey.log", NULL);
    g_autoptr(GError) error = NULL;
    Writer writers[THREADS];
    pthread_t threads[THREADS];
    pthread_t reader;
    Check so_far = {0};

    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    so_far.descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    g_assert_cmpint(so_far.descriptor, >=, 0);
    g_assert_cmpint(fcntl(so_far.descriptor, F_SETFL, 0), ==, 0);
    Log *log = log_new(folder, "Bailey", LOG_MESSAGES_ALL, &error);
    g_assert_no_error(error);

    start(log, writers, threads, 4000);
    bool started = thread_start(&reader, "reader", read_pipe, &so_far, &error);
    g_assert_no_error(error);
    g_assert_true(started);
    join(writers, threads);
    uint64_t dropped = log_dropped(log);
    log_free(log);
    thread_join(reader);

    g_assert_cmpuint(so_far.lines + dropped, ==, (uint64_t)THREADS * lines_of_each());
    g_assert_cmpuint(so_far.said, ==, dropped);
    g_test_message("%" G_GUINT64_FORMAT " written, %" G_GUINT64_FORMAT " dropped", so_far.lines,
                   dropped);
    g_unlink(path);
    g_rmdir(folder);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/log/stress/rotation-loses-nothing", test_rotation);
    g_test_add_func("/log/stress/slow-disk-drops-and-counts", test_slow_disk);
    return g_test_run();
}
