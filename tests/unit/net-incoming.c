/* SPDX-License-Identifier: MIT */
#include "net/incoming.h"

#include <errno.h>
#include <glib.h>
#include <unistd.h>

static Stream receiving;
static int saying;

static void say(const char *text, size_t length)
{
    g_assert_cmpint(write(saying, text, length), ==, (ssize_t)length);
}

static void assert_line(Incoming *incoming, const char *expected)
{
    Slice line = {0};

    g_assert_true(incoming_next_line(incoming, &line));
    g_assert_true(slice_equal(line, slice_of(expected)));
}

static void test_lines(void)
{
    Incoming *incoming = incoming_new();
    Slice line;

    g_assert_cmpint(incoming_receive(incoming, &receiving), ==, -1);
    g_assert_cmpint(errno, ==, EAGAIN);
    g_assert_false(incoming_next_line(incoming, &line));
    say("a line\n\nhalf", 12);
    g_assert_cmpint(incoming_receive(incoming, &receiving), ==, 12);
    assert_line(incoming, "a line");
    assert_line(incoming, "");
    g_assert_false(incoming_next_line(incoming, &line));
    say(" a line\nrest", 12);
    g_assert_cmpint(incoming_receive(incoming, &receiving), ==, 12);
    assert_line(incoming, "half a line");
    incoming_reset(incoming);
    say("\n", 1);
    g_assert_cmpint(incoming_receive(incoming, &receiving), ==, 1);
    assert_line(incoming, "");
    g_assert_false(incoming_is_full(incoming));
    incoming_free(incoming);
}

/* The room is for a line that has begun, whatever came before it. */
static void test_full(void)
{
    Incoming *incoming = incoming_new();
    g_autofree char *half = g_strnfill(INCOMING_SIZE / 2, 'x');
    Slice line;

    say("x\n", 2);
    for (int i = 0; i < 2; i++)
        say(half, INCOMING_SIZE / 2);
    g_assert_cmpint(incoming_receive(incoming, &receiving), ==, INCOMING_SIZE);
    assert_line(incoming, "x");
    g_assert_false(incoming_next_line(incoming, &line));
    g_assert_false(incoming_is_full(incoming));
    g_assert_cmpint(incoming_receive(incoming, &receiving), ==, 2);
    g_assert_false(incoming_next_line(incoming, &line));
    g_assert_true(incoming_is_full(incoming));
    incoming_free(incoming);
}

int main(int argc, char **argv)
{
    int ends[2];

    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), ==,
                    0);
    receiving = (Stream){.descriptor = ends[0]};
    saying = ends[1];
    g_test_add_func("/incoming/lines", test_lines);
    g_test_add_func("/incoming/full", test_full);
    int status = g_test_run();

    close(saying);
    stream_close(&receiving);
    return status;
}
