/* SPDX-License-Identifier: MIT */

/*
 * A closed loop of WHATSATs: CONNECTIONS connections, each of which asks ROUNDS times, again as
 * soon as it has its answer.
 *
 *     lookups PORT CONNECTIONS ROUNDS [TEXT]
 *
 * Each connection asks for a radius of its own, so that no two lookups are equal. Every answer has
 * to have the status OK, or TEXT somewhere; anything else ends the run with an error.
 *
 * Prints the number of answers, the seconds from the first question to the last answer, and the
 * p50, p99 and most that an answer took, in milliseconds.
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

#define EVENTS_MAX 64
#define REPLY_MAX  ((size_t)64 * 1024)
#define PATIENCE_S 60 /* for any answer */

typedef struct {
    int descriptor;
    unsigned number;
    unsigned left; /* questions */
    double asked;  /* when, seconds */
    size_t length; /* of reply */
    char *reply;
} Connection;

static double *taken; /* seconds, an answer */
static uint64_t answers;
static const char *wanted; /* what has to stand in each answer */

static void fail(const char *what)
{
    fprintf(stderr, "lookups: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void say(int descriptor, const char *text)
{
    if (send(descriptor, text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text))
        fail("send");
}

static void ask(Connection *c)
{
    char question[80];

    snprintf(question, sizeof question, "WHATSAT phone.example %u.%03u 20\n", 1 + c->number / 1000,
             c->number % 1000);
    c->asked = now_s();
    c->left--;
    say(c->descriptor, question);
}

static void check_reply(const Connection *c)
{
    if (strncmp(c->reply, "AT ", 3) == 0 && strstr(c->reply, wanted) != NULL)
        return;
    fprintf(stderr, "lookups: wrong answer: %s\n", c->reply);
    exit(EXIT_FAILURE);
}

static void receive(Connection *c)
{
    ssize_t n = recv(c->descriptor, c->reply + c->length, REPLY_MAX - 1 - c->length, 0);

    if (n <= 0)
        fail(n == 0 ? "closed, or too long an answer" : "recv");
    c->length += (size_t)n;
    c->reply[c->length] = '\0';
    if (c->length < 2 || strcmp(c->reply + c->length - 2, "\n\n") != 0)
        return;
    check_reply(c);
    taken[answers++] = now_s() - c->asked;
    c->length = 0;
    if (c->left > 0)
        ask(c);
}

static int connect_to(const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(port)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int descriptor = socket(AF_INET, SOCK_STREAM, 0), on = 1;

    if (descriptor < 0 || connect(descriptor, (struct sockaddr *)&address, sizeof address) != 0 ||
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
        fail("connect");
    return descriptor;
}

static void report_the_client(const Connection *c)
{
    say(c->descriptor, "IAMAT phone.example +34.068930-118.445127 1621464827.959498503\n");
    ssize_t n = recv(c->descriptor, c->reply, REPLY_MAX - 1, 0);
    if (n < 3 || strncmp(c->reply, "AT ", 3) != 0)
        fail("IAMAT");
}

static int compare_times(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    if (argc != 4 && argc != 5) {
        fprintf(stderr, "usage: lookups PORT CONNECTIONS ROUNDS [TEXT]\n");
        return 2;
    }
    unsigned connections = (unsigned)atoi(argv[2]), rounds = (unsigned)atoi(argv[3]);
    uint64_t questions = (uint64_t)connections * rounds;
    Connection *all = calloc(connections, sizeof *all);
    int epoll = epoll_create1(0);

    wanted = argc == 5 ? argv[4] : "\"status\" : \"OK\"";
    taken = calloc(questions, sizeof *taken);
    if (all == NULL || taken == NULL || questions == 0 || epoll < 0)
        fail("start");
    for (unsigned i = 0; i < connections; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};

        all[i] = (Connection){.descriptor = connect_to(argv[1]),
                              .number = i,
                              .left = rounds,
                              .reply = malloc(REPLY_MAX)};
        if (all[i].reply == NULL || epoll_ctl(epoll, EPOLL_CTL_ADD, all[i].descriptor, &event) != 0)
            fail("connection");
    }
    report_the_client(&all[0]);

    double begin = now_s();
    for (unsigned i = 0; i < connections; i++)
        ask(&all[i]);
    while (answers < questions) {
        struct epoll_event events[EVENTS_MAX];
        int count = epoll_wait(epoll, events, EVENTS_MAX, PATIENCE_S * 1000);

        if (count <= 0)
            fail("no answer");
        for (int i = 0; i < count; i++)
            receive(events[i].data.ptr);
    }
    double elapsed = now_s() - begin;
    qsort(taken, questions, sizeof *taken, compare_times);
    printf("%" PRIu64 " %.6f %.3f %.3f %.3f\n", questions, elapsed, taken[questions / 2] * 1e3,
           taken[questions * 99 / 100] * 1e3, taken[questions - 1] * 1e3);
    return EXIT_SUCCESS;
}
