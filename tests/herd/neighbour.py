# SPDX-License-Identifier: MIT
"""A stand-in for a neighbour: it speaks the link protocol by hand, so that a test sees every line of it."""

import socket
import threading
import time

from client import Client


def at_line(origin, client_id, location=b'+34.068930-118.445127', at=None, skew=b'+0.000000001'):
    """An update as a member would pass it on."""
    if at is None:
        at = b'%d.%09d' % divmod(time.time_ns(), 10**9)
    return b'AT %s %s %s %s %s\n' % (origin, skew, client_id, location, at)


class FakeMember:
    """Listens where a neighbour of `member` would, answers hellos and records what comes after them.

    `lines` is all that came over accepted links, without the hellos. `reading` can be cleared to leave bytes in
    the socket. `answer` makes the reply to a hello, by default the right one."""

    def __init__(self, member, name, rcvbuf=None, answer=None):
        self.member = member
        self.name = name
        self.me = name.encode()
        self.them = member.name.encode()
        self.answer = answer or (lambda hello: b'HELLO 1 %s %s\n' % (self.me, self.them))
        self.address = member.herd[name].address
        self.rcvbuf = rcvbuf
        self.hellos = []
        self.lines = []
        self.reading = threading.Event()
        self.reading.set()
        self.lock = threading.Lock()
        self.sockets = []
        self.listener = None
        self.links = []
        member.herd.case.addCleanup(self.close)

    def listen(self):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.rcvbuf:  # what is accepted inherits it
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.rcvbuf)
        self.listener.bind(self.address)
        self.listener.listen()
        threading.Thread(target=self._accept, args=[self.listener], daemon=True).start()
        return self

    def _accept(self, listener):
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with self.lock:
                self.sockets.append(peer)
            threading.Thread(target=self._serve, args=[peer], daemon=True).start()

    def _serve(self, peer):
        buffer, greeted = b'', False
        try:
            while True:
                if greeted:
                    self.reading.wait()
                data = peer.recv(1 << 16)
                if not data:
                    return
                *lines, buffer = (buffer + data).split(b'\n')
                for line in lines:
                    if greeted:
                        with self.lock:
                            self.lines.append(line + b'\n')
                    else:
                        greeted = True
                        self.hellos.append(line + b'\n')
                        peer.sendall(self.answer(line))
        except OSError:
            return

    def received(self, client_id=None):
        """The lines so far, or those about one client."""
        with self.lock:
            return [line for line in self.lines if client_id is None or line.split(b' ')[3:4] == [client_id]]

    def open_link(self, source=None, hello=None):
        """A link from here to the member. Returns the connection and the answer to the hello."""
        client = Client(self.member.address, source=source or self.address[0], timeout=10)
        self.links.append(client)
        return client, client.ask(hello or b'HELLO 1 %s %s' % (self.me, self.them))

    def link(self):
        """A link from here to the member that must be accepted."""
        client, answer = self.open_link()
        assert answer.startswith(b'HELLO 1 %s %s ' % (self.them, self.me)), answer
        return client

    def drop(self):
        """Closes what the member has opened to here."""
        with self.lock:
            peers, self.sockets = self.sockets, []
        for peer in peers:
            try:
                peer.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            peer.close()

    def deaf(self):
        """Stops listening; links stay."""
        if self.listener:
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            self.listener = None

    def close(self):
        self.reading.set()
        self.deaf()
        self.drop()
        for link in self.links:
            link.close()
