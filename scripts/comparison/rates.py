# SPDX-License-Identifier: MIT
"""Rising rates, open loop, until a server does not keep up: latency against what is offered."""
from comparison.processes import Failed
from comparison.session import OVERHEAD_S, FleetSpec
from comparison.summary import is_past_knee
from comparison.variants import HERD

STEP = 2**0.5  # from rate to rate; the same rates for all, so that curves can be compared
BASE_PER_S = 1000  # the lowest
FIRST_SHARE = 0.3  # of what was carried closed loop: where the climb begins
STEPS_MOST = 12
TIMEOUT_S = 2  # whoever takes that long does not keep up
STEPS_USUAL = 7  # for the estimate


def grid(steps):
    """The rate that many steps above the lowest."""
    return round(BASE_PER_S * STEP**steps)


def first_step(per_s):
    """Where to begin for a server that carries per_s requests a second closed loop."""
    steps = 0
    while grid(steps + 1) <= FIRST_SHARE * per_s:
        steps += 1
    return steps


class Rates:
    """One climb a variant and repetition: the lowest rate, then from FIRST_SHARE of what it carries closed loop up to
    the first rate that is past the knee."""

    name = "rates"
    options = ("--connections=64",)

    def __init__(self, quick):
        self.quick = quick
        self.spec = FleetSpec(warm_up=self.options)

    def specs(self):
        return {self.spec}

    def rows(self, session):
        return [v for v in session.variants if v.kind == HERD or not self.quick]

    def times(self, session):
        return 1 if self.quick else session.settings.repetitions

    def seconds(self, session, window_s, started):
        rows = len(self.rows(session))
        total = len(self.specs() - started) * session.settings.starting_s(self.rows(session))
        started |= self.specs()
        one = OVERHEAD_S + session.settings.warm_up_s + window_s
        return total + rows * self.times(session) * one * (STEPS_USUAL + 3)

    def run(self, session, fleets):
        for repetition in range(self.times(session)):
            for variant in self.rows(session):
                self.climb(session, fleets, variant, repetition)

    def climb(self, session, fleets, variant, repetition):
        closed = self.measure(session, fleets, variant, repetition, None)
        if closed["error"] is not None:
            return
        if not self.carries(session, fleets, variant, repetition, grid(0)):
            return
        begin = max(1, first_step(closed["result"]["requests"]["per_s"]))
        for steps in range(begin, begin + STEPS_MOST):
            if not self.carries(session, fleets, variant, repetition, grid(steps)):
                return

    def carries(self, session, fleets, variant, repetition, rate):
        """Whether it does, at the first or the second try: something else on the machine may have been in the way."""
        for _ in range(2):
            sample = self.measure(session, fleets, variant, repetition, rate)
            if sample["error"] is None and not is_past_knee(sample["result"]):
                return True
        return False

    def measure(self, session, fleets, variant, repetition, rate):
        """At that rate; closed loop without one. Errors under an offered rate say that the knee is passed: no
        failures."""
        cell = {"rate": rate}
        session.say(
            f"{self.name}: {variant.title}: {f'{rate:,} a second' if rate else 'closed loop'} "
            f"({repetition + 1} of {self.times(session)})"
        )
        try:
            server = fleets.server(self.spec, variant)
        except Failed as problem:
            return session.keep(self.name, variant, cell, repetition, [], None, str(problem))
        options = [
            f"--protocol={variant.protocol}",
            f"--seconds={session.window_s:.3f}",
            f"--warmup={session.settings.warm_up_s:.3f}",
            f"--seed={repetition + 1}",
            *self.options,
        ]
        if rate is not None:
            options += [f"--rate={rate}", f"--timeout={TIMEOUT_S}"]
        command, result, error = session.run_load(
            options, [server.port], [server.process.pid], self.spec.apart, session.window_s
        )
        if rate is not None and result is not None:
            error = None
        return session.keep(self.name, variant, cell, repetition, command, result, error)
