# SPDX-License-Identifier: MIT
"""Rolling restart: under load every member is stopped and started in turn, and no client loses anything by it."""

import itertools
import json
import os
import subprocess
import threading
import unittest

from client import Client, order
from harness import DEADLINE, HERDS, HerdTestCase, diag, endpoint, find_herdd, sanitizer_environment, scaled, wait_until
from manager import hand_over, listening

LOAD = os.path.join(os.path.dirname(find_herdd()), 'load', 'herd-load')
PHONES = 2000   # clients of the load


class Mover(threading.Thread):
    """Clients that report at one member after the other. When a member ends they go on at the next, and say again what was
    not answered."""

    def __init__(self, addresses, count=20):
        super().__init__(daemon=True)
        self.addresses = addresses
        self.over = threading.Event()
        self.refused = 0
        self.repeated = 0
        self.ids = [b'mover-%d' % number for number in range(count)]
        self.acknowledged = {}  # client -> the newest line that it got

    def run(self):
        turn = clock = 0
        while not self.over.is_set():
            clock += 1
            unanswered = [b'IAMAT %s +1+1 %d' % (client_id, clock) for client_id in self.ids]
            while unanswered:
                turn += 1
                self.visit(self.addresses[turn % len(self.addresses)], unanswered)

    def visit(self, address, unanswered):
        try:
            with Client(address, timeout=DEADLINE) as client:
                while unanswered:
                    line = client.ask(unanswered[0])
                    self.acknowledged[unanswered.pop(0).split()[1]] = line
        except ConnectionRefusedError:
            self.refused += 1
        except (AssertionError, ConnectionResetError):  # it has ended the connection
            self.repeated += 1

    def end(self):
        self.over.set()
        self.join()


class RollingTestCase(HerdTestCase):
    rate = 10_000     # requests a second
    seconds = 5

    def restart(self, herd, member, start):
        """Until its links, and those to it, are up again."""
        pairs = [pair for name in herd.neighbours(member.name) for pair in ((member.name, name), (name, member.name))]
        before = {(here, there): self.ups(herd, here, there) for here, there in pairs}
        member.stop()
        start(member)
        for pair in pairs:
            wait_until(lambda: self.ups(herd, *pair) > before[pair], f'the link {pair} is up again')

    @staticmethod
    def ups(herd, here, there):
        return len(herd[here].events(b'link %s up' % there.encode()))

    def everything(self, member, ids):
        """All that a member has about those clients, if it knows all of them."""
        asked = b''.join(b'WHATSAT %s 1 0\n' % client_id for client_id in ids)
        with Client(member.address, timeout=DEADLINE) as client:
            lines = [line for line in client.exchange(asked).splitlines(keepends=True) if line.startswith(b'AT ')]
        return {line.split()[3]: line for line in lines} if len(lines) == len(ids) else None

    def roll(self, start):
        """A herd under load, of which every member restarts, by `start`, one after the other, again and again. Returns how many
        restarts that were, what the load says of it, and the mover."""
        herd = self.herd(HERDS['Bailey'], herd={'log_messages': 'none'})
        for member in herd:
            start(member)
        herd.wait_links()
        command = [LOAD, '--json', '--retry', '--fill', f'--clients={PHONES}', '-c', '20', '-w', '0',
                   '-r', str(self.rate), '-t', str(self.seconds), *(endpoint(*member.address) for member in herd)]
        mover = Mover([member.address for member in herd])
        restarts, turns = 0, itertools.cycle(herd)
        with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, **sanitizer_environment()}) as load:
            mover.start()
            while load.poll() is None:
                self.restart(herd, next(turns), start)
                restarts += 1
            result = json.load(load.stdout)
        mover.end()
        diag(f'{restarts} restarts; {result["requests"]}, {result["retry"]}; movers: {mover.repeated} repeated, '
             f'{mover.refused} refused')
        for _ in range(restarts, len(herd.members)):  # on a machine that is busy with something else
            self.restart(herd, next(turns), start)
        self.assertEqual(load.returncode, 0, result['errors'])
        self.assertEqual((result['errors']['total'], result['retry']['lost']), (0, 0))
        self.assertEqual(result['requests']['answered'], result['requests']['sent'])
        self.assertGreater(result['retry']['reconnects'], 0)
        self.check_agreement(herd, mover)
        return restarts, result, mover

    def check_agreement(self, herd, mover):
        ids = [*mover.ids, *(b'phone-%07d.example' % number for number in range(1, PHONES + 1))]

        def agreed():
            found = [self.everything(member, ids) for member in herd]
            return found[0] if found[0] is not None and all(each == found[0] for each in found) else None
        lines = wait_until(agreed, 'all members have the same of every client')
        for client_id, line in mover.acknowledged.items():
            self.assertGreaterEqual(order(lines[client_id]), order(line))

    def start(self, member):
        member.start()

    def start_with_socket(self, member):
        """With a socket that outlives it, as systemd's do."""
        if member.name not in self.sockets:
            self.sockets[member.name] = listening(member.address)
            self.addCleanup(self.sockets[member.name].close)
        hand_over(member, {'listen-0': self.sockets[member.name]})

    def setUp(self):
        super().setUp()
        self.sockets = {}  # by the name of the member


class Rolling(RollingTestCase):
    def setUp(self):
        super().setUp()
        self.rate = scaled(self.rate, 300)
        self.seconds = scaled(self.seconds, 15)

    def test_nothing_is_lost(self):
        self.roll(self.start)

    def test_with_sockets_that_are_handed_over_no_connect_is_refused_either(self):
        _, _, mover = self.roll(self.start_with_socket)
        self.assertEqual(mover.refused, 0)


if __name__ == '__main__':
    unittest.main()
