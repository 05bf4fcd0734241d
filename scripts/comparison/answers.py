# SPDX-License-Identifier: MIT
"""The questions behind the comparison, answered in plain words from the samples: who wins is worked out, not
written down. An answer is a verdict and the points that it rests on."""
from comparison.results import CPU, RATE, duration, median, size
from comparison.variants import HERD

NOT_MEASURED = "Not measured in this run."
CLEAR = 1.05  # below that much of a difference nobody wins
PHONE_EVERY_S = 10  # how often a phone reports, to turn requests a second into phones
AT_64 = {"connections": 64}


def times(ratio):
    """ "2.3 times"."""
    return f"{ratio:.2f} times" if ratio < 10 else f"{ratio:.0f} times"


def compared(ratio, ours, theirs):
    """Who answers more, @ratio being ours over theirs."""
    if ratio >= CLEAR:
        return f"{ours} answers {times(ratio)} what {theirs} does"
    if ratio <= 1 / CLEAR:
        return f"{theirs} answers {times(1 / ratio)} what {ours} does"
    return f"{ours} and {theirs} answer the same within 5 %"


def answer(points, verdict=None):
    """With points there is a verdict, if only the first of them."""
    if not points and not verdict:
        return NOT_MEASURED, []
    return (verdict, points) if verdict else (points[0], points[1:])


# -- a variant


def obstacle(results, key):
    """Why a variant cannot be compared; None if it can."""
    name = results.name(key)
    if key in results.missing:
        return f"{name} was not measured: {results.missing[key]}."
    if not results.was_tried(key):
        return NOT_MEASURED
    if not results.conforms(key):
        return f"{name} does not pass the client suite, so its figures are shown but not ranked."
    return None


def points_against(results, key):
    """What herdd and another variant do, wherever both were measured."""
    name = results.name(key)
    points = []
    for workload, cell, what in (
        ("connections", AT_64, "64 kept connections, one report at a time"),
        ("pipelined", {"connections": 64, "depth": 16}, "64 connections, 16 reports at a time"),
        ("reconnect", AT_64, "A connection for each report"),
    ):
        ratio = results.rate_ratio(workload, "herdd", key, **cell)
        if ratio is None:
            continue
        rates = [results.rate(workload, which, **cell).median for which in ("herdd", key)]
        costs = [duration(median(results.cpu(workload, which, **cell))) for which in ("herdd", key)]
        points.append(
            f"{what}: {compared(ratio.median, 'herdd', name)}, {rates[0]:,.0f} and {rates[1]:,.0f} a "
            f"second, for {costs[0]} and {costs[1]} of CPU each."
        )
    both = [results.knee(which) for which in ("herdd", key)]
    if all(both):
        points.append(
            f"Offered load is carried up to {both[0].median:,.0f} reports a second by herdd, "
            f"{both[1].median:,.0f} by {name} (p99 within 50 ms)."
        )
    both = [results.sustained(which) for which in ("herdd", key)]
    if all(both):
        points.append(
            f"Five members keep each other up to date at up to {both[0].median:,.0f} updates a second with herdd, "
            f"{both[1].median:,.0f} with {name}."
        )
    both = [results.empty_memory(which) for which in ("herdd", key)]
    if all(both):
        points.append(
            f"A process that has just begun has {size(both[0].median)} of memory of its own (herdd), "
            f"{size(both[1].median)} ({name})."
        )
    return points


def against(results, key):
    """herdd against one variant."""
    problem = obstacle(results, key)
    if problem:
        return problem, []
    points = points_against(results, key)
    name = results.name(key)
    rate = results.rate_ratio("connections", "herdd", key, **AT_64)
    cpu = results.cpu_ratio("connections", key, "herdd", **AT_64)
    if rate is None or cpu is None:
        return answer(points)
    return (
        (
            f"On one CPU {compared(rate.median, 'herdd', name)}; a request costs {name} {times(cpu.median)} the "
            "CPU that it costs herdd."
        ),
        points,
    )


def asyncio_enough(results):
    """How far asyncio carries, without and with uvloop."""
    verdicts, points = [], []
    for key in ("asyncio", "uvloop"):
        problem = obstacle(results, key)
        if problem:
            verdicts.append(problem)
            continue
        carried, bound = results.knee(key), "p99 within 50 ms"
        if carried is None:
            carried, bound = results.rate("connections", key, **AT_64), "64 connections, as fast as it goes"
        if carried is not None:
            verdicts.append(
                f"{results.name(key)} is, up to {carried.median:,.0f} reports a second ({bound}): "
                f"{carried.median * PHONE_EVERY_S:,.0f} phones that report every {PHONE_EVERY_S} s."
            )
        points += points_against(results, key)
    return answer(points, " ".join(dict.fromkeys(verdicts)))


