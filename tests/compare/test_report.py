# SPDX-License-Identifier: MIT
"""The report of a made-up results.json: whole, well-formed, and saying what the samples say."""
import json
import pathlib
import tempfile
import unittest
import xml.etree.ElementTree as tree

import canned
from comparison import answers, budgets
from comparison.report import write_report
from comparison.results import Results, duration, size
from comparison.sections import TITLES
from comparison.variants import VARIANTS


def change(data, workload, variant, alter, **cell):
    """Alters the results of some samples."""
    for sample in data["samples"]:
        if (sample["workload"], sample["variant"]) == (workload, variant) and cell.items() <= sample["cell"].items():
            alter(sample["result"])


class Reports(unittest.TestCase):
    def write(self, data):
        """The report's text and page."""
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            write_report(json.loads(json.dumps(data)), folder)
            plots = {path.name: path.read_text() for path in (folder / "plots").iterdir()}
            for text in plots.values():
                tree.fromstring(text)
            return (folder / "report.md").read_text(), (folder / "report.html").read_text(), plots

    def test_it_has_every_part(self):
        text, page, plots = self.write(canned.make())
        for title in TITLES.values():
            self.assertIn(f"### {title}\n", text)
        self.assertEqual(
            set(plots),
            {
                f"{name}.svg"
                for name in (
                    "throughput",
                    "latency",
                    "cpu",
                    "cpu-pipelined",
                    "rates",
                    "propagation",
                    "memory-clients",
                    "memory-connections",
                )
            },
        )
        for variant in VARIANTS.values():
            self.assertIn(variant.title, text)
        for name in plots:
            self.assertIn(f"(plots/{name})", text)
        self.assertNotIn("None", text)
        self.assertNotIn("nan", text.split())

    def test_the_page_is_well_formed_and_needs_nothing_else(self):
        _, page, plots = self.write(canned.make())
        body = tree.fromstring(page.split("\n", 1)[1]).find("body")
        self.assertEqual(len(body.findall("figure")), len(plots))
        for tag in ("script", "link", "img", "iframe"):
            self.assertNotIn(f"<{tag}", page)
        self.assertNotIn("url(", page)
        self.assertIn("&lt;none&gt;", page, "what a machine says is escaped")

    def test_nothing_measured_is_a_report_too(self):
        text, page, plots = self.write(canned.make(without=tuple(TITLES)))
        self.assertIn(answers.NOT_MEASURED, text)
        self.assertEqual(plots, {})
        tree.fromstring(page.split("\n", 1)[1])
        self.assertEqual(
            {row[3] for row in budgets.judge_all(Results(canned.make(without=tuple(TITLES))))}, {budgets.NOT_MEASURED}
        )

    def test_any_workload_may_be_missing(self):
        for workload in TITLES:
            text, _, _ = self.write(canned.make(repetitions=1, without=(workload,)))
            self.assertNotIn(f"### {TITLES[workload]}\n", text)
            self.assertIn(f"- {workload}: not asked for", text)

    def test_any_variant_may_be_missing(self):
        for key in VARIANTS:
            text, _, _ = self.write(canned.make(keys=[other for other in VARIANTS if other != key], repetitions=1))
            self.assertIn("not measured: is not installed", text)

    def test_an_interruption_before_the_first_measurement_is_a_report_too(self):
        data = canned.make(without=tuple(TITLES)) | {"interrupted": True}
        for row in data["variants"]:
            row["conformance"] = None
        text, _, _ = self.write(data)
        self.assertIn("The run was interrupted", text)
        self.assertNotIn("conforming", text)
        self.assertNotIn("does not pass the client suite", text)

    def test_failures_are_told(self):
        data = canned.make()
        data["samples"][0] |= {"result": None, "error": "3 errors: lost <everything>"}
        text, page, _ = self.write(data)
        self.assertIn("3 errors: lost <everything>", text)
        self.assertIn("3 errors: lost &lt;everything&gt;", page)

    def test_a_noisy_machine_is_told(self):
        data = canned.make(without=tuple(TITLES))
        self.assertNotIn("was not quiet", self.write(data)[0])
        data["machine"]["load_average_at_begin"] = [3.0, 1.0, 1.0]
        self.assertIn("was not quiet: its load average at the beginning was 3.00", self.write(data)[0])

    def test_a_table_survives_a_bar_in_a_cell(self):
        data = canned.make()
        data["samples"][0] |= {"result": None, "error": "a|b"}
        text, _, _ = self.write(data)
        self.assertIn("a\\|b", text)


