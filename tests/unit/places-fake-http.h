/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * An HTTP server for tests, on a port of 127.0.0.1 of its own, served by a thread of its own. It
 * says to every request what the test told it to say, bytes as they are, and remembers what it was
 * asked.
 *
 * A header alone, so that the test that uses it stays one file for the build.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef enum {
    FAKE_HTTP_KEEP,  /* wait for the next request */
    FAKE_HTTP_CLOSE, /* close the connection */
} FakeHttpAfter;

typedef struct FakeHttp FakeHttp;

#define FAKE_CONNECTIONS_MAX 32
#define FAKE_REQUEST_MAX     8192

typedef struct {
    int fd;
    size_t length;
    char request[FAKE_REQUEST_MAX + 1];
} FakeConnection;

struct FakeHttp {
    pthread_t thread;
    int listener; /* read-only after new */
    int stop[2];  /* closing stop[1] ends the thread */
    unsigned port;

    FakeConnection connections[FAKE_CONNECTIONS_MAX]; /* owned by the thread */
    size_t open;                                      /* owned by the thread */

    pthread_mutex_t lock;
    char *answer;              /* (owned) protected by lock */
    size_t answer_length;      /* protected by lock */
    FakeHttpAfter after;       /* protected by lock */
    unsigned connection_count; /* protected by lock */
    unsigned request_count;    /* protected by lock */
    char *last_request;        /* (owned) protected by lock */
};

static void fake_take_connection(FakeHttp *fake)
{
    int fd = accept4(fake->listener, NULL, NULL, SOCK_CLOEXEC);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpuint(fake->open, <, FAKE_CONNECTIONS_MAX);
    fake->connections[fake->open].fd = fd;
    fake->connections[fake->open++].length = 0;
    pthread_mutex_lock(&fake->lock);
    fake->connection_count++;
    pthread_mutex_unlock(&fake->lock);
}

static void fake_drop_connection(FakeHttp *fake, size_t at)
{
    close(fake->connections[at].fd);
    fake->connections[at] = fake->connections[--fake->open];
}

/* FALSE: the peer has gone, which some tests want it to. */
static bool fake_send_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        bytes += sent;
        length -= (size_t)sent;
    }
    return true;
}

/* FALSE: the connection is done. */
static bool fake_answer_request(FakeHttp *fake, FakeConnection *connection)
{
    pthread_mutex_lock(&fake->lock);
    fake->request_count++;
    g_free(fake->last_request);
    fake->last_request = g_strndup(connection->request, connection->length);
    /* A copy: the count of references of a GBytes is not seen by ThreadSanitizer. */
    g_autofree char *answer = g_memdup2(fake->answer, fake->answer_length);
    size_t length = fake->answer_length;
    FakeHttpAfter after = fake->after;
    pthread_mutex_unlock(&fake->lock);

    connection->length = 0;
    return fake_send_all(connection->fd, answer, length) && after == FAKE_HTTP_KEEP;
}

/* Whether the request has all come: its head, to an empty line, and the body that goes with it.
 * What is no HTTP (a TLS client) is answered at once. */
static bool fake_request_is_whole(const FakeConnection *connection)
{
    static const char length_field[] = "\r\nContent-Length: ";
    const char *request = connection->request;
    const char *end = strstr(request, "\r\n\r\n");
    const char *length = strstr(request, length_field);

    if (!g_str_has_prefix(request, "GET ") && !g_str_has_prefix(request, "POST "))
        return true;
    if (end == NULL)
        return false;
    guint64 body = length == NULL ? 0 : g_ascii_strtoull(length + strlen(length_field), NULL, 10);
    return connection->length >= (size_t)(end + 4 - request) + body;
}

/* FALSE: the connection is done. */
static bool fake_read_request(FakeHttp *fake, FakeConnection *connection)
{
    ssize_t got = recv(connection->fd, connection->request + connection->length,
                       FAKE_REQUEST_MAX - connection->length, 0);

    if (got <= 0)
        return false;
    connection->length += (size_t)got;
    connection->request[connection->length] = '\0';
    if (!fake_request_is_whole(connection))
        return connection->length < FAKE_REQUEST_MAX;
    return fake_answer_request(fake, connection);
}

