# SPDX-License-Identifier: MIT
"""SIGHUP: a member takes a new configuration, and whom it does not concern does not notice."""

import json
import os
import re
import signal
import subprocess
import time

from fake_google import FakeGoogle
from harness import DEADLINE, PORTS, HerdTestCase, diag, find_herdd, sanitizer_environment, scaled, wait_until

LOAD = os.path.join(os.path.dirname(find_herdd()), 'load', 'herd-load')
OUTCOME = re.compile(rb'^configuration (not )?reloaded')


class ReloadTestCase(HerdTestCase):
    def setUp(self):
        super().setUp()
        self.witnesses = []

    def witness(self, *members):
        """Connections that have to outlive everything that the test does."""
        for member in members:
            client = member.client()
            self.assertEqual(client.ask(b'here'), b'? here\n')
            self.witnesses.append(client)

    def tearDown(self):
        for client in self.witnesses:
            self.assertEqual(client.ask(b'still here'), b'? still here\n')
        super().tearDown()

    def outcomes(self, member):
        return [event for event in member.events() if OUTCOME.match(event)]

    def hang_up(self, member):
        """Sends SIGHUP and waits until the log says what became of it, which it returns."""
        before = len(self.outcomes(member))
        member.signal(signal.SIGHUP)
        return wait_until(lambda: self.outcomes(member)[before:], f'{member.name} says how its reload went')[0]

    def reload(self, *members):
        """Has members take what the configuration of their herd is now."""
        herd = members[0].herd
        herd.write_config()
        said = []
        for member in members:
            said.append(self.hang_up(member))
            self.assertTrue(said[-1].startswith(b'configuration reloaded: '), said[-1])
        return said[0].partition(b': ')[2]

    def ups(self, here, there):
        return len(here.events(b'link %s up' % there.name.encode()))


class Neighbours(ReloadTestCase):
    def test_r23_a_neighbour_that_is_added_converges_and_nobody_else_reconnects(self):
        herd = self.herd('Alford-Ball', names=['Alford', 'Ball', 'Clark']).start()
        alford, ball, clark = herd
        self.witness(alford, ball, clark)
        lines = {}
        for number, member in enumerate(herd):
            client_id = b'of-%d' % number
            lines[client_id] = member.client().iamat(client_id)
        self.assertIsNone(clark.stored(b'of-0'))

        herd.edges.append(('Ball', 'Clark'))
        self.assertEqual(self.reload(ball, clark), b'member Ball changed, member Clark changed')
        herd.wait_links()
        for client_id, line in lines.items():
            herd.wait_same(client_id, line)
        self.assertEqual((self.ups(alford, ball), self.ups(ball, alford)), (1, 1))

        # A whole member that was not in the file before.
        self.assertEqual(self.reload(alford), b'member Ball changed, member Clark changed')
        herd.members['Dora'] = type(ball)(herd, 'Dora', [('127.0.0.1', PORTS.take())])
        herd.edges.append(('Alford', 'Dora'))
        self.assertEqual(self.reload(alford), b'member Alford changed, member Dora added')
        herd['Dora'].start()
        herd.wait_links()
        for client_id, line in lines.items():
            herd.wait_same(client_id, line)
        self.assertEqual((self.ups(alford, ball), self.ups(ball, alford), self.ups(ball, clark)), (1, 1, 1))

    def test_a_neighbour_that_is_removed_is_told_nothing_and_heard_no_more(self):
        herd = self.herd('Alford-Ball Ball-Clark').start()
        alford, ball, clark = herd
        self.witness(alford, ball, clark)
        herd.edges.remove(('Alford', 'Ball'))
        self.assertEqual(self.reload(ball), b'member Alford changed, member Ball changed')
        ball.wait_event(rb'^link Alford ends: it is no neighbour any more')
        # Alford has not taken it yet, and talks on: nobody listens.
        ball.wait_event(rb'^close Alford is no neighbour any more')
        alford.wait_event(rb'^link Ball down: the neighbour does not accept our hello')
        of_alford = alford.client().iamat(b'alfords')
        of_ball = ball.client().iamat(b'balls')
        clark.wait_stored(b'balls', of_ball)
        self.reload(alford)
        alford.wait_event(rb'^link Ball ends: ')
        self.assertEqual((ball.stored(b'alfords'), alford.stored(b'balls')), (None, None))
        self.assertEqual((self.ups(ball, clark), self.ups(clark, ball)), (1, 1))
        # What they have missed they get when they are neighbours again.
        herd.edges.append(('Alford', 'Ball'))
        self.reload(alford, ball)
        herd.wait_same(b'alfords', of_alford)
        herd.wait_same(b'balls', of_ball)
        self.assertEqual((self.ups(ball, clark), self.ups(clark, ball)), (1, 1))

    def test_a_neighbour_that_is_talked_to_in_another_way_gets_a_new_link(self):
        addresses = [('127.0.0.1', PORTS.take()) for _ in range(2)]
        herd = self.herd('Alford-Ball Alford-Clark', listen={'Ball': addresses}).start()
        alford, ball, clark = herd
        self.witness(alford, ball, clark)
        for number, change in enumerate((addresses.reverse, lambda: herd.keys.update({'Ball': {'delivery': 'message'}})), 2):
            change()
            self.assertEqual(self.reload(alford), b'member Ball changed')
            line = alford.client().iamat(b'kiwi', at=b'%d' % number)
            ball.wait_stored(b'kiwi', line)
            alford.wait_event(rb'^link Ball ends: the neighbour is talked to in another way now', number - 1)
            alford.wait_event(rb'^link Ball up', number)
        herd.wait_same(b'kiwi', line)
        self.assertEqual((self.ups(alford, clark), self.ups(clark, alford)), (1, 1))
        self.assertEqual(self.ups(ball, alford), 1)


