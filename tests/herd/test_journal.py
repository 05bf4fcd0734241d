# SPDX-License-Identifier: MIT
"""The log as entries of systemd's journal, with a stand-in for the journal in a mount namespace of the member's own."""

import os
import shutil
import socket
import subprocess
import tempfile
import unittest

from harness import DEADLINE, HerdTestCase

# /run as the member sees it: empty but for the stand-in's folder ($0).
LAUNCHER = ('unshare', '--mount', 'sh', '-ec',
            'mount -t tmpfs tmpfs /run; mkdir -p /run/systemd/journal; mount --bind "$0" /run/systemd/journal; exec "$@"')


def can_mount():
    try:
        return subprocess.run([*LAUNCHER[:4], 'mount -t tmpfs tmpfs /run'], stdin=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=DEADLINE, check=False).returncode == 0
    except FileNotFoundError:
        return False


class Journal(HerdTestCase):
    def setUp(self):
        super().setUp()
        if not can_mount():
            self.skipTest('a mount namespace of its own needs root and unshare')
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        self.folder = folder

    def listen(self):
        journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(journal.close)
        journal.bind(os.path.join(self.folder, 'socket'))
        journal.settimeout(DEADLINE)
        return journal

    def member(self, **herd):
        member = self.lone(herd={'log_target': 'journald', **herd})
        member.launcher = (*LAUNCHER, self.folder)
        return member

    @staticmethod
    def entry(journal):
        """The next entry as a dictionary."""
        return dict(line.split('=', 1) for line in journal.recv(1 << 16).decode().splitlines())

    def entry_of(self, journal, event):
        while True:
            entry = self.entry(journal)
            if entry['HERD_EVENT'] == event:
                return entry

    def test_an_entry_has_fields_to_ask_for(self):
        journal = self.listen()
        member = self.member().start()
        client = member.client()
        name = client.name.decode()
        client.ask(b'bad  \x1b[31m')
        entry = self.entry_of(journal, 'recv')
        self.assertEqual(entry['MESSAGE'], f'recv {name} bad  \\x1b[31m')
        self.assertEqual((entry['PRIORITY'], entry['SYSLOG_IDENTIFIER']), ('6', 'herdd'))
        self.assertEqual((entry['HERD_MEMBER'], entry['HERD_PEER']), ('Bailey', name))
        self.assertRegex(entry['HERD_THREAD'], r'^worker/\d+$')
        self.assertRegex(entry['HERD_TIME'], r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$')
        self.assertEqual(os.listdir(member.herd.log_dir), [])

    def test_everything_is_there_when_it_has_stopped_and_levels_are_priorities(self):
        journal = self.listen()
        member = self.lone(herd={'log_target': 'journald'}, limits={'max_connections': '1000000'})
        member.launcher = (*LAUNCHER, self.folder)
        member.start()
        member.client().ask(b'x')
        self.assertEqual(self.entry_of(journal, 'max_connections')['PRIORITY'], '4')
        member.signal(15)
        self.assertIn('clients=0', self.entry_of(journal, 'stop')['MESSAGE'])
        member.stop()

    def test_a_journal_that_goes_away_does_not_stop_service(self):
        journal = self.listen()
        member = self.member().start()
        client = member.client()
        client.ask(b'x')
        journal.close()
        self.assertEqual(client.exchange(b'IAMAT kiwi +1+1 1\n' * 2000).count(b'\n'), 2000)
        os.unlink(os.path.join(self.folder, 'socket'))
        anew = self.listen()
        second = member.client()
        second.ask(b'y')
        while not self.entry(anew)['MESSAGE'].endswith(' y'):
            pass

    def test_without_a_journal_it_does_not_start_and_says_why(self):
        member = self.member()
        member.spawn()
        self.assertEqual(member.wait(), 1)
        member.process = None
        self.assertRegex(member.stderr(), r'\Aherdd: cannot log to the journal: .*log_target = file.*\n\Z')


class Levels(HerdTestCase):
    def test_log_level_warning_leaves_out_what_is_usual(self):
        member = self.single(herd={'log_level': 'warning'}, limits={'max_connections': '1000000'})
        client = member.client()
        client.iamat(b'kiwi')
        client.ask(b'bad')
        client.close()
        member.stop()
        self.assertEqual([event.split()[0] for event in member.events()], [b'max_connections'])

    def test_log_level_error_is_silent_as_long_as_all_is_well(self):
        member = self.single(herd={'log_level': 'error'}, limits={'max_connections': '1000000'})
        member.client().ask(b'bad')
        member.stop()
        self.assertEqual(member.log(), b'')


if __name__ == '__main__':
    unittest.main()
