/* SPDX-License-Identifier: MIT */
#include "cmd/tool/wire.h"

#include "cmd/tool/phrase.h"
#include "cmd/tool/text.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_MAX ((size_t)4 << 20)  /* bytes; the largest of a member's is below 3 MiB */
#define SHORT_MAX  ((size_t)64 << 10) /* max_line is 32768 at most, and the reply is longer */
#define HTTP_OK    200

typedef enum {
    PHASE_CONNECTING, /* or, of WIRE_STATUS, all that there is: libcurl does it */
    PHASE_INTRODUCING,
    PHASE_ASKING,
    PHASE_ENDING, /* WIRE_PROBE: our end is said, theirs is waited for */
    PHASE_OVER,
} Phase;

typedef struct {
    WireCall *call;
    CURL *easy;                    /* (owned) (nullable) */
    struct curl_slist *connect_to; /* (owned) (nullable) */
    curl_socket_t socket;          /* once connected */
    Phase phase;
    size_t sent; /* bytes of what is said in this phase */
    char reason[CURL_ERROR_SIZE];
} Conversation;

typedef struct {
    CURLM *multi; /* (owned) */
    Conversation *conversations;
    size_t count;
    int64_t begin_us, end_us;
} Wire;

/* ---- ends ---- */

static void finish(const Wire *wire, Conversation *c)
{
    c->call->done = true;
    c->call->took_us = g_get_monotonic_time() - wire->begin_us;
    c->phase = PHASE_OVER;
}

static void fail(const Wire *wire, Conversation *c, const char *why)
{
    c->call->why = text_clean(slice_of(why));
    c->call->took_us = g_get_monotonic_time() - wire->begin_us;
    c->phase = PHASE_OVER;
}

static void fail_by_curl(const Wire *wire, Conversation *c, CURLcode status)
{
    long number = 0;

    curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &number);
    if (status == CURLE_COULDNT_CONNECT && number != 0)
        fail(wire, c, g_strerror((int)number));
    else if (status == CURLE_GOT_NOTHING)
        fail(wire, c, "it closed the connection without an answer");
    else if (status == CURLE_WRITE_ERROR)
        fail(wire, c, "its answer has no end");
    else
        fail(wire, c, *c->reason != '\0' ? c->reason : curl_easy_strerror(status));
}

static void fail_by_time(const Wire *wire, Conversation *c)
{
    g_autofree char *span = phrase_span((double)(wire->end_us - wire->begin_us) / 1e6);
    bool connected = c->phase != PHASE_CONNECTING || c->call->kind == WIRE_STATUS;
    g_autofree char *why =
        g_strdup_printf(connected ? "no answer within %s" : "no connection within %s", span);

    fail(wire, c, why);
}

/* ---- beginnings ---- */

static size_t on_body(char *bytes, size_t size, size_t count, void *data)
{
    GString *answer = data;

    if (size * count > ANSWER_MAX - answer->len)
        return 0;
    g_string_append_len(answer, bytes, (gssize)(size * count));
    return size * count;
}

static bool is_readable(const char *path)
{
    return path != NULL && access(path, R_OK) == 0;
}

static void say_unverified(void)
{
    static bool said;

    if (!said)
        fprintf(stderr, "herd: warning: without [tls] ca_file nobody proves who a member is\n");
    said = true;
}

#define SET(easy, option, value)                                 \
    do {                                                         \
        CURLcode set = curl_easy_setopt((easy), option, value);  \
                                                                 \
        g_assert(set == CURLE_OK || set == CURLE_OUT_OF_MEMORY); \
    } while (0)

