# SPDX-License-Identifier: MIT
"""A client of the herd protocol, and what its replies are made of."""

import json
import re
import selectors
import socket
import struct
import time

from tunnel import Tunnel, anybody

TLS = 'tls://'  # before a host, in an address

AT = re.compile(rb'AT (?P<origin>\S+) (?P<skew>[+-]\d+\.\d{9}) (?P<client>[^ ]+) '
                rb'(?P<location>[+-][0-9.]+[+-][0-9.]+) (?P<time>[+-]?[0-9.]+)\n', re.DOTALL)


def nanoseconds(text):
    """Seconds in decimal as an exact count of nanoseconds; digits past the ninth do not count."""
    text = text.decode() if isinstance(text, bytes) else text
    sign = -1 if text.startswith('-') else 1
    whole, _, fraction = text.lstrip('+-').partition('.')
    return sign * (int(whole) * 10**9 + int(fraction[:9].ljust(9, '0')))


def order(line):
    """What AT lines are sorted by so that the newest comes last (R21; the bytes of the line decide a full tie)."""
    _, origin, skew, _, location, at = line.split()
    return nanoseconds(at), origin, location, nanoseconds(skew), line


class Reply:
    """A reply to WHATSAT: one AT line, a JSON text, an empty line."""

    def __init__(self, raw):
        assert raw.endswith(b'\n\n') and raw.count(b'\n\n') == 1, raw
        self.raw = raw
        self.at, _, rest = raw.partition(b'\n')
        self.at += b'\n'
        self.body = rest[:-2]
        self.json = json.loads(self.body)

    @property
    def status(self):
        return self.json['status']

    @property
    def names(self):
        return [place['name'] for place in self.json['results']]


class Client:
    """One TCP connection, blocking, with a deadline on everything."""

    def __init__(self, address, timeout=10.0, rcvbuf=None, source=None, context=None):
        host, port = address
        tls = host.startswith(TLS)
        host = host.removeprefix(TLS)
        self.timeout = timeout
        self.buffer = b''
        self.socket = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET)
        self.socket.settimeout(timeout)
        if rcvbuf:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        if source:
            self.socket.bind((source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.socket.connect((host, port))
        except OSError:
            self.socket.close()
            raise
        self.address = self.socket.getsockname()[:2]
        self.tunnel = Tunnel(self.socket, context or anybody(), timeout) if tls else None
        if tls:
            self.socket = self.tunnel.near

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def name(self):
        """This end, as members write it in their logs."""
        host, port = self.address
        return (f'[{host}]:{port}' if ':' in host else f'{host}:{port}').encode()

    def send(self, data):
        self.socket.sendall(data)

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()
        if self.tunnel:
            self.tunnel.join()

    def reset(self):
        """Ends the connection with a RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.socket.close()

    def _until(self, mark):
        while mark not in self.buffer:
            try:
                data = self.socket.recv(1 << 16)
            except TimeoutError:
                raise AssertionError(f'no reply in time, only {self.buffer[-200:]!r}') from None
            if not data:
                raise AssertionError(f'closed after {self.buffer[-200:]!r}')
            self.buffer += data
        head, _, self.buffer = self.buffer.partition(mark)
        return head + mark

    def line(self):
        """The next line, LF included."""
        return self._until(b'\n')

    def reply(self):
        """The next reply to a WHATSAT that was valid."""
        return Reply(self._until(b'\n\n'))

    def ask(self, line):
        """Sends a line and returns the line that answers it."""
        self.send(line + b'\n')
        return self.line()

    def iamat(self, client_id, location=b'+34.068930-118.445127', at=None):
        """Reports a location, by default of now; returns the AT line."""
        if at is None:
            at = b'%d.%09d' % divmod(time.time_ns(), 10**9)
        return self.ask(b'IAMAT %s %s %s' % (client_id, location, at))

    def whatsat(self, client_id, radius=b'10', bound=b'5'):
        self.send(b'WHATSAT %s %s %s\n' % (client_id, radius, bound))
        return self.reply()

    def rest(self):
        """Everything up to the end of the connection, which must be an orderly one."""
        data, self.buffer = self.buffer, b''
        while True:
            try:
                more = self.socket.recv(1 << 16)
            except TimeoutError:
                raise AssertionError(f'still open after {data[-200:]!r}') from None
            if not more:
                if self.tunnel and self.tunnel.problem:
                    raise AssertionError(self.tunnel.problem)
                return data
            data += more

    def silent(self):
        """Whether nothing waits to be read, not even the end."""
        if self.buffer:
            return False
        self.socket.setblocking(False)
        try:
            self.socket.recv(1, socket.MSG_PEEK)
            return False
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        finally:
            self.socket.settimeout(self.timeout)

    def exchange(self, data, piece=1 << 16):
        """Sends everything, reading meanwhile, then half-closes; returns all that came until the end."""
        received, view, end = bytearray(self.buffer), memoryview(data), time.monotonic() + 6 * self.timeout
        self.buffer = b''
        self.socket.setblocking(False)
        with selectors.DefaultSelector() as selector:
            selector.register(self.socket, selectors.EVENT_READ | selectors.EVENT_WRITE)
            while True:
                ready = selector.select(self.timeout)
                if not ready or time.monotonic() > end:
                    raise AssertionError(f'stuck: {len(view)} bytes unsent, {len(received)} received')
                events = ready[0][1]
                if events & selectors.EVENT_READ:
                    more = self.socket.recv(1 << 18)
                    if not more:
                        return bytes(received)
                    received += more
                if events & selectors.EVENT_WRITE:
                    if view:
                        view = view[self.socket.send(view[:piece]):]
                    if not view:
                        self.half_close()
                        selector.modify(self.socket, selectors.EVENT_READ)


def split_replies(data, lines):
    """Cuts a stream of replies into one for each of @lines: a WHATSAT that was understood is answered up to an
    empty line, everything else with one line. Returns the replies and what is left over."""
    replies, position = [], 0
    for line in lines:
        mark = b'\n\n' if line.startswith(b'WHATSAT') and data.startswith(b'AT ', position) else b'\n'
        end = data.find(mark, position)
        if end < 0:
            break
        replies.append(data[position:end + len(mark)])
        position = end + len(mark)
    return replies, data[position:]
