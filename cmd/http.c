/* SPDX-License-Identifier: MIT */
#include "cmd/http.h"

#include "core/endpoint.h"
#include "net/listeners.h"

#include <errno.h>
#include <microhttpd.h>
#include <string.h>

#define TEXT "text/plain; charset=utf-8"

struct Http {
    struct MHD_Daemon *daemon; /* (owned) read-only after new */
    const HttpPage *pages;     /* read-only after new */
    const void *self;          /* read-only after new */
};

GQuark herd_http_error_quark(void)
{
    return g_quark_from_static_string("herd-http-error-quark");
}

static const HttpPage *find_page(const HttpPage *pages, const char *path)
{
    for (; pages->path != NULL; pages++)
        if (strcmp(pages->path, path) == 0)
            return pages;
    return NULL;
}

static unsigned write_not_found(const HttpPage *pages, GString *body)
{
    g_string_append(body, "There is no such page. There are:\n");
    for (; pages->path != NULL; pages++)
        g_string_append_printf(body, "%s\n", pages->path);
    return MHD_HTTP_NOT_FOUND;
}

/* Takes @body. */
static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type,
                              GString *body)
{
    size_t length = body->len;
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback(
        length, g_string_free(body, FALSE), g_free);

    if (response == NULL)
        return MHD_NO; /* closes the connection */
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    enum MHD_Result queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
}

/* An MHD_AccessHandlerCallback. It answers when it has the head of a request; a body, if somebody
 * sends one, is not read. So the connection is closed after each answer, and leaves its place to
 * others. */
static enum MHD_Result handle(void *user, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version G_GNUC_UNUSED,
                              const char *upload G_GNUC_UNUSED, size_t *upload_size G_GNUC_UNUSED,
                              void **state G_GNUC_UNUSED)
{
    const Http *http = user;
    const HttpPage *page = find_page(http->pages, url);
    GString *body = g_string_new(NULL);

    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        g_string_append(body, "Only GET and HEAD are understood here.\n");
        return answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED, TEXT, body);
    }
    if (page == NULL) {
        unsigned status = write_not_found(http->pages, body);

        return answer(connection, status, TEXT, body);
    }
    unsigned status = page->write(http->self, body);
    return answer(connection, status, page->type, body);
}

/* The descriptor of a socket that listens on @listen, or -1 with @error set. */
static int open_listener(const char *listen, GError **error)
{
    g_autofree char *why = NULL;
    Endpoint *endpoint = endpoint_parse(listen, &why);
    int descriptor = endpoint != NULL ? listener_socket(endpoint) : -1;

    if (descriptor < 0)
        g_set_error(error, HERD_HTTP_ERROR, HERD_HTTP_ERROR_LISTEN,
                    "cannot listen on %s for HTTP: %s", listen,
                    endpoint != NULL ? g_strerror(errno) : why);
    endpoint_free(endpoint);
    return descriptor;
}

Http *http_new(const char *listen, const HttpPage *pages, const void *self, GError **error)
{
    int descriptor = open_listener(listen, error);

    if (descriptor < 0)
        return NULL;

    Http *http = g_new0(Http, 1);
    http->pages = pages;
    http->self = self;
    http->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL,
                                    handle, http, MHD_OPTION_LISTEN_SOCKET, descriptor,
                                    MHD_OPTION_CONNECTION_LIMIT, HTTP_CONNECTIONS_MAX,
                                    MHD_OPTION_CONNECTION_TIMEOUT, HTTP_TIMEOUT_S, MHD_OPTION_END);
    if (http->daemon == NULL) {
        /* The socket may be closed by now or not: whoever gets this ends. */
        g_set_error(error, HERD_HTTP_ERROR, HERD_HTTP_ERROR_START, "cannot start HTTP on %s: %s",
                    listen, g_strerror(errno));
        g_free(http);
        return NULL;
    }
    return http;
}

void http_free(Http *http)
{
    if (http == NULL)
        return;
    MHD_stop_daemon(http->daemon); /* closes the listening socket too */
    g_free(http);
}
