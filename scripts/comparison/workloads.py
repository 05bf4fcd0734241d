# SPDX-License-Identifier: MIT
"""Workloads that are measured in turns: every variant once, then every variant again, ABCABC."""
import dataclasses

from comparison.processes import Failed
from comparison.session import OVERHEAD_S, FleetSpec
from comparison.variants import FLOOR, HERD, YARDSTICK

ALL = (HERD, FLOOR, YARDSTICK)
IDLE_CONNECTIONS = 10_000
MIX_IAMAT_PER_S, MIX_WHATSAT_PER_S = 900, 100
MIX_LEAD_S = 0.5  # the lookups begin before the reports are measured, and end after


@dataclasses.dataclass(frozen=True)
class Cell:
    """One thing that is measured of each variant."""

    parameters: tuple  # (name, value): what it is called in the samples
    spec: FleetSpec
    options: tuple  # herd-load's
    least_s: float = 0.0  # of its window
    extra_s: float = 0.0  # beyond warm-up and window, for the estimate
    beside: tuple = ()  # options of a second load that goes on meanwhile


class Turns:
    """Groups of cells; within a group everything is interleaved."""

    def __init__(self, name, groups, kinds=ALL, keys=(), repetitions=None):
        self.name = name
        self.groups = groups
        self.kinds = kinds
        self.keys = keys
        self.repetitions = repetitions

    def rows(self, session):
        return [v for v in session.variants if v.kind in self.kinds and (not self.keys or v.key in self.keys)]

    def specs(self):
        return {cell.spec for group in self.groups for cell in group}

    def times(self, session):
        return min(self.repetitions or session.settings.repetitions, session.settings.repetitions)

    def seconds(self, session, window_s, started):
        """An estimate; @started are the fleets that are up by then."""
        rows = self.rows(session)
        settings = session.settings
        total = len(self.specs() - started) * settings.starting_s(rows)
        started |= self.specs()
        for cell in (cell for group in self.groups for cell in group):
            one = (
                OVERHEAD_S
                + settings.warm_up_s
                + max(window_s, cell.least_s)
                + cell.extra_s
                + (2 * MIX_LEAD_S if cell.beside else 0)
            )
            total += one * len(rows) * self.times(session)
        return total

    def run(self, session, fleets):
        for group in self.groups:
            for repetition in range(self.times(session)):
                for cell in group:
                    for variant in self.rows(session):
                        what = ", ".join(f"{value} {name.replace('_', ' ')}" for name, value in cell.parameters)
                        session.say(f"{self.name}: {what}: {variant.title} ({repetition + 1} of {self.times(session)})")
                        self.measure(session, fleets, cell, variant, repetition)
            later = {cell.spec for cells in self.groups[self.groups.index(group) + 1 :] for cell in cells}
            fleets.stop_all_but(later | fleets.wanted_later)

    def measure(self, session, fleets, cell, variant, repetition):
        try:
            server = fleets.server(cell.spec, variant)
        except Failed as problem:
            session.keep(self.name, variant, dict(cell.parameters), repetition, [], None, str(problem))
            return
        window_s = max(session.window_s, cell.least_s)
        warm_up_s = session.settings.warm_up_s + (MIX_LEAD_S if cell.beside else 0)
        beside = None
        if cell.beside:
            options = [*cell.beside, "--warmup=0", f"--seconds={window_s + warm_up_s + MIX_LEAD_S / 2:.3f}"]
            beside = session.start_load(session.load_command(options, [server.port], [], cell.spec.apart))
        command, result, error = session.run_load(
            [
                f"--protocol={variant.protocol}",
                f"--seconds={window_s:.3f}",
                f"--warmup={warm_up_s:.3f}",
                f"--seed={repetition + 1}",
                *cell.options,
            ],
            [server.port],
            [server.process.pid],
            cell.spec.apart,
            window_s + warm_up_s + cell.extra_s,
        )
        more = {}
        if beside is not None:
            more["beside"], wrong = session.finish_load(beside, window_s)
            error = error or (wrong and "beside: " + wrong)
        session.keep(self.name, variant, dict(cell.parameters), repetition, command, result, error, **more)


def single(cells):
    """Each cell a group of its own."""
    return [[cell] for cell in cells]


