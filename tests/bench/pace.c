/* SPDX-License-Identifier: MIT */

/*
 * IAMATs at a fixed rate, each sent when it is due whether or not earlier ones are answered, and
 * how long the replies take from the moment when each was due.
 *
 *     pace PORT RATE SECONDS CLIENTS [LISTEN NAME OF]
 *
 * PORT       the member's, over CONNECTIONS connections of which each has its turn
 * RATE       a second
 * CLIENTS    phone-0000000.example and so on, each of which has its turn
 * LISTEN     as well, be the member NAME on this port, a neighbour of member OF: how long updates
 * take until they arrive here
 *
 * Prints one line: requests, then p50, p99, p99.9 and most in microseconds; and a second one for
 * the updates that have arrived.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS 8
#define EVENTS_MAX  16
#define BUFFER_SIZE 65536
#define PATIENCE_S  10 /* for the last replies and updates */
#define SHARDS      1024
#define LEAVES      64

typedef enum { REPLIES, UPDATES, LISTENER } Kind;

typedef struct {
    int descriptor;
    Kind kind;
    size_t length; /* of bytes: the beginning of a line */
    char bytes[BUFFER_SIZE];
} Peer;

typedef struct {
    int64_t *taken; /* nanoseconds from when it was due, a request; 0: not yet */
    uint64_t count;
} Delays;

static int64_t begin;     /* nanoseconds */
static uint64_t interval; /* nanoseconds */
static uint64_t requests;
static int64_t first_time; /* that request 0 carries; the next is a second later */
static Delays replies, updates;
static const char *self, *of;
static bool greeted; /* the member whose neighbour we are has said hello */

static void fail(const char *what)
{
    fprintf(stderr, "pace: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t due(uint64_t request)
{
    return begin + (int64_t)(request * interval);
}

static void say(int descriptor, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t n = send(descriptor, text, length, MSG_NOSIGNAL);

        if (n < 0)
            fail("send");
        text += n;
        length -= (size_t)n;
    }
}

/* An AT line, whose last field tells which request it is of. */
static void take_at(Delays *delays, const char *line, size_t length)
{
    const char *last = memrchr(line, ' ', length);
    int64_t time = last != NULL ? strtoll(last + 1, NULL, 10) : 0;
    uint64_t request = (uint64_t)(time - first_time);

    if (strncmp(line, "AT ", 3) != 0 || time < first_time || request >= requests) {
        fprintf(stderr, "pace: what is \"%.*s\"?\n", (int)length, line);
        exit(EXIT_FAILURE);
    }
    if (delays->taken[request] == 0) {
        delays->taken[request] = now_ns() - due(request);
        delays->count++;
    }
}

/* A line of the member whose neighbour we are; we have an empty store. */
static void take_link_line(Peer *peer, const char *line, size_t length)
{
    char text[32 + 17 * SHARDS], part[16];

    if (strncmp(line, "AT ", 3) == 0) {
        take_at(&updates, line, length);
    } else if (strncmp(line, "HELLO ", 6) == 0) {
        say(peer->descriptor, text, (size_t)sprintf(text, "HELLO 1 %s %s\n", self, of));
        greeted = true;
    } else if (strncmp(line, "PING", 4) == 0) {
        say(peer->descriptor, "PONG\n", 5);
    } else if (sscanf(line, "DIGEST %15s", part) == 1) {
        unsigned sums = strcmp(part, "ROOT") == 0     ? 1
                        : strcmp(part, "SHARDS") == 0 ? SHARDS
                                                      : LEAVES;
        size_t end = (size_t)sprintf(text, "SUMS %s", part);

        while (sums-- > 0)
            end += (size_t)sprintf(text + end, " %016d", 0);
        text[end++] = '\n';
        say(peer->descriptor, text, end);
    }
}

static void receive(Peer *peer)
{
    ssize_t n = recv(peer->descriptor, peer->bytes + peer->length, BUFFER_SIZE - peer->length, 0);
    size_t at = 0;
    const char *end;

    if (n <= 0)
        fail(n == 0 ? "closed by the member" : "recv");
    peer->length += (size_t)n;
    while ((end = memchr(peer->bytes + at, '\n', peer->length - at)) != NULL) {
        size_t length = (size_t)(end - peer->bytes) - at;

        if (peer->kind == REPLIES)
            take_at(&replies, peer->bytes + at, length);
        else
            take_link_line(peer, peer->bytes + at, length);
        at += length + 1;
    }
    peer->length -= at;
    memmove(peer->bytes, peer->bytes + at, peer->length);
}

static Peer *add_peer(int epoll, int descriptor, Kind kind)
{
    Peer *peer = calloc(1, sizeof *peer);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
    int on = 1;

    peer->descriptor = descriptor;
    peer->kind = kind;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) != 0)
        fail("epoll_ctl");
    return peer;
}

