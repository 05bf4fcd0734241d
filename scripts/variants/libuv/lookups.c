/* SPDX-License-Identifier: MIT */
#include "scripts/variants/libuv/lookups.h"

#include "core/thread.h"
#include "places/answer.h"
#include "places/google/google-legacy.h"
#include "scripts/variants/libuv/session.h"

#include <curl/curl.h>

/* Bytes. A body within HTTP_BODY_MAX may be far larger in our layout. */
#define ANSWER_MAX (2 * HTTP_BODY_MAX)

struct Lookups {
    uv_timer_t timer; /* when libcurl wants to be called */
    CURLM *multi;
    Provider *provider;
    Log *log;
    unsigned max_lookups;
    unsigned max_waiting;
    int64_t timeout_ms;
    unsigned running;
    GQueue waiting;  /* of Lookup, by Lookup.position: those beyond max_lookups */
    GPtrArray *idle; /* owned HttpTransfer, at most max_lookups */
};

struct Lookup {
    Lookups *lookups;
    Connection *connection;
    Record *record; /* (owned) */
    PlacesQuery query;
    int64_t deadline;       /* monotonic_ms() */
    HttpTransfer *transfer; /* (owned) NULL while it waits */
    HttpReply reply;        /* its body is owned */
    GList position;         /* in waiting */
};

/* A socket of libcurl's. */
typedef struct {
    uv_poll_t poll;
    Lookups *lookups;
    curl_socket_t descriptor;
} Socket;

static void finish_all(Lookups *lookups);

static void lookup_free(Lookup *lookup)
{
    record_unref(lookup->record);
    g_string_free(lookup->reply.body, TRUE);
    g_free(lookup);
}

static void on_socket_closed(uv_handle_t *poll)
{
    g_free(poll->data);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    Socket *socket = poll->data;
    Lookups *lookups = socket->lookups;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0;
    int running;

    if ((events & UV_READABLE) != 0)
        flags |= CURL_CSELECT_IN;
    if ((events & UV_WRITABLE) != 0)
        flags |= CURL_CSELECT_OUT;
    curl_multi_socket_action(lookups->multi, socket->descriptor, flags, &running);
    finish_all(lookups);
}

