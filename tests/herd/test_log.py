# SPDX-License-Identifier: MIT
"""The log: its form, its levels, and that a log in trouble does not stop the service."""

import os
import resource
import signal
import time
import unittest

from harness import KEY, LOG_LINE, HerdTestCase, wait_until


class Lines(HerdTestCase):
    def test_every_line_has_time_level_thread_and_event(self):
        member = self.single()
        client = member.client()
        client.iamat(b'kiwi')
        client.whatsat(b'kiwi')
        client.ask(b'bad')
        client.close()
        member.wait_event(rb'^close ')
        member.stop()
        lines = member.log().splitlines()
        self.assertTrue(member.log().endswith(b'\n'))
        for line in lines:
            self.assertRegex(line, rb'\A' + LOG_LINE.pattern + rb'\Z')
        stamps = [line.split()[0] for line in lines]
        today = time.strftime('%Y-%m-%dT', time.gmtime()).encode()
        self.assertTrue(stamps[0].startswith(today[:8]))

    def test_open_recv_send_and_close_name_the_peer(self):
        member = self.single()
        client = member.client()
        name = client.name
        reply = client.iamat(b'kiwi', b'+1-1', b'5')
        client.ask(b'bad  line ')
        client.close()
        member.wait_event(rb'^close %s \S' % name)
        events = [event for event in member.events() if name in event]
        self.assertEqual(events[:-1], [
            b'open ' + name, b'recv ' + name + b' IAMAT kiwi +1-1 5', b'send ' + name + b' ' + reply[:-1],
            b'recv ' + name + b' bad  line ', b'send ' + name + b' ? bad  line '])

    def test_bytes_that_do_not_print_are_escaped(self):
        member = self.single()
        client = member.client()
        client.ask(b'a\x00b\x01\x1b[31m\x7f\xff\xc3\xbc\td')
        client.ask(b'forged\r2026-01-01T00:00:00.000000000Z info main open x')
        member.wait_event(rb'^recv \S+ forged')
        received = member.events(b'recv ')
        self.assertTrue(received[0].lower().endswith(rb' a\x00b\x01\x1b[31m\x7f\xff\xc3\xbc\x09d'), received[0])
        self.assertIn(rb'forged\x0d2026', received[1].lower())
        self.assertNotRegex(member.log(), rb'[^\x20-\x7e\n]')

    def test_log_messages_none_leaves_out_the_lines_only(self):
        member = self.single(herd={'log_messages': 'none'})
        client = member.client()
        name = client.name
        client.iamat(b'kiwi')
        client.ask(b'bad')
        client.close()
        member.wait_event(rb'^close %s ' % name)
        self.assertEqual(member.events(b'open ' + name), [b'open ' + name])
        self.assertEqual(member.events(b'recv ') + member.events(b'send '), [])

    def test_log_messages_errors_keeps_the_invalid_ones(self):
        member = self.single(herd={'log_messages': 'errors'})
        client = member.client()
        client.iamat(b'kiwi')
        client.ask(b'bad')
        client.close()
        member.wait_event(rb'^close ')
        self.assertEqual([event for event in member.events(b'recv ') if b'IAMAT' in event], [])
        self.assertEqual(len([event for event in member.events(b'recv ') if event.endswith(b' bad')]), 1)

    def test_the_log_is_appended_to(self):
        member = self.single()
        member.client().ask(b'first')
        member.stop()
        first = member.log()
        member.start()
        member.client().ask(b'second')
        member.wait_event(rb'^recv \S+ second')
        self.assertTrue(member.log().startswith(first))

    def test_everything_is_in_the_log_when_it_has_stopped(self):
        member = self.single()
        client = member.client()
        count = 5000
        client.exchange(b''.join(b'line %d\n' % number for number in range(count)))
        member.stop()
        received = [event.split(b' ', 2)[2] for event in member.events(b'recv ')]
        self.assertEqual(received, [b'line %d' % number for number in range(count)])

    def test_a_log_directory_is_made(self):
        member = self.lone()
        os.rmdir(member.herd.log_dir)
        member.start()
        member.client().ask(b'x')
        member.wait_event(rb'^recv ')

    def test_the_key_is_nowhere(self):
        member = self.single()
        member.client().ask(b'x')
        member.stop()
        self.assertNotIn(KEY.encode(), member.log())
        self.assertNotIn(KEY, member.stderr())


