# SPDX-License-Identifier: MIT
"""scripts/compare itself, on herdd alone and with windows too short to mean anything: what it measures, writes and
leaves."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

import canned

BUILD = os.environ["HERD_BUILD"]
COMMAND = [
    sys.executable,
    "-B",
    str(canned.ROOT / "scripts" / "compare"),
    "--quick",
    "--build",
    BUILD,
    "--variants",
    "herdd",
]
PATIENCE_S = 240


def run(*arguments):
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=PATIENCE_S, check=False)


class Compare(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_a_small_run(self):
        ran = run(
            "--only", "connections,propagation", "--repetitions", "2", "--minutes", "1", "--output", str(self.folder)
        )
        self.assertEqual(ran.returncode, 0, ran.stderr)
        data = json.loads((self.folder / "results.json").read_text())
        rows = {row["key"]: row for row in data["variants"]}
        self.assertTrue(rows["herdd"]["conformance"]["conforms"], rows["herdd"])
        self.assertGreater(rows["herdd"]["conformance"]["passed"], 5)
        self.assertEqual(rows["java"]["missing"], "not asked for")
        self.assertEqual([s["error"] for s in data["samples"] if s["error"]], [])
        seen = [(s["workload"], s["cell"].get("connections"), s["repetition"]) for s in data["samples"]]
        self.assertEqual(
            seen,
            [("connections", n, repetition) for n in (1, 64, 512) for repetition in (0, 1)]
            + [("propagation", None, repetition) for repetition in (0, 1)],
        )
        for sample in data["samples"]:
            self.assertGreater(sample["result"]["requests"]["answered"], 0)
            self.assertGreater(sample["result"]["server_cpu_us_per_request"], 0)
            self.assertIn("herd-load", sample["command"])
        self.assertEqual(len(data["samples"][-1]["result"]["servers"]), 5)
        for name in ("report.md", "report.html", "plots/throughput.svg"):
            self.assertGreater((self.folder / name).stat().st_size, 1000)

        report = (self.folder / "report.html").read_text()
        again = self.folder / "again"
        ran = subprocess.run(
            [*COMMAND[:3], "--report-from", str(self.folder / "results.json"), "--output", str(again)],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertEqual((again / "report.html").read_text(), report)

    def test_what_there_is_no_time_for_is_told(self):
        ran = run("--only", "connections", "--minutes", "0.01", "--output", str(self.folder))
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertIn("- connections: no time was left for it", (self.folder / "report.md").read_text())

    def test_ctrl_c_ends_what_it_started_and_keeps_what_it_has(self):
        # Its processes are known by their temporary folder, which stands in their command lines.
        environment = {**os.environ, "TMPDIR": str(self.folder)}
        with subprocess.Popen(
            [*COMMAND, "--only", "connections,idle", "--output", str(self.folder / "out")],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as running:
            for line in running.stderr:
                if "windows of" in line:
                    break
            running.send_signal(signal.SIGINT)
            _, errors = running.communicate(timeout=PATIENCE_S)
        self.assertEqual(running.returncode, 130, errors)
        self.assertEqual(self.mine(), [])
        self.assertTrue(json.loads((self.folder / "out" / "results.json").read_text())["interrupted"])
        self.assertIn("interrupted", (self.folder / "out" / "report.md").read_text())

    def mine(self):
        """Command lines of processes that name the folder."""
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().decode(errors="replace")
            except OSError:
                continue
            if str(self.folder) in words:
                found.append(words.replace("\0", " "))
        return found

    def test_wrong_use(self):
        for arguments, said in (
            (["--only", "nothing"], "'nothing' is none of connections"),
            (["--variants", "x"], "'x' is none of"),
            (["--repetitions", "0"], "at least 1"),
            (["--minutes", "-1"], "more than 0"),
        ):
            ran = run(*arguments)
            self.assertEqual(ran.returncode, 2)
            self.assertIn(said, ran.stderr)

    def test_a_file_that_is_no_result(self):
        for name, text in (("missing", None), ("broken", "{"), ("other", "[]")):
            path = self.folder / name
            if text is not None:
                path.write_text(text)
            ran = run("--report-from", str(path), "--output", str(self.folder / "out"))
            self.assertEqual(ran.returncode, 1)
            self.assertRegex(ran.stderr.strip(), rf"^compare: .*{name}: .+$")


if __name__ == "__main__":
    unittest.main()
