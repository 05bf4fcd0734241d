/* SPDX-License-Identifier: MIT */
#include "core/endpoint.h"

#include "core/decimal.h"

#include <arpa/inet.h>
#include <glib.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#define PORT_MAX 65535
#define TLS      "tls://"

/* Where the port begins in host:port and [v6]:port; 0 if @text is neither. */
static size_t find_port(const char *text)
{
    const char *colon = strrchr(text, ':');
    Decimal port;

    if (colon == NULL || colon == text)
        return 0;
    if (text[0] == '[' ? colon[-1] != ']' : memchr(text, ':', (size_t)(colon - text)) != NULL)
        return 0; /* a v6 address without its brackets could end anywhere */
    if (!decimal_parse((Slice){.data = colon + 1, .length = strlen(colon + 1)}, &port) ||
        port.sign != 0 || port.fraction.length > 0 || port.whole < 1 || port.whole > PORT_MAX)
        return 0;
    return (size_t)(colon + 1 - text);
}

Endpoint *endpoint_parse(const char *written, char **ret_why)
{
    bool tls = g_str_has_prefix(written, TLS);
    const char *text = tls ? written + strlen(TLS) : written;
    size_t port = find_port(text);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;

    if (port == 0) {
        *ret_why = g_strdup_printf("\"%s\" is not host:port or [v6]:port with a port from 1 to %d",
                                   written, PORT_MAX);
        return NULL;
    }

    bool brackets = text[0] == '[';
    g_autofree char *host = g_strndup(text + brackets, port - 1 - 2 * (size_t)brackets);
    int failed = getaddrinfo(host, text + port, &hints, &found);
    if (failed != 0) {
        *ret_why = g_strdup_printf("\"%s\": %s", written, gai_strerror(failed));
        return NULL;
    }

    Endpoint *endpoint = g_new0(Endpoint, 1);
    endpoint->text = g_strdup(written);
    endpoint->tls = tls;
    memcpy(&endpoint->address, found->ai_addr, found->ai_addrlen);
    endpoint->length = found->ai_addrlen;
    freeaddrinfo(found);
    return endpoint;
}

void endpoint_free(void *endpoint)
{
    if (endpoint == NULL)
        return;
    g_free(((Endpoint *)endpoint)->text);
    g_free(endpoint);
}

/* An address as sixteen bytes, IPv4 mapped into IPv6, so that the two families compare. */
static struct in6_addr host_of(const struct sockaddr_storage *address)
{
    struct in6_addr host = IN6ADDR_ANY_INIT;

    if (address->ss_family == AF_INET6)
        return ((const struct sockaddr_in6 *)address)->sin6_addr;
    if (address->ss_family == AF_INET) {
        host.s6_addr[10] = host.s6_addr[11] = 0xff;
        memcpy(&host.s6_addr[12], &((const struct sockaddr_in *)address)->sin_addr, 4);
    }
    return host;
}

const char *endpoint_address_text(const Endpoint *endpoint)
{
    return endpoint->text + (endpoint->tls ? strlen(TLS) : 0);
}

bool endpoint_is_wildcard(const Endpoint *endpoint)
{
    struct in6_addr host = host_of(&endpoint->address);

    if (endpoint->address.ss_family == AF_INET)
        return memcmp(&host.s6_addr[12], &(struct in_addr){.s_addr = htonl(INADDR_ANY)}, 4) == 0;
    return IN6_IS_ADDR_UNSPECIFIED(&host);
}

bool endpoint_same_host(const Endpoint *endpoint, const struct sockaddr_storage *address)
{
    struct in6_addr a = host_of(&endpoint->address);
    struct in6_addr b = host_of(address);

    return IN6_ARE_ADDR_EQUAL(&a, &b);
}

struct in6_addr endpoint_network_of(const struct sockaddr_storage *address)
{
    struct in6_addr network = host_of(address);

    if (!IN6_IS_ADDR_V4MAPPED(&network))
        memset(&network.s6_addr[8], 0, 8);
    return network;
}

bool endpoint_equal(const Endpoint *a, const Endpoint *b)
{
    return a->tls == b->tls && a->length == b->length &&
           memcmp(&a->address, &b->address, a->length) == 0;
}

void endpoint_format(const struct sockaddr_storage *address, char text[static ENDPOINT_TEXT_MAX])
{
    char host[INET6_ADDRSTRLEN] = "?";

    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;

        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        snprintf(text, ENDPOINT_TEXT_MAX, "%s:%u", host, ntohs(v4->sin_port));
    } else if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        snprintf(text, ENDPOINT_TEXT_MAX, "[%s]:%u", host, ntohs(v6->sin6_port));
    } else {
        snprintf(text, ENDPOINT_TEXT_MAX, "?");
    }
}
