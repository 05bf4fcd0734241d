/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Pages over HTTP for those who look after a member: GET and HEAD, without a password, made anew
 * for each request by one thread of libmicrohttpd.
 *
 * At most HTTP_CONNECTIONS_MAX connections at once, each closed after HTTP_TIMEOUT_S seconds
 * without a word.
 */

#include <glib.h>

#define HTTP_CONNECTIONS_MAX 64u
#define HTTP_TIMEOUT_S       10u

#define HERD_HTTP_ERROR (herd_http_error_quark())
GQuark herd_http_error_quark(void);

typedef enum {
    HERD_HTTP_ERROR_LISTEN, /* the address cannot be listened on */
    HERD_HTTP_ERROR_START,  /* the system has no more threads or descriptors to give */
} HerdHttpError;

typedef struct {
    const char *path; /* "/status" */
    const char *type; /* Content-Type */

    /* Appends the page to @body and returns its HTTP status. Called by the thread, no lock held. */
    unsigned (*write)(const void *self, GString *body);
} HttpPage;

typedef struct Http Http;

/* Serves @pages, which end with one that has no path and outlive it, on @listen (core/endpoint.h;
 * not TLS). NULL with @error set: one line. Called from main; may block on name resolution. */
Http *http_new(const char *listen, const HttpPage *pages, const void *self, GError **error);

/* Closes all connections and ends the thread. NULL is fine. */
void http_free(Http *http);
