/* SPDX-License-Identifier: MIT */
#include "net/link-board.h"

#include "core/endpoint.h"
#include "core/thread.h"

#include <string.h>

struct LinkBoard {
    pthread_mutex_t lock;
    GPtrArray *posts; /* owned LinkPost; written by the flood thread alone, under lock; it reads
                         them without */
    int64_t posted;   /* monotonic_ms(); owned by the flood thread */
};

static void post_free(void *pointer)
{
    LinkPost *post = pointer;

    g_free(post->address);
    g_free(post->reason);
    g_free(post);
}

static GPtrArray *posts_new(void)
{
    return g_ptr_array_new_with_free_func(post_free);
}

LinkBoard *link_board_new(void)
{
    LinkBoard *board = g_new0(LinkBoard, 1);

    pthread_mutex_init(&board->lock, NULL);
    board->posts = posts_new();
    return board;
}

void link_board_free(LinkBoard *board)
{
    if (board == NULL)
        return;
    g_ptr_array_unref(board->posts);
    pthread_mutex_destroy(&board->lock);
    g_free(board);
}

static const char *address_of(const LinkStatus *status)
{
    return ((const Endpoint *)status->neighbour->listen->pdata[0])->text;
}

static LinkStatusState state_of(const LinkStatus *status)
{
    return status->up               ? LINK_STATUS_UP
           : status->reason != NULL ? LINK_STATUS_DOWN
                                    : LINK_STATUS_CONNECTING;
}

/* Whether @post tells of @status, whatever waits to be sent. */
static bool says_state(const LinkPost *post, const LinkStatus *status)
{
    return post->neighbour == status->neighbour->id && post->state == state_of(status) &&
           g_strcmp0(post->reason, status->reason) == 0 &&
           strcmp(post->address, address_of(status)) == 0;
}

static bool says_figures(const LinkPost *post, const LinkStatus *status)
{
    return post->pending == status->pending && post->oldest == status->oldest;
}

/* What stands there of a neighbour, or NULL. */
static const LinkPost *find_post(const LinkBoard *board, GQuark neighbour)
{
    for (unsigned i = 0; i < board->posts->len; i++) {
        const LinkPost *post = board->posts->pdata[i];

        if (post->neighbour == neighbour)
            return post;
    }
    return NULL;
}

static LinkPost *post_new(const LinkBoard *board, const LinkStatus *status)
{
    const LinkPost *old = find_post(board, status->neighbour->id);
    LinkStatusState state = state_of(status);
    LinkPost *post = g_new(LinkPost, 1);

    *post = (LinkPost){
        .neighbour = status->neighbour->id,
        .is_native = !member_is_foreign(status->neighbour),
        .address = g_strdup(address_of(status)),
        .state = state,
        .since = old != NULL && old->state == state ? old->since : timestamp_now(),
        .reason = g_strdup(status->reason),
        .pending = status->pending,
        .oldest = status->oldest,
    };
    return post;
}

static void post_all(LinkBoard *board, const GPtrArray *links)
{
    GPtrArray *posts = posts_new();

    for (unsigned i = 0; i < links->len; i++) {
        LinkStatus status = link_status(links->pdata[i]);

        g_ptr_array_add(posts, post_new(board, &status));
    }
    mutex_lock(&board->lock);
    GPtrArray *old = board->posts;
    board->posts = posts;
    mutex_unlock(&board->lock);
    g_ptr_array_unref(old);
}

int64_t link_board_update(LinkBoard *board, const GPtrArray *links, int64_t now_ms)
{
    bool same_states = board->posts->len == links->len;
    bool same_figures = true;

    for (unsigned i = 0; i < links->len && same_states; i++) {
        LinkStatus status = link_status(links->pdata[i]);

        same_states = says_state(board->posts->pdata[i], &status);
        same_figures &= says_figures(board->posts->pdata[i], &status);
    }
    if (same_states && same_figures)
        return INT64_MAX;
    if (same_states && now_ms < board->posted + LINK_BOARD_EVERY_MS)
        return board->posted + LINK_BOARD_EVERY_MS;
    post_all(board, links);
    board->posted = now_ms;
    return INT64_MAX;
}

GPtrArray *link_board_read(LinkBoard *board)
{
    GPtrArray *copies = posts_new();

    mutex_lock(&board->lock);
    for (unsigned i = 0; i < board->posts->len; i++) {
        LinkPost *copy = g_memdup2(board->posts->pdata[i], sizeof *copy);

        copy->address = g_strdup(copy->address);
        copy->reason = g_strdup(copy->reason);
        g_ptr_array_add(copies, copy);
    }
    mutex_unlock(&board->lock);
    return copies;
}