class Limits(ReloadTestCase):
    def test_they_hold_for_connections_that_there_are(self):
        member = self.single()
        limits = member.herd.groups['limits']
        self.witness(member)
        client, idle, half = member.client(), member.client(), member.client()
        idle.ask(b'')
        half.send(b'IAMAT')
        member.wait_event(rb'^open ', 4)
        self.assertEqual(client.ask(b'x' * 300), b'? %s\n' % (b'x' * 300))

        limits.update(max_line=256, max_future_skew_s=60)
        self.assertEqual(self.reload(member), b'[limits] max_line = 256, [limits] max_future_skew_s = 60')
        ahead = b'IAMAT kiwi +1+1 %d' % (time.time() + 3600)
        self.assertEqual(client.ask(ahead), b'? %s\n' % ahead)
        client.send(b'x' * 300 + b'\n')
        self.assertEqual(client.line(), b'? %s\n' % (b'x' * 64))
        self.assertEqual(client.rest(), b'')

        # Those that say nothing learn of it too.
        self.witnesses.clear()
        limits.update(idle_timeout_s=1, line_timeout_s=1, max_line=4096)
        self.reload(member)
        for waits in (idle, half):
            self.assertEqual(waits.rest(), b'')
        member.wait_event(rb'^close \S+ timed out', 2)

    def test_max_records(self):
        member = self.single()
        client = member.client()
        self.witness(member)
        client.iamat(b'first')
        member.herd.groups['limits']['max_records'] = 1
        self.reload(member)
        self.assertEqual(client.ask(b'IAMAT second +1+1 5'), b'? IAMAT second +1+1 5\n')
        member.herd.groups['limits']['max_records'] = 0
        self.reload(member)
        client.iamat(b'second')

    def test_record_ttl_comes_and_goes(self):
        member = self.single()
        client = member.client()
        self.witness(member)
        client.iamat(b'kiwi', at=b'5')
        member.herd.groups['limits']['record_ttl_s'] = 3600
        self.reload(member)
        wait_until(lambda: member.stored(b'kiwi') is None, 'it has expired')
        member.herd.groups['limits']['record_ttl_s'] = 0
        self.reload(member)

        def is_taken():
            client.iamat(b'kiwi', at=b'5')
            return member.stored(b'kiwi')
        wait_until(is_taken, 'nothing expires any more')

    def test_what_is_logged(self):
        member = self.single()
        client = member.client()
        self.witness(member)
        client.ask(b'one')
        member.wait_event(rb'^recv \S+ one')
        member.herd.groups['herd']['log_messages'] = 'none'
        self.reload(member)
        client.ask(b'two')
        member.herd.groups['herd']['log_messages'] = 'all'
        self.reload(member)
        client.ask(b'three')
        member.wait_event(rb'^recv \S+ three')
        self.assertNotIn(b' two\n', member.log())


