# SPDX-License-Identifier: MIT
"""The test case for members that ask a stand-in for Google, and tests that hold for both of Google's APIs."""

import os
import time

from fake_google import FakeGoogle, answer
from harness import KEY, PROMPT, SANITIZER, SLOWER, HerdTestCase, diag

UCLA = b'+34.068930-118.445127'


class GoogleTestCase(HerdTestCase):
    PROVIDER = 'google-legacy'
    good = staticmethod(answer)  # a body of that API with so many places

    def setUp(self):
        super().setUp()
        self.google = self.fake_google()

    def fake_google(self, **options):
        fake = FakeGoogle(**options)
        self.addCleanup(fake.close)
        return fake

    def google_lone(self, herd=None, places=None, **options):
        """A member that asks self.google, not started; it is asked however often it fails, if @places says nothing else."""
        herd = {'places': self.PROVIDER, **(herd or {})}
        places = {'url': self.google.url, 'circuit_failures': 0, **(places or {})}
        return self.lone(herd=herd, places=places, **options)

    def google_member(self, **options):
        return self.google_lone(**options).start()

    def assert_no_secret(self, *texts):
        for text in texts:
            text = text.encode() if isinstance(text, str) else text
            for secret in (KEY.encode(), self.google.url.encode(), self.google.url.partition('://')[2].encode(),
                           b'nearbysearch', b'searchNearby'):
                self.assertNotIn(secret, text)

    def assert_failure(self, reply, statuses=('UNKNOWN_ERROR',)):
        """R15: the shape of an answer, no results, one of these statuses, no secret."""
        self.assertIn(reply.status, statuses, reply.body)
        self.assertEqual(set(reply.json), {'error_message', 'html_attributions', 'results', 'status'})
        self.assertEqual((reply.json['html_attributions'], reply.json['results']), ([], []))
        self.assertIsInstance(reply.json['error_message'], str)
        self.assert_no_secret(reply.raw)
        self.assertNotIn('/', reply.json['error_message'])


class KeyTests:
    """A key comes from a file or the environment, and arrives whole."""

    def test_a_key_of_any_characters_arrives_whole(self):
        key = 'a+b/c=d&e%20f#?~'
        path = os.path.join(self.directory, 'key')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(key + '\n')
        member = self.google_member(places={'key_file': path})
        client = member.client()
        client.iamat(b'kiwi', UCLA)
        self.assertEqual(client.whatsat(b'kiwi').status, 'OK')
        self.assertEqual(self.google.calls[-1].key, key)

    def test_no_key_is_one_line_and_no_start(self):
        for places in ({}, {'key_file': os.path.join(self.directory, 'missing')}):
            with self.subTest(places=places):
                member = self.google_lone(places=places)
                member.spawn(env={'HERD_PLACES_KEY': ''})
                self.assertEqual(member.read_stdout_line(), b'')
                self.assertEqual(member.wait(), 2)
                member.process = None
                self.assertRegex(member.stderr(), r'^herdd: \S+herd\.conf: \[places\] [^\n]*key[^\n]*\n$')


class FailureTests:
    """R15: whatever happens upstream, the reply has its shape and tells no secret."""

    TIMEOUT_MS = 2400 if SANITIZER else 1500

    def setUp(self):
        super().setUp()
        self.member = self.google_member(places={'timeout_ms': self.TIMEOUT_MS})
        self.client = self.member.client()
        self.at = self.client.iamat(b'kiwi', UCLA)

    def ask(self):
        """The reply, which must come in time and leave the member in order."""
        begin = time.monotonic()
        reply = self.client.whatsat(b'kiwi', b'10', b'20')
        self.assertEqual(reply.at, self.at)
        self.assertLess(time.monotonic() - begin, self.TIMEOUT_MS / 1000 + PROMPT)
        return reply

    def tearDown(self):
        self.google.always(self.good(3))
        self.assertEqual(len(self.client.whatsat(b'kiwi', b'11', b'20').names), 3)
        self.member.stop()
        self.assert_no_secret(self.member.log(), self.member.stderr())
        super().tearDown()

    def test_r15_http_statuses(self):
        for code, statuses in ((500, ['UNKNOWN_ERROR']), (502, ['UNKNOWN_ERROR']), (503, ['UNKNOWN_ERROR']),
                               (404, ['UNKNOWN_ERROR', 'REQUEST_DENIED', 'INVALID_REQUEST']),
                               (400, ['INVALID_REQUEST', 'UNKNOWN_ERROR']), (401, ['REQUEST_DENIED']),
                               (403, ['REQUEST_DENIED']), (429, ['OVER_QUERY_LIMIT']), (204, ['UNKNOWN_ERROR'])):
            for body in (b'', b'502 Bad Gateway', b'<html>%s</html>' % self.google.url.encode()):
                if code == 204 and body:
                    continue
                with self.subTest(code=code, body=body):
                    self.google.always(body, code)
                    self.assert_failure(self.ask(), statuses)

    def test_r15_a_good_body_with_a_bad_status_is_a_failure(self):
        self.google.always(self.good(3), 500)
        self.assert_failure(self.ask())

    def test_r15_broken_connections(self):
        for mode in ('reset', 'truncated', 'cut'):
            with self.subTest(mode=mode):
                self.google.always(self.good(5), mode=mode)
                self.assert_failure(self.ask())

    def test_r15_late_answers(self):
        for mode in ('hang', 'drip'):
            with self.subTest(mode=mode):
                self.google.always(self.good(5), mode=mode)
                begin = time.monotonic()
                self.assert_failure(self.ask())
                self.assertGreater(time.monotonic() - begin, 0.9 * self.TIMEOUT_MS / 1000)

    def test_r15_nobody_listens(self):
        self.google.server.shutdown()
        self.google.server.server_close()
        self.google.closing.set()
        self.assert_failure(self.ask())
        port = int(self.google.url.rpartition(':')[2])
        self.google = self.fake_google(port=port)

    def test_r15_redirects_are_not_followed(self):
        other = self.fake_google()
        for code in (301, 302, 307, 308):
            with self.subTest(code=code):
                self.google.always(b'', code, {'Location': other.url + '/elsewhere'})
                self.assert_failure(self.ask())
        self.assertEqual(other.requests, 0)

    def test_r15_a_huge_answer_is_refused_and_costs_little(self):
        huge = b'{"html_attributions":[],"results":[{"name":"%s"}],"status":"OK"}' % (b'x' * (64 << 20))
        for body in (huge, b' ' * (64 << 20)):
            before = self.member.rss()
            self.google.always(body)
            self.assert_failure(self.client.whatsat(b'kiwi', b'10', b'20'))
            growth = self.member.rss() - before
            diag(f'64 MiB from the provider: {growth >> 10} KiB more')
            self.assertLess(growth, (16 << 20) * SLOWER)
