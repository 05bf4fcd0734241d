# SPDX-License-Identifier: MIT
"""Whole herds: every topology of record, death, partition and return (R12, R19-R23)."""

import re
import time
import unittest

from client import AT, order
from harness import HERDS, UCLA, HerdTestCase, diag, scaled


class EveryHerd(HerdTestCase):
    """What must hold in each of the herds of record, one herd a subtest."""

    def in_each(self, check):
        for name, edges in HERDS.items():
            with self.subTest(herd=name):
                herd = self.herd(edges).start()
                check(herd, list(herd))
                self.stop(herd)

    def stop(self, members):
        while self.clients:
            self.clients.pop().close()  # or each member waits a little for its own to leave
        for member in members:
            if member.running:
                member.stop()

    def test_r12_an_update_reaches_all_and_keeps_its_origin(self):
        def check(herd, members):
            for number, member in enumerate(members):
                client_id = b'client-%d' % number
                line = member.client().iamat(client_id, UCLA)
                self.assertTrue(line.startswith(b'AT ' + member.name.encode() + b' '))
                herd.wait_same(client_id, line)
            for member in members:
                reply = member.client().whatsat(b'client-0', b'10', b'3')
                self.assertEqual(AT.fullmatch(reply.at)['origin'], members[0].name.encode())
                self.assertTrue(reply.names)
        self.in_each(check)

    def test_r9_a_stale_update_loses_everywhere(self):
        def check(herd, members):
            newest = members[0].client().iamat(b'kiwi', UCLA, b'1000.5')
            herd.wait_same(b'kiwi', newest)
            for member in members:
                reply = member.client().iamat(b'kiwi', b'+1+1', b'1000.499999999')
                self.assertTrue(reply.startswith(b'AT ' + member.name.encode()))
            marks = [member.client().iamat(b'mark-' + member.name.encode()) for member in members]
            for member, mark in zip(members, marks):
                herd.wait_same(b'mark-' + member.name.encode(), mark)
            herd.wait_same(b'kiwi', newest)
        self.in_each(check)

    def test_r21_equal_times_converge_to_one_location(self):
        def check(herd, members):
            clients = [member.client() for member in members]
            for turn in range(5):
                client_id = b'tie-%d' % turn
                for number, client in enumerate(clients):
                    client.send(b'IAMAT %s +%d.%d-118 77.7\n' % (client_id, number, turn))
                lines = [client.line() for client in clients]
                greatest = max(lines, key=lambda line: line.split()[1])
                self.assertEqual(herd.wait_same(client_id, greatest), greatest)
        self.in_each(check)

    def test_r20_an_update_crosses_a_link_at_most_once_a_direction(self):
        def check(herd, members):
            count = 20
            for number in range(count):
                members[number % len(members)].client().iamat(b'client-%d' % number, UCLA)
            for number in range(count):
                herd.wait_same(b'client-%d' % number)
            # The links are ordered: what is behind the updates has pushed them through.
            mark = members[0].client().iamat(b'mark', UCLA)
            herd.wait_same(b'mark', mark)
            self.stop(members)  # now the logs are whole
            for number in range(count):
                crossed = [event for member in members for event in member.events(b'recv ')
                           if re.match(rb'recv [A-Z][a-z]+ AT \S+ \S+ client-%d ' % number, event)]
                self.assertGreaterEqual(len(crossed), len(members) - 1)
                self.assertLessEqual(len(crossed), 2 * len(herd.edges) - len(members) + 1)
        self.in_each(check)

    def test_r19_updates_travel_only_along_edges(self):
        def check(herd, members):
            line = members[0].client().iamat(b'kiwi', UCLA)
            herd.wait_same(b'kiwi', line)
            self.stop(members)  # now the logs are whole
            for member in members:
                peers = {event.split()[1].decode() for event in member.events(b'recv ') if b' AT ' in event[:40]}
                peers = {peer for peer in peers if peer in herd.members}
                self.assertLessEqual(peers, set(herd.neighbours(member.name)))
        self.in_each(check)