class Places(ReloadTestCase):
    def setUp(self):
        super().setUp()
        self.google = FakeGoogle()
        self.addCleanup(self.google.close)

    def use(self, member, provider, **places):
        member.herd.groups['herd']['places'] = provider
        member.herd.groups['places'] = {'max_lookups': 4, 'timeout_ms': 60_000, **places}

    def test_a_lookup_that_hangs_ends_with_the_provider_that_it_began_with(self):
        member = self.lone()
        self.use(member, 'google-legacy', url=self.google.url)
        member.herd.write_config()
        member.start()
        self.witness(member)
        asker, other = member.client(), member.client()
        asker.iamat(b'kiwi')
        self.google.gate.clear()
        asker.send(b'WHATSAT kiwi 10 5\n')
        wait_until(lambda: self.google.open == 1, 'the provider is asked')

        self.use(member, 'embedded')
        self.reload(member)
        built_in = other.whatsat(b'kiwi', b'10', b'5')
        self.assertEqual(built_in.status, 'OK')
        self.assertEqual(self.google.requests, 1)
        self.google.gate.set()
        self.assertIn('Café', ''.join(asker.reply().names))

        # And back, to another server.
        second = FakeGoogle()
        self.addCleanup(second.close)
        self.use(member, 'google-legacy', url=second.url)
        self.reload(member)
        for client in (asker, other):
            self.assertNotEqual(client.whatsat(b'kiwi', b'10', b'5').names, built_in.names)
        self.assertEqual((self.google.requests, second.requests), (1, 2))

    def test_another_key_in_the_same_file(self):
        path = os.path.join(self.directory, 'key')

        def write(key):
            with open(path, 'w', encoding='utf-8') as file:
                file.write(key + '\n')
        write('first-key')
        member = self.lone()
        self.use(member, 'google-legacy', url=self.google.url, key_file=path)
        member.herd.write_config()
        member.start()
        self.witness(member)
        client = member.client()
        client.iamat(b'kiwi')
        client.whatsat(b'kiwi')
        self.assertEqual(self.reload(member), b'nothing has changed')
        write('second-key')
        self.assertEqual(self.reload(member), b'[places] the API key')
        client.whatsat(b'kiwi')
        os.unlink(path)
        self.assertRegex(self.hang_up(member), rb'^configuration not reloaded, .*\[places\] cannot read key_file')
        client.whatsat(b'kiwi')
        self.assertEqual([call.key for call in self.google.calls], ['first-key', 'second-key', 'second-key'])

    def test_a_cache_survives_a_change_of_something_else(self):
        member = self.lone()
        self.use(member, 'google-legacy', url=self.google.url, cache_s=3600)
        member.herd.write_config()
        member.start()
        client = member.client()
        client.iamat(b'kiwi')
        client.whatsat(b'kiwi')
        member.herd.groups['limits']['max_line'] = 1000
        member.herd.groups['places']['max_waiting'] = 7
        self.reload(member)
        client.whatsat(b'kiwi')
        self.assertEqual(self.google.requests, 1)
        member.herd.groups['places']['cache_s'] = 3599
        self.reload(member)
        client.whatsat(b'kiwi')
        self.assertEqual(self.google.requests, 2)

    def test_more_lookups_at_once_begin_at_once(self):
        member = self.lone()
        self.use(member, 'google-legacy', url=self.google.url, max_lookups=1)
        member.herd.write_config()
        member.start()
        self.google.gate.clear()
        member.client().iamat(b'kiwi')
        clients = [member.client() for _ in range(5)]
        for number, client in enumerate(clients):
            client.send(b'WHATSAT kiwi %d 5\n' % (number + 1))
        member.wait_event(rb'^recv \S+ WHATSAT ', 5)
        wait_until(lambda: self.google.open, 'a lookup runs')
        self.assertEqual(self.google.most_open, 1)
        member.herd.groups['places']['max_lookups'] = 4
        self.reload(member)
        wait_until(lambda: self.google.open == 4, 'four lookups run')
        self.google.gate.set()
        for client in clients:
            self.assertEqual(client.reply().status, 'OK')
        self.assertEqual(self.google.most_open, 4)


