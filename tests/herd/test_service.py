# SPDX-License-Identifier: MIT
"""Under a service manager: what a member tells it, the sockets that it is handed, and a stop that nobody suffers from."""

import os
import re
import signal
import socket
import threading
import time
import unittest

from client import Client
from fake_google import FakeGoogle
from harness import DEADLINE, PORTS, HerdTestCase, endpoint, wait_until
from manager import Manager, hand_over, listening


class ServiceTestCase(HerdTestCase):
    def setUp(self):
        super().setUp()
        self.manager = Manager(self.directory)

    def stop_all(self):
        try:
            super().stop_all()
        finally:
            self.manager.close()

    def listening(self, address):
        made = listening(address)
        self.addCleanup(made.close)
        return made


class Notify(ServiceTestCase):
    def status(self, member, connections, clients, links=''):
        return f'serving on {endpoint(*member.address)}{links}, {connections} connections, {clients} clients'

    def test_the_conversation(self):
        manager, member = self.manager, self.lone()
        manager.start(member)
        ready, = manager.wait(READY='1', STATUS=self.status(member, 0, 0))
        member.client().iamat(b'kiwi')
        changed, = manager.wait(STATUS=self.status(member, 1, 1))
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        member.signal(signal.SIGHUP)
        reloading, = manager.wait(RELOADING='1')
        again = manager.wait(2, READY='1')[1]
        self.assertTrue(before <= int(manager.messages[reloading]['MONOTONIC_USEC'])
                        <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000)
        member.stop()
        stopping, = manager.wait(STOPPING='1', STATUS='stopping')
        self.assertLess(int(member.herd.groups['places'].get('timeout_ms', 5000)) * 1000,
                        int(manager.messages[stopping]['EXTEND_TIMEOUT_USEC']))
        self.assertEqual(sorted([ready, changed, reloading, again, stopping]), [ready, changed, reloading, again, stopping])
        self.assertFalse([message for message in manager.messages if 'WATCHDOG' in message])
        told = [message['STATUS'] for message in manager.messages if list(message) == ['STATUS']]
        self.assertEqual(len(told), len(set(told)))

    def test_the_status_says_how_many_links_are_up(self):
        herd, manager = self.herd('Bailey-Bona Bailey-Campbell'), self.manager
        manager.start(herd['Bailey'])
        herd['Bona'].start()
        herd.wait_links()
        manager.wait(STATUS=self.status(herd['Bailey'], 1, 0, ', 1 of 2 links up'))

    def test_the_watchdog_is_fed_in_time(self):
        manager, member = self.manager, self.lone()
        begin = time.monotonic()
        manager.start(member, watchdog_s=0.2)
        manager.wait(8, WATCHDOG='1')
        self.assertGreater(time.monotonic() - begin, 0.25)  # 0.05 s between two
        member.stop()

    def test_the_watchdog_is_not_fed_by_a_stop(self):
        """systemd has put it away by then; who feeds it has it back, and is killed if the rest of the stop takes longer."""
        manager, member = self.manager, self.lone(herd={'stop_timeout_s': 2})
        manager.start(member, watchdog_s=0.2)
        client = member.client()
        client.ask(b'x')
        manager.wait(2, WATCHDOG='1')
        member.stop()  # half a second, in which it would be fed ten times: the client does not close
        stopping, = manager.wait(STOPPING='1')
        after = manager.messages[stopping + 1:]
        self.assertFalse([message for message in after if 'WATCHDOG' in message])
        patience, = [int(message['WATCHDOG_USEC']) for message in after if 'WATCHDOG_USEC' in message]
        self.assertEqual(patience, int(manager.messages[stopping]['EXTEND_TIMEOUT_USEC']))

    def test_the_watchdog_has_patience_with_a_reload(self):
        """It may look up names for longer than the watchdog waits, with nobody there to feed it."""
        manager, member = self.manager, self.lone()
        manager.start(member, watchdog_s=0.2)
        config = member.herd.config_of(member.name)
        with open(config, encoding='utf-8') as file:
            text = file.read()
        os.unlink(config)
        os.mkfifo(config)  # to read it takes as long as the test wants
        member.signal(signal.SIGHUP)
        patient, = manager.wait(WATCHDOG_USEC='120000000')
        with open(config, 'w', encoding='utf-8') as file:
            reloading, = manager.wait(RELOADING='1')
            file.write(text)
        again = manager.wait(2, READY='1')[1]
        usual, = manager.wait(WATCHDOG_USEC='200000')
        self.assertEqual(sorted([patient, reloading, again, usual]), [patient, reloading, again, usual])
        member.stop()

    def test_the_watchdog_is_fed_while_every_lookup_hangs(self):
        """The workers that are left still come to the ready set, for longer than a pulse counts."""
        google = FakeGoogle()
        self.addCleanup(google.close)
        google.gate.clear()
        member = self.lone(herd={'places': 'google-legacy', 'workers': 2},
                           places={'url': google.url, 'max_lookups': 1, 'timeout_ms': 60000})
        self.manager.start(member, watchdog_s=1)
        clients = [member.client() for _ in range(3)]
        for number, client in enumerate(clients):
            client.iamat(b'kiwi')
            client.send(b'WHATSAT kiwi %d 5\n' % (number + 1))
        wait_until(lambda: google.requests, 'a lookup has begun')
        # Four a second; a pulse counts for three seconds.
        self.manager.wait(18, WATCHDOG='1')
        google.gate.set()
        for client in clients:
            client.reply()

    def test_a_manager_that_does_not_listen_is_one_line_and_no_harm(self):
        member = self.lone().start(env={'NOTIFY_SOCKET': os.path.join(self.directory, 'nobody')})
        member.client().iamat(b'kiwi')
        member.signal(signal.SIGHUP)
        member.stop()
        self.assertEqual(member.stderr(), 'herdd: cannot tell the service manager anything: NOTIFY_SOCKET: '
                                          'No such file or directory\n')


