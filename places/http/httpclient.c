/* SPDX-License-Identifier: MIT */
#include "places/http/httpclient.h"

#include "core/counters.h"
#include "core/thread.h"
#include "places/http/budget.h"
#include "places/places.h"

#include <curl/curl.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#define USER_AGENT "herd/" HERD_VERSION " (location server)"
#define PROTOCOLS  "http,https"

struct HttpClient {
    pthread_key_t easy_handles; /* each thread's own CURL *; read-only after new */
    long timeout_ms;            /* read-only after new */
    Budget *budget;             /* (owned) read-only after new, but for what it locks itself */
    unsigned max_calls;         /* of it; read-only after new */
    char *user_agent;           /* (owned) read-only after new */
    char *ca_file;              /* (owned) (nullable) read-only after new */
    bool look_up_authorities;   /* read-only after new: see directory_is_hashed() */
};

/* Bytes of an answer's headers and trailers, of which libcurl keeps copies. The providers' are
 * below 2 KiB. */
#define HEADERS_MAX ((size_t)64 * 1024)

/* The answer that is on its way. */
typedef struct {
    GString *text;  /* its body is appended */
    gsize begin;    /* where that begins in text */
    size_t headers; /* bytes so far */
    bool too_large;
} Incoming;

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static CURLcode library_status; /* written once, before any reader: library_once */

static void start_library(void)
{
    library_status = curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* Called at the end of each thread that has one. */
static void free_easy_handle(void *easy)
{
    curl_easy_cleanup(easy);
}

/*
 * Whether @directory, libcurl's own, holds certificate authorities by the hash of their names, so
 * that the one that is wanted is looked up there. The other way is a file with all of them, which
 * each handle would read whole and keep: 27 ms of CPU and 1 MB a worker against 0.7 ms and 150 kB,
 * measured with Debian's 143 authorities.
 */
static bool directory_is_hashed(const char *directory)
{
    static const size_t hash_digits = 8;
    g_autoptr(GDir) entries = directory == NULL ? NULL : g_dir_open(directory, 0, NULL);

    if (entries == NULL)
        return false;
    for (const char *name = g_dir_read_name(entries); name != NULL; name = g_dir_read_name(entries))
        if (strspn(name, "0123456789abcdef") == hash_digits &&
            strcmp(name + hash_digits, ".0") == 0)
            return true;
    return false;
}

HttpClient *httpclient_new(const PlacesOptions *options, GError **error)
{
    pthread_once(&library_once, start_library);
    if (library_status != CURLE_OK) {
        g_set_error(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_LIBRARY,
                    "libcurl does not start: %s", curl_easy_strerror(library_status));
        return NULL;
    }

    /* Without this each lookup would fail, and not say why. */
    if (options->ca_file != NULL && access(options->ca_file, R_OK) != 0) {
        g_set_error(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_DATA, "ca_file %s: %s",
                    options->ca_file, g_strerror(errno));
        return NULL;
    }

    HttpClient *client = g_new0(HttpClient, 1);
    int failure = pthread_key_create(&client->easy_handles, free_easy_handle);
    if (failure != 0) {
        g_set_error(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_LIBRARY,
                    "no thread-specific data for libcurl: %s", g_strerror(failure));
        g_free(client);
        return NULL;
    }
    /* To libcurl 0 would mean for ever. */
    client->timeout_ms = (long)CLAMP(options->timeout_ms, 1, INT_MAX);
    client->ca_file = g_strdup(options->ca_file);
    client->max_calls = options->max_calls_per_minute;
    client->budget = budget_new(client->max_calls);
    client->user_agent = options->contact == NULL
                             ? g_strdup(USER_AGENT)
                             : g_strdup_printf(USER_AGENT " %s", options->contact);
    client->look_up_authorities = directory_is_hashed(curl_version_info(CURLVERSION_NOW)->capath);
    return client;
}

void httpclient_free(HttpClient *client)
{
    if (client == NULL)
        return;
    /* Deleting the key calls nothing: the others' handles went with their threads, this thread's is
     * still here. */
    curl_easy_cleanup(pthread_getspecific(client->easy_handles));
    pthread_key_delete(client->easy_handles);
    budget_free(client->budget);
    g_free(client->user_agent);
    g_free(client->ca_file);
    g_free(client);
}

/* libcurl hands over unpacked bytes, so that this bounds a small answer that unpacks to a large
 * one, too. */
static size_t on_body(char *bytes, size_t size, size_t count, void *data)
{
    Incoming *incoming = data;
    size_t length = size * count;

    if (length > HTTPCLIENT_BODY_MAX - (incoming->text->len - incoming->begin)) {
        incoming->too_large = true;
        return 0;
    }
    g_string_append_len(incoming->text, bytes, (gssize)length);
    return length;
}

/* libcurl 7.88 takes trailers without end: 2 GB in five seconds, measured. */
static size_t on_header(char *line G_GNUC_UNUSED, size_t size, size_t count, void *data)
{
    Incoming *incoming = data;

    incoming->headers += size * count;
    return incoming->headers <= HEADERS_MAX ? size * count : 0;
}

static CURLcode set_options(CURL *easy, const HttpClient *client)
{
    CURLcode status = CURLE_OK;

#define SET(option, value)                                  \
    do {                                                    \
        if (status == CURLE_OK)                             \
            status = curl_easy_setopt(easy, option, value); \
    } while (0)

    SET(CURLOPT_NOSIGNAL, 1L);
    /* A resolver that hangs is left to itself, rather than waited for past the timeout. */
    SET(CURLOPT_QUICK_EXIT, 1L);
    SET(CURLOPT_PROTOCOLS_STR, PROTOCOLS);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    if (client->ca_file != NULL) {
        SET(CURLOPT_CAINFO, client->ca_file);
        SET(CURLOPT_CAPATH, NULL);
    } else if (client->look_up_authorities) {
        SET(CURLOPT_CAINFO, NULL); /* no file; the directory stays */
    }
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_USERAGENT, client->user_agent);
    SET(CURLOPT_ACCEPT_ENCODING, "gzip");
    /* The handle asks one thing at a time: HTTP/2 has nothing to interleave. */
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_MAXCONNECTS, 1L);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)HTTPCLIENT_BODY_MAX);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_HEADERFUNCTION, on_header);
#undef SET
    return status;
}

