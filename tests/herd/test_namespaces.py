# SPDX-License-Identifier: MIT
"""A herd on five hosts: network namespaces, each with an address of its own, and links that break without a word (R23).

    Bailey ---.                       .--- Clark
               [left] ===trunk=== [right] --- Jaquez
    Bona   ---'                       '--- Campbell

left and right are bridges in a namespace of their own. Nothing is made in the namespace that the test runs in. A cable that is
taken down loses what is sent, as a real one: no FIN, no RST, nothing that a process on either side could notice. A bad one
(cables.py) loses, delays, doubles and reorders frames."""

import contextlib
import ctypes
import functools
import os
import random
import shutil
import subprocess
import unittest

from cables import Cables
from harness import DEADLINE, HerdTestCase, diag, knows_option, scaled, wait_until

HOSTS = {'Bailey': 'left', 'Bona': 'left', 'Clark': 'right', 'Jaquez': 'right', 'Campbell': 'right'}
EDGES = 'Bailey-Bona Bailey-Clark Bona-Jaquez Clark-Jaquez Jaquez-Campbell Clark-Campbell'
ACROSS = (('Bailey', 'Clark'), ('Bona', 'Jaquez'))
LOST = 3 * DEADLINE  # a link is given up after some seconds of silence, and tried again after some more
NOWHERE = '02:00:00:00:00:01'
CLONE_NEWNET = 0x40000000

LIBC = ctypes.CDLL(None, use_errno=True)


def ip(*words):
    """Runs ip; on failure RuntimeError has what it said."""
    done = subprocess.run(['ip', *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=DEADLINE, check=False)
    if done.returncode != 0:
        raise RuntimeError(f'ip {" ".join(words)}: {done.stdout.strip()}')
    return done.stdout


def set_namespace(descriptor):
    if LIBC.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), 'setns')


