/* SPDX-License-Identifier: MIT */
#include "net/link.h"

#include "core/counters.h"
#include "core/incarnation.h"
#include "core/message.h"
#include "core/thread.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#define OUTPUT_SIZE  ((size_t)256 << 10) /* bytes on their way into the socket */
#define SEND_ROUNDS  4    /* of OUTPUT_SIZE, before the other links have their turn */
#define GREETING_MAX 256  /* bytes of the answer to our hello, LF included */
#define GREETING_MS  5000 /* to connect and be answered */
#define SILENCE_MS                                                                 \
    5000 /* that the kernel waits for acknowledgements before it gives the link up \
          */
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 5000

typedef enum {
    LINK_WAITING,    /* no socket; tries again at `due` */
    LINK_CONNECTING, /* until `due` */
    LINK_GREETING,   /* our hello is sent, not answered; until `due` */
    LINK_UP,
} LinkState;

struct Link {
    const Config *config;
    const char *name;         /* of the neighbour; config's */
    const Endpoint *endpoint; /* of the neighbour; config's */
    Store *store;
    Log *log;
    int epoll;

    LinkState state;
    int descriptor;  /* (owned) -1 in LINK_WAITING */
    uint32_t events; /* that epoll watches for */
    int64_t due;     /* monotonic_ms() */
    int64_t backoff; /* ms; doubles with each failure */
    char *said_down; /* (owned) (nullable) the reason that the log has: once, not once a retry */
    int64_t incarnation; /* of the neighbour, while up */
    GRand *random;       /* (owned) for the jitter */

    char *output; /* (owned) OUTPUT_SIZE bytes */
    size_t begin; /* of what is not sent yet */
    size_t end;
    char greeting[GREETING_MAX];
    size_t greeted; /* bytes of greeting */

    GHashTable
        *pending; /* set of owned Record, found by RecordKey: to be sent when there is room */
    unsigned
        next_shard; /* of the store, which is sent when the link comes up; store_shards(): all is */
    GPtrArray *collected;   /* owned Record, taken from either and sent from the end */
    unsigned pending_taken; /* how many collected had from pending when it was last filled; 0: from
                               the store */
};

Link *link_new(const Config *config, const char *name, Store *store, Log *log, int epoll)
{
    Link *link = g_new0(Link, 1);

    link->config = config;
    link->name = name;
    link->endpoint = config_member(config, name)->listen->pdata[0];
    link->store = store;
    link->log = log;
    link->epoll = epoll;
    link->state = LINK_WAITING;
    link->descriptor = -1;
    link->backoff = BACKOFF_MIN_MS;
    link->next_shard = store_shards(store);
    link->random = g_rand_new();
    link->output = g_malloc(OUTPUT_SIZE);
    link->pending = g_hash_table_new_full(record_key_hash, record_key_equal,
                                          (GDestroyNotify)record_unref, NULL);
    link->collected = g_ptr_array_new_with_free_func((GDestroyNotify)record_unref);
    return link;
}

void link_free(void *pointer)
{
    Link *link = pointer;

    if (link->descriptor >= 0)
        close(link->descriptor);
    g_hash_table_unref(link->pending);
    g_ptr_array_unref(link->collected);
    g_rand_free(link->random);
    g_free(link->said_down);
    g_free(link->output);
    g_free(link);
}

/* Half the backoff for sure, the other half by chance, so that a herd that lost one member does not
 * come back in step. */
static void wait_before_retry(Link *link)
{
    int half = (int)(link->backoff / 2);

    link->state = LINK_WAITING;
    link->due = monotonic_ms() + half + g_rand_int_range(link->random, 0, half + 1);
    link->backoff = MIN(link->backoff * 2, BACKOFF_MAX_MS);
}

/* What was to be sent is forgotten: when the link comes up again the whole store is. */
static void take_down(Link *link, const char *reason)
{
    if (link->state == LINK_UP || g_strcmp0(link->said_down, reason) != 0)
        log_event(link->log, LOG_WARNING, "link %s down: %s", link->name, reason);
    g_free(link->said_down);
    link->said_down = g_strdup(reason);
    if (link->descriptor >= 0)
        close(link->descriptor);
    link->descriptor = -1;
    link->begin = link->end = link->greeted = 0;
    g_hash_table_remove_all(link->pending);
    g_ptr_array_set_size(link->collected, 0);
    link->next_shard = store_shards(link->store);
    wait_before_retry(link);
}

static void watch(Link *link, uint32_t events, int operation)
{
    struct epoll_event event = {.events = events, .data.ptr = link};

    if (operation == EPOLL_CTL_MOD && link->events == events)
        return;
    int failed = epoll_ctl(link->epoll, operation, link->descriptor, &event);
    g_assert(failed == 0 || operation == EPOLL_CTL_ADD);
    link->events = events;
    if (failed != 0)
        take_down(link, g_strerror(errno));
}

