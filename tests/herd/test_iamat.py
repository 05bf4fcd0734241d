# SPDX-License-Identifier: MIT
"""IAMAT: R5-R9, and the order of R21 as far as one member shows it."""

import time
import unittest

from client import AT, nanoseconds
from harness import HerdTestCase

PLACE = b'+34.068930-118.445127'


class Replies(HerdTestCase):
    def test_r5_reply_copies_the_last_three_fields_byte_for_byte(self):
        client = self.single().client()
        for fields in (b'kiwi.cs.ucla.edu +34.068930-118.445127 1621464827.959498503', b'a +12-118 0',
                       b'a +00.0+000.0 1520023934.918963997', b'a -0-0 +0.000000000',
                       b'a +1.10000000000000000000+1.0 12.3400000000000000000000'):
            with self.subTest(fields=fields):
                self.assertRegex(client.ask(b'IAMAT ' + fields), rb'\AAT Bailey [+-]\d+\.\d{9} ')
                self.assertTrue(client.ask(b'IAMAT  ' + fields + b' ').endswith(b' ' + fields + b'\n'))

    def test_r5_skew_is_exact_to_the_nanosecond(self):
        client = self.single().client()
        now = b'%d.%09d' % divmod(time.time_ns(), 10**9)
        for text in (now, b'0', b'0.000000001', b'-0.5', b'-0.000000001', b'-1.999999999', b'+1621464827.959498503',
                     b'999999999999', b'999999999999.999999999', b'-999999999999.999999999', b'000000000001',
                     b'1.1', b'1.12345678', b'4102444800.000000001', b'1621464827.9594985039999999999',
                     b'-0.4999999999999999', b'-0.0', b'9223372036.854775807', b'9223372036.854775808',
                     b'-9223372036.854775809'):
            with self.subTest(time=text):
                before = time.time_ns()
                reply = client.iamat(b'kiwi', PLACE, text)
                after = time.time_ns()
                match = AT.fullmatch(reply)
                self.assertIsNotNone(match, reply)
                received = nanoseconds(match['skew']) + nanoseconds(text)
                self.assertLessEqual(before, received)
                self.assertLessEqual(received, after)
                self.assertEqual(match['time'], text)

    def test_r5_skew_has_a_sign_on_both_sides_of_now(self):
        client = self.single().client()
        now = time.time_ns() // 10**9
        self.assertRegex(client.iamat(b'a', PLACE, b'%d' % (now - 100)), rb'\AAT Bailey \+(99|100)\.\d{9} a ')
        self.assertRegex(client.iamat(b'a', PLACE, b'%d' % (now + 100)), rb'\AAT Bailey -(98|99|100)\.\d{9} a ')

    def test_r6_client_ids_are_any_run_without_white_space(self):
        client = self.single().client()
        for client_id in (b'k', b'IAMAT', b'+1+1', b'a/b?c=d', b'x' * 3000, 'ключ'.encode(), b'\xfe\xff'):
            with self.subTest(client_id=client_id[:20]):
                self.assertIn(b' ' + client_id + b' ', client.iamat(client_id))

    def test_r7_valid_locations(self):
        client = self.single().client()
        for place in (b'+34.068930-118.445127', b'+12-118', b'+00.0+000.0', b'-0-0', b'+0+0', b'+90+180', b'-90-180',
                      b'+90.000-180.0000', b'-90.0+180.0', b'+1-1', b'+001+001', b'+089.9999999999999999999+179.9',
                      b'+1.00000000000000000000000000000000000001-1', b'-7.5-8.25', b'+90.' + b'0' * 40 + b'+0'):
            with self.subTest(place=place):
                self.assertRegex(client.iamat(b'a', place), AT)

    def test_r7_invalid_locations(self):
        client = self.single().client()
        for place in (b'34.068930-118.445127', b'+34.068930', b'-118', b'+', b'+-', b'++', b'+1', b'+1+', b'+1,+1',
                      b'+91+0', b'-91+0', b'+90.0000000000000000001+0', b'-90.0000000000000000001+0', b'+0+181',
                      b'+0-180.0000000000000000001', b'+90.1+0', b'+0-200', b'+999+0', b'+1000+0', b'+0+1000',
                      b'+0001+1', b'+1e1+1', b'+nan+nan', b'+inf-inf', b'+.5+1', b'+1.+1', b'+1+.5', b'+1+1.',
                      b'+1.1.1+1', b'+1+1+1', b'+1+1/', b'+1 +1', b'+0x1+1', b'+1_0+1', b'\xef\xbc\x8b1+1', b'+1+1m',
                      b'+-1+1',
                      b'+3404-11826.7E', b'+18446744073709551617+1', '+١+١'.encode()):
            with self.subTest(place=place):
                line = b'IAMAT a ' + place + b' 1'
                self.assertEqual(client.ask(line), b'? ' + line + b'\n')

    def test_r8_valid_times(self):
        client = self.single().client()
        for text in (b'0', b'1', b'1621464827.959498503', b'+1621464827', b'-1', b'-0.5', b'0.0', b'000000000000',
                     b'999999999999', b'-999999999999', b'1.1', b'1.123456789012345678901234567890', b'+0', b'-0'):
            with self.subTest(time=text):
                self.assertRegex(client.iamat(b'a', PLACE, text), rb' ' + text.replace(b'+', rb'\+') + rb'\n\Z')

    def test_r8_invalid_times(self):
        client = self.single().client()
        for text in (b'1e9', b'inf', b'nan', b'-inf', b'.5', b'5.', b'+', b'-', b'+.', b'--1', b'+-1', b'1,5', b'1.5.5',
                     b'0x10', b'1000000000000', b'0000000000001', b'18446744073709551616', b'1_000', b'1s', b'1.5a',
                     b'1.-5', b'1.+5', b'now', '１'.encode(), b'1621464827.959498503Z'):
            with self.subTest(time=text):
                line = b'IAMAT a +1+1 ' + text
                self.assertEqual(client.ask(line), b'? ' + line + b'\n')

    def test_r8_the_future_is_legal_unless_bounded(self):
        now = time.time_ns() // 10**9
        self.assertRegex(self.single().client().iamat(b'a', PLACE, b'%d' % (now + 10**6)), rb'\AAT Bailey -999\d\d\d\.')
        client = self.single(limits={'max_future_skew_s': 60}).client()
        self.assertRegex(client.iamat(b'a', PLACE, b'%d' % (now + 50)), AT)
        line = b'IAMAT a %s %d' % (PLACE, now + 100)
        self.assertEqual(client.ask(line), b'? ' + line + b'\n')


