/* SPDX-License-Identifier: MIT */
#pragma once

/* Socket addresses as people write them: 127.0.0.1:10000, [::1]:10000, host.example:10000,
 * tls://127.0.0.1:10443. */

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

typedef struct {
    char *text; /* (owned) as written */
    bool tls;   /* what is said there is said over TLS */
    struct sockaddr_storage address;
    socklen_t length;
} Endpoint;

/* Room for the longest endpoint_format(), its NUL included: [v6]:port. */
#define ENDPOINT_TEXT_MAX 80

/* The endpoint that @written names, a host's name by its first address; may ask the resolver and
 * block. NULL: @ret_why says why not. (both transfer full) */
Endpoint *endpoint_parse(const char *written, char **ret_why);
void endpoint_free(void *endpoint);

/* What it is called without the tls://: one address cannot be said both ways. (transfer none) */
const char *endpoint_address_text(const Endpoint *endpoint);

/* Whether it stands for every address of this host (0.0.0.0, [::]). */
bool endpoint_is_wildcard(const Endpoint *endpoint);

/* Whether @address is of the same host, whatever the ports. An IPv4 address that came in through an
 * IPv6 socket is the IPv4 address. */
bool endpoint_same_host(const Endpoint *endpoint, const struct sockaddr_storage *address);

/* Whom the owner of @address may be taken for when connections are counted: an IPv4 host (mapped
 * into IPv6), or a network of IPv6, /64, since one host has as many addresses as it likes. */
struct in6_addr endpoint_network_of(const struct sockaddr_storage *address);

/* Whether both are the same address and port, and TLS or not, however they were written. */
bool endpoint_equal(const Endpoint *a, const Endpoint *b);

/* Writes @address as text, [v6]:port in brackets. */
void endpoint_format(const struct sockaddr_storage *address, char text[static ENDPOINT_TEXT_MAX]);