static void set_option(Link *link, int level, int option, int value)
{
    /* A link without one of these works all the same, only finds a dead neighbour later. */
    (void)setsockopt(link->descriptor, level, option, &value, sizeof value);
}

/* From our own address, since that is how the neighbour knows us (find_neighbour() in session.c).
 */
static bool bind_own_address(Link *link)
{
    const Endpoint *own = link->config->self->listen->pdata[0];
    struct sockaddr_storage address = own->address;

    if (address.ss_family != link->endpoint->address.ss_family)
        return true;
    if (address.ss_family == AF_INET)
        ((struct sockaddr_in *)&address)->sin_port = 0;
    else
        ((struct sockaddr_in6 *)&address)->sin6_port = 0;
    set_option(link, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    return bind(link->descriptor, (struct sockaddr *)&address, own->length) == 0;
}

static void begin_connecting(Link *link)
{
    const Endpoint *to = link->endpoint;

    link->due = monotonic_ms() + GREETING_MS;
    link->descriptor =
        socket(to->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (link->descriptor < 0 || !bind_own_address(link)) {
        take_down(link, g_strerror(errno));
        return;
    }
    set_option(link, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(link, IPPROTO_TCP, TCP_USER_TIMEOUT, SILENCE_MS);
    set_option(link, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(link, IPPROTO_TCP, TCP_KEEPIDLE, 1);
    set_option(link, IPPROTO_TCP, TCP_KEEPINTVL, 1);
    if (connect(link->descriptor, (const struct sockaddr *)&to->address, to->length) != 0 &&
        errno != EINPROGRESS) {
        take_down(link, g_strerror(errno));
        return;
    }
    link->state = LINK_CONNECTING;
    watch(link, EPOLLOUT, EPOLL_CTL_ADD);
}

static void greet(Link *link)
{
    int problem = 0;
    socklen_t length = sizeof problem;

    if (getsockopt(link->descriptor, SOL_SOCKET, SO_ERROR, &problem, &length) != 0)
        problem = errno;
    if (problem != 0) {
        take_down(link, g_strerror(problem));
        return;
    }

    g_autofree char *hello =
        message_format_hello(link->config->self->name, link->name, incarnation());
    link->end = strlen(hello);
    memcpy(link->output, hello, link->end);
    link->state = LINK_GREETING;
    watch(link, EPOLLIN, EPOLL_CTL_MOD);
}

static void come_up(Link *link)
{
    log_event(link->log, LOG_INFO, "link %s up", link->name);
    counters_add(COUNT_LINKS_UP, 1);
    link->state = LINK_UP;
    g_clear_pointer(&link->said_down, g_free);
    link->backoff = BACKOFF_MIN_MS;
    link->next_shard = 0; /* PROTOCOL R23: the neighbour gets all that we have */
}

/* Reads the answer to our hello, which has to be the neighbour's hello to us. */
static void read_greeting(Link *link)
{
    ssize_t n =
        recv(link->descriptor, link->greeting + link->greeted, GREETING_MAX - link->greeted, 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        take_down(link,
                  n == 0 ? "the neighbour closed before it answered our hello" : g_strerror(errno));
        return;
    }
    link->greeted += (size_t)n;

    const char *end = memchr(link->greeting, '\n', link->greeted);
    if (end == NULL) {
        if (link->greeted == GREETING_MAX)
            take_down(link, "the answer to our hello is no line");
        return;
    }

    Slice line = {.data = link->greeting, .length = (size_t)(end - link->greeting)};
    Message message = message_parse(line);
    const char *self = link->config->self->name;
    if (message.kind == MESSAGE_HELLO && slice_equal(message.hello.from, slice_of(link->name)) &&
        slice_equal(message.hello.to, slice_of(self))) {
        link->incarnation = message.hello.incarnation;
        come_up(link);
        return;
    }
    take_down(link, line.length > 0 && line.data[0] == '?'
                        ? "the neighbour does not accept our hello: is the herd's file the same on "
                          "both sides?"
                        : "what answers at the neighbour's address is not that neighbour");
}

/* A neighbour says nothing on a link that we opened once it has answered: this is its end, or to be
 * ignored. */
static void read_end(Link *link)
{
    char ignored[512];
    ssize_t n = recv(link->descriptor, ignored, sizeof ignored, 0);

    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
        return;
    take_down(link, n == 0 ? "closed by the neighbour" : g_strerror(errno));
}

void link_ready(Link *link, uint32_t events)
{
    switch (link->state) {
    case LINK_WAITING:
        return;
    case LINK_CONNECTING:
        greet(link);
        return;
    case LINK_GREETING:
        if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
            read_greeting(link);
        return;
    case LINK_UP:
        if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
            read_end(link);
        return; /* EPOLLOUT: link_send() follows in any case */
    }
}

/* FALSE: there is no room for it now. */
static bool append_record(Link *link, const Record *record)
{
    Slice line = record_line(record);

    if (link->begin == link->end)
        link->begin = link->end = 0;
    if (line.length > OUTPUT_SIZE - link->end)
        return false;
    memcpy(link->output + link->end, line.data, line.length);
    link->end += line.length;
    counters_add(COUNT_UPDATES_SENT, 1);
    if (log_wants_messages(link->log)) {
        line.length--;
        log_sent(link->log, link->name, line);
    }
    return true;
}

void link_offer(Link *link, Record *record)
{
    if (link->state != LINK_UP)
        return;
    if (g_hash_table_size(link->pending) == 0 && append_record(link, record))
        return;

    Record *older = g_hash_table_lookup(link->pending, record);
    if (older != NULL) {
        counters_add(COUNT_UPDATES_CONFLATED, 1);
        if (record_compare(record, older) <= 0)
            return;
    }
    g_hash_table_add(link->pending, record_ref(record));
}

/*
 * Fills `collected` anew, in turn with all that is pending and with about as much of the store that
 * is still to be sent since the link came up, so that neither waits for the other, and no client of
 * the one for those before it. FALSE: there is nothing more.
 */
static bool collect(Link *link)
{
    bool shards_left = link->next_shard < store_shards(link->store);
    bool pending = g_hash_table_size(link->pending) > 0;

    if (pending && (!shards_left || link->pending_taken == 0)) {
        GHashTableIter iter;
        void *record;

        g_hash_table_iter_init(&iter, link->pending);
        while (g_hash_table_iter_next(&iter, &record, NULL))
            g_ptr_array_add(link->collected, record);
        g_hash_table_steal_all(link->pending);
        link->pending_taken = link->collected->len;
        return true;
    }
    while (link->next_shard < store_shards(link->store) &&
           (link->collected->len == 0 || link->collected->len < link->pending_taken))
        store_collect(link->store, link->next_shard++, link->collected);
    link->pending_taken = 0;
    return shards_left;
}

/* Fills the output with what waits for room in it. */
static void append_waiting(Link *link)
{
    for (;;) {
        if (link->collected->len == 0) {
            if (!collect(link))
                return;
            continue;
        }

        /* A client that has moved meanwhile is told about once. */
        const Record *record = link->collected->pdata[link->collected->len - 1];
        const Record *moved = g_hash_table_lookup(link->pending, record);
        bool newer = moved != NULL && record_compare(moved, record) > 0;
        if (!append_record(link, newer ? moved : record))
            return;
        if (moved != NULL) {
            counters_add(COUNT_UPDATES_CONFLATED, 1);
            g_hash_table_remove(link->pending, moved);
        }
        g_ptr_array_set_size(link->collected, (int)link->collected->len - 1);
    }
}

static bool has_unsent(const Link *link)
{
    return link->begin < link->end || g_hash_table_size(link->pending) > 0 ||
           link->collected->len > 0 || link->next_shard < store_shards(link->store);
}

void link_send(Link *link)
{
    if (link->state != LINK_UP && link->state != LINK_GREETING)
        return;
    /* A neighbour that takes a whole store as fast as it is read must not keep the others waiting.
     */
    for (int round = 0; round < SEND_ROUNDS; round++) {
        if (link->state == LINK_UP && link->begin == link->end)
            append_waiting(link);
        if (link->begin == link->end)
            break;

        ssize_t n = send(link->descriptor, link->output + link->begin, link->end - link->begin,
                         MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0) {
            take_down(link, g_strerror(errno));
            return;
        }
        link->begin += (size_t)n;
    }
    watch(link, has_unsent(link) ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
}

int64_t link_tick(Link *link, int64_t now_ms)
{
    if (link->state == LINK_WAITING && now_ms >= link->due)
        begin_connecting(link);
    else if ((link->state == LINK_CONNECTING || link->state == LINK_GREETING) &&
             now_ms >= link->due)
        take_down(link, link->state == LINK_CONNECTING ? "connecting takes too long"
                                                       : "our hello is not answered");
    return link->state == LINK_UP ? INT64_MAX : link->due;
}

void link_poke(Link *link)
{
    if (link->state != LINK_WAITING)
        return;
    link->backoff = BACKOFF_MIN_MS;
    link->due = 0;
}

int64_t link_incarnation(const Link *link)
{
    return link->incarnation;
}

bool link_idle(const Link *link)
{
    return link->state != LINK_UP || !has_unsent(link);
}