def lookup_cells(delay_ms, counts, workers, max_lookups):
    """WHATSATs beside a provider that takes its time, two rounds of them at least; the first, all at once, is not
    counted."""
    delay_s = delay_ms / 1000
    options = ("--mix=0:100", "--clients=5000", "--timeout=30")
    spec = FleetSpec(
        options=(("herd", "workers", workers), ("places", "max_lookups", max_lookups)),
        provider=(delay_ms,),
        warm_up=(*options, f"--connections={counts[0]}"),
    )
    return [
        Cell(
            (("delay_ms", delay_ms), ("at_once", count)),
            spec,
            (*options, f"--connections={count}"),
            least_s=2 * delay_s,
            extra_s=delay_s + 0.1,
        )
        for count in counts
    ]


def mix_cells(quick):
    """Reports and lookups, 90:10, each over connections of their own: a report behind a lookup on the same connection
    has to wait for it in any server, as replies come in the order of the commands."""
    lookups = (
        "--mix=0:100",
        "--clients=1000",
        "--prefix=asks",
        f"--rate={MIX_WHATSAT_PER_S}",
        "--connections=256",
        "--timeout=30",
    )
    reports = (f"--rate={MIX_IAMAT_PER_S}", "--connections=8", "--clients=10000")
    every_ms, stall_ms = (1000, 500) if quick else (2000, 1000)
    return [
        Cell(
            (("stall_ms", stalled),),
            FleetSpec(provider=(50, 20, every_ms, stalled) if stalled else (50,)),
            reports,
            least_s=(1 if quick else 2) * every_ms / 1000,
            beside=lookups,
        )
        for stalled in (0, stall_ms)
    ]


def turns(quick):
    """All of these workloads by name."""
    plain = FleetSpec(warm_up=("--connections=64",))
    together = FleetSpec(apart=False, warm_up=("--connections=64",))
    at_64 = ("--connections=64",)
    counts = (1, 64, 512) if quick else (1, 8, 64, 512, 4096)
    lookups = [
        [cell]
        for delay_ms in (10, 100, 1000)
        for workers, most, counts_ in ((64, 48, (8, 48)), (1024, 1000, (256, 1000)))
        for cell in lookup_cells(delay_ms, counts_, workers, most)
    ]
    if quick:
        lookups = single(lookup_cells(100, (48,), 64, 48) + lookup_cells(1000, (1000,), 1024, 1000))
    return {
        workload.name: workload
        for workload in (
            Turns(
                "connections",
                single(
                    [Cell((("connections", n),), plain, (f"--connections={n}",), extra_s=n / 10000) for n in counts]
                ),
            ),
            Turns("pipelined", single([Cell((("connections", 64), ("depth", 16)), plain, (*at_64, "--depth=16"))])),
            Turns("lookups", lookups, (HERD,), repetitions=1 if quick else None),
            Turns("mix", [mix_cells(quick)], (HERD,), repetitions=1 if quick else None),
            Turns(
                "workers",
                [
                    [
                        Cell(
                            (("workers", n),),
                            FleetSpec(options=(("herd", "workers", n), ("places", "max_lookups", 1)), warm_up=at_64),
                            at_64,
                        )
                        for n in (2, 1024)
                    ]
                ],
                keys=("herdd",),
            ),
            Turns(
                "reconnect",
                single([Cell((("connections", 64),), plain, (*at_64, "--reconnect"))]),
                (HERD, FLOOR),
                repetitions=2 if quick else None,
            ),
            Turns(
                "cores",
                single(
                    [
                        Cell((("connections", 64), ("depth", depth)), together, (*at_64, f"--depth={depth}"))
                        for depth in ((1,) if quick else (1, 16))
                    ]
                ),
                (HERD,) if quick else ALL,
                repetitions=2 if quick else None,
            ),
            Turns(
                "idle",
                single(
                    [
                        Cell(
                            (("connections", 64), ("idle", IDLE_CONNECTIONS)),
                            plain,
                            (*at_64, f"--idle={IDLE_CONNECTIONS}"),
                            extra_s=2.0,
                        )
                    ]
                ),
                (HERD, FLOOR),
                repetitions=1 if quick else None,
            ),
            Turns(
                "log",
                single(
                    [
                        Cell(
                            (("log", "all"),),
                            FleetSpec(options=(("herd", "log_messages", "all"),), warm_up=at_64),
                            at_64,
                        )
                    ]
                ),
                (HERD,),
                repetitions=1 if quick else None,
            ),
        )
    }