static void on_time(uv_timer_t *timer)
{
    Lookups *lookups = timer->data;
    int running;

    curl_multi_socket_action(lookups->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    finish_all(lookups);
}

static Socket *socket_new(Lookups *lookups, curl_socket_t descriptor)
{
    Socket *socket = g_new0(Socket, 1);

    socket->lookups = lookups;
    socket->descriptor = descriptor;
    socket->poll.data = socket;
    if (uv_poll_init_socket(lookups->timer.loop, &socket->poll, descriptor) != 0)
        g_clear_pointer(&socket, g_free);
    return socket;
}

/* libcurl waits for @what on @descriptor from now on: CURLMOPT_SOCKETFUNCTION. */
static int on_socket(CURL *easy G_GNUC_UNUSED, curl_socket_t descriptor, int what, void *data,
                     void *assigned)
{
    Lookups *lookups = data;
    Socket *socket = assigned;
    int events = 0;

    if (what == CURL_POLL_REMOVE) {
        if (socket != NULL)
            uv_close((uv_handle_t *)&socket->poll, on_socket_closed);
        return 0;
    }
    if (socket == NULL) {
        socket = socket_new(lookups, descriptor);
        if (socket == NULL)
            return -1;
        curl_multi_assign(lookups->multi, descriptor, socket);
    }
    if ((what & CURL_POLL_IN) != 0)
        events |= UV_READABLE;
    if ((what & CURL_POLL_OUT) != 0)
        events |= UV_WRITABLE;
    return uv_poll_start(&socket->poll, events, on_ready) == 0 ? 0 : -1;
}

/* CURLMOPT_TIMERFUNCTION */
static int on_timer_wanted(CURLM *multi G_GNUC_UNUSED, long timeout_ms, void *data)
{
    Lookups *lookups = data;

    if (timeout_ms < 0)
        uv_timer_stop(&lookups->timer);
    else
        uv_timer_start(&lookups->timer, on_time, (uint64_t)timeout_ms, 0);
    return 0;
}

Lookups *lookups_new(uv_loop_t *loop, const PlacesOptions *options, GError **error)
{
    Provider *provider = google_legacy_new(options, error);
    if (provider == NULL)
        return NULL;

    Lookups *lookups = g_new0(Lookups, 1);
    lookups->provider = provider;
    lookups->max_lookups = options->max_lookups;
    lookups->max_waiting = options->max_waiting;
    lookups->timeout_ms = options->timeout_ms;
    lookups->idle = g_ptr_array_new_with_free_func((GDestroyNotify)httptransfer_free);
    g_queue_init(&lookups->waiting);
    uv_timer_init(loop, &lookups->timer);
    lookups->timer.data = lookups;
    lookups->multi = curl_multi_init();
    if (lookups->multi == NULL ||
        curl_multi_setopt(lookups->multi, CURLMOPT_SOCKETFUNCTION, on_socket) != CURLM_OK ||
        curl_multi_setopt(lookups->multi, CURLMOPT_SOCKETDATA, lookups) != CURLM_OK ||
        curl_multi_setopt(lookups->multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted) != CURLM_OK ||
        curl_multi_setopt(lookups->multi, CURLMOPT_TIMERDATA, lookups) != CURLM_OK ||
        curl_multi_setopt(lookups->multi, CURLMOPT_MAXCONNECTS, (long)lookups->max_lookups) !=
            CURLM_OK) {
        g_set_error_literal(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_LIBRARY,
                            "libcurl's multi interface does not start");
        lookups_free(lookups);
        return NULL;
    }
    return lookups;
}

void lookups_set_log(Lookups *lookups, Log *log)
{
    lookups->log = log;
}

static void on_timer_closed(uv_handle_t *timer)
{
    g_free(timer->data);
}

void lookups_free(Lookups *lookups)
{
    if (lookups == NULL)
        return;
    g_assert(lookups->running == 0 && lookups->waiting.length == 0);
    curl_multi_cleanup(lookups->multi);
    g_ptr_array_unref(lookups->idle);
    lookups->provider->class->free(lookups->provider);
    uv_close((uv_handle_t *)&lookups->timer, on_timer_closed);
}

/* One that is not in use, or NULL. (transfer full) */
static HttpTransfer *take_transfer(Lookups *lookups)
{
    if (lookups->idle->len > 0)
        return g_ptr_array_steal_index_fast(lookups->idle, lookups->idle->len - 1);
    return httptransfer_new(httpclient_settings(google_legacy_client(lookups->provider)));
}

/* Asks the provider. HTTP_ANSWERED: it is being asked. */
static HttpOutcome start(Lookup *lookup)
{
    Lookups *lookups = lookup->lookups;
    g_autoptr(GString) url = g_string_new(NULL);

    if (!httpclient_may_call(google_legacy_client(lookups->provider)))
        return HTTP_OVER_BUDGET;
    HttpTransfer *transfer = take_transfer(lookups);
    if (transfer == NULL)
        return HTTP_FAILED;

    google_legacy_append_url(lookups->provider, &lookup->query, url);
    HttpRequest request = {.url = url->str, .deadline = lookup->deadline};
    if (!httptransfer_begin(transfer, &request, &lookup->reply) ||
        curl_easy_setopt(httptransfer_easy(transfer), CURLOPT_PRIVATE, lookup) != CURLE_OK ||
        curl_multi_add_handle(lookups->multi, httptransfer_easy(transfer)) != CURLM_OK) {
        httptransfer_free(transfer);
        return HTTP_FAILED;
    }
    lookup->transfer = transfer;
    lookups->running++;
    return HTTP_ANSWERED;
}

/* Takes the transfer from @lookup, whose turn ends. */
static HttpOutcome stop(Lookup *lookup, CURLcode status)
{
    Lookups *lookups = lookup->lookups;
    HttpTransfer *transfer = g_steal_pointer(&lookup->transfer);

    curl_multi_remove_handle(lookups->multi, httptransfer_easy(transfer));
    HttpOutcome outcome = httptransfer_end(transfer, status);
    g_ptr_array_add(lookups->idle, transfer);
    lookups->running--;
    return outcome;
}

/* Appends the answer to a lookup that came to @outcome: PROTOCOL R14, R15. */
static void append_answer(const Lookup *lookup, HttpOutcome outcome, GString *json)
{
    const Lookups *lookups = lookup->lookups;
    g_auto(ProviderFailure) failure = {0};
    PlacesStatus status = google_legacy_append_answer(lookups->provider, &lookup->query, outcome,
                                                      &lookup->reply, json, &failure);

    if (json->len > ANSWER_MAX) {
        g_string_truncate(json, 0);
        status = provider_fail(&failure, PLACES_UNKNOWN_ERROR,
                               "The answer of the places provider is too large.");
    }
    if (status == PLACES_OK || status == PLACES_ZERO_RESULTS)
        return;
    log_event(lookups->log, LOG_WARNING, "places lookup failed: %s: %s", places_status_name(status),
              failure.message);
    if (json->len == 0)
        places_append_failure(json, status, failure.message);
}

/* The connection that waits for @lookup gets its answer, and goes on. */
static void finish(Lookup *lookup, HttpOutcome outcome)
{
    g_autoptr(GString) json = g_string_new(NULL);

    append_answer(lookup, outcome, json);
    connection_resume(lookup->connection, lookup->record,
                      (Slice){.data = json->str, .length = json->len});
    lookup_free(lookup);
}

/* Those that wait take the places of those that have ended. */
static void start_waiting(Lookups *lookups)
{
    while (lookups->running < lookups->max_lookups && lookups->waiting.length > 0) {
        Lookup *lookup = lookups->waiting.head->data;

        g_queue_unlink(&lookups->waiting, &lookup->position);
        HttpOutcome outcome = start(lookup);
        if (outcome != HTTP_ANSWERED)
            finish(lookup, outcome);
    }
}

static void finish_all(Lookups *lookups)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(lookups->multi, &left)) != NULL) {
        Lookup *lookup = NULL;
        CURLcode status = message->data.result; /* the message goes with its handle */

        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &lookup);
        finish(lookup, stop(lookup, status));
    }
    start_waiting(lookups);
}

