/* SPDX-License-Identifier: MIT */

/*
 * The floor: one thread, one epoll instance, every byte goes back as it came. What a server costs
 * beyond this, it costs for what it does.
 *
 *     echo PORT      on 127.0.0.1, until it is killed
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS_MAX 64

static int fail(const char *what)
{
    fprintf(stderr, "echo: %s: %s\n", what, strerror(errno));
    return EXIT_FAILURE;
}

static void watch(int epoll, int descriptor)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) != 0)
        exit(fail("epoll_ctl"));
}

static void accept_all(int epoll, int listener)
{
    int on = 1;
    int descriptor;

    while ((descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        watch(epoll, descriptor);
    }
}

static void echo(int descriptor)
{
    char bytes[65536];
    ssize_t n = recv(descriptor, bytes, sizeof bytes, 0);

    /* A reader that is too slow is not served: this is a yardstick, and its client reads. */
    if (n <= 0 || send(descriptor, bytes, (size_t)n, MSG_NOSIGNAL) != n)
        close(descriptor);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event events[EVENTS_MAX];
    int on = 1;

    if (argc != 2) {
        fprintf(stderr, "usage: echo PORT\n");
        return 2;
    }
    address.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));

    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int epoll = epoll_create1(0);
    if (listener < 0 || epoll < 0 ||
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 1024) != 0)
        return fail("listen");
    watch(epoll, listener);
    printf("echo: listening on 127.0.0.1:%s\n", argv[1]);
    fflush(stdout);

    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS_MAX, -1);

        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener)
                accept_all(epoll, listener);
            else
                echo(events[i].data.fd);
        }
    }
}
