/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * HTTP requests to a provider, by any number of threads at once.
 *
 * Each thread that asks has a transfer of its own (httptransfer.h), made at its first request, with
 * the connection that it keeps alive. They are freed with the client: its threads are a pool, and
 * it may end before they do. All else that it holds is read-only.
 *
 * What is fixed here, for every provider: http and https only; no redirect is followed;
 * certificates are verified; no cookies, no .netrc, no proxy from the environment (a request goes
 * where the configuration says; a proxy is set there as the base URL); a body of at most
 * HTTP_BODY_MAX bytes, unpacked.
 *
 * libcurl may write to a connection that the peer has closed: the process must ignore SIGPIPE.
 */

#include "core/config.h"
#include "places/http/httptransfer.h"

#include <glib.h>
#include <stdbool.h>

typedef struct HttpClient HttpClient;

/* Of @options, timeout_ms, ca_file, contact and max_calls_per_minute. NULL with
 * HERD_PLACES_ERROR_LIBRARY set when libcurl does not start, or _DATA when there is no ca_file by
 * that name. Called from main, before other threads use libcurl. */
HttpClient *httpclient_new(const PlacesOptions *options, GError **error);

/* No thread makes a request any more. Any thread, another than those that did as well. */
void httpclient_free(HttpClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HttpClient, httpclient_free)

/* @reply counts only when the outcome is HTTP_ANSWERED. Called from any thread, no lock held;
 * blocks until the deadline at most. */
HttpOutcome httpclient_ask(HttpClient *client, const HttpRequest *request, HttpReply *reply);

/* For requests that are performed in another way: what transfers are made of, and whether one more
 * may be made now, which then counts; if not its outcome is HTTP_OVER_BUDGET. Any thread. */
const HttpSettings *httpclient_settings(const HttpClient *client);
bool httpclient_may_call(HttpClient *client);

/* A sentence about an outcome other than HTTP_ANSWERED, without URL. (transfer full) */
char *httpclient_describe(const HttpClient *client, HttpOutcome outcome);

/* Whether @url is scheme://host or scheme://host:port with http or https. (transfer full) the same
 * without a slash at its end, or NULL with HERD_PLACES_ERROR_URL set. */
char *httpclient_check_base_url(const char *url, GError **error);
