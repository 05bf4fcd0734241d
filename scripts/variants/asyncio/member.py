# SPDX-License-Identifier: MIT
"""One member of the herd: what its connections share, its start and its orderly stop."""
import asyncio
import contextlib
import os
import signal
import socket

from config import shown
from eventlog import EventLog
from links import Link
from places import GoogleLegacy, NoPlaces
from session import Session

BACKLOG = 4096
READ_SIZE = 64 << 10  # bytes
STOP_S = 5.0   # for what is being answered
LINKS_S = 1.0  # for what neighbours have yet to be told


class Member:
    """Everything here belongs to the one thread of the event loop."""

    def __init__(self, config):
        """ConfigError: there is no API key."""
        self.config = config
        self.name = config.name.encode()
        self.max_future_skew = config.max_future_skew_s * 10**9 or float("inf")
        self.places = GoogleLegacy(config) if config.places else NoPlaces()
        self.store = {}       # client -> record
        self.links = {}       # name of a neighbour -> Link
        self.inbound = set()  # of Inbound
        self.sessions = set()
        # What all connections read into: it is copied from before the loop reads again. A Protocol of the simple kind
        # costs plain asyncio a block of 256 KiB a read, which malloc maps and unmaps: three system calls.
        self.buffer = memoryview(bytearray(READ_SIZE))
        self.all_ended = asyncio.Event()
        self.stopping = False

    async def run(self):
        """Serves until SIGTERM or SIGINT. OSError: it cannot listen, or not log."""
        self.loop = asyncio.get_running_loop()
        self.log = EventLog(self.config.log_dir, self.config.name, self.config.log_messages)
        try:
            await self.places.open()
            self.links.update((name.encode(), Link(self, name.encode(), address))
                              for name, address in self.config.neighbours.items())
            servers = [await self.listen(host, port) for host, port in self.config.listen]
            keepers = [self.loop.create_task(link.keep()) for link in self.links.values()]
            stop = asyncio.Event()
            for number in (signal.SIGTERM, signal.SIGINT):
                self.loop.add_signal_handler(number, stop.set)

            addresses = ", ".join(shown(*address) for address in self.config.listen)
            self.log.event(f"listening on {addresses}")
            print(f"herdd: {self.config.name} listening on {addresses}", flush=True)
            await stop.wait()
            await self.stop(servers, keepers)
        finally:
            await self.places.close()
            await self.log.close()

    async def listen(self, host, port):
        try:
            return await self.loop.create_server(lambda: Session(self), host, port, backlog=BACKLOG)
        except OSError as error:
            reason = os.strerror(error.errno) if (error.errno or 0) > 0 else error.strerror
            raise OSError(f"{self.config.name} cannot listen on {shown(host, port)}: {reason}") from error

    def admit(self, session):
        """Whether there is room for one more."""
        if len(self.sessions) >= self.config.max_connections:
            return False
        self.sessions.add(session)
        self.log.event(f"open {session.peer.decode()}")
        return True

    def dismiss(self, session, reason):
        if session in self.sessions:
            self.log.event(f"close {session.peer.decode()} {reason}")
            self.leave(session)

    def leave(self, session):
        """It has ended, or become a link."""
        self.sessions.discard(session)
        if not self.sessions:
            self.all_ended.set()

    def flood(self, news, source=None):
        """Tells every neighbour but the one that they came from."""
        for name, link in self.links.items():
            if name != source:
                link.offer(news)

    async def stop(self, servers, keepers):
        self.log.event("stopping")
        self.stopping = True
        for server in servers:
            server.close()
        # What has arrived is read and answered, and then comes the end, as if every client had ended its side.
        for session in list(self.sessions):
            if session.transport.is_closing():
                continue
            descriptor = os.dup(session.transport.get_extra_info("socket").fileno())  # uvloop has no shutdown() for it
            with socket.socket(fileno=descriptor) as connection, contextlib.suppress(OSError):  # it may be gone already
                connection.shutdown(socket.SHUT_RD)
        try:
            async with asyncio.timeout(STOP_S):
                while self.sessions:
                    self.all_ended.clear()
                    await self.all_ended.wait()
        except TimeoutError:
            for session in list(self.sessions):
                session.transport.abort()

        for keeper in keepers:
            keeper.cancel()
        talking = [link for link in self.links.values() if link.transport]
        for link in talking:
            link.tell()
            link.transport.close()
        if talking:
            await asyncio.wait([link.gone for link in talking], timeout=LINKS_S)
        for inbound in list(self.inbound):
            inbound.transport.abort()
