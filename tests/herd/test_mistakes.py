# SPDX-License-Identifier: MIT
"""The mistakes that fifteen other implementations were seen to make, one test each (PROTOCOL.md, last section)."""

import time
import unittest

from client import AT, nanoseconds
from google_case import UCLA, GoogleTestCase
from harness import HERDS, PROMPT, HerdTestCase, wait_until
from neighbour import FakeMember


class Mistakes(HerdTestCase):
    def default(self, *names):
        return self.herd(HERDS['Bailey']).start(*names)

    def test_mistake_01_time_kept_as_a_double(self):
        herd = self.default()
        earlier, later = b'1520023934.918963996', b'1520023934.918963997'
        line = herd['Clark'].client().iamat(b'kiwi', UCLA, later)
        self.assertTrue(line.endswith(b' 1520023934.918963997\n'))
        herd.wait_same(b'kiwi', line)
        herd['Bailey'].client().iamat(b'kiwi', b'+1+1', earlier)
        mark = herd['Bailey'].client().iamat(b'mark')
        herd.wait_same(b'mark', mark)
        herd.wait_same(b'kiwi', line)

    def test_mistake_02_times_compared_as_strings_or_not_at_all(self):
        herd = self.default()
        for number, (older, newer) in enumerate(((b'999999999', b'1000000000'), (b'9.5', b'10.25'), (b'-1', b'-0.5'),
                                                 (b'1.9', b'+1.95'), (b'5', b'005.000000001'))):
            client_id = b'kiwi-%d' % number
            line = herd['Clark'].client().iamat(client_id, UCLA, newer)
            herd.wait_same(client_id, line)
            herd['Campbell'].client().iamat(client_id, b'+1+1', older)
            mark = herd['Campbell'].client().iamat(b'mark-%d' % number)
            herd.wait_same(b'mark-%d' % number, mark)
            herd.wait_same(client_id, line)

    def test_mistake_03_a_stale_update_kept_where_it_was_received(self):
        herd = self.default()
        line = herd['Clark'].client().iamat(b'kiwi', UCLA, b'200')
        herd.wait_same(b'kiwi', line)
        reply = herd['Bailey'].client().iamat(b'kiwi', b'+1+1', b'100')
        self.assertTrue(reply.endswith(b' kiwi +1+1 100\n'))
        self.assertEqual(herd['Bailey'].stored(b'kiwi'), line)

    def test_mistake_04_equal_times_and_other_locations_diverge(self):
        herd = self.herd('Bailey-Bona Bona-Clark').start()
        herd['Bona'].kill()
        left = herd['Bailey'].client().iamat(b'kiwi', b'+9+9', b'100')
        right = herd['Clark'].client().iamat(b'kiwi', b'+1+1', b'100')
        self.assertEqual((herd['Bailey'].stored(b'kiwi'), herd['Clark'].stored(b'kiwi')), (left, right))
        herd['Bona'].start()
        herd.wait_same(b'kiwi', right)  # Clark is greater than Bailey

    def test_mistake_05_the_copy_is_altered(self):
        herd = self.default()
        for fields in (b'kiwi +34.068930-118.445127 1621464827.959498500', b'pear +00.0-000.00 +0001.10'):
            line = herd['Clark'].client().ask(b'IAMAT ' + fields)
            self.assertRegex(line, rb'\AAT Clark \+\d+\.\d{9} ')
            self.assertTrue(line.endswith(b' ' + fields + b'\n'))
            herd.wait_same(fields.split()[0], line)

    def test_mistake_06_one_read_taken_for_one_command(self):
        client = self.single().client()
        client.send(b'IAMAT a +1+1 1\nIAMAT b +1+1 2\nIAM')
        self.assertIn(b' a +1+1 1\n', client.line())
        self.assertIn(b' b +1+1 2\n', client.line())
        client.send(b'AT c +1+1 3\n')
        self.assertIn(b' c +1+1 3\n', client.line())

    def test_mistake_07_a_reply_only_after_half_close_or_lost_by_it(self):
        member = self.single()
        client = member.client()
        line = client.iamat(b'kiwi', UCLA)
        early = member.client()
        early.send(b'WHATSAT kiwi 10 5')
        early.half_close()
        self.assertEqual(early.reply().at, line)
        self.assertEqual(early.rest(), b'')

    def test_mistake_08_a_crash_or_silence_on_odd_lines(self):
        client = self.single().client()
        client.iamat(b'kiwi', UCLA)
        for line in (b'', b'  ', b'IAMAT kiwi 34.068930-118.445127 1', b'IAMAT kiwi +1+1 nan', b'IAMAT kiwi +1+1 inf',
                     b'IAMAT kiwi +nan-inf 1', b'WHATSAT kiwi 10 -1', b'WHATSAT kiwi -1 5', b'WHATSAT kiwi nan 5',
                     b'WHATSAT nobody 10 5', b'IAMAT', b'WHATSAT', b'AT', b'\xff', b'\0'):
            with self.subTest(line=line):
                self.assertEqual(client.ask(line), b'? ' + line + b'\n')
        self.assertRegex(client.iamat(b'kiwi', UCLA), AT)

    def test_mistake_09_the_flood_stops_at_a_neighbour_that_is_down(self):
        for victim in ('Jaquez', 'Bona'):
            for how in ('kill', 'pause'):
                with self.subTest(victim=victim, how=how):
                    herd = self.default()
                    getattr(herd[victim], how)()
                    rest = [member.name for member in herd if member.name != victim]
                    begin = time.monotonic()
                    for name in rest:
                        line = herd[name].client().iamat(b'from-' + name.encode(), UCLA)
                        herd.wait_same(b'from-' + name.encode(), line, rest)
                    self.assertLess(time.monotonic() - begin, PROMPT)
                    if how == 'pause':
                        herd[victim].resume()
                    for member in herd:
                        if member.running:
                            member.stop()

    def test_mistake_11_the_asked_member_instead_of_the_origin(self):
        herd = self.default()
        line = herd['Campbell'].client().iamat(b'kiwi', UCLA)
        herd.wait_same(b'kiwi', line)
        for member in herd:
            self.assertEqual(AT.fullmatch(member.client().whatsat(b'kiwi').at)['origin'], b'Campbell')

    def test_mistake_12_one_update_makes_many_messages(self):
        herd = self.default()
        line = herd['Clark'].client().iamat(b'kiwi', UCLA)
        herd.wait_same(b'kiwi', line)
        mark = herd['Clark'].client().iamat(b'mark', UCLA)
        herd.wait_same(b'mark', mark)
        for member in herd:
            member.stop()  # now the logs are whole
        # Each of the four others passes it on along all its edges but one: 2 * 6 - 4, at the very most.
        messages = [event for member in herd for event in member.events(b'recv ') if event.endswith(line[:-1])]
        self.assertLessEqual(len(messages), 8)
        self.assertGreaterEqual(len(messages), 4)

    def test_mistake_12_a_message_loop_without_a_test_for_newness(self):
        herd = self.herd('Bailey-Bona Bailey-Clark')
        bona, clark = (FakeMember(herd['Bailey'], name).listen() for name in ('Bona', 'Clark'))
        member = herd['Bailey'].start()
        member.wait_event(rb'^link Clark up$')
        member.wait_event(rb'^link Bona up$')
        line = member.client().iamat(b'kiwi', UCLA)
        links = bona.link(), clark.link()
        for _ in range(10):
            for link in links:
                link.send(line)
        for link, name in zip(links, (b'a', b'b')):
            mark = line.replace(b' kiwi ', b' %s ' % name)
            link.send(mark)
            member.wait_stored(name, mark)
        mark = member.client().iamat(b'mark')
        for fake in (bona, clark):
            wait_until(lambda: mark in fake.received(), 'the mark arrives')
            self.assertEqual(fake.received(b'kiwi'), [line])

    def test_skew_and_time_add_up_on_every_member(self):
        herd = self.default()
        before = time.time_ns()
        line = herd['Clark'].client().iamat(b'kiwi', UCLA, b'1520023934.918963997')
        after = time.time_ns()
        match = AT.fullmatch(herd.wait_same(b'kiwi', line))
        received = nanoseconds(match['skew']) + nanoseconds(match['time'])
        self.assertTrue(before <= received <= after)


class MistakesTowardsTheProvider(GoogleTestCase):
    def test_mistake_10_kilometres_or_a_raw_plus_in_the_request(self):
        client = self.google_member().client()
        client.iamat(b'kiwi', b'+34.068930-118.445127')
        client.whatsat(b'kiwi', b'10', b'5')
        query = self.google.calls[0].question
        self.assertEqual(float(query['radius']), 10_000)
        self.assertEqual([float(part) for part in query['location'].split(',')], [34.06893, -118.445127])
        self.assertNotIn('+', self.google.calls[0].path)


if __name__ == '__main__':
    unittest.main()
