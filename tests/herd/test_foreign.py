# SPDX-License-Identifier: MIT
"""Neighbours of other implementations (R24), with stand-ins that send and expect the captured bytes."""

import time
import unittest

from harness import HerdTestCase, wait_until
from neighbour import FakeMember, ForeignMember

KIWI = b'kiwi.cs.ucla.edu +34.068930-118.445127 1520023934.918963997'
TAKEN = b'AT Riley +275202393.594378145 ' + KIWI + b'\n'

# What each dialect says of an update that Riley took: PROTOCOL, "What other implementations send (captured)".
CAPTURED = {
    'plain': b'AT Riley +275202393.594378145 kiwi.cs.ucla.edu +34.068930-118.445127 1520023934.918963997',
    'path': b'AT Riley +275202393.594378145 kiwi.cs.ucla.edu +34.068930-118.445127 1520023934.918963997 '
            b'Riley Juzang Bernard',
    'last': b'AT Riley +275202393.594378145 kiwi.cs.ucla.edu +34.068930-118.445127 1520023934.918963997 Riley',
    'echo': b'ECHO kiwi.cs.ucla.edu +34.068930-118.445127 1520023934.918963997 1795226328.513342142 Riley',
}
ENDS = {'lf': b'\n', 'crlf': b'\r\n', 'none': b''}
# What we, Bailey, say of it when it came from elsewhere.
SAID = {
    'plain': CAPTURED['plain'],
    'path': CAPTURED['plain'] + b' Riley Bailey',
    'last': CAPTURED['plain'] + b' Bailey',
    'echo': b'ECHO kiwi.cs.ucla.edu +34.068930-118.445127 1520023934.918963997 1795226328.513342142 Bailey',
}


class ForeignTestCase(HerdTestCase):
    """Bailey runs, between Bona, a native stand-in on 127.0.0.1, and Juzang, a foreign one on 127.0.0.7."""

    def begin(self, **keys):
        self.pack = self.herd('Bailey-Juzang Bailey-Bona', hosts={'Juzang': '127.0.0.7'},
                              keys={'Juzang': {'dialect': 'plain', **keys}})
        self.member = self.pack['Bailey']
        self.juzang = ForeignMember(self.member, 'Juzang')
        self.bona = FakeMember(self.member, 'Bona').listen()

    def start(self):
        self.member.start()
        self.member.wait_event(rb'^link Bona up$')
        return self.bona.link()

    def end(self):
        for fake in (self.juzang, self.bona):
            fake.close()
        self.member.stop()


class ToThem(ForeignTestCase):
    def test_r24_an_update_leaves_as_the_captured_bytes_and_is_half_closed(self):
        for dialect, said in SAID.items():
            for terminator, end in ENDS.items():
                with self.subTest(dialect=dialect, terminator=terminator):
                    self.begin(dialect=dialect, terminator=terminator)
                    self.juzang.listen()
                    self.start().send(TAKEN)
                    wait_until(self.juzang.heard, 'a message')
                    self.assertEqual(self.juzang.heard(), [said + end])
                    self.end()

    def test_r24_our_own_update_names_us(self):
        for dialect, behind in (('plain', b''), ('path', b' Bailey'), ('last', b' Bailey')):
            with self.subTest(dialect=dialect):
                self.begin(dialect=dialect)
                self.juzang.listen()
                self.start()
                line = self.member.client().iamat(b'kiwi')
                wait_until(self.juzang.heard, 'a message')
                self.assertEqual(self.juzang.heard(), [line[:-1] + behind + b'\n'])
                self.end()

    def test_r24_a_kept_link_carries_one_update_after_the_other(self):
        for terminator in ('lf', 'crlf'):
            with self.subTest(terminator=terminator):
                self.begin(dialect='last', delivery='link', terminator=terminator)
                self.juzang.answer = b'got it, thanks\r\n'
                self.juzang.listen()
                self.start()
                self.member.wait_event(rb'^link Juzang up$')
                client = self.member.client()
                said = b''.join(client.iamat(b'c-%d' % number)[:-1] + b' Bailey' + ENDS[terminator]
                                for number in range(50))
                wait_until(lambda: self.juzang.stream() == said, 'all of them, in order')
                self.assertEqual(len(self.juzang.messages), 1)
                self.assertEqual(self.juzang.heard(), [])
                self.end()

    def test_r24_messages_are_one_update_each_whatever_the_neighbour_answers(self):
        for answer, holds in ((b'', False), (b'OK, thank you for the update\n', False), (b'? AT\n', True)):
            with self.subTest(answer=answer, holds=holds):
                self.begin(terminator='none')
                self.juzang.answer, self.juzang.holds = answer, holds
                self.juzang.listen()
                self.start()
                client = self.member.client()
                said = {client.iamat(b'c-%d' % number)[:-1] for number in range(5)}
                wait_until(lambda: len(self.juzang.heard()) == 5, 'five messages')
                self.assertEqual(set(self.juzang.heard()), said)
                self.end()

    def test_r24_nothing_is_said_before_there_is_something_to_say(self):
        self.begin()
        self.juzang.listen()
        self.start()
        self.assertEqual(self.juzang.messages, [])
        self.member.client().iamat(b'kiwi')
        wait_until(self.juzang.heard, 'a message')
        self.assertEqual(len(self.juzang.messages), 1)

    def test_r23_a_neighbour_that_was_down_is_told_everything_when_it_is_back(self):
        for delivery in ('message', 'link'):
            with self.subTest(delivery=delivery):
                self.begin(delivery=delivery)
                self.start()
                client = self.member.client()
                said = {client.iamat(b'c-%d' % number) for number in range(20)}
                self.member.wait_event(rb'^link Juzang down: Connection refused')
                self.juzang.listen()
                wait_until(lambda: said <= set(self.juzang.stream().splitlines(keepends=True)), 'all of them')
                last = client.iamat(b'last')
                wait_until(lambda: self.juzang.stream().endswith(last), 'what comes after')
                self.member.wait_event(rb'^link Juzang up$')
                self.assertEqual(len(self.member.events(b'link Juzang ')), 2)
                self.end()

    def test_r23_one_that_resets_every_connection_is_told_everything_too(self):
        self.begin()
        self.juzang.resets = True
        self.start()
        client = self.member.client()
        said = {client.iamat(b'c-%d' % number) for number in range(50)}
        self.member.wait_event(rb'^link Juzang down: ')
        self.juzang.listen()
        wait_until(lambda: said <= set(self.juzang.stream().splitlines(keepends=True)), 'all of them')

    def test_r20_it_does_not_get_back_what_it_said(self):
        self.begin(dialect='path')
        self.juzang.listen()
        self.start()
        self.juzang.say(CAPTURED['path'].replace(b' Juzang Bernard', b''))
        self.member.wait_stored(b'kiwi.cs.ucla.edu', TAKEN)
        line = self.member.client().iamat(b'mark')
        wait_until(self.juzang.heard, 'a message')
        self.assertEqual(self.juzang.heard(), [line[:-1] + b' Bailey\n'])


