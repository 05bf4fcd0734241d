/* SPDX-License-Identifier: MIT */
#include "scripts/variants/libuv/link.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 5000

#define FILL_MAX   ((size_t)64 << 10) /* bytes gathered for one write, give or take a line */
#define UNSENT_MAX (128 << 10)        /* bytes in the kernel that have not left yet */

typedef enum {
    LINK_DOWN,       /* there is no connection; the timer runs */
    LINK_CONNECTING, /* the timer does not run from here on */
    LINK_UP,
    LINK_CLOSING,
    LINK_STOPPED, /* for good */
} LinkState;

struct Link {
    Server *server;
    const Member *neighbour;
    LinkState state;
    bool stopping;
    char *said; /* (owned) (nullable) the reason that the log has for the link being down, since it
                   is */

    uv_tcp_t tcp; /* an open handle in LINK_CONNECTING, LINK_UP and LINK_CLOSING */
    uv_connect_t connect;
    uv_write_t write;
    uv_timer_t retry;
    uint64_t backoff;  /* ms; doubles with each failure */
    uint64_t up_since; /* uv_now() */

    GString *filling;    /* (owned) for the next write */
    GString *sending;    /* (owned) of the write that is under way; empty if there is none */
    GHashTable *pending; /* set of owned Record, found by RecordKey: news that has no room yet */
    GPtrArray *batch;    /* owned Record: those whose turn has come, told from the end */
    unsigned untold;     /* shards of the store that are to be told yet: those below it */
};

static void dial(Link *link);

static void on_retry(uv_timer_t *timer)
{
    dial(timer->data);
}

static void forget(Link *link)
{
    g_string_truncate(link->filling, 0);
    g_string_truncate(link->sending, 0);
    g_hash_table_remove_all(link->pending);
    g_ptr_array_set_size(link->batch, 0);
    link->untold = 0;
}

static void on_retry_closed(uv_handle_t *timer)
{
    ((Link *)timer->data)->state = LINK_STOPPED;
}

static void on_closed(uv_handle_t *tcp)
{
    Link *link = tcp->data;
    /* Half the backoff for sure, the other half by chance, so that a herd that lost one member does
     * not come back to it in step. */
    uint64_t half = link->backoff / 2;
    uint64_t wait = half + (uint64_t)g_random_int_range(0, (gint32)half + 1);

    forget(link);
    link->state = LINK_DOWN;
    if (link->stopping)
        uv_close((uv_handle_t *)&link->retry, on_retry_closed);
    else
        uv_timer_start(&link->retry, on_retry, wait, 0);
    link->backoff = MIN(link->backoff * 2, BACKOFF_MAX_MS);
}

static void go_down(Link *link, const char *reason)
{
    if (link->state == LINK_CLOSING)
        return;
    if (g_strcmp0(link->said, reason) != 0) {
        log_event(link->server->log, LOG_WARNING, "link %s down: %s", link->neighbour->name,
                  reason);
        g_free(link->said);
        link->said = g_strdup(reason);
    }
    if (link->state == LINK_UP && uv_now(&link->server->loop) - link->up_since > BACKOFF_MAX_MS)
        link->backoff = BACKOFF_MIN_MS;
    link->state = LINK_CLOSING;
    uv_close((uv_handle_t *)&link->tcp, on_closed);
}

static bool has_more(const Link *link)
{
    return link->batch->len > 0 || g_hash_table_size(link->pending) > 0 || link->untold > 0;
}

static void tell(Link *link, const Record *record)
{
    Slice line = record_line(record);

    g_string_append_len(link->filling, line.data, (gssize)line.length);
    if (log_wants_messages(link->server->log)) {
        line.length--;
        log_sent(link->server->log, link->neighbour->name, line);
    }
}

/* What is to be told next: all that is pending, and beside it the next part of the store, so that
 * neither waits for the other. */
static void next_batch(Link *link)
{
    GHashTableIter iter;
    void *record;

    g_hash_table_iter_init(&iter, link->pending);
    while (g_hash_table_iter_next(&iter, &record, NULL))
        g_ptr_array_add(link->batch, record);
    g_hash_table_steal_all(link->pending);
    if (link->untold > 0)
        store_collect(link->server->store, --link->untold, UINT64_MAX, link->batch);
}

