# SPDX-License-Identifier: MIT
"""Processes that the comparison starts: on which CPUs, until they accept connections, and their end in any case."""
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "herd"))
from harness import PORTS, raise_descriptor_limit  # noqa: E402, F401

START_S = 60.0  # until a server accepts connections; some compile first
STOP_S = 10.0  # until it has ended after SIGTERM


class Failed(Exception):
    """Something could not be measured, and why in a line."""


class Pinning:
    """Which CPUs servers and load get. Apart: servers the first, the load and the stand-in for the provider the next.
    Together: all have all."""

    def __init__(self):
        self.cpus = sorted(os.sched_getaffinity(0))

    def words(self, is_server, apart):
        """What stands before a command."""
        if not apart or len(self.cpus) < 2:
            return []
        return ["taskset", "--cpu-list", str(self.cpus[0 if is_server else 1])]

    def describe(self):
        if len(self.cpus) < 2:
            return "There is one CPU: servers and load share it."
        return (
            f"Servers run on CPU {self.cpus[0]}, the load and the stand-in for the provider on CPU"
            f" {self.cpus[1]} (taskset), but where it says that nobody is pinned."
        )


def last_line(path):
    lines = [line for line in pathlib.Path(path).read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "nothing on stderr"


def signal_group(leader, number):
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        pass


def end_group(process):
    """Kills what is left of a process and those that it started."""
    signal_group(process.pid, signal.SIGKILL)
    process.communicate()


class Process:
    """A server. It has a process group of its own, so that nothing that it started outlives it."""

    def __init__(self, command, errors, environment=None):
        self.command = [str(word) for word in command]
        self.errors = pathlib.Path(errors)
        with open(self.errors, "wb") as stderr:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )

    @property
    def pid(self):
        return self.process.pid

    @property
    def runs(self):
        return self.process.poll() is None

    def wait_for_port(self, port):
        """Until somebody accepts there; Failed if this ends first or does not come to it."""
        deadline = time.monotonic() + START_S
        while True:
            if not self.runs:
                raise Failed(
                    f"{self.command[-1]} ended with status {self.process.returncode} at its start: "
                    f"{last_line(self.errors)}"
                )
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=1):
                    return
            except OSError:
                if time.monotonic() > deadline:
                    raise Failed(f"{self.command[-1]} does not listen on port {port} after {START_S:.0f} s") from None
                time.sleep(0.01)

    def wait(self, deadline):
        """For its end until then; whatever is left of it and its group is killed."""
        try:
            self.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            pass
        end_group(self.process)


class Processes:
    """All that run; the end of the context is theirs too."""

    def __init__(self):
        self.running = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop(list(self.running))

    def start(self, command, errors, port, environment=None):
        process = Process(command, errors, environment)
        self.running.append(process)
        try:
            process.wait_for_port(port)
        except Failed:
            self.stop([process])
            raise
        return process

    def stop(self, processes):
        """Ends them side by side."""
        for process in processes:
            signal_group(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_S
        for process in processes:
            process.wait(deadline)
            if process in self.running:
                self.running.remove(process)


def anonymous_memory(pid):
    """Bytes of memory that are this process's own."""
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1]) * 1024
    raise Failed(f"no anonymous memory in smaps_rollup of {pid}")