Lookup *lookups_begin(Lookups *lookups, Connection *connection, Record *record,
                      const PlacesQuery *query)
{
    g_autoptr(GString) json = g_string_new(NULL);
    Lookup *lookup = g_new0(Lookup, 1);

    lookup->lookups = lookups;
    lookup->connection = connection;
    lookup->record = record_ref(record);
    lookup->query = *query;
    lookup->deadline = monotonic_ms() + lookups->timeout_ms;
    lookup->reply.body = g_string_new(NULL);
    lookup->position.data = lookup;
    if (lookups->running >= lookups->max_lookups) {
        if (lookups->waiting.length < lookups->max_waiting) {
            g_queue_push_tail_link(&lookups->waiting, &lookup->position);
            return lookup;
        }
        places_append_failure(json, PLACES_OVER_QUERY_LIMIT,
                              "This server has too many lookups waiting; try again later.");
    } else {
        HttpOutcome outcome = start(lookup);

        if (outcome == HTTP_ANSWERED)
            return lookup;
        append_answer(lookup, outcome, json);
    }
    session_places(connection, record, (Slice){.data = json->str, .length = json->len});
    lookup_free(lookup);
    return NULL;
}

void lookups_abandon(Lookup *lookup)
{
    Lookups *lookups = lookup->lookups;

    if (lookup->transfer != NULL)
        stop(lookup, CURLE_ABORTED_BY_CALLBACK);
    else
        g_queue_unlink(&lookups->waiting, &lookup->position);
    lookup_free(lookup);
    start_waiting(lookups);
}
