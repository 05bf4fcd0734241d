# SPDX-License-Identifier: MIT
"""How many instructions of its own a member spends on an IAMAT. Unlike a time this does not depend on what else the
machine does, so it is held here; the kernel's share, which is most of an IAMAT that comes alone, is not in it."""

import os
import re
import shutil
import unittest

from harness import HerdTestCase, diag

# Of the build that scripts/test calls plain, by Debian 12's gcc and GLib. Who makes the path shorter writes the new
# count here; who has a reason to make it longer too, and says why in the commit.
INSTRUCTIONS = {1: 6035, 16: 5185}  # by how many come in one segment
TOLERANCE = 1.03

FEW, MANY = 1_600, 9_600  # requests; what they differ by is counted, so that neither start nor stop are


class Instructions(HerdTestCase):
    def setUp(self):
        super().setUp()
        if shutil.which('valgrind') is None:
            self.skipTest('no valgrind')
        if not os.environ.get('HERD_TEST_INSTRUCTIONS'):
            self.skipTest('the counts are those of another compiler')

    def spent(self, requests, depth):
        """Instructions of a whole life with so many requests, which one worker serves."""
        member = self.lone(herd={'log_messages': 'none'})
        cpu = min(os.sched_getaffinity(0))
        member.launcher = ('taskset', '-c', str(cpu), 'valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null')
        client = member.start().client()
        for first in range(0, requests, depth):
            client.send(b''.join(b'IAMAT phone-%04d.example +34.068930-118.445127 1621464827.%09d\n' % (number % 100, number)
                                 for number in range(first, first + depth)))
            for _ in range(depth):
                self.assertTrue(client.line().startswith(b'AT Bailey +'))
        member.stop()
        return int(re.search(r'Collected : (\d+)', member.stderr())[1])

    def test_an_iamat_costs_no_more_instructions_than_it_did(self):
        for depth, known in INSTRUCTIONS.items():
            with self.subTest(depth=depth):
                each = (self.spent(MANY, depth) - self.spent(FEW, depth)) / (MANY - FEW)
                diag(f'{each:.0f} instructions an IAMAT, {depth} in a segment; {known} are known')
                self.assertLess(each, known * TOLERANCE)


if __name__ == '__main__':
    unittest.main()
