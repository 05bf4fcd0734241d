/* SPDX-License-Identifier: MIT */
#include "core/config-current.h"
#include "core/thread.h"
#include "tests/unit/config-file.h"

#include <stdatomic.h>

/* What the member is to do where max_line is @max_line. (transfer full) */
static Config *load_line(unsigned max_line)
{
    g_autofree char *text = g_strdup_printf("[limits]\nmax_line = %u\nidle_timeout_s = %u\n" BAILEY,
                                            max_line, max_line);

    return load(text);
}

static void test_replace(void)
{
    Config *first = load_line(256);
    Config *second = load_line(512);
    g_autoptr(ConfigCurrent) current = config_current_new(first);

    g_assert_true(config_current_get(current) == first);
    g_assert_true(config_current_replace(current, second));
    g_assert_true(config_current_get(current) == second);
    g_assert_cmpuint(first->limits.max_line, ==, 256); /* somebody may still be reading it */
}

/* However often it comes, and whatever the file looks like. */
static void test_replace_same(void)
{
    Config *first = load_line(256);
    g_autoptr(ConfigCurrent) current = config_current_new(first);

    for (int i = 0; i < 3; i++)
        g_assert_false(config_current_replace(current, load_line(256)));
    g_assert_false(config_current_replace(
        current, load("# New.\n" BAILEY "[limits Bailey]\nidle_timeout_s=256\nmax_line=0256\n")));
    g_assert_true(config_current_get(current) == first);

    /* Not even the order of the members. */
    g_assert_true(config_current_replace(current, load(BAILEY BONA)));
    const Config *second = config_current_get(current);
    g_assert_false(config_current_replace(current, load(BONA BAILEY)));
    g_assert_true(config_current_get(current) == second);
    g_assert_true(config_current_replace(current, load(BAILEY BONA "neighbours = Bailey\n")));
}

typedef struct {
    const ConfigCurrent *current;
    atomic_bool stop;
} Reader;

/* Whatever it reads is whole, and stays. */
static void read_all(void *argument)
{
    Reader *reader = argument;
    const Config *first = config_current_get(reader->current);
    unsigned line = first->limits.max_line;

    while (!atomic_load(&reader->stop)) {
        const Config *config = config_current_get(reader->current);

        g_assert_cmpuint(config->limits.idle_timeout_s, ==, config->limits.max_line);
        g_assert_cmpstr(config->self->name, ==, "Bailey");
        g_assert_cmpuint(first->limits.max_line, ==, line);
    }
}

static void test_readers(void)
{
    enum { READERS = 3, TIMES = 50 };
    g_autoptr(ConfigCurrent) current = config_current_new(load_line(256));
    Reader reader = {.current = current};
    pthread_t threads[READERS];

    for (int i = 0; i < READERS; i++)
        g_assert_true(thread_start(&threads[i], "reader", read_all, &reader, NULL));
    for (unsigned i = 1; i <= TIMES; i++)
        g_assert_true(config_current_replace(current, load_line(256 + i)));
    atomic_store(&reader.stop, true);
    for (int i = 0; i < READERS; i++)
        thread_join(threads[i]);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    file_begin();
    g_test_add_func("/config-current/replace/the-old-one-stays-readable", test_replace);
    g_test_add_func("/config-current/replace/the-same-is-not-taken", test_replace_same);
    g_test_add_func("/config-current/get/is-whole-while-it-is-replaced", test_readers);

    int status = g_test_run();
    file_end();
    return status;
}