static int open_socket(const char *port, bool listens)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(port)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int descriptor = socket(AF_INET, SOCK_STREAM, 0), on = 1;

    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (listens ? bind(descriptor, (struct sockaddr *)&address, sizeof address) != 0 ||
                      listen(descriptor, 8) != 0
                : connect(descriptor, (struct sockaddr *)&address, sizeof address) != 0)
        fail(listens ? "listen" : "connect");
    return descriptor;
}

static void wait_for_peers(int epoll, int64_t until)
{
    struct epoll_event events[EVENTS_MAX];
    int64_t left = until - now_ns();
    struct timespec wait = {.tv_sec = left > 0 ? left / 1000000000 : 0,
                            .tv_nsec = left > 0 ? left % 1000000000 : 0};
    int count = epoll_pwait2(epoll, events, EVENTS_MAX, &wait, NULL);

    for (int i = 0; i < count; i++) {
        Peer *peer = events[i].data.ptr;

        if (peer->kind == LISTENER)
            add_peer(epoll, accept(peer->descriptor, NULL, NULL), UPDATES);
        else
            receive(peer);
    }
}

static int compare_delays(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void print_delays(Delays *delays)
{
    uint64_t none = requests - delays->count; /* the zeros, which come first */
    const double shares[] = {0.5, 0.99, 0.999, 1};

    qsort(delays->taken, requests, sizeof *delays->taken, compare_delays);
    printf("%" PRIu64, delays->count);
    for (size_t i = 0; i < sizeof shares / sizeof *shares && delays->count > 0; i++) {
        uint64_t rank = (uint64_t)(shares[i] * (double)delays->count);

        rank = rank < delays->count ? rank : delays->count - 1;
        printf(" %.1f", (double)delays->taken[none + rank] / 1000);
    }
    printf("\n");
}

int main(int argc, char **argv)
{
    if (argc != 5 && argc != 8) {
        fprintf(stderr, "usage: pace PORT RATE SECONDS CLIENTS [LISTEN NAME OF]\n");
        return 2;
    }
    int epoll = epoll_create1(0);
    uint64_t rate = strtoull(argv[2], NULL, 10), clients = strtoull(argv[4], NULL, 10);
    Peer *peers[CONNECTIONS];

    prctl(PR_SET_TIMERSLACK, 1);
    interval = 1000000000 / rate;
    /* Later than what an earlier run has said, at up to 100,000 requests a second. */
    first_time = INT64_C(100000000000) + time(NULL) % 1000000 * 100000;
    requests = (uint64_t)(strtod(argv[3], NULL) * (double)rate);
    replies.taken = calloc(requests, sizeof *replies.taken);
    updates.taken = calloc(requests, sizeof *updates.taken);
    for (unsigned i = 0; i < CONNECTIONS; i++)
        peers[i] = add_peer(epoll, open_socket(argv[1], false), REPLIES);
    if (argc == 8) {
        self = argv[6];
        of = argv[7];
        add_peer(epoll, open_socket(argv[5], true), LISTENER);
        printf("listening\n");
        fflush(stdout);
        for (int64_t until = now_ns() + PATIENCE_S * INT64_C(1000000000); !greeted;) {
            wait_for_peers(epoll, until);
            if (now_ns() >= until) {
                fprintf(stderr, "pace: %s does not say hello\n", of);
                return 1;
            }
        }
    }

    begin = now_ns();
    for (uint64_t request = 0; request < requests;) {
        char text[160];

        if (now_ns() < due(request)) {
            wait_for_peers(epoll, due(request));
            continue;
        }
        say(peers[request % CONNECTIONS]->descriptor, text,
            (size_t)sprintf(text,
                            "IAMAT phone-%07" PRIu64 ".example +34.068930-118.445127 %" PRId64 "\n",
                            request % clients, first_time + (int64_t)request));
        request++;
    }
    int64_t until = now_ns() + PATIENCE_S * INT64_C(1000000000);
    while (now_ns() < until &&
           (replies.count < requests || (argc == 8 && updates.count < requests)))
        wait_for_peers(epoll, until);
    print_delays(&replies);
    if (argc == 8)
        print_delays(&updates);
    return replies.count == requests ? 0 : 1;
}
