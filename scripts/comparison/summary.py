# SPDX-License-Identifier: MIT
"""From samples to figures: medians with their spread, ratios of pairs, the knee of a curve."""
import dataclasses
import statistics

KNEE_P99_US = 50_000  # past the knee: slower than this ...
KNEE_ANSWERED = 0.95  # ... or fewer answers than this share of what was offered


@dataclasses.dataclass(frozen=True)
class Spread:
    """Of several samples of one thing."""

    median: float
    least: float
    most: float
    count: int

    def text(self, form="{:,.0f}"):
        """ "12 (11 to 14)"; the median alone of one sample."""
        if self.count == 1:
            return form.format(self.median)
        return f"{form.format(self.median)} ({form.format(self.least)} to {form.format(self.most)})"


def spread(values):
    """None without values; None among them does not count."""
    values = [value for value in values if value is not None]
    if not values:
        return None
    return Spread(statistics.median(values), min(values), max(values), len(values))


def pair_ratios(upper, lower):
    """The spread of the ratios of samples of the same repetition, {repetition: value} each."""
    return spread([upper[key] / lower[key] for key in sorted(upper.keys() & lower.keys()) if lower[key]])


def value_at(result, path):
    """result["latency"]["all"]["p99"] of "latency.all.p99"; None where something on the way is missing."""
    for key in path.split("."):
        if not isinstance(result, dict):
            return None
        result = result.get(key)
    return result


def is_past_knee(result):
    """Whether an open loop's result says that the server did not keep up."""
    if result["errors"]["total"] > 0:
        return True
    p99 = value_at(result, "latency.all.p99")
    return result["requests"]["per_s"] < KNEE_ANSWERED * result["offered_per_s"] or p99 is None or p99 > KNEE_P99_US


def knee(points):
    """The highest rate that was carried, of points (rate, past): the last before the first that is past; None if
    already the lowest is. A rate that was tried more than once is past if it was each time: who carries it once can."""
    tries = {}
    for rate, past in points:
        tries.setdefault(rate, []).append(past)
    carried = None
    for rate in sorted(tries):
        if all(tries[rate]):
            break
        carried = rate
    return carried


class Samples:
    """All samples of a run, to be picked from. A sample: workload, variant, cell (a dict), repetition, command, and
    either result or error."""

    def __init__(self, samples):
        self.samples = samples

    def pick(self, workload, variant=None, **cell):
        """Good samples, of which cell has at least these values."""
        return [
            s
            for s in self.samples
            if s["workload"] == workload
            and s["error"] is None
            and variant in (None, s["variant"])
            and all(s["cell"].get(k) == v for k, v in cell.items())
        ]

    def failures(self):
        return [s for s in self.samples if s["error"] is not None]

    def spread(self, path, workload, variant, **cell):
        return spread([value_at(s["result"], path) for s in self.pick(workload, variant, **cell)])

    def by_repetition(self, path, workload, variant, **cell):
        values = {s["repetition"]: value_at(s["result"], path) for s in self.pick(workload, variant, **cell)}
        return {key: value for key, value in values.items() if value is not None}

    def ratio(self, path, workload, over, under, **cell):
        """Of two variants in the same cell, pair by pair."""
        return pair_ratios(
            self.by_repetition(path, workload, over, **cell), self.by_repetition(path, workload, under, **cell)
        )

    def cells(self, workload, key):
        """The values of one key of the cells, in order."""
        return sorted({s["cell"][key] for s in self.samples if s["workload"] == workload and key in s["cell"]})

    def variants(self, workload):
        """Those that have a good sample."""
        return {s["variant"] for s in self.pick(workload)}
