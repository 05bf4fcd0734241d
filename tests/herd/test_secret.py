# SPDX-License-Identifier: MIT
"""Members with a secret prove to each other that they have it, and believe nobody who does not."""

import os
import re
import signal
import socket
import subprocess
import threading
import unittest

from harness import DEADLINE, HerdTestCase, find_herdd, wait_until
from neighbour import FakeMember, at_line
from secret import Dialler, new_nonce, proof, say_all

SECRET = b'9f86d081884c7d659a2feaa0c55ad015'
OTHER = b'a3bf4f1b2b0b822cd15d6c15b0f00a08'
ANSWER = rb'^HELLO 1 Bailey Bona [1-9]\d{0,17}\n$'


class SecretTestCase(HerdTestCase):
    def secret_file(self, secret=SECRET, name='secret', mode=0o600):
        path = os.path.join(self.directory, name)
        with open(path, 'wb') as file:
            file.write(secret + b'\n')
        os.chmod(path, mode)
        return path

    def secret_herd(self, edges='Bailey-Bona', **options):
        options.setdefault('groups', {})['herd'] = {'secret_file': self.secret_file()}
        return self.herd(edges, **options)

    def link_events(self, member):
        return member.events(b'link ')

    def assert_nothing_told(self, *members):
        """No log has the secret, or a proof."""
        for member in members:
            self.assertNotRegex(member.log(), rb'[0-9a-f]{64}')
            self.assertNotIn(SECRET, member.log())
            self.assertNotIn(SECRET, member.stderr().encode())

    def reload(self, member, pattern):
        before = len([event for event in member.events() if re.search(pattern, event)])
        member.signal(signal.SIGHUP)
        member.wait_event(pattern, before + 1)


class Herds(SecretTestCase):
    def converge(self, herd):
        lines = {}
        for number, member in enumerate(herd):
            lines.update(self.report(member, b'client-%d' % number, 50))
        self.wait_has(herd, lines)
        self.assert_nothing_told(*herd)

    def test_r23_a_herd_with_a_secret_converges(self):
        herd = self.secret_herd('Bailey-Bona Bona-Clark Clark-Bailey').start()
        self.converge(herd)
        self.assertEqual([event for member in herd for event in member.events(b'link ') if b' refused ' in event], [])

    def test_r23_each_message_has_its_own_proof(self):
        herd = self.secret_herd(keys={name: {'delivery': 'message'} for name in ('Bailey', 'Bona')}).start()
        self.converge(herd)

    def test_a_new_secret_is_for_new_hellos(self):
        herd = self.secret_herd().start()
        bailey, bona = herd
        for member in herd:
            member.wait_event(rb'^link \S+ joined ')
        links = {member: self.link_events(member) for member in herd}
        self.secret_file(OTHER)
        for member in herd:
            self.reload(member, rb'^configuration reloaded: \[herd\] the secret$')
        self.report(bailey, b'over-the-old-link', 1)
        bona.wait_stored(b'over-the-old-link-0', bailey.stored(b'over-the-old-link-0'))
        for member in herd:
            self.assertEqual(self.link_events(member), links[member])
        self.assertRegex(Dialler(bailey, 'Bona').prove(SECRET), rb'^\? PROOF ')
        self.assertRegex(Dialler(bailey, 'Bona').prove(OTHER), ANSWER)

        bona.stop()
        bona.start()
        herd.wait_links()
        self.converge(herd)

    def test_a_secret_may_come_and_go(self):
        herd = self.herd('Bailey-Bona').start()
        bailey, bona = herd
        for path, answer in ((self.secret_file(), rb'^CHALLENGE '), ('', rb'^HELLO ')):
            herd.groups['herd']['secret_file'] = path
            herd.write_config()
            for member in herd:
                self.reload(member, rb'^configuration reloaded: .*\[herd\] the secret')
            bona.stop()
            bona.start()
            herd.wait_links()
            self.assertRegex(Dialler(bailey, 'Bona').challenge, answer)

    def test_what_is_odd_in_the_new_file_is_said(self):
        herd = self.secret_herd().start()
        self.secret_file(mode=0o644)
        self.reload(herd['Bailey'], rb'^\[herd\] secret_file: .* is open to everybody on this host')
        self.reload(herd['Bailey'], rb'^configuration reloaded: nothing has changed$')

    def test_a_bad_new_secret_leaves_the_old_one(self):
        herd = self.secret_herd().start()
        bailey = herd['Bailey']
        self.secret_file(b'short')
        self.reload(bailey, rb'^configuration not reloaded, the old one stays: .*: \[herd\] secret_file: .* holds 5 bytes')
        self.assertRegex(Dialler(bailey, 'Bona').prove(SECRET), ANSWER)

    def stay_apart(self, groups, said_by_bailey, said_by_bona):
        herd = self.herd('Bailey-Bona', groups=groups)
        for member in herd:
            member.start()
        for member, patterns in ((herd['Bailey'], said_by_bailey), (herd['Bona'], said_by_bona)):
            for pattern in patterns:
                member.wait_event(pattern)
            member.client().iamat(b'of-' + member.name.encode())
        self.assertEqual([member.name for member in herd for event in member.events() if b' up' in event], [])
        self.assertIsNone(herd['Bona'].stored(b'of-Bailey'))
        self.assertIsNone(herd['Bailey'].stored(b'of-Bona'))

    def test_different_secrets_keep_members_apart(self):
        down = rb'^link \S+ down: the neighbour cannot prove that it has the herd\'s secret$'
        self.stay_apart({'herd Bailey': {'secret_file': self.secret_file()},
                         'herd Bona': {'secret_file': self.secret_file(OTHER, 'other')}}, [down], [down])

    def test_a_secret_on_one_side_keeps_members_apart(self):
        with_one = [rb'^link \S+ down: the neighbour wants no proof: has it the secret_file\?$',
                    rb'^link \S+ refused to 127\.0\.0\.1:\d+: it offers no proof: has that neighbour the secret_file\?$']
        without = [rb'^link \S+ down: the neighbour does not accept our hello: are the herd\'s file and its secret the same']
        for name, said_by_bailey, said_by_bona in (('Bailey', with_one, without), ('Bona', without, with_one)):
            with self.subTest(secret_of=name):
                self.stay_apart({f'herd {name}': {'secret_file': self.secret_file()}}, said_by_bailey, said_by_bona)


