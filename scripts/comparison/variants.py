# SPDX-License-Identifier: MIT
"""What is compared, how each is started, which version it is, and whether it passes the tests of any implementation."""
import dataclasses
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

from comparison.processes import ROOT, Failed, end_group, last_line

BUILD = ROOT / "build" / "release"
TARGETS = ("herdd", "herd-load", "herd-libuv", "echo", "provider")
VERSION_S = 180  # some compile themselves before they answer
CLIENT_SUITE_S = 600
QUICK_SUITE = ("r3_two", "r3_connections", "r5", "r13_the_whole", "r16", "r23_a_late")
KEY = "comparison"  # the API key that the stand-in for the provider is asked with

HERD, FLOOR, YARDSTICK = "herd", "floor", "yardstick"


@dataclasses.dataclass(frozen=True)
class Variant:
    """A row of the report."""

    key: str
    title: str
    what: str
    kind: str
    protocol: str = "herd"  # herd-load's
    server: str = ""  # the variant at whose process it is measured, if not its own
    environment: tuple = ()
    compiles: bool = False  # while it runs, so that it takes longer to warm up

    @property
    def process_key(self):
        return self.server or self.key


VARIANTS = {
    variant.key: variant
    for variant in (
        Variant("herdd", "herdd", "C, thread pool", HERD),
        Variant("libuv", "libuv", "C, event loop, one thread", HERD),
        Variant("asyncio", "asyncio", "Python, event loop", HERD),
        Variant(
            "uvloop", "asyncio+uvloop", "Python, libuv's event loop", HERD, environment=(("HERD_EVENT_LOOP", "uvloop"),)
        ),
        Variant("node", "Node.js", "JavaScript, event loop", HERD, compiles=True),
        Variant("java", "Java", "thread pool", HERD, compiles=True),
        Variant("echo", "echo", "C, sends back what comes: the floor", FLOOR, protocol="echo"),
        Variant("memcached", "memcached set", "the same bytes stored", YARDSTICK, protocol="memcached"),
        Variant("redis", "Redis SET", "the same bytes stored", YARDSTICK, protocol="redis-set"),
        Variant(
            "redis-geoadd", "Redis GEOADD", "the same place stored", YARDSTICK, protocol="redis-geoadd", server="redis"
        ),
    )
}


def build(folder):
    """Brings what of TARGETS this tree has up to date."""
    if not (folder / "build.ninja").exists():
        run(["meson", "setup", folder, "--buildtype=release"])
    else:
        run(["ninja", "-C", folder, "build.ninja"])  # so that it knows all targets
    run(["ninja", "-C", folder, *(path.relative_to(folder) for path in listed_targets(folder).values())])


def run(command):
    """A step of building; Failed with the last that it said."""
    ran = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if ran.returncode != 0:
        raise Failed(f"{shlex.join(map(str, command))}: {(ran.stdout.strip().splitlines() or ['no reason given'])[-1]}")
    return ran.stdout


def listed_targets(folder):
    """The programs of TARGETS that a build has or could have, by name."""
    return {
        target["name"]: pathlib.Path(target["filename"][0])
        for target in json.loads(run(["meson", "introspect", "--targets", folder]))
        if target["name"] in TARGETS and target["type"] == "executable"
    }


def find_built(folder):
    """Those that are there."""
    return {name: path for name, path in listed_targets(folder.resolve()).items() if path.exists()}


def find_program(variant, programs):
    """The program of a variant; Failed if it is not there."""
    if variant.key in ("memcached", "redis"):
        name = {"memcached": "memcached", "redis": "redis-server"}[variant.key]
        path = shutil.which(name) or shutil.which(name, path="/usr/bin:/usr/local/bin:/usr/sbin")
        if path is None:
            raise Failed(f"{name} is not installed")
        return pathlib.Path(path)
    name = {"herdd": "herdd", "libuv": "herd-libuv", "echo": "echo"}.get(variant.key)
    if name is not None:
        if name not in programs:
            raise Failed(f"{name} is not built by this tree")
        return programs[name]
    folder = {"uvloop": "asyncio"}.get(variant.key, variant.key)
    path = ROOT / "scripts" / "variants" / folder / f"herd-{folder}"
    if not os.access(path, os.X_OK):
        raise Failed(f"{path.relative_to(ROOT)} is not there")
    return path


def ask_version(variant, program):
    """The first line of --version; Failed if the program cannot run here."""
    if variant.kind == FLOOR:
        return "of this tree"
    try:
        said = subprocess.run(
            [program, "--version"],
            env={**os.environ, **dict(variant.environment)},
            timeout=VERSION_S,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise Failed(f"--version: {problem}") from None
    lines = (said.stdout + said.stderr).strip().splitlines()
    if said.returncode != 0 or not lines:
        raise Failed(lines[-1][:300] if lines else f"--version ends with status {said.returncode}")
    return lines[0]


def server_command(variant, program, port, config, name):
    """How the server of a variant is started; @config and @name are for members of a herd."""
    if variant.kind == HERD:
        return [program, "--config", config, name]
    if variant.key == "echo":
        return [program, str(port)]
    if variant.key == "memcached":
        # One thread, for the one CPU that it gets; memory for all that is stored.
        return [
            program,
            "-u",
            "nobody",
            "-l",
            "127.0.0.1",
            "-p",
            str(port),
            "-U",
            "0",
            "-t",
            "1",
            "-m",
            "4096",
            "-c",
            "20000",
        ]
    return [
        program,
        "--bind",
        "127.0.0.1",
        "--port",
        str(port),
        "--save",
        "",
        "--appendonly",
        "no",
        "--maxclients",
        "15000",
        "--daemonize",
        "no",
        "--dir",
        str(pathlib.Path(config).parent),
    ]


def run_client_suite(variant, program, quick, errors):
    """Runs what any implementation has to pass; returns what came of it."""
    patterns = [word for pattern in QUICK_SUITE for word in ("-k", pattern)] if quick else []
    command = [sys.executable, "-B", str(ROOT / "tests" / "herd" / "run.py"), "--client-suite", *patterns]
    environment = {**os.environ, **dict(variant.environment), "HERDD": str(program.resolve())}
    # A group of its own, so that an interruption ends the servers of the tests too.
    with open(errors, "wb") as stderr:
        suite = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        )
    try:
        said, _ = suite.communicate(timeout=CLIENT_SUITE_S)
    except subprocess.TimeoutExpired:
        return {
            "passed": 0,
            "failed": [],
            "skipped": [],
            "part": quick,
            "conforms": False,
            "problem": f"not done after {CLIENT_SUITE_S} s",
        }
    finally:
        end_group(suite)
    return {**read_tap(said.decode(errors="replace"), suite.returncode, lambda: last_line(errors)), "part": quick}


def read_tap(text, status, reason):
    """Counts TAP lines. It conforms if tests ran, none failed and the status is 0."""
    passed, failed, skipped = 0, [], []
    for line in text.splitlines():
        match = re.match(r"(not )?ok \d+ - (.*?)( # SKIP.*)?$", line)
        if match is None:
            continue
        if match[1]:
            failed.append(match[2])
        elif match[3]:
            skipped.append(match[2])
        else:
            passed += 1
    problem = None
    if passed == 0 or (status != 0 and not failed):
        problem = f"the tests ended with status {status}: {reason()}"
    return {
        "passed": passed,
        "failed": failed,
        "skipped": skipped,
        "conforms": not failed and problem is None,
        "problem": problem,
    }
