# SPDX-License-Identifier: MIT
"""The test case for members that ask a stand-in for Google."""

from fake_google import FakeGoogle
from harness import KEY, HerdTestCase

UCLA = b'+34.068930-118.445127'


class GoogleTestCase(HerdTestCase):
    def setUp(self):
        super().setUp()
        self.google = self.fake_google()

    def fake_google(self, **options):
        fake = FakeGoogle(**options)
        self.addCleanup(fake.close)
        return fake

    def google_lone(self, herd=None, places=None, **options):
        """A member that asks self.google, not started; it is asked however often it fails, if @places says nothing else."""
        herd = {'places': 'google-legacy', **(herd or {})}
        places = {'url': self.google.url, 'circuit_failures': 0, **(places or {})}
        return self.lone(herd=herd, places=places, **options)

    def google_member(self, **options):
        return self.google_lone(**options).start()

    def assert_no_secret(self, *texts):
        for text in texts:
            text = text.encode() if isinstance(text, str) else text
            for secret in (KEY.encode(), self.google.url.encode(), self.google.url[7:].encode(), b'nearbysearch'):
                self.assertNotIn(secret, text)

    def assert_failure(self, reply, statuses=('UNKNOWN_ERROR',)):
        """R15: the shape of an answer, no results, one of these statuses, no secret."""
        self.assertIn(reply.status, statuses, reply.body)
        self.assertEqual(set(reply.json), {'error_message', 'html_attributions', 'results', 'status'})
        self.assertEqual((reply.json['html_attributions'], reply.json['results']), ([], []))
        self.assertIsInstance(reply.json['error_message'], str)
        self.assert_no_secret(reply.raw)
        self.assertNotIn('/', reply.json['error_message'])