/* Whether something has come behind the last answer. libcurl 7.88, which reads no more than
 * Content-Length says and keeps the connection, would take it for the next answer. */
static bool has_more_to_say(CURL *easy)
{
    curl_socket_t kept = CURL_SOCKET_BAD;
    char byte;

    return curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &kept) == CURLE_OK &&
           kept != CURL_SOCKET_BAD && recv(kept, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* The calling thread's own handle, NULL if there is no memory for it. */
static CURL *easy_handle(HttpClient *client)
{
    CURL *easy = pthread_getspecific(client->easy_handles);

    if (easy != NULL && !has_more_to_say(easy))
        return easy;
    if (easy != NULL) { /* there is no other way to be rid of its connection */
        pthread_setspecific(client->easy_handles, NULL);
        curl_easy_cleanup(easy);
    }
    easy = curl_easy_init();
    if (easy == NULL)
        return NULL;
    if (set_options(easy, client) != CURLE_OK ||
        pthread_setspecific(client->easy_handles, easy) != 0) {
        curl_easy_cleanup(easy);
        return NULL;
    }
    return easy;
}

static HttpOutcome outcome_of(CURLcode status)
{
    switch ((int)status) {
    case CURLE_OK:
        return HTTP_ANSWERED;
    case CURLE_OPERATION_TIMEDOUT:
        return HTTP_TIMED_OUT;
    case CURLE_COULDNT_RESOLVE_HOST:
        return HTTP_UNKNOWN_HOST;
    case CURLE_COULDNT_CONNECT:
        return HTTP_NOT_CONNECTED;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
        return HTTP_TLS_FAILED;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return HTTP_UNTRUSTED;
    case CURLE_FILESIZE_EXCEEDED:
        return HTTP_TOO_LARGE;
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
        return HTTP_CUT_OFF;
    default:
        return HTTP_FAILED;
    }
}

/* What differs from request to request. */
static CURLcode set_request(CURL *easy, const HttpClient *client, const HttpRequest *request,
                            const struct curl_slist *headers)
{
    long timeout_ms = client->timeout_ms;
    CURLcode status = curl_easy_setopt(easy, CURLOPT_URL, request->url);

    if (request->deadline != 0) /* to libcurl 0 would mean for ever */
        timeout_ms = (long)CLAMP(request->deadline - monotonic_ms(), 1, timeout_ms);
    if (status == CURLE_OK)
        status = curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms);
    if (status == CURLE_OK)
        status = curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms);
    if (status == CURLE_OK)
        status = curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    if (status == CURLE_OK && request->body.data == NULL)
        return curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    if (status == CURLE_OK)
        status = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)request->body.length);
    if (status == CURLE_OK)
        status = curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.data);
    return status;
}

static CURLcode get_reply(CURL *easy, HttpReply *reply)
{
    curl_off_t retry_after_s = 0;
    CURLcode status = curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &reply->status);

    if (status == CURLE_OK)
        status = curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    reply->retry_after_s = (unsigned)CLAMP(retry_after_s, 0, INT_MAX);
    return status;
}