class Sockets(ServiceTestCase):
    def ask(self, address, line):
        """From a connection that may have to wait for a member to be there."""
        with Client(address, timeout=DEADLINE) as client:
            return client.ask(line)

    def test_a_connection_from_before_the_start_is_served(self):
        member = self.lone()
        with self.listening(member.address) as held:
            early = self.connect(member.address)
            early.send(b'early\n')
            hand_over(member, {'herdd.socket': held})
            self.assertEqual(early.line(), b'? early\n')
            early.close()
            member.stop()
            between = self.connect(member.address)
            between.send(b'between\n')
            hand_over(member, {'herdd.socket': held})
            self.assertEqual(between.line(), b'? between\n')

    def test_every_address_of_the_member_and_no_other(self):
        taken, own, other = (('127.0.0.1', PORTS.take()) for _ in range(3))
        member = self.lone(listen={'Bailey': [own, taken]})
        hand_over(member, {'stranger': self.listening(other), 'ours': self.listening(taken)}, self.manager.environment())
        for address in (taken, own):
            self.assertEqual(self.ask(address, b'x'), b'? x\n')
        member.wait_event(rb'^closed the socket "stranger" that was handed over: it is at %s,' % endpoint(*other).encode())
        self.manager.wait(READY='1')
        # What is the manager's own it neither keeps anew nor forgets.
        self.assertEqual(list(self.manager.kept), ['listen-0'])
        self.assertEqual(self.manager.kept['listen-0'].getsockname(), own)

    def test_a_restart_refuses_nobody(self):
        """By the sockets that the manager keeps, without a socket unit."""
        member, manager = self.lone(listen={'Bailey': [('127.0.0.1', PORTS.take()) for _ in range(2)]}), self.manager
        manager.start(member)
        manager.wait(2, FDSTORE='1')
        for number in range(3):
            member.stop()
            waiting = [self.connect(address) for address in member.addresses]
            for client in waiting:
                client.send(b'%d\n' % number)
            manager.start(member)
            for client in waiting:
                self.assertEqual(client.line(), b'? %d\n' % number)
                client.close()
        manager.wait(4, READY='1')
        self.assertEqual(len(manager.wait(2, FDSTORE='1')), sum('FDSTORE' in message for message in manager.messages))
        self.assertEqual(sorted(manager.kept), ['listen-0', 'listen-1'])

    def test_an_address_that_is_gone_is_forgotten(self):
        member, manager = self.lone(listen={'Bailey': [('127.0.0.1', PORTS.take()) for _ in range(2)]}), self.manager
        manager.start(member)
        manager.wait(2, FDSTORE='1')
        gone = member.addresses[0]
        member.stop()
        stays, new = member.addresses[1], ('127.0.0.1', PORTS.take())
        member.addresses = [stays, new]
        member.herd.write_config()
        manager.start(member)
        manager.wait(2, READY='1')
        self.assertEqual({name: kept.getsockname() for name, kept in manager.kept.items()}, {'listen-1': stays, 'listen-0': new})
        with self.assertRaises(ConnectionRefusedError):
            Client(gone)
        for address in (stays, new):
            self.assertEqual(self.ask(address, b'x'), b'? x\n')


