/* SPDX-License-Identifier: MIT */
#include "net/connection.h"

#include "net/lookups.h"

#include <arpa/inet.h>
#include <glib.h>
#include <netinet/in.h>

static void test_new(void)
{
    struct sockaddr_storage v4 = {0}, v6 = {0};
    struct sockaddr_in *in = (struct sockaddr_in *)&v4;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&v6;

    in->sin_family = AF_INET;
    in->sin_port = htons(51234);
    g_assert_cmpint(inet_pton(AF_INET, "192.0.2.7", &in->sin_addr), ==, 1);
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(7);
    g_assert_cmpint(inet_pton(AF_INET6, "2001:db8::1", &in6->sin6_addr), ==, 1);

    Connection *connection = connection_new(17, &v4);
    g_assert_cmpint(connection->stream.descriptor, ==, 17);
    g_assert_cmpint(connection->neighbour, ==, CONNECTION_CLIENT);
    g_assert_cmpstr(connection->peer, ==, "192.0.2.7:51234");
    g_assert_cmpint(atomic_load(&connection->deadline), ==, 0);
    g_assert_false(atomic_load(&connection->expired));
    g_assert_null(connection->input);
    g_assert_null(connection->output);
    g_assert_null(connection->wait);
    connection_free(connection);

    connection = connection_new(18, &v6);
    g_assert_cmpstr(connection->peer, ==, "[2001:db8::1]:7");
    connection_free(connection);
}

/* LeakSanitizer tells when it does not. */
static void test_free(void)
{
    Connection *connection = connection_new(-1, &(struct sockaddr_storage){0});

    connection->input = kept_new(SLICE("half a li"));
    connection->output = kept_new(SLICE("? a line\n"));
    connection->wait = g_new0(LookupWait, 1);
    connection->wait->answer = g_strdup("{}");
    connection_free(connection);
}

/* A worker may hold an event of a closed connection: its memory becomes nothing else. */
static void test_memory_is_used_again(void)
{
    Connection *first = connection_new(-1, &(struct sockaddr_storage){0});

    first->closing = true;
    first->received.seconds = 7;
    connection_free(first);

    Connection *second = connection_new(-1, &(struct sockaddr_storage){0});
    g_assert_true(second == first);
    g_assert_false(second->closing);
    g_assert_cmpint(second->received.seconds, ==, 0);
    g_assert_cmpuint(atomic_load(&second->state), ==, STATE_OWNED);
    connection_free(second);
}

static void test_kept(void)
{
    static const char bytes[] = "a\0b\n";

    g_assert_null(kept_new((Slice){.data = bytes, .length = 0}));
    g_assert_null(kept_new((Slice){0}));

    Kept *kept = kept_new(SLICE("a\0b\n"));
    g_assert_cmpuint(kept->length, ==, 4);
    g_assert_true(memcmp(kept->bytes, bytes, 4) == 0);
    g_free(kept);
}

/* DESIGN.md: an idle connection costs 512 bytes in this process at the most. */
static void test_size(void)
{
    g_assert_cmpuint(sizeof(Connection), <=, 256);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/connection/new/is-a-client-that-keeps-nothing", test_new);
    g_test_add_func("/connection/free/with-all-that-it-keeps", test_free);
    g_test_add_func("/connection/free/its-memory-is-the-next-ones", test_memory_is_used_again);
    g_test_add_func("/connection/kept/copies-bytes", test_kept);
    g_test_add_func("/connection/size/is-small", test_size);
    return g_test_run();
}