class Refused(ReloadTestCase):
    def test_a_bad_file_changes_nothing(self):
        herd = self.herd('Alford-Ball').start()
        alford, ball = herd
        self.witness(alford, ball)
        good, path = herd.config_text('Alford'), herd.config_of('Alford')
        missing = os.path.join(self.directory, 'missing')
        changed = good.replace('[limits]\n', '[limits]\nmax_line = 256\n')
        self.assertNotEqual(changed, good)

        def with_places(provider, key, value):
            text = re.sub(r'(?m)^places = .*$', f'places = {provider}', changed)
            return text.replace('[places]\n', f'[places]\n{key} = {value}\n')
        for what, text, why in (
                ('syntax', changed + 'what?\n', rb'herd\.conf: '),
                ('unknown key', changed.replace('max_line', 'max_lines'), rb'herd\.conf: \[limits\] max_lines: there is no such key'),
                ('value', changed.replace('256', '255'), rb'herd\.conf: \[limits\] max_line: "255" is not a whole number'),
                ('missing member', re.sub(r'(?s)\[member Alford\].*?(?=\[member)', '', changed).replace('neighbours = Alford', 'neighbours ='),
                 rb'herd\.conf: there is no \[member Alford\]; its members are: Ball'),
                ('bad places file', with_places('file', 'file', path), rb'herd\.conf: \[places\] file: \S*herd\.conf: not a usable places file'),
                ('no key', with_places('google', 'key_file', missing), rb'herd\.conf: \[places\] .*key'),
                ('no file', None, rb'\S*herd\.conf')):
            with self.subTest(what=what):
                if text is None:
                    os.unlink(path)
                else:
                    with open(path, 'w', encoding='utf-8') as file:
                        file.write(text)
                said = self.hang_up(alford)
                self.assertRegex(said, rb'^configuration not reloaded, the old one stays: .*' + why)
                long = b'x' * 300
                self.assertEqual(alford.client().ask(long), b'? %s\n' % long)
        self.assertEqual(self.reload(alford), b'nothing has changed')
        herd.wait_same(b'kiwi', alford.client().iamat(b'kiwi'))
        self.assertEqual((self.ups(alford, ball), self.ups(ball, alford)), (1, 1))
        self.assertRegex(alford.log(), rb' error main configuration not reloaded')
        self.witnesses.clear()
        alford.stop()
        self.assertRegex(alford.events(b'stop ')[0], rb' reloads=1 reloads_refused=7 ')

    def test_what_waits_for_a_restart_is_named_once_and_the_rest_is_taken(self):
        herd = self.herd('Alford-Ball').start()
        alford, ball = herd
        self.witness(alford, ball)
        elsewhere = os.path.join(self.directory, 'elsewhere')
        herd.groups['herd'].update(workers=4, log_dir=elsewhere, state_dir=elsewhere, state_sync_ms=100)
        herd.groups['http'] = {'listen': '127.0.0.1:%d' % PORTS.take()}
        herd.groups['places']['max_lookups'] = 3
        herd.groups['limits']['max_line'] = 256
        here = alford.addresses
        alford.addresses = [here[0], ('127.0.0.1', PORTS.take())]
        self.assertEqual(self.reload(alford), b'[places] max_lookups = 3, [limits] max_line = 256')
        warnings = alford.wait_event(rb'^configuration waits')
        self.assertEqual(warnings, [b'configuration waits for a restart: [herd] log_dir, [herd] workers, [herd] state_dir, '
                                    b'[herd] state_sync_ms, [http] listen, [member Alford] listen'])
        self.assertIn(b' warning main configuration waits', alford.log())
        self.assertFalse(os.path.exists(elsewhere))
        self.assertEqual(alford.threads(), ball.threads())
        # It says so again as long as it is true; then it is.
        self.assertEqual(self.hang_up(alford), b'configuration reloaded: nothing has changed')
        alford.wait_event(rb'^configuration waits', 2)
        self.assertEqual((self.ups(alford, ball), self.ups(ball, alford)), (1, 1))

    def test_more_lookups_than_running_workers_wait_for_them(self):
        member = self.single()
        self.witness(member)
        member.herd.groups['herd']['workers'] = 64
        member.herd.groups['places']['max_lookups'] = 40
        self.assertEqual(self.reload(member), b'nothing has changed')
        member.wait_event(rb'^configuration waits for a restart: \[herd\] workers, \[places\] max_lookups$')