static CURLcode perform(CURL *easy, const HttpClient *client, const HttpRequest *request,
                        const struct curl_slist *headers, HttpReply *reply)
{
    CURLcode status = set_request(easy, client, request, headers);

    if (status == CURLE_OK)
        status = curl_easy_perform(easy);
    if (status == CURLE_OK)
        status = get_reply(easy, reply);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL); /* it is the caller's */
    return status;
}

HttpOutcome httpclient_ask(HttpClient *client, const HttpRequest *request, HttpReply *reply)
{
    Incoming incoming = {.text = reply->body, .begin = reply->body->len};
    struct curl_slist *headers = NULL;
    CURL *easy = easy_handle(client);

    if (easy == NULL || curl_easy_setopt(easy, CURLOPT_WRITEDATA, &incoming) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_HEADERDATA, &incoming) != CURLE_OK)
        return HTTP_FAILED;
    for (size_t i = 0; request->headers != NULL && request->headers[i] != NULL; i++) {
        struct curl_slist *longer = curl_slist_append(headers, request->headers[i]);

        if (longer == NULL) {
            curl_slist_free_all(headers);
            return HTTP_FAILED;
        }
        headers = longer;
    }

    CURLcode status = CURLE_OK;
    bool may_call = budget_take(client->budget, monotonic_ms());
    counters_add(may_call ? COUNT_PROVIDER_CALLS : COUNT_CALLS_OVER_BUDGET, 1);
    if (may_call)
        status = perform(easy, client, request, headers, reply);
    curl_slist_free_all(headers);
    if (!may_call)
        return HTTP_OVER_BUDGET;
    return incoming.too_large ? HTTP_TOO_LARGE : outcome_of(status);
}

char *httpclient_describe(const HttpClient *client, HttpOutcome outcome)
{
    switch (outcome) {
    case HTTP_TIMED_OUT:
        return g_strdup_printf("The places provider did not answer within %ld ms.",
                               client->timeout_ms);
    case HTTP_UNKNOWN_HOST:
        return g_strdup("The host of the places provider is not known.");
    case HTTP_NOT_CONNECTED:
        return g_strdup("The places provider does not accept connections.");
    case HTTP_TLS_FAILED:
        return g_strdup("No TLS connection to the places provider.");
    case HTTP_UNTRUSTED:
        return g_strdup("The certificate of the places provider has expired, is for another name, "
                        "or is signed by nobody who is trusted here.");
    case HTTP_TOO_LARGE:
        return g_strdup_printf("The answer of the places provider is larger than %zu bytes.",
                               HTTPCLIENT_BODY_MAX);
    case HTTP_CUT_OFF:
        return g_strdup("The places provider closed the connection before its answer was whole.");
    case HTTP_OVER_BUDGET:
        return g_strdup_printf(
            "This server may ask the places provider %u times a minute, and has done so.",
            client->max_calls);
    case HTTP_FAILED:
    case HTTP_ANSWERED:
    default:
        return g_strdup("The request to the places provider failed.");
    }
}

/* One part of @parsed; NULL when it has none. */
static char *url_part(CURLU *parsed, CURLUPart part)
{
    g_autofree char *copy = NULL;
    char *text = NULL;

    if (curl_url_get(parsed, part, &text, 0) == CURLUE_OK)
        copy = g_strdup(text);
    curl_free(text);
    return g_steal_pointer(&copy);
}

static char *base_of(CURLU *parsed)
{
    static const CURLUPart unwanted[] = {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS,
                                         CURLUPART_QUERY, CURLUPART_FRAGMENT};
    g_autofree char *scheme = url_part(parsed, CURLUPART_SCHEME);
    g_autofree char *host = url_part(parsed, CURLUPART_HOST);
    g_autofree char *port = url_part(parsed, CURLUPART_PORT);
    g_autofree char *path = url_part(parsed, CURLUPART_PATH);

    for (size_t i = 0; i < G_N_ELEMENTS(unwanted); i++) {
        g_autofree char *part = url_part(parsed, unwanted[i]);
        if (part != NULL)
            return NULL;
    }
    if (scheme == NULL || (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0) ||
        host == NULL || *host == '\0' || (path != NULL && strcmp(path, "/") != 0))
        return NULL;
    return g_strconcat(scheme, "://", host, port == NULL ? "" : ":", port, NULL);
}

char *httpclient_check_base_url(const char *url, GError **error)
{
    CURLU *parsed = curl_url();
    g_autofree char *base = NULL;

    if (parsed != NULL && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK)
        base = base_of(parsed);
    curl_url_cleanup(parsed);
    /* What was written may hold a password: it is not repeated. */
    if (base == NULL)
        g_set_error_literal(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_URL,
                            "url is not http://host:port or https://host:port");
    return g_steal_pointer(&base);
}
