# SPDX-License-Identifier: MIT
"""What results.json holds, as the report asks for it: figures by variant and workload, in words that go into a
table."""
from comparison.summary import Samples, Spread, is_past_knee, knee, spread, value_at
from comparison.variants import HERD, VARIANTS

CPU = "server_cpu_us_per_request"
RATE = "requests.per_s"
BUSY = 0.95  # of the generator's thread: from there on it may be what is measured


def duration(us):
    """Microseconds, as somebody would say it."""
    if us is None:
        return "-"
    if us < 1000:
        return f"{us:.0f} µs" if us >= 100 else f"{us:.1f} µs"
    if us < 1e6:
        return f"{us / 1e3:.3g} ms"
    return f"{us / 1e6:.3g} s"


def size(count):
    """Bytes."""
    if count is None:
        return "-"
    for unit, factor, least in (("GB", 1e9, 1e9), ("MB", 1e6, 1e6), ("kB", 1e3, 1e4)):
        if abs(count) >= least:
            return f"{count / factor:.1f} {unit}"
    return f"{count:.0f} B"


def said(s, form="{:,.0f}"):
    return "-" if s is None else s.text(form)


def median(s):
    return None if s is None else s.median


class Results:
    """A results.json and its figures."""

    def __init__(self, data):
        self.data = data
        self.samples = Samples(data["samples"])
        self.rows = {row["key"]: row for row in data["variants"]}
        self.missing = {key: row["missing"] for key, row in self.rows.items() if row["missing"]}

    def conforms(self, key):
        """Whether a variant counts: members of a herd have to pass the client suite."""
        row = self.rows.get(key)
        if row is None or row["missing"]:
            return False
        return VARIANTS[key].kind != HERD or bool(row["conformance"] and row["conformance"]["conforms"])

    def keys(self, workload, kinds=None, ranked=False):
        """Variants that were measured there, in the order of the report."""
        measured = self.samples.variants(workload)
        return [
            key
            for key, v in VARIANTS.items()
            if key in measured and (kinds is None or v.kind in kinds) and (not ranked or self.conforms(key))
        ]

    def was_tried(self, key):
        """Whether it has run the client suite, or needs not: an interrupted run has not got to all."""
        row = self.rows.get(key)
        return row is not None and not row["missing"] and (VARIANTS[key].kind != HERD or row["conformance"] is not None)

    def name(self, key):
        return VARIANTS[key].title + (" (not conforming)" if self.was_tried(key) and not self.conforms(key) else "")

    def rivals(self, workload):
        """The other members of a herd that count."""
        return [key for key in self.keys(workload, (HERD,), ranked=True) if key != "herdd"]

    # -- figures

    def rate(self, workload, key, **cell):
        return self.samples.spread(RATE, workload, key, **cell)

    def cpu(self, workload, key, **cell):
        return self.samples.spread(CPU, workload, key, **cell)

    def latency(self, percentile, workload, key, **cell):
        return self.samples.spread(f"latency.all.{percentile}", workload, key, **cell)

    def generator_is_limit(self, workload, key, **cell):
        busy = self.samples.spread("generator.busy", workload, key, **cell)
        return busy is not None and busy.median >= BUSY

    def server_busy(self, workload, key, **cell):
        """CPUs that the servers of a sample kept busy."""
        return spread(
            [
                sum(server["cpu_s"] for server in s["result"]["servers"]) / s["result"]["seconds"]
                for s in self.samples.pick(workload, key, **cell)
                if s["result"].get("servers") and s["result"]["seconds"]
            ]
        )

    def most_memory(self, workload, key, **cell):
        """Resident bytes at the most."""
        return spread(
            [
                sum(server["rss"]["most"] for server in s["result"]["servers"])
                for s in self.samples.pick(workload, key, **cell)
                if s["result"].get("servers")
            ]
        )

    def cpu_ratio(self, workload, over, under, **cell):
        return self.samples.ratio(CPU, workload, over, under, **cell)

    def rate_ratio(self, workload, over, under, **cell):
        return self.samples.ratio(RATE, workload, over, under, **cell)

    def lookup_rate(self, key, delay_ms, at_once):
        """Lookups a second of a closed loop, by Little's law: as they are under way over the mean time of one. They
        come and go in waves, of which a window holds more or fewer by chance."""
        return spread(
            [
                at_once * 1e6 / value
                for value in self.samples.by_repetition(
                    "latency.all.mean", "lookups", key, delay_ms=delay_ms, at_once=at_once
                ).values()
            ]
        )

    def share_of_ideal(self, key, delay_ms, at_once):
        """The same, as a share of what nobody can exceed."""
        rate = self.lookup_rate(key, delay_ms, at_once)
        ideal = at_once * 1000 / delay_ms
        return None if rate is None else Spread(rate.median / ideal, rate.least / ideal, rate.most / ideal, rate.count)

    def stall_cells(self):
        """The length of the stalls that were measured; None if not both with and without."""
        stalls = self.samples.cells("mix", "stall_ms")
        return stalls[-1] if len(stalls) == 2 else None

    def growth(self, key, cell_key, count):
        """Bytes for each of count clients or connections."""
        return spread(
            [
                (s["anonymous_bytes"] - s["empty_bytes"]) / count
                for s in self.samples.pick("memory", key, **{cell_key: count})
                if s["anonymous_bytes"] is not None
            ]
        )

    def memory_at(self, key, cell_key, count):
        return spread([s["anonymous_bytes"] for s in self.samples.pick("memory", key, **{cell_key: count})])

    def empty_memory(self, key):
        """Bytes of a process that has just begun."""
        return spread([s["empty_bytes"] for s in self.samples.pick("memory", key) if "clients" in s["cell"]])

    def climbs(self, key):
        """The samples of each climb, by rising rates."""
        climbs = {}
        for s in self.samples.pick("rates", key):
            if s["cell"]["rate"] is not None:
                climbs.setdefault(s["repetition"], []).append(s)
        return [sorted(climb, key=lambda s: s["cell"]["rate"]) for climb in climbs.values()]

    def knee(self, key):
        """The highest offered rate that was carried, a climb each."""
        return spread(
            [knee([(s["cell"]["rate"], is_past_knee(s["result"])) for s in climb]) for climb in self.climbs(key)]
        )

    def knee_is_the_generators(self, key):
        """Whether it was the load that did not keep up, or may have been."""
        return any(climb[-1]["result"]["generator"]["busy"] >= BUSY for climb in self.climbs(key))

    def curve(self, key, percentile="p99"):
        """Latency by offered rate."""
        rates = sorted({s["cell"]["rate"] for s in self.samples.pick("rates", key) if s["cell"]["rate"] is not None})
        points = [
            (
                rate,
                spread(
                    [
                        value_at(s["result"], f"latency.all.{percentile}")
                        for s in self.samples.pick("rates", key, rate=rate)
                    ]
                ),
            )
            for rate in rates
        ]
        return [(rate, s) for rate, s in points if s is not None]

    def sustained(self, key):
        """Updates a second that all five members carried without lag, a climb each; 0 where not even the lowest rate
        was."""
        climbs = {}
        for s in self.samples.pick("flooding", key):
            if s["cell"]["rate"] is not None:
                climbs.setdefault(s["repetition"], []).append((s["cell"]["rate"], not s["carried"]))
        return spread([knee(points) or 0 for points in climbs.values()])