class Often(ReloadTestCase):
    def begin_load(self, member):
        address = '%s:%d' % member.address
        return subprocess.Popen([LOAD, '--json', '-w', '0', '-t', '1', '-m', '90:10', '-c', '16', '--clients=200', address],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env={**os.environ, **sanitizer_environment()})

    def check_load(self, load):
        out, err = load.communicate(timeout=DEADLINE)
        self.assertEqual((load.returncode, err), (0, b''), out)
        result = json.loads(out)
        self.assertEqual(result['errors'], {'total': 0, 'wrong_replies': 0, 'lost_connections': 0, 'timeouts': 0, 'first': None})
        return result['requests']['answered']

    def hang_up_soon(self, member):
        """Sends SIGHUP as soon as the last one is taken: each makes a reload."""
        wait_until(lambda: not self.is_pending(member), 'the last SIGHUP is taken')
        member.signal(signal.SIGHUP)

    @staticmethod
    def is_pending(member):
        with open(f'/proc/{member.process.pid}/status', encoding='ascii', errors='replace') as file:
            mask = re.search(r'(?m)^ShdPnd:\s*(\w+)$', file.read())[1]
        return int(mask, 16) >> (signal.SIGHUP - 1) & 1

    def test_two_hundred_reloads_under_load_lose_nothing(self):
        herd = self.herd('Alford-Ball Ball-Clark', groups={'herd': {'log_messages': 'none'}}).start()
        alford, ball, clark = herd
        self.witness(*herd)
        wanted, reloads, answered = scaled(200, 60), 0, 0
        path = herd.config_of('Ball')
        while reloads < wanted:
            load = self.begin_load(ball)
            while load.poll() is None:
                reloads += 1
                herd.groups['limits'].update(max_line=1000 + reloads % 1000, idle_timeout_s=reloads % 2 * 3600)
                herd.groups['herd']['resync_interval_s'] = 60 + reloads % 3
                herd.groups['places']['type'] = ('cafe', 'food')[reloads // 2 % 2]
                with open(path + '.new', 'w', encoding='utf-8') as file:
                    file.write(herd.config_text('Ball'))
                os.rename(path + '.new', path)
                self.hang_up_soon(ball)
            answered += self.check_load(load)
        diag(f'{reloads} reloads, {answered} requests')
        herd.wait_same(b'kiwi', alford.client().iamat(b'kiwi'))
        wait_until(lambda: len(self.outcomes(ball)) >= reloads, 'the log has all of them')
        for here, there in ((alford, ball), (ball, alford), (ball, clark), (clark, ball)):
            self.assertEqual(self.ups(here, there), 1)
        self.assertEqual(len(self.outcomes(ball)), reloads)
        self.assertFalse(ball.events(b'configuration not'))