class Stop(HerdTestCase):
    """What clients see of it."""

    def talk(self, client, replies):
        """Sends without a pause until the member ends the connection; counts the replies."""
        client.socket.setblocking(False)
        pending, ended = b'', False
        while not ended:
            pending = pending or b'IAMAT kiwi +1+1 1\n' * 20
            try:
                pending = pending[client.socket.send(pending):]
            except BlockingIOError:
                pass
            try:
                received = client.socket.recv(1 << 16)
                replies[client] += received.count(b'\n')
                ended = not received
            except BlockingIOError:
                pass
        client.close()

    def test_who_goes_on_to_send_gets_every_reply_and_no_reset(self):
        member = self.single(herd={'log_messages': 'none'})
        replies = {member.client(): 0 for _ in range(8)}
        problems = []

        def run(client):
            try:
                self.talk(client, replies)
            except OSError as problem:
                problems.append(problem)
        threads = [threading.Thread(target=run, args=(client,)) for client in replies]
        for thread in threads:
            thread.start()
        wait_until(lambda: min(replies.values()) > 100, 'everybody is answered')
        member.stop()
        for thread in threads:
            thread.join()
        self.assertEqual(problems, [])
        executed = re.search(rb' iamat=(\d+) ', member.wait_event(rb'^stop clients=')[0])
        self.assertEqual(sum(replies.values()), int(executed[1]))

    def stuck(self, member):
        """A client that has asked for megabytes, more than any socket holds, and takes none of it."""
        client = member.client(rcvbuf=4096)
        client.iamat(b'kiwi')
        client.send(b'WHATSAT kiwi 50 20\n' * 3000)
        return client

    def test_who_takes_nothing_is_waited_for_as_long_as_is_configured(self):
        member = self.single(herd={'stop_timeout_s': 1})
        self.stuck(member)
        begin = time.monotonic()
        member.stop()
        self.assertGreaterEqual(time.monotonic() - begin, 1)
        self.assertIn(b'stop leaves 1 connections that do not go along', member.events(b'stop leaves'))

    def test_a_second_signal_ends_the_wait(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=number):
                member = self.single(herd={'stop_timeout_s': 3600})
                self.stuck(member)
                other = member.client()
                other.ask(b'x')
                member.signal(signal.SIGTERM)
                self.assertEqual(other.rest(), b'')  # it stops
                other.close()
                member.wait_event(rb'^close %s ' % re.escape(other.name))
                member.stop(number)
                self.assertIn(b'stop leaves 1 connections that do not go along', member.events(b'stop leaves'))


if __name__ == '__main__':
    unittest.main()