class DeathAndReturn(HerdTestCase):
    def test_r23_a_member_that_was_killed_gets_everything_back(self):
        herd = self.herd(HERDS['Bailey']).start()
        lines = self.report(herd['Clark'], b'before', scaled(2000, 500))
        self.wait_has(herd['Bailey'], lines)
        herd['Bailey'].kill()
        lines.update(self.report(herd['Jaquez'], b'while', 100))
        lines.update(self.report(herd['Clark'], b'before', 50))
        begin = time.monotonic()
        herd['Bailey'].start()
        self.wait_has(herd['Bailey'], lines)
        diag(f'{len(lines)} records back {time.monotonic() - begin:.2f} s after the start')

    def test_r23_the_herd_serves_while_any_one_member_is_dead(self):
        herd = self.herd(HERDS['Bailey']).start()
        for number, victim in enumerate(herd):
            victim.kill()
            alive = [member for member in herd if member.running]
            line = alive[number % 4].client().iamat(b'without-' + victim.name.encode(), UCLA)
            herd.wait_same(b'without-' + victim.name.encode(), line)
            victim.start()
            herd.wait_same(b'without-' + victim.name.encode(), line)

    def test_r23_both_sides_of_a_partition_converge_when_it_heals(self):
        herd = self.herd('Bailey-Bona Bona-Clark').start()
        left, middle, right = herd
        middle.kill()
        expected = {}
        for number in range(100):
            client_id = b'both-%d' % number
            older, newer = (left, right) if number % 2 else (right, left)
            older.client().iamat(client_id, b'+1+1', b'100')
            expected[client_id] = newer.client().iamat(client_id, b'+2+2', b'100.000000001')
        expected.update(self.report(left, b'left', 100))
        expected.update(self.report(right, b'right', 100))
        expected[b'tie'] = left.client().iamat(b'tie', b'+2+2', b'5')
        expected[b'tie'] = max(expected[b'tie'], right.client().iamat(b'tie', b'+1+1', b'5'),
                               key=lambda line: line.split()[1])
        self.assertIsNone(right.stored(b'left-0'))
        middle.start()
        for member in herd:
            self.wait_has(member, expected)

    def test_r23_a_member_that_was_away_brings_what_only_it_has(self):
        herd = self.herd('Bailey-Bona').start()
        herd['Bona'].kill()
        lines = self.report(herd['Bailey'], b'kept', 100)
        herd['Bona'].start()
        self.wait_has(herd['Bona'], lines)
        herd['Bailey'].kill()
        lines.update(self.report(herd['Bona'], b'more', 100))
        herd['Bailey'].start()
        self.wait_has(herd['Bailey'], lines)

    def test_r23_a_late_member_learns_what_was_before_it(self):
        herd = self.herd(HERDS['Riley'])
        herd.start('Riley', 'Jaquez', 'Juzang', 'Bernard')
        lines = self.report(herd['Riley'], b'early', 300)
        for member in herd:
            if member.running:
                self.wait_has(member, lines)
        begin = time.monotonic()
        herd['Campbell'].start()
        self.wait_has(herd['Campbell'], lines)
        diag(f'a late member has 300 records {time.monotonic() - begin:.2f} s after its start')

    def test_r23_any_order_of_start_and_orderly_stops(self):
        herd = self.herd(HERDS['Alford'])
        names = list(herd.members)
        for name in reversed(names):
            herd[name].start()
        line = herd[names[0]].client().iamat(b'kiwi', UCLA)
        herd.wait_same(b'kiwi', line)
        for name in names:
            herd[name].stop()
            herd[name].start()
            herd.wait_same(b'kiwi', line)

    def test_r23_a_member_alone_reports_its_links_down_and_serves(self):
        herd = self.herd(HERDS['Bailey'])
        member = herd['Clark'].start()
        line = member.client().iamat(b'kiwi', UCLA)
        self.assertEqual(member.stored(b'kiwi'), line)
        for name in (b'Jaquez', b'Bona'):
            member.wait_event(rb'^link %s down: \S' % name)

    def test_a_stopped_process_does_not_disturb_the_others_and_catches_up(self):
        herd = self.herd(HERDS['Bailey']).start()
        herd['Bona'].pause()
        others = [member for member in herd if member.name != 'Bona']
        slowest = 0
        lines = {}
        for number in range(40):
            begin = time.monotonic()
            client_id = b'c-%d' % number
            lines[client_id] = others[number % 4].client().iamat(client_id, UCLA)
            slowest = max(slowest, time.monotonic() - begin)
            herd.wait_same(client_id, lines[client_id], [member.name for member in others])
        diag(f'slowest IAMAT beside a stopped neighbour: {slowest * 1000:.1f} ms')
        herd['Bona'].resume()
        self.wait_has(herd['Bona'], lines)

    def test_r21_a_storm_of_equal_and_unequal_times_converges(self):
        herd = self.herd(HERDS['Bailey']).start()
        members = list(herd)
        answers = {}
        for turn in range(scaled(20, 5)):
            clients = [member.client() for member in members]
            for number, client in enumerate(clients):
                client.send(b''.join(b'IAMAT storm-%d +%d.%d+1 %d\n' % (one, number, turn, 1000 + (turn * 7 + one) % 11)
                                     for one in range(20)))
            for client in clients:
                for one in range(20):
                    answers.setdefault(b'storm-%d' % one, []).append(client.line())
        for client_id, lines in answers.items():
            herd.wait_same(client_id, max(lines, key=order))


class Addresses(HerdTestCase):
    def test_r22_members_on_addresses_of_their_own_make_links(self):
        herd = self.herd('Bailey-Bona Bona-Clark',
                         hosts={'Bailey': '127.0.0.2', 'Bona': '127.0.0.3', 'Clark': '127.0.0.4'}).start()
        line = herd['Bailey'].client().iamat(b'kiwi', UCLA)
        herd.wait_same(b'kiwi', line)

    def test_r22_members_on_ipv6_make_links(self):
        try:
            herd = self.herd('Bailey-Bona', hosts={'Bailey': '::1', 'Bona': '::1'})
        except AssertionError:
            self.skipTest('no IPv6')
        herd.start()
        line = herd['Bona'].client().iamat(b'kiwi', UCLA)
        herd.wait_same(b'kiwi', line)


if __name__ == '__main__':
    unittest.main()