static void fill(Link *link)
{
    while (link->filling->len < FILL_MAX && has_more(link)) {
        if (link->batch->len == 0)
            next_batch(link);
        while (link->filling->len < FILL_MAX && link->batch->len > 0) {
            const Record *record = link->batch->pdata[link->batch->len - 1];

            /* Whoever has moved meanwhile is told of once, in the turn of the newer record. */
            if (!g_hash_table_contains(link->pending, record))
                tell(link, record);
            g_ptr_array_set_size(link->batch, (int)link->batch->len - 1);
        }
    }
}

static void on_written(uv_write_t *write, int status)
{
    Link *link = write->data;

    g_string_truncate(link->sending, 0);
    if (status < 0 && status != UV_ECANCELED)
        go_down(link, uv_strerror(status));
}

/* What a socket does not take at once is written as it takes it; meanwhile the other buffer fills.
 */
static void write_rest(Link *link, size_t written)
{
    GString *rest = link->filling;
    uv_buf_t buffer = uv_buf_init(rest->str + written, (unsigned)(rest->len - written));

    link->filling = link->sending;
    link->sending = rest;
    link->write.data = link;
    int failed = uv_write(&link->write, (uv_stream_t *)&link->tcp, &buffer, 1, on_written);
    if (failed != 0)
        go_down(link, uv_strerror(failed));
}

void link_flush(Link *link)
{
    uv_buf_t buffer;
    int written = 0;

    if (link->state != LINK_UP || link->sending->len > 0)
        return;
    fill(link);
    if (link->filling->len == 0) {
        if (link->stopping)
            link_close(link);
        return;
    }
    /* If there is more, uv_write()'s callback brings us back, after the loop has looked at all
     * others. */
    if (!has_more(link)) {
        buffer = uv_buf_init(link->filling->str, (unsigned)link->filling->len);
        written = uv_try_write((uv_stream_t *)&link->tcp, &buffer, 1);
    }
    if (written == (int)link->filling->len)
        g_string_truncate(link->filling, 0);
    else if (written >= 0 || written == UV_EAGAIN)
        write_rest(link, written < 0 ? 0 : (size_t)written);
    else
        go_down(link, uv_strerror(written));
}

void link_offer(Link *link, Record *record)
{
    if (link->state != LINK_UP)
        return;
    if (link->filling->len < FILL_MAX && g_hash_table_size(link->pending) == 0) {
        tell(link, record);
        return;
    }
    /* The store has taken it, so it is newer than what is pending of its client. */
    g_hash_table_add(link->pending, record_ref(record));
}

static void on_alloc(uv_handle_t *tcp, size_t suggested G_GNUC_UNUSED, uv_buf_t *buffer)
{
    *buffer = uv_buf_init(((Link *)tcp->data)->server->input, INPUT_SIZE);
}

static void on_read(uv_stream_t *tcp, ssize_t length, const uv_buf_t *buffer G_GNUC_UNUSED)
{
    Link *link = tcp->data;

    if (length == UV_EOF)
        go_down(link, "it has closed the connection");
    else if (length < 0)
        go_down(link, uv_strerror((int)length));
    else if (length > 0) /* PROTOCOL R16: only a hello that is not accepted is answered */
        go_down(link, "it does not take us for a neighbour");
}

static void on_connected(uv_connect_t *connect, int status)
{
    Link *link = connect->data;

    if (status == UV_ECANCELED) /* it is closing */
        return;
    if (status == 0)
        status = uv_read_start((uv_stream_t *)&link->tcp, on_alloc, on_read);
    if (status != 0) {
        go_down(link, uv_strerror(status));
        return;
    }
    g_string_append_printf(link->filling, "MEMBER %s %s\n", link->server->config->self->name,
                           link->neighbour->name);
    link->untold = STORE_SHARDS;
    link->up_since = uv_now(&link->server->loop);
    link->state = LINK_UP;
    link_flush(link);
    if (link->state != LINK_UP)
        return;
    log_event(link->server->log, LOG_INFO, "link %s up", link->neighbour->name);
    g_clear_pointer(&link->said, g_free);
}

