# SPDX-License-Identifier: MIT
"""One run of the comparison: its servers, its samples, and its time."""
import dataclasses
import json
import math
import os
import pathlib
import shlex
import subprocess
import time

from comparison.processes import PORTS, ROOT, Failed
from comparison.variants import KEY, server_command

STARTING_S = 0.3  # of a server, for the estimate
OVERHEAD_S = 0.1  # of a measurement beyond its warm-up and window
PATIENCE_S = 60  # for a load that should have ended
MEMBER = "Bailey"


@dataclasses.dataclass(frozen=True)
class Settings:
    """How long, how often."""

    quick: bool
    repetitions: int
    limit_s: float  # for all of it
    least_s: float  # of a window
    most_s: float
    warm_up_s: float  # before each window
    first_warm_up_s: float  # after the start of a server
    compiling_warm_up_s: float  # the same, of one that compiles while it runs

    def first_warm_up(self, variant):
        return self.compiling_warm_up_s if variant.compiles else self.first_warm_up_s

    def starting_s(self, variants):
        """How long it takes to start and warm up one server of each."""
        return sum(STARTING_S + self.first_warm_up(variant) for variant in variants)


@dataclasses.dataclass(frozen=True)
class FleetSpec:
    """Servers that are up together, one a variant, set up alike."""

    options: tuple = ()  # (group, key, value) of herd.conf
    apart: bool = True  # servers on a CPU of their own
    provider: tuple = ()  # the stand-in's arguments behind its port
    warm_up: tuple = ()  # herd-load's options after the start


@dataclasses.dataclass
class Server:
    process: object
    port: int


def config_text(folder, options, members, url):
    """A herd.conf. @members: (name, port, neighbours)."""
    groups = {
        "herd": {"places": "google-legacy", "log_dir": folder, "log_messages": "none", "workers": 64},
        "places": {"url": url, "timeout_ms": 20000, "max_lookups": 48, "circuit_failures": 0},
        "limits": {"max_connections": 20000},
    }
    for group, key, value in options:
        groups[group][key] = value
    for name, port, neighbours in members:
        groups[f"member {name}"] = {"listen": f"127.0.0.1:{port}", "neighbours": ";".join(neighbours)}
    return "".join(
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items()) for group, keys in groups.items()
    )


class OutOfTime(Exception):
    """The time that all of it may take is over."""


