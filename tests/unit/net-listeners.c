/* SPDX-License-Identifier: MIT */
#include "core/config.h"
#include "net/acceptor.h"
#include "net/listeners.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <netinet/tcp.h>
#include <unistd.h>

typedef struct {
    char *folder; /* (owned) */
    Log *log;
    GArray *handed;
} Rig;

static Rig rig_new(void)
{
    Rig rig = {.handed = handed_sockets_new()};
    g_autoptr(GError) error = NULL;

    rig.folder = g_dir_make_tmp("herd-listeners-XXXXXX", &error);
    g_assert_no_error(error);
    rig.log = log_new(rig.folder, "Bailey", LOG_MESSAGES_ALL, &error);
    g_assert_no_error(error);
    return rig;
}

/* Returns the log. (transfer full) */
static char *rig_end(Rig *rig)
{
    g_autofree char *path = g_build_filename(rig->folder, "Bailey.log", NULL);
    char *text = NULL;

    g_array_unref(rig->handed);
    log_free(rig->log);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_remove(path);
    g_rmdir(rig->folder);
    g_free(rig->folder);
    return text;
}

/* Bailey, who listens on those addresses. */
static Config *config_for(const Rig *rig, const char *listen)
{
    g_autofree char *path = g_build_filename(rig->folder, "herd.conf", NULL);
    g_autofree char *text = g_strdup_printf("[member Bailey]\nlisten = %s\n", listen);
    g_autoptr(GError) error = NULL;

    g_assert_true(g_file_set_contents(path, text, -1, &error));
    Config *config = config_load(path, "Bailey", &error);
    g_assert_no_error(error);
    g_remove(path);
    return config;
}

static GArray *open_for(Rig *rig, const char *listen, GError **error)
{
    g_autoptr(Config) config = config_for(rig, listen);

    return listeners_open(config->self, rig->handed, rig->log, error);
}

/* Ports that nobody takes between two uses of one: below the range of outgoing connections, and
 * above the slices of the tests of whole herds (tests/herd/harness.py). */
enum { FIRST_PORT = 30720, PORTS = 2048 };

/* A socket bound at @host, at a port that is free: left to block, and to other programs.
 * -1: the host has no such address. */
static int bind_at(const char *host, bool v6_only, unsigned *ret_port)
{
    static unsigned tried;
    bool v6 = strchr(host, ':') != NULL;
    int family = v6 ? AF_INET6 : AF_INET, only = v6_only;
    struct sockaddr_in v4_address = {.sin_family = AF_INET};
    struct sockaddr_in6 v6_address = {.sin6_family = AF_INET6};
    struct sockaddr *address = v6 ? (struct sockaddr *)&v6_address : (struct sockaddr *)&v4_address;
    socklen_t length = v6 ? sizeof v6_address : sizeof v4_address;
    int descriptor = socket(family, SOCK_STREAM, 0);

    if (descriptor < 0 ||
        (v6 && setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) != 0))
        return -1;
    g_assert_cmpint(
        inet_pton(family, host, v6 ? (void *)&v6_address.sin6_addr : (void *)&v4_address.sin_addr),
        ==, 1);
    while (tried < PORTS) {
        unsigned port = FIRST_PORT + ((unsigned)getpid() + tried++) % PORTS;

        v4_address.sin_port = v6_address.sin6_port = htons((uint16_t)port);
        if (bind(descriptor, address, length) == 0) {
            *ret_port = port;
            return descriptor;
        }
        if (errno != EADDRINUSE)
            break;
    }
    close(descriptor);
    return -1;
}

static void hand_over(Rig *rig, int descriptor, const char *name)
{
    HandedSocket socket = {.descriptor = descriptor, .name = g_strdup(name)};

    g_array_append_val(rig->handed, socket);
}

/* A socket that listens is handed over; returns its descriptor, or -1. */
static int hand_over_at(Rig *rig, const char *host, bool v6_only, unsigned *ret_port)
{
    int descriptor = bind_at(host, v6_only, ret_port);

    if (descriptor < 0)
        return -1;
    g_assert_cmpint(listen(descriptor, 16), ==, 0);
    hand_over(rig, descriptor, "listen-0");
    return descriptor;
}

static bool is_open(int descriptor)
{
    return fcntl(descriptor, F_GETFD) >= 0;
}

