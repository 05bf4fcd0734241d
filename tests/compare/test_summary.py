# SPDX-License-Identifier: MIT
"""Medians, ratios of pairs, knees, and how samples are picked."""
import unittest

import canned
from comparison.summary import Samples, Spread, is_past_knee, knee, pair_ratios, spread, value_at


def sample(workload="w", variant="herdd", cell=None, repetition=0, result=None, error=None):
    return {
        "workload": workload,
        "variant": variant,
        "cell": cell or {},
        "repetition": repetition,
        "command": "",
        "result": result,
        "error": error,
    }


class Spreads(unittest.TestCase):
    def test_median_least_most(self):
        self.assertEqual(spread([3, 1, 2]), Spread(2, 1, 3, 3))
        self.assertEqual(spread([4, 1, 2, 3]).median, 2.5)

    def test_none_is_no_sample(self):
        self.assertEqual(spread([None, 7, None]), Spread(7, 7, 7, 1))
        self.assertIsNone(spread([None]))
        self.assertIsNone(spread([]))

    def test_text_has_the_spread_of_several(self):
        self.assertEqual(spread([1000, 2000, 3000]).text(), "2,000 (1,000 to 3,000)")
        self.assertEqual(spread([1.5]).text("{:.2f}"), "1.50")

    def test_ratios_are_of_the_same_repetition(self):
        # The machine was twice as slow in repetition 1: the ratio does not notice.
        self.assertEqual(pair_ratios({0: 30.0, 1: 60.0}, {0: 10.0, 1: 20.0}), Spread(3, 3, 3, 2))
        self.assertEqual(pair_ratios({0: 30.0, 2: 1.0}, {0: 10.0, 1: 20.0}).count, 1)
        self.assertIsNone(pair_ratios({0: 1.0}, {1: 1.0}))
        self.assertIsNone(pair_ratios({0: 1.0}, {0: 0.0}))


class Picking(unittest.TestCase):
    def test_a_path_that_ends_early_is_none(self):
        self.assertEqual(value_at({"a": {"b": 1}}, "a.b"), 1)
        self.assertIsNone(value_at({"a": None}, "a.b"))
        self.assertIsNone(value_at({}, "a.b"))

    def test_failed_samples_are_no_figures(self):
        samples = Samples(
            [sample(result={"x": 1}), sample(result={"x": 9}, error="lost"), sample(variant="java", error="gone")]
        )
        self.assertEqual(samples.spread("x", "w", "herdd"), Spread(1, 1, 1, 1))
        self.assertEqual(samples.variants("w"), {"herdd"})
        self.assertEqual(len(samples.failures()), 2)

    def test_cells_are_told_apart(self):
        samples = Samples([sample(cell={"n": 1}, result={"x": 1}), sample(cell={"n": 8}, result={"x": 8})])
        self.assertEqual(samples.spread("x", "w", "herdd", n=8).median, 8)
        self.assertEqual(samples.cells("w", "n"), [1, 8])


class Knees(unittest.TestCase):
    def test_the_last_before_the_first_that_is_past(self):
        self.assertEqual(knee([(1000, False), (4000, True), (2000, False)]), 2000)

    def test_a_rate_above_one_that_is_past_does_not_count(self):
        self.assertEqual(knee([(1000, False), (2000, True), (4000, False)]), 1000)

    def test_a_second_try_counts(self):
        self.assertEqual(knee([(1000, False), (2000, True), (2000, False), (4000, True), (4000, True)]), 2000)
        self.assertEqual(knee([(1000, False), (2000, True), (2000, True), (4000, False)]), 1000)

    def test_none_where_the_lowest_is_past(self):
        self.assertIsNone(knee([(1000, True)]))

    def test_all_carried(self):
        self.assertEqual(knee([(1000, False), (2000, False)]), 2000)

    def test_what_is_past(self):
        well = canned.result(1000, 10, 100, offered=1000)
        self.assertFalse(is_past_knee(well))
        self.assertTrue(is_past_knee(canned.result(900, 10, 100, offered=1000)), "too few answers")
        self.assertTrue(is_past_knee(canned.result(1000, 10, 20_000, offered=1000)), "p99 of 60 ms")
        well["errors"] = {"total": 1, "first": "timeout"}
        self.assertTrue(is_past_knee(well), "an error")


if __name__ == "__main__":
    unittest.main()
