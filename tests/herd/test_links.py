# SPDX-License-Identifier: MIT
"""One link at a time, with a stand-in at its other end: hellos, floods, conflation (R17, R20-R23)."""

import os
import signal
import threading
import time
import unittest

from client import AT
from harness import DEADLINE, SLOWER, UCLA, HerdTestCase, diag, scaled, wait_until
from neighbour import FakeMember, at_line


class LinkTestCase(HerdTestCase):
    """Bailey runs; Bona and Clark, its neighbours, are stand-ins."""

    def setUp(self):
        super().setUp()
        self.pack = self.herd('Bailey-Bona Bailey-Clark', **self.options())
        self.member = self.pack['Bailey']

    def options(self):
        return {}

    def fake(self, name='Bona', **options):
        return FakeMember(self.member, name, **options).listen()

    def wait_received(self, fake, line):
        wait_until(lambda: line in fake.received(), f'{fake.name} receives {line!r}')


class Hello(LinkTestCase):
    def test_r22_the_member_opens_a_link_with_its_name_and_ours(self):
        bona = self.fake()
        self.member.start()
        wait_until(lambda: bona.hellos, 'a hello')
        self.assertRegex(bona.hellos[0], rb'^HELLO 1 Bailey Bona [1-9]\d{0,17}\n$')
        self.member.wait_event(rb'^link Bona up$')

    def test_r22_a_hello_from_a_neighbour_is_accepted(self):
        self.member.start()
        link, answer = FakeMember(self.member, 'Bona').open_link()
        self.assertRegex(answer, rb'^HELLO 1 Bailey Bona [1-9]\d{0,17}\n$')
        line = at_line(b'Bona', b'kiwi')
        link.send(line)
        self.member.wait_stored(b'kiwi', line)
        self.assertTrue(link.silent())

    def test_r23_what_an_earlier_run_of_a_neighbour_said_is_told_to_this_one(self):
        bona = self.fake(answer=lambda hello: b'HELLO 1 Bona Bailey 2\n')
        self.member.start()
        self.member.wait_event(rb'^link Bona up$')
        lines = {}
        for number in (1, 2):
            link, answer = bona.open_link(hello=b'HELLO 1 Bona Bailey %d' % number)
            self.assertRegex(answer, rb'^HELLO 1 Bailey Bona ')
            lines[number] = at_line(b'Bona', b'run-%d' % number)
            link.send(lines[number])
            self.member.wait_stored(b'run-%d' % number, lines[number])
        last = self.member.client().iamat(b'last')
        self.wait_received(bona, last)
        self.assertEqual(bona.received(), [lines[1], last])

    def test_r17_any_other_hello_leaves_a_client(self):
        self.member.start()
        bona = FakeMember(self.member, 'Bona')
        for hello in (b'HELLO 1 Jaquez Bailey', b'HELLO 1 Bona Clark', b'HELLO 1 Bailey Bona', b'HELLO 1 Bona bailey',
                      b'HELLO 2 Bona Bailey', b'HELLO 1 Bona', b'HELLO 1 Bona Bailey x', b'hello 1 Bona Bailey',
                      b'HELLO 1 Bailey Bailey', b'HELLO'):
            with self.subTest(hello=hello):
                link, answer = bona.open_link(hello=hello)
                self.assertEqual(answer, b'? ' + hello + b'\n')
                line = at_line(b'Bona', b'kiwi')
                link.send(line)
                self.assertEqual(link.line(), b'? ' + line)
                self.assertRegex(link.iamat(b'grape'), AT)
        self.assertIsNone(self.member.stored(b'kiwi'))

    def test_r17_the_right_names_from_a_wrong_address_leave_a_client(self):
        self.member.start()
        link, answer = FakeMember(self.member, 'Bona').open_link(source='127.0.0.9')
        self.assertEqual(answer, b'? HELLO 1 Bona Bailey\n')
        line = at_line(b'Bona', b'kiwi')
        link.send(line)
        self.assertEqual(link.line(), b'? ' + line)

    def test_r22_a_refused_hello_is_logged_and_tried_again(self):
        for answer in (lambda hello: b'? ' + hello + b'\n', lambda hello: b'HELLO 1 Clark Bailey\n',
                       lambda hello: b'HELLO 1 Bona Clark\n', lambda hello: b'HELLO 9 Bona Bailey\n',
                       lambda hello: b'\n'):
            with self.subTest(answer=answer(b'HELLO 1 Bailey Bona')):
                bona = self.fake(answer=answer)
                self.member.start()
                self.member.wait_event(rb'^link Bona down: \S')
                self.member.client().iamat(b'kiwi')
                wait_until(lambda: len(bona.hellos) >= 2, 'it tries again')
                self.assertEqual(bona.received(), [])
                self.assertEqual(self.member.events(b'link Bona up'), [])
                self.member.stop()
                os.remove(self.member.log_path)
                bona.close()

    def test_r22_a_neighbour_that_is_silent_after_the_hello_does_no_harm(self):
        self.fake(answer=lambda hello: b'')
        clark = self.fake('Clark')
        self.member.start()
        line = self.member.client().iamat(b'kiwi', UCLA)
        self.wait_received(clark, line)

    def test_r22_a_second_link_from_the_same_neighbour_is_taken_too(self):
        # A neighbour that died without a word comes back while its old connection still stands here.
        self.member.start()
        bona = FakeMember(self.member, 'Bona')
        bona.link()
        second = bona.link()
        line = at_line(b'Bona', b'kiwi')
        second.send(line)
        self.member.wait_stored(b'kiwi', line)


