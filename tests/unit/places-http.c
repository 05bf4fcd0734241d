/* SPDX-License-Identifier: MIT */

/* httpclient, against a server that misbehaves in every way. */

#include "places/http/httpclient.h"
#include "places/places.h"
#include "tests/unit/places-fake-http.h"

#include <signal.h>

#define PATIENCE_MS 20000 /* for answers that come: never reached */
#define HASTE_MS    50    /* for answers that do not */

static HttpClient *client_new(unsigned timeout_ms)
{
    GError *error = NULL;
    HttpClient *client = httpclient_new(&(PlacesOptions){.timeout_ms = timeout_ms}, &error);

    g_assert_no_error(error);
    g_assert_nonnull(client);
    return client;
}

static void assert_outcome_at(HttpClient *client, const char *url, HttpOutcome expected)
{
    g_autoptr(GString) body = g_string_new("what was there before");
    HttpReply reply = {.body = body};

    g_assert_cmpint(httpclient_ask(client, &(HttpRequest){.url = url}, &reply), ==, expected);
    g_assert_true(g_str_has_prefix(body->str, "what was there before"));
}

static void assert_outcome(HttpClient *client, FakeHttp *fake, HttpOutcome expected)
{
    g_autofree char *url = fake_http_url(fake, "http");

    assert_outcome_at(client, url, expected);
}

static void assert_body(HttpClient *client, FakeHttp *fake, long expected_status,
                        const char *expected)
{
    g_autofree char *url = fake_http_url(fake, "http");
    g_autoptr(GString) body = g_string_new(NULL);
    HttpReply reply = {.body = body};

    g_assert_cmpint(httpclient_ask(client, &(HttpRequest){.url = url}, &reply), ==, HTTP_ANSWERED);
    g_assert_cmpint(reply.status, ==, expected_status);
    g_assert_cmpstr(body->str, ==, expected);
}

static void answer_with(FakeHttp *fake, unsigned status, const char *body)
{
    fake_http_answer(fake, status, "", body, strlen(body));
}

static void test_answer(void)
{
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(HttpClient) client = client_new(PATIENCE_MS);

    answer_with(fake, 200, "body");
    assert_body(client, fake, 200, "body");
    answer_with(fake, 503, "");
    assert_body(client, fake, 503, "");
    g_assert_cmpuint(fake_http_connections(fake), ==, 1);
}

/* Headers that begin with the continuation of one: it belongs to none of an earlier answer. Whether
 * this is an answer is for libcurl to say. */
static void test_continued_header(void)
{
    static const char continued[] =
        "HTTP/1.1 200 OK\r\n continued: here\r\nContent-Length: 4\r\n\r\nbody";
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(HttpClient) client = client_new(PATIENCE_MS);
    g_autofree char *url = fake_http_url(fake, "http");

    for (int i = 0; i < 3; i++) {
        g_autoptr(GString) body = g_string_new(NULL);
        HttpReply reply = {.body = body};

        answer_with(fake, 200, "first");
        assert_body(client, fake, 200, "first");
        fake_http_say(fake, continued, strlen(continued), FAKE_HTTP_KEEP);
        HttpOutcome outcome = httpclient_ask(client, &(HttpRequest){.url = url}, &reply);
        g_assert_true(outcome == HTTP_FAILED || outcome == HTTP_ANSWERED);
    }
    answer_with(fake, 200, "last");
    assert_body(client, fake, 200, "last");
}

static void test_timeout(void)
{
    static const char *const beginnings[] = {"", "HTTP/1.1 200 OK\r\n",
                                             "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"};
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(HttpClient) client = client_new(HASTE_MS);

    for (size_t i = 0; i < G_N_ELEMENTS(beginnings); i++) {
        fake_http_say(fake, beginnings[i], strlen(beginnings[i]), FAKE_HTTP_KEEP);
        assert_outcome(client, fake, HTTP_TIMED_OUT);
    }
}

