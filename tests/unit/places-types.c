/* SPDX-License-Identifier: MIT */

#include "places/types.h"

#include <glib.h>

static void test_types_have(void)
{
    Slice types = SLICE("bar,food,store");

    g_assert_true(types_have(types, SLICE("bar")));
    g_assert_true(types_have(types, SLICE("food")));
    g_assert_true(types_have(types, SLICE("store")));
    g_assert_false(types_have(types, SLICE("ba")));
    g_assert_false(types_have(types, SLICE("tore")));
    g_assert_false(types_have(types, SLICE("bar,food")));
    g_assert_false(types_have(types, SLICE("")));
    g_assert_false(types_have(SLICE(""), SLICE("bar")));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/places/types/have", test_types_have);
    return g_test_run();
}
