/* SPDX-License-Identifier: MIT */

/*
 * A stand-in for Google's Nearby Search (Legacy) that answers thousands at once, from one thread.
 *
 *     provider PORT DELAY_MS [RESULTS [EVERY_MS STALL_MS]]
 *
 * Every request gets the same answer, DELAY_MS after its last byte came; none ever with -1.
 * RESULTS: 20 unless given. Of every EVERY_MS the last STALL_MS are a stall: a request that comes
 * then is taken for one that came at the end of the stall. Says a line when it listens.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_MAX      64
#define CONNECTIONS_MAX 65536
#define BACKLOG         4096
#define ANSWER_MAX      ((size_t)256 * 1024)
#define RESULT_MAX      2048
#define NS_PER_MS       INT64_C(1000000)
#define NS_PER_S        INT64_C(1000000000)

typedef struct {
    size_t length; /* of request */
    uint64_t run;  /* how many connections had this descriptor before */
    char request[4096];
} Connection;

/* An answer that is due. All wait equally long from when they came or the stall in which they did
 * ended, so they are due in the order of their requests. */
typedef struct {
    int64_t at; /* nanoseconds */
    uint64_t run;
    int descriptor;
} Due;

static Connection *connections[CONNECTIONS_MAX]; /* by descriptor */
static Due due[CONNECTIONS_MAX];                 /* a ring: at most one a connection that lives */
static size_t due_first, due_count;
static char answer[ANSWER_MAX];
static size_t answer_length;
static int64_t delay_ns;           /* negative: no answer ever */
static int64_t every_ns, stall_ns; /* 0: no stalls */
static int64_t begin_ns;

static void fail(const char *what)
{
    fprintf(stderr, "provider: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* When a request is taken for having come: @now, or the end of the stall that it falls into. */
static int64_t end_of_stall(int64_t now)
{
    if (every_ns == 0)
        return now;
    int64_t left = every_ns - (now - begin_ns) % every_ns;

    return left <= stall_ns ? now + left : now;
}

static void make_answer(unsigned results)
{
    static const char result[] =
        "%s      {\n         \"business_status\" : \"OPERATIONAL\",\n"
        "         \"geometry\" : {\n            \"location\" : {\n"
        "               \"lat\" : 34.0%05u,\n               \"lng\" : -118.4451277\n            "
        "},\n"
        "            \"viewport\" : {\n               \"northeast\" : {\n"
        "                  \"lat\" : 34.07039013029149,\n"
        "                  \"lng\" : -118.4434611697085\n               },\n"
        "               \"southwest\" : {\n                  \"lat\" : 34.06769216970849,\n"
        "                  \"lng\" : -118.4461591302915\n               }\n            }\n"
        "         },\n         \"icon\" : \"https://maps.example/icons/cafe-71.png\",\n"
        "         \"name\" : \"Caf\u00e9 \\u003c%u\\u003e\",\n"
        "         \"opening_hours\" : {\n            \"open_now\" : true\n         },\n"
        "         \"place_id\" : \"fake:%u\",\n         \"rating\" : 4.1,\n"
        "         \"types\" : [ \"cafe\", \"food\", \"point_of_interest\", \"establishment\" ],\n"
        "         \"user_ratings_total\" : 1234,\n         \"vicinity\" : \"%u Long Street\"\n"
        "      }";
    static char body[ANSWER_MAX];
    size_t length =
        (size_t)sprintf(body, "{\n   \"html_attributions\" : [],\n   \"results\" : [\n");

    for (unsigned i = 0; i < results && length < ANSWER_MAX - RESULT_MAX; i++)
        length += (size_t)sprintf(body + length, result, i > 0 ? ",\n" : "", i, i, i, i);
    length += (size_t)sprintf(body + length, "\n   ],\n   \"status\" : \"OK\"\n}\n");
    answer_length = (size_t)snprintf(answer, sizeof answer,
                                     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                     "Content-Length: %zu\r\n\r\n%s",
                                     length, body);
    if (answer_length >= sizeof answer) {
        fprintf(stderr, "provider: too many results\n");
        exit(EXIT_FAILURE);
    }
}

static void accept_all(int epoll, int listener)
{
    static uint64_t runs;
    int room = (int)ANSWER_MAX, on = 1, descriptor;

    while ((descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};

        if (descriptor >= CONNECTIONS_MAX)
            fail("too many connections");
        if (connections[descriptor] == NULL)
            connections[descriptor] = calloc(1, sizeof(Connection));
        connections[descriptor]->length = 0;
        connections[descriptor]->run = ++runs;
        /* Room for a whole answer: nobody waits for one that reads slowly. */
        if (setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &room, sizeof room) != 0 ||
            setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
            epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) != 0)
            fail("connection");
    }
    if (errno != EAGAIN)
        fail("accept");
}