/* None of these is worth failing for: without one a dead peer is found out later. */
static void set_options(Link *link)
{
    int timeout_ms = (int)link->server->config->limits.link_timeout_s * 1000;
    int unsent = UNSENT_MAX;
    uv_os_fd_t descriptor;

    uv_tcp_nodelay(&link->tcp, 1);
    uv_tcp_keepalive(&link->tcp, 1, 1);
    if (uv_fileno((uv_handle_t *)&link->tcp, &descriptor) != 0)
        return;
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof timeout_ms);
    /* What the peer does not take yet is better kept here, where news replaces what is old. */
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
}

/* The neighbour knows us by the address that we listen on. */
static int bind_to_own_address(Link *link, const Endpoint *to)
{
    const Endpoint *own = link->server->config->self->listen->pdata[0];
    struct sockaddr_storage address = own->address;

    if (address.ss_family != to->address.ss_family)
        return 0;
    if (address.ss_family == AF_INET)
        ((struct sockaddr_in *)&address)->sin_port = 0;
    else
        ((struct sockaddr_in6 *)&address)->sin6_port = 0;
    return uv_tcp_bind(&link->tcp, (const struct sockaddr *)&address, 0);
}

static void dial(Link *link)
{
    const Endpoint *to = link->neighbour->listen->pdata[0];

    link->state = LINK_CONNECTING;
    int failed = uv_tcp_init_ex(&link->server->loop, &link->tcp, to->address.ss_family);
    if (failed != 0) { /* no descriptor is left; there is a handle all the same */
        uv_tcp_init(&link->server->loop, &link->tcp);
    } else {
        set_options(link);
        failed = bind_to_own_address(link, to);
    }
    link->tcp.data = link;
    link->connect.data = link;
    if (failed == 0)
        failed = uv_tcp_connect(&link->connect, &link->tcp, (const struct sockaddr *)&to->address,
                                on_connected);
    if (failed != 0)
        go_down(link, uv_strerror(failed));
}

Link *link_new(Server *server, const Member *neighbour)
{
    Link *link = g_new0(Link, 1);

    link->server = server;
    link->neighbour = neighbour;
    link->backoff = BACKOFF_MIN_MS;
    link->filling = g_string_new(NULL);
    link->sending = g_string_new(NULL);
    link->pending = g_hash_table_new_full(record_key_hash, record_key_equal,
                                          (GDestroyNotify)record_unref, NULL);
    link->batch = g_ptr_array_new_with_free_func((GDestroyNotify)record_unref);
    uv_timer_init(&server->loop, &link->retry);
    link->retry.data = link;
    dial(link);
    return link;
}

void link_free(void *pointer)
{
    Link *link = pointer;

    g_ptr_array_unref(link->batch);
    g_hash_table_unref(link->pending);
    g_string_free(link->sending, TRUE);
    g_string_free(link->filling, TRUE);
    g_free(link->said);
    g_free(link);
}

void link_poke(Link *link)
{
    link->backoff = BACKOFF_MIN_MS;
    if (link->state == LINK_DOWN && uv_timer_get_due_in(&link->retry) > BACKOFF_MIN_MS)
        uv_timer_start(&link->retry, on_retry, BACKOFF_MIN_MS, 0);
}

void link_close(Link *link)
{
    link->stopping = true;
    if (link->state == LINK_DOWN) {
        if (!uv_is_closing((uv_handle_t *)&link->retry))
            uv_close((uv_handle_t *)&link->retry, on_retry_closed);
    } else if (link->state == LINK_CONNECTING || link->state == LINK_UP) {
        link->state = LINK_CLOSING;
        uv_close((uv_handle_t *)&link->tcp, on_closed);
    }
}

void link_stop(Link *link)
{
    link->stopping = true;
    if (link->state == LINK_UP)
        link_flush(link);
    else
        link_close(link);
}