class Flood(LinkTestCase):
    def setUp(self):
        super().setUp()
        self.bona, self.clark = self.fake('Bona'), self.fake('Clark')
        self.member.start()
        for name in (b'Bona', b'Clark'):
            self.member.wait_event(rb'^link %s up$' % name)

    def push_through(self, *fakes):
        """Sends an update of our own behind everything else and waits until it has arrived."""
        line = self.member.client().iamat(b'mark')
        for fake in fakes or (self.bona, self.clark):
            self.wait_received(fake, line)

    def test_r20_the_at_line_of_the_reply_is_what_neighbours_get(self):
        for number, fields in enumerate((b'kiwi +34.068930-118.445127 1621464827.959498503', b'\xff\xfe -0-0 -0.50',
                                         b'long-%s +1.5000-2 +7' % (b'x' * 300))):
            line = self.member.client().ask(b'IAMAT  ' + fields + b' ')
            self.assertTrue(line.endswith(b' ' + fields + b'\n'))
            for fake in (self.bona, self.clark):
                self.wait_received(fake, line)
                self.assertEqual(fake.received()[number], line)

    def test_r20_the_longest_command_makes_an_update_that_arrives(self):
        tail = b' +1.5-2.5 1621464827.959498503\n'
        client_id = b'x' * (4096 - len(b'IAMAT ') - len(tail))
        client = self.member.client()
        client.send(b'IAMAT ' + client_id + tail)
        line = client.line()
        self.assertGreater(len(line), 4096)
        self.wait_received(self.bona, line)
        longer = at_line(b'Bona', client_id, b'+1.5-2.5', b'1621464827.959498504', b'+123456789012.123456789')
        self.bona.link().send(longer)
        self.wait_received(self.clark, longer)
        self.member.wait_stored(client_id, longer)

    def test_r20_members_with_other_limits_pass_the_longest_update_on(self):
        herd = self.herd('Bailey-Bona Bona-Clark', limits={'max_line': 32768},
                         groups={'limits Bona': {'max_line': 256}}).start()
        tail = b' +1.5-2.5 1621464827.959498503\n'
        client_id = b'x' * (32768 - len(b'IAMAT ') - len(tail))
        client = herd['Bailey'].client()
        client.send(b'IAMAT ' + client_id + tail)
        line = client.line()
        short = herd['Bailey'].client().iamat(b'after')
        herd['Clark'].wait_stored(b'after', short)
        reply = herd['Clark'].client().whatsat(client_id, b'1', b'0')
        self.assertEqual(reply.at, line)

    def test_r20_an_update_is_passed_on_unchanged_and_not_sent_back(self):
        link = self.bona.link()
        updates = ((b'Bona', UCLA, None, b'+0.000000001'), (b'Jaquez', b'+00.00-000.000', b'1', b'-12.000000001'),
                   (b'Campbell', b'+1.50-2.0', b'-0.5', b'+999999999999.999999999'),
                   (b'Bona', b'-0-0', b'+7.00', b'-0.000000000'))
        lines = [at_line(origin, b'kiwi-%d' % number, *rest) for number, (origin, *rest) in enumerate(updates)]
        link.send(b''.join(lines))
        for line in lines:
            self.wait_received(self.clark, line)
        self.push_through()
        self.assertEqual([line for line in self.clark.received() if b' kiwi-' in line], lines)
        self.assertEqual([line for line in self.bona.received() if b' kiwi-' in line], [])
        for number, line in enumerate(lines):
            self.assertEqual(self.member.stored(b'kiwi-%d' % number), line)

    def test_r20_duplicates_and_stale_updates_go_no_further(self):
        bona, clark = self.bona.link(), self.clark.link()
        newest = at_line(b'Bona', b'kiwi', at=b'100.5')
        bona.send(newest)
        self.wait_received(self.clark, newest)
        bona.send(newest * 5 + at_line(b'Bona', b'kiwi', at=b'100.4') + at_line(b'Zed', b'kiwi', at=b'99'))
        clark.send(newest * 5 + at_line(b'Alf', b'kiwi', at=b'100.5'))
        for link, name in ((bona, b'bona-mark'), (clark, b'clark-mark')):
            mark = at_line(b'Bona', name)
            link.send(mark)
            self.member.wait_stored(name, mark)
        self.push_through()
        self.assertEqual(self.clark.received(b'kiwi'), [newest])
        self.assertEqual(self.bona.received(b'kiwi'), [])
        self.assertEqual(self.member.stored(b'kiwi'), newest)

    def test_r20_our_own_update_that_comes_back_goes_no_further(self):
        line = self.member.client().iamat(b'kiwi', UCLA)
        self.wait_received(self.bona, line)
        self.bona.link().send(line)
        self.push_through()
        self.assertEqual(self.clark.received(b'kiwi'), [line])

    def test_r21_ties_between_updates(self):
        link = self.bona.link()
        for number, (less, greater) in enumerate((
                ((b'Bona', b'+9+9', b'5', b'+9.000000000'), (b'Clark', b'+1+1', b'5', b'+1.000000000')),
                ((b'Bona', b'+1+1', b'5', b'+9.000000000'), (b'Bona', b'+2+1', b'5.0', b'+1.000000000')),
                ((b'Bona', b'+1+1', b'5', b'+9.000000000'), (b'Bona', b'+1+1', b'5', b'+10.000000000')),
                ((b'Bona', b'+1+1', b'5', b'-9.000000000'), (b'Bona', b'+1+1', b'5', b'-1.000000000')),
                ((b'Zed', b'+9+9', b'5', b'+9.000000000'), (b'Alf', b'+1+1', b'5.000000001', b'-9.000000000')))):
            for order, name in (((less, greater), b'up-%d'), ((greater, less), b'down-%d')):
                with self.subTest(less=less, greater=greater, order=name):
                    client_id = name % number
                    lines = {fields: at_line(fields[0], client_id, *fields[1:]) for fields in order}
                    mark = at_line(b'Bona', b'mark-' + client_id)
                    link.send(b''.join(lines.values()) + mark)
                    self.member.wait_stored(b'mark-' + client_id, mark)
                    self.assertEqual(self.member.stored(client_id), lines[greater])

    def test_r20_malformed_lines_on_a_link_are_dropped_and_it_goes_on(self):
        link = self.bona.link()
        bad = [b'', b'   ', b'hello', b'AT', b'AT Bona +1.0 kiwi +1+1', b'AT Bona +0.000000001 kiwi +1+1 1 Bona',
               b'AT Bona 0.000000001 kiwi +1+1 1', b'AT Bona +0.1 kiwi +1+1 1', b'AT Bona +0.000000001 kiwi 1+1 1',
               b'AT Bona +0.000000001 kiwi +91+1 1', b'AT Bona +0.000000001 kiwi +1+1 nan', b'AT Bona nan kiwi +1+1 1',
               b'IAMAT kiwi +1+1 1', b'WHATSAT kiwi 1 1', b'HELLO 1 Bona Bailey', b'HELLO 1 Clark Bailey',
               b'at Bona +0.000000001 kiwi +1+1 1', b'AT Bona +0.000000001 ki\0wi +1+1 1', b'ECHO kiwi +1+1 1 2 Bona',
               b'\xff\xfe', b'x' * 2000, b'{"places": []}']
        for number, line in enumerate(bad):
            with self.subTest(line=line[:40]):
                good = at_line(b'Bona', b'good-%d' % number)
                link.send(line + b'\n' + good)
                self.member.wait_stored(b'good-%d' % number, good)
                self.assertTrue(link.silent())
        self.assertIsNone(self.member.stored(b'kiwi'))
        self.push_through(self.clark)
        self.assertEqual(self.clark.received(b'kiwi'), [])

    def test_r20_an_update_may_come_in_pieces_and_with_crlf(self):
        link = self.bona.link()
        line = at_line(b'Bona', b'kiwi')
        for byte in line[:-1]:
            link.send(bytes([byte]))
        link.send(b'\r\n')
        self.wait_received(self.clark, line)

    def test_r19_places_do_not_travel(self):
        client = self.member.client()
        line = client.iamat(b'kiwi', UCLA)
        self.assertEqual(client.whatsat(b'kiwi', b'10', b'20').status, 'OK')
        self.push_through()
        for fake in (self.bona, self.clark):
            self.assertEqual([one for one in fake.received() if b' mark ' not in one], [line])


