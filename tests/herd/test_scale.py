# SPDX-License-Identifier: MIT
"""Many connections, few descriptors."""

import resource
import time
import unittest

from client import Client
from harness import DEADLINE, HerdTestCase, diag, raise_descriptor_limit, scaled, wait_until


class Many(HerdTestCase):
    def test_ten_thousand_idle_connections_and_eight_workers(self):
        count = scaled(10_000, 1_000)
        limit = raise_descriptor_limit()
        if limit < count + 500:
            diag(f'{limit} descriptors: {limit - 500} instead of {count} connections')
            count = limit - 500
        member = self.single(herd={'workers': 8, 'log_messages': 'none'}, limits={'max_connections': count + 100})
        member.client().ask(b'x')
        before = member.rss()
        begin = time.monotonic()
        clients = [member.client() for _ in range(count)]
        # Who is answered has been accepted, and so has who came before.
        self.assertEqual(clients[-1].ask(b'last'), b'? last\n')
        opened = time.monotonic()
        growth = member.rss() - before
        for turn in range(2):
            for number, client in enumerate(clients):
                client.send(b'IAMAT c%d +1.5-2.5 %d\n' % (number, turn))
            for number, client in enumerate(clients):
                self.assertTrue(client.line().endswith(b' c%d +1.5-2.5 %d\n' % (number, turn)))
        done = time.monotonic()
        diag(f'{count} connections in {opened - begin:.2f} s, {growth / count:.0f} bytes each in the member; '
             f'two IAMATs each in {done - opened:.2f} s')
        self.assertLess(growth / count, scaled(2048, 16384))
        for client in clients:
            client.close()
        wait_until(lambda: len(member.events(b'close ')) >= count, 'all are closed')
        self.assertEqual(member.client().ask(b'y'), b'? y\n')

    def test_connections_that_come_and_go(self):
        member = self.single(herd={'log_messages': 'none'})
        member.client().ask(b'x')
        begin = time.monotonic()
        count = scaled(3_000, 300)
        for number in range(count):
            with Client(member.address, timeout=DEADLINE) as client:
                self.assertEqual(client.ask(b'%d' % number), b'? %d\n' % number)
        diag(f'{count / (time.monotonic() - begin):.0f} connections a second, one after the other')

    def test_many_workers_start_and_stop(self):
        member = self.single(herd={'workers': 1024}, places={'max_lookups': 1023})
        clients = [member.client() for _ in range(200)]
        for client in clients:
            client.send(b'IAMAT kiwi +1+1 1\n')
        for client in clients:
            client.line()
        diag(f'1024 workers: listening after {member.started_in:.3f} s, {member.rss() >> 20} MiB')

    def test_two_workers_are_enough(self):
        member = self.single(herd={'workers': 2}, places={'max_lookups': 1})
        clients = [member.client() for _ in range(50)]
        for client in clients:
            client.send(b'IAMAT kiwi +1+1 1\nWHATSAT kiwi 10 0\n')
        for client in clients:
            client.line()
            client.reply()


class Descriptors(HerdTestCase):
    def test_without_descriptors_it_serves_who_it_has_and_recovers(self):
        member = self.lone(limits={'max_connections': 1000})
        member.start(rlimits={resource.RLIMIT_NOFILE: 64})
        member.wait_event(rb'^max_connections = 1000 wants a limit on open files .* not 64')
        served, refused = [], 0
        for _ in range(100):
            client = Client(member.address, timeout=1)
            self.clients.append(client)
            try:
                client.ask(b'x')
                served.append(client)
            except (AssertionError, ConnectionError):
                refused += 1
                if refused == 3:
                    break
        self.assertEqual(refused, 3, 'the descriptors did not run short')
        self.assertGreater(len(served), 20)
        for client in served:
            client.timeout = DEADLINE
            client.socket.settimeout(DEADLINE)
            self.assertEqual(client.ask(b'y'), b'? y\n')
        # It must not spin while it waits. A second of watching, not of waiting for something.
        cpu, begin = member.cpu_seconds(), time.monotonic()
        time.sleep(1)
        spent = (member.cpu_seconds() - cpu) / (time.monotonic() - begin)
        diag(f'{len(served)} connections with 64 descriptors; {spent:.2f} CPU while short of them')
        self.assertLess(spent, 0.3)
        short = [event for event in member.events() if b'descriptor' in event or b'open files' in event]
        self.assertTrue(short, 'nothing in the log says so')
        self.assertLess(len(short), 10, 'it says so again and again')
        for client in served[:10]:
            client.close()

        def admitted():
            with Client(member.address, timeout=1) as client:
                try:
                    return client.ask(b'z') == b'? z\n'
                except (AssertionError, ConnectionError):
                    return False
        wait_until(admitted, 'new connections are taken again')
        for client in served[10:]:
            self.assertEqual(client.ask(b'y'), b'? y\n')


if __name__ == '__main__':
    unittest.main()
