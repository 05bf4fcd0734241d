# SPDX-License-Identifier: MIT
"""Lookups that block in workers: how many at once, who waits, and who must not notice."""

import signal
import time
import unittest

from client import AT, Client
from fake_google import Response, answer
from google_case import UCLA, GoogleTestCase
from harness import DEADLINE, PROMPT, SLOWER, diag, wait_until


class Lookups(GoogleTestCase):
    def setUp(self):
        super().setUp()
        self.google.gate.clear()

    def options(self, workers=8, **places):
        return {'herd': {'workers': workers}, 'places': {'timeout_ms': 60_000, **places}}

    def askers(self, member, count, line=b'WHATSAT kiwi %d 5\n'):
        """Clients that have each asked a question; different ones if @line has a place for a number."""
        clients = [member.client() for _ in range(count)]
        for number, client in enumerate(clients):
            client.send(line % (number + 1) if b'%d' in line else line)
        return clients

    def wait_asked(self, member, count):
        member.wait_event(rb'^recv \S+ WHATSAT ', count)

    def wait_open(self, count):
        wait_until(lambda: self.google.open >= count, f'{count} requests at the provider')

    def start(self, **options):
        member = self.google_member(**self.options(**options))
        self.at = member.client().iamat(b'kiwi', UCLA)
        return member

    def test_no_more_than_max_lookups_at_once(self):
        member = self.start(max_lookups=4)
        clients = self.askers(member, 30)
        self.wait_asked(member, 30)
        self.wait_open(4)
        self.google.gate.set()
        for client in clients:
            self.assertEqual(client.reply().status, 'OK')
        self.assertEqual((self.google.requests, self.google.most_open), (30, 4))

    def test_past_max_waiting_the_answer_is_over_query_limit_at_once(self):
        member = self.start(max_lookups=2, max_waiting=3)
        clients = self.askers(member, 12)

        def answered():
            return [client for client in clients if not client.silent()]
        wait_until(lambda: len(answered()) >= 7, 'seven are refused')
        self.wait_open(2)
        refused = answered()
        for client in refused:
            self.assert_failure(client.reply(), ['OVER_QUERY_LIMIT'])
        self.assertEqual((len(refused), self.google.most_open), (7, 2))
        self.google.gate.set()
        for client in clients:
            if client not in refused:
                self.assertEqual(client.reply().status, 'OK')
        self.assertEqual(self.google.requests, 5)
        self.assertEqual(member.client().whatsat(b'kiwi', b'40').status, 'OK')

    def test_equal_lookups_are_one_request(self):
        member = self.start(workers=16, max_lookups=8)
        count = 50
        clients = self.askers(member, count, b'WHATSAT kiwi 10 5\n')
        self.wait_asked(member, count)
        self.wait_open(1)
        self.google.gate.set()
        replies = [client.reply() for client in clients]
        self.assertEqual({reply.at for reply in replies}, {self.at})
        self.assertEqual({len(reply.names) for reply in replies}, {5})
        self.assertEqual(self.google.requests, 1)
        # An answer is not kept: what is asked later is asked again.
        clients[0].whatsat(b'kiwi', b'10', b'5')
        self.assertEqual(self.google.requests, 2)

    def test_equal_lookups_of_different_clients_keep_their_own_at_lines(self):
        member = self.start()
        lines = {number: member.client().iamat(b'same-%d' % number, UCLA) for number in range(1, 11)}
        clients = self.askers(member, 10, b'WHATSAT same-%d 10 5\n')
        self.wait_asked(member, 10)
        self.wait_open(1)
        self.google.gate.set()
        for number, client in enumerate(clients, 1):
            self.assertEqual(client.reply().at, lines[number])
        self.assertEqual(self.google.requests, 1)

    def test_a_merged_lookup_that_fails_is_everybodys_failure(self):
        self.google.always(b'', 500)
        member = self.start()
        clients = self.askers(member, 10, b'WHATSAT kiwi 10 5\n')
        self.wait_asked(member, 10)
        self.google.gate.set()
        for client in clients:
            self.assert_failure(client.reply())

    def test_reports_are_answered_while_every_lookup_hangs(self):
        for workers, lookups in ((4, 3), (2, 1)):
            with self.subTest(workers=workers):
                self.google.gate.clear()
                before = self.google.requests
                member = self.start(workers=workers, max_lookups=lookups)
                self.askers(member, 30)
                self.wait_open(lookups)
                self.wait_asked(member, 30)
                slowest = 0
                for number in range(200):
                    with Client(member.address, timeout=DEADLINE) as client:
                        begin = time.monotonic()
                        self.assertRegex(client.iamat(b'c-%d' % number), AT)
                        slowest = max(slowest, time.monotonic() - begin)
                diag(f'{workers} workers, {lookups} lookups that hang: slowest IAMAT {slowest * 1000:.1f} ms')
                self.assertLess(slowest, PROMPT)
                self.assertEqual(member.client().whatsat(b'kiwi', b'10', b'0').status, 'ZERO_RESULTS')
                self.assertEqual(self.google.requests - before, lookups)
                self.google.gate.set()
                member.stop()

    def test_r3_what_is_pipelined_behind_a_lookup_waits_its_turn(self):
        member = self.start()
        client = member.client()
        client.send(b'one\nWHATSAT kiwi 10 5\nIAMAT grape +1+1 1\nWHATSAT kiwi 11 5\n\nlast\n')
        self.assertEqual(client.line(), b'? one\n')
        self.wait_open(1)
        other = member.client()
        other.ask(b'x')
        self.assertTrue(client.silent())
        self.google.gate.set()
        self.assertEqual(client.reply().status, 'OK')
        self.assertRegex(client.line(), rb'\AAT Bailey \S+ grape \+1\+1 1\n\Z')
        self.assertEqual(client.reply().status, 'OK')
        self.assertEqual((client.line(), client.line()), (b'? \n', b'? last\n'))

    def test_r3_many_pipelined_lookups_come_in_order(self):
        self.google.gate.set()
        self.google.respond = lambda query: Response(answer(int(float(query['radius'])) // 1000 % 20))
        member = self.start()
        client = member.client()
        client.send(b''.join(b'WHATSAT kiwi %d 20\nIAMAT c%d +1+1 1\n' % (number, number) for number in range(1, 50)))
        for number in range(1, 50):
            self.assertEqual(len(client.reply().names), number % 20)
            self.assertIn(b' c%d ' % number, client.line())

    def test_r1_a_client_that_half_closes_early_gets_its_reply(self):
        member = self.start(max_lookups=2)
        clients = self.askers(member, 6)
        last = member.client()
        last.send(b'WHATSAT kiwi 20 5')  # no LF: its end is the end of the line
        clients.append(last)
        for client in clients:
            client.half_close()
        self.wait_asked(member, 7)
        self.wait_open(2)
        self.google.gate.set()
        for client in clients:
            self.assertEqual(client.reply().status, 'OK')
            self.assertEqual(client.rest(), b'')

    def test_clients_that_go_away_while_they_wait_hurt_nobody(self):
        member = self.start(max_lookups=2)
        clients = self.askers(member, 20)
        self.wait_asked(member, 20)
        self.wait_open(2)
        for number, client in enumerate(clients[:-2]):
            if number % 2:
                client.reset()
            else:
                client.close()
        self.google.gate.set()
        for client in clients[-2:]:
            self.assertEqual(client.reply().status, 'OK')
        self.assertEqual(member.client().whatsat(b'kiwi', b'30').status, 'OK')
        wait_until(lambda: len(member.events(b'close ')) >= 18, 'they are closed')

    def test_the_first_of_merged_askers_may_go_away(self):
        member = self.start()
        first = self.askers(member, 1, b'WHATSAT kiwi 10 5\n')[0]
        self.wait_open(1)
        others = self.askers(member, 5, b'WHATSAT kiwi 10 5\n')
        self.wait_asked(member, 6)
        first.reset()
        self.google.gate.set()
        for client in others:
            self.assertEqual(client.reply().status, 'OK')

    def test_sigterm_lets_a_lookup_end_and_its_reply_leave(self):
        member = self.start()
        client = self.askers(member, 1)[0]
        idle = member.client()
        idle.ask(b'x')
        self.wait_open(1)
        member.signal(signal.SIGTERM)

        def refused():
            try:
                Client(member.address).close()
                return False
            except ConnectionRefusedError:
                return True
            except ConnectionError:
                return False  # it was still in the queue of the listening socket
        wait_until(refused, 'it takes no new connections')
        self.google.gate.set()
        self.assertEqual(client.reply().status, 'OK')
        self.assertEqual(client.rest(), b'')
        self.assertEqual(idle.rest(), b'')
        self.assertEqual(member.wait(), 0)
        member.process = None
        member.check_stderr()

    def test_sigterm_while_one_client_has_many_lookups_to_come_ends_in_time(self):
        self.google.gate.clear()
        member = self.start(timeout_ms=500)
        client = member.client()
        client.send(b''.join(b'WHATSAT kiwi %d 5\n' % radius for radius in range(1, 41)))
        self.wait_open(1)
        begin = time.monotonic()
        member.signal(signal.SIGTERM)
        self.assertEqual(member.wait(), 0)
        member.process = None
        self.assertLess(time.monotonic() - begin, 12)  # 40 times 0.5 s would be 20 s
        self.google.gate.set()

    def test_sigterm_while_many_wait_ends_in_time(self):
        member = self.google_member(**self.options(max_lookups=2, timeout_ms=1000 * SLOWER))
        member.client().iamat(b'kiwi', UCLA)
        clients = self.askers(member, 40)
        self.wait_open(2)
        self.wait_asked(member, 40)
        begin = time.monotonic()
        member.stop()
        diag(f'stopped {time.monotonic() - begin:.2f} s after SIGTERM with 40 waiting')
        for client in clients:
            try:
                client.rest()
            except ConnectionResetError:
                pass

    def test_many_slow_lookups_run_beside_each_other(self):
        member = self.start(workers=64, max_lookups=48)
        clients = self.askers(member, 48)
        self.wait_open(48)
        self.google.gate.set()
        for client in clients:
            self.assertEqual(client.reply().status, 'OK')


if __name__ == '__main__':
    unittest.main()
