/* SPDX-License-Identifier: MIT */
#include "tests/unit/net-lookups-rig.h"

static void test_set_bounds(void)
{
    Rig rig = rig_new(2, 2);
    Connection *c[7];
    Flight *flights[5];

    fill(c, 7);
    flights[0] = enter(&rig, c[0], 0, LOOKUP_RUN);
    flights[1] = enter(&rig, c[1], 1, LOOKUP_RUN);
    enter(&rig, c[2], 2, LOOKUP_WAIT);
    enter(&rig, c[3], 3, LOOKUP_WAIT);
    enter(&rig, c[4], 4, LOOKUP_REFUSED);

    /* More: who waits begins, and others may wait. */
    lookups_set_bounds(rig.lookups, 3, 3, WAIT_MS);
    flights[2] = assert_resumed(&rig, c[2], LOOKUP_RUN);
    enter(&rig, c[4], 4, LOOKUP_WAIT);
    enter(&rig, c[5], 5, LOOKUP_WAIT);
    enter(&rig, c[6], 6, LOOKUP_REFUSED);

    /* Fewer: what runs goes on, and what waits; nothing begins until it is fewer. */
    lookups_set_bounds(rig.lookups, 1, 0, WAIT_MS);
    assert_none_resumed(&rig);
    enter(&rig, c[6], 0, LOOKUP_REFUSED); /* not even to wait for one that runs */
    for (int i = 0; i < 2; i++) {
        finish(&rig, flights[i], "{}");
        assert_none_resumed(&rig);
    }
    finish(&rig, flights[2], "{}");
    flights[3] = assert_resumed(&rig, c[3], LOOKUP_RUN);
    finish(&rig, flights[3], "{}");
    flights[4] = assert_resumed(&rig, c[4], LOOKUP_RUN);
    finish(&rig, flights[4], "{}");
    finish(&rig, assert_resumed(&rig, c[5], LOOKUP_RUN), "{}");
    drop(c, 7);
    rig_free(&rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lookups/set-bounds/more-begin-and-fewer-end", test_set_bounds);
    return g_test_run();
}