@contextlib.contextmanager
def inside(namespace):
    """This thread is in that namespace; sockets stay where they were made."""
    home = os.open('/proc/thread-self/ns/net', os.O_RDONLY | os.O_CLOEXEC)
    try:
        there = os.open(f'/run/netns/{namespace}', os.O_RDONLY | os.O_CLOEXEC)
        try:
            set_namespace(there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            set_namespace(home)
    finally:
        os.close(home)


class NamespaceTestCase(HerdTestCase):
    patience = LOST

    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest('making network namespaces needs root')
        if not shutil.which('ip'):
            self.skipTest('there is no ip: install iproute2')
        # Before the members' own cleanup is registered, so that the namespaces go after the members.
        try:
            self.build()
        except RuntimeError as problem:
            self.skipTest(f'no network namespaces here: {problem}')
        super().setUp()

    def namespace(self, name):
        return f'herd-test-{os.getpid()}-{name}'

    def make_namespace(self, name):
        namespace = self.namespace(name)
        ip('netns', 'add', namespace)
        self.addCleanup(ip, 'netns', 'del', namespace)
        ip('-n', namespace, 'link', 'set', 'lo', 'up')
        return namespace

    def build(self):
        self.switch = self.make_namespace('switch')
        for bridge in ('left', 'right'):
            ip('-n', self.switch, 'link', 'add', bridge, 'type', 'bridge')
            ip('-n', self.switch, 'link', 'set', bridge, 'up')
        ip('-n', self.switch, 'link', 'add', 'trunk-l', 'type', 'veth', 'peer', 'name', 'trunk-r')
        for end, bridge in (('trunk-l', 'left'), ('trunk-r', 'right')):
            ip('-n', self.switch, 'link', 'set', end, 'master', bridge, 'up')
        self.hosts = {}
        for number, (name, bridge) in enumerate(HOSTS.items(), 1):
            namespace = self.make_namespace(name)
            self.hosts[name] = f'10.77.0.{number}'
            self.lay_cable(name, namespace)
            ip('-n', self.switch, 'link', 'set', name, 'master', bridge, 'up')
            ip('-n', namespace, 'address', 'add', self.hosts[name] + '/24', 'dev', 'eth0')
            ip('-n', namespace, 'link', 'set', 'eth0', 'up')

    def lay_cable(self, name, namespace):
        """From a host to the switch: the host's end is eth0; the end that goes into a bridge has the host's name."""
        ip('-n', self.switch, 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace)

    def start(self):
        limits = {'link_timeout_s': 3} if knows_option('limits', 'link_timeout_s', 3) else {}
        herd = self.herd(EDGES, limits=limits, listen={name: [(host, 10000)] for name, host in self.hosts.items()})
        for member in herd:
            namespace = self.namespace(member.name)
            member.launcher = ('ip', 'netns', 'exec', namespace)
            member.inside = functools.partial(inside, namespace)
        return herd.start()


class Breaks(NamespaceTestCase):
    def cable(self, end, state):
        """Takes a cable down, or up again: a host's, or the trunk."""
        ip('-n', self.switch, 'link', 'set', end, state)

    def deafen(self, here, there, works):
        """Whether what @here sends to @there arrives. What comes from there is not touched."""
        neighbour = ('-n', self.namespace(here), 'neighbour')
        address = (self.hosts[there], 'dev', 'eth0')
        if works:
            ip(*neighbour, 'del', *address)
        else:
            ip(*neighbour, 'replace', *address, 'lladdr', NOWHERE, 'nud', 'permanent')

    def wait_link(self, member, neighbour, is_up):
        wait_until(lambda: member.herd.link_is_up(member.name, neighbour) == is_up,
                   f'the link of {member.name} to {neighbour} is {"up" if is_up else "down"}', LOST)

    def test_r23_both_sides_of_a_partition_converge_when_it_heals(self):
        herd = self.start()
        left = [herd[name] for name, side in HOSTS.items() if side == 'left']
        right = [herd[name] for name, side in HOSTS.items() if side == 'right']
        lines = self.report(herd['Bailey'], b'before')
        self.wait_has(herd, lines)

        self.cable('trunk-l', 'down')
        of_left = self.report(herd['Bona'], b'left')
        of_right = self.report(herd['Campbell'], b'right')
        self.report(herd['Bailey'], b'both', at=b'2000')
        of_right.update(self.report(herd['Jaquez'], b'both', at=b'2000.000000001'))
        self.wait_has(left, of_left)
        self.wait_has(right, of_right)
        for here, there in ACROSS:
            self.wait_link(herd[here], there, False)
            self.wait_link(herd[there], here, False)
        self.assertIsNone(herd['Bailey'].stored(b'right-0'))
        self.assertIsNone(herd['Campbell'].stored(b'left-0'))

        self.cable('trunk-l', 'up')
        self.wait_has(herd, {**lines, **of_left, **of_right})
        for here, there in ACROSS:
            self.wait_link(herd[here], there, True)
            self.wait_link(herd[there], here, True)

    def test_r23_a_partition_that_nobody_noticed_heals_too(self):
        herd = self.start()
        self.cable('trunk-r', 'down')
        lines = self.report(herd['Bailey'], b'left')
        lines.update(self.report(herd['Jaquez'], b'right'))
        self.cable('trunk-r', 'up')
        self.wait_has(herd, lines)

    def test_r23_what_cannot_be_heard_in_one_direction_goes_round(self):
        herd = self.start()
        self.deafen('Bailey', 'Clark', False)
        lines = self.report(herd['Bailey'], b'there')
        lines.update(self.report(herd['Clark'], b'back'))
        self.wait_has(herd, lines)
        # Neither can hold its link: what the one says is lost, and so are its acknowledgements of what the other says.
        self.wait_link(herd['Bailey'], 'Clark', False)
        self.wait_link(herd['Clark'], 'Bailey', False)
        self.deafen('Bailey', 'Clark', True)
        self.wait_link(herd['Bailey'], 'Clark', True)
        self.wait_link(herd['Clark'], 'Bailey', True)

    def test_r23_one_direction_that_is_lost_on_every_edge_across_heals(self):
        herd = self.start()
        for here, there in ACROSS:
            self.deafen(here, there, False)
        lines = self.report(herd['Bailey'], b'left')
        lines.update(self.report(herd['Campbell'], b'right'))
        for here, there in ACROSS:
            self.wait_link(herd[here], there, False)
        self.assertIsNone(herd['Clark'].stored(b'left-0'))
        for here, there in ACROSS:
            self.deafen(here, there, True)
        self.wait_has(herd, lines)

    def test_r23_links_to_a_dead_host_are_logged_down_and_come_back(self):
        herd = self.start()
        self.cable('Campbell', 'down')
        alive = [member for member in herd if member.name != 'Campbell']
        lines = self.report(herd['Bailey'], b'without')
        self.wait_has(alive, lines)
        for name in ('Clark', 'Jaquez'):
            self.wait_link(herd[name], 'Campbell', False)
        self.assertIsNone(herd['Campbell'].stored(b'without-0'))
        lines.update(self.report(herd['Campbell'], b'alone'))
        self.cable('Campbell', 'up')
        self.wait_has(herd, lines)
        for name in ('Clark', 'Jaquez'):
            self.wait_link(herd[name], 'Campbell', True)

    def test_r23_a_host_whose_process_dies_while_nobody_hears_it_comes_back(self):
        herd = self.start()
        lines = self.report(herd['Campbell'], b'before')
        self.wait_has(herd, lines)
        self.cable('Campbell', 'down')
        herd['Campbell'].kill()  # its FIN is lost: the others' connections to it stand
        herd['Campbell'].start()
        lines.update(self.report(herd['Bailey'], b'while'))
        self.cable('Campbell', 'up')
        self.wait_has(herd, lines)


class BadCables(NamespaceTestCase):
    def build(self):
        seed = int(os.environ.get('HERD_SEED') or random.SystemRandom().randrange(10**9))
        diag(f'seed {seed}')
        self.cables = Cables(seed)
        self.addCleanup(self.cables.close)
        super().build()
        self.cables.start()

    def lay_cable(self, name, namespace):
        try:
            self.cables.lay((name, functools.partial(inside, self.switch)), ('eth0', functools.partial(inside, namespace)))
        except OSError as problem:
            self.skipTest(f'no TAP devices here: {problem}')

    def test_r20_loss_delay_and_disorder_on_every_cable(self):
        herd = self.start()
        lines = {}
        for number, member in enumerate(herd):
            lines.update(self.report(member, b'client-%d' % number, scaled(2000, 500)))
        self.wait_has(herd, lines)
        diag(f'{self.cables.carried} frames, {self.cables.lost} lost')
        self.assertGreater(self.cables.lost, 0)


if __name__ == '__main__':
    unittest.main()
