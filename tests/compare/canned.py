# SPDX-License-Identifier: MIT
"""A results.json made up by formulas, for tests of what is written from one. Its figures mean nothing."""
import itertools
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from comparison.variants import FLOOR, HERD, VARIANTS, YARDSTICK  # noqa: E402

ALL = (HERD, FLOOR, YARDSTICK)
COST_US = {
    "herdd": 7.5,
    "libuv": 8.0,
    "asyncio": 80.0,
    "uvloop": 50.0,
    "node": 35.0,
    "java": 18.0,
    "echo": 5.5,
    "memcached": 11.0,
    "redis": 11.5,
    "redis-geoadd": 14.0,
}
BYTES = {
    "herdd": 180,
    "libuv": 190,
    "asyncio": 900,
    "uvloop": 900,
    "node": 400,
    "java": 300,
    "echo": 1,
    "memcached": 200,
    "redis": 150,
    "redis-geoadd": 150,
}


def histogram(p50):
    return {
        "count": 1000,
        "min": p50 / 2,
        "mean": p50 * 1.1,
        "p50": p50,
        "p90": p50 * 1.5,
        "p99": p50 * 3,
        "p99_9": p50 * 6,
        "p99_99": p50 * 9,
        "max": p50 * 10,
    }


def result(per_s, cpu_us, p50, offered=None, seconds=1.0, rss=20e6):
    """What herd-load prints, as far as it is read."""
    return {
        "program": "herd-load",
        "offered_per_s": offered,
        "seconds": seconds,
        "requests": {"sent": int(per_s), "answered": int(per_s), "per_s": per_s},
        "errors": {"total": 0, "first": None},
        "latency": {"all": histogram(p50)},
        "propagation": histogram(p50),
        "generator": {"cpu_s": 0.5, "busy": 0.5},
        "servers": [
            {
                "pid": 1,
                "cpu_s": cpu_us * per_s / 1e6,
                "rss": {"before": rss, "most": rss, "after": rss},
                "anonymous": {"before": rss, "after": rss},
            }
        ],
        "server_cpu_us_per_request": cpu_us,
    }


def make(keys=tuple(VARIANTS), repetitions=3, without=()):
    """As scripts/compare writes it, of those variants; @without are workloads that were left out."""
    samples = []

    def add(workload, cell, figures, kinds=(HERD,), **more):
        for repetition, key in itertools.product(range(repetitions), keys):
            if workload in without or VARIANTS[key].kind not in kinds:
                continue
            cost = COST_US[key] * (1 + 0.02 * repetition)
            made = figures(key, cost)
            own = {name: value(key) for name, value in more.items()}
            samples.append(
                {
                    "workload": workload,
                    "variant": key,
                    "cell": cell,
                    "repetition": repetition,
                    "command": "true",
                    "result": made,
                    "error": None,
                    **own,
                }
            )

    for count in (1, 8, 64, 512, 4096):
        add(
            "connections",
            {"connections": count},
            lambda key, cost, n=count: result(1e6 / cost * n / (n + 4), cost, 10 + cost * n),
            ALL,
        )
    add("pipelined", {"connections": 64, "depth": 16}, lambda key, cost: result(8e6 / cost, cost / 8, cost * 128), ALL)
    add("reconnect", {"connections": 64}, lambda key, cost: result(2e5 / cost, cost * 4, cost * 256))
    for depth in (1, 16):
        add("cores", {"connections": 64, "depth": depth}, lambda key, cost: result(6e5 / cost, cost, cost * 100), ALL)
    add("idle", {"connections": 64, "idle": 10000}, lambda key, cost: result(9e5 / cost, cost * 1.1, cost * 70))
    add("log", {"log": "all"}, lambda key, cost: result(7e5 / cost, cost * 1.3, cost * 80))
    for count in (2, 1024):
        if "herdd" in keys:
            add(
                "workers",
                {"workers": count},
                lambda key, cost, n=count: result(1e6 / cost, cost, cost * 64, rss=1e7 + n * 1e4),
            )
    for delay_ms, at_once in itertools.product((10, 100, 1000), (8, 48, 256, 1000)):
        add(
            "lookups",
            {"delay_ms": delay_ms, "at_once": at_once},
            lambda key, cost, d=delay_ms, n=at_once: result(
                n / max(d / 0.97e3, n * cost * 20e-6),
                cost * 20,
                max(d / 0.97e3, n * cost * 20e-6) * 1e6 / 1.1,
                rss=90e6,
            ),
        )
    for stall_ms in (0, 1000):
        add("mix", {"stall_ms": stall_ms}, lambda key, cost, ms=stall_ms: result(900, cost, 100 + cost + ms / 100))
    for rate in (1000, 5657, 11314, 22627, 64000, 128000):
        add(
            "rates",
            {"rate": rate},
            lambda key, cost, r=rate: result(
                min(r, 1e6 / cost), cost, 60 + cost / max(0.001, 1 - min(0.9999, r * cost / 1e6)), offered=r
            ),
            ALL,
        )
    add("propagation", {"rate": 1000}, lambda key, cost: result(1000, cost, 200 + 10 * cost))
    for rate in (1000, 2000, 8000):
        add(
            "flooding",
            {"rate": rate},
            lambda key, cost, r=rate: result(r, cost, 300),
            equal_s=lambda key: 0.1,
            carried=lambda key, r=rate: r * COST_US[key] < 2e5,
        )
    for cell_key, count in itertools.product(("clients", "connections"), (100, 10_000, 1_000_000)):
        if (cell_key, count) != ("connections", 1_000_000):
            add(
                "memory",
                {cell_key: count},
                lambda key, cost: result(1000, cost, 100),
                ALL,
                empty_bytes=lambda key: 3_000_000,
                anonymous_bytes=lambda key, n=count: 3_000_000 + n * BYTES[key],
            )
    variants = [
        {
            "key": key,
            "title": v.title,
            "kind": v.kind,
            "version": "made up" if key in keys else None,
            "missing": None if key in keys else "is not installed",
            "program": None,
            "conformance": (
                {"passed": 100, "failed": [], "skipped": [], "conforms": True, "problem": None, "part": False}
                if key in keys and v.kind == HERD
                else None
            ),
        }
        for key, v in VARIANTS.items()
    ]
    machine = {
        "cpu": "a made-up CPU",
        "cpus": 2,
        "memory_bytes": 8e9,
        "system": "none",
        "kernel": "0",
        "mitigations": {"spectre": "<none>"},
        "compiler": "cc",
        "python": "3",
        "commit": "0000",
        "changed": False,
        "load_average_at_begin": [0.1, 0.1, 0.1],
        "begun": "2000-01-01T00:00:00+00:00",
    }
    return {
        "command": "scripts/compare",
        "machine": machine,
        "seconds": 600.0,
        "interrupted": False,
        "placement": "Nobody is pinned.",
        "settings": {
            "quick": False,
            "repetitions": repetitions,
            "warm_up_s": 0.2,
            "first_warm_up_s": 2,
            "compiling_warm_up_s": 8,
            "build": "a release build",
            "client_suite": None,
        },
        "variants": variants,
        "not_measured": [{"what": name, "why": "not asked for"} for name in without],
        "samples": samples,
    }
