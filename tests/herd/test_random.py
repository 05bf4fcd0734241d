# SPDX-License-Identifier: MIT
"""Random herds under random disturbance (R9, R21, R23): see disturbance.py for what is done and what has to hold.

    HERD_SEED=4711 HERD_RUNS=1 tests/herd/run.py test_random    does one run again

scripts/soak does the same for as long as it is told to."""

import os
import random
import unittest

from disturbance import Run
from harness import HerdTestCase, diag, scaled


class RandomHerds(HerdTestCase):
    def test_r23_a_herd_recovers_from_whatever_happens_to_it(self):
        first = int(os.environ.get('HERD_SEED') or random.SystemRandom().randrange(10**9))
        count = int(os.environ.get('HERD_RUNS') or scaled(10, 6))
        diag(f'seeds {first} to {first + count - 1}')
        for seed in range(first, first + count):
            with self.subTest(seed=seed):
                run = Run(self, seed)
                run.go()
                diag(f'seed {seed}: {len(run.members)} members, {len(run.events)} events, '
                     f'{run.oracle.acknowledged} updates of {len(run.clients)} clients')


if __name__ == '__main__':
    unittest.main()