class Strangers(SecretTestCase):
    """Bailey runs; who says to be Bona is the test."""

    def setUp(self):
        super().setUp()
        self.pack = self.secret_herd()
        self.member = self.pack['Bailey'].start()

    def assert_client(self, client):
        """It has no link: what it says as a neighbour is answered."""
        line = at_line(b'Bona', b'forged')
        client.send(line)
        self.assertEqual(client.line(), b'? ' + line)
        self.assertTrue(client.iamat(b'grape').startswith(b'AT Bailey '))
        self.assertIsNone(self.member.stored(b'forged'))

    def test_r22_who_has_the_secret_may_come_from_anywhere(self):
        for source in (None, '127.0.0.9'):
            dialler = Dialler(self.member, 'Bona', source)
            verb, nonce, said = dialler.challenge.split()
            self.assertEqual(verb, b'CHALLENGE')
            self.assertRegex(nonce, rb'^[0-9a-f]{32}$')
            self.assertEqual(said, dialler.proof(SECRET, b'accept'))
            self.assertRegex(dialler.prove(SECRET), ANSWER)
            line = at_line(b'Bona', b'kiwi')
            dialler.client.send(line)
            self.member.wait_stored(b'kiwi', line)
        self.assert_nothing_told(self.member)

    def test_r17_a_stranger_at_the_neighbours_address_is_a_client(self):
        for hello in (b'HELLO 1 Bona Bailey', b'HELLO 1 Bona Bailey 5', b'HELLO 1 Clark Bailey 5 ' + new_nonce(),
                      b'HELLO 1 Bona Clark 5 ' + new_nonce(), b'PROOF ' + b'0' * 64):
            with self.subTest(hello=hello):
                link, answer = FakeMember(self.member, 'Bona').open_link(hello=hello)
                self.assertEqual(answer, b'? ' + hello + b'\n')
                self.assert_client(link)
        self.member.wait_event(rb'^link (Bona )?refused to 127\.0\.0\.1:\d+: ')
        self.assert_nothing_told(self.member)

    def test_r17_what_is_not_the_proof_leaves_a_client(self):
        earlier = Dialler(self.member, 'Bona')
        wrong = {
            'of another secret': lambda one: one.proof(OTHER),
            'of another conversation': lambda one: earlier.proof(SECRET),
            'reflected': lambda one: one.challenge.split()[2],
            'of another run': lambda one: proof(SECRET, b'dial', one.me, one.them, b'4712', one.nonce, one.challenge.split()[1]),
            'of another neighbour':
                lambda one: proof(SECRET, b'dial', b'Clark', one.them, one.run, one.nonce, one.challenge.split()[1]),
            'for another member':
                lambda one: proof(SECRET, b'dial', one.me, b'Clark', one.run, one.nonce, one.challenge.split()[1]),
        }
        for what, made in wrong.items():
            with self.subTest(what):
                dialler = Dialler(self.member, 'Bona')
                said = b'PROOF ' + made(dialler)
                self.assertEqual(dialler.client.ask(said), b'? ' + said + b'\n')
                self.assert_client(dialler.client)
                # There is one try a hello.
                said = b'PROOF ' + dialler.proof(SECRET)
                self.assertEqual(dialler.client.ask(said), b'? ' + said + b'\n')
        self.member.wait_event(rb'^link Bona refused to 127\.0\.0\.1:\d+: its proof is wrong: is that neighbour\'s secret another\?$')
        self.assert_nothing_told(self.member)

    def test_r17_the_members_own_words_open_nothing(self):
        """Bailey dials the stranger, who dials Bailey at the same time and passes each side's words to the other."""
        answers = []

        def reflect(hello):
            """Has Bailey itself answer what it has just said, in both names."""
            _, _, _, _, run, nonce = hello.split()
            for said in (hello, b'HELLO 1 Bona Bailey %s %s' % (run, nonce)):
                answer = say_all(self.member.address, said + b'\n')
                answers.append(answer)
            return answers[-1]

        FakeMember(self.member, 'Bona', answer=reflect).listen()
        self.member.wait_event(rb"^link Bona down: the neighbour cannot prove that it has the herd's secret$")
        self.assertRegex(answers[0], rb'^\? HELLO 1 Bailey Bona ')
        self.assertRegex(answers[1], rb'^CHALLENGE ')
        self.assertEqual(self.member.events(b'link Bona up'), [])

    def test_half_a_hello_does_not_stay(self):
        member = self.secret_herd(limits={'link_timeout_s': 2})['Bailey'].start()
        dialler = Dialler(member, 'Bona', timeout=DEADLINE)
        self.assertEqual(dialler.client.rest(), b'')
        member.wait_event(rb'^close %s timed out$' % re.escape(dialler.client.name))