class Reconnect(LinkTestCase):
    def test_r23_a_link_that_comes_up_brings_the_whole_store(self):
        self.member.start()
        client = self.member.client()
        lines = {client.iamat(b'c-%d' % number, UCLA) for number in range(500)}
        bona = self.fake()
        wait_until(lambda: lines <= set(bona.received()), 'the whole store')

    def test_r23_a_link_that_is_lost_comes_back_by_itself(self):
        bona = self.fake()
        self.member.start()
        for turn in range(3):
            self.member.wait_event(rb'^link Bona up$', turn + 1)
            line = self.member.client().iamat(b'before-%d' % turn)
            self.wait_received(bona, line)
            bona.drop()
            self.member.wait_event(rb'^link Bona down: \S', turn + 1)
            line = self.member.client().iamat(b'while-%d' % turn)
            self.wait_received(bona, line)

    def test_r23_tries_are_spaced_and_do_not_spin(self):
        bona = self.fake(answer=lambda hello: b'no\n')
        begin = time.monotonic()
        self.member.start()
        cpu = self.member.cpu_seconds()
        wait_until(lambda: len(bona.hellos) >= 5, 'five tries')
        elapsed = time.monotonic() - begin
        diag(f'five tries in {elapsed:.2f} s')
        self.assertGreater(elapsed, 0.2)
        self.assertLess(self.member.cpu_seconds() - cpu, 0.5 * SLOWER)

    def test_r23_tries_that_fail_alike_are_logged_once(self):
        bona = self.fake(answer=lambda hello: b'no\n')
        self.member.start()
        wait_until(lambda: len(bona.hellos) >= 5, 'five tries')
        self.assertLessEqual(len(self.member.events(b'link Bona down: ')), 2)

    def test_r20_a_link_that_its_opener_closes_loses_nothing_that_was_sent(self):
        self.member.start()
        link = FakeMember(self.member, 'Bona').link()
        lines = [at_line(b'Bona', b'c-%d' % number) for number in range(1000)]
        link.send(b''.join(lines))
        link.close()
        for number in (0, 500, 999):
            self.member.wait_stored(b'c-%d' % number, lines[number])


