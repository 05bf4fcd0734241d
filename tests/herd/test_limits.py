# SPDX-License-Identifier: MIT
"""Timeouts, bounds and clients that behave badly: what one does must not be felt by another."""

import time
import unittest

from client import Client, split_replies
from harness import DEADLINE, PROMPT, SANITIZER, SLOWER, HerdTestCase, diag, scaled, wait_until


class Timeouts(HerdTestCase):
    def ended_after(self, client, last=b''):
        """Seconds until the member closes, from when the client has said its last."""
        begin = time.monotonic()
        client.send(last)
        self.assertEqual(client.rest(), b'')
        return time.monotonic() - begin

    def keep_alive(self, client, until):
        """Talks about ten times a second until something has happened."""
        end = time.monotonic() + DEADLINE
        while not until():
            self.assertLess(time.monotonic(), end, 'it is not closed')
            client.ask(b'x')
            time.sleep(0.1)

    def test_idle_timeout_closes_the_idle_connection_only(self):
        member = self.single(limits={'idle_timeout_s': 2})
        busy, used = member.client(), member.client()
        used.ask(b'x')
        begin = time.monotonic()
        idle = member.client()
        self.keep_alive(busy, lambda: not idle.silent() and not used.silent())
        elapsed = time.monotonic() - begin
        self.assertGreater(elapsed, 1.9)
        self.assertLess(elapsed, 2 + PROMPT)
        self.assertEqual((idle.rest(), used.rest()), (b'', b''))
        self.assertEqual(busy.ask(b'y'), b'? y\n')

    def test_without_idle_timeout_an_idle_connection_stays(self):
        member = self.single(limits={'idle_timeout_s': 0, 'line_timeout_s': 1})
        idle, begun = member.client(), member.client()
        idle.ask(b'x')
        begun.send(b'IAM')
        self.ended_after(begun)
        self.assertEqual(idle.ask(b'y'), b'? y\n')

    def test_line_timeout_closes_who_does_not_finish_a_command(self):
        member = self.single(limits={'line_timeout_s': 1})
        waiting = member.client()
        begun = member.client()
        begun.ask(b'x')
        elapsed = self.ended_after(begun, b'IAMAT kiwi')
        self.assertGreater(elapsed, 0.9)
        self.assertLess(elapsed, 1 + PROMPT)
        self.assertEqual(waiting.ask(b'y'), b'? y\n')

    def test_line_timeout_is_not_put_off_by_a_drip_of_bytes(self):
        member = self.single(limits={'line_timeout_s': 1})
        client = member.client()
        begin = time.monotonic()
        while client.silent():
            try:
                client.send(b'x')
            except ConnectionError:
                break
            self.assertLess(time.monotonic() - begin, 3 + PROMPT, 'a drip of bytes keeps the connection')
            time.sleep(0.1)
        self.assertGreater(time.monotonic() - begin, 0.9)

    def test_line_timeout_spares_whole_commands(self):
        member = self.single(limits={'line_timeout_s': 3})
        client = member.client()
        begin = time.monotonic()
        client.send(b'half')
        while time.monotonic() - begin < 5:
            client.send(b' line\nhalf')
            self.assertEqual(client.line(), b'? half line\n')
            time.sleep(0.05)

    def test_write_timeout_closes_who_takes_no_replies(self):
        member = self.single(limits={'write_timeout_s': 1})
        member.client().iamat(b'kiwi')
        other = member.client()
        client = member.client(rcvbuf=4096)
        client.send(b'WHATSAT kiwi 50 20\n' * 2000)
        member.wait_event(rb'^close %s ' % client.name)
        self.assertEqual(other.ask(b'y'), b'? y\n')


