# SPDX-License-Identifier: MIT
"""state_dir: what a member acknowledged is there after a crash."""

import os
import random
import threading
import time
import unittest

from harness import SLOWER, HerdTestCase, diag, scaled, wait_until

SYNC_MS = 100
# What was acknowledged longer ago than that is promised; on a machine that is busy with other tests the disk may not
# keep up, and then the log says so.
PROMISED_S = 30 * SYNC_MS / 1000


class StateTestCase(HerdTestCase):
    def options(self):
        return {'groups': {'herd': {'state_dir': os.path.join(self.directory, 'state'), 'state_sync_ms': SYNC_MS}}}

    def path(self, name='Bailey'):
        return os.path.join(self.directory, 'state', name + '.db')

    def files(self):
        """Every file of the state directory that is not empty, with its bytes. SQLite leaves an empty write-ahead
        log beside a file that it has only read."""
        found = {}
        for name in os.listdir(os.path.join(self.directory, 'state')):
            with open(os.path.join(self.directory, 'state', name), 'rb') as file:
                found[name] = file.read()
        return {name: data for name, data in found.items() if data}

    def assert_refused(self, member, *texts):
        """The member does not start: exit 1, one line with these texts, and nothing of the state is altered."""
        before, said = self.files(), len(member.stderr())
        member.spawn()
        self.assertEqual(member.read_stdout_line(), b'')
        self.assertEqual(member.wait(), 1)
        member.process = None
        message = member.stderr()[said:]
        self.assertEqual(message.count('\n'), 1, message)
        for text in (self.path(member.name), *texts):
            self.assertIn(text, message)
        self.assertEqual(self.files(), before)


class Restart(StateTestCase):
    def test_off_by_default(self):
        member = self.single()
        member.client().iamat(b'kiwi')
        member.stop()
        member.start()
        self.assertIsNone(member.stored(b'kiwi'))
        self.assertEqual(sorted(os.listdir(member.herd.directory)), ['Bailey.stderr', 'herd.conf', 'log'])

    def test_a_clean_restart_keeps_everything(self):
        member = self.single(**self.options())
        client = member.client()
        lines = {b'client/%d' % i: client.iamat(b'client/%d' % i) for i in range(200)}
        for _ in range(2):
            member.stop()
            member.start()
            self.assertEqual({name: member.stored(name) for name in lines}, lines)
        self.assertEqual(list(self.files()), ['Bailey.db'])
        member.wait_event(rb'^state .*/Bailey\.db loaded clients=200 in \d+ ms$', count=2)

    def test_whatsat_is_answered_right_at_the_start(self):
        member = self.single(**self.options())
        line = member.client().iamat(b'kiwi')
        self.wait_promise()
        for _ in range(5):
            member.kill()
            member.start()  # comes back with the listening line: nothing is waited for after it
            self.assertEqual(member.client().whatsat(b'kiwi', bound=b'0').at, line)

    def wait_promise(self):
        # The one wait for a time: the time is what is promised.
        threading.Event().wait(PROMISED_S)

    def test_sigkill_loses_nothing_that_is_promised(self):
        member = self.single(**self.options())
        seed = random.randrange(1 << 32)
        diag(f'seed {seed}')
        choice = random.Random(seed)
        acknowledged = {}
        for _ in range(3):
            client = member.client()
            for _ in range(scaled(2000, 300)):
                name = b'client/%d' % choice.randrange(500)
                acknowledged[name] = client.iamat(name)
            self.wait_promise()
            member.kill()
            member.start()
            self.assertEqual({name: member.stored(name) for name in acknowledged}, acknowledged)

    def test_sigkill_in_the_midst_loses_the_newest_only(self):
        member = self.single(**self.options())
        history, done = [], threading.Event()

        def report():
            client = member.client()
            try:
                while not done.is_set():
                    line = client.iamat(b'client/%d' % (len(history) % 100))
                    history.append((time.monotonic(), line))
            except (AssertionError, OSError):
                pass  # the member is gone

        thread = threading.Thread(target=report)
        thread.start()
        wait_until(lambda: len(history) > 1000 and history[-1][0] - history[0][0] > 2 * PROMISED_S, 'enough is said',
                   timeout=60 * SLOWER)
        killed = time.monotonic()
        member.kill()
        done.set()
        thread.join()
        member.start()
        by_line = {line: number for number, (_, line) in enumerate(history)}
        for client_number in range(100):
            stored = member.stored(b'client/%d' % client_number)
            mine = history[client_number::100]
            promised = [line for at, line in mine if at < killed - PROMISED_S]
            if not promised:  # it stood still when it had begun
                continue
            self.assertGreaterEqual(by_line.get(stored, len(history)), by_line[promised[-1]])

    def test_what_a_neighbour_said_is_kept_too(self):
        herd = self.herd('Bailey-Bona', **self.options()).start()
        line = herd['Bailey'].client().iamat(b'kiwi')
        herd['Bona'].wait_stored(b'kiwi', line)
        for member in herd:
            member.stop()
        herd['Bona'].start()
        self.assertEqual(herd['Bona'].stored(b'kiwi'), line)

    def test_a_herd_that_stops_and_starts_again_keeps_everything(self):
        herd = self.herd('Bailey-Bona Bona-Clark Clark-Bailey', **self.options()).start()
        lines = {}
        for member in herd:
            client = member.client()
            for i in range(50):
                name = b'%s/%d' % (member.name.encode(), i)
                lines[name] = client.iamat(name)
        for name, line in lines.items():
            herd.wait_same(name, line)
        for member in herd:
            member.stop()
        for member in herd:
            member.start()
            self.assertEqual({name: member.stored(name) for name in lines}, lines)
        herd.wait_links()
        # An older report changes nothing, a newer one goes everywhere.
        herd['Clark'].client().iamat(b'Bona/7', at=b'5')
        newer = herd['Clark'].client().iamat(b'Bona/8')
        herd.wait_same(b'Bona/8', newer)
        herd.wait_same(b'Bona/7', lines[b'Bona/7'])

    def test_a_member_that_lost_its_state_gets_it_from_its_neighbours(self):
        herd = self.herd('Bailey-Bona', **self.options()).start()
        line = herd['Bailey'].client().iamat(b'kiwi')
        herd['Bona'].wait_stored(b'kiwi', line)
        herd['Bailey'].stop()
        os.remove(self.path())
        herd['Bailey'].start()
        herd['Bailey'].wait_stored(b'kiwi', line)
        herd['Bona'].stop()
        herd['Bailey'].stop()
        herd['Bailey'].start()
        self.assertEqual(herd['Bailey'].stored(b'kiwi'), line)


