/* SPDX-License-Identifier: MIT */
#include "places/http/httptransfer.h"

#include "core/thread.h"

#include <limits.h>
#include <sys/socket.h>

#define PROTOCOLS "http,https"
#define POLL_MS   1000 /* libcurl wakes by itself when the time that a request may take is over */

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

/*
 * Each request has a handle of its own; what outlasts it, the connection above all, lies in the
 * share. libcurl 7.83 to 8.1.0 has the handle remember the last header of an answer, which it frees
 * when the next request begins, and appends to it what the next answer begins its headers with if
 * that is a blank: any provider could so make a member read and free what it has freed.
 */
struct HttpTransfer {
    HttpSettings settings;
    CURLSH *share;              /* (owned) */
    CURLM *multi;               /* (owned) (nullable) NULL until httptransfer_perform() */
    CURL *easy;                 /* (owned) (nullable) of the request under way, or of the last */
    struct curl_slist *headers; /* (owned) (nullable) of the request */
    HttpReply *reply;
    Incoming incoming;
};

/* libcurl hands over unpacked bytes, so that this bounds a small answer that unpacks to a large
 * one, too. */
static size_t on_body(char *bytes, size_t size, size_t count, void *data)
{
    Incoming *incoming = data;
    size_t length = size * count;

    if (length > HTTP_BODY_MAX - (incoming->text->len - incoming->begin)) {
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

static CURLcode set_options(CURL *easy, CURLSH *share, const HttpSettings *settings)
{
    CURLcode status = curl_easy_setopt(easy, CURLOPT_SHARE, share);

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
    if (settings->ca_file != NULL) {
        SET(CURLOPT_CAINFO, settings->ca_file);
        SET(CURLOPT_CAPATH, NULL);
    } else if (settings->look_up_authorities) {
        SET(CURLOPT_CAINFO, NULL); /* no file; the directory stays */
    }
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_USERAGENT, settings->user_agent);
    SET(CURLOPT_ACCEPT_ENCODING, "gzip");
    /* The handle asks one thing at a time: HTTP/2 has nothing to interleave. */
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)HTTP_BODY_MAX);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_HEADERFUNCTION, on_header);
#undef SET
    return status;
}

static void free_handle(HttpTransfer *transfer)
{
    if (transfer->multi != NULL)
        curl_multi_remove_handle(transfer->multi, transfer->easy);
    curl_easy_cleanup(transfer->easy);
}

/* Gives @transfer a handle that has not had a request. FALSE: no memory. */
static bool renew_handle(HttpTransfer *transfer)
{
    free_handle(transfer);
    transfer->easy = curl_easy_init();
    return transfer->easy != NULL &&
           set_options(transfer->easy, transfer->share, &transfer->settings) == CURLE_OK &&
           curl_easy_setopt(transfer->easy, CURLOPT_WRITEDATA, &transfer->incoming) == CURLE_OK &&
           curl_easy_setopt(transfer->easy, CURLOPT_HEADERDATA, &transfer->incoming) == CURLE_OK;
}

/* NULL: no memory. Without locks, as all that it is for belongs to one thread at a time. */
static CURLSH *new_share(void)
{
    static const curl_lock_data shared[] = {CURL_LOCK_DATA_CONNECT, CURL_LOCK_DATA_DNS,
                                            CURL_LOCK_DATA_SSL_SESSION};
    CURLSH *share = curl_share_init();

    for (size_t i = 0; share != NULL && i < G_N_ELEMENTS(shared); i++)
        if (curl_share_setopt(share, CURLSHOPT_SHARE, shared[i]) != CURLSHE_OK) {
            curl_share_cleanup(share);
            return NULL;
        }
    return share;
}

HttpTransfer *httptransfer_new(const HttpSettings *settings)
{
    HttpTransfer *transfer = g_new0(HttpTransfer, 1);

    transfer->settings = *settings;
    transfer->share = new_share();
    if (transfer->share == NULL)
        g_clear_pointer(&transfer, httptransfer_free);
    return transfer;
}