class Stop(LinkTestCase):
    def test_r23_what_is_acknowledged_just_before_the_end_leaves_over_a_link_that_comes_up_just_then(self):
        stopping = threading.Event()

        def answer(_):
            stopping.wait(DEADLINE)
            return b'HELLO 1 Bona Bailey\n'
        bona = self.fake(answer=answer)
        self.member.start()
        wait_until(lambda: bona.hellos, 'a hello')
        line = self.member.client().iamat(b'kiwi')
        self.member.signal(signal.SIGTERM)
        self.member.wait_event(rb'^stop ')  # the last that it does before it ends its links
        stopping.set()
        self.assertEqual(self.member.wait(), 0)
        self.member.process = None
        self.wait_received(bona, line)


class PlacesForNeighbours(LinkTestCase):
    def options(self):
        return {'limits': {'max_connections': 3}}

    def test_above_max_connections_only_a_neighbours_hello_is_served(self):
        self.member.start()
        for number in range(3):
            self.member.client().iamat(b'c%d' % number)
        for line in (b'IAMAT kiwi +1+1 1\n', b'\n'):
            with self.subTest(line=line):
                extra = self.member.client()
                extra.send(line)
                try:
                    self.assertEqual(extra.rest(), b'')
                except ConnectionResetError:
                    pass
        link = FakeMember(self.member, 'Bona').link()
        line = at_line(b'Bona', b'kiwi')
        link.send(line)
        self.member.wait_event(rb'^recv Bona AT Bona ')