static void end_connection(int descriptor)
{
    connections[descriptor]->run = 0;
    close(descriptor);
}

static void receive(int descriptor)
{
    Connection *c = connections[descriptor];
    ssize_t n =
        recv(descriptor, c->request + c->length, sizeof c->request - c->length - 1, MSG_DONTWAIT);

    if (n <= 0) {
        end_connection(descriptor);
        return;
    }
    c->length += (size_t)n;
    if (memmem(c->request, c->length, "\r\n\r\n", 4) == NULL)
        return;
    c->length = 0; /* the client asks one thing at a time */
    if (delay_ns < 0)
        return;
    if (due_count == CONNECTIONS_MAX)
        fail("too many requests");
    due[(due_first + due_count++) % CONNECTIONS_MAX] =
        (Due){.at = end_of_stall(now_ns()) + delay_ns, .run = c->run, .descriptor = descriptor};
}

static void answer_all_due(void)
{
    while (due_count > 0 && due[due_first].at <= now_ns()) {
        Due first = due[due_first];

        due_first = (due_first + 1) % CONNECTIONS_MAX;
        due_count--;
        if (connections[first.descriptor]->run == first.run &&
            send(first.descriptor, answer, answer_length, MSG_NOSIGNAL) != (ssize_t)answer_length)
            end_connection(first.descriptor);
    }
}

static int wait_for_events(int epoll, struct epoll_event events[static EVENTS_MAX])
{
    int64_t left = due_count > 0 ? due[due_first].at - now_ns() : 3600 * NS_PER_S;
    struct timespec wait = {.tv_sec = left > 0 ? left / NS_PER_S : 0,
                            .tv_nsec = left > 0 ? left % NS_PER_S : 0};

    return epoll_pwait2(epoll, events, EVENTS_MAX, &wait, NULL);
}

int main(int argc, char **argv)
{
    if (argc != 3 && argc != 4 && argc != 6) {
        fprintf(stderr, "usage: provider PORT DELAY_MS [RESULTS [EVERY_MS STALL_MS]]\n");
        return 2;
    }
    delay_ns = strtoll(argv[2], NULL, 10) * NS_PER_MS;
    if (argc == 6) {
        every_ns = strtoll(argv[4], NULL, 10) * NS_PER_MS;
        stall_ns = strtoll(argv[5], NULL, 10) * NS_PER_MS;
        if (stall_ns <= 0 || every_ns <= stall_ns) {
            fprintf(stderr, "provider: a stall is shorter than from one to the next\n");
            return 2;
        }
    }
    begin_ns = now_ns();
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(argv[1])),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};

    prctl(PR_SET_TIMERSLACK, 1);
    make_answer(argc >= 4 ? (unsigned)atoi(argv[3]) : 20);
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, BACKLOG) != 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) != 0)
        fail("listen");
    printf("provider: listening on 127.0.0.1:%s\n", argv[1]);
    fflush(stdout);

    for (;;) {
        struct epoll_event events[EVENTS_MAX];
        int count = wait_for_events(epoll, events);

        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener)
                accept_all(epoll, listener);
            else
                receive(events[i].data.fd);
        }
        answer_all_due();
    }
}