class FromThem(ForeignTestCase):
    def test_r24_the_captured_bytes_are_taken_and_not_answered_whatever_the_dialect(self):
        for said in CAPTURED.values():
            for end in ENDS.values():
                with self.subTest(said=said, end=end):
                    self.begin()
                    self.start()
                    self.assertEqual(self.juzang.say(said + end), b'')
                    self.member.wait_stored(b'kiwi.cs.ucla.edu', TAKEN)
                    wait_until(lambda: self.bona.received() == [TAKEN], 'the native neighbour has it as ours is')
                    self.end()

    def test_r24_skews_of_any_form_are_written_as_ours(self):
        self.begin()
        self.start()
        for number, (theirs, ours) in enumerate((
                (b'275202393.594378145', b'+275202393.594378145'), (b'0.5', b'+0.500000000'), (b'-3', b'-3.000000000'),
                (b'1.1920928955078125e-06', b'+0.000001192'), (b'-5e-05', b'-0.000050000'),
                (b'+1.1234567891234', b'+1.123456789'))):
            with self.subTest(theirs=theirs):
                self.juzang.say(b'AT Riley %s c-%d +1-2 %d.5' % (theirs, number, number))
                self.member.wait_stored(b'c-%d' % number,
                                        b'AT Riley %s c-%d +1-2 %d.5\n' % (ours, number, number))

    def test_r24_a_kept_connection_with_crlf_works(self):
        self.begin()
        self.start()
        with self.connect(self.member.address, source='127.0.0.7') as link:
            for number in range(3):
                link.send(b'AT Riley 0.1 c-%d +1-2 5 Riley\r\n' % number)
                self.member.wait_stored(b'c-%d' % number, b'AT Riley +0.100000000 c-%d +1-2 5\n' % number)
            self.assertTrue(link.silent())

    def test_r24_a_line_of_no_dialect_is_logged_and_dropped_and_never_answered(self):
        self.begin()
        self.start()
        for number, bad in enumerate((
                b'AT Riley 0.1 kiwi +1-2', b'AT Riley nan kiwi +1-2 5', b'AT Riley 0.1 kiwi 1,2 5',
                b'ECHO kiwi +1-2 5 6', b'ECHO kiwi +1-2 5 6 Riley x', b'AT', b'AT Riley 0.1 ki\0wi +1-2 5',
                b'AT Riley 0.1 kiwi +91-2 5 Riley'), 1):
            with self.subTest(bad=bad):
                self.assertEqual(self.juzang.say(bad + b'\n'), b'')
                self.member.wait_event(rb'^link 127\.0\.0\.7:\d+ dropped a line that is in no dialect: ', number)
        self.assertIsNone(self.member.stored(b'kiwi'))
        self.assertEqual(self.bona.received(), [])

    def test_r24_a_line_that_is_too_long_is_not_answered_either(self):
        self.begin()
        self.pack.groups['limits']['max_line'] = 256
        self.pack.write_config()
        self.start()
        self.assertEqual(self.juzang.say(b'AT Riley 0.1 ' + b'x' * 300 + b' +1-2 5\n'), b'')
        client = self.connect(self.member.address, source='127.0.0.7')
        self.assertTrue(client.ask(b'IAMAT ' + b'x' * 300).startswith(b'? IAMAT xxx'))

    def test_r17_the_same_lines_from_elsewhere_are_invalid(self):
        self.begin()
        self.start()
        for said in CAPTURED.values():
            with self.subTest(said=said):
                self.assertEqual(self.member.client().ask(said), b'? ' + said + b'\n')
        self.assertIsNone(self.member.stored(b'kiwi.cs.ucla.edu'))

    def test_clients_at_a_foreign_neighbours_address_are_clients(self):
        self.begin()
        self.start()
        client = self.connect(self.member.address, source='127.0.0.7')
        self.assertTrue(client.iamat(b'grape').startswith(b'AT Bailey '))
        self.assertEqual(client.ask(b'nonsense'), b'? nonsense\n')
        self.assertEqual(client.ask(b'HELLO 1 Juzang Bailey'), b'? HELLO 1 Juzang Bailey\n')

    def test_what_was_rewritten_on_its_way_is_no_news(self):
        self.begin()
        link = self.start()
        link.send(TAKEN)
        self.member.wait_stored(b'kiwi.cs.ucla.edu', TAKEN)
        for copy in (b'AT Zed +999999999.5 kiwi.cs.ucla.edu +34.068930-118.445127 1520023934.918963997',
                     b'AT Riley 275202393.59437 kiwi.cs.ucla.edu +34.06893-118.445127 1520023934.918964',
                     b'ECHO kiwi.cs.ucla.edu +34.068930-118.445127 1520023934.918963997 1999999999.5 Zed'):
            with self.subTest(copy=copy):
                self.juzang.say(copy)
                self.assertEqual(self.member.stored(b'kiwi.cs.ucla.edu'), TAKEN)
        mark = self.member.client().iamat(b'mark')
        wait_until(lambda: mark in self.bona.received(), 'what comes after')
        self.assertEqual(self.bona.received(b'kiwi.cs.ucla.edu'), [])