static void set_tls(Conversation *c)
{
    const TlsOptions *tls = c->call->tls;
    bool verifies = tls != NULL && tls->ca_file != NULL;

    SET(c->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(c->easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
    SET(c->easy, CURLOPT_SSL_VERIFYPEER, verifies ? 1L : 0L);
    SET(c->easy, CURLOPT_SSL_VERIFYHOST, verifies ? 2L : 0L);
    if (verifies) {
        SET(c->easy, CURLOPT_CAINFO, tls->ca_file);
        SET(c->easy, CURLOPT_CAPATH, NULL); /* the host's own stand beside it otherwise */
    } else {
        say_unverified();
    }
    /* Nobody has to show one, and not everybody who asks may read a member's key. */
    if (tls != NULL && is_readable(tls->certificate_file) && is_readable(tls->key_file)) {
        SET(c->easy, CURLOPT_SSLCERT, tls->certificate_file);
        SET(c->easy, CURLOPT_SSLKEY, tls->key_file);
    }
}

/* The certificate has to be in the member's name, whatever its address. */
static void set_address(Conversation *c)
{
    const Endpoint *endpoint = c->call->endpoint;
    char address[ENDPOINT_TEXT_MAX];

    endpoint_format(&endpoint->address, address);
    if (endpoint->tls) {
        g_autofree char *url =
            g_strdup_printf("https://%s:%s/", c->call->name, strrchr(address, ':') + 1);
        g_autofree char *to = g_strconcat("::", address, NULL);

        c->connect_to = curl_slist_append(NULL, to);
        SET(c->easy, CURLOPT_CONNECT_TO, c->connect_to);
        SET(c->easy, CURLOPT_URL, url);
        set_tls(c);
    } else {
        g_autofree char *url = g_strdup_printf("http://%s/status", address);

        SET(c->easy, CURLOPT_URL, url);
    }
}

static void begin(Wire *wire, Conversation *c, WireCall *call)
{
    *c = (Conversation){.call = call, .easy = curl_easy_init(), .socket = CURL_SOCKET_BAD};
    call->done = call->introduced = false;
    call->answer = g_string_new(NULL);
    call->their_now = -1;
    g_assert(c->easy != NULL);
    SET(c->easy, CURLOPT_PRIVATE, c);
    SET(c->easy, CURLOPT_ERRORBUFFER, c->reason);
    SET(c->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(c->easy, CURLOPT_PROXY, ""); /* whatever http_proxy says: members are no web sites */
    SET(c->easy, CURLOPT_FRESH_CONNECT, 1L);
    set_address(c);
    if (call->kind == WIRE_STATUS) {
        SET(c->easy, CURLOPT_FORBID_REUSE, 1L);
        SET(c->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
        SET(c->easy, CURLOPT_WRITEFUNCTION, on_body);
        SET(c->easy, CURLOPT_WRITEDATA, call->answer);
    } else {
        SET(c->easy, CURLOPT_CONNECT_ONLY, 1L);
    }
    CURLMcode added = curl_multi_add_handle(wire->multi, c->easy);
    if (added != CURLM_OK)
        fail(wire, c, curl_multi_strerror(added));
}

/* ---- what is said on a connection ---- */

static void connected(const Wire *wire, Conversation *c)
{
    curl_easy_getinfo(c->easy, CURLINFO_ACTIVESOCKET, &c->socket);
    switch (c->call->kind) {
    case WIRE_CONNECT:
        finish(wire, c);
        return;
    case WIRE_PROBE:
        if (c->call->endpoint->tls)
            finish(wire, c);
        else if (shutdown(c->socket, SHUT_WR) != 0)
            fail(wire, c, g_strerror(errno));
        else
            c->phase = PHASE_ENDING;
        return;
    case WIRE_LINE:
    case WIRE_ANSWER:
    case WIRE_STATUS:
        c->phase = c->call->introduction != NULL ? PHASE_INTRODUCING : PHASE_ASKING;
        return;
    }
    g_assert_not_reached();
}

/* The bytes of the answer that stands in @answer; 0: it is not whole yet. */
static size_t answer_length(const Conversation *c, const GString *answer)
{
    bool many = c->call->kind == WIRE_ANSWER && c->phase == PHASE_ASKING && answer->str[0] != '?';
    const char *end = memmem(answer->str, answer->len, "\n\n", many ? 2 : 1);

    return end != NULL ? (size_t)(end - answer->str) + (many ? 2 : 1) : 0;
}

static bool is_endless(const Conversation *c)
{
    const GString *answer = c->call->answer;

    return answer->len > ANSWER_MAX ||
           (answer->len > SHORT_MAX && memchr(answer->str, '\n', answer->len) == NULL);
}

/* What stands in the answer may be whole. */
static void look_at_answer(const Wire *wire, Conversation *c)
{
    GString *answer = c->call->answer;
    size_t length = answer_length(c, answer);

    if (c->phase == PHASE_ENDING) { /* PROTOCOL R18 */
        fail(wire, c, "it is no member: it speaks without being asked");
        return;
    }
    if (length == 0) {
        if (is_endless(c))
            fail(wire, c, "its answer has no end");
        return;
    }
    if (c->phase == PHASE_INTRODUCING && strlen(c->call->welcome) == length &&
        memcmp(answer->str, c->call->welcome, length) == 0) {
        g_string_erase(answer, 0, (gssize)length);
        c->call->introduced = true;
        c->phase = PHASE_ASKING;
        c->sent = 0;
        return;
    }
    g_string_truncate(answer, length);
    finish(wire, c);
}

/* Says what is left to be said. FALSE: the socket takes no more, or it has failed. */
static bool say(const Wire *wire, Conversation *c)
{
    const char *text = c->phase == PHASE_INTRODUCING ? c->call->introduction
                       : c->phase == PHASE_ASKING    ? c->call->line
                                                     : "";
    size_t length = strlen(text);

    while (c->sent < length) {
        size_t took = 0;
        CURLcode status = curl_easy_send(c->easy, text + c->sent, length - c->sent, &took);

        if (status == CURLE_AGAIN)
            return false;
        if (status != CURLE_OK) {
            fail(wire, c, "it closed the connection without an answer");
            return false;
        }
        c->sent += took;
    }
    return true;
}

/* Says and hears what can be without waiting. */
static void converse(const Wire *wire, Conversation *c)
{
    char buffer[16384];

    while (c->phase != PHASE_OVER && say(wire, c)) {
        size_t got = 0;
        CURLcode status = curl_easy_recv(c->easy, buffer, sizeof buffer, &got);

        if (status == CURLE_AGAIN)
            return;
        if (c->phase == PHASE_ENDING && (status != CURLE_OK || got == 0)) {
            finish(wire, c);
        } else if (status != CURLE_OK || got == 0) {
            fail(wire, c,
                 c->call->answer->len > 0 ? "it closed the connection in the middle of its answer"
                                          : "it closed the connection without an answer");
        } else {
            g_string_append_len(c->call->answer, buffer, (gssize)got);
            look_at_answer(wire, c);
        }
    }
}

/* ---- all of them ---- */

static void take_status(const Wire *wire, Conversation *c)
{
    struct curl_header *date = NULL;
    long status = 0;

    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    if (curl_easy_header(c->easy, "Date", 0, CURLH_HEADER, -1, &date) == CURLHE_OK)
        c->call->their_now = curl_getdate(date->value, NULL);
    if (status == HTTP_OK) {
        finish(wire, c);
        return;
    }
    g_autofree char *why = g_strdup_printf("/status answers %ld", status);
    fail(wire, c, why);
}

static void take_results(const Wire *wire)
{
    const CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(wire->multi, &left)) != NULL) {
        Conversation *c = NULL;
        CURLcode status = message->data.result;

        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&c);
        if (c->phase != PHASE_CONNECTING)
            continue;
        if (status != CURLE_OK)
            fail_by_curl(wire, c, status);
        else if (c->call->kind == WIRE_STATUS)
            take_status(wire, c);
        else
            connected(wire, c);
    }
}

static size_t count_open(const Wire *wire)
{
    size_t open = 0;

    for (size_t i = 0; i < wire->count; i++)
        open += wire->conversations[i].phase != PHASE_OVER;
    return open;
}

/* Waits for anything to happen; FALSE: @interrupt is readable. @fds has room for all. */
static bool wait_for_news(const Wire *wire, struct curl_waitfd *fds, int interrupt)
{
    int64_t left_ms = (wire->end_us - g_get_monotonic_time()) / 1000 + 1;
    unsigned count = 0;

    if (interrupt >= 0)
        fds[count++] = (struct curl_waitfd){.fd = interrupt, .events = CURL_WAIT_POLLIN};
    for (size_t i = 0; i < wire->count; i++) {
        const Conversation *c = &wire->conversations[i];
        short events = CURL_WAIT_POLLIN;

        if (c->phase == PHASE_CONNECTING || c->phase == PHASE_OVER)
            continue;
        if (c->phase != PHASE_ENDING &&
            c->sent < strlen(c->phase == PHASE_ASKING ? c->call->line : c->call->introduction))
            events |= CURL_WAIT_POLLOUT;
        fds[count++] = (struct curl_waitfd){.fd = c->socket, .events = events};
    }
    curl_multi_poll(wire->multi, fds, count, (int)CLAMP(left_ms, 0, G_MAXINT), NULL);
    return interrupt < 0 || fds[0].revents == 0;
}

static bool run(const Wire *wire, struct curl_waitfd *fds, int interrupt)
{
    bool free_to_go_on = true;

    while (free_to_go_on) {
        int running;
        CURLMcode status = curl_multi_perform(wire->multi, &running);

        take_results(wire);
        for (size_t i = 0; i < wire->count; i++) {
            Conversation *c = &wire->conversations[i];

            if (c->phase != PHASE_OVER && status != CURLM_OK)
                fail(wire, c, curl_multi_strerror(status));
            if (c->phase != PHASE_OVER && c->phase != PHASE_CONNECTING)
                converse(wire, c);
            if (c->phase != PHASE_OVER && g_get_monotonic_time() >= wire->end_us)
                fail_by_time(wire, c);
        }
        if (count_open(wire) == 0)
            return true;
        free_to_go_on = wait_for_news(wire, fds, interrupt);
    }
    return false;
}

bool wire_call(WireCall *calls, size_t count, int64_t timeout_us, int interrupt)
{
    int64_t now = g_get_monotonic_time();
    Wire wire = {
        .multi = curl_multi_init(),
        .conversations = g_new0(Conversation, count),
        .count = count,
        .begin_us = now,
        .end_us = now + timeout_us,
    };
    g_autofree struct curl_waitfd *fds = g_new(struct curl_waitfd, count + 1);

    g_assert(wire.multi != NULL);
    for (size_t i = 0; i < count; i++)
        begin(&wire, &wire.conversations[i], &calls[i]);
    bool whole = run(&wire, fds, interrupt);
    for (size_t i = 0; i < count; i++) {
        Conversation *c = &wire.conversations[i];

        if (c->phase != PHASE_OVER)
            fail(&wire, c, "interrupted");
        curl_multi_remove_handle(wire.multi, c->easy);
        curl_easy_cleanup(c->easy);
        curl_slist_free_all(c->connect_to);
    }
    curl_multi_cleanup(wire.multi);
    g_free(wire.conversations);
    return whole;
}

void wire_clear(WireCall *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (calls[i].answer != NULL)
            g_string_free(calls[i].answer, TRUE);
        g_free(calls[i].why);
        calls[i].answer = NULL;
        calls[i].why = NULL;
    }
}