static const Listener *nth(const GArray *listeners, unsigned i)
{
    return &g_array_index(listeners, Listener, i);
}

static bool was_used(const Rig *rig, unsigned i)
{
    return g_array_index(rig->handed, HandedSocket, i).used;
}

static void close_all(GArray *listeners)
{
    listeners_close(listeners);
    g_array_unref(listeners);
}

static int option_of(int descriptor, int level, int option)
{
    int value = -1;
    socklen_t length = sizeof value;

    g_assert_cmpint(getsockopt(descriptor, level, option, &value, &length), ==, 0);
    return value;
}

/* The handed one at its address, one of our own at the other; both as connections need them. */
static void test_used(void)
{
    Rig rig = rig_new();
    unsigned port, other;
    int descriptor = hand_over_at(&rig, "127.0.0.1", false, &port);
    g_autoptr(GError) error = NULL;

    close(bind_at("127.0.0.1", false, &other));
    g_autofree char *listen = g_strdup_printf("127.0.0.1:%u;127.0.0.1:%u", other, port);
    GArray *listeners = open_for(&rig, listen, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(listeners->len, ==, 2);
    g_assert_false(nth(listeners, 0)->handed);
    g_assert_true(nth(listeners, 1)->handed);
    g_assert_cmpint(nth(listeners, 1)->descriptor, ==, descriptor);
    g_assert_true(was_used(&rig, 0));
    for (unsigned i = 0; i < 2; i++) {
        int each = nth(listeners, i)->descriptor;

        g_assert_true(fcntl(each, F_GETFL) & O_NONBLOCK);
        g_assert_true(fcntl(each, F_GETFD) & FD_CLOEXEC);
        g_assert_cmpint(option_of(each, SOL_SOCKET, SO_ACCEPTCONN), ==, 1);
        g_assert_cmpint(option_of(each, IPPROTO_TCP, TCP_NODELAY), !=, 0);
        g_assert_cmpint(option_of(each, SOL_SOCKET, SO_KEEPALIVE), !=, 0);
    }
    close_all(listeners);
    g_assert_false(is_open(descriptor));
    g_autofree char *log = rig_end(&rig);
    g_assert_cmpstr(log, ==, "");
}

/* What is at none of the addresses is closed, whatever it is. */
static void test_strangers(void)
{
    Rig rig = rig_new();
    unsigned port, unbound, wanted;
    int pipes[2];
    g_autoptr(GError) error = NULL;

    int elsewhere = hand_over_at(&rig, "127.0.0.1", false, &port);
    int deaf = bind_at("127.0.0.1", false, &unbound); /* bound, and does not listen */
    hand_over(&rig, deaf, "deaf");
    g_assert_cmpint(pipe(pipes), ==, 0);
    hand_over(&rig, pipes[0], "pipe");
    close(bind_at("127.0.0.1", false, &wanted));
    g_autofree char *listen = g_strdup_printf("127.0.0.1:%u", wanted);
    GArray *listeners = open_for(&rig, listen, &error);
    g_assert_no_error(error);
    g_assert_false(nth(listeners, 0)->handed);
    g_assert_false(is_open(elsewhere) || is_open(deaf) || is_open(pipes[0]));
    for (unsigned i = 0; i < 3; i++)
        g_assert_false(was_used(&rig, i));
    close(pipes[1]);
    close_all(listeners);

    g_autofree char *log = rig_end(&rig);
    g_autofree char *at = g_strdup_printf("\"listen-0\" that was handed over: it is at "
                                          "127.0.0.1:%u, and listen does not name that",
                                          port);
    g_assert_nonnull(strstr(log, at));
    g_assert_nonnull(strstr(log, "\"deaf\" that was handed over: it is at no address"));
    g_assert_nonnull(strstr(log, "\"pipe\" that was handed over: it is at no address"));
}

/* One of two at the same address is enough. */
static void test_twice(void)
{
    Rig rig = rig_new();
    unsigned port;
    int first = hand_over_at(&rig, "127.0.0.1", false, &port), second = dup(first);
    g_autoptr(GError) error = NULL;

    hand_over(&rig, second, "again");
    g_autofree char *listen = g_strdup_printf("127.0.0.1:%u", port);
    GArray *listeners = open_for(&rig, listen, &error);
    g_assert_no_error(error);
    g_assert_true(is_open(first));
    g_assert_false(is_open(second));
    g_assert_false(was_used(&rig, 1));
    close_all(listeners);
    g_free(rig_end(&rig));
}

/* A socket at all addresses would open more than the configuration says. */
static void test_wider(void)
{
    Rig rig = rig_new();
    unsigned port;
    g_autoptr(GError) error = NULL;

    hand_over_at(&rig, "0.0.0.0", false, &port);
    g_autofree char *listen = g_strdup_printf("127.0.0.1:%u", port);
    g_assert_null(open_for(&rig, listen, &error)); /* beside the other there is no room */
    g_assert_error(error, HERD_ACCEPTOR_ERROR, HERD_ACCEPTOR_ERROR_LISTEN);
    g_assert_nonnull(strstr(error->message, listen));
    g_assert_nonnull(strstr(error->message, g_strerror(EADDRINUSE)));
    g_assert_false(was_used(&rig, 0));
    g_free(rig_end(&rig));
}

static void test_wildcard(void)
{
    Rig rig = rig_new();
    unsigned port;
    int descriptor = hand_over_at(&rig, "0.0.0.0", false, &port);
    g_autofree char *listen = g_strdup_printf("0.0.0.0:%u", port);
    g_autoptr(GError) error = NULL;
    GArray *listeners = open_for(&rig, listen, &error);

    g_assert_no_error(error);
    g_assert_cmpint(nth(listeners, 0)->descriptor, ==, descriptor);
    close_all(listeners);
    g_free(rig_end(&rig));
}

/* A socket of IPv6 that takes IPv4 too, as systemd makes it, stands for both wildcards. */
static void test_both_families(void)
{
    static const char *const orders[] = {"0.0.0.0:%u;[::]:%u", "[::]:%u;0.0.0.0:%u"};

    for (unsigned i = 0; i < G_N_ELEMENTS(orders); i++) {
        Rig rig = rig_new();
        unsigned port;
        int descriptor = hand_over_at(&rig, "::", false, &port);
        g_autofree char *text = g_strdup_printf("%u", port);
        g_auto(GStrv) pieces = g_strsplit(orders[i], "%u", -1);
        g_autofree char *listen = g_strjoinv(text, pieces);
        g_autoptr(GError) error = NULL;

        if (descriptor < 0) {
            g_free(rig_end(&rig));
            g_test_skip("no IPv6");
            return;
        }
        GArray *listeners = open_for(&rig, listen, &error);
        g_assert_no_error(error);
        g_assert_cmpint(nth(listeners, 0)->descriptor, ==, descriptor);
        g_assert_cmpint(nth(listeners, 1)->descriptor, ==, -1);
        g_assert_true(nth(listeners, 1)->handed);
        close_all(listeners);
        g_assert_false(is_open(descriptor));
        g_free(rig_end(&rig));
    }
}

/* And one that does not stands for its own alone. */
static void test_v6_only(void)
{
    Rig rig = rig_new();
    unsigned port;
    int descriptor = hand_over_at(&rig, "::", true, &port);
    g_autofree char *listen = g_strdup_printf("0.0.0.0:%u;[::]:%u", port, port);
    g_autoptr(GError) error = NULL;

    if (descriptor < 0) {
        g_free(rig_end(&rig));
        g_test_skip("no IPv6");
        return;
    }
    GArray *listeners = open_for(&rig, listen, &error);
    g_assert_no_error(error);
    g_assert_false(nth(listeners, 0)->handed);
    g_assert_cmpint(nth(listeners, 0)->descriptor, >=, 0);
    g_assert_cmpint(nth(listeners, 1)->descriptor, ==, descriptor);
    close_all(listeners);
    g_free(rig_end(&rig));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/listeners/handed/is-used-at-its-address", test_used);
    g_test_add_func("/listeners/handed/strangers-are-closed", test_strangers);
    g_test_add_func("/listeners/handed/the-second-of-two-is-closed", test_twice);
    g_test_add_func("/listeners/handed/one-that-takes-more-is-not-used", test_wider);
    g_test_add_func("/listeners/handed/a-wildcard-is-an-address", test_wildcard);
    g_test_add_func("/listeners/handed/one-of-both-families", test_both_families);
    g_test_add_func("/listeners/handed/one-of-ipv6-alone", test_v6_only);
    return g_test_run();
}
