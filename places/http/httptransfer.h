/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * One request at a time on a libcurl easy handle, for whoever performs it: httptransfer_perform()
 * in a thread that waits (httpclient.h), or a multi handle in an event loop. The next request is
 * made over the same connection, if that is there still.
 *
 * A transfer belongs to one thread at a time.
 */

#include "core/slice.h"

#include <curl/curl.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define HTTP_BODY_MAX ((size_t)2 * 1024 * 1024)

typedef enum {
    HTTP_ANSWERED, /* whatever the status */
    HTTP_TIMED_OUT,
    HTTP_UNKNOWN_HOST,
    HTTP_NOT_CONNECTED,
    HTTP_TLS_FAILED,
    HTTP_UNTRUSTED, /* its certificate has expired, is for another name, or nobody trusted signed it
                     */
    HTTP_TOO_LARGE, /* above HTTP_BODY_MAX */
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

/* What is the same for all requests. All read-only; the texts outlive the transfers. */
typedef struct {
    long timeout_ms;
    const char *user_agent;
    const char *ca_file;      /* (nullable) */
    bool look_up_authorities; /* in libcurl's own directory, rather than read its file */
} HttpSettings;

typedef struct HttpTransfer HttpTransfer;

/* NULL: no memory. */
HttpTransfer *httptransfer_new(const HttpSettings *settings);
void httptransfer_free(HttpTransfer *transfer); /* NULL is fine */

/* For who has a multi handle: what is to be performed between begin and end, another one for each
 * request; CURLOPT_PRIVATE is the caller's. (transfer none) */
CURL *httptransfer_easy(HttpTransfer *transfer);

/* Whether something has come behind the last answer. libcurl 7.88, which reads no more than
 * Content-Length says and keeps the connection, would take it for the next answer. */
bool httptransfer_has_more_to_say(const HttpTransfer *transfer);

/* Makes @transfer ready to be performed. What @request and @reply point to has to stay until
 * httptransfer_end(). FALSE: no memory. */
bool httptransfer_begin(HttpTransfer *transfer, const HttpRequest *request, HttpReply *reply);

/* Performs it, and returns when it is done or has taken too long. */
CURLcode httptransfer_perform(HttpTransfer *transfer);

/* What has become of it: @status is what performing it has returned. @reply counts only when the
 * outcome is HTTP_ANSWERED. */
HttpOutcome httptransfer_end(HttpTransfer *transfer, CURLcode status);
