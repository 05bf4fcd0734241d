# SPDX-License-Identifier: MIT
"""A stand-in for a neighbour: it speaks the link protocol by hand, so that a test sees every line of it."""

import socket
import struct
import threading
import time

from client import Client

SHARDS, LEAVES = 1024, 64  # of a store, and of a shard


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
        self.found = 0       # how many of them came by a comparison
        self.questions = []  # what the member wanted to compare
        self.pings = 0
        self.mute = threading.Event()  # set: no PING is answered
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
                    peer.close()
                    return
                *lines, buffer = (buffer + data).split(b'\n')
                for line in lines:
                    if greeted:
                        self._take(peer, line)
                    else:
                        greeted = True
                        self.hellos.append(line + b'\n')
                        peer.sendall(self.answer(line))
        except OSError:
            return

    def _take(self, peer, line):
        """An update is kept; a question is answered the way a member does that has nothing."""
        verb, _, rest = line.partition(b' ')
        if verb == b'PING':
            self.pings += 1
            if not self.mute.is_set():
                peer.sendall(b'PONG\n')
        elif verb == b'DIGEST':
            self.questions.append(rest)
            peer.sendall(b'SUMS %s%s\n' % (rest, self.sums(rest)))
        else:
            with self.lock:
                # What a comparison has brought is an update like any other to most tests.
                self.found += verb == b'SYNC'
                self.lines.append(b'AT ' + rest + b'\n' if verb == b'SYNC' else line + b'\n')

    def sums(self, part):
        """The sums of an empty store."""
        return b' 0000000000000000' * {b'ROOT': 1, b'SHARDS': SHARDS}.get(part, LEAVES)

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


class ForeignMember:
    """A stand-in for a member of another implementation: it keeps the bytes of every connection and sends bytes.

    `answer` is what it says to whatever it hears; `holds` whether it leaves a connection open after its peer has
    ended it; `resets` whether it ends each by a reset once it has read something."""

    def __init__(self, member, name, answer=b'', holds=False, resets=False):
        self.member = member
        self.name = name
        self.address = member.herd[name].address
        self.answer = answer
        self.holds = holds
        self.resets = resets
        self.messages = []  # the bytes of each connection, a list of pieces as they came; None behind them: ended
        self.listener = None
        self.sockets = []
        member.herd.case.addCleanup(self.close)

    def listen(self):
        self.listener = socket.create_server(self.address)
        threading.Thread(target=self._accept, args=[self.listener], daemon=True).start()
        return self

    def _accept(self, listener):
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            pieces = []
            self.messages.append(pieces)
            self.sockets.append(peer)
            threading.Thread(target=self._serve, args=[peer, pieces], daemon=True).start()

    def _serve(self, peer, pieces):
        try:
            while True:
                data = peer.recv(1 << 16)
                if not data:
                    pieces.append(None)
                    break
                pieces.append(data)
                if self.resets:
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
                    peer.close()
                    return
                if self.answer:
                    peer.sendall(self.answer)
            if not self.holds:
                peer.close()
        except OSError:
            pass

    def heard(self):
        """The bytes of each connection that has been ended by its peer, in order."""
        return [b''.join(pieces[:-1]) for pieces in list(self.messages) if pieces and pieces[-1] is None]

    def stream(self):
        """All bytes so far."""
        return b''.join(piece for pieces in list(self.messages) for piece in pieces if piece is not None)

    def say(self, data):
        """One message: a connection that is half-closed at once. Returns all that comes back."""
        with Client(self.member.address, source=self.address[0]) as client:
            client.send(data)
            client.half_close()
            return client.rest()

    def deaf(self):
        if self.listener:
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            self.listener = None
        for peer in self.sockets:
            peer.close()
        self.sockets.clear()

    def close(self):
        self.deaf()