class Room(SecretTestCase):
    def test_r22_a_neighbour_has_a_place_above_max_connections(self):
        member = self.secret_herd(limits={'max_connections': 1})['Bailey'].start()
        client = member.client()
        client.iamat(b'kiwi')
        dialler = Dialler(member, 'Bona')
        self.assertRegex(dialler.prove(SECRET), ANSWER)
        self.assertEqual(dialler.client.ask(b'PING'), b'PONG\n')
        client.iamat(b'grape')

    def test_r22_a_place_above_max_connections_is_for_who_proves_it(self):
        member = self.secret_herd(limits={'max_connections': 1})['Bailey'].start()
        client = member.client()
        client.iamat(b'kiwi')
        for said in (b'IAMAT grape +1+1 5\n', b'PROOF %s\n' % (b'0' * 64)):
            dialler = Dialler(member, 'Bona')
            self.assertTrue(dialler.challenge.startswith(b'CHALLENGE '))
            dialler.client.send(said + b'IAMAT after +1+1 5\n')
            try:
                self.assertNotIn(b'after', dialler.client.rest())
            except ConnectionResetError:
                pass


class Recorder(threading.Thread):
    """Stands between a member and its neighbour, and keeps what each side of each connection has said."""

    def __init__(self, case, target, listen_on):
        super().__init__(daemon=True)
        self.target = target
        self.said = []  # [bytes of who dials, bytes of who accepts]
        self.sockets = [socket.create_server(listen_on)]
        case.addCleanup(self.close)
        self.start()

    def run(self):
        while True:
            try:
                near, _ = self.sockets[0].accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self.target)
            except OSError:  # it does not listen yet
                near.close()
                continue
            self.sockets += [near, far]
            said = [b'', b'']
            self.said.append(said)
            for which, (source, sink) in enumerate(((near, far), (far, near))):
                threading.Thread(target=self.move, args=[source, sink, said, which], daemon=True).start()

    def move(self, source, sink, said, which):
        try:
            while data := source.recv(1 << 16):
                said[which] += data
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        for one in self.sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()


