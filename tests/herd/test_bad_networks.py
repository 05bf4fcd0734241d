# SPDX-License-Identifier: MIT
"""Herds on bad networks: delay, throttling, half-open connections, broken lines (R17, R20-R23). See proxy.py."""

import time
import unittest

from harness import HERDS, HerdTestCase, diag, scaled, wait_until
from proxy import HARMS, Network


class BadNetworks(HerdTestCase):
    def setUp(self):
        super().setUp()
        self.network = Network()
        self.addCleanup(self.network.close)

    def start(self, edges, **options):
        """A herd with a pipe in each direction of each edge, which runs."""
        herd = self.herd(edges, **options)
        self.pipes = self.network.between(herd)
        return herd.start()

    def both(self, here, there):
        return self.pipes[here, there], self.pipes[there, here]

    def test_thousands_of_updates_pass_through_a_proxy(self):
        herd = self.start('Bailey-Bona')
        begin = time.monotonic()
        lines = self.report(herd['Bailey'], b'many', scaled(10_000, 2_000))
        self.wait_has([herd['Bona']], lines)
        diag(f'{len(lines)} updates through a proxy in {time.monotonic() - begin:.2f} s')

    def test_r20_delay_and_jitter_on_every_edge(self):
        herd = self.start(HERDS['Bailey'])
        for pipe in self.pipes.values():
            pipe.slow(delay=0.02, jitter=0.04)
        lines = {}
        for number, member in enumerate(list(herd) * 4):
            lines.update(self.report(member, b'turn-%d' % number, 25))
            # Later, and at once: the older one is still on its way when this one leaves.
            client_id = b'turn-%d-0' % number
            lines[client_id] = list(herd)[number % 3].client().iamat(client_id, b'+1+1', b'1000.5')
        self.wait_has(herd, lines)

    def test_r23_a_slow_edge_slows_nobody_else(self):
        herd = self.start('Bailey-Bona Bailey-Clark Bailey-Jaquez')
        for pipe in self.both('Bailey', 'Bona'):
            pipe.slow(rate=2_000)
        lines = self.report(herd['Bailey'], b'many', scaled(2_000, 500))  # a minute's work for the slow edge
        lines.update(self.report(herd['Clark'], b'more', 100))
        self.wait_has([herd['Bailey'], herd['Clark'], herd['Jaquez']], lines)
        self.assertFalse(self.has(herd['Bona'], lines))
        for pipe in self.both('Bailey', 'Bona'):
            pipe.heal()
        self.wait_has([herd['Bona']], lines)

    def test_r23_what_a_half_open_edge_holds_up_goes_round_it(self):
        herd = self.start('Bailey-Bona Bona-Clark Clark-Bailey')
        for fresh in (False, True):
            for pipe in self.both('Bailey', 'Bona'):
                pipe.silence()
            lines = self.report(herd['Bailey'], b'bailey-%d' % fresh, 100)
            lines.update(self.report(herd['Bona'], b'bona-%d' % fresh, 100))
            self.wait_has(herd, lines)
            for pipe in self.both('Bailey', 'Bona'):
                pipe.heal(fresh)
            herd['Clark'].kill()
            lines.update(self.report(herd['Bailey'], b'after-%d' % fresh, 100))
            self.wait_has([herd['Bailey'], herd['Bona']], lines)
            herd['Clark'].start()
            self.wait_has(herd, lines)

    def test_r23_both_sides_of_a_half_open_edge_converge_when_it_heals(self):
        herd = self.start('Bailey-Bona')
        for fresh in (False, True):
            for pipe in self.both('Bailey', 'Bona'):
                pipe.silence()
            lines = self.report(herd['Bailey'], b'bailey-%d' % fresh, 100)
            lines.update(self.report(herd['Bona'], b'bona-%d' % fresh, 100))
            self.assertFalse(self.has(herd['Bona'], lines))
            for pipe in self.both('Bailey', 'Bona'):
                pipe.heal(fresh)
            self.wait_has(herd, lines)

    def test_r23_what_an_earlier_run_had_said_and_arrives_late_reaches_the_next_run(self):
        # It comes from Bona, so it would not be sent back to Bona: but this Bona has never had it.
        herd = self.start('Bailey-Bona')
        herd.wait_links()
        pipe = self.pipes['Bona', 'Bailey']
        pipe.silence()
        lines = self.report(herd['Bona'], b'late', 100)
        herd['Bona'].stop()  # in order: all is sent, as far as Bona can tell
        herd['Bona'].start()
        lines.update(self.report(herd['Bailey'], b'mark', 100))
        self.wait_has([herd['Bona']], {key: line for key, line in lines.items() if key.startswith(b'mark')})
        self.assertIsNone(herd['Bona'].stored(b'late-0'))
        pipe.heal()
        self.wait_has(herd, lines)

    def test_r23_an_edge_that_is_open_in_one_direction_carries_that_direction(self):
        herd = self.start('Bailey-Bona')
        self.pipes['Bona', 'Bailey'].cut()
        lines = self.report(herd['Bailey'], b'bailey', 100)
        self.wait_has([herd['Bona']], lines)
        back = self.report(herd['Bona'], b'bona', 100)
        herd['Bona'].wait_event(rb'^link Bailey down: \S')
        self.assertFalse(self.has(herd['Bailey'], back))
        self.pipes['Bona', 'Bailey'].heal()
        self.wait_has(herd, {**lines, **back})

    def test_r22_a_connection_cut_in_the_middle_of_a_line_leaves_no_half_record(self):
        # What is left of a time before 1970 is a later one, so half a record would stay.
        at = b'-888888888888.888888888'
        herd = self.start('Bailey-Bona')
        pipe = self.pipes['Bailey', 'Bona']
        lines = {}
        for turn in range(scaled(24, 12)):
            pipe.slow(rate=50 * (300 + 7 * turn))  # a fiftieth of it at once: each turn ends elsewhere in a line
            lines.update(self.report(herd['Bailey'], b'turn-%d' % turn, 50, at))
            first = lines[b'turn-%d-0' % turn]
            wait_until(lambda: herd['Bona'].stored(b'turn-%d-0' % turn) == first, 'some have passed')
            pipe.cut(reset=turn % 4 == 3)
            pipe.heal()
            self.wait_has([herd['Bona']], lines)

    def test_r17_a_broken_line_harms_nobody(self):
        herd = self.start('Bailey-Bona Bona-Clark')
        pipe = self.pipes['Bailey', 'Bona']
        for kind in HARMS:
            with self.subTest(kind=kind):
                broken = pipe.harmed
                pipe.harm(kind)
                lines = self.report(herd['Bailey'], b'during-' + kind.encode(), 10)
                wait_until(lambda: pipe.harmed > broken, 'a line is broken')
                self.wait_has(herd, lines)
                # Nobody has made a client of it, and nobody else's link has noticed.
                self.assertEqual(len(herd['Clark'].events(b'link Bona up')), 1)
                self.assertEqual(len(herd['Bona'].events(b'link Clark up')), 1)
                for member in herd:
                    self.assertTrue(member.running)

    def test_r22_a_broken_hello_is_tried_again(self):
        herd = self.herd('Bailey-Bona')
        self.pipes = self.network.between(herd)
        pipe = self.pipes['Bailey', 'Bona']
        herd.start()
        for half in ('there', 'back'):
            for kind in HARMS:
                with self.subTest(half=half, kind=kind):
                    broken = pipe.harmed
                    pipe.cut()
                    pipe.heal(harms={half: kind})
                    wait_until(lambda: pipe.harmed > broken, 'a hello is broken')
                    line = herd['Bailey'].client().iamat(b'after-%s-%s' % (half.encode(), kind.encode()))
                    herd['Bona'].wait_stored(line.split()[3], line)


if __name__ == '__main__':
    unittest.main()
