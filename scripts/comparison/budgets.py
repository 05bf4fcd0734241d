# SPDX-License-Identifier: MIT
"""What the thread pool is held to, and whether it keeps it, by the samples."""
from comparison.results import CPU, said, size
from comparison.summary import pair_ratios

NOT_MEASURED = "not measured"


def judge(what, wanted, measured, is_met):
    """A row; @is_met is None where something was not measured."""
    return (what, wanted, measured, NOT_MEASURED if is_met is None else "met" if is_met else "not met")


def at_most(what, wanted, s, bound, form="{:.2f}"):
    return judge(what, wanted, said(s, form), None if s is None else s.median <= bound)


def at_least(what, wanted, s, bound, form="{:.2f}"):
    return judge(what, wanted, said(s, form), None if s is None else s.median >= bound)


def against(results, rival, times):
    """Requests a CPU second and requests a second against another variant."""
    what = f"against {results.name(rival)}: IAMAT, 64 connections"
    wanted = f"≥ {times} × the requests a CPU second, and more a second"
    if rival in results.missing:
        return judge(what, wanted, results.missing[rival], None)
    if not results.was_tried(rival):
        return judge(what, wanted, "-", None)
    if not results.conforms(rival):
        return judge(what, wanted, "it does not conform", None)
    per_cpu = results.cpu_ratio("connections", rival, "herdd", connections=64)
    per_s = results.rate_ratio("connections", "herdd", rival, connections=64)
    if per_cpu is None or per_s is None:
        return judge(what, wanted, "-", None)
    return judge(
        what,
        wanted,
        f"{per_cpu.text('{:.2f}')} × a CPU second, {per_s.text('{:.2f}')} × a second",
        per_cpu.median >= times and per_s.median > 1,
    )


def against_memcached(results):
    cell = {"connections": 64, "depth": 16}
    per_s = results.rate_ratio("pipelined", "herdd", "memcached", **cell)
    per_cpu = results.cpu_ratio("pipelined", "memcached", "herdd", **cell)
    what, wanted = (
        "IAMAT, 64 connections, 16 at a time, against memcached's set",
        "≥ 1 × the requests a second, and a CPU second",
    )
    if per_s is None or per_cpu is None:
        return judge(what, wanted, results.missing.get("memcached", "-"), None)
    return judge(
        what,
        wanted,
        f"{per_s.text('{:.2f}')} × a second, {per_cpu.text('{:.2f}')} × a CPU second",
        per_s.median >= 1 and per_cpu.median >= 1,
    )


def thousand_lookups(results):
    share = results.share_of_ideal("herdd", 1000, 1000)
    most = results.most_memory("lookups", "herdd", delay_ms=1000, at_once=1000)
    measured = "-" if share is None or most is None else f"{share.text('{:.2f}')}, {size(most.most)} at the most"
    return judge(
        "WHATSAT, 1,000 at once, the provider takes 1 s, 1,024 workers",
        "≥ 0.9 of 1,000 a second, within 150 MB",
        measured,
        None if share is None or most is None else share.median >= 0.9 and most.most <= 150e6,
    )


def stalls(results):
    what, wanted = "IAMAT's p99 beside a provider that stalls", "≤ 1.5 × that without (ratio of the medians)"
    stall_ms = results.stall_cells()
    cells = [results.samples.by_repetition("latency.all.p99", "mix", "herdd", stall_ms=ms) for ms in (stall_ms, 0)]
    pairs = pair_ratios(*cells)
    medians = [results.samples.spread("latency.all.p99", "mix", "herdd", stall_ms=ms) for ms in (stall_ms, 0)]
    if stall_ms is None or pairs is None:
        return judge(what, wanted, "-", None)
    ratio = medians[0].median / medians[1].median
    return judge(what, wanted, f"{ratio:.2f}, pairs {pairs.least:.2f} to {pairs.most:.2f}", ratio <= 1.5)


def workers(results):
    cells = [results.samples.by_repetition(CPU, "workers", "herdd", workers=count) for count in (1024, 2)]
    return at_most(
        "1,024 workers against 2: IAMAT, 64 connections", "≤ 1.15 × the CPU a request", pair_ratios(*cells), 1.15
    )


def judge_all(results):
    """All rows: what, wanted, measured, verdict."""
    p99 = results.samples.spread("propagation.p99", "propagation", "herdd", rate=1000)
    return [
        at_most(
            "IAMAT, 64 connections, against a bare echo of the same bytes",
            "≤ 1.6 × the CPU a request",
            results.cpu_ratio("connections", "herdd", "echo", connections=64),
            1.6,
        ),
        against_memcached(results),
        *(against(results, key, times) for key, times in (("asyncio", 10), ("node", 4), ("java", 2), ("libuv", 1))),
        at_least(
            "WHATSAT, 48 at once, the provider takes 100 ms",
            "≥ 0.95 of 480 a second",
            results.share_of_ideal("herdd", 100, 48),
            0.95,
        ),
        thousand_lookups(results),
        stalls(results),
        at_most(
            "an update at the farthest of five members, 1,000 a second: p99", "≤ 2,000 µs", p99, 2000, "{:,.0f} µs"
        ),
        at_most(
            "memory of the process for each stored client, 1,000,000",
            "≤ 200 bytes",
            results.growth("herdd", "clients", 1_000_000),
            200,
            "{:.0f} bytes",
        ),
        at_most(
            "memory of the process for each idle connection, 10,000",
            "≤ 512 bytes",
            results.growth("herdd", "connections", 10_000),
            512,
            "{:.0f} bytes",
        ),
        workers(results),
    ]