class NewestWins(HerdTestCase):
    def stored_after(self, *reports):
        """Reports (location, time) one after the other at a new member; returns the replies and what it has."""
        member = self.single()
        client = member.client()
        replies = [client.iamat(b'kiwi', place, at) for place, at in reports]
        return replies, member.stored(b'kiwi')

    def test_r9_a_newer_report_replaces(self):
        for older, newer in ((b'1', b'2'), (b'9', b'10'), (b'-2', b'-1'), (b'-0.5', b'-0.25'), (b'-1', b'-0.9'),
                             (b'1.000000001', b'1.000000002'), (b'1520023934.918963996', b'1520023934.918963997'),
                             (b'1.9', b'1.91'), (b'99999999999', b'999999999999'), (b'-0.000000001', b'0')):
            with self.subTest(older=older, newer=newer):
                replies, stored = self.stored_after((b'+1+1', older), (b'+2+2', newer))
                self.assertEqual(stored, replies[1])

    def test_r9_an_older_report_is_answered_with_its_own_data_and_changes_nothing(self):
        for older, newer in ((b'1', b'2'), (b'9', b'10'), (b'-10', b'-9'), (b'-0.5', b'0'), (b'1.1', b'1.099'),
                             (b'1520023934.918963996', b'1520023934.918963997')):
            older, newer = sorted((older, newer), key=nanoseconds)
            with self.subTest(older=older, newer=newer):
                replies, stored = self.stored_after((b'+1+1', newer), (b'+2+2', older))
                self.assertTrue(replies[1].endswith(b' kiwi +2+2 ' + older + b'\n'), replies[1])
                self.assertEqual(stored, replies[0])

    def test_r9_digits_past_the_ninth_do_not_make_a_report_newer(self):
        replies, stored = self.stored_after((b'+2+2', b'5.1234567890'), (b'+1+1', b'5.1234567899'))
        self.assertEqual(stored, replies[0])

    def test_r21_equal_times_the_bytewise_greater_location_wins(self):
        for less, greater in ((b'+1+1', b'+2+2'), (b'+34.0-118', b'+34.1-118'), (b'+1+1', b'-1+1'), (b'+10+1', b'+9+1'),
                              (b'+1+1', b'+1-1'), (b'+1+1', b'+1+1.0')):
            with self.subTest(less=less, greater=greater):
                replies, stored = self.stored_after((less, b'7'), (greater, b'7.0'))
                self.assertEqual(stored, replies[1])
                replies, stored = self.stored_after((greater, b'7'), (less, b'7.0'))
                self.assertEqual(stored, replies[0])

    def test_r21_the_same_report_again_is_newer_by_its_skew(self):
        replies, stored = self.stored_after((b'+1+1', b'7'), (b'+1+1', b'7'))
        self.assertGreater(nanoseconds(replies[1].split()[2]), nanoseconds(replies[0].split()[2]))
        self.assertEqual(stored, replies[1])

    def test_r9_clients_do_not_touch_each_other(self):
        member = self.single()
        client = member.client()
        lines = {b'client-%d' % number: client.iamat(b'client-%d' % number, b'+%d+1' % (number % 90), b'%d' % number)
                 for number in range(300)}
        for client_id, line in lines.items():
            self.assertEqual(client.whatsat(client_id, bound=b'0').at, line)


if __name__ == '__main__':
    unittest.main()