static void *fake_serve(void *data)
{
    FakeHttp *fake = data;

    for (;;) {
        struct pollfd polled[2 + FAKE_CONNECTIONS_MAX] = {{.fd = fake->stop[0], .events = POLLIN},
                                                          {.fd = fake->listener, .events = POLLIN}};
        for (size_t i = 0; i < fake->open; i++)
            polled[2 + i] = (struct pollfd){.fd = fake->connections[i].fd, .events = POLLIN};

        if (poll(polled, 2 + fake->open, -1) < 0) {
            g_assert_cmpint(errno, ==, EINTR);
            continue;
        }
        if (polled[0].revents != 0)
            break;
        /* From the last, since the last takes the place of one that is dropped. */
        for (size_t i = fake->open; i-- > 0;)
            if (polled[2 + i].revents != 0 && !fake_read_request(fake, &fake->connections[i]))
                fake_drop_connection(fake, i);
        if (polled[1].revents != 0)
            fake_take_connection(fake);
    }
    while (fake->open > 0)
        fake_drop_connection(fake, fake->open - 1);
    return NULL;
}

static FakeHttp *fake_http_new(void)
{
    FakeHttp *fake = g_new0(FakeHttp, 1);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;

    fake->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(fake->listener, >=, 0);
    g_assert_cmpint(bind(fake->listener, (struct sockaddr *)&address, length), ==, 0);
    g_assert_cmpint(listen(fake->listener, FAKE_CONNECTIONS_MAX), ==, 0);
    g_assert_cmpint(getsockname(fake->listener, (struct sockaddr *)&address, &length), ==, 0);
    fake->port = ntohs(address.sin_port);
    g_assert_cmpint(pipe(fake->stop), ==, 0);
    pthread_mutex_init(&fake->lock, NULL);
    g_assert_cmpint(pthread_create(&fake->thread, NULL, fake_serve, fake), ==, 0);
    return fake;
}

static void fake_http_free(FakeHttp *fake)
{
    if (fake == NULL)
        return;
    close(fake->stop[1]);
    pthread_join(fake->thread, NULL);
    close(fake->stop[0]);
    close(fake->listener);
    pthread_mutex_destroy(&fake->lock);
    g_free(fake->answer);
    g_free(fake->last_request);
    g_free(fake);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(FakeHttp, fake_http_free)

/* scheme://127.0.0.1:port. (transfer full) */
static char *fake_http_url(const FakeHttp *fake, const char *scheme)
{
    return g_strdup_printf("%s://127.0.0.1:%u", scheme, fake->port);
}

/* What is said from now on, a copy; nothing at all with @length 0. */
static void fake_http_say(FakeHttp *fake, const char *bytes, size_t length, FakeHttpAfter after)
{
    pthread_mutex_lock(&fake->lock);
    g_free(fake->answer);
    fake->answer = g_memdup2(bytes, length);
    fake->answer_length = length;
    fake->after = after;
    pthread_mutex_unlock(&fake->lock);
}

/* The same with a status line and the headers that go with @body. @headers: more of them, each with
 * CR LF, or
 * "". */
static void fake_http_answer(FakeHttp *fake, unsigned status, const char *headers, const char *body,
                             size_t length)
{
    g_autoptr(GString) answer = g_string_new(NULL);

    g_string_append_printf(answer,
                           "HTTP/1.1 %u Something\r\nContent-Type: application/json\r\n"
                           "Content-Length: %zu\r\n%s\r\n",
                           status, length, headers);
    g_string_append_len(answer, body, (gssize)length);
    fake_http_say(fake, answer->str, answer->len, FAKE_HTTP_KEEP);
}

static unsigned fake_http_connections(FakeHttp *fake)
{
    pthread_mutex_lock(&fake->lock);
    unsigned count = fake->connection_count;
    pthread_mutex_unlock(&fake->lock);
    return count;
}

static unsigned fake_http_requests(FakeHttp *fake)
{
    pthread_mutex_lock(&fake->lock);
    unsigned count = fake->request_count;
    pthread_mutex_unlock(&fake->lock);
    return count;
}

/* The last request with its headers. (transfer full) */
static char *fake_http_last_request(FakeHttp *fake)
{
    pthread_mutex_lock(&fake->lock);
    char *request = g_strdup(fake->last_request == NULL ? "" : fake->last_request);
    pthread_mutex_unlock(&fake->lock);
    return request;
}
