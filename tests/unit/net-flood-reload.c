/* SPDX-License-Identifier: MIT */
#include "tests/unit/net-flood-rig.h"

/* Bailey has @neighbours, of Bona, Campbell and Dora, who listens where @dora does. (transfer full)
 */
static Config *make_config(const Rig *rig, const char *neighbours, int dora)
{
    g_autofree char *path = g_build_filename(rig->folder, "herd.conf", NULL);
    g_autofree char *text =
        g_strdup_printf("[herd]\nresync_interval_s = 0\n[limits]\nlink_timeout_s = 3600\n"
                        "[member Bailey]\nlisten = %s:10000\nneighbours = %s\n"
                        "[member Bona]\nlisten = %s:%d\n[member Campbell]\nlisten = %s:%d\n"
                        "[member Dora]\nlisten = %s:%d\n",
                        rig->host, neighbours, rig->host, PORT + BONA, rig->host, PORT + CAMPBELL,
                        rig->host, PORT + dora);
    g_autoptr(GError) error = NULL;

    g_assert_true(g_file_set_contents(path, text, -1, &error));
    Config *config = config_load(path, "Bailey", &error);
    g_assert_no_error(error);
    g_remove(path);
    return config;
}

static void take_config(Rig *rig, const char *neighbours, int dora)
{
    g_assert_true(config_current_replace(rig->configs, make_config(rig, neighbours, dora)));
    flood_take_config(rig->flood);
}

static void wait_links(const Rig *rig, unsigned count)
{
    int64_t deadline = monotonic_ms() + DEADLINE_MS;

    for (unsigned found = count + 1; found != count;) {
        g_autoptr(GPtrArray) links = flood_links(rig->flood);

        g_assert_cmpint(monotonic_ms(), <, deadline);
        found = links->len;
        sched_yield();
    }
}

/* The link ends, maybe before it has read all that @peer has answered. */
static void hear_end(Peer *peer)
{
    ssize_t n;

    do {
        wait_readable(peer->socket);
        n = recv(peer->socket, peer->bytes, sizeof peer->bytes, 0);
    } while (n > 0);
    g_assert_true(n == 0 || errno == ECONNRESET);
}

/* Links come and go with the neighbours, and those that stay do not notice. */
static void test_take_config(void)
{
    Rig *rig = rig_new();
    Peer *peers[NEIGHBOURS];
    int time;

    greet_all(rig, peers);
    for (int round = 1; round <= 20; round++) {
        take_config(rig, "Campbell", 7);
        hear_end(peers[BONA]);
        update(rig, 1, 2 * round, CLIENT);
        g_assert_cmpint(hear_update(peers[CAMPBELL], &time), ==, 1);
        g_assert_cmpint(time, ==, 2 * round);

        take_config(rig, "Bona;Campbell", 7 + round);
        peer_free(peers[BONA]);
        peers[BONA] = greet(rig, BONA);
        hear_until(peers[BONA], 1, 2 * round); /* what it has missed */
        update(rig, 2, round, CLIENT);
        hear_until(peers[BONA], 2, round);
        g_assert_cmpint(hear_update(peers[CAMPBELL], &time), ==, 2);
        g_assert_cmpint(time, ==, round);
    }
    /* Nobody at all, and one who is new. */
    take_config(rig, "", 7);
    for (int i = 0; i < NEIGHBOURS; i++)
        hear_end(peers[i]);
    update(rig, 3, 5, CLIENT);
    flood_poke(rig->flood, id_of(BONA), 0);
    for (int i = 0; i < NEIGHBOURS; i++)
        peer_free(peers[i]);
    take_config(rig, "Campbell", 7);
    peers[CAMPBELL] = greet(rig, CAMPBELL);
    hear_until(peers[CAMPBELL], 3, 5);
    peer_free(peers[CAMPBELL]);
    rig_free(rig);
}

/* A configuration that comes while the thread is awake for an update is taken over too, though
 * nothing comes afterwards. */
static void test_beside_updates(void)
{
    Rig *rig = rig_new();
    int rounds = g_getenv("HERD_TEST_SANITIZER") != NULL ? 200 : 1000;

    take_config(rig, "", 7);
    wait_links(rig, 0);
    for (int round = 1; round <= rounds; round++) {
        bool any = round % 2 == 1;
        Config *config = make_config(rig, any ? "Dora" : "", 7);
        int64_t until = monotonic_ns() + g_test_rand_int_range(0, 100000);

        update(rig, 1, round + 1, CLIENT);
        while (monotonic_ns() < until)
            ;
        g_assert_true(config_current_replace(rig->configs, config));
        flood_take_config(rig->flood);
        wait_links(rig, any);
    }
    rig_free(rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/flood/take-config/links-follow-the-neighbours", test_take_config);
    g_test_add_func("/flood/take-config/beside-updates", test_beside_updates);
    return g_test_run();
}
