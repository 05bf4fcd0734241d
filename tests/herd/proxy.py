# SPDX-License-Identifier: MIT
"""Bad networks: TCP proxies on the edges of a herd, one a direction, all moved by one thread.

    network = Network()
    pipes = network.between(herd)       # before the herd starts; pipes[here, there] carries what here opens to there
    pipes['Bailey', 'Bona'].cut()
    pipes['Bailey', 'Bona'].heal()

TCP keeps its promises through all of this but corruption: a connection that loses bytes is never used again.
"""

import collections
import random
import selectors
import socket
import struct
import threading
import time

from harness import DEADLINE, PORTS

CHUNK = 1 << 16
QUEUED_MAX = 1 << 20  # bytes that a flow keeps before it stops reading

# What is done to the first byte of a line. TCP would never deliver the result, so nothing can be asked of the receiver but
# that it survives, takes no record from it, and is well again on the next connection. For the second, a broken line must
# not be another good one: a flipped digit in a time makes a record that nobody reported and that R21 may prefer for ever.
# So it is the verb that is broken, in ways that no verb of the protocol can be the result of.
HARMS = {
    'flip': lambda byte: bytes([byte[0] ^ 0x80]),  # no verb has a byte above 0x7f
    'nul': lambda byte: b'\0',                     # R4: NUL anywhere makes a line invalid
    'drop': lambda byte: b'',                      # no verb is another one without its first byte
    'repeat': lambda byte: byte + byte,            # no verb begins with two equal bytes
}


