# SPDX-License-Identifier: MIT
"""Five members that flood: how long an update takes to the farthest, and how many a second all of them carry."""
import contextlib
import itertools
import pathlib
import re
import socket
import time

from harness import HERDS, parse_edges

from comparison.processes import PORTS, Failed
from comparison.session import OVERHEAD_S, STARTING_S
from comparison.summary import value_at
from comparison.variants import HERD

AT, FARTHEST = "Bailey", "Jaquez"  # two hops apart, which is the diameter of this herd
CLIENTS = 10_000
LEAST_S = 1.5  # of a measurement: 150 updates are watched in it
WATCHED_PER_S = 1000
BASE_PER_S = 1000  # the lowest rate of the ladder,
STEP = 2**0.5  # from one to the next,
STEPS_FIRST = 6  # where it begins the first time,
STEPS_MOST = 20  # and where it ends
LAG_S = 1.0  # everybody has everything that long after the end
LAG_P99_US = 100_000  # and on the way an update took no longer
CHECKED = 500  # clients, of CLIENTS, that are asked for at each member
LINKED_S = 30.0
QUIET_S, QUIET_SHARE = 0.25, 0.1  # all herds together have had no more than that share of a CPU for that long;
QUIET_MOST_S = 15.0  # it is waited for no longer
REPLY = re.compile(rb"AT [^\n]*\n(?:[^\n]+\n)+\n|\? [^\n]*\n")


