#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs test modules of this folder and writes TAP, a line for every test method.

    HERDD=build/debug/cmd/herdd tests/herd/run.py [-k PATTERN] [MODULE...]
    HERDD=PROGRAM tests/herd/run.py --client-suite [-k PATTERN]

Without MODULE all of them run. --client-suite runs what every implementation of the protocol has to pass (client_suite.py).
`python3 -m unittest` in this folder does the same in its own format.
"""

import argparse
import glob
import os
import sys
import time
import traceback
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import client_suite  # noqa: E402


class TapResult(unittest.TestResult):
    """One TAP line a test; the reasons of a failure stand before it as comments."""

    def __init__(self):
        super().__init__()
        self.count = 0
        self.bad = {}

    def startTest(self, test):
        super().startTest(test)
        self.bad[test] = False
        self.begin = time.monotonic()

    def note(self, test, error):
        self.bad[test] = True
        lines = ''.join(traceback.format_exception(*error)).splitlines()
        print('\n'.join('# ' + line for line in [str(test), *lines]), flush=True)

    def put(self, ok, test, directive=''):
        self.count += 1
        name = test.id().replace('#', '')
        print(f'{"ok" if ok else "not ok"} {self.count} - {name}{directive}', flush=True)

    def addError(self, test, error):
        super().addError(test, error)
        self.note(test, error)
        if not isinstance(test, unittest.TestCase):  # setUpClass, or a module that does not load
            self.put(False, test)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.note(test, error)

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self.note(test, error)
            print('# in ' + subtest._subDescription(), flush=True)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.skip = reason

    def stopTest(self, test):
        super().stopTest(test)
        reason = self.__dict__.pop('skip', None)
        print(f'# {time.monotonic() - self.begin:.2f} s')
        self.put(not self.bad.pop(test), test, f' # SKIP {reason}' if reason else '')


def main():
    parser = argparse.ArgumentParser(description='Runs test modules and writes TAP.')
    parser.add_argument('-k', metavar='PATTERN', action='append', help='only tests whose name holds PATTERN')
    parser.add_argument('--client-suite', action='store_true', help='what any implementation has to pass')
    parser.add_argument('modules', nargs='*', metavar='MODULE')
    arguments = parser.parse_intermixed_args()
    modules = arguments.modules or sorted(
        os.path.basename(path)[:-3] for path in glob.glob(os.path.join(HERE, 'test_*.py')))
    loader = unittest.TestLoader()
    if arguments.k:
        loader.testNamePatterns = [f'*{pattern}*' for pattern in arguments.k]
    suite = client_suite.load(loader) if arguments.client_suite else loader.loadTestsFromNames(modules)
    result = TapResult()
    suite.run(result)
    print(f'1..{result.count}')
    return 0 if result.wasSuccessful() else 1


if __name__ == '__main__':
    sys.exit(main())
