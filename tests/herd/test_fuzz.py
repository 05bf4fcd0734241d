# SPDX-License-Identifier: MIT
"""A herd among peers that say anything: valid traffic of clients, neighbours and members of other implementations that was changed at
random, in any pieces, read or not, ended in any way. Who behaves is served all the while, rightly and in time; afterwards
the members agree to the byte, and end as they should, without a word of a sanitizer's.

    HERD_SEED=4711 tests/herd/run.py test_fuzz            the same traffic again
    HERD_FUZZ_SECONDS=600 tests/herd/run.py test_fuzz     for longer

What the n-th connection of an actor says follows from the seed, which actor it is, and n."""

import os
import random
import select
import socket
import struct
import threading
import time
import unittest

from client import Client
from harness import DEADLINE, PROMPT, HerdTestCase, diag, wait_until
from neighbour import at_line

NAMES = ('Bailey', 'Bona', 'Campbell')
GHOST = 'Goloman'      # a neighbour of all, that does not run: actors speak for it
STRANGER = 'Riley'     # the same, of another implementation, at a host of its own
STRANGERS_HOST = '127.0.0.77'
ACTORS = 10
SECONDS = float(os.environ.get('HERD_FUZZ_SECONDS') or 4)
PATIENCE = 0.2          # seconds that an actor waits for a socket
LINE_MAX = 4096
FULL = 100_000          # bytes of replies after which an actor has seen enough