class WrongFiles(StateTestCase):
    def saved(self):
        """A member that has a record saved and does not run."""
        member = self.single(**self.options())
        client = member.client()
        for i in range(300):
            client.iamat(b'client/%d' % i)
        member.stop()
        return member

    def alter(self, change):
        with open(self.path(), 'rb') as file:
            data = bytearray(file.read())
        data = change(data)
        with open(self.path(), 'wb') as file:
            file.write(data)

    def test_a_damaged_file_is_refused(self):
        member = self.saved()

        def flip(data):
            at = data.index(b'client/7 ')
            data[at + 15] ^= 1
            return data
        self.alter(flip)
        self.assert_refused(member, 'is damaged', 'neighbours')

    def test_a_truncated_file_is_refused(self):
        member = self.saved()
        self.alter(lambda data: data[:len(data) - 5000])
        self.assert_refused(member, 'is damaged')

    def test_another_file_is_refused(self):
        member = self.saved()
        self.alter(lambda data: b'a letter to my aunt\n' * 100)
        self.assert_refused(member, 'is no state file', 'move it away')

    def test_moved_away_as_told_it_starts(self):
        member = self.saved()
        self.alter(lambda data: data[:4096])
        self.assert_refused(member)
        os.rename(self.path(), self.path() + '.away')
        member.start()
        self.assertIsNone(member.stored(b'client/1'))

    def test_a_second_process_is_refused(self):
        herd = self.herd([], ['Bailey'], **self.options())
        first = herd['Bailey'].start()
        first.client().iamat(b'kiwi')
        other = self.herd([], ['Bailey'], **self.options())['Bailey']
        other.spawn()
        self.assertEqual(other.read_stdout_line(), b'')
        self.assertEqual(other.wait(), 1)
        other.process = None
        self.assertIn('in use by another process', other.stderr())
        self.assertIsNotNone(first.stored(b'kiwi'))


if __name__ == '__main__':
    unittest.main()
