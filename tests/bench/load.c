/* SPDX-License-Identifier: MIT */

/*
 * A closed loop of IAMATs: CONNECTIONS connections, DEPTH requests under way on each, for SECONDS
 * seconds.
 *
 *     load PORT CONNECTIONS DEPTH SECONDS
 *
 * Prints the number of requests that were answered, and the seconds that it took. Every reply has
 * to be one line and to hold the client and the time of its request; anything else ends the run
 * with an error.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_MAX  64
#define DEPTH_MAX   64
#define REQUEST_MAX 128
#define REPLIES_MAX (DEPTH_MAX * 256)

typedef struct {
    int descriptor;
    unsigned number;
    uint64_t sent;     /* requests */
    uint64_t answered; /* requests */
    size_t length;     /* of replies, the start of which is the start of a line */
    char replies[REPLIES_MAX];
} Connection;

static void fail(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The part of request @serial of a connection that its reply repeats. */
static int format_body(char body[static REQUEST_MAX], const Connection *c, uint64_t serial)
{
    return snprintf(body, REQUEST_MAX,
                    "phone-%04u.example +34.068930-118.445127 16214%05" PRIu64 ".%09" PRIu64,
                    c->number, serial / 1000000000 % 100000, serial % 1000000000);
}

static void send_requests(Connection *c, unsigned count)
{
    char requests[DEPTH_MAX * REQUEST_MAX];
    size_t length = 0;

    while (count-- > 0) {
        char body[REQUEST_MAX];

        format_body(body, c, c->sent++);
        length += (size_t)snprintf(requests + length, sizeof requests - length, "IAMAT %s\n", body);
    }
    if (send(c->descriptor, requests, length, MSG_NOSIGNAL) != (ssize_t)length)
        fail("send");
}

/* Takes the complete lines off the replies; returns how many they were. */
static unsigned take_replies(Connection *c)
{
    unsigned taken = 0;
    char *line = c->replies;
    char *end;

    while ((end = memchr(line, '\n', c->length - (size_t)(line - c->replies))) != NULL) {
        char body[REQUEST_MAX];
        int length = format_body(body, c, c->answered++);

        if (end - line < length || memcmp(end - length, body, (size_t)length) != 0) {
            fprintf(stderr, "load: wrong reply: %.*s\n", (int)(end - line), line);
            exit(EXIT_FAILURE);
        }
        line = end + 1;
        taken++;
    }
    c->length -= (size_t)(line - c->replies);
    memmove(c->replies, line, c->length);
    return taken;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: load PORT CONNECTIONS DEPTH SECONDS\n");
        return 2;
    }
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10)),
    };
    unsigned connections = (unsigned)strtoul(argv[2], NULL, 10);
    unsigned depth = (unsigned)strtoul(argv[3], NULL, 10);
    double seconds = strtod(argv[4], NULL);
    Connection *all = calloc(connections, sizeof *all);
    int epoll = epoll_create1(0);
    int on = 1;

    if (all == NULL || epoll < 0 || depth < 1 || depth > DEPTH_MAX)
        fail("start");
    for (unsigned i = 0; i < connections; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};

        all[i].number = i;
        all[i].descriptor = socket(AF_INET, SOCK_STREAM, 0);
        if (all[i].descriptor < 0 ||
            connect(all[i].descriptor, (struct sockaddr *)&address, sizeof address) != 0 ||
            setsockopt(all[i].descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
            epoll_ctl(epoll, EPOLL_CTL_ADD, all[i].descriptor, &event) != 0)
            fail("connect");
    }

    double begin = now_s();
    uint64_t answered = 0;
    for (unsigned i = 0; i < connections; i++)
        send_requests(&all[i], depth);
    while (now_s() - begin < seconds) {
        struct epoll_event events[EVENTS_MAX];
        int count = epoll_wait(epoll, events, EVENTS_MAX, 1000);

        if (count == 0)
            fail("no reply for a second");
        for (int i = 0; i < count; i++) {
            Connection *c = events[i].data.ptr;
            ssize_t n =
                recv(c->descriptor, c->replies + c->length, REPLIES_MAX - c->length, MSG_DONTWAIT);

            if (n <= 0)
                fail("recv");
            c->length += (size_t)n;
            unsigned taken = take_replies(c);
            answered += taken;
            if (taken > 0)
                send_requests(c, taken);
        }
    }
    printf("%" PRIu64 " %.6f\n", answered, now_s() - begin);
    return EXIT_SUCCESS;
}