# -- the pool


def one_thread(results):
    """Whether one thread is a bottleneck."""
    points = []
    loops = [key for key in ("libuv", "node", "asyncio", "uvloop") if key in results.rivals("connections")]
    busy = [(key, results.server_busy("connections", key, **AT_64)) for key in ("herdd", *loops)]
    full = [results.name(key) for key, s in busy if s is not None and s.median >= 0.9]
    if full:
        points.append(
            "With a CPU for the server and 64 connections, that CPU is in use for 90 % and more with "
            f"{', '.join(full)}: what a request costs decides there, not how many threads share it."
        )
    gains, said = {}, []
    for key in ("herdd", *loops):
        apart, together = results.rate("connections", key, **AT_64), results.rate("cores", key, connections=64, depth=1)
        used = results.server_busy("cores", key, connections=64, depth=1)
        if apart and together and used:
            gains[key] = together.median / apart.median
            said.append(f"{results.name(key)} {gains[key]:.2f} times, {used.median:.2f} CPUs")
    if said:
        points.append(
            f"All {results.data['machine']['cpus']} CPUs open to server and load alike, against one for the server"
            f" alone; requests a second, and what of the CPUs the server uses: {'; '.join(said)}."
        )
    if "herdd" not in gains or len(gains) < 2:
        return answer(points)
    best = max(gain for key, gain in gains.items() if key != "herdd")
    if gains["herdd"] > max(best, 1) * CLEAR:
        return "Yes: the pool gains from a further CPU what no loop of one thread does.", points
    return (
        (
            f"Not on {results.data['machine']['cpus']} CPUs that the load needs too: given all of them the pool gains"
            " no more than a loop does. A machine with more CPUs could show a difference."
        ),
        points,
    )


def pool_memory(results):
    """What the pool costs in memory."""
    points, verdict = [], None
    cells = [results.most_memory("workers", "herdd", workers=count) for count in (2, 1024)]
    if all(cells):
        each = (cells[1].median - cells[0].median) / 1022
        verdict = f"{size(each)} for each worker that has served requests."
        points.append(
            f"Under load 1,024 workers have {size(cells[1].median)} resident, 2 workers {size(cells[0].median)}."
        )
    both = [results.empty_memory(key) for key in ("herdd", "libuv")]
    if all(both):
        points.append(
            f"herdd with 64 workers begins with {size(both[0].median)} of memory of its own, the C event loop "
            f"with {size(both[1].median)}."
        )
    most = [
        (key, results.most_memory("lookups", key, delay_ms=1000, at_once=1000))
        for key in ("herdd", *results.rivals("lookups"))
    ]
    said = [f"{results.name(key)} {size(s.median)}" for key, s in most if s is not None]
    if said:
        points.append(f"Resident at the most with 1,000 lookups under way: {', '.join(said)}.")
    for what, count, noun in (("connections", 10_000, "idle connection"), ("clients", 1_000_000, "stored client")):
        each = [(key, results.growth(key, what, count)) for key in ("herdd", *results.rivals("memory"))]
        said = [f"{results.name(key)} {s.median:,.0f}" for key, s in each if s is not None]
        if said:
            points.append(f"Bytes for each {noun} of {count:,}: {', '.join(said)}.")
    return answer(points, verdict)


