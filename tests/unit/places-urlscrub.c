/* SPDX-License-Identifier: MIT */

/* urlscrub: PROTOCOL R15. */

#include "places/http/urlscrub.h"

static void assert_scrubbed(Slice message, const char *expected)
{
    g_autoptr(GString) out = g_string_new("before ");
    g_autofree char *whole = g_strconcat("before ", expected, NULL);

    urlscrub_append(out, message);
    g_assert_cmpstr(out->str, ==, whole);
}

static void test_urls_are_taken_out(void)
{
    static const struct {
        const char *message;
        const char *expected;
    } cases[] = {
        {"", ""},
        {"nothing to find: 1/2, a:b, //x", "nothing to find: 1/2, a:b, //x"},
        {"https://a.example", "[url]"},
        {"Visit https://a.example/b?c=d&e#f then retry.", "Visit [url] then retry."},
        {"See https://a.example/b.", "See [url]."},
        {"Is it http://a.example/b?!", "Is it [url]?!"},
        {"one http://a/, two HTTP://B/; three", "one [url], two [url]; three"},
        {"(see http://a/b)", "(see [url])"},
        {"[http://a/b_(c)], {http://d}.", "[[url]], {[url]}."},
        {"http://a?key=[key], <http://b>", "[url], <[url]>"},
        {"<a href=\"https://a/b\">", "<a href=\"[url]\">"},
        {"<a href='https://a/b'>here</a>", "<a href='[url]"},
        {"http://a/b\thttp://c/d\nend", "[url]\t[url]\nend"},
        {"git+ssh://a/b x-1.y://z", "[url] [url]"},
        {"=https://a/b", "=[url]"},
        {"://", "[url]"},
        {"a://.", "[url]."},
        {"://://", "[url]"},
        {"Öffne https://ä.example/ö jetzt", "Öffne [url] jetzt"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        assert_scrubbed(slice_of(cases[i].message), cases[i].expected);
}

static void test_only_the_message_is_read(void)
{
    assert_scrubbed((Slice){.data = "a http://b/c d", .length = 10}, "a [url]");
    assert_scrubbed((Slice){.data = "a http://b/c d", .length = 8}, "a http:/");
    assert_scrubbed((Slice){0}, "");
}

static void test_any_message_loses_all_marks(void)
{
    static const char *const pieces[] = {"a", ":", "/", "://", " ", ".", ")", "http://x", "é", "+"};

    for (unsigned round = 0; round < 5000; round++) {
        g_autoptr(GString) message = g_string_new(NULL);
        g_autoptr(GString) out = g_string_new(NULL);

        for (int i = g_test_rand_int_range(0, 12); i > 0; i--)
            g_string_append(message, pieces[g_test_rand_int_range(0, G_N_ELEMENTS(pieces))]);
        urlscrub_append(out, (Slice){.data = message->str, .length = message->len});
        g_assert_null(strstr(out->str, "://"));
        if (strstr(message->str, "://") == NULL)
            g_assert_cmpstr(out->str, ==, message->str);
    }
}

/* A worker reads it, for whom others may wait. */
static void test_time_grows_as_the_message_does(void)
{
    enum { LENGTH = 2 * 1024 * 1024 };
    static const char endings[] = ".)";

    for (size_t i = 0; endings[i] != '\0'; i++) {
        g_autofree char *tail = g_strnfill(LENGTH, endings[i]);
        g_autofree char *message = g_strconcat("http://a", tail, NULL);
        g_autofree char *expected = g_strconcat(URLSCRUB_REPLACEMENT, tail, NULL);

        g_test_timer_start();
        assert_scrubbed(slice_of(message), expected);
        g_assert_cmpfloat(g_test_timer_elapsed(), <, 5); /* a few milliseconds; or a minute */
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/places/urlscrub/urls-are-taken-out", test_urls_are_taken_out);
    g_test_add_func("/places/urlscrub/only-the-message-is-read", test_only_the_message_is_read);
    g_test_add_func("/places/urlscrub/any-message-loses-all-marks",
                    test_any_message_loses_all_marks);
    g_test_add_func("/places/urlscrub/time-grows-as-the-message-does",
                    test_time_grows_as_the_message_does);
    return g_test_run();
}
