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
#include <unistd.h>

#define USER_AGENT "herd/" HERD_VERSION " (location server)"

struct HttpClient {
    pthread_key_t own; /* each thread's HttpTransfer; read-only after new */
    pthread_mutex_t lock;
    GPtrArray *transfers;  /* owned HttpTransfer, all threads'; protected by lock */
    HttpSettings settings; /* read-only after new */
    Budget *budget;        /* (owned) read-only after new, but for what it locks itself */
    unsigned max_calls;    /* of it; read-only after new */
    char *user_agent;      /* (owned) read-only after new */
    char *ca_file;         /* (owned) (nullable) read-only after new */
};

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static CURLcode library_status; /* written once, before any reader: library_once */

static void start_library(void)
{
    library_status = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static void free_transfer(void *transfer)
{
    httptransfer_free(transfer);
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
    int failure = pthread_key_create(&client->own, NULL);
    if (failure != 0) {
        g_set_error(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_LIBRARY,
                    "no thread-specific data for libcurl: %s", g_strerror(failure));
        g_free(client);
        return NULL;
    }
    pthread_mutex_init(&client->lock, NULL);
    client->transfers = g_ptr_array_new_with_free_func(free_transfer);
    client->ca_file = g_strdup(options->ca_file);
    client->max_calls = options->max_calls_per_minute;
    client->budget = budget_new(client->max_calls);
    client->user_agent = options->contact == NULL
                             ? g_strdup(USER_AGENT)
                             : g_strdup_printf(USER_AGENT " %s", options->contact);
    client->settings = (HttpSettings){
        .timeout_ms = (long)CLAMP(options->timeout_ms, 1, INT_MAX), /* to libcurl 0 is for ever */
        .user_agent = client->user_agent,
        .ca_file = client->ca_file,
        .look_up_authorities = directory_is_hashed(curl_version_info(CURLVERSION_NOW)->capath),
    };
    return client;
}

void httpclient_free(HttpClient *client)
{
    if (client == NULL)
        return;
    pthread_key_delete(client->own);
    g_ptr_array_unref(client->transfers);
    pthread_mutex_destroy(&client->lock);
    budget_free(client->budget);
    g_free(client->user_agent);
    g_free(client->ca_file);
    g_free(client);
}

/* The calling thread has @transfer from now on, and nobody else. */
static void keep(HttpClient *client, HttpTransfer *transfer)
{
    mutex_lock(&client->lock);
    g_ptr_array_add(client->transfers, transfer);
    mutex_unlock(&client->lock);
}

/* Frees @transfer, which was the calling thread's. */
static void discard(HttpClient *client, HttpTransfer *transfer)
{
    unsigned index;

    pthread_setspecific(client->own, NULL);
    mutex_lock(&client->lock);
    bool found = g_ptr_array_find(client->transfers, transfer, &index);
    g_assert(found);
    g_ptr_array_steal_index_fast(client->transfers, index);
    mutex_unlock(&client->lock);
    httptransfer_free(transfer);
}

/* The calling thread's own transfer, NULL if there is no memory for it. */
static HttpTransfer *own_transfer(HttpClient *client)
{
    HttpTransfer *transfer = pthread_getspecific(client->own);

    if (transfer != NULL && !httptransfer_has_more_to_say(transfer))
        return transfer;
    if (transfer != NULL)
        discard(client, transfer); /* there is no other way to be rid of its connection */
    transfer = httptransfer_new(&client->settings);
    if (transfer != NULL && pthread_setspecific(client->own, transfer) != 0)
        g_clear_pointer(&transfer, httptransfer_free);
    if (transfer != NULL)
        keep(client, transfer);
    return transfer;
}

const HttpSettings *httpclient_settings(const HttpClient *client)
{
    return &client->settings;
}

bool httpclient_may_call(HttpClient *client)
{
    bool may_call = budget_take(client->budget, monotonic_ms());

    counters_add(may_call ? COUNT_PROVIDER_CALLS : COUNT_CALLS_OVER_BUDGET, 1);
    return may_call;
}

HttpOutcome httpclient_ask(HttpClient *client, const HttpRequest *request, HttpReply *reply)
{
    HttpTransfer *transfer = own_transfer(client);

    if (transfer == NULL)
        return HTTP_FAILED;
    if (!httpclient_may_call(client))
        return HTTP_OVER_BUDGET;
    if (!httptransfer_begin(transfer, request, reply))
        return HTTP_FAILED;
    return httptransfer_end(transfer, httptransfer_perform(transfer));
}

char *httpclient_describe(const HttpClient *client, HttpOutcome outcome)
{
    switch (outcome) {
    case HTTP_TIMED_OUT:
        return g_strdup_printf("The places provider did not answer within %ld ms.",
                               client->settings.timeout_ms);
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
                               HTTP_BODY_MAX);
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
