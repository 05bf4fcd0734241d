# SPDX-License-Identifier: MIT
"""TLS for clients that know nothing of it: a thread that carries bytes between one end of a socket pair and a TLS
connection. What half-closes at one side half-closes at the other (TLS: close_notify), and an end without close_notify is
a problem that the test hears of."""

import functools
import select
import socket
import ssl
import threading

PIECE = 1 << 16


@functools.cache
def anybody():
    """Of a client that shows no certificate and believes any."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Tunnel(threading.Thread):
    """Takes over @far, a connected socket, shakes hands over it, and offers `near` in its place."""

    def __init__(self, far, context, timeout):
        super().__init__(daemon=True)
        self.far = far
        self.problem = None  # why it ended, if that was not in order; read after the end of near
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing)
        self.near, self.inner = socket.socketpair()
        self.near.settimeout(timeout)
        self.heard = b''  # that near has not taken yet
        self.near_ended = self.far_ended = False
        try:
            self.shake_hands()
        except OSError:
            self.close()
            self.near.close()
            raise
        self.inner.setblocking(False)
        self.far.setblocking(False)
        self.start()

    def shake_hands(self):
        while True:
            try:
                self.tls.do_handshake()
                self.far.sendall(self.outgoing.read())
                return
            except ssl.SSLWantReadError:
                self.far.sendall(self.outgoing.read())
            except ssl.SSLError:
                self.far.sendall(self.outgoing.read())  # the alert
                raise
            data = self.far.recv(PIECE)
            if data:
                self.incoming.write(data)
            else:
                self.incoming.write_eof()

    def run(self):
        try:
            while not (self.near_ended and self.far_ended and not self.heard and not self.outgoing.pending):
                self.carry()
        except (OSError, ssl.SSLError) as problem:
            self.problem = self.problem or repr(problem)
        finally:
            self.close()

    def close(self):
        self.inner.close()
        self.far.close()

    def carry(self):
        """One round: what is ready is moved, and nothing is taken that the other side has no room for."""
        reading = [self.inner] * (not self.near_ended and not self.outgoing.pending)
        reading += [self.far] * (not self.far_ended and not self.heard)
        writing = [self.inner] * bool(self.heard) + [self.far] * bool(self.outgoing.pending)
        readable, writable, _ = select.select(reading, writing, [])
        if self.far in writable:
            self.flush()
        if self.inner in writable:
            self.tell()
        if self.far in readable:
            self.hear()
        if self.inner in readable:
            data = self.inner.recv(PIECE)
            if data:
                self.tls.write(data)
            else:
                self.near_ended = True
                self.say_goodbye()

    def say_goodbye(self):
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass  # the other side goes on
        except ssl.SSLError as problem:  # it does, and OpenSSL finds that odd
            if 'APPLICATION_DATA_AFTER_CLOSE_NOTIFY' not in str(problem):
                raise

    def flush(self):
        # A MemoryBIO gives up what it is asked for, so what the socket does not take has to go back in front.
        data = self.outgoing.read()
        sent = self.far.send(data)
        if sent < len(data):
            self.outgoing.write(data[sent:])
        elif self.near_ended:
            self.far.shutdown(socket.SHUT_WR)

    def tell(self):
        self.heard = self.heard[self.inner.send(self.heard):]
        if not self.heard and self.far_ended:
            self.inner.shutdown(socket.SHUT_WR)

    def hear(self):
        data = self.far.recv(PIECE)
        if data:
            self.incoming.write(data)
        else:
            self.incoming.write_eof()
        while not self.far_ended:
            try:
                text = self.tls.read(PIECE)
            except ssl.SSLWantReadError:
                return
            except ssl.SSLZeroReturnError:
                text = b''
            except ssl.SSLError as problem:
                self.problem = f'TLS did not end in order: {problem}'
                text = b''
            self.heard += text
            self.far_ended = not text
        if not self.heard:
            self.inner.shutdown(socket.SHUT_WR)
