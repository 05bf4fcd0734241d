# SPDX-License-Identifier: MIT
"""The figures of a report: a section a workload, with its tables and plots."""
from comparison.results import duration, median, said, size
from comparison.svg import bar_plot, line_plot, short_bytes, short_duration

PERCENTILES = ("p50", "p90", "p99", "p99_9", "max")
PERCENTILE_NAMES = ("p50", "p90", "p99", "p99.9", "most")
TITLES = {
    "connections": "Reports on kept connections",
    "pipelined": "Reports, 16 at a time",
    "reconnect": "A connection for each report",
    "lookups": "Lookups beside a provider that takes its time",
    "mix": "Reports beside a provider that stalls",
    "idle": "64 busy connections beside 10,000 idle ones",
    "cores": "Server and load on the same CPUs",
    "log": "With the log on",
    "workers": "2 workers and 1,024",
    "rates": "Latency against what is offered",
    "propagation": "How long an update takes",
    "flooding": "How many updates a second five members carry",
    "memory": "Memory",
}


GENERATOR = "The load generator's CPU was in use for 95 % or more: the server could answer more."


class Sections:
    """Adds sections to a document."""

    def __init__(self, document, results):
        self.document = document
        self.results = results

    def write(self):
        """Those of the workloads that were measured."""
        for workload, title in TITLES.items():
            if self.results.samples.pick(workload):
                self.document.heading(3, title)
                getattr(self, "write_" + workload)()

    # -- tables and plots that several workloads have

    def rate_table(self, workload, kinds=None, **cell):
        """A row a variant: how many, for what CPU, how fast."""
        results, rows, limited = self.results, [], False
        for key in results.keys(workload, kinds):
            rate = results.rate(workload, key, **cell)
            if rate is None:
                continue
            cpu = results.cpu(workload, key, **cell)
            mark = "*" if results.generator_is_limit(workload, key, **cell) else ""
            limited = limited or bool(mark)
            rows.append(
                [
                    results.name(key),
                    said(rate) + mark,
                    said(cpu, "{:.2f}"),
                    f"{1e6 / cpu.median:,.0f}" if cpu else "-",
                    said(results.server_busy(workload, key, **cell), "{:.2f}"),
                    *(duration(median(results.latency(p, workload, key, **cell))) for p in ("p50", "p99", "p99_9")),
                ]
            )
        self.document.table(
            ["", "requests/s", "CPU a request, µs", "requests/CPU s", "CPUs in use", "p50", "p99", "p99.9"], rows
        )
        if limited:
            self.document.text("* " + GENERATOR)

    def percentile_plot(self, name, title, workload, path, kinds=None, **cell):
        series = []
        for key in self.results.keys(workload, kinds):
            points = [
                (place, self.results.samples.spread(f"{path}.{p}", workload, key, **cell))
                for place, p in enumerate(PERCENTILES)
            ]
            series.append((key, self.results.name(key), [(x, s) for x, s in points if s is not None]))
        self.add_plot(
            name,
            title,
            "share of the requests that were faster",
            "latency",
            series,
            y_log=True,
            x_names=PERCENTILE_NAMES,
            y_form=short_duration,
        )

    def add_plot(self, name, title, x_title, y_title, series, **options):
        if any(s.median > 0 for _, _, points in series for _, s in points):
            self.document.plot(name, line_plot(title, x_title, y_title, series, **options), title)

    def cpu_bars(self, name, title, workload, **cell):
        rows = [
            (key, self.results.name(key), self.results.cpu(workload, key, **cell))
            for key in self.results.keys(workload)
        ]
        rows = sorted((row for row in rows if row[2] is not None), key=lambda row: row[2].median)
        if rows:
            self.document.plot(name, bar_plot(title, "µs of the server's CPU", rows), title)

    # -- a workload each

    def write_connections(self):
        results, d = self.results, self.document
        counts = results.samples.cells("connections", "connections")
        d.text(
            "One report under way on each connection; the server has a CPU of its own, the load another. Requests a"
            " second:"
        )
        d.table(
            ["connections", *(f"{n:,}" for n in counts)],
            [
                [results.name(key), *(said(results.rate("connections", key, connections=n)) for n in counts)]
                for key in results.keys("connections")
            ],
        )
        series = [
            (
                key,
                results.name(key),
                [(n, s) for n in counts if (s := results.rate("connections", key, connections=n)) is not None],
            )
            for key in results.keys("connections")
        ]
        self.add_plot(
            "throughput",
            "Requests a second against connections",
            "connections",
            "requests a second",
            series,
            x_log=True,
            y_log=True,
            x_marks=counts,
        )
        if 64 in counts:
            d.text("With 64 connections:")
            self.rate_table("connections", connections=64)
            self.percentile_plot(
                "latency", "Latency, 64 connections, as fast as each goes", "connections", "latency.all", connections=64
            )
            self.cpu_bars("cpu", "CPU a request, 64 connections", "connections", connections=64)

    def write_pipelined(self):
        self.document.text("64 connections with 16 reports under way on each.")
        self.rate_table("pipelined")
        self.cpu_bars("cpu-pipelined", "CPU a request, 64 connections, 16 at a time", "pipelined")

    def write_reconnect(self):
        self.document.text("64 at once, each of which connects, reports, reads the reply and closes.")
        self.rate_table("reconnect")

    def write_idle(self):
        self.rate_table("idle")

    def write_cores(self):
        self.document.text(f"Nobody is pinned: servers and load share all {self.results.data['machine']['cpus']} CPUs.")
        for depth in self.results.samples.cells("cores", "depth"):
            self.document.text(f"64 connections, {depth} at a time:")
            self.rate_table("cores", depth=depth)

    def write_log(self):
        self.document.text(
            "Each line that is received or sent is written to the log; 64 connections, one at a time. To be compared"
            " with the same without the log, above."
        )
        self.rate_table("log")

    def write_workers(self):
        rows = []
        for count in self.results.samples.cells("workers", "workers"):
            rows.append(
                [
                    f"herdd, {count:,} workers",
                    said(self.results.rate("workers", "herdd", workers=count)),
                    said(self.results.cpu("workers", "herdd", workers=count), "{:.2f}"),
                    size(median(self.results.most_memory("workers", "herdd", workers=count))),
                ]
            )
        self.document.text("64 connections, one report at a time.")
        self.document.table(["", "requests/s", "CPU a request, µs", "resident at the most"], rows)

    def write_lookups(self):
        results, d = self.results, self.document
        d.text(
            "WHATSAT, each of another client, closed loop. Up to 48 at once with `workers = 64` and `max_lookups = 48`,"
            " above that with `workers = 1024` and `max_lookups = 1000`; Java has pools of the same sizes. Lookups a"
            " second (as many as are under way, over the mean time of one), and which share that is of what the"
            " provider's delay allows:"
        )
        for delay_ms in results.samples.cells("lookups", "delay_ms"):
            counts = sorted({s["cell"]["at_once"] for s in results.samples.pick("lookups", delay_ms=delay_ms)})
            rows = []
            for key in results.keys("lookups"):
                row = [results.name(key)]
                for count in counts:
                    rate = results.lookup_rate(key, delay_ms, count)
                    share = results.share_of_ideal(key, delay_ms, count)
                    row.append("-" if rate is None else f"{rate.median:,.0f} ({share.median:.2f})")
                rows.append(row)
            d.table([f"the provider takes {duration(delay_ms * 1e3)}", *(f"{n:,} at once" for n in counts)], rows)
            count = counts[-1]
            cell = {"delay_ms": delay_ms, "at_once": count}
            d.table(
                [f"{count:,} at once", "CPU a lookup, µs", "p50", "p99", "resident at the most"],
                [
                    [
                        results.name(key),
                        said(results.cpu("lookups", key, **cell), "{:.0f}"),
                        duration(median(results.latency("p50", "lookups", key, **cell))),
                        duration(median(results.latency("p99", "lookups", key, **cell))),
                        size(median(results.most_memory("lookups", key, **cell))),
                    ]
                    for key in results.keys("lookups")
                    if results.lookup_rate(key, **cell) is not None
                ],
            )

    def write_mix(self):
        results, stall_ms = self.results, self.results.stall_cells()
        self.document.text(
            "900 reports and 100 lookups a second, open loop, over connections of their own, since a reply waits for"
            " those before it on its connection in any server. Latency of the reports, beside a provider that takes 50"
            " ms, and beside one that does not answer half of the time:"
        )
        rows = []
        for key in results.keys("mix") if stall_ms is not None else []:
            row = [results.name(key)]
            for percentile in ("p50", "p99", "p99_9"):
                row += [duration(median(results.latency(percentile, "mix", key, stall_ms=ms))) for ms in (0, stall_ms)]
            rows.append(row)
        self.document.table(["", "p50, well", "stalling", "p99, well", "stalling", "p99.9, well", "stalling"], rows)

    def write_rates(self):
        results = self.results
        series = [(key, results.name(key), results.curve(key)) for key in results.keys("rates")]
        self.document.text(
            "Open loop over 64 connections: reports are sent when they are due, and latency counts from then. The knee"
            " is the highest rate at which p99 is within 50 ms, 95 % are answered in time and nothing fails."
        )
        self.add_plot(
            "rates",
            "p99 against reports offered a second",
            "offered, a second",
            "p99",
            series,
            x_log=True,
            y_log=True,
            y_form=short_duration,
        )
        self.document.table(
            ["", "knee, requests/s", "p50 at 1,000/s", "p99 at 1,000/s"],
            [
                [
                    results.name(key),
                    said(results.knee(key)) + ("*" if results.knee_is_the_generators(key) else ""),
                    duration(median(results.latency("p50", "rates", key, rate=1000))),
                    duration(median(results.latency("p99", "rates", key, rate=1000))),
                ]
                for key in results.keys("rates")
            ],
        )
        if any(results.knee_is_the_generators(key) for key in results.keys("rates")):
            self.document.text("* " + GENERATOR)

    def write_propagation(self):
        results = self.results
        self.document.text(
            "From sending a report to Bailey until Jaquez, two hops away, answers with it; 1,000 updates a second go on"
            " meanwhile. Nobody is pinned."
        )
        self.document.table(
            ["", *PERCENTILE_NAMES],
            [
                [
                    results.name(key),
                    *(
                        duration(median(results.samples.spread(f"propagation.{p}", "propagation", key)))
                        for p in PERCENTILES
                    ),
                ]
                for key in results.keys("propagation")
            ],
        )
        self.percentile_plot(
            "propagation", "Delay of an update to the farthest member, 1,000 a second", "propagation", "propagation"
        )

    def write_flooding(self):
        results = self.results
        self.document.text(
            "Reports at Bailey, open loop, at rising rates. A rate is carried if within a second of its end all five"
            " members have the same, and the delay to the farthest had a p99 below 100 ms. Nobody is pinned: five"
            " members and the load share all CPUs."
        )
        self.document.table(
            ["", "updates/s carried"],
            [[results.name(key), said(results.sustained(key))] for key in results.keys("flooding")],
        )

    def write_memory(self):
        results, d = self.results, self.document
        d.text(
            "Memory of the process's own (anonymous), in a process that has done nothing else. For each stored client"
            " and each idle connection: what it has grown by, divided; where there is a collector, with what it has not"
            " yet given back."
        )
        clients, connections = (results.samples.cells("memory", key) for key in ("clients", "connections"))
        rows = []
        for key in results.keys("memory"):
            rows.append(
                [
                    results.name(key),
                    size(median(results.empty_memory(key))),
                    *(said(results.growth(key, "clients", n), "{:,.0f}") for n in clients[-1:]),
                    *(said(results.growth(key, "connections", n), "{:,.0f}") for n in connections[-1:]),
                ]
            )
        d.table(
            [
                "",
                "at the start",
                *(f"bytes a client, {n:,}" for n in clients[-1:]),
                *(f"bytes a connection, {n:,}" for n in connections[-1:]),
            ],
            rows,
        )
        for cell_key, counts, title in (
            ("clients", clients, "stored clients"),
            ("connections", connections, "idle connections"),
        ):
            series = []
            for key in results.keys("memory"):
                points = [(n, results.memory_at(key, cell_key, n)) for n in counts]
                series.append((key, results.name(key), [(n, s) for n, s in points if s is not None]))
            self.add_plot(
                f"memory-{cell_key}",
                f"Memory against {title}",
                title,
                "memory of the process",
                series,
                x_log=True,
                y_log=True,
                x_marks=counts,
                y_form=short_bytes,
            )