class Session:
    """What workloads measure with. @found has the programs of the variants' processes."""

    def __init__(self, settings, processes, pinning, programs, found, variants, folder):
        self.settings = settings
        self.processes = processes
        self.pinning = pinning
        self.programs = programs
        self.found = found  # key -> program, of processes
        self.variants = variants
        self.folder = pathlib.Path(folder)
        self.samples = []
        self.deadline = math.inf  # time.monotonic()
        self.loads = []  # that run
        self.window_s = 0.0  # of the workload that runs
        self.say = lambda text: None  # progress
        self.started = 0

    # -- servers

    def new_folder(self, name):
        self.started += 1
        folder = self.folder / f"{self.started:03}-{name}"
        folder.mkdir()
        return folder

    def start_member(
        self, variant, options=(), apart=True, url="http://127.0.0.1:9", members=None, name=MEMBER, folder=None
    ):
        """A server of a variant; alone, unless it is given a folder and a herd of members."""
        folder = folder or self.new_folder(variant.process_key)
        members = members or [(name, PORTS.take(), ())]
        port = next(port for member, port, _ in members if member == name)
        config = folder / "herd.conf"
        config.write_text(config_text(folder, options, members, url))
        command = self.pinning.words(True, apart) + server_command(
            variant, self.found[variant.process_key], port, config, name
        )
        environment = {**dict(variant.environment), "HERD_PLACES_KEY": KEY}
        return Server(self.processes.start(command, folder / f"{name}.stderr", port, environment), port)

    def start_provider(self, arguments):
        port = PORTS.take()
        command = self.pinning.words(False, True) + [self.programs["provider"], str(port), *map(str, arguments)]
        return Server(self.processes.start(command, self.new_folder("provider") / "stderr", port), port)

    # -- measurements

    def load_command(self, options, targets, pids, apart):
        return [
            str(word)
            for word in self.pinning.words(False, apart)
            + [self.programs["herd-load"], "--json", "--quiet", *options]
            + [f"--pid={pid}" for pid in pids]
            + [f"127.0.0.1:{port}" for port in targets]
        ]

    def start_load(self, command):
        load = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.loads.append(load)
        return load

    def finish_load(self, load, limit_s):
        """The result of a load, and what was wrong with it, or None."""
        try:
            said, errors = load.communicate(timeout=limit_s + PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.stop_loads()
            return None, f"herd-load did not end within {limit_s + PATIENCE_S:.0f} s"
        self.loads.remove(load)
        try:
            result = json.loads(said)
        except ValueError:
            return (
                None,
                (
                    f"herd-load: status {load.returncode}:"
                    f" {(errors.strip().splitlines() or ['no reason given'])[-1][:300]}"
                ),
            )
        if load.returncode == 0:
            return result, None
        wrong = result["errors"]
        return result, f"{wrong['total']} errors: {wrong['first']}"

    def stop_loads(self):
        for load in self.loads:
            load.kill()
            load.communicate()
        self.loads.clear()

    def check_time(self):
        if time.monotonic() > self.deadline:
            raise OutOfTime

    def run_load(self, options, targets, pids=(), apart=True, limit_s=60.0):
        self.check_time()
        command = self.load_command(options, targets, pids, apart)
        return (command, *self.finish_load(self.start_load(command), limit_s))

    def keep(self, workload, variant, cell, repetition, command, result, error, **more):
        """Adds a sample."""
        sample = {
            "workload": workload,
            "variant": variant.key,
            "cell": cell,
            "repetition": repetition,
            "command": shlex.join(self.portable(command)),
            "result": result,
            "error": error,
            **more,
        }
        self.samples.append(sample)
        return sample

    @staticmethod
    def portable(command):
        """The command as it is written at the top of this tree."""
        return [os.path.relpath(word, ROOT) if str(word).startswith(str(ROOT) + "/") else str(word) for word in command]


class Fleets:
    """Fleets that are up, by their spec; each is started when it is first wanted and warmed up once."""

    def __init__(self, session):
        self.session = session
        self.up = {}  # spec -> {process key: Server or the reason why not}
        self.providers = {}  # spec -> Server
        self.wanted_later = set()  # specs that later workloads want

    def server(self, spec, variant):
        """The server of a variant; Failed if it does not start. One that has died is started anew."""
        fleet = self.up.setdefault(spec, {})
        known = fleet.get(variant.process_key)
        if isinstance(known, str):
            raise Failed(known)
        if known is None or not known.process.runs:
            try:
                known = fleet[variant.process_key] = self.start(spec, variant)
            except Failed as problem:
                fleet[variant.process_key] = str(problem)
                raise
        return known

    def start(self, spec, variant):
        url = "http://127.0.0.1:9"
        if spec.provider:
            if spec not in self.providers:
                self.providers[spec] = self.session.start_provider(spec.provider)
            url = f"http://127.0.0.1:{self.providers[spec].port}"
        server = self.session.start_member(variant, spec.options, spec.apart, url)
        seconds = self.session.settings.first_warm_up(variant)
        self.session.run_load(
            [f"--protocol={variant.protocol}", "--warmup=0", f"--seconds={seconds}", *spec.warm_up],
            [server.port],
            apart=spec.apart,
            limit_s=seconds,
        )
        return server

    def stop_all_but(self, wanted):
        for spec in [spec for spec in self.up if spec not in wanted]:
            servers = [server for server in self.up.pop(spec).values() if isinstance(server, Server)]
            if spec in self.providers:
                servers.append(self.providers.pop(spec))
            self.session.processes.stop([server.process for server in servers])
