# SPDX-License-Identifier: MIT
"""Who may report for which clients: rules, tokens, and a file of them that changes."""

import hashlib
import os
import signal
import subprocess
import unittest

from client import AT
from harness import DEADLINE, UCLA, HerdTestCase, find_herdd

TOKENS = (b'open-sesame-4f1d', b'abracadabra-77')


def digest(token):
    return 'sha256:' + hashlib.sha256(token).hexdigest()


RULES = f'''# who may report
anyone  guest-* visitor-[0-9]

token {digest(TOKENS[0])}   phone-1 phone-2
token {digest(TOKENS[1])}   bus-?   tram-*
certificate *.buses.example bus-*
'''


class AccessTestCase(HerdTestCase):
    def setUp(self):
        super().setUp()
        self.rules = os.path.join(self.directory, 'rules')

    def write_rules(self, text):
        with open(self.rules, 'w', encoding='utf-8') as file:
            file.write(text)
        return self.rules

    def guarded(self, text=RULES, **options):
        return self.single(access={'rules_file': self.write_rules(text)}, **options)

    def assert_taken(self, client, client_id):
        self.assertRegex(client.iamat(client_id), AT)

    def assert_refused(self, client, client_id):
        line = b'IAMAT %s %s 1000' % (client_id, UCLA)
        self.assertEqual(client.ask(line), b'? ' + line + b'\n')

    def reload(self, member, pattern):
        before = len(member.wait_event(rb'.'))
        member.signal(signal.SIGHUP)
        member.wait_event(pattern)
        return member.events()[before:]


class Rules(AccessTestCase):
    def test_anyone_reports_for_what_anyone_may(self):
        client = self.guarded().client()
        for client_id in (b'guest-', b'guest-7', b'visitor-3'):
            self.assert_taken(client, client_id)
        for client_id in (b'guest', b'visitor-33', b'phone-1', b'bus-1', b'kiwi', b'Guest-7', b'\xff', b'*'):
            self.assert_refused(client, client_id)

    def test_a_token_is_said_once_a_connection(self):
        member = self.guarded()
        for token, may, may_not in ((TOKENS[0], (b'phone-1', b'phone-2'), (b'phone-3', b'bus-1')),
                                    (TOKENS[1], (b'bus-1', b'tram-', b'tram-x'), (b'bus-10', b'phone-1'))):
            with self.subTest(token=token):
                client, other = member.client(), member.client()
                self.assertEqual(client.ask(b'AUTH ' + token), b'AUTH ok\n')
                for client_id in may:
                    self.assert_taken(client, client_id)
                    self.assert_refused(other, client_id)
                for client_id in may_not:
                    self.assert_refused(client, client_id)
                self.assert_taken(client, b'guest-1')

    def test_a_token_and_a_report_may_come_in_one_segment(self):
        client = self.guarded().client()
        reports = b''.join(b'IAMAT %s %s 1000\n' % (name, UCLA) for name in (b'phone-1', b'bus-1', b'guest-1'))
        replies = client.exchange(reports + b'AUTH %s\n' % TOKENS[0] + reports).splitlines()
        self.assertEqual([reply[:reply.index(b' ')] for reply in replies], [b'?', b'?', b'AT', b'AUTH', b'AT', b'?', b'AT'])

    def test_a_report_that_is_refused_disturbs_nobody(self):
        herd = self.herd('Bailey-Bona', groups={'access Bailey': {'rules_file': self.write_rules(RULES)}}).start()
        bailey, bona = herd
        client, other = bailey.client(), bailey.client()
        kept = client.iamat(b'guest-1')
        for _ in range(20):
            self.assert_refused(client, b'phone-1')
            self.assert_refused(other, b'guest')
            self.assert_taken(other, b'guest-2')
        self.assertEqual(client.ask(b'WHATSAT phone-1 1 0'), b'? WHATSAT phone-1 1 0\n')
        self.assertEqual(other.whatsat(b'guest-1', b'1', b'0').at, kept)
        # Where there are no rules anybody may; and what comes over a link has been taken there.
        line = bona.client().iamat(b'phone-1')
        bailey.wait_stored(b'phone-1', line)

    def test_without_rules_for_tokens_there_is_no_such_command(self):
        for text in (None, '', 'anyone *\n'):
            with self.subTest(rules=text):
                member = self.single() if text is None else self.guarded(text)
                client = member.client()
                for _ in range(5):
                    self.assertEqual(client.ask(b'AUTH ' + TOKENS[0]), b'? AUTH ' + TOKENS[0] + b'\n')
                self.assertNotIn(TOKENS[0], member.log())
                if text != '':
                    self.assert_taken(client, b'kiwi')
                else:
                    self.assert_refused(client, b'kiwi')


