/* SPDX-License-Identifier: MIT */
#include "cmd/status.h"

#include <glib.h>

static char *stands_still(void *self)
{
    return g_strdup(self);
}

static void assert_health(char *standstill, unsigned status, const char *page)
{
    Parts parts = {.standstill = stands_still, .self = standstill};
    g_autoptr(GString) body = g_string_new(NULL);

    g_assert_cmpuint(status_write_health(&parts, body), ==, status);
    g_assert_cmpstr(body->str, ==, page);
}

static void test_health(void)
{
    char why[] = "the acceptor has not swept for 7 s";

    assert_health(NULL, 200, "ok\n");
    assert_health(why, 503, "the acceptor has not swept for 7 s\n");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/status/health/says-what-stands-still", test_health);
    return g_test_run();
}
