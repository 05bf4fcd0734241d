# SPDX-License-Identifier: MIT
"""What servers take up: for each stored client and each connection, each in a process of its own that has done
nothing else."""
from comparison.processes import Failed, anonymous_memory
from comparison.session import STARTING_S
from comparison.variants import FLOOR, HERD, YARDSTICK

FILL_PER_S = 150_000  # clients, for the estimate
CONNECT_PER_S = 8_000


class Memory:
    """Clients: fills of rising size, one behind the other, so that each process grows from one to the next.
    Connections: idle ones that have all reported the same client, so that what grows is for the connections alone."""

    name = "memory"

    def __init__(self, quick):
        self.quick = quick
        self.clients = (1_000, 10_000, 100_000) if quick else (10_000, 100_000, 1_000_000)
        self.connections = (1_000, 10_000) if quick else (100, 1_000, 4_000, 10_000)

    def specs(self):
        return set()

    def rows(self, session):
        return [v for v in session.variants if v.kind in (HERD, YARDSTICK, FLOOR)]

    def times(self, session):
        return min(1 if self.quick else 3, session.settings.repetitions)

    def seconds(self, session, window_s, started):
        total = 0.0
        for variant in self.rows(session):
            total += STARTING_S + (sum(self.clients) / FILL_PER_S if variant.kind != FLOOR else 0)
            if variant.kind != YARDSTICK:
                total += STARTING_S + 2 * sum(self.connections) / CONNECT_PER_S
        return total * self.times(session)

    def run(self, session, fleets):
        for repetition in range(self.times(session)):
            for variant in self.rows(session):
                what = f"{self.name}: {variant.title} ({repetition + 1} of {self.times(session)})"
                if variant.kind != FLOOR:
                    session.say(what + ": clients")
                    self.fresh(session, variant, repetition, self.fill)
                if variant.kind != YARDSTICK:
                    session.say(what + ": connections")
                    self.fresh(session, variant, repetition, self.connect)

    def fresh(self, session, variant, repetition, part):
        """A part in a new process."""
        try:
            server = session.start_member(variant)
        except Failed as problem:
            session.keep(self.name, variant, {"part": part.__name__}, repetition, [], None, str(problem))
            return
        try:
            part(session, variant, repetition, server)
        except (Failed, OSError) as problem:
            session.keep(self.name, variant, {"part": part.__name__}, repetition, [], None, str(problem))
        finally:
            session.processes.stop([server.process])

    def fill(self, session, variant, repetition, server):
        empty = anonymous_memory(server.process.pid)
        for clients in self.clients:
            command, result, error = session.run_load(
                [
                    f"--protocol={variant.protocol}",
                    "--fill",
                    "--seconds=0",
                    "--warmup=0",
                    "--connections=8",
                    f"--clients={clients}",
                ],
                [server.port],
                [server.process.pid],
                limit_s=600,
            )
            session.keep(
                self.name,
                variant,
                {"clients": clients},
                repetition,
                command,
                result,
                error,
                empty_bytes=empty,
                anonymous_bytes=anonymous_memory(server.process.pid),
            )
            if error is not None:
                return

    def connect(self, session, variant, repetition, server):
        options = [
            f"--protocol={variant.protocol}",
            "--seconds=0.2",
            "--warmup=0",
            "--connections=1",
            "--rate=10",
            "--clients=1",
        ]
        session.run_load(options, [server.port])  # what a server needs for its first connection is not counted
        base = anonymous_memory(server.process.pid)
        for connections in self.connections:
            command, result, error = session.run_load(
                [*options, f"--idle={connections}"], [server.port], [server.process.pid]
            )
            with_them = None
            if result is not None and result.get("servers"):
                with_them = result["servers"][0]["anonymous"]["after"]
            session.keep(
                self.name,
                variant,
                {"connections": connections},
                repetition,
                command,
                result,
                error,
                empty_bytes=base,
                anonymous_bytes=with_them,
            )
            if error is not None:
                return