class Tokens(AccessTestCase):
    def test_after_three_wrong_tokens_the_connection_closes(self):
        member = self.guarded()
        client = member.client()
        self.assertEqual(client.ask(b'AUTH no'), b'? AUTH no\n')
        self.assertEqual(client.ask(b'AUTH ' + TOKENS[0]), b'AUTH ok\n')
        self.assertEqual(client.exchange(b'AUTH no\n' * 5 + b'IAMAT guest-1 +1+1 5\n'), b'? AUTH no\n' * 2)
        member.wait_event(rb'^close %s sent wrong tokens$' % client.name)
        self.assert_taken(member.client(), b'guest-1')

    def test_no_token_is_in_the_log(self):
        for messages in ('all', 'errors'):
            with self.subTest(log_messages=messages):
                member = self.guarded(herd={'log_messages': messages})
                for said in (b'AUTH %s', b'AUTH x%s', b'AUTH %s %s' % (TOKENS[0], b'%s'), b' \tAUTH %s\r', b'auth %s',
                             b'AUTH %s' + b'x' * 5000):
                    client = member.client()
                    client.ask(said % TOKENS[0])
                    client.send(b'AUTH ' + TOKENS[0])  # half a line, executed at the end
                    client.half_close()
                    client.rest()
                member.wait_event(rb'^close', 6)
                self.assertNotIn(TOKENS[0], member.log())
                self.assertIn(b'AUTH (token)', member.log())
                self.assertNotIn(TOKENS[0], member.stderr().encode())
                member.stop()

    def test_a_refused_report_is_logged_and_counted(self):
        member = self.guarded(herd={'log_messages': 'errors'})
        client = member.client()
        self.assert_refused(client, b'phone-1')
        member.wait_event(rb'^send %s \? IAMAT phone-1 ' % client.name)
        member.stop()
        self.assertRegex(member.events(b'stop ')[0], rb' access_refused=1 ')


class Reload(AccessTestCase):
    def test_new_rules_are_for_connections_that_are_open_too(self):
        member = self.guarded()
        client, other = member.client(), member.client()
        self.assertEqual(client.ask(b'AUTH ' + TOKENS[0]), b'AUTH ok\n')
        self.assert_taken(client, b'phone-1')
        self.write_rules(f'token {digest(TOKENS[0])} kiwi\nanyone visitor-*\n')
        self.reload(member, rb'^configuration reloaded: \[access\] the rules$')
        self.assert_refused(client, b'phone-1')
        self.assert_taken(client, b'kiwi')
        self.assert_refused(other, b'guest-1')
        self.assert_taken(other, b'visitor-x')
        self.assertEqual(other.ask(b'AUTH ' + TOKENS[1]), b'? AUTH ' + TOKENS[1] + b'\n')

    def test_a_bad_file_leaves_the_old_rules_whole(self):
        member = self.guarded()
        client = member.client()
        for text, why in ((RULES + 'anyone\n', rb'line 7: names no clients$'),
                          ('anyone *\nevery one\n', rb'line 2: a rule begins with certificate, token or anyone$'),
                          (f'anyone *\ntoken {TOKENS[0].decode()} *\n', rb'line 2: a token is said by its digest, .*$')):
            self.write_rules(text)
            self.reload(member, rb'^configuration not reloaded, the old one stays: .*: \[access\] rules_file: .*' + why)
            self.assert_refused(client, b'kiwi')
            self.assert_taken(client, b'guest-1')
        os.remove(self.rules)
        self.reload(member, rb'^configuration not reloaded, .*No such file')
        self.assert_refused(client, b'kiwi')
        self.assert_taken(client, b'guest-1')
        self.assertNotIn(TOKENS[0], member.log())


class Start(AccessTestCase):
    def test_a_file_that_is_none_is_said_in_one_line(self):
        for text, why in ((None, 'No such file'), ('anyone [a\n', r'rules, line 1: "\[a" has a \[ without its \]'),
                          ('guest-*\n', 'rules, line 1: a rule begins with'), ('token x y\n', 'rules, line 1: a token is')):
            if text is not None:
                self.write_rules(text)
            herd = self.herd([], ['Bailey'], access={'rules_file': self.rules})
            for arguments in ((), ('--check',)):
                with self.subTest(why=why, arguments=arguments):
                    done = subprocess.run([find_herdd(), *arguments, '--config', herd.config_of('Bailey'), 'Bailey'],
                                          capture_output=True, text=True, timeout=DEADLINE, check=False)
                    self.assertEqual((done.returncode, done.stdout), (2, ''), done.stderr)
                    self.assertRegex(done.stderr, rf'^herdd: \S+herd\.conf: \[access\] rules_file: .*{why}.*\n$')


if __name__ == '__main__':
    unittest.main()
