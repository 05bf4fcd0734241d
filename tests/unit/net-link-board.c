/* SPDX-License-Identifier: MIT */
#include "net/link-board.h"

#include "net-link-rig.h"

/* What @board says of the rig's link. (transfer full) */
static GPtrArray *read_one(LinkBoard *board)
{
    GPtrArray *posts = link_board_read(board);

    g_assert_cmpuint(posts->len, ==, 1);
    const LinkPost *post = posts->pdata[0];
    g_assert_cmpstr(g_quark_to_string(post->neighbour), ==, "Bona");
    return posts;
}

static void assert_state(LinkBoard *board, LinkStatusState state, const char *reason)
{
    g_autoptr(GPtrArray) posts = read_one(board);
    const LinkPost *post = posts->pdata[0];

    g_assert_cmpint(post->state, ==, state);
    g_assert_cmpstr(post->reason, ==, reason);
}

static Timestamp since(LinkBoard *board)
{
    g_autoptr(GPtrArray) posts = read_one(board);

    return ((const LinkPost *)posts->pdata[0])->since;
}

static GPtrArray *links_of(const Rig *rig)
{
    GPtrArray *links = g_ptr_array_new();

    g_ptr_array_add(links, rig->link);
    return links;
}

static void test_states(void)
{
    Rig *rig = rig_new(&(Setup){.deaf = true});
    g_autoptr(GPtrArray) links = links_of(rig);
    LinkBoard *board = link_board_new();
    g_autofree char *address = g_strdup_printf("%s:%d", rig->hosts[NEIGHBOUR], PORT);
    uint64_t failed = counters_read(COUNT_LINK_TRIES_FAILED);

    /* States are posted at once, however early it is. */
    g_assert_cmpint(link_board_update(board, links, 1000), ==, INT64_MAX);
    assert_state(board, LINK_STATUS_CONNECTING, NULL);
    g_autoptr(GPtrArray) first = read_one(board);
    g_assert_cmpstr(((const LinkPost *)first->pdata[0])->address, ==, address);
    g_assert_true(((const LinkPost *)first->pdata[0])->is_native);

    pump_until_counted(rig, COUNT_LINK_TRIES_FAILED, failed + 1);
    g_assert_cmpint(link_board_update(board, links, 1001), ==, INT64_MAX);
    assert_state(board, LINK_STATUS_DOWN, "Connection refused");
    Timestamp down = since(board);

    /* It stays down while it is tried again. */
    pump_until_counted(rig, COUNT_LINK_TRIES_FAILED, failed + 2);
    g_assert_cmpint(link_board_update(board, links, 1002), ==, INT64_MAX);
    assert_state(board, LINK_STATUS_DOWN, "Connection refused");
    g_assert_cmpint(timestamp_compare(since(board), down), ==, 0);

    begin_listening(rig);
    int peer = bring_up(rig);
    g_assert_cmpint(link_board_update(board, links, 1003), ==, INT64_MAX);
    assert_state(board, LINK_STATUS_UP, NULL);
    g_assert_cmpint(timestamp_compare(since(board), down), >, 0);

    uint64_t lost = counters_read(COUNT_LINKS_DOWN);
    shutdown(peer, SHUT_WR);
    pump_until_counted(rig, COUNT_LINKS_DOWN, lost + 1);
    g_assert_cmpint(link_board_update(board, links, 1004), ==, INT64_MAX);
    assert_state(board, LINK_STATUS_DOWN, "closed by the neighbour");
    close(peer);
    link_board_free(board);
    rig_free(rig);
}

/* What waits for a neighbour that does not read is posted, but not at every change. */
static void test_figures(void)
{
    enum { CLIENTS = 50 };
    Rig *rig = rig_new(&(Setup){0});
    g_autoptr(GPtrArray) links = links_of(rig);
    LinkBoard *board = link_board_new();
    int peer = bring_up(rig);

    /* She is told the little that a comparison says before. */
    g_array_unref(hear_all(rig, peer));
    g_assert_cmpint(link_board_update(board, links, 1000), ==, INT64_MAX);
    g_autoptr(GPtrArray) before = read_one(board);
    g_assert_cmpuint(((const LinkPost *)before->pdata[0])->pending, ==, 0);
    g_assert_cmpint(link_post_lag_ms(before->pdata[0], 5000), ==, 0);

    for (int round = 1; link_status(rig->link).pending < CLIENTS; round++) {
        for (int i = 0; i < CLIENTS; i++)
            offer(rig, i, round);
        link_tick(rig->link, 20);
    }
    g_assert_cmpint(link_board_update(board, links, 1000 + LINK_BOARD_EVERY_MS - 1), ==,
                    1000 + LINK_BOARD_EVERY_MS);
    g_autoptr(GPtrArray) early = read_one(board);
    g_assert_cmpuint(((const LinkPost *)early->pdata[0])->pending, ==, 0);
    g_assert_cmpint(link_board_update(board, links, 1000 + LINK_BOARD_EVERY_MS), ==, INT64_MAX);
    g_autoptr(GPtrArray) late = read_one(board);
    const LinkPost *post = late->pdata[0];
    g_assert_cmpuint(post->pending, ==, CLIENTS);
    g_assert_cmpint(post->oldest, ==, 20);
    g_assert_cmpint(link_post_lag_ms(post, 520), ==, 500);
    g_assert_cmpint(link_post_lag_ms(post, 0), ==, 0);
    /* And as long as it is as it was, nobody has to look again. */
    g_assert_cmpint(link_board_update(board, links, 1000 + LINK_BOARD_EVERY_MS), ==, INT64_MAX);
    close(peer);
    link_board_free(board);
    rig_free(rig);
}

static void test_links_come_and_go(void)
{
    Rig *rig = rig_new(&(Setup){.deaf = true});
    g_autoptr(GPtrArray) links = links_of(rig);
    g_autoptr(GPtrArray) none = g_ptr_array_new();
    LinkBoard *board = link_board_new();

    g_assert_cmpint(link_board_update(board, links, 1), ==, INT64_MAX);
    g_ptr_array_unref(read_one(board));
    g_assert_cmpint(link_board_update(board, none, 2), ==, INT64_MAX);
    g_autoptr(GPtrArray) posts = link_board_read(board);
    g_assert_cmpuint(posts->len, ==, 0);
    link_board_free(board);
    link_board_free(NULL);
    rig_free(rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/link-board/update/states-at-once", test_states);
    g_test_add_func("/link-board/update/figures-now-and-then", test_figures);
    g_test_add_func("/link-board/update/links-come-and-go", test_links_come_and_go);
    return g_test_run();
}