void httptransfer_free(HttpTransfer *transfer)
{
    if (transfer == NULL)
        return;
    free_handle(transfer);
    curl_multi_cleanup(transfer->multi);
    curl_share_cleanup(transfer->share);
    curl_slist_free_all(transfer->headers);
    g_free(transfer);
}

CURL *httptransfer_easy(HttpTransfer *transfer)
{
    return transfer->easy;
}

bool httptransfer_has_more_to_say(const HttpTransfer *transfer)
{
    curl_socket_t kept = CURL_SOCKET_BAD;
    char byte;

    return curl_easy_getinfo(transfer->easy, CURLINFO_ACTIVESOCKET, &kept) == CURLE_OK &&
           kept != CURL_SOCKET_BAD && recv(kept, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static bool copy_headers(HttpTransfer *transfer, const char *const *headers)
{
    for (size_t i = 0; headers != NULL && headers[i] != NULL; i++) {
        struct curl_slist *longer = curl_slist_append(transfer->headers, headers[i]);

        if (longer == NULL)
            return false;
        transfer->headers = longer;
    }
    return true;
}

/* What differs from request to request. */
static CURLcode set_request(HttpTransfer *transfer, const HttpRequest *request)
{
    CURL *easy = transfer->easy;
    long timeout_ms = transfer->settings.timeout_ms;
    CURLcode status = curl_easy_setopt(easy, CURLOPT_URL, request->url);

    if (request->deadline != 0) /* to libcurl 0 would mean for ever */
        timeout_ms = (long)CLAMP(request->deadline - monotonic_ms(), 1, timeout_ms);
    if (status == CURLE_OK)
        status = curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms);
    if (status == CURLE_OK)
        status = curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms);
    if (status == CURLE_OK)
        status = curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
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

/* What was lent for one request is not pointed to any more. */
static void clear_request(HttpTransfer *transfer)
{
    curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, NULL);
    g_clear_pointer(&transfer->headers, curl_slist_free_all);
    transfer->reply = NULL;
    transfer->incoming.text = NULL;
}

bool httptransfer_begin(HttpTransfer *transfer, const HttpRequest *request, HttpReply *reply)
{
    if (!renew_handle(transfer))
        return false;
    transfer->reply = reply;
    transfer->incoming = (Incoming){.text = reply->body, .begin = reply->body->len};
    if (copy_headers(transfer, request->headers) && set_request(transfer, request) == CURLE_OK)
        return true;
    clear_request(transfer);
    return false;
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

/* NULL: no memory. */
static CURLM *new_multi(void)
{
    CURLM *multi = curl_multi_init();

    if (multi != NULL && curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 1L) != CURLM_OK)
        curl_multi_cleanup(g_steal_pointer(&multi));
    return multi;
}

/* As curl_easy_perform() does it, which makes a multi handle for each easy one: two sockets and a
 * fifth of what a lookup costs. The easy handle stays in it, or libcurl would not tell the
 * connection of it: httptransfer_has_more_to_say(). */
CURLcode httptransfer_perform(HttpTransfer *transfer)
{
    int running = 1, queued;

    if (transfer->multi == NULL)
        transfer->multi = new_multi();
    if (transfer->multi == NULL ||
        curl_multi_add_handle(transfer->multi, transfer->easy) != CURLM_OK)
        return CURLE_OUT_OF_MEMORY;
    while (curl_multi_perform(transfer->multi, &running) == CURLM_OK && running > 0)
        if (curl_multi_poll(transfer->multi, NULL, 0, POLL_MS, NULL) != CURLM_OK)
            break;
    const CURLMsg *done = curl_multi_info_read(transfer->multi, &queued);
    return done != NULL ? done->data.result : CURLE_OUT_OF_MEMORY;
}

HttpOutcome httptransfer_end(HttpTransfer *transfer, CURLcode status)
{
    if (status == CURLE_OK)
        status = get_reply(transfer->easy, transfer->reply);
    clear_request(transfer);
    return transfer->incoming.too_large ? HTTP_TOO_LARGE : outcome_of(status);
}
