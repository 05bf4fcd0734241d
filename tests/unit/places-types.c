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

static void assert_next(Slice *types, Slice expected)
{
    Slice type;

    g_assert_true(types_next(types, &type));
    g_assert_true(slice_equal(type, expected));
}

static void test_next(void)
{
    Slice types = SLICE("bar,food,store");
    Slice type;

    assert_next(&types, SLICE("bar"));
    assert_next(&types, SLICE("food"));
    assert_next(&types, SLICE("store"));
    g_assert_false(types_next(&types, &type));
    types = SLICE("");
    g_assert_false(types_next(&types, &type));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/places/types/have", test_types_have);
    g_test_add_func("/places/types/one-after-the-other", test_next);
    return g_test_run();
}
