# SPDX-License-Identifier: MIT
"""Start, stop, restart, and configurations that are wrong."""

import os
import signal
import socket
import subprocess
import time
import unittest

from client import AT, Client
from harness import DEADLINE, PORTS, PROMPT, HerdTestCase, diag, find_herdd, wait_until


def taken(address):
    """A socket that listens there."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(address)
    holder.listen()
    return holder


class StartAndStop(HerdTestCase):
    def test_it_listens_soon_and_stops_soon(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=number):
                member = self.single()
                member.client().iamat(b'kiwi')
                begin = time.monotonic()
                member.stop(number)
                stopped = time.monotonic() - begin
                diag(f'listening after {member.started_in * 1000:.0f} ms, '
                     f'gone {stopped * 1000:.0f} ms after {number.name}')
                self.assertLess(member.started_in, PROMPT)
                self.assertLess(stopped, PROMPT)

    def test_a_stop_closes_idle_and_begun_connections(self):
        member = self.single()
        idle, begun = member.client(), member.client()
        idle.ask(b'x')
        begun.ask(b'x')
        begun.send(b'IAMAT half')
        member.stop()
        self.assertEqual(idle.rest(), b'')
        begun.rest()

    def test_a_stop_answers_what_it_has_taken(self):
        # Whatever stands in the log as received must have been answered.
        member = self.single()
        clients = [member.client() for _ in range(20)]
        for client in clients:
            client.send(b'IAMAT kiwi +1+1 1\n' * 50)
        member.stop()
        for client in clients:
            name = client.name
            answered = client.rest().count(b'\n')
            self.assertEqual(answered, len(member.events(b'recv %s IAMAT' % name)))

    def test_a_restart_takes_the_same_port_at_once(self):
        member = self.single()
        for _ in range(3):
            clients = [member.client() for _ in range(10)]
            for client in clients:
                client.ask(b'x')
            member.stop()  # it closes first, so its end of the connections waits in TIME_WAIT
            member.start()
            self.assertEqual(member.client().ask(b'y'), b'? y\n')

    def test_a_taken_port_is_one_line_and_exit_1(self):
        member = self.lone()
        with taken(member.address):
            member.spawn()
            self.assertEqual(member.read_stdout_line(), b'')
            self.assertEqual(member.wait(), 1)
            member.process = None
        self.assertEqual(member.stderr().count('\n'), 1, member.stderr())
        self.assertIn(str(member.address[1]), member.stderr())

    def test_it_listens_on_ipv6(self):
        try:
            port = PORTS.take('::1')
        except AssertionError:
            self.skipTest('no IPv6')
        member = self.lone(listen={'Bailey': [('::1', port)]}).start()
        client = member.client()
        self.assertRegex(client.iamat(b'kiwi'), AT)
        member.wait_event(rb'^open \[::1\]:%d' % client.socket.getsockname()[1])

    def test_it_listens_on_several_addresses(self):
        addresses = [('127.0.0.1', PORTS.take()), ('127.0.0.1', PORTS.take()), ('127.0.0.2', PORTS.take('127.0.0.2'))]
        member = self.lone(listen={'Bailey': addresses}).start()
        line = member.client().iamat(b'kiwi')
        for address in addresses:
            client = self.connect(address)
            self.assertEqual(client.whatsat(b'kiwi', bound=b'0').at, line)

    def test_nothing_but_the_listening_line_is_printed(self):
        member = self.single()
        member.client().iamat(b'kiwi')
        member.process.send_signal(signal.SIGTERM)
        self.assertEqual(member.process.stdout.read(), b'')
        self.assertEqual(member.wait(), 0)
        member.process = None
        self.assertEqual(member.stderr(), '')

    def test_a_second_sigterm_while_stopping_is_harmless(self):
        member = self.single()
        member.client().ask(b'x')
        member.signal(signal.SIGTERM)
        member.signal(signal.SIGTERM)
        self.assertEqual(member.wait(), 0)
        member.process = None


class Configuration(HerdTestCase):
    GOOD = ('[herd]\nplaces = embedded\nlog_dir = {log}\n'
            '[member Bailey]\nlisten = 127.0.0.1:{port}\nneighbours = Bona\n'
            '[member Bona]\nlisten = 127.0.0.1:{other}\nneighbours = Bailey\n')

    def run_herdd(self, text, *arguments):
        """Runs to the end with that configuration; returns the finished process."""
        path = os.path.join(self.directory, 'herd.conf')
        if text is not None:
            with open(path, 'w', encoding='utf-8') as file:
                file.write(text)
        return subprocess.run([find_herdd(), *arguments], capture_output=True, text=True, timeout=DEADLINE,
                              cwd=self.directory, check=False)

    def good(self):
        return self.GOOD.format(log=os.path.join(self.directory, 'log'), port=PORTS.take(), other=PORTS.take())

    def check(self, text, name='Bailey'):
        return self.run_herdd(text, '--check', '--config', 'herd.conf', name)

    def test_check_says_what_it_would_use(self):
        done = self.check(self.good())
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        for word in ('[limits]', 'max_line', '4096', 'workers', '64', 'Bona', 'embedded'):
            self.assertIn(word, done.stdout)

    def test_check_output_is_a_configuration_that_says_the_same(self):
        first = self.check(self.good() + '[limits Bailey]\nmax_line = 512\n')
        second = self.check(first.stdout)
        self.assertEqual((second.returncode, second.stderr), (0, ''))
        self.assertEqual(second.stdout, first.stdout)

    def test_check_does_not_listen(self):
        text = self.good()
        port = int(text.partition('127.0.0.1:')[2].partition('\n')[0])
        with taken(('127.0.0.1', port)):
            self.assertEqual(self.check(text).returncode, 0)

    def test_a_group_for_one_member_wins(self):
        text = self.good() + '[limits]\nmax_line = 1024\n[limits Bona]\nmax_line = 512\n'
        self.assertRegex(self.check(text).stdout, r'max_line ?= ?1024')
        self.assertRegex(self.check(text, 'Bona').stdout, r'max_line ?= ?512')

    def test_wrong_configurations_name_file_group_and_key(self):
        good = self.good()
        for change, group, key in (
                ('[limits]\nmax_lines = 5\n', 'limits', 'max_lines'),
                ('[limits]\nmax_line = 255\n', 'limits', 'max_line'),
                ('[limits]\nmax_line = 32769\n', 'limits', 'max_line'),
                ('[limits]\nmax_line = many\n', 'limits', 'max_line'),
                ('[limits]\nmax_line = -1\n', 'limits', 'max_line'),
                ('[limits]\nmax_line =\n', 'limits', 'max_line'),
                ('[limits]\nmax_line = 4096 # bytes\n', 'limits', 'max_line'),
                ('[limits]\nidle_timeout_s = 1.5\n', 'limits', 'idle_timeout_s'),
                ('[limits]\nmax_connections = 0\n', 'limits', 'max_connections'),
                ('[limits]\nmax_connections = 99999999999999999999\n', 'limits', 'max_connections'),
                ('[limits Bailey]\nwrite_timeout_s = soon\n', 'limits Bailey', 'write_timeout_s'),
                ('[places]\nmax_lookups = 64\n', 'places', 'max_lookups'),
                ('[places]\nmax_waiting = -1\n', 'places', 'max_waiting'),
                ('[places]\ntimeout_ms = x\n', 'places', 'timeout_ms'),
                ('[places]\nkey = secret\n', 'places', 'key'),
                ('[herd Bailey]\nworkers = 0\n', 'herd Bailey', 'workers'),
                ('[herd Bailey]\nworkers = 1025\n', 'herd Bailey', 'workers'),
                ('[herd Bailey]\nplaces = bing\n', 'herd Bailey', 'places'),
                ('[herd Bailey]\nlog_messages = some\n', 'herd Bailey', 'log_messages'),
                ('[herd Bailey]\ncolour = red\n', 'herd Bailey', 'colour'),
                ('[member Clark]\nneighbours = Bailey\n', 'member Clark', 'listen'),
                ('[member Clark]\nlisten = 127.0.0.1\n', 'member Clark', 'listen'),
                ('[member Clark]\nlisten = 127.0.0.1:0\n', 'member Clark', 'listen'),
                ('[member Clark]\nlisten = 127.0.0.1:65536\n', 'member Clark', 'listen'),
                ('[member Clark]\nlisten = 127.0.0.1:http-x\n', 'member Clark', 'listen'),
                ('[member Clark]\nlisten = ::1:10000\n', 'member Clark', 'listen'),
                ('[member Clark]\nlisten = [::1:10000\n', 'member Clark', 'listen'),
                ('[member Clark]\nlisten = 127.0.0.1:9000\nneighbours = Nobody\n', 'member Clark', 'neighbours'),
                ('[member Clark]\nlisten = 127.0.0.1:9000\nneighbours = Clark\n', 'member Clark', 'neighbours'),
                ('[member Clark]\nlisten = 127.0.0.1:9000\ncolour = red\n', 'member Clark', 'colour'),
                ('[member Clark]\nlisten = 127.0.0.1:9000\ndialect = java\n', 'member Clark', 'dialect'),
                ('[member Clark]\nlisten = 127.0.0.1:9000\nterminator = crlf\n', 'member Clark', 'terminator'),
                ('[limit]\nmax_line = 512\n', 'limit', ''),
                ('[limits Nobody]\nmax_line = 512\n', 'limits Nobody', ''),
                ('[limits Bailey]\nrecord_ttl_s = 5\n', 'limits Bailey', 'record_ttl_s'),
                ('[member]\nlisten = 127.0.0.1:9000\n', 'member', '')):
            with self.subTest(change=change):
                done = self.check(good + change)
                self.assertEqual((done.returncode, done.stdout), (2, ''), done.stderr)
                self.assertEqual(done.stderr.count('\n'), 1, done.stderr)
                for word in ('herd.conf', f'[{group}]' if f'[{group}]' in done.stderr else group, key):
                    self.assertIn(word, done.stderr)

    def test_what_is_odd_in_the_herd_is_a_warning(self):
        text = self.good().replace('neighbours = Bona', 'neighbours = Bona;Bona')
        text += '[member Campbell]\nlisten = 127.0.0.1:9002\nneighbours = Bona\n'
        text += '[member Clark]\nlisten = 127.0.0.1:9003\n'
        done = self.check(text)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stderr.splitlines(), [
            'herdd: warning: herd.conf: [member Bailey] neighbours: Bona stands there more than once; taken once',
            'herdd: warning: herd.conf: [member Bona] neighbours: Campbell is missing, which names Bona as its own; '
            'taken as a link of both',
            'herdd: warning: herd.conf: [member Clark] cannot be reached from Bailey: no chain of neighbours leads there'])
        self.assertRegex(done.stdout, r'\nneighbours = Bailey;Campbell\n')

    def test_what_is_odd_in_the_herd_is_in_the_log(self):
        herd = self.herd('Bailey-Bona Clark-Jaquez')
        herd['Bailey'].start().wait_event(rb'^\S+: \[member Clark\] cannot be reached from Bailey: ')

    def test_a_member_of_another_implementation_is_shown_but_not_run(self):
        text = self.good() + 'dialect = last\ndelivery = link\nterminator = crlf\n'
        done = self.check(text)
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertRegex(done.stdout, r'\ndialect = last\ndelivery = link\nterminator = crlf\n')
        for arguments in (('--check', '--config', 'herd.conf', 'Bona'), ('--config', 'herd.conf', 'Bona')):
            done = self.run_herdd(text, *arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ''))
            self.assertEqual(done.stderr, 'herdd: herd.conf: [member Bona] dialect: last is another implementation\'s; '
                                          'herdd runs members whose dialect is native\n')

    def test_a_wrong_configuration_does_not_start_either(self):
        done = self.run_herdd(self.good() + '[limits]\nmax_lines = 5\n', '--config', 'herd.conf', 'Bailey')
        self.assertEqual((done.returncode, done.stdout, done.stderr.count('\n')), (2, '', 1))

    def test_a_member_that_is_not_in_the_file(self):
        done = self.check(self.good(), 'Clark')
        self.assertEqual((done.returncode, done.stderr.count('\n')), (2, 1))
        self.assertIn('Clark', done.stderr)
        self.assertIn('herd.conf', done.stderr)

    def test_no_file_and_no_key_file(self):
        done = self.run_herdd(None, '--check', '--config', 'missing.conf', 'Bailey')
        self.assertEqual((done.returncode, done.stderr.count('\n')), (2, 1))
        self.assertIn('missing.conf', done.stderr)
        done = self.check('this is no key file\n')
        self.assertEqual((done.returncode, done.stderr.count('\n')), (2, 1))
        self.assertIn('herd.conf', done.stderr)

    def test_wrong_use_is_one_line_and_exit_2(self):
        for arguments in ((), ('--frobnicate', 'Bailey'), ('--config',), ('--config', 'herd.conf'),
                          ('--config', 'herd.conf', 'Bailey', 'Bona')):
            with self.subTest(arguments=arguments):
                done = self.run_herdd(self.good(), *arguments)
                self.assertEqual((done.returncode, done.stdout), (2, ''), done.stderr)
                self.assertEqual(done.stderr.count('\n'), 1, done.stderr)

    def test_the_same_file_starts_every_member(self):
        herd = self.herd('Bailey-Bona', limits={'max_line': 512}, groups={'limits Bona': {'max_line': 256}}).start()
        line = b'x' * 400
        self.assertEqual(herd['Bailey'].client().ask(line), b'? ' + line + b'\n')
        self.assertEqual(herd['Bona'].client().ask(line), b'? ' + line[:64] + b'\n')


class Unready(HerdTestCase):
    def test_until_the_line_is_printed_connections_may_be_refused_but_none_is_lost(self):
        member = self.lone()
        member.spawn()

        def connected():
            try:
                return Client(member.address)
            except ConnectionRefusedError:
                return None
        client = wait_until(connected, 'it listens')
        self.clients.append(client)
        self.assertEqual(client.ask(b'early'), b'? early\n')


if __name__ == '__main__':
    unittest.main()
