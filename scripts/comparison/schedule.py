# SPDX-License-Identifier: MIT
"""How long windows may be so that all is done in time, and what the user sees of it meanwhile."""
import contextlib
import sys
import time

PROGRESS_WIDTH = 150


class Progress:
    """What goes on, and until when: one line that is written anew on a terminal, else a line a workload."""

    def __init__(self):
        self.begin = time.monotonic()
        self.left_s = None  # by the last estimate,
        self.left_since = None  # which was made then
        self.is_terminal = sys.stderr.isatty()

    def elapsed_s(self):
        return time.monotonic() - self.begin

    def line(self, text):
        done = int(self.elapsed_s())
        left = ""
        if self.left_s is not None:
            seconds = max(0.0, self.left_s - (time.monotonic() - self.left_since))
            left = f", about {seconds:.0f} s left" if seconds < 120 else f", about {seconds / 60:.0f} min left"
        return f"{done // 60:3}:{done % 60:02}{left}  {text}"

    def step(self, text):
        if self.is_terminal:
            print("\r\x1b[K" + self.line(text)[:PROGRESS_WIDTH], end="", file=sys.stderr, flush=True)

    def say(self, text):
        print(("\r\x1b[K" if self.is_terminal else "") + self.line(text), file=sys.stderr, flush=True)


class Schedule:
    """Chooses windows. Estimates are corrected by how long workloads took against how long they should have."""

    def __init__(self, settings, progress):
        self.settings = settings
        self.progress = progress
        self.deadline = None
        self.estimated_s = self.taken_s = 0.0  # of the workloads so far

    def begin(self):
        """From here on time counts: building does not."""
        self.deadline = time.monotonic() + self.settings.limit_s
        self.progress.left_s, self.progress.left_since = self.settings.limit_s, time.monotonic()

    def left_s(self):
        return self.deadline - time.monotonic()

    def correction(self):
        return max(0.5, self.taken_s / self.estimated_s) if self.estimated_s > 0 else 1.0

    def seconds(self, session, fleets, workloads, window_s):
        started = set(fleets.up)
        return self.correction() * sum(workload.seconds(session, window_s, started) for workload in workloads)

    def fits(self, session, fleets, workloads):
        """Whether the first of them can be done in what is left, with the shortest windows."""
        return self.seconds(session, fleets, workloads[:1], self.settings.least_s) <= self.left_s()

    def window(self, session, fleets, workloads):
        """The longest window with which all of them can be done."""
        least, most = self.settings.least_s, self.settings.most_s
        if self.seconds(session, fleets, workloads, most) <= self.left_s():
            least = most
        for _ in range(20):
            middle = (least + most) / 2
            if self.seconds(session, fleets, workloads, middle) <= self.left_s():
                least = middle
            else:
                most = middle
        self.progress.left_s = min(self.left_s(), self.seconds(session, fleets, workloads, least))
        self.progress.left_since = time.monotonic()
        return least

    @contextlib.contextmanager
    def workload(self, session, fleets, workload):
        """Around a workload: what it takes corrects the estimates."""
        estimate = workload.seconds(session, session.window_s, set(fleets.up))
        begin = time.monotonic()
        yield
        self.estimated_s += estimate
        self.taken_s += time.monotonic() - begin