class Verdicts(unittest.TestCase):
    def verdict(self, data, beginning):
        rows = [row for row in budgets.judge_all(Results(data)) if row[0].startswith(beginning)]
        self.assertEqual(len(rows), 1, beginning)
        return rows[0][3]

    def test_a_budget_is_met_or_not_by_the_samples(self):
        data = canned.make()
        self.assertEqual(self.verdict(data, "IAMAT, 64 connections, against a bare echo"), "met")
        change(data, "connections", "herdd", lambda r: r.update(server_cpu_us_per_request=20.0), connections=64)
        self.assertEqual(self.verdict(data, "IAMAT, 64 connections, against a bare echo"), "not met")
        self.assertEqual(self.verdict(data, "against libuv"), "not met")
        self.assertEqual(self.verdict(data, "against asyncio"), "not met")

    def test_every_budget_can_be_missed(self):
        data = canned.make()
        for sample in data["samples"]:
            if sample["variant"] != "herdd":
                continue
            result = sample["result"]
            if sample["workload"] != "workers" or sample["cell"]["workers"] == 1024:
                result["server_cpu_us_per_request"] *= 100
            result["requests"]["per_s"] /= 100
            result["latency"]["all"]["mean"] *= 100
            result["propagation"]["p99"] = 2001
            if sample["cell"].get("stall_ms"):
                result["latency"]["all"]["p99"] *= 2
            if sample["workload"] == "memory":
                sample["anonymous_bytes"] *= 10
        self.assertEqual({row[0]: row[3] for row in budgets.judge_all(Results(data)) if row[3] != "not met"}, {})

    def test_all_are_met_by_what_keeps_them(self):
        self.assertEqual({row[3] for row in budgets.judge_all(Results(canned.make()))}, {"met"})

    def test_who_does_not_conform_is_no_measure(self):
        data = canned.make()
        next(row for row in data["variants"] if row["key"] == "java")["conformance"]["conforms"] = False
        self.assertEqual(self.verdict(data, "against Java"), budgets.NOT_MEASURED)
        self.assertIn("does not pass the client suite", answers.against(Results(data), "java")[0])
        self.assertNotIn("java", Results(data).rivals("connections"))
        self.assertEqual(Results(data).name("java"), "Java (not conforming)")


class Answers(unittest.TestCase):
    def test_the_pool_wins_where_it_does(self):
        results = Results(canned.make())
        self.assertIn("herdd answers", answers.against(results, "java")[0])
        self.assertTrue(answers.loop_wins(results)[0].startswith("In no figure"))

    def test_the_loop_wins_where_it_does(self):
        data = canned.make()
        change(data, "connections", "libuv", lambda r: r["requests"].update(per_s=1e6), connections=512)
        change(data, "connections", "libuv", lambda r: r["requests"].update(per_s=1e6), connections=64)
        results = Results(data)
        verdict, points = answers.loop_wins(results)
        self.assertIn("another member does better", verdict)
        self.assertTrue(
            any("connections 512" in point and "libuv has more requests" in point for point in points), points
        )
        self.assertIn("libuv answers", answers.against(results, "libuv")[0])

    def test_better_by_chance_is_no_win(self):
        data = canned.make()
        for sample in data["samples"]:
            if (sample["workload"], sample["variant"]) == ("pipelined", "libuv"):
                sample["result"]["requests"]["per_s"] *= 0.5 if sample["repetition"] == 0 else 2
        self.assertFalse(any("more requests" in point for point in answers.loop_wins(Results(data))[1]))

    def test_a_bottleneck_is_one_only_if_the_pool_gains(self):
        data = canned.make()
        self.assertTrue(answers.one_thread(Results(data))[0].startswith("Not on 2 CPUs"))
        change(data, "cores", "herdd", lambda r: r["requests"].update(per_s=2e5), depth=1)
        self.assertTrue(answers.one_thread(Results(data))[0].startswith("Yes"))

    def test_figures_as_one_says_them(self):
        self.assertEqual(
            [duration(v) for v in (7.53, 123.4, 1500, 2.5e6, None)], ["7.5 µs", "123 µs", "1.5 ms", "2.5 s", "-"]
        )
        self.assertEqual([size(v) for v in (184, 25_000, 25e6, None)], ["184 B", "25.0 kB", "25.0 MB", "-"])


if __name__ == "__main__":
    unittest.main()