class Flow:
    """One half of a connection: what is read from @source is written to @sink."""

    def __init__(self, connection, source, sink, half):
        self.connection = connection
        self.pipe = connection.pipe
        self.source = source
        self.sink = sink
        self.half = half
        self.queue = collections.deque()  # (when it is due, bytes), in order
        self.size = 0
        self.next_at = 0.0                # not before, when throttled
        self.line_begins = True           # with the next byte that is read
        self.harmed = False               # a line of this flow; ends with it
        self.ended = False                # nothing more is read
        self.blocked = False              # the sink takes nothing now
        self.finished = False             # all is written, and the end too

    def wants_to_read(self):
        return not self.ended and not self.pipe.silent and self.size < QUEUED_MAX

    def read(self):
        data = self.source.recv(CHUNK)
        if data:
            data = self.mangle(data)
            due = time.monotonic() + self.pipe.delay + self.pipe.jitter * random.random()
            if self.queue:
                due = max(due, self.queue[-1][0])
            self.queue.append((due, data))
            self.size += len(data)
        else:
            self.ended = True

    def mangle(self, data):
        """Does the harm that waits for this half to the next line that begins, and ends the flow behind that line."""
        begin = 0
        if not self.harmed and self.half in self.pipe.harms:
            begin = 0 if self.line_begins else data.find(b'\n') + 1
            if begin < len(data) and (begin > 0 or self.line_begins):
                harm = HARMS[self.pipe.harms.pop(self.half)]
                data = data[:begin] + harm(data[begin:begin + 1]) + data[begin + 1:]
                self.harmed = True
                self.pipe.harmed += 1
        self.line_begins = data.endswith(b'\n')
        if self.harmed:
            end = data.find(b'\n', begin) + 1
            if end > 0:
                self.ended = True
                return data[:end]
        return data

    def write(self):
        """Writes what is due. Returns when to come again, or None: not before something happens."""
        self.blocked = False
        while self.queue and not self.pipe.silent:
            now = time.monotonic()
            due, data = self.queue[0]
            due = max(due, self.next_at if self.pipe.rate else 0.0)
            if due > now:
                return due
            piece = data[:max(1, self.pipe.rate // 50)] if self.pipe.rate else data
            try:
                sent = self.sink.send(piece)
            except BlockingIOError:
                self.blocked = True
                return None
            if self.pipe.rate:
                self.next_at = now + sent / self.pipe.rate
            self.size -= sent
            if sent == len(data):
                self.queue.popleft()
            else:
                self.queue[0] = (self.queue[0][0], data[sent:])
        if self.ended and not self.queue and not self.pipe.silent and not self.finished:
            self.finished = True
            if self.harmed:
                raise ConnectionResetError('a line was harmed')
            self.sink.shutdown(socket.SHUT_WR)
        return None


class Connection:
    """A connection that was accepted, and the one behind it."""

    def __init__(self, pipe, near):
        self.pipe = pipe
        self.network = pipe.network
        self.near = near
        self.far = socket.socket(near.family)
        self.watched = {}
        self.flows = []
        for end in (self.near, self.far):
            end.setblocking(False)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def open(self):
        self.far.bind((self.pipe.source, 0))
        try:
            self.far.connect(self.pipe.target)
        except BlockingIOError:
            pass
        self.flows = [Flow(self, self.near, self.far, 'there'), Flow(self, self.far, self.near, 'back')]

    def step(self, ready=None, events=0):
        """Does what can be done now, and says what to wait for."""
        try:
            if not self.flows and not self.pipe.silent:
                self.open()
            for flow in self.flows:
                if flow.source is ready and events & selectors.EVENT_READ and flow.wants_to_read():
                    try:
                        flow.read()
                    except BlockingIOError:
                        pass
            self.network.wake(self, [flow.write() for flow in self.flows])
        except OSError:
            self.close(reset=not any(flow.harmed for flow in self.flows))
            return
        if self.flows and all(flow.finished for flow in self.flows):
            self.close()
            return
        self.watch()

    def watch(self):
        for end in (self.near, self.far):
            wanted = 0
            for flow in self.flows:
                if flow.source is end and flow.wants_to_read():
                    wanted |= selectors.EVENT_READ
                if flow.sink is end and flow.blocked:
                    wanted |= selectors.EVENT_WRITE
            if wanted != self.watched.get(end, 0):
                if end in self.watched:
                    self.network.selector.unregister(end)
                    del self.watched[end]
                if wanted:
                    self.watched[end] = wanted
                    self.network.selector.register(end, wanted, lambda events, end=end: self.step(end, events))

    def close(self, reset=False):
        for end in self.watched:
            self.network.selector.unregister(end)
        self.watched = {}
        self.network.forget(self)
        self.pipe.connections.discard(self)
        for end in (self.near, self.far):
            if reset:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            end.close()


class Pipe:
    """One direction of an edge: a listener, and the connections through it to @target.

    Its methods return when the network's thread has done it."""

    def __init__(self, network, target, source):
        self.network = network
        self.target = target
        self.source = source      # the host that connections to the target come from
        self.address = (target[0], PORTS.take(target[0]))
        self.silent = False       # accepts, never answers, moves nothing
        self.delay = 0.0          # seconds
        self.jitter = 0.0         # seconds, at most, on top of it; the order stays
        self.rate = 0             # bytes a second and connection; 0: as fast as it goes
        self.harms = {}           # half ('there', 'back') -> what is done to its next line
        self.harmed = 0           # lines so far
        self.connections = set()
        self.open = False
        self.listener = socket.socket(socket.AF_INET6 if ':' in target[0] else socket.AF_INET)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(self.address)
        self.listener.setblocking(False)

    def listen(self):
        if not self.open:
            self.listener.listen()
            self.network.selector.register(self.listener, selectors.EVENT_READ, self.accept)
            self.open = True

    def accept(self, _):
        try:
            near, _ = self.listener.accept()
        except BlockingIOError:
            return
        connection = Connection(self, near)
        self.connections.add(connection)
        connection.step()

    def drop(self, reset):
        for connection in list(self.connections):
            connection.close(reset)

    def refresh(self):
        for connection in list(self.connections):
            connection.step()

    def deaf(self):
        if self.open:
            self.network.selector.unregister(self.listener)
            self.listener.shutdown(socket.SHUT_RDWR)  # keeps its port, and listens again when it is told to
            self.open = False

    def cut(self, reset=False):
        """Ends all connections, in the middle of a line if need be, and refuses new ones."""
        def do():
            self.deaf()
            self.drop(reset)
        self.network.call(do)

    def silence(self):
        """Half-open: connections stay and new ones are made, and nothing goes through either."""
        def do():
            self.silent = True
            self.listen()
            self.refresh()
        self.network.call(do)

    def slow(self, delay=0.0, jitter=0.0, rate=0):
        """For what passes from now on."""
        def do():
            self.delay, self.jitter, self.rate = delay, jitter, rate
            self.refresh()
        self.network.call(do)

    def harm(self, kind, half='there'):
        """Breaks the next line that begins on that half of any connection, and cuts that connection behind it."""
        self.network.call(lambda: self.harms.update({half: kind}))

    def heal(self, fresh=False, harms=()):
        """Everything passes again, but for the first lines on the halves in @harms (half -> kind). What a silent pipe has
        kept goes on, or with @fresh is dropped and reset."""
        def do():
            if fresh:
                self.drop(reset=True)
            self.silent, self.delay, self.jitter, self.rate = False, 0.0, 0.0, 0
            self.harms = dict(harms)
            self.listen()
            self.refresh()
        self.network.call(do)


class Network:
    """The thread, and all that it moves."""

    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.pipes = []
        self.timers = {}  # connection -> when to step it
        self.calls = collections.deque()
        self.problem = None
        self.closed = False
        self.waker, self.sleeper = socket.socketpair()
        self.sleeper.setblocking(False)
        self.selector.register(self.sleeper, selectors.EVENT_READ, lambda _: self.sleeper.recv(CHUNK))
        self.thread = threading.Thread(target=self.run, name='proxy', daemon=True)
        self.thread.start()

    def between(self, herd):
        """Puts a pipe into each direction of each edge of a herd that does not run yet."""
        pipes = {}
        for edge in herd.edges:
            for here, there in (edge, edge[::-1]):
                pipe = Pipe(self, herd[there].address, herd[here].address[0])
                pipes[here, there] = pipe
                herd.seen_at[here, there] = pipe.address
                self.pipes.append(pipe)
                self.call(pipe.listen)
        herd.write_config()
        herd.case.addCleanup(self.close)
        return pipes

    def call(self, function):
        """Has the thread do something, and waits until it has."""
        done = threading.Event()

        def do():
            try:
                function()
            finally:
                done.set()
        self.calls.append(do)
        self.waker.send(b'.')
        if not done.wait(DEADLINE) or self.problem:
            raise AssertionError('the proxy is broken') from self.problem

    def wake(self, connection, times):
        times = [moment for moment in times if moment is not None]
        if times:
            self.timers[connection] = min(times)
        else:
            self.timers.pop(connection, None)

    def forget(self, connection):
        self.timers.pop(connection, None)

    def run(self):
        try:
            while not self.closed:
                self.turn()
        except BaseException as problem:  # whoever calls next is told
            self.problem = problem
            raise

    def turn(self):
        timeout = None
        if self.timers:
            timeout = max(0.0, min(self.timers.values()) - time.monotonic())
        for key, events in self.selector.select(timeout):
            # What was done for one may have closed or changed another.
            current = self.selector.get_map().get(key.fd)
            if current is not None and current.data is key.data:
                key.data(events)
        now = time.monotonic()
        for connection in [connection for connection, due in self.timers.items() if due <= now]:
            if connection in self.timers:
                connection.step()
        while self.calls:
            self.calls.popleft()()

    def close(self):
        if self.closed:
            return

        def do():
            for pipe in self.pipes:
                pipe.drop(reset=False)
                pipe.deaf()
                pipe.listener.close()
            self.closed = True
        self.call(do)
        self.thread.join(DEADLINE)
        self.selector.close()
        self.waker.close()
        self.sleeper.close()
