/* SPDX-License-Identifier: MIT */

/*
 * A provider's answer as bytes on a connection: our bounds around libcurl, the time that we are
 * told to stay away for, and what is told on of a provider's words has no URL in it.
 *
 * An input is all that the provider says before it closes.
 */

#include "fuzz.h"

#include "core/thread.h"
#include "places/google/googleanswer.h"
#include "places/http/urlscrub.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM (1 << 20) /* for an input in a socket */

static GoogleService service = {.base_url = (char[]){"http://127.0.0.1:9"}, .path = "/x"};
static HttpTransfer *transfer;

/* A connection of libcurl's, to a provider who has spoken already. */
typedef struct {
    Slice input;
    int provider; /* the other end; -1: none was opened */
} Exchange;

static curl_socket_t open_socket(void *data, curlsocktype purpose G_GNUC_UNUSED,
                                 struct curl_sockaddr *address G_GNUC_UNUSED)
{
    int ends[2], room = ROOM;
    Exchange *exchange = data;
    Slice input = exchange->input;

    g_assert_cmpint(exchange->provider, <, 0);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
    g_assert_cmpint(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room), ==, 0);
    ssize_t sent = send(ends[0], input.data, input.length, MSG_NOSIGNAL | MSG_DONTWAIT);
    g_assert_cmpint(sent, ==, (gssize)input.length);
    shutdown(ends[0], SHUT_WR);
    exchange->provider = ends[0];
    return ends[1];
}

/* libcurl's, whose socket is connected already. */
int connect(int descriptor G_GNUC_UNUSED, const struct sockaddr *address G_GNUC_UNUSED,
            socklen_t length G_GNUC_UNUSED)
{
    return 0;
}

int LLVMFuzzerInitialize(int *count G_GNUC_UNUSED, char ***arguments G_GNUC_UNUSED)
{
    static const HttpSettings settings = {.timeout_ms = 10000, .user_agent = "herd"};
    g_autoptr(GError) error = NULL;

    signal(SIGPIPE, SIG_IGN); /* see httpclient.h */
    g_assert_cmpint(curl_global_init(CURL_GLOBAL_ALL), ==, 0);
    g_setenv(APIKEY_ENVIRONMENT, "key-1234567", TRUE);
    service.key = apikey_read(NULL, &error);
    g_assert_no_error(error);
    transfer = httptransfer_new(&settings);
    g_assert_nonnull(transfer);
    return 0;
}

/* What is told on of @message has no URL in it, and what has none is told on as it is. */
static void check_scrub(Slice message)
{
    const Slice mark = SLICE("://");
    g_autoptr(GString) once = g_string_new(NULL);
    g_autoptr(GString) twice = g_string_new(NULL);
    bool has_url = memmem(message.data, message.length, mark.data, mark.length) != NULL;

    urlscrub_append(once, message);
    g_assert_null(memmem(once->str, once->len, mark.data, mark.length));
    g_assert_true(has_url || slice_equal(slice_of_string(once), message));
    urlscrub_append(twice, slice_of_string(once));
    g_assert_true(slice_equal(slice_of_string(once), slice_of_string(twice)));
}

static void check_answer(const HttpReply *reply)
{
    g_autoptr(GString) json = g_string_new(NULL);
    g_auto(ProviderFailure) failure = {0};
    PlacesStatus status = googleanswer_append(json, reply, 20, &service, &failure);

    g_assert_cmpuint(failure.retry_after_s, <=, INT_MAX);
    g_assert_true((failure.message == NULL) ==
                  (status == PLACES_OK || status == PLACES_ZERO_RESULTS));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Exchange exchange = {.input = slice_of_input(data, size), .provider = -1};
    HttpRequest request = {.url = "http://127.0.0.1:9/x", .deadline = 0};
    g_autoptr(GString) body = g_string_new(NULL);
    HttpReply reply = {.body = body};

    g_assert_true(httptransfer_begin(transfer, &request, &reply));
    CURL *easy = httptransfer_easy(transfer);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &exchange);
    HttpOutcome outcome = httptransfer_end(transfer, httptransfer_perform(transfer));
    close(exchange.provider);

    g_assert_cmpuint(body->len, <=, HTTP_BODY_MAX);
    /* Nobody is waited for: all that there is has come. */
    g_assert_cmpint(outcome, !=, HTTP_TIMED_OUT);
    if (outcome == HTTP_ANSWERED)
        check_answer(&reply);
    check_scrub(slice_of_string(body));
    check_scrub(exchange.input);
    return 0;
}
