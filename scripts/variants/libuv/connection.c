/* SPDX-License-Identifier: MIT */
#include "scripts/variants/libuv/connection.h"

#include "scripts/variants/libuv/lookups.h"
#include "scripts/variants/libuv/session.h"

#include <sys/socket.h>

/* Replies gathered before they are sent, give or take one. */
#define OUTPUT_HIGH ((size_t)32 << 10)

/* A line on a link: an AT of the longest IAMAT that any member may accept, and its own fields. */
#define LINK_LINE_MAX ((size_t)32768 + 256)

/* Bytes that are read at once. More would save next to no calls, and others would wait longer for
 * their turn. */
#define READ_MAX ((size_t)16 << 10)
G_STATIC_ASSERT(LINK_LINE_MAX + READ_MAX <= INPUT_SIZE);

#define LINGER_MS 2000 /* for a peer to take what it was sent last */
#define SWEEP_MS  500

/* What a socket did not take at once. */
typedef struct {
    uv_write_t write;
    char bytes[];
} Rest;

static void run(Connection *connection, const char *data, size_t length);

static uv_stream_t *stream_of(Connection *connection)
{
    return (uv_stream_t *)&connection->tcp;
}

static bool is_closing(const Connection *connection)
{
    return uv_is_closing((const uv_handle_t *)&connection->tcp);
}

static bool is_writing(Connection *connection)
{
    return uv_stream_get_write_queue_size(stream_of(connection)) > 0;
}

/* Whether nothing more may be executed now. */
static bool waits(Connection *connection)
{
    return connection->lookup != NULL || is_writing(connection);
}

static void on_closed(uv_handle_t *tcp)
{
    Connection *connection = tcp->data;
    Server *server = connection->server;

    g_queue_unlink(&server->connections, &connection->position);
    g_free(connection->input);
    g_free(connection);
    server_connection_closed(server);
}

void connection_close(Connection *connection, const char *reason)
{
    Server *server = connection->server;

    if (is_closing(connection))
        return;
    log_event(server->log, LOG_INFO, "close %s %s", session_peer(connection), reason);
    if (connection->lookup != NULL)
        lookups_abandon(g_steal_pointer(&connection->lookup));
    uv_close((uv_handle_t *)&connection->tcp, on_closed);
}

static void keep_input(Connection *connection, const char *data, size_t length)
{
    char *old = connection->input; /* @data may lie in it */

    connection->input = g_memdup2(data, length);
    connection->input_length = length;
    g_free(old);
}

static void resume(Connection *connection)
{
    run(connection, connection->input, connection->input_length);
}

static void on_written(uv_write_t *write, int status)
{
    Connection *connection = write->handle->data;

    g_free(write->data);
    if (is_closing(connection))
        return;
    if (status < 0)
        connection_close(connection, uv_strerror(status));
    else if (!waits(connection))
        resume(connection);
}

/* Copies what the socket did not take at once; it is written as the socket takes it. Returns 0 or
 * what failed. */
static int write_rest(Connection *connection, const char *bytes, size_t length)
{
    Rest *rest = g_malloc(sizeof *rest + length);
    uv_buf_t buffer = uv_buf_init(rest->bytes, (unsigned)length);

    memcpy(rest->bytes, bytes, length);
    rest->write.data = rest;
    int failed = uv_write(&rest->write, stream_of(connection), &buffer, 1, on_written);
    if (failed != 0)
        g_free(rest);
    return failed;
}

/* Sends what is gathered. */
static void send_output(Connection *connection)
{
    GString *output = connection->server->output;
    uv_buf_t buffer = uv_buf_init(output->str, (unsigned)output->len);
    int outcome = 0; /* bytes, or what failed */

    if (output->len > 0 && !is_closing(connection)) {
        outcome = uv_try_write(stream_of(connection), &buffer, 1);
        if (outcome == UV_EAGAIN)
            outcome = 0;
        if (outcome >= 0 && (size_t)outcome < output->len)
            outcome = write_rest(connection, output->str + outcome, output->len - (size_t)outcome);
    }
    g_string_truncate(output, 0); /* before others may use it */
    if (outcome < 0)
        connection_close(connection, uv_strerror(outcome));
}

/* The next line of what is left, without its LF or CR LF (PROTOCOL R1, R16). @ret_size: the bytes
 * that it takes. FALSE: there is no complete one. */
static bool next_line(const Connection *connection, Slice left, Slice *ret_line, size_t *ret_size)
{
    const char *end = left.length > 0 ? memchr(left.data, '\n', left.length) : NULL;

    *ret_line = left;
    *ret_size = left.length;
    if (end == NULL)
        /* PROTOCOL R1: what ends with a client's connection is a line too. What a neighbour left
         * unfinished, or we did, is not: half a time is another time. */
        return left.length > 0 && connection->end_of_input && !connection->truncated &&
               connection->neighbour == CONNECTION_CLIENT;
    ret_line->length = (size_t)(end - left.data);
    *ret_size = ret_line->length + 1;
    if (ret_line->length > 0 && end[-1] == '\r')
        ret_line->length--;
    return true;
}

/* Executes the lines of @left until one has to wait; returns how many bytes are done. */
static size_t execute_lines(Connection *connection, Slice left)
{
    const LimitOptions *limits = &connection->server->config->limits;
    size_t whole = left.length;

    while (!waits(connection) && !is_closing(connection)) {
        bool client = connection->neighbour == CONNECTION_CLIENT;
        size_t line_max = client ? limits->max_line : LINK_LINE_MAX;
        Slice line;
        size_t size;
        bool complete = next_line(connection, left, &line, &size);

        if (size > line_max || (!complete && size == line_max)) {
            session_too_long(connection, line);
            connection->too_long = true;
            return whole;
        }
        if (!complete)
            break;
        session_execute(connection, line);
        left.data += size;
        left.length -= size;
        if (connection->server->output->len >= OUTPUT_HIGH)
            send_output(connection);
    }
    return whole - left.length;
}

