/* SPDX-License-Identifier: MIT */
#include "core/endpoint.h"

#include <arpa/inet.h>
#include <glib.h>
#include <string.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Endpoint, endpoint_free)

/* (transfer full) */
static Endpoint *parse(const char *text)
{
    g_autofree char *why = NULL;
    Endpoint *endpoint = endpoint_parse(text, &why);

    g_assert_cmpstr(why, ==, NULL);
    g_assert_nonnull(endpoint);
    return endpoint;
}

static void test_parse_valid(void)
{
    static const struct {
        const char *text, *shown;
        int family;
    } rows[] = {
        {"127.0.0.1:10000", "127.0.0.1:10000", AF_INET},
        {"0.0.0.0:1", "0.0.0.0:1", AF_INET},
        {"255.255.255.255:65535", "255.255.255.255:65535", AF_INET},
        {"[::1]:10000", "[::1]:10000", AF_INET6},
        {"[::]:10000", "[::]:10000", AF_INET6},
        {"[2001:DB8:0:0::1]:80", "[2001:db8::1]:80", AF_INET6},
        {"[::ffff:127.0.0.1]:10000", "[::ffff:127.0.0.1]:10000", AF_INET6},
        {"127.0.0.1:010000", "127.0.0.1:10000", AF_INET},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(Endpoint) endpoint = parse(rows[i].text);
        char shown[ENDPOINT_TEXT_MAX];

        g_assert_cmpstr(endpoint->text, ==, rows[i].text); /* as written */
        g_assert_cmpint(endpoint->address.ss_family, ==, rows[i].family);
        g_assert_cmpuint(endpoint->length, ==,
                         rows[i].family == AF_INET ? sizeof(struct sockaddr_in)
                                                   : sizeof(struct sockaddr_in6));
        endpoint_format(&endpoint->address, shown);
        g_assert_cmpstr(shown, ==, rows[i].shown);
    }
}

static void test_parse_host_name(void)
{
    g_autoptr(Endpoint) endpoint = parse("localhost:10000");
    g_autoptr(Endpoint) v4 = parse("127.0.0.1:1");
    g_autoptr(Endpoint) v6 = parse("[::1]:1");

    g_assert_true(endpoint_same_host(endpoint, &v4->address) ||
                  endpoint_same_host(endpoint, &v6->address));
}

static void test_parse_invalid(void)
{
    static const char *const rows[] = {
        "",
        ":",
        ":10000",
        "10000",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "127.0.0.1:99999999999999999999",
        "127.0.0.1:-1",
        "127.0.0.1:+80",
        "127.0.0.1:80.0",
        "127.0.0.1:8e1",
        "127.0.0.1:http",
        "127.0.0.1: 80",
        "127.0.0.1:80 ",
        "127.0.0.1:80:80",
        "::1:10000", /* without brackets it could end anywhere */
        "::1",
        "[::1]",
        "[::1]10000",
        "[::1]:",
        "[::1]:0",
        "[::1:10000",
        "::1]:10000",
        "[]:10000",
        "[::g]:10000",
        "256.0.0.1:10000",
        "127.0.0.1.1:10000",
        "no such host:10000",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *why = NULL;
        g_autoptr(Endpoint) endpoint = endpoint_parse(rows[i], &why);

        if (endpoint != NULL) {
            g_test_fail_printf("\"%s\" is taken", rows[i]);
            continue;
        }
        g_assert_nonnull(why);
        g_autofree char *quoted = g_strdup_printf("\"%s\"", rows[i]);
        g_assert_nonnull(strstr(why, quoted)); /* it says what was wrong */
        g_assert_null(strchr(why, '\n'));
    }
    endpoint_free(NULL);
}

static void test_wildcard(void)
{
    static const struct {
        const char *text;
        bool wildcard;
    } rows[] = {
        {"0.0.0.0:10000", true},    {"[::]:10000", true},   {"[0:0:0::0]:10000", true},
        {"127.0.0.1:10000", false}, {"[::1]:10000", false}, {"1.0.0.0:10000", false},
        {"0.0.0.1:10000", false},   {"[1::]:10000", false},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(Endpoint) endpoint = parse(rows[i].text);

        if (endpoint_is_wildcard(endpoint) != rows[i].wildcard)
            g_test_fail_printf("\"%s\"", rows[i].text);
    }
}

static void test_same_host(void)
{
    static const struct {
        const char *a, *b;
        bool same;
    } rows[] = {
        {"127.0.0.1:1", "127.0.0.1:2", true},
        {"127.0.0.1:1", "127.0.0.2:1", false},
        {"[::1]:1", "[0:0::1]:2", true},
        {"[::1]:1", "[::2]:1", false},
        {"127.0.0.1:1", "[::ffff:127.0.0.1]:2", true}, /* IPv4 through an IPv6 socket */
        {"127.0.0.1:1", "[::ffff:127.0.0.2]:2", false},
        {"127.0.0.1:1", "[::1]:1", false},
        {"127.0.0.1:1", "[::127.0.0.1]:1", false},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(Endpoint) a = parse(rows[i].a);
        g_autoptr(Endpoint) b = parse(rows[i].b);

        if (endpoint_same_host(a, &b->address) != rows[i].same ||
            endpoint_same_host(b, &a->address) != rows[i].same)
            g_test_fail_printf("%s and %s", rows[i].a, rows[i].b);
    }
}

static void test_format_unknown_family(void)
{
    struct sockaddr_storage address = {.ss_family = AF_UNIX};
    char text[ENDPOINT_TEXT_MAX];

    endpoint_format(&address, text);
    g_assert_cmpstr(text, ==, "?");
}

static void test_property_format_reads_back(void)
{
    for (int round = 0; round < 500; round++) {
        struct sockaddr_storage address = {0};
        struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
        uint16_t port = htons((uint16_t)g_test_rand_int_range(1, 65536));
        char text[ENDPOINT_TEXT_MAX], again[ENDPOINT_TEXT_MAX];

        if (g_test_rand_bit()) {
            v4->sin_family = AF_INET;
            v4->sin_port = port;
            v4->sin_addr.s_addr = (uint32_t)g_test_rand_int();
        } else {
            v6->sin6_family = AF_INET6;
            v6->sin6_port = port;
            for (size_t i = 0; i < 16; i++)
                v6->sin6_addr.s6_addr[i] = (uint8_t)(g_test_rand_bit() ? g_test_rand_int() : 0);
        }
        endpoint_format(&address, text);
        g_autoptr(Endpoint) endpoint = parse(text);
        endpoint_format(&endpoint->address, again);
        g_assert_cmpstr(again, ==, text);
        g_assert_true(endpoint_same_host(endpoint, &address));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/endpoint/parse/valid", test_parse_valid);
    g_test_add_func("/endpoint/parse/host-name", test_parse_host_name);
    g_test_add_func("/endpoint/parse/invalid", test_parse_invalid);
    g_test_add_func("/endpoint/is-wildcard/every-address", test_wildcard);
    g_test_add_func("/endpoint/same-host/whatever-port-and-family", test_same_host);
    g_test_add_func("/endpoint/format/unknown-family", test_format_unknown_family);
    g_test_add_func("/endpoint/format/property/reads-back", test_property_format_reads_back);
    return g_test_run();
}