static void test_no_timeout_is_no_eternity(void)
{
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(HttpClient) client = client_new(0);

    assert_outcome(client, fake, HTTP_TIMED_OUT);
}

static void test_closed_in_the_middle(void)
{
    static const char *const beginnings[] = {
        "",
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"status\":\"OK\"",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n{\"status\":\"OK\"",
    };
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(HttpClient) client = client_new(PATIENCE_MS);

    for (size_t i = 0; i < G_N_ELEMENTS(beginnings); i++) {
        fake_http_say(fake, beginnings[i], strlen(beginnings[i]), FAKE_HTTP_CLOSE);
        assert_outcome(client, fake, HTTP_CUT_OFF);
    }
    answer_with(fake, 200, "body");
    assert_body(client, fake, 200, "body");
}

static void test_nobody_listens(void)
{
    /* A port that is taken, by nobody who listens. */
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    g_autoptr(HttpClient) client = client_new(PATIENCE_MS);

    g_assert_cmpint(bind(fd, (struct sockaddr *)&address, length), ==, 0);
    g_assert_cmpint(getsockname(fd, (struct sockaddr *)&address, &length), ==, 0);
    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u", ntohs(address.sin_port));
    assert_outcome_at(client, url, HTTP_NOT_CONNECTED);
    close(fd);
}

static void test_no_tls(void)
{
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(HttpClient) client = client_new(PATIENCE_MS);
    g_autofree char *url = fake_http_url(fake, "https");

    answer_with(fake, 400, "This is no TLS.");
    assert_outcome_at(client, url, HTTP_TLS_FAILED);
}

static void test_not_http(void)
{
    static const char greeting[] = "220 mail.example ESMTP\r\n";
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(HttpClient) client = client_new(PATIENCE_MS);

    fake_http_say(fake, greeting, strlen(greeting), FAKE_HTTP_CLOSE);
    assert_outcome(client, fake, HTTP_FAILED);
}

static void test_other_schemes(void)
{
    static const char *const urls[] = {"file:///etc/hostname", "ftp://127.0.0.1:1/",
                                       "gopher://127.0.0.1:1/"};
    g_autoptr(HttpClient) client = client_new(PATIENCE_MS);

    for (size_t i = 0; i < G_N_ELEMENTS(urls); i++)
        assert_outcome_at(client, urls[i], HTTP_FAILED);
}

static void test_proxy_of_the_environment_is_not_used(void)
{
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(FakeHttp) proxy = fake_http_new();
    g_autofree char *proxy_url = fake_http_url(proxy, "http");
    g_autoptr(HttpClient) client = client_new(PATIENCE_MS);

    answer_with(fake, 200, "body");
    g_setenv("http_proxy", proxy_url, TRUE);
    assert_body(client, fake, 200, "body");
    g_unsetenv("http_proxy");
    g_assert_cmpuint(fake_http_connections(proxy), ==, 0);
}

/* ---- size ---- */

static void test_headers_without_end(void)
{
    static const char head[] =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n";
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(HttpClient) client = client_new(PATIENCE_MS);
    g_autoptr(GString) answer = g_string_new(head);

    for (unsigned i = 0; i < 20000; i++)
        g_string_append(answer, "X: y\r\n");
    g_string_append(answer, "\r\n");
    fake_http_say(fake, answer->str, answer->len, FAKE_HTTP_KEEP);
    assert_outcome(client, fake, HTTP_FAILED);
    answer_with(fake, 200, "body");
    assert_body(client, fake, 200, "body");
}

/* What follows an answer is not the answer to the next request. */
static void test_answer_that_nobody_asked_for(void)
{
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(HttpClient) client = client_new(PATIENCE_MS);
    g_autoptr(GString) answer = g_string_new("HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n");
    g_autofree char *url = fake_http_url(fake, "http");
    g_autoptr(GString) body = g_string_new(NULL);
    HttpReply reply = {.body = body};

    /* The body is so long that libcurl has taken all of it before it meets what follows. */
    for (unsigned i = 0; i < 65536; i++)
        g_string_append_c(answer, 'x');
    g_string_append(answer, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nspare");
    fake_http_say(fake, answer->str, answer->len, FAKE_HTTP_KEEP);
    g_assert_cmpint(httpclient_ask(client, &(HttpRequest){.url = url}, &reply), ==, HTTP_ANSWERED);
    g_assert_cmpuint(body->len, ==, 65536);
    answer_with(fake, 200, "own");
    assert_body(client, fake, 200, "own");
}

static void test_large_answer(void)
{
    size_t length = HTTP_BODY_MAX + 1;
    g_autofree char *body = g_strnfill(length, ' ');
    g_autofree char *unsaid = g_strconcat("HTTP/1.1 200 OK\r\n\r\n", body, NULL);
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(HttpClient) client = client_new(PATIENCE_MS);

    /* With its length said, and without. */
    fake_http_answer(fake, 200, "", body, length);
    assert_outcome(client, fake, HTTP_TOO_LARGE);
    fake_http_say(fake, unsaid, strlen(unsaid), FAKE_HTTP_CLOSE);
    assert_outcome(client, fake, HTTP_TOO_LARGE);

    body[length - 1] = '\0';
    fake_http_answer(fake, 200, "", body, length - 1);
    assert_body(client, fake, 200, body);
}

/* Bits in the order of RFC 1951: Huffman codes from their highest bit, all else from its lowest. */
typedef struct {
    GByteArray *bytes;
    unsigned used; /* bits of the last byte */
} BitWriter;

static void write_bit(BitWriter *writer, unsigned bit)
{
    static const guint8 zero = 0;

    if (writer->used % 8 == 0) {
        g_byte_array_append(writer->bytes, &zero, 1);
        writer->used = 0;
    }
    if (bit)
        writer->bytes->data[writer->bytes->len - 1] |= (guint8)(1u << writer->used);
    writer->used++;
}

static void write_code(BitWriter *writer, unsigned code, unsigned bits)
{
    while (bits-- > 0)
        write_bit(writer, code >> bits & 1);
}

/* A little gzip that unpacks to 1 + 258 * @repeats blanks: a literal, then copies of what was last.
 * Nobody will get to its checksum. */
static GByteArray *gzip_bomb(unsigned repeats)
{
    static const guint8 header[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
    BitWriter writer = {.bytes = g_byte_array_new()};

    g_byte_array_append(writer.bytes, header, sizeof header);
    write_bit(&writer, 1); /* the last block, */
    write_bit(&writer, 1); /* of fixed codes */
    write_bit(&writer, 0);
    write_code(&writer, 0x30 + ' ', 8); /* a blank */
    for (unsigned i = 0; i < repeats; i++) {
        write_code(&writer, 0xc5, 8); /* 258 bytes, */
        write_code(&writer, 0, 5);    /* from one byte before */
    }
    write_code(&writer, 0, 7); /* the end */
    return writer.bytes;
}

static void test_large_answer_unpacked(void)
{
    g_autoptr(GByteArray) bomb = gzip_bomb(HTTP_BODY_MAX / 258 + 1);
    g_autoptr(FakeHttp) fake = fake_http_new();
    g_autoptr(HttpClient) client = client_new(PATIENCE_MS);

    g_assert_cmpuint(bomb->len, <, HTTP_BODY_MAX / 100);
    fake_http_answer(fake, 200, "Content-Encoding: gzip\r\n", (const char *)bomb->data, bomb->len);
    assert_outcome(client, fake, HTTP_TOO_LARGE);
}

/* ---- text ---- */

static void test_describe(void)
{
    g_autoptr(HttpClient) client = client_new(1234);
    g_autoptr(GPtrArray) seen = g_ptr_array_new_with_free_func(g_free);

    for (HttpOutcome outcome = HTTP_TIMED_OUT; outcome <= HTTP_FAILED; outcome++) {
        char *text = httpclient_describe(client, outcome);

        g_assert_true(g_str_has_suffix(text, "."));
        g_assert_false(g_ptr_array_find_with_equal_func(seen, text, g_str_equal, NULL));
        g_ptr_array_add(seen, text);
    }
    g_assert_nonnull(strstr(seen->pdata[0], " 1234 ms"));
}

static void test_url(void)
{
    static const char *const good[][2] = {
        {"http://127.0.0.1:8080", "http://127.0.0.1:8080"},
        {"https://places.example/", "https://places.example"},
        {"HTTP://[::1]:80", "http://[::1]:80"},
    };
    static const char *const bad[] = {
        "127.0.0.1:8080",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
        "http://",
        "http://host/path",
        "http://host/?q",
        "http://host/#f",
        "http://u:pass@host",
        "http://host:99999",
        "http://a b",
        "//host",
        "gopher://host:70",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        GError *error = NULL;
        g_autofree char *base = httpclient_check_base_url(good[i][0], &error);

        g_assert_no_error(error);
        g_assert_cmpstr(base, ==, good[i][1]);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;

        g_test_message("%s", bad[i]);
        g_assert_null(httpclient_check_base_url(bad[i], &error));
        g_assert_error(error, HERD_PLACES_ERROR, HERD_PLACES_ERROR_URL);
        g_assert_null(strstr(error->message, "pass"));
    }
}

typedef struct {
    HttpClient *client;
    const char *url;
    pthread_barrier_t *asked, *freed;
} Asker;

static void *ask_and_stay(void *pointer)
{
    const Asker *asker = pointer;

    assert_outcome_at(asker->client, asker->url, HTTP_ANSWERED);
    pthread_barrier_wait(asker->asked);
    pthread_barrier_wait(asker->freed);
    return NULL;
}

/* What the threads of a pool have made for a client goes with it, and not with them. */
static void test_free_before_threads(void)
{
    enum { ASKERS = 4 };
    g_autoptr(FakeHttp) fake = fake_http_new();
    HttpClient *client = client_new(PATIENCE_MS);
    g_autofree char *url = fake_http_url(fake, "http");
    pthread_barrier_t asked, freed;
    pthread_t threads[ASKERS];
    Asker asker = {.client = client, .url = url, .asked = &asked, .freed = &freed};

    pthread_barrier_init(&asked, NULL, ASKERS + 1);
    pthread_barrier_init(&freed, NULL, ASKERS + 1);
    fake_http_answer(fake, 200, "", "{}", 2);
    for (int i = 0; i < ASKERS; i++)
        g_assert_cmpint(pthread_create(&threads[i], NULL, ask_and_stay, &asker), ==, 0);
    pthread_barrier_wait(&asked);
    httpclient_free(client);
    pthread_barrier_wait(&freed);
    for (int i = 0; i < ASKERS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&asked);
    pthread_barrier_destroy(&freed);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    signal(SIGPIPE, SIG_IGN); /* httpclient.h */

#define TEST(path, function) g_test_add_func("/places/http/" path, function)
    TEST("answer", test_answer);
    TEST("continued-header", test_continued_header);
    TEST("timeout", test_timeout);
    TEST("no-timeout-is-no-eternity", test_no_timeout_is_no_eternity);
    TEST("closed-in-the-middle", test_closed_in_the_middle);
    TEST("nobody-listens", test_nobody_listens);
    TEST("no-tls", test_no_tls);
    TEST("not-http", test_not_http);
    TEST("other-schemes-are-refused", test_other_schemes);
    TEST("proxy-of-the-environment-is-not-used", test_proxy_of_the_environment_is_not_used);
    TEST("headers-without-end", test_headers_without_end);
    TEST("answer-that-nobody-asked-for", test_answer_that_nobody_asked_for);
    TEST("large-answer", test_large_answer);
    TEST("large-answer-unpacked", test_large_answer_unpacked);
    TEST("describe-tells-them-apart", test_describe);
    TEST("base-url-is-checked", test_url);
    TEST("free-before-its-threads-end", test_free_before_threads);
#undef TEST
    return g_test_run();
}
