# SPDX-License-Identifier: MIT
"""What the figures were made on."""
import datetime
import os
import pathlib
import platform
import subprocess

from comparison.processes import ROOT

MITIGATIONS = pathlib.Path("/sys/devices/system/cpu/vulnerabilities")


def read_field(path, name):
    """The value of the first "name : value" of a file; None without."""
    try:
        for line in pathlib.Path(path).read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == name:
                return value.strip()
    except OSError:
        pass
    return None


def mitigations():
    """Where the kernel says that something is mitigated or vulnerable."""
    try:
        said = {path.name: path.read_text().strip() for path in sorted(MITIGATIONS.iterdir())}
    except OSError:
        return None
    return {name: text for name, text in said.items() if text != "Not affected"}


def first_line(*command):
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return None


def operating_system():
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def describe():
    memory = read_field("/proc/meminfo", "MemTotal")
    return {
        "cpu": read_field("/proc/cpuinfo", "model name") or platform.machine(),
        "cpus": len(os.sched_getaffinity(0)),
        "memory_bytes": int(memory.split()[0]) * 1024 if memory else None,
        "system": operating_system(),
        "kernel": platform.release(),
        "mitigations": mitigations(),
        "compiler": first_line("cc", "--version"),
        "python": platform.python_version(),
        "commit": first_line("git", "rev-parse", "--short=12", "HEAD"),
        "changed": bool(first_line("git", "status", "--porcelain", "--untracked-files=no")),
        "load_average_at_begin": os.getloadavg(),
        "begun": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    }
