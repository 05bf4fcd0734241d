# SPDX-License-Identifier: MIT
"""Lines, fields and what is not a command: R1-R4 and R16-R18."""

import time
import unittest

from client import AT, split_replies
from harness import HerdTestCase, scaled

IAMAT = b'IAMAT kiwi.cs.ucla.edu +34.068930-118.445127 1621464827.959498503'


class Lines(HerdTestCase):
    def test_r1_a_line_is_answered_before_the_client_ends_anything(self):
        client = self.single().client()
        self.assertRegex(client.ask(IAMAT), AT)

    def test_r1_a_last_line_without_lf_is_answered_before_the_member_closes(self):
        member = self.single()
        for line, expected in ((IAMAT, AT), (b'hello', rb'\A\? hello\n\Z'), (b'  ', rb'\A\?   \n\Z')):
            with self.subTest(line=line):
                client = member.client()
                client.send(line)
                client.half_close()
                self.assertRegex(client.rest(), expected)

    def test_r1_eof_after_lf_is_no_line(self):
        client = self.single().client()
        client.send(b'hello\n')
        client.half_close()
        self.assertEqual(client.rest(), b'? hello\n')

    def test_r1_a_connection_without_a_line_gets_nothing(self):
        client = self.single().client()
        client.half_close()
        self.assertEqual(client.rest(), b'')

    def test_r2_fields_are_separated_by_any_run_of_any_white_space(self):
        client = self.single().client()
        for line in (b'IAMAT\ta\v+1-1\f1\n', b'  IAMAT   a   +1-1   1  \n', b'\t\r\f\vIAMAT\r\ra +1-1 1\n',
                     b'IAMAT a +1-1 1\r\n', b'IAMAT a +1-1 1 \t\r\n'):
            with self.subTest(line=line):
                client.send(line)
                self.assertRegex(client.line(), rb'\AAT Bailey \+\d+\.\d{9} a \+1-1 1\n\Z')

    def test_r2_other_blanks_of_other_worlds_do_not_separate(self):
        client = self.single().client()
        for blank in (b'\xa0', b'\x85', b'\x1c', b'\x1f', b'\x08', '\u2003'.encode(), '\u2028'.encode()):
            with self.subTest(blank=blank):
                client_id = b'a' + blank + b'b'
                self.assertIn(b' ' + client_id + b' ', client.iamat(client_id))
                line = b'IAMAT' + blank + b'c +1-1 1'
                self.assertEqual(client.ask(line), b'? ' + line + b'\n')

    def test_r3_a_pipelining_client_gets_one_reply_a_line_in_order(self):
        member = self.single()
        member.client().iamat(b'known', at=b'1')
        count = scaled(10_000, 2_000)
        lines, expected = [], []
        for number in range(count):
            match number % 7:
                case 0 | 1:
                    lines.append(b'IAMAT c%d +1.5-2.5 %d.%09d' % (number, number, number))
                    expected.append(rb'AT Bailey \+\d+\.\d{9} c%d \+1\.5-2\.5 %d\.%09d\n' % ((number,) * 3))
                case 2:
                    lines.append(b'WHATSAT known 1 0')
                    expected.append(rb'AT Bailey \S+ known \S+ 1\n\{[^}]*"ZERO_RESULTS"[^}]*\}\n\n')
                case 3:
                    lines.append(b'WHATSAT nobody%d 1 1' % number)
                    expected.append(rb'\? WHATSAT nobody%d 1 1\n' % number)
                case 4:
                    lines.append(b'')
                    expected.append(rb'\? \n')
                case 5:
                    lines.append(b'line %d' % number)
                    expected.append(rb'\? line %d\n' % number)
                case 6:
                    lines.append(b'IAMAT c%d +1.5-2.5 nan' % number)
                    expected.append(rb'\? IAMAT c%d \+1\.5-2\.5 nan\n' % number)
        for piece in (1 << 16, 1447):
            with self.subTest(piece=piece):
                data = member.client().exchange(b'\n'.join(lines) + b'\n', piece)
                replies, rest = split_replies(data, lines)
                self.assertEqual((len(replies), rest), (count, b''))
                for line, reply, form in zip(lines, replies, expected):
                    self.assertRegex(reply, rb'\A' + form + rb'\Z', line)

    def test_r3_two_commands_in_one_segment_get_two_replies(self):
        client = self.single().client()
        client.send(b'IAMAT a +1+1 1\nIAMAT b +2+2 2\n')
        self.assertIn(b' a +1+1 1\n', client.line())
        self.assertIn(b' b +2+2 2\n', client.line())

    def test_r3_a_command_may_come_byte_by_byte(self):
        client = self.single().client()
        for byte in IAMAT:
            client.send(bytes([byte]))
            self.assertTrue(client.silent())
        client.send(b'\n')
        self.assertRegex(client.line(), AT)

    def test_r3_a_command_may_be_split_anywhere(self):
        client = self.single().client()
        line = b'IAMAT a +1+1 1\r\n'
        for cut in range(1, len(line)):
            client.send(line[:cut])
            client.send(line[cut:] + b'IAMAT b +1+1')
            self.assertIn(b' a +1+1 1\n', client.line())
            client.send(b' 2\n')
            self.assertIn(b' b +1+1 2\n', client.line())

    def test_r3_connections_do_not_mix(self):
        member = self.single()
        clients = [member.client() for _ in range(50)]
        for part in (b'IAMAT c%d ', b'+1.%d+1 ', b'%d\n'):
            for number, client in enumerate(clients):
                client.send(part % number)
        for number, client in enumerate(clients):
            self.assertTrue(client.line().endswith(b' c%d +1.%d+1 %d\n' % (number, number, number)))

    def test_r16_invalid_lines_are_echoed_raw(self):
        client = self.single().client()
        for sent, echoed in (
                (b'\n', b''), (b'\r\n', b''), (b'   \n', b'   '), (b' \t hello \t \n', b' \t hello \t '),
                (b'hello  there\r\n', b'hello  there'), (b'hello\r\r\n', b'hello\r'), (b'a\rb\n', b'a\rb'),
                (b'iamat a +1+1 1\n', b'iamat a +1+1 1'), (b'Iamat a +1+1 1\n', b'Iamat a +1+1 1'),
                (b'whatsat a 1 1\n', b'whatsat a 1 1'), (b'IAMAT\n', b'IAMAT'), (b'IAMAT a +1+1\n', b'IAMAT a +1+1'),
                (b'IAMAT a +1+1 1 1\n', b'IAMAT a +1+1 1 1'), (b'IAMATT a +1+1 1\n', b'IAMATT a +1+1 1'),
                (b'WHATSAT a 1\n', b'WHATSAT a 1'), (b'WHATSAT a 1 1 1\n', b'WHATSAT a 1 1 1'),
                (b'? \n', b'? '), (b'quit\n', b'quit'), (b'\xff\xfe\x00\n', b'\xff\xfe\x00')):
            with self.subTest(sent=sent):
                client.send(sent)
                self.assertEqual(client.line(), b'? ' + echoed + b'\n')

    def test_r17_link_commands_are_invalid_from_a_stranger(self):
        member = self.single()
        client = member.client()
        for line in (b'AT Bailey +0.000000001 kiwi +1+1 1', b'AT Bona +0.000000001 kiwi +1+1 1 Bona', b'HELLO',
                     b'HELLO 1 Bona Bailey', b'HELLO 1 Bailey Bailey', b'HELLO 2 Bona Bailey',
                     b'ECHO kiwi +1+1 1 2 Bona'):
            with self.subTest(line=line):
                self.assertEqual(client.ask(line), b'? ' + line + b'\n')
        self.assertIsNone(member.stored(b'kiwi'))

    def test_r18_nothing_is_sent_unasked(self):
        member = self.single()
        quiet, busy = member.client(), member.client()
        for number in range(20):
            busy.iamat(b'c%d' % number)
        self.assertTrue(quiet.silent())
        self.assertEqual(quiet.ask(b'first'), b'? first\n')
        busy.half_close()
        self.assertEqual(busy.rest(), b'')
        quiet.half_close()
        self.assertEqual(quiet.rest(), b'')