class Conflation(LinkTestCase):
    def options(self):
        return {'herd': {'log_messages': 'none'}}

    def test_a_neighbour_that_does_not_read_gets_the_newest_of_each_client_only(self):
        bona, clark = self.fake(rcvbuf=4096), self.fake('Clark')
        self.member.start()
        for name in (b'Bona', b'Clark'):
            self.member.wait_event(rb'^link %s up$' % name)
        bona.reading.clear()
        before = self.member.rss()
        count, clients = scaled(50_000, 20_000), 100
        # Long lines: the socket itself takes two or three megabytes before it is full.
        names = [b'client-%02d-' % number + b'x' * 400 for number in range(clients)]
        data = b''.join(b'IAMAT %s %s %d\n' % (names[number % clients], UCLA, 1000 + number) for number in range(count))
        lines = self.member.client().exchange(data).splitlines(keepends=True)
        newest = set(lines[-clients:])
        wait_until(lambda: newest <= set(clark.received()[-5 * clients:]), 'the neighbour that reads has the newest')
        growth = self.member.rss() - before
        bona.reading.set()
        wait_until(lambda: newest <= set(bona.received()), 'the other has them at last')
        got = len(bona.received())
        diag(f'{count} updates, {got} lines to the neighbour that did not read, {growth >> 10} KiB more meanwhile')
        self.assertLess(got, count // 2)
        # What comes last of each client is its newest.
        last = {line.split(b' ')[3]: line for line in bona.received()}
        self.assertEqual(set(last.values()), newest)
        self.assertLess(growth, scaled(16 << 20, 96 << 20))


if __name__ == '__main__':
    unittest.main()