PLACES = (b'+34.068930-118.445127', b'+0+0', b'-90-180', b'+89.999999999+179.5', b'+35.6-0.000000001')
TOKENS = (b'\n', b'\r\n', b'\0', b' ', b'\t', b'\xff\xfe', b'+', b'-', b'.', b'9' * 30, b'nan', b'1e9', b'%s%n', b'IAMAT ', b'WHATSAT ',
          b'AT ', b'SYNC ', b'ECHO ', b'PING\n', b'PONG\n', b'DIGEST SHARDS\n', b'SUMS ROOT 0\n', b'GET / HTTP/1.1\r\n\r\n',
          b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03')


class Actor:
    """Says one thing after the other to members that it chooses."""

    def __init__(self, test, number):
        self.test = test
        self.number = number
        self.connections = self.bytes = self.checked = 0

    def run(self):
        while not self.test.over.is_set():
            chance = random.Random(f'{self.test.seed} {self.number} {self.connections}')
            self.connections += 1
            try:
                self.connect(chance)
            except OSError:
                continue  # the member may end a connection when it likes, and this end its own
            except Exception as problem:  # what is wrong with it is for the test to say
                self.test.wrong(f'actor {self.number}, connection {self.connections - 1}: {problem!r}')

    def connect(self, chance):
        member = self.test.group[chance.choice(NAMES)]
        role = chance.choice(('client', 'client', 'client', 'neighbour', 'neighbour', 'stranger', 'noise'))
        text = getattr(self, role)(chance, member.name.encode())
        with socket.socket() as peer:
            peer.settimeout(PATIENCE)
            if role == 'stranger':
                peer.bind((STRANGERS_HOST, 0))
            peer.connect(member.address)
            self.bytes += len(text)
            self.say(chance, peer, role, text)

    # What is said.

    def client(self, chance, _):
        return mutated(chance, [client_line(chance) for _ in range(chance.randrange(1, 60))], 3)

    def neighbour(self, chance, name):
        hello = b'HELLO 1 %s %s %d\n' % (GHOST.encode(), name, chance.randrange(3))
        return (hello if chance.random() < 0.9 else b'') + mutated(chance, [link_line(chance) for _ in range(chance.randrange(1, 60))], 3)

    def stranger(self, chance, _):
        return mutated(chance, [foreign_line(chance) for _ in range(chance.randrange(1, 20))], 3)

    def noise(self, chance, _):
        return chance.choice((
            lambda: chance.randbytes(chance.randrange(1, 5000)),
            lambda: chance.choice(TOKENS) + chance.randbytes(300),
            lambda: b'q' * chance.randrange(1, 500_000),                                                # a line without end
            lambda: b'WHATSAT f1 50 20\n' * chance.randrange(1, 3000),                                  # more than it takes back
            lambda: b'\n' * chance.randrange(1, 50_000),
            lambda: b'HELLO 1 %s Bailey\n' % GHOST.encode() + b'DIGEST SHARDS\n' * chance.randrange(1, 300),
        ))()

    # How it is said.

    def say(self, chance, peer, role, text):
        how = chance.choice(('whole', 'whole', 'pieces', 'bytes', 'deaf'))
        if how == 'bytes':
            text = text[:300]
        if how in ('whole', 'deaf'):
            peer.sendall(text)
        else:
            while text and not self.test.over.is_set():
                piece, text = cut(text, chance.randrange(1, 4 if how == 'bytes' else 2000))
                peer.sendall(piece)
                if how == 'bytes':
                    select.select([], [], [peer], 0.0005)
        end = chance.choice(('half', 'half', 'half', 'close', 'reset'))
        if end == 'reset':
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        elif end == 'half':
            peer.shutdown(socket.SHUT_WR)
            if how == 'deaf':
                return
            received = self.read(peer)
            if role == 'client' and how == 'whole' and received is not None:
                check_replies(text, received)
                self.checked += 1

    def read(self, peer):
        """All that comes until the end; None: not to the end."""
        received = b''
        peer.settimeout(DEADLINE)
        while len(received) < FULL:
            more = peer.recv(1 << 16)
            if not more:
                return received
            received += more
        return None


def cut(data, at):
    return data[:at], data[at:]


def identity(chance):
    return b'f%d' % chance.randrange(20)


def moment(chance):
    return b'%d.%09d' % (chance.choice((5, 1_500_000_000, 1_500_000_000 + chance.randrange(1000))), chance.randrange(3))


def client_line(chance):
    if chance.random() < 0.7:
        return b'IAMAT %s %s %s\n' % (identity(chance), chance.choice(PLACES), moment(chance))
    return b'WHATSAT %s %d %d\n' % (identity(chance), chance.randrange(52), chance.randrange(22))


def link_line(chance):
    update = at_line(chance.choice((b'Bailey', b'Bona', GHOST.encode(), b'Nobody')), identity(chance), chance.choice(PLACES), moment(chance),
                     b'%c0.00000000%d' % (chance.choice(b'+-'), chance.randrange(3)))
    return chance.choice((update, update, b'SYNC' + update[2:], b'PING\n', b'PONG\n', b'DIGEST ROOT\n', b'DIGEST SHARDS\n',
                          b'DIGEST %d\n' % chance.randrange(1030), b'SUMS ROOT %016x\n' % chance.getrandbits(64),
                          b'IAMAT f1 +1+1 5\n'))


def foreign_line(chance):
    update = at_line(STRANGER.encode(), identity(chance), chance.choice(PLACES), moment(chance))[:-1]
    return chance.choice((update, update + b' Riley', update + b' Juzang Bernard Riley',
                          b'ECHO %s %s %s %s Riley' % (identity(chance), chance.choice(PLACES), moment(chance), moment(chance)))) + b'\n'


def mutated(chance, lines, most):
    """@lines, one behind the other, with up to @most changes."""
    text = b''.join(lines)
    for _ in range(chance.randrange(most + 1)):
        at = chance.randrange(len(text) + 1)
        length = min(chance.choice((1, 4, 30, 1000)), len(text) - at)
        change = chance.randrange(6)
        if change == 0:
            text = text[:at] + chance.choice(TOKENS) + text[at:]
        elif change == 1:
            text = text[:at] + text[at + length:]
        elif change == 2 and at < len(text):
            text = text[:at] + bytes([text[at] ^ 1 << chance.randrange(8)]) + text[at + 1:]
        elif change == 3:
            other = chance.randrange(len(text) + 1)
            text = text[:other] + text[at:at + length] + text[other:]
        elif change == 4:
            text = text[:at] + bytes([chance.randrange(256)]) * chance.choice((2, 100, 5000)) + text[at:]
        elif text:
            text = text[:at] or text
    return text


def check_replies(text, received):
    """A client that has said @text and got @received until the end: a reply a line, in their order (R3, R4, R16)."""
    lines = text.split(b'\n')
    last_has_lf = lines[-1] == b''
    if last_has_lf:
        lines.pop()
    too_long = next((number for number, line in enumerate(lines) if len(line) + 1 > LINE_MAX), None)
    if too_long is not None:
        lines = lines[:too_long + 1]
    for number, line in enumerate(lines):
        if line.endswith(b'\r') and number != too_long and (number < len(lines) - 1 or last_has_lf):
            line = line[:-1]
        invalid = b'? ' + (line[:64] if number == too_long else line) + b'\n'
        fields = line.split()
        if number != too_long and fields and fields[0] in (b'IAMAT', b'WHATSAT') and received.startswith(b'AT '):
            asked = fields[0] == b'WHATSAT'
            mark = b'\n\n' if asked else b'\n'
            reply, _, received = received.partition(mark)
            said = reply.split()
            good = said[3] == fields[1] if asked else said[3:] == fields[1:]
        else:
            reply, received = cut(received, len(invalid))
            good = reply == invalid
        if not good:
            raise AssertionError(f'{reply[:300]!r} to {line[:300]!r}, line {number} of {len(lines)}')
    if received:
        raise AssertionError(f'{received[:300]!r} behind the replies to {len(lines)} lines')


class Probe:
    """A client that behaves, of one member: it moves, and asks for itself. Nobody else moves it."""

    def __init__(self, test, member):
        self.test = test
        self.member = member
        self.me = b'probe-%s-%x' % (member.name.encode(), random.Random(test.seed).getrandbits(60))
        self.asked = 0
        self.slowest = 0.0

    def run(self):
        try:
            while not self.test.over.is_set():
                with Client(self.member.address, timeout=DEADLINE) as client:
                    for _ in range(50):
                        if self.test.over.is_set():
                            return
                        self.ask(client)
        except Exception as problem:  # what is wrong with it is for the test to say
            self.test.wrong(f'the probe of {self.member.name}: {problem!r}')

    def ask(self, client):
        at = b'%d.%09d' % divmod(time.time_ns(), 10**9)
        begin = time.monotonic()
        line = client.iamat(self.me, PLACES[0], at)
        reply = client.whatsat(self.me)
        self.slowest = max(self.slowest, time.monotonic() - begin)
        self.asked += 1
        self.last = line
        if not line.startswith(b'AT %s +' % self.member.name.encode()) or not line.endswith(b' %s %s %s\n' % (self.me, PLACES[0], at)):
            raise AssertionError(f'{line!r} at {at!r}')
        if reply.at != line or reply.status != 'OK' or len(reply.names) != 5:
            raise AssertionError(f'{reply.raw!r} after {line!r}')


class Fuzz(HerdTestCase):
    def wrong(self, what):
        self.problems.append(what)
        self.over.set()

    def sum_of(self, name):
        """Of all that a member has, as it says it to a neighbour."""
        with Client(self.group[name].address, timeout=DEADLINE) as link:
            link.ask(b'HELLO 1 %s %s' % (GHOST.encode(), name.encode()))
            return link.ask(b'DIGEST ROOT')

    def agreed(self):
        sums = {self.sum_of(name) for name in NAMES}
        return len(sums) == 1 and sums

    def test_r3_who_behaves_is_served_among_those_who_do_not(self):
        self.seed = int(os.environ.get('HERD_SEED') or random.SystemRandom().randrange(10**9))
        diag(f'seed {self.seed}, {SECONDS:g} s')
        self.problems = []
        self.over = threading.Event()
        links = ' '.join(f'{name}-{GHOST}' for name in NAMES)
        self.group = self.herd(f'Bailey-Bona Bona-Campbell Bailey-Campbell Bailey-{STRANGER} {links}', hosts={STRANGER: STRANGERS_HOST},
                               keys={STRANGER: {'dialect': 'plain'}}, herd={'resync_interval_s': 1}).start(*NAMES)

        actors = [Actor(self, number) for number in range(ACTORS)]
        probes = [Probe(self, self.group[name]) for name in NAMES]
        threads = [threading.Thread(target=one.run) for one in [*actors, *probes]]
        for thread in threads:
            thread.start()
        self.over.wait(SECONDS)
        self.over.set()
        for thread in threads:
            thread.join()
        self.assertEqual(self.problems, [])

        asked = sum(probe.asked for probe in probes)
        slowest = max(probe.slowest for probe in probes)
        diag(f'{sum(actor.connections for actor in actors)} connections, {sum(actor.bytes for actor in actors)} bytes, '
             f'{sum(actor.checked for actor in actors)} checked; probes: {asked} times, at most {slowest * 1000:.0f} ms')
        self.assertGreater(min(probe.asked for probe in probes), 0)
        self.assertGreater(sum(actor.checked for actor in actors), 0)
        self.assertLess(slowest, PROMPT)
        wait_until(self.agreed, 'all members have the same', 4 * DEADLINE)
        for probe in probes:
            self.group.wait_same(probe.me, probe.last, NAMES)
        for name in NAMES:
            self.group[name].stop()  # with status 0, and no sanitizer has said a word


if __name__ == '__main__':
    unittest.main()