class Trouble(HerdTestCase):
    def test_sighup_reopens_the_log(self):
        member = self.single()
        client = member.client()
        client.ask(b'before')
        member.wait_event(rb'^recv \S+ before')
        rotated = member.log_path + '.1'
        for turn in range(3):
            os.rename(member.log_path, rotated)
            member.signal(signal.SIGHUP)
            wait_until(lambda: os.path.exists(member.log_path), 'a new log')
            client.ask(b'after %d' % turn)
            member.wait_event(rb'^recv \S+ after %d' % turn)
            with open(rotated, 'rb') as file:
                self.assertNotIn(b'after %d' % turn, file.read())
        self.assertEqual(client.ask(b'y'), b'? y\n')

    def test_sighup_with_a_directory_that_is_gone_does_not_stop_service(self):
        member = self.single()
        client = member.client()
        client.ask(b'x')
        os.rename(member.herd.log_dir, member.herd.log_dir + '.gone')
        for _ in range(3):
            member.signal(signal.SIGHUP)
            self.assertEqual(client.ask(b'y'), b'? y\n')

    def test_a_full_disk_does_not_stop_service(self):
        member = self.lone()
        os.symlink('/dev/full', member.log_path)
        member.start()
        client = member.client()
        data = client.exchange(b'IAMAT kiwi +1+1 1\n' * 2000)
        self.assertEqual(data.count(b'\n'), 2000)
        self.assertEqual(member.client().ask(b'y'), b'? y\n')
        self.assertLess(member.stderr().count('\n'), 10, 'it repeats itself')

    def test_a_file_size_limit_does_not_stop_service(self):
        member = self.lone()
        member.start(rlimits={resource.RLIMIT_FSIZE: 64 << 10})
        data = member.client().exchange(b'IAMAT kiwi +1+1 1\n' * 5000)
        self.assertEqual(data.count(b'\n'), 5000)
        self.assertEqual(member.client().ask(b'y'), b'? y\n')
        self.assertLessEqual(os.path.getsize(member.log_path), 64 << 10)

    def test_a_log_that_is_stuck_for_good_does_not_keep_a_member_from_ending(self):
        member = self.lone()
        os.mkfifo(member.log_path)
        reader = os.open(member.log_path, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        member.start()
        member.client().exchange(b'IAMAT kiwi +1+1 1\n' * 2_000)
        member.signal(signal.SIGTERM)
        self.assertEqual(member.wait(), 0)
        member.process = None

    def test_a_log_that_is_stuck_does_not_stop_service(self):
        member = self.lone()
        os.mkfifo(member.log_path)
        reader = os.open(member.log_path, os.O_RDONLY | os.O_NONBLOCK)
        member.start()
        data = member.client().exchange(b'IAMAT kiwi +1+1 1\n' * 60_000)
        self.assertEqual(data.count(b'\n'), 60_000)
        self.assertEqual(member.client().ask(b'y'), b'? y\n')
        # Drained again, it goes on and says what is missing.
        drained = bytearray()

        def drain():
            try:
                drained.extend(os.read(reader, 1 << 16))
            except BlockingIOError:
                pass
            return b' dropped ' in drained
        wait_until(drain, 'the log says that lines are missing')
        member.signal(signal.SIGTERM)
        wait_until(lambda: drain() and not member.running, 'it ends')
        os.close(reader)
        self.assertEqual(member.wait(), 0)
        member.process = None


if __name__ == '__main__':
    unittest.main()
