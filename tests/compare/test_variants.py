# SPDX-License-Identifier: MIT
"""Variants that are missing or do not conform, and how long all of it may take."""
import pathlib
import stat
import sys
import tempfile
import time
import types
import unittest

import canned  # noqa: F401: finds the modules
from comparison import schedule, variants
from comparison.flooding import REPLY
from comparison.processes import PORTS, Failed, Processes
from comparison.rates import FIRST_SHARE, STEP, first_step, grid
from comparison.session import OutOfTime, Session, Settings, config_text


def script(folder, text):
    path = pathlib.Path(folder) / "program"
    path.write_text("#!/bin/sh\n" + text + "\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


class Missing(unittest.TestCase):
    def test_what_is_not_built_is_named(self):
        with self.assertRaisesRegex(Failed, "herd-libuv is not built"):
            variants.find_program(variants.VARIANTS["libuv"], {})

    def test_what_is_not_installed_is_named(self):
        variant = variants.Variant("nothing", "Nothing", "", variants.HERD)
        with self.assertRaisesRegex(Failed, "scripts/variants/nothing/herd-nothing is not there"):
            variants.find_program(variant, {})

    def test_the_reason_is_what_the_program_says(self):
        variant = variants.VARIANTS["node"]
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(
                variants.ask_version(variant, script(folder, "echo herd-node, Node.js 20; echo more")),
                "herd-node, Node.js 20",
            )
            with self.assertRaisesRegex(Failed, "^no node here$"):
                variants.ask_version(variant, script(folder, "echo no node here >&2; exit 127"))
            with self.assertRaisesRegex(Failed, "status 3"):
                variants.ask_version(variant, script(folder, "exit 3"))

    def test_uvloop_is_asked_for_by_the_environment(self):
        with tempfile.TemporaryDirectory() as folder:
            said = variants.ask_version(variants.VARIANTS["uvloop"], script(folder, 'echo "loop $HERD_EVENT_LOOP"'))
            self.assertEqual(said, "loop uvloop")


class Conforming(unittest.TestCase):
    def read(self, text, status):
        return variants.read_tap(text, status, lambda: "the reason")

    def test_all_passed(self):
        suite = self.read("ok 1 - a\n# a comment\nok 2 - b # SKIP no network\n1..2\n", 0)
        self.assertEqual((suite["passed"], suite["failed"], suite["skipped"], suite["conforms"]), (1, [], ["b"], True))

    def test_one_failed(self):
        suite = self.read("ok 1 - a\nnot ok 2 - b\n1..2\n", 1)
        self.assertEqual((suite["failed"], suite["conforms"]), (["b"], False))

    def test_no_tests_are_no_proof(self):
        for text, status in (("", 0), ("", 2), ("1..0\n", 0), ("ok 1 - a # SKIP no\n", 0)):
            suite = self.read(text, status)
            self.assertFalse(suite["conforms"])
            self.assertIn("the reason", suite["problem"])

    def test_an_end_in_the_middle_is_a_failure(self):
        self.assertFalse(self.read("ok 1 - a\n", 1)["conforms"])


class Servers(unittest.TestCase):
    def test_a_server_that_ends_at_once_is_told(self):
        with tempfile.TemporaryDirectory() as folder, Processes() as processes:
            program = script(folder, "echo address in use >&2; exit 4")
            with self.assertRaisesRegex(Failed, "status 4 at its start: address in use"):
                processes.start([program], pathlib.Path(folder) / "stderr", 1)
            self.assertEqual(processes.running, [])

    def test_the_end_takes_all_of_a_group(self):
        with tempfile.TemporaryDirectory() as folder:
            program = script(
                folder,
                (
                    f"(trap '' TERM; exec sleep 600) & echo $! > {folder}/child; exec "
                    f"{sys.executable} -m http.server -b 127.0.0.1 $1"
                ),
            )
            child = pathlib.Path(folder) / "child"
            with Processes() as processes:
                port = PORTS.take()
                server = processes.start([program, str(port)], pathlib.Path(folder) / "stderr", port)
                number = int(child.read_text())
                self.assertTrue(server.runs)
            deadline = time.monotonic() + 5
            while self.lives(number):
                self.assertLess(time.monotonic(), deadline, "the child of a server lives on")
                time.sleep(0.01)

    @staticmethod
    def lives(number):
        """Whether a process is there and no zombie."""
        try:
            return pathlib.Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except FileNotFoundError:
            return False

    def test_the_configuration_of_a_member(self):
        text = config_text("/folder", [("herd", "workers", 1024)], [("A", 1, ["B"]), ("B", 2, [])], "http://here")
        for line in (
            "[herd]\n",
            "workers = 1024\n",
            "url = http://here\n",
            "[member A]\nlisten = 127.0.0.1:1\nneighbours = B\n",
            "[member B]\nlisten = 127.0.0.1:2\nneighbours = \n",
        ):
            self.assertIn(line, text)

    def test_answers_are_told_apart(self):
        said = b'AT A +1.000000000 c +1+2 3\n{\n   "results" : []\n}\n\n? WHATSAT x 0 0\nAT B -1.0 d +1+2 3\n{\n}\n\n'
        self.assertEqual([reply.split()[1] for reply in REPLY.findall(said)], [b"A", b"WHATSAT", b"B"])


class Time(unittest.TestCase):
    def make(self, limit_s, works):
        settings = Settings(
            quick=False,
            repetitions=5,
            limit_s=limit_s,
            least_s=0.5,
            most_s=5.0,
            warm_up_s=0,
            first_warm_up_s=0,
            compiling_warm_up_s=0,
        )
        made = schedule.Schedule(settings, schedule.Progress())
        made.begin()
        fleets = types.SimpleNamespace(up={})
        left = [
            types.SimpleNamespace(seconds=lambda _session, window_s, _started, w=w: w[0] + w[1] * window_s)
            for w in works
        ]
        return made, fleets, left

    def test_windows_fill_the_time(self):
        made, fleets, left = self.make(1000, [(100, 100), (200, 150)])
        self.assertAlmostEqual(made.window(None, fleets, left), 700 / 250, delta=0.05)

    def test_windows_have_bounds(self):
        made, fleets, left = self.make(1000, [(10, 1)])
        self.assertEqual(made.window(None, fleets, left), 5.0)
        made, fleets, left = self.make(10, [(10, 100)])
        self.assertAlmostEqual(made.window(None, fleets, left), 0.5, delta=0.01)

    def test_what_does_not_fit_is_seen(self):
        made, fleets, left = self.make(100, [(10, 100), (90, 100)])
        self.assertTrue(made.fits(None, fleets, left[:1]))
        self.assertFalse(made.fits(None, fleets, left[1:]))

    def test_no_measurement_begins_too_late(self):
        session = Session(None, None, None, {}, {}, [], "/nowhere")
        session.check_time()
        session.deadline = time.monotonic() - 1
        with self.assertRaises(OutOfTime):
            session.run_load([], [1])

    def test_estimates_learn(self):
        made, fleets, left = self.make(1000, [(0, 100)])
        made.estimated_s, made.taken_s = 10.0, 20.0
        self.assertAlmostEqual(made.window(None, fleets, left), 5.0, delta=0.05)
        made.taken_s = 40.0
        self.assertAlmostEqual(made.window(None, fleets, left), 2.5, delta=0.05)


class Climbs(unittest.TestCase):
    def test_the_climb_begins_below_the_knee(self):
        for per_s in (500, 5_000, 120_000, 1_000_000):
            begin = grid(first_step(per_s))
            self.assertLessEqual(begin, max(grid(0), FIRST_SHARE * per_s))
            self.assertGreater(begin * STEP * 1.01, min(per_s, FIRST_SHARE * per_s))


if __name__ == "__main__":
    unittest.main()
