# SPDX-License-Identifier: MIT
"""Plots are well-formed, inside of their frame, and a variant looks the same in all of them."""
import re
import unittest
import xml.etree.ElementTree as tree

import canned  # noqa: F401: finds the modules
from comparison import svg
from comparison.summary import spread
from comparison.variants import VARIANTS

NAMESPACE = "{http://www.w3.org/2000/svg}"


def lines(**options):
    series = [
        (key, variant.title, [(x, spread([x * 10, x * 11])) for x in (1, 8, 64, 512, 4096)])
        for key, variant in VARIANTS.items()
    ]
    return svg.line_plot("a <title> & more", "x", "y", series, **options)


class Plots(unittest.TestCase):
    def parse(self, text):
        root = tree.fromstring(text)
        self.assertEqual(root.tag, NAMESPACE + "svg")
        return root

    def test_lines_and_bars_are_well_formed(self):
        for text in (
            lines(),
            lines(x_log=True, y_log=True),
            lines(y_log=True, y_form=svg.short_duration),
            svg.bar_plot("bars", "µs", [("herdd", "herdd", spread([1.0, 2.0])), ("java", "Java", spread([3.0]))]),
        ):
            root = self.parse(text)
            self.assertGreater(len(list(root.iter(NAMESPACE + "text"))), 4)

    def test_a_plot_of_its_own_has_its_style(self):
        root = self.parse(svg.standing_alone(lines()))
        self.assertIn("prefers-color-scheme:dark", root.find(NAMESPACE + "style").text)

    def test_everything_stays_inside(self):
        for text in (lines(x_log=True, y_log=True), lines()):
            root = self.parse(text)
            height = float(root.get("height"))
            for circle in root.iter(NAMESPACE + "circle"):
                self.assertTrue(svg.LEFT <= float(circle.get("cx")) <= svg.WIDTH - svg.RIGHT)
                self.assertTrue(svg.TOP <= float(circle.get("cy")) <= height)
            for label in root.iter(NAMESPACE + "text"):
                self.assertTrue(
                    0 <= float(label.get("x")) <= svg.WIDTH and 0 <= float(label.get("y")) <= height, label.text
                )

    def test_higher_is_up_and_more_is_right(self):
        root = self.parse(svg.line_plot("t", "x", "y", [("herdd", "herdd", [(1, spread([1])), (10, spread([100]))])]))
        first, second = list(root.iter(NAMESPACE + "circle"))[:2]
        self.assertLess(float(first.get("cx")), float(second.get("cx")))
        self.assertGreater(float(first.get("cy")), float(second.get("cy")))

    def test_labels_of_an_axis_do_not_meet(self):
        for values in ((1, 4096), (900, 1_100), (0.4, 0.6), (1e3, 1e9), (37, 61)):
            for is_log in (False, True):
                axis = svg.Axis(values, (0, 700), log=is_log)
                places = sorted(axis.at(value) for value, _ in axis.ticks())
                self.assertGreaterEqual(len(places), 2, values)
                for one, next_one in zip(places, places[1:]):
                    self.assertGreater(next_one - one, 20, (values, is_log))

    def test_one_value_and_zeros_are_drawn(self):
        self.parse(svg.line_plot("t", "x", "y", [("herdd", "herdd", [(5, spread([7]))])], x_log=True, y_log=True))
        self.parse(svg.bar_plot("t", "x", [("herdd", "herdd", spread([0.0]))]))

    def test_a_logarithm_leaves_out_nothing_but_zero(self):
        points = [(1, spread([0, 0])), (8, spread([0, 10, 20])), (64, spread([5]))]
        root = self.parse(svg.line_plot("t", "x", "y", [("herdd", "herdd", points)], x_log=True, y_log=True))
        self.assertEqual(len(list(root.iter(NAMESPACE + "circle"))), 2 + 1, "two points and the legend's")

    def test_every_variant_has_a_look_of_its_own(self):
        self.assertEqual(set(svg.LOOKS), set(VARIANTS))
        for place in (0, 1):
            self.assertEqual(len({look[place] for look in svg.LOOKS.values()}), len(VARIANTS))
        for key in VARIANTS:
            self.assertEqual(len(re.findall(rf"\.v-{key}\{{color", svg.STYLE)), 2, "light and dark")

    def test_numbers_of_axes(self):
        self.assertEqual([svg.short(v) for v in (0.5, 12, 3000, 1.5e6)], ["0.5", "12", "3k", "1.5M"])
        self.assertEqual([svg.short_duration(v) for v in (5, 2000, 1e6)], ["5 µs", "2 ms", "1 s"])
        self.assertEqual([svg.short_bytes(v) for v in (10, 1e4, 1e6, 2e9)], ["10 B", "10 kB", "1 MB", "2 GB"])


if __name__ == "__main__":
    unittest.main()
