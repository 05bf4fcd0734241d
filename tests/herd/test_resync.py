# SPDX-License-Identifier: MIT
"""What a link costs and what it notices: digests, heartbeats, messages instead of links, forgetting (R22, R23)."""

import time
import unittest

from harness import UCLA, HerdTestCase, diag, scaled, wait_until
from neighbour import FakeMember, at_line


class LinkUp(HerdTestCase):
    """Bailey and Bona, each a real member."""

    def setUp(self):
        super().setUp()
        self.pack = self.herd('Bailey-Bona', limits={'link_timeout_s': 2})
        self.bailey, self.bona = self.pack['Bailey'], self.pack['Bona']
        self.marks = 0

    def syncs(self):
        """How many records each has got by comparing so far; what is in the log by then is whole."""
        self.marks += 1
        for here, there in ((self.bailey, self.bona), (self.bona, self.bailey)):
            mark = b'mark-%d-%s' % (self.marks, here.name.encode())
            here.client().iamat(mark)
            there.wait_event(rb'^recv %s \S+ \S+ \S+ %s ' % (here.name.encode(), mark))
        return [sum(event.startswith(b'recv ') and b' SYNC ' in event[:30] for event in member.events())
                for member in (self.bailey, self.bona)]

    def break_links(self, meanwhile=lambda: None):
        """Both links go down and come up again, and both members keep what they have."""
        ups = [len(member.events(b'link ')) for member in self.pack]
        self.bona.pause()
        self.bailey.wait_event(rb'^link Bona down: nothing comes from the neighbour$')
        meanwhile()
        self.bona.resume()
        wait_until(lambda: all(len(member.events(b'link ')) > before for member, before in zip(self.pack, ups)),
                   'both have noticed')
        self.pack.wait_links()

    def test_r23_equal_stores_exchange_no_record(self):
        self.pack.start()
        lines = self.report(self.bailey, b'c', scaled(3000, 500))
        self.wait_has(self.bona, lines)
        before = self.syncs()
        self.break_links()
        after = self.syncs()
        diag(f'{len(lines)} equal records: {sum(after) - sum(before)} sent')
        # A mark that came while they compared may be there twice.
        self.assertLessEqual(sum(after) - sum(before), 2)

    def test_r23_what_differs_travels_and_little_else(self):
        count = scaled(20_000, 2000)
        self.pack.start()
        self.wait_has(self.bona, self.report(self.bailey, b'c', count))
        before = self.syncs()
        here = {}
        self.break_links(lambda: here.update(self.report(self.bailey, b'c', 40, at=b'2000')))
        for member in self.pack:
            self.wait_has(member, here)
        sent = [after - at_first for after, at_first in zip(self.syncs(), before)]
        diag(f'{count} records, 40 of which one has newer: {sent} sent')
        # A leaf of 65,536 has less than one record here. The other side may find the same leaves before it has been told; and what
        # waited for the flood thread until the link was up is news.
        self.assertLessEqual(max(sent), 2 * 40)

    def test_r23_an_empty_member_gets_everything_once_and_gives_next_to_nothing(self):
        self.pack.start('Bailey')
        lines = self.report(self.bailey, b'c', scaled(20_000, 2000))
        self.pack.start('Bona')
        self.wait_has(self.bona, lines)
        given, got = self.syncs()
        told = len([event for event in self.bona.events(b'recv Bailey ') if b' c-' in event])
        diag(f'{len(lines)} records: {told} sent, {got} of them by comparing, and {given} sent back')
        self.assertGreaterEqual(told, len(lines))
        self.assertLessEqual(told, len(lines) * 1.05)  # news that waited for the flood thread when they compared
        self.assertLessEqual(given, len(lines) // 20)  # leaves that it compared while they were being filled

    def test_what_came_by_a_comparison_goes_on_to_the_others(self):
        pack = self.herd('Campbell-Clark Clark-Jaquez Jaquez-Welsh')
        pack.start('Clark', 'Jaquez', 'Welsh')
        before = self.report(pack['Welsh'], b'w', 50)
        pack['Campbell'].start()
        lines = self.report(pack['Campbell'], b'c', 200)
        for member in pack:
            self.wait_has(member, {**lines, **before})

    def test_silent_divergence_heals_by_itself(self):
        # What a member says was sent and the neighbour never stored: a stand-in that forgets one update.
        pack = self.herd('Bailey-Bona', herd={'resync_interval_s': 1})
        bona = FakeMember(pack['Bailey'], 'Bona').listen()
        pack['Bailey'].start()
        line = pack['Bailey'].client().iamat(b'kiwi')
        wait_until(lambda: len(bona.received(b'kiwi')) >= 3, 'it is sent again, beside what the link-up may have sent')
        self.assertEqual(set(bona.received(b'kiwi')), {line})
        self.assertGreaterEqual(bona.found, 1)
        pack['Bailey'].stop()
        stop = pack['Bailey'].events(b'stop ')[-1]
        self.assertRegex(stop, rb' diverged=[1-9]')


class Heartbeat(HerdTestCase):
    def setUp(self):
        super().setUp()
        self.pack = self.herd('Bailey-Bona', limits={'link_timeout_s': 2})
        self.member = self.pack['Bailey']
        self.bona = FakeMember(self.member, 'Bona').listen()
        self.member.start()
        self.member.wait_event(rb'^link Bona up$')

    def test_r23_a_neighbour_that_hangs_is_found_and_told_again_when_it_is_back(self):
        begin = time.monotonic()
        self.bona.mute.set()
        self.member.wait_event(rb'^link Bona down: nothing comes from the neighbour$')
        diag(f'found after {time.monotonic() - begin:.1f} s, with link_timeout_s = 2')
        line = self.member.client().iamat(b'kiwi')
        self.bona.mute.clear()
        self.member.wait_event(rb'^link Bona up$', 2)
        wait_until(lambda: line in self.bona.received(), 'it has what it missed')

    def test_a_link_without_news_stays(self):
        self.member.stop()
        self.pack.groups['limits']['link_timeout_s'] = 4
        self.pack.write_config()
        self.member.start()
        # Longer than the timeout: what keeps it is the heartbeat.
        before = self.bona.pings
        wait_until(lambda: self.bona.pings >= before + 5, 'five heartbeats')
        self.assertEqual(self.member.events(b'link Bona down'), [])

    def test_a_neighbour_that_says_nothing_on_its_own_link_is_closed(self):
        link = self.bona.link()
        self.assertEqual(link.rest(), b'')

    def test_each_ping_on_a_link_is_answered(self):
        link = self.bona.link()
        for _ in range(3):
            self.assertEqual(link.ask(b'PING'), b'PONG\n')
        self.assertEqual(self.member.client().ask(b'PING'), b'? PING\n')
        self.assertEqual(self.member.client().ask(b'DIGEST ROOT'), b'? DIGEST ROOT\n')
        self.assertEqual(self.member.client().ask(b'SUMS ROOT 0000000000000000'), b'? SUMS ROOT 0000000000000000\n')

    def test_sums_depend_on_the_records_and_not_on_their_order(self):
        other = self.herd('Campbell-Clark')['Campbell'].start()  # which may take longer than a link may be silent
        link = self.bona.link()
        self.assertEqual(link.ask(b'DIGEST ROOT'), b'SUMS ROOT 0000000000000000\n')
        lines = [at_line(b'Bona', b'c-%d' % number, at=b'%d' % number) for number in range(20)]
        link.send(b''.join(lines))
        first = link.ask(b'DIGEST ROOT')
        self.assertNotEqual(first, b'SUMS ROOT 0000000000000000\n')
        second = FakeMember(other, 'Clark').link()
        second.send(b''.join(reversed(lines)) + b''.join(lines))
        self.assertEqual(second.ask(b'DIGEST ROOT'), first)
        shards = link.ask(b'DIGEST SHARDS').split()[2:]
        self.assertEqual(len(shards), 1024)
        self.assertEqual(sum(int(one, 16) for one in shards) % 2**64, int(first.split()[2], 16))
        used = next(number for number, one in enumerate(shards) if int(one, 16))
        leaves = link.ask(b'DIGEST %d' % used).split()[2:]
        self.assertEqual(len(leaves), 64)
        self.assertEqual(sum(int(one, 16) for one in leaves) % 2**64, int(shards[used], 16))


class Messages(HerdTestCase):
    """A herd whose members keep no connection to each other."""

    def setUp(self):
        super().setUp()
        names = 'Bailey Bona Campbell Clark Jaquez'.split()
        self.pack = self.herd('Clark-Jaquez Clark-Bona Campbell-Bailey Campbell-Bona Campbell-Jaquez Bona-Bailey',
                              keys={name: {'delivery': 'message'} for name in names})

    def test_an_update_reaches_all_and_no_connection_stays(self):
        self.pack.start()
        for number, member in enumerate(self.pack):
            line = member.client().iamat(b'client-%d' % number, UCLA)
            self.pack.wait_same(b'client-%d' % number, line)

        def open_links():
            opened = closed = 0
            for member in self.pack:
                opened += len([event for event in member.events(b'link ') if b' joined ' in event])
                closed += len([event for event in member.events(b'close ')
                               if event.split()[1].decode() in self.pack.members])
            return opened - closed
        wait_until(lambda: open_links() == 0, 'all messages have ended')

    def test_r23_a_member_that_was_killed_gets_everything_back(self):
        self.pack.start()
        lines = self.report(self.pack['Bailey'], b'c', 300)
        self.wait_has(self.pack['Jaquez'], lines)
        for name in ('Jaquez', 'Bona'):
            self.pack[name].kill()
        lines.update(self.report(self.pack['Bailey'], b'd', 100))
        self.pack['Jaquez'].start()
        self.pack['Bona'].start()
        lines.update(self.report(self.pack['Bona'], b'e', 100))
        for member in self.pack:
            self.wait_has(member, lines)

    def test_many_updates_share_a_connection(self):
        self.pack.start()
        count = scaled(5000, 1000)
        lines = self.report(self.pack['Bailey'], b'c', count)
        self.wait_has(self.pack['Jaquez'], lines)
        joined = len([event for event in self.pack['Campbell'].events(b'link Bailey joined ')])
        diag(f'{count} updates in {joined} connections')
        self.assertLess(joined, count // 10)


class Forgetting(HerdTestCase):
    def test_record_ttl_is_the_same_everywhere_and_nothing_comes_back(self):
        pack = self.herd('Bailey-Bona Bona-Clark', limits={'record_ttl_s': 3}, herd={'resync_interval_s': 1}).start()
        now = time.time()
        line = pack['Bailey'].client().iamat(b'kiwi', at=b'%.3f' % now)
        old = pack['Bona'].client().iamat(b'old', at=b'%.3f' % (now - 60))
        self.assertTrue(old.startswith(b'AT Bona '))
        for member in pack:
            self.assertIsNone(member.stored(b'old'))
        pack.wait_same(b'kiwi', line)
        for member in pack:
            wait_until(lambda: member.stored(b'kiwi') is None, f'{member.name} has forgotten')
        # A neighbour that has it still (a stand-in does not forget) cannot bring it back.
        link = FakeMember(pack['Clark'], 'Bona')
        for verb in (b'AT', b'SYNC'):
            peer = link.link()
            peer.send(verb + line[2:])
            self.assertEqual(peer.ask(b'PING'), b'PONG\n')
        for member in pack:
            self.assertIsNone(member.stored(b'kiwi'))
        again = pack['Clark'].client().iamat(b'kiwi')
        pack.wait_same(b'kiwi', again)
        # What one has removed and the other not yet is no divergence.
        pack['Bailey'].stop()
        self.assertRegex(pack['Bailey'].events(b'stop ')[-1], rb' diverged=0\b')

    def test_max_records_refuses_new_clients_and_known_ones_go_on(self):
        pack = self.herd('Bailey-Bona', limits={'max_records': 3}).start()
        client = pack['Bailey'].client()
        for number in range(3):
            line = client.iamat(b'c-%d' % number)
            pack['Bona'].wait_stored(b'c-%d' % number, line)
        for member in pack:
            self.assertEqual(member.client().ask(b'IAMAT kiwi +1-2 5'), b'? IAMAT kiwi +1-2 5\n')
            line = member.client().iamat(b'c-0')
            pack.wait_same(b'c-0', line)
        pack['Bailey'].stop()
        self.assertRegex(pack['Bailey'].events(b'stop ')[-1], rb' records_refused=1\b')

    def test_what_one_member_has_taken_others_take_above_max_records(self):
        pack = self.herd('Bailey-Bona', limits={'max_records': 3})
        bona = FakeMember(pack['Bailey'], 'Bona').listen()
        pack['Bailey'].start()
        link = bona.link()
        for number in range(5):
            line = at_line(b'Bona', b'c-%d' % number)
            link.send(line)
            pack['Bailey'].wait_stored(b'c-%d' % number, line)


if __name__ == '__main__':
    unittest.main()