class Replay(SecretTestCase):
    def test_a_conversation_that_was_recorded_opens_nothing_when_it_is_played_again(self):
        herd = self.secret_herd()
        bailey, bona = herd
        behind = ('127.0.0.2', bona.address[1])
        herd.seen_at['Bailey', 'Bona'] = behind
        herd.write_config()
        recorder = Recorder(self, bona.address, behind)
        herd.start()
        line = bailey.client().iamat(b'kiwi')
        bona.wait_stored(b'kiwi', line)
        wait_until(lambda: recorder.said and line in recorder.said[0][0], 'the record of it')
        dialled, accepted = recorder.said[0]
        self.assertRegex(dialled, rb'^HELLO 1 Bailey Bona \d+ [0-9a-f]{32}\nPROOF [0-9a-f]{64}\n')
        self.assertRegex(accepted, rb'^CHALLENGE [0-9a-f]{32} [0-9a-f]{64}\nHELLO 1 Bona Bailey ')

        # To the one that accepted it: there is another challenge, and a client behind it.
        hello, said, *rest = dialled.splitlines(keepends=True)
        replies = say_all(bona.address, hello + said + b''.join(rest)).splitlines(keepends=True)
        self.assertRegex(replies[0], rb'^CHALLENGE ')
        self.assertNotIn(replies[0], accepted)
        self.assertEqual(replies[1:], [b'? ' + one for one in (said, *rest)])

        # To the one that dialled: its own nonce is another.
        before = len(recorder.said)
        recorder.close()
        imposter = FakeMember(bailey, 'Bona', answer=lambda hello: accepted)
        imposter.address = behind
        imposter.listen()
        bailey.wait_event(rb"^link Bona down: the neighbour cannot prove that it has the herd's secret$")
        self.assertEqual(imposter.received(), [])
        self.assertEqual(len(recorder.said), before)


class Start(SecretTestCase):
    def run_herdd(self, path, *arguments):
        herd = self.herd([], ['Bailey'], herd={'secret_file': path})
        done = subprocess.run([find_herdd(), *arguments, '--config', herd.config_of('Bailey'), 'Bailey'],
                              capture_output=True, text=True, timeout=DEADLINE, check=False)
        self.assertNotIn(SECRET.decode(), done.stdout + done.stderr)
        return done

    def test_a_file_that_is_none_is_said_in_one_line(self):
        for path, why in ((os.path.join(self.directory, 'nowhere'), 'No such file'),
                          (self.directory, 'Is a directory'),
                          (self.secret_file(b'0123456789abcde'), 'holds 15 bytes'),
                          (self.secret_file(b'x' * 4097, 'long'), 'is longer than a secret may be')):
            for arguments in ((), ('--check',)):
                with self.subTest(why=why, arguments=arguments):
                    done = self.run_herdd(path, *arguments)
                    self.assertEqual((done.returncode, done.stdout), (2, ''), done.stderr)
                    self.assertRegex(done.stderr, r'^herdd: \S+herd\.conf: \[herd\] secret_file: .*%s.*\n$' % re.escape(why))

    def test_a_file_that_everybody_may_read_is_a_warning(self):
        path = self.secret_file(mode=0o644)
        done = self.run_herdd(path, '--check')
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stderr, f'herdd: warning: [herd] secret_file: {path} is open to everybody on this host: '
                                      f'chmod o= {path}\n')
        member = self.single(herd={'secret_file': path})
        member.wait_event(rb'^\[herd\] secret_file: .* is open to everybody on this host')
        self.assertEqual(self.run_herdd(self.secret_file(mode=0o640), '--check').stderr, '')


if __name__ == '__main__':
    unittest.main()