class Bounds(HerdTestCase):
    def test_past_max_connections_new_ones_are_closed_and_old_ones_go_on(self):
        member = self.single(limits={'max_connections': 10})
        old = [member.client() for _ in range(10)]
        for number, client in enumerate(old):
            client.iamat(b'c%d' % number)
        for _ in range(20):
            extra = member.client()
            try:
                self.assertEqual(extra.rest(), b'')
            except ConnectionResetError:
                pass
        for client in old:
            self.assertEqual(client.ask(b'y'), b'? y\n')
        old.pop().close()

        def admitted():
            with Client(member.address, timeout=DEADLINE) as client:
                try:
                    client.send(b'x\n')
                    return client.line() == b'? x\n'
                except (AssertionError, ConnectionError):
                    return False
        wait_until(admitted, 'a place comes free')
        self.assertEqual(old[0].ask(b'y'), b'? y\n')

    def test_past_max_connections_per_address_others_are_served(self):
        member = self.single(limits={'max_connections_per_address': 5})
        own = [member.client() for _ in range(5)]
        for client in own:
            client.ask(b'x')
        for _ in range(20):
            with Client(member.address) as extra:
                try:
                    self.assertEqual(extra.rest(), b'')
                except ConnectionResetError:
                    pass
        with Client(member.address, source='127.0.0.2') as other:
            self.assertEqual(other.ask(b'y'), b'? y\n')
        self.assertEqual(own[0].ask(b'y'), b'? y\n')
        own.pop().close()
        member.wait_event(rb'^close ')
        self.assertEqual(member.client().ask(b'z'), b'? z\n')
        self.assertLess(len(member.events(b'refuse 127.0.0.1:')), 20, 'the log has one line a second')

    def test_who_says_too_many_lines_is_slowed_and_others_are_not(self):
        member = self.single(limits={'max_lines_per_s': 20})
        patient, other = member.client(), member.client()
        begin = time.monotonic()
        patient.send(b'x\n' * 50)
        while patient.silent():
            pass
        self.assertEqual(other.ask(b'y'), b'? y\n')
        patient.half_close()
        self.assertEqual(patient.rest(), b'? x\n' * 50)
        self.assertGreater(time.monotonic() - begin, 1.4)

    @unittest.skipIf(SANITIZER, 'most of the memory is the sanitizer\'s')
    def test_max_memory_mb_refuses_new_clients_and_keeps_those_that_are_known(self):
        member = self.single(herd={'workers': 2, 'log_messages': 'none'}, places={'max_lookups': 1},
                             limits={'max_memory_mb': 64})
        known = member.client()
        known.iamat(b'kiwi')
        batch, replies = 0, b''
        while b'? IAMAT' not in replies:
            self.assertLess(batch, 1000, 'no bound is felt')
            lines = b''.join(b'IAMAT %d-%d-%s +1+1 1\n' % (batch, number, b'x' * 3900) for number in range(500))
            batch += 1
            try:
                replies = member.client().exchange(lines)
            except ConnectionError:
                break  # refused as a connection already
            if not replies:
                break
        diag(f'{member.rss() >> 20} MiB after {batch} times 2 MB')
        self.assertLess(member.rss(), 1 << 30)
        with self.assertRaises((ConnectionError, AssertionError)):
            member.client().ask(b'x')
        member.wait_event(rb'^short of memory')
        self.assertTrue(known.iamat(b'kiwi').startswith(b'AT Bailey'))
        self.assertEqual(known.ask(b'IAMAT new +1+1 1'), b'? IAMAT new +1+1 1\n')

    def test_a_reader_that_does_not_read_is_bounded_and_gets_everything_at_last(self):
        member = self.single(limits={'write_timeout_s': 0})
        other = member.client()
        for number in range(50):
            other.iamat(b'c%d' % number, b'+%d.5+8.5' % (number + 1))
        other.whatsat(b'c0', b'50', b'20')
        count = scaled(4000, 500)
        before, cpu = member.rss(), member.cpu_seconds()
        client = member.client(rcvbuf=4096)
        lines = [b'WHATSAT c%d 50 20' % (number % 50) for number in range(count)]
        client.socket.setblocking(False)
        pending = memoryview(b'\n'.join(lines) + b'\n')
        sent = client.socket.send(pending)
        latest = 0
        for _ in range(200):
            begin = time.monotonic()
            other.iamat(b'c0')
            latest = max(latest, time.monotonic() - begin)
        growth = member.rss() - before
        diag(f'{count} WHATSAT unread: {growth >> 10} KiB more, slowest IAMAT beside it {latest * 1000:.1f} ms')
        self.assertLess(growth, scaled(8 << 20, 64 << 20))
        self.assertLess(latest, PROMPT)
        spent = member.cpu_seconds() - cpu
        self.assertLess(spent, 5 * SLOWER)
        client.socket.settimeout(DEADLINE)
        data = client.exchange(bytes(pending[sent:]))
        replies, rest = split_replies(data, lines)
        self.assertEqual((len(replies), rest), (count, b''))
        for number, reply in enumerate(replies):
            self.assertIn(b' c%d ' % (number % 50), reply.split(b'\n')[0])

    def test_clients_that_reset_disturb_nobody(self):
        member = self.single()
        good = member.client()
        good.iamat(b'kiwi')
        for number in range(scaled(500, 100)):
            client = Client(member.address)
            client.send((b'', b'IAMAT half', b'IAMAT a +1+1 1\n', b'WHATSAT kiwi 50 20\n' * 20)[number % 4])
            client.reset()
            if number % 50 == 0:
                self.assertEqual(good.ask(b'y'), b'? y\n')
        self.assertEqual(good.ask(b'z'), b'? z\n')
        wait_until(lambda: len(member.events(b'close ')) >= len(member.events(b'open ')) - 1, 'all are closed')

    def test_one_greedy_client_does_not_starve_the_others(self):
        member = self.single(herd={'workers': 2}, places={'max_lookups': 1})
        others = [member.client() for _ in range(5)]
        greedy = [member.client() for _ in range(4)]
        for client in greedy:
            client.socket.setblocking(False)
            try:
                while client.socket.send(b'IAMAT greedy +1+1 1\n' * 5000):
                    pass
            except BlockingIOError:
                pass
        slowest = 0
        for number in range(100):
            begin = time.monotonic()
            others[number % 5].iamat(b'kiwi')
            slowest = max(slowest, time.monotonic() - begin)
        diag(f'slowest IAMAT beside four clients that flood: {slowest * 1000:.1f} ms')
        self.assertLess(slowest, PROMPT)


if __name__ == '__main__':
    unittest.main()