class Repeater(ForeignMember):
    """Of the worst kind: no newness test, says everything that it hears to everybody, with a skew of its own."""

    def __init__(self, member, name, others):
        super().__init__(member, name)
        self.others = others
        self.said = 0

    def _serve(self, peer, pieces):
        super()._serve(peer, pieces)
        for piece in b''.join(piece for piece in pieces if piece).splitlines():
            fields = piece.split()
            skew = b'%.6f' % (time.time() - float(fields[5]))
            again = b' '.join([b'AT', self.name.encode(), skew, fields[3], fields[4], b'%r' % float(fields[5])])
            for other in self.others:
                self.said += 1
                with self.member.herd.case.connect(other.address, source=self.address[0]) as client:
                    client.send(again)
                    client.half_close()


class Loops(HerdTestCase):
    def test_mistake_12_a_repeater_between_natives_makes_no_storm(self):
        pack = self.herd('Bailey-Riley Bona-Riley Bailey-Bona', hosts={'Riley': '127.0.0.7'},
                         keys={'Riley': {'dialect': 'plain'}})
        members = [pack['Bailey'], pack['Bona']]
        riley = Repeater(members[0], 'Riley', members)
        riley.listen()
        pack.start('Bailey', 'Bona')
        for number in range(10):
            line = members[number % 2].client().iamat(b'c-%d' % number)
            for member in members:
                member.wait_stored(b'c-%d' % number, line)
        # Each update reaches the repeater at most once from each of the two, and what it makes of it goes no further.
        mark = members[0].client().iamat(b'mark')
        members[1].wait_stored(b'mark', mark)
        wait_until(lambda: any(b' mark ' in heard for heard in riley.heard()), 'the repeater has the last')
        self.assertLessEqual(len(riley.heard()), 2 * 11)
        for number in range(10):
            pack.wait_same(b'c-%d' % number, among=['Bailey', 'Bona'])

    def test_an_update_crosses_natives_from_one_foreign_neighbour_to_the_other(self):
        pack = self.herd('Bailey-Riley Bailey-Bona Bona-Juzang', hosts={'Riley': '127.0.0.7', 'Juzang': '127.0.0.8'},
                         keys={'Riley': {'dialect': 'path', 'terminator': 'none'}, 'Juzang': {'dialect': 'echo'}})
        riley = ForeignMember(pack['Bailey'], 'Riley').listen()
        juzang = ForeignMember(pack['Bona'], 'Juzang').listen()
        pack.start('Bailey', 'Bona')
        riley.say(CAPTURED['path'].replace(b' Juzang Bernard', b''))
        wait_until(juzang.heard, 'the other hears of it')
        self.assertEqual(juzang.heard(), [SAID['echo'].replace(b'Bailey', b'Bona') + b'\n'])
        juzang.say(b'ECHO grape +1-2 1520023935.5 1520023936.25 Juzang')
        wait_until(riley.heard, 'and back')
        self.assertEqual(riley.heard(), [b'AT Juzang +0.750000000 grape +1-2 1520023935.5 Juzang Bailey'])


if __name__ == '__main__':
    unittest.main()