def cpu_s(pids):
    """Seconds of CPU that these processes have had."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                total += int((task / "schedstat").read_text(encoding="ascii").split()[0])
    return total / 1e9


def ask(port, numbers, timeout):
    """What a member has of those clients: AT lines, or None of whom it does not know."""
    question = b"".join(b"WHATSAT phone-%07d.example 0 0\n" % number for number in numbers)
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        connection.sendall(question)
        connection.shutdown(socket.SHUT_WR)
        said = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    replies = REPLY.findall(said)
    if len(replies) != len(numbers):
        raise Failed(f"{len(numbers)} questions got {len(replies)} answers on port {port}")
    return [reply.split(b"\n", 1)[0] if reply.startswith(b"AT ") else None for reply in replies]


class HerdOfFive:
    """The members of one variant, linked."""

    def __init__(self, session, variant):
        edges = parse_edges(HERDS["Bailey"])
        names = list(dict.fromkeys(itertools.chain.from_iterable(edges)))
        ports = {name: PORTS.take() for name in names}
        self.members = [
            (name, ports[name], [b if a == name else a for a, b in edges if name in (a, b)]) for name in names
        ]
        self.ports = ports
        self.servers = []
        folder = session.new_folder(variant.key + "-herd")
        try:
            for name in names:
                self.servers.append(
                    session.start_member(variant, apart=False, members=self.members, name=name, folder=folder)
                )
            self.wait_for_links()
        except Failed:
            session.processes.stop([server.process for server in self.servers])
            raise

    @property
    def pids(self):
        return [server.process.pid for server in self.servers]

    def wait_for_links(self):
        """Until what is reported at each member is known to every member."""
        for number, (name, port, _) in enumerate(self.members):
            client = f"linked-{name}.example"
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                connection.sendall(f"IAMAT {client} +34.068930-118.445127 {1621464827 + number}.5\n".encode())
                if not connection.recv(4096).startswith(b"AT "):
                    raise Failed(f"{name} does not take a report")
            deadline = time.monotonic() + LINKED_S
            for other, other_port, _ in self.members:
                while not self.knows(other_port, client):
                    if time.monotonic() > deadline:
                        raise Failed(f"{other} does not hear from {name} within {LINKED_S:.0f} s")
                    time.sleep(0.02)

    @staticmethod
    def knows(port, client):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(f"WHATSAT {client} 0 0\n".encode())
            return connection.recv(4096).startswith(b"AT ")

    def seconds_until_equal(self):
        """Until every member has the same of the clients that are checked; None if not within LAG_S."""
        begin = time.monotonic()
        numbers = range(1, CLIENTS + 1, CLIENTS // CHECKED)
        wanted = None
        for _, port, _ in self.members:
            while True:
                try:
                    if wanted is None:
                        wanted = ask(self.ports[AT], numbers, LAG_S)
                    if ask(port, numbers, LAG_S) == wanted:
                        break
                except OSError:
                    pass  # too slow to answer: it has not got everything in time
                if time.monotonic() - begin > LAG_S:
                    return None
        return time.monotonic() - begin


class Flooding:
    """A part of it by its name: propagation, a thousand updates a second; flooding, as many as are carried without
    lag. Nobody is pinned: five members share the CPUs with the load."""

    STEPS = {"propagation": 1, "flooding": 4}  # for the estimate

    def __init__(self, name, quick):
        self.name = name
        self.quick = quick

    def specs(self):
        return set()

    def rows(self, session):
        return [v for v in session.variants if v.kind == HERD]

    def times(self, session):
        most = {"propagation": 2, "flooding": 1}[self.name] if self.quick else session.settings.repetitions
        return min(most, session.settings.repetitions)

    @staticmethod
    def window(window_s):
        return max(LEAST_S, 2 * window_s)

    def seconds(self, session, window_s, started):
        one = OVERHEAD_S + session.settings.warm_up_s + self.window(window_s)
        one += LAG_S / 2 if self.name == "flooding" else 0
        each = 5 * STARTING_S + self.times(session) * one * self.STEPS[self.name]
        return len(self.rows(session)) * each + self.warm_up_s(session)

    def run(self, session, fleets):
        herds = self.start_all(session)
        sustained = {}  # steps on the ladder that were carried last time
        for repetition in range(self.times(session)):
            for variant in self.rows(session):
                session.say(f"{self.name}: {variant.title} ({repetition + 1} of {self.times(session)})")
                herd = herds[variant.key]
                if isinstance(herd, str):
                    session.keep(self.name, variant, {"rate": None}, repetition, [], None, herd)
                    continue
                self.wait_until_quiet(herds)
                if self.name == "propagation":
                    self.measure(session, variant, herd, repetition, WATCHED_PER_S)
                else:
                    sustained[variant.key] = self.climb(
                        session, variant, herd, repetition, sustained.get(variant.key, STEPS_FIRST)
                    )
        running = [herd for herd in herds.values() if not isinstance(herd, str)]
        session.processes.stop([server.process for herd in running for server in herd.servers])

    def warm_up_s(self, session):
        return sum(2 * session.settings.first_warm_up(variant) for variant in self.rows(session))

    def start_all(self, session):
        """The herds, or why one did not start. All are warmed up before any is measured: five members that compile
        while they run disturb whoever comes next."""
        herds = {}
        for variant in self.rows(session):
            session.say(f"{self.name}: {variant.title}: five members")
            try:
                herds[variant.key] = herd = HerdOfFive(session, variant)
            except (Failed, OSError) as problem:
                herds[variant.key] = str(problem)
                continue
            seconds = 2 * session.settings.first_warm_up(variant)
            options = ["--connections=8", f"--rate={WATCHED_PER_S}", "--warmup=0", f"--seconds={seconds}"]
            session.run_load(options, [herd.ports[AT]], apart=False, limit_s=seconds)
        return herds

    @staticmethod
    def wait_until_quiet(herds):
        """Until nobody works off what came before: compilers go on behind a load."""
        pids = [pid for herd in herds.values() if not isinstance(herd, str) for pid in herd.pids]
        end = time.monotonic() + QUIET_MOST_S
        while time.monotonic() < end:
            before = cpu_s(pids)
            time.sleep(QUIET_S)
            if cpu_s(pids) - before < QUIET_SHARE * QUIET_S:
                break

    def climb(self, session, variant, herd, repetition, steps):
        """From what was carried last time: up to the first rate that is not carried, or down to one that is. Returns
        its step."""
        if self.carries(session, variant, herd, repetition, steps):
            while steps < STEPS_MOST and self.carries(session, variant, herd, repetition, steps + 1):
                steps += 1
            return steps
        while steps > 0:
            steps -= 1
            if self.carries(session, variant, herd, repetition, steps):
                break
        return steps

    def carries(self, session, variant, herd, repetition, steps):
        """Whether they do, at the first or the second try: something else on the machine may have been in the way."""
        rate = round(BASE_PER_S * STEP**steps)
        return any(self.measure(session, variant, herd, repetition, rate)["carried"] for _ in range(2))

    def measure(self, session, variant, herd, repetition, rate):
        session.say(
            f"{self.name}: {variant.title}: {rate:,} updates a second ({repetition + 1} of {self.times(session)})"
        )
        command, result, error = session.run_load(
            [
                f"--rate={rate}",
                "--connections=8",
                f"--clients={CLIENTS}",
                f"--watch=127.0.0.1:{herd.ports[FARTHEST]}",
                "--timeout=2",
                f"--seconds={self.window(session.window_s):.3f}",
                f"--warmup={session.settings.warm_up_s:.3f}",
                f"--seed={repetition + 1}",
            ],
            [herd.ports[AT]],
            herd.pids,
            apart=False,
        )
        equal_s, carried = None, False
        if result is not None:
            try:
                equal_s = herd.seconds_until_equal()
            except (Failed, OSError) as problem:
                error = error or str(problem)
            p99 = value_at(result, "propagation.p99")
            carried = (
                error is None
                and equal_s is not None
                and p99 is not None
                and p99 < LAG_P99_US
                and result["requests"]["per_s"] >= 0.95 * rate
            )
            if self.name == "flooding":
                error = None  # more than they carry is what the ladder looks for
        return session.keep(
            self.name, variant, {"rate": rate}, repetition, command, result, error, carried=carried, equal_s=equal_s
        )