class LongLines(HerdTestCase):
    def cases(self):
        """Members with a short and with the default bound, and the bound."""
        yield self.single(limits={'max_line': 256}), 256
        yield self.single(), 4096

    def test_r4_a_line_of_max_line_bytes_is_taken(self):
        for member, bound in self.cases():
            for ending in (b'\n', b'\r\n'):
                with self.subTest(bound=bound, ending=ending):
                    client = member.client()
                    head, tail = b'IAMAT ', b' +1+1 1' + ending
                    client_id = b'x' * (bound - len(head) - len(tail))
                    client.send(head + client_id + tail)
                    self.assertTrue(client.line().endswith(b' ' + client_id + b' +1+1 1\n'))
                    line = b'y' * (bound - len(ending))
                    client.send(line + ending)
                    self.assertEqual(client.line(), b'? ' + line + b'\n')

    def test_r4_a_longer_line_gets_its_first_64_bytes_and_the_end(self):
        for member, bound in self.cases():
            for line in (b'z' * bound + b'\n', b'IAMAT ' + b'x' * bound + b' +1+1 1\n', b' ' * bound + b'\r\n'):
                with self.subTest(bound=bound, line=line[:20]):
                    client = member.client()
                    client.send(line)
                    self.assertEqual(client.rest(), b'? ' + line[:64] + b'\n')

    def test_r4_what_stood_before_and_behind_a_longer_line(self):
        client = self.single(limits={'max_line': 256}).client()
        client.send(b'one\ntwo\n' + b'z' * 300 + b'\nthree\n')
        self.assertEqual(client.rest(), b'? one\n? two\n? ' + b'z' * 64 + b'\n')

    def test_r4_a_line_that_never_ends_gets_its_reply_although_much_more_was_sent(self):
        member = self.single()
        for size in (5_000, 100_000, 1_000_000):
            with self.subTest(size=size):
                client = member.client()
                try:
                    client.send(b'q' * size)
                except ConnectionError:
                    pass  # the member may have closed; what it said before must still be there
                self.assertEqual(client.rest(), b'? ' + b'q' * 64 + b'\n')

    def test_r4_a_line_that_never_ends_costs_no_memory(self):
        member = self.single()
        before = member.rss()
        for _ in range(20):
            client = member.client()
            try:
                client.send(b'q' * 1_000_000)
            except ConnectionError:
                pass
            client.close()
        self.assertEqual(member.client().ask(b'still here'), b'? still here\n')
        self.assertLess(member.rss() - before, scaled(8 << 20, 64 << 20))

    def test_r4_nul_makes_a_command_invalid_and_is_echoed(self):
        client = self.single().client()
        for line in (b'\0', b'IAMAT a\0b +1+1 1', b'IAMAT a +1+1 1\0', b'\0IAMAT a +1+1 1', b'WHATSAT a 1 1\0',
                     b'IAMAT a +1+1\0 1', b'IAMAT a +1+1 1 \0'):
            with self.subTest(line=line):
                self.assertEqual(client.ask(line), b'? ' + line + b'\n')

    def test_r4_any_byte_but_nul_and_white_space_may_stand_in_a_client_id(self):
        client = self.single().client()
        every = bytes(sorted(set(range(1, 256)) - set(b' \t\n\v\f\r')))
        for client_id in (every, b'\xff', b'\xc3\x28', 'Kiwi-ü-漢'.encode(), b'+', b'%s%n', b'"<>&\'\\', b'?'):
            with self.subTest(client_id=client_id):
                now = time.time_ns()
                line = client.iamat(client_id, b'+1+1', b'%d' % (now // 10**9))
                self.assertIn(b' ' + client_id + b' +1+1 ', line)
                self.assertEqual(client.whatsat(client_id, bound=b'0').at, line)


if __name__ == '__main__':
    unittest.main()
