# SPDX-License-Identifier: MIT
"""Flooding between members (PROTOCOL R19-R23). Each member dials each neighbour and tells it updates over that
connection; over the one that the neighbour has dialled it only listens."""
import asyncio
import itertools
import os
import random
import socket

from messages import match_at, record_of_at

LINES_A_WRITE = 1000
LINE_MAX = 40 << 10  # bytes: more than what the longest line of a client's becomes
CONNECT_TIMEOUT_S = 5.0
BACKOFF_MIN_S, BACKOFF_MAX_S = 0.1, 5.0
SOCKET_OPTIONS = (  # so that a neighbour whose machine is gone is noticed
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1), (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 5),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 10_000), (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1))


class Link(asyncio.Protocol):
    """The way to one neighbour.

    `due` is what it has yet to be told, by client: a newer line replaces an older one, so a neighbour that does not
    read costs an entry a client. `backlog` is what was due before, and is being told: at first, all that there is.
    """

    def __init__(self, member, name, address):
        self.member, self.name, self.address = member, name, address
        self.transport = None
        self.due, self.backlog = {}, iter(())
        self.scheduled = self.choked = False
        self.gone = None      # a future: why the connection has ended
        self.was_up = None    # what the log says
        self.heard = asyncio.Event()  # the neighbour has said hello to us: it is there

    async def keep(self):
        """Dials whenever there is no connection, for as long as the member runs."""
        loop = self.member.loop
        pause = BACKOFF_MIN_S
        while True:
            self.heard.clear()
            self.gone = loop.create_future()
            begin = loop.time()
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT_S):
                    await loop.create_connection(lambda: self, *self.address)
            except TimeoutError:
                self.report(False, "connecting takes too long")
            except OSError as error:
                self.report(False, os.strerror(error.errno) if (error.errno or 0) > 0 else str(error))
            else:
                self.report(False, await self.gone)
                if loop.time() - begin > BACKOFF_MAX_S:
                    pause = BACKOFF_MIN_S
            try:
                async with asyncio.timeout(random.uniform(pause / 2, pause)):
                    await self.heard.wait()
            except TimeoutError:
                pause = min(2 * pause, BACKOFF_MAX_S)

    def report(self, up, reason=""):
        if up is not self.was_up:
            self.was_up = up
            what = "up" if up else f"down: {reason}"
            self.member.log.event(f"link {self.name.decode()} {what}", b"info" if up else b"warning")

    def connection_made(self, transport):
        sock = transport.get_extra_info("socket")
        for option in SOCKET_OPTIONS:
            sock.setsockopt(*option)
        self.transport = transport
        self.choked = False
        store = self.member.store
        self.due, self.backlog = {}, (store[client][4] for client in list(store))  # PROTOCOL R23
        transport.write(b"MEMBER %b %b\n" % (self.member.name, self.name))
        self.report(True)
        self.schedule()

    def connection_lost(self, error):
        self.transport = None
        self.due, self.backlog = {}, iter(())
        if not self.gone.done():
            self.gone.set_result(str(error) if error else "closed by the neighbour")

    def data_received(self, data):
        """A neighbour says nothing here, unless it takes us for a client."""
        if not self.gone.done():
            self.gone.set_result("the neighbour does not accept our hello: is the herd's file the same on both sides?")
        self.transport.abort()

    def pause_writing(self):
        self.choked = True

    def resume_writing(self):
        self.choked = False
        self.schedule()

    def offer(self, news):
        """AT lines by client. They are told after the callbacks that are ready now, whose own news go along."""
        if self.transport:
            self.due.update(news)
            self.schedule()

    def schedule(self):
        if not self.scheduled:
            self.scheduled = True
            self.member.loop.call_soon(self.tell)

    def tell(self):
        """One write. If there is more the others have their turn first."""
        self.scheduled = False
        if self.choked or not self.transport:
            return
        lines = list(itertools.islice(self.backlog, LINES_A_WRITE))
        if not lines:
            self.backlog, self.due = iter(self.due.values()), {}
            lines = list(itertools.islice(self.backlog, LINES_A_WRITE))
        if not lines:
            return
        if self.member.log.messages:
            self.member.log.lines([b"send %b %b" % (self.name, line[:-1]) for line in lines])
        self.transport.write(b"".join(lines))
        if self.due or len(lines) == LINES_A_WRITE:
            self.schedule()


class Inbound(asyncio.BufferedProtocol):
    """The connection that a neighbour has dialled, from its hello on."""

    def __init__(self, member, name, transport):
        self.member, self.name, self.transport = member, name, transport
        self.unread = b""

    def begin(self, peer, unread):
        self.member.inbound.add(self)
        self.member.log.event(f"link {self.name.decode()} joined from {peer.decode()}")
        self.member.links[self.name].heard.set()
        self.take(unread)

    def get_buffer(self, sizehint):
        return self.member.buffer

    def buffer_updated(self, count):
        self.take(bytes(self.member.buffer[:count]))

    def take(self, data):
        *lines, self.unread = (self.unread + data).split(b"\n")
        store = self.member.store
        news = {}
        for line in lines:
            match = match_at(line)
            if not match:
                self.member.log.lines((b"link %b dropped a line that is no update: %b" % (self.name, line),))
                continue
            origin, skew, client, place, at = match.groups()
            record = record_of_at(line, origin, skew, place, at)
            known = store.get(client)
            if known is None or record > known:  # PROTOCOL R20, R21
                store[client] = record
                news[client] = record[4]
        if self.member.log.messages:
            self.member.log.lines([b"recv %b %b" % (self.name, line) for line in lines])
        if news:
            self.member.flood(news, self.name)
        if len(self.unread) > LINE_MAX:
            self.transport.abort()

    def connection_lost(self, error):
        """Half a line is dropped: half a time is another time."""
        self.member.inbound.discard(self)
        self.member.log.event(f"close {self.name.decode()} {error or 'ended'}")
