/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * HTTP requests to a provider, by any number of threads at once.
 *
 * Each thread that asks has a libcurl easy handle of its own, made at its first request, with the
 * connection that it keeps alive, and freed when the thread ends. What a HttpClient itself holds is
 * read-only.
 *
 * What is fixed here, for every provider: http and https only; no redirect is followed;
 * certificates are verified; no cookies, no .netrc, no proxy from the environment (a request goes
 * where the configuration says; a proxy is set there as the base URL); a body of at most
 * HTTPCLIENT_BODY_MAX bytes, unpacked.
 *
 * libcurl may write to a connection that the peer has closed: the process must ignore SIGPIPE.
 */

#include "core/config.h"
#include "core/slice.h"

#include <glib.h>
#include <stdbool.h>

#define HTTPCLIENT_BODY_MAX ((size_t)2 * 1024 * 1024)

typedef enum {
    HTTP_ANSWERED, /* whatever the status */
    HTTP_TIMED_OUT,
    HTTP_UNKNOWN_HOST,
    HTTP_NOT_CONNECTED,
    HTTP_TLS_FAILED,
    HTTP_UNTRUSTED, /* its certificate has expired, is for another name, or nobody trusted signed it
                     */
    HTTP_TOO_LARGE, /* above HTTPCLIENT_BODY_MAX */
    HTTP_CUT_OFF,   /* closed before the answer was whole */
    HTTP_FAILED,    /* anything else, such as bytes that are not HTTP, or headers without end */
    HTTP_OVER_BUDGET, /* not asked: max_calls_per_minute */
} HttpOutcome;

typedef struct {
    const char *url;
    const char *const *headers; /* (nullable) "Name: value" each, NULL after the last */
    Slice body;                 /* POSTed if there is one; without data it is a GET */
    int64_t deadline;           /* monotonic_ms(); 0: timeout_ms from now */
} HttpRequest;

/* Of HttpReply.status, those that callers look at (RFC 9110, 15). */
#define HTTP_OK        200
#define HTTP_FORBIDDEN 403

typedef struct {
    long status;
    unsigned retry_after_s; /* of Retry-After, which may also give a date; 0: none */
    GString *body;          /* (owned) by the caller, who makes it; the answer's is appended */
} HttpReply;

typedef struct HttpClient HttpClient;

/* Of @options, timeout_ms, ca_file, contact and max_calls_per_minute. NULL with
 * HERD_PLACES_ERROR_LIBRARY set when libcurl does not start, or _DATA when there is no ca_file by
 * that name. Called from main, before other threads use libcurl. */
HttpClient *httpclient_new(const PlacesOptions *options, GError **error);

/* Every other thread that made a request has ended. */
void httpclient_free(HttpClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HttpClient, httpclient_free)

/* @reply counts only when the outcome is HTTP_ANSWERED. Called from any thread, no lock held;
 * blocks until the deadline at most. */
HttpOutcome httpclient_ask(HttpClient *client, const HttpRequest *request, HttpReply *reply);

/* A sentence about an outcome other than HTTP_ANSWERED, without URL. (transfer full) */
char *httpclient_describe(const HttpClient *client, HttpOutcome outcome);

/* Whether @url is scheme://host or scheme://host:port with http or https. (transfer full) the same
 * without a slash at its end, or NULL with HERD_PLACES_ERROR_URL set. */
char *httpclient_check_base_url(const char *url, GError **error);