def lookups(results):
    """What blocking lookups cost."""
    points, verdict = [], None
    for delay_ms, at_once in ((100, 48), (1000, 1000)):
        share = results.share_of_ideal("herdd", delay_ms, at_once)
        if share is None:
            continue
        cell = {"delay_ms": delay_ms, "at_once": at_once}
        said = []
        for key in ("herdd", *results.rivals("lookups")):
            theirs = results.share_of_ideal(key, delay_ms, at_once)
            if theirs is not None:
                said.append(
                    f"{results.name(key)} {theirs.median:.0%}, {duration(median(results.cpu('lookups', key, **cell)))}"
                )
        points.append(
            f"{at_once:,} at once, the provider takes {duration(delay_ms * 1e3)}; the share of what its delay "
            f"allows, and CPU a lookup: {'; '.join(said)}."
        )
        cpu = results.cpu_ratio("lookups", "herdd", "libuv", **cell) if results.conforms("libuv") else None
        verdict = f"{at_once:,} lookups at once are {share.median:.0%} as fast as the provider allows" + (
            f", for {cpu.median:.2f} times the CPU of the C event loop." if cpu is not None else "."
        )
    stall_ms = results.stall_cells()
    for percentile, name in (("p99", "p99"), ("p99_9", "p99.9")) if stall_ms is not None else ():
        said = []
        for key in ("herdd", *results.rivals("mix")):
            well, stalled = (results.latency(percentile, "mix", key, stall_ms=ms) for ms in (0, stall_ms))
            if well is not None and stalled is not None:
                said.append(f"{results.name(key)} {duration(well.median)} and {duration(stalled.median)}")
        if said:
            points.append(
                f"A report's {name} beside a provider that is well, and beside one that stalls half of the time: "
                f"{', '.join(said)}."
            )
    return answer(points, verdict)


# -- where others are better


def better_in(results, workload, cell):
    """Points: who does best, where somebody does better than herdd."""
    figures = [("latency.all.p99", "a lower p99", False)]
    if workload != "mix":  # where the lookups beside have their share of the CPU
        figures.insert(0, (CPU, "less CPU a request", False))
    if workload not in ("mix", "lookups"):  # where the rate is given, and where the p99 says it
        figures.insert(0, (RATE, "more requests a second", True))
    points = []
    for path, noun, is_gain in figures:
        ratios = [
            (key, results.samples.ratio(path, workload, key, "herdd", **cell)) for key in results.rivals(workload)
        ]
        # Better in every pair: else it may have been chance.
        gains = [
            (s.median if is_gain else 1 / s.median, key)
            for key, s in ratios
            if s is not None and (s.least > 1 if is_gain else 0 < s.most < 1)
        ]
        gain, key = max(gains, default=(0, None))
        if gain >= CLEAR:
            where = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in cell.items())
            points.append(f"{workload} ({where}): {results.name(key)} has {noun}, {times(gain)} better.")
    return points


def loop_wins(results):
    """Everything in which another member does better than the pool."""
    points, looked = [], 0
    for workload in ("connections", "pipelined", "reconnect", "idle", "cores", "log", "lookups", "mix"):
        cells = {tuple(s["cell"].items()) for s in results.samples.pick(workload, "herdd")}
        if results.rivals(workload):
            looked += len(cells)
            for cell in sorted(cells):
                points += better_in(results, workload, dict(cell))
    for what, count, noun in (("clients", 1_000_000, "stored client"), ("connections", 10_000, "idle connection")):
        ours = results.growth("herdd", what, count)
        for key in results.rivals("memory"):
            theirs = results.growth(key, what, count)
            if ours is not None and theirs is not None and theirs.median * CLEAR < ours.median:
                points.append(
                    f"memory: {results.name(key)} needs {theirs.median:,.0f} bytes for a {noun}, herdd "
                    f"{ours.median:,.0f}."
                )
    ours = results.samples.spread("propagation.p99", "propagation", "herdd")
    for key in results.rivals("propagation"):
        theirs = results.samples.spread("propagation.p99", "propagation", key)
        if ours is not None and theirs is not None and theirs.median * CLEAR < ours.median:
            points.append(
                f"propagation: {results.name(key)} has a p99 of {duration(theirs.median)}, herdd "
                f"{duration(ours.median)}."
            )
    others = [
        key for key, row in results.rows.items() if key != "herdd" and row["kind"] == HERD and results.conforms(key)
    ]
    if points:
        return (
            (
                "In these figures another member does better than herdd by 5 % or more (the best one where several do; "
                "medians of the ratios of pairs, where it was better in each pair):"
            ),
            points,
        )
    if others and looked:
        return "In no figure that was measured did another member do better than herdd by 5 % or more.", []
    return NOT_MEASURED, []


def answer_all(results):
    """(question, verdict, points)."""
    return [
        ("Is a single thread the bottleneck?", *one_thread(results)),
        ("What does the pool cost in memory?", *pool_memory(results)),
        ("What do blocking lookups cost?", *lookups(results)),
        ("When does the event loop win?", *loop_wins(results)),
        ("And an event loop in C?", *against(results, "libuv")),
        ("And Java?", *against(results, "java")),
        ("And Node?", *against(results, "node")),
        ("Is asyncio fast enough?", *asyncio_enough(results)),
    ]