static void on_sweep(uv_timer_t *timer)
{
    Server *server = timer->data;
    bool more = false;

    for (GList *at = server->connections.head; at != NULL; at = at->next) {
        Connection *connection = at->data;

        if (connection->expires == 0)
            continue;
        more = true;
        if (uv_now(timer->loop) >= connection->expires)
            connection_close(connection, "does not end");
    }
    if (!more)
        uv_timer_stop(timer);
}

static void on_shutdown(uv_shutdown_t *shutdown, int status G_GNUC_UNUSED)
{
    g_free(shutdown); /* a peer that has gone is noticed by reading */
}

/* The connection's last bytes are sent. What the peer still says is thrown away until it ends too:
 * to close with input unread would reset the connection, and the peer could lose the end of our
 * reply. */
static void linger(Connection *connection)
{
    Server *server = connection->server;
    uv_shutdown_t *shutdown = g_new(uv_shutdown_t, 1);

    connection->lingering = true;
    connection->expires = uv_now(&server->loop) + LINGER_MS;
    if (uv_shutdown(shutdown, stream_of(connection), on_shutdown) != 0)
        g_free(shutdown);
    if (!uv_is_active((uv_handle_t *)&server->sweep))
        uv_timer_start(&server->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
}

static void on_alloc(uv_handle_t *tcp, size_t suggested G_GNUC_UNUSED, uv_buf_t *buffer)
{
    Connection *connection = tcp->data;
    char *input = connection->server->input;
    size_t kept = connection->input_length;

    /* No room: on_read() gets UV_ENOBUFS. That is for one that has to wait, and for one that sends
     * without end: libuv would read from it 32 times before others have their turn. */
    if (waits(connection) || connection->had_turn) {
        connection->had_turn = false;
        *buffer = uv_buf_init(NULL, 0);
        return;
    }
    if (kept > 0)
        memcpy(input, connection->input, kept);
    *buffer = uv_buf_init(input + kept, READ_MAX);
}

static void on_read(uv_stream_t *tcp, ssize_t length, const uv_buf_t *buffer)
{
    Connection *connection = tcp->data;

    if (length == UV_ENOBUFS && waits(connection)) {
        /* Only now, since most peers say nothing before they have their reply. */
        connection->paused = true;
        uv_read_stop(tcp);
    }
    if (length == 0 || length == UV_ENOBUFS)
        return;
    if (length < 0 && (length != UV_EOF || connection->lingering)) {
        connection_close(connection, length == UV_EOF ? "ended" : uv_strerror((int)length));
        return;
    }
    connection->had_turn = length == (ssize_t)buffer->len;
    if (connection->lingering)
        return;
    connection->received = timestamp_now();
    if (length == UV_EOF) {
        connection->end_of_input = true;
        resume(connection);
        return;
    }
    run(connection, connection->server->input, connection->input_length + (size_t)length);
}

static void start_reading(Connection *connection)
{
    if (!connection->paused)
        return;
    connection->paused = false;
    if (uv_read_start(stream_of(connection), on_alloc, on_read) != 0)
        connection_close(connection, "cannot be read from");
}

/* Executes what can be of @data, which lies in connection->input or in the loop's buffer behind it,
 * and keeps the rest. */
static void run(Connection *connection, const char *data, size_t length)
{
    size_t done = 0;

    if (!connection->too_long)
        done = execute_lines(connection, (Slice){.data = data, .length = length});
    if (done < length || connection->input != NULL)
        keep_input(connection, data + done, length - done);
    send_output(connection);
    if (is_closing(connection) || waits(connection))
        return;
    if (connection->end_of_input)
        connection_close(connection, "ended");
    else if (connection->too_long)
        linger(connection);
    if (!is_closing(connection))
        start_reading(connection);
}

void connection_resume(Connection *connection, const Record *record, Slice json)
{
    connection->lookup = NULL;
    session_places(connection, record, json);
    if (is_writing(connection)) /* then on_written() goes on */
        send_output(connection);
    else
        resume(connection);
}

void connection_end_input(Connection *connection)
{
    uv_os_fd_t descriptor;

    connection->truncated = true;
    if (uv_fileno((uv_handle_t *)&connection->tcp, &descriptor) == 0)
        shutdown(descriptor, SHUT_RD); /* it fails when the peer has gone: the same to us */
}

static void name_peer(Connection *connection)
{
    struct sockaddr_storage address = {0};
    int length = sizeof address;

    uv_tcp_getpeername(&connection->tcp, (struct sockaddr *)&address, &length);
    endpoint_format(&address, connection->peer);
    log_event(connection->server->log, LOG_INFO, "open %s", connection->peer);
}

void connection_accept(Server *server, uv_stream_t *listener)
{
    Connection *connection = g_new0(Connection, 1);

    connection->server = server;
    connection->neighbour = CONNECTION_CLIENT;
    connection->paused = true;
    connection->tcp.data = connection;
    uv_tcp_init(&server->loop, &connection->tcp);
    connection->position.data = connection;
    g_queue_push_tail_link(&server->connections, &connection->position);
    int failed = uv_accept(listener, stream_of(connection));
    if (failed == 0)
        name_peer(connection);
    if (failed != 0)
        connection_close(connection, uv_strerror(failed));
    else if (server->stopping ||
             server->connections.length > server->config->limits.max_connections)
        connection_close(connection, "one too many");
    else
        start_reading(connection);
}
