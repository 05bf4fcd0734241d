# SPDX-License-Identifier: MIT
"""When a provider is not asked: its circuit is open, the budget is used up, an earlier answer serves; and who answers then."""

import unittest

from client import AT
from fake_google import Response, answer
from google_case import UCLA, GoogleTestCase
from harness import wait_until

FAILURES = 3
BUILT_IN = 'These are the built-in places. '


class Spared(GoogleTestCase):
    def start(self, **places):
        self.member = self.google_member(places=places)
        self.member.client().iamat(b'kiwi', UCLA)
        self.client = self.member.client()
        return self.member

    def ask(self, radius=b'10', bound=b'20'):
        return self.client.whatsat(b'kiwi', radius, bound)

    def fail_until_open(self):
        """Each failure is one request; then the provider has its peace."""
        for count in range(1, FAILURES + 1):
            self.assert_failure(self.ask())
            self.assertEqual(self.google.requests, count)
        self.member.wait_event(rb'^places circuit open: ')

    def spared_message(self):
        """What somebody is told who is answered at once. A slow machine may take longer to ask than the provider is left alone
        for; that grows with each failure."""
        def message():
            reply = self.ask()
            self.assert_failure(reply)
            return reply.json['error_message']
        return wait_until(lambda: (text := message()).endswith(' s.)') and text, 'the circuit is open')

    def wait_closed(self):
        """Asks until it is asked again: a trial is due after a second."""
        wait_until(lambda: self.ask().status == 'OK', 'the circuit closes by trial')
        self.member.wait_event(rb'^places circuit closed: ')

    def counters(self):
        """What the member's last line says that it has counted."""
        self.member.stop()
        (stop,) = self.member.events(b'stop clients=')
        return {name: int(value) for name, value in (word.split('=') for word in stop.decode().split()[1:])}

    def test_a_provider_that_fails_in_a_row_is_left_alone_and_tried_again(self):
        self.start(circuit_failures=FAILURES)
        self.google.always(b'', 500)
        self.fail_until_open()
        self.assertRegex(self.spared_message(),
                         r'^The places provider answered with HTTP status 500\. \(It is asked again in \d+ s\.\)$')
        self.google.always(answer(20))
        self.wait_closed()
        before = self.google.requests
        for _ in range(FAILURES):
            self.assertEqual(self.ask().status, 'OK')
        self.assertEqual(self.google.requests, before + FAILURES)
        counted = self.counters()
        self.assertGreaterEqual(counted['lookups_spared'], 1)
        self.assertEqual(counted['circuit_opened'], 1)
        self.assertEqual(counted['provider_calls'], self.google.requests)

    def test_a_provider_that_hangs_does_not_hold_up_those_who_ask_once_its_circuit_is_open(self):
        """Others wait for a lookup of theirs to begin; they are answered when those that hang have timed out."""
        self.start(circuit_failures=FAILURES, max_lookups=FAILURES, timeout_ms=2000)
        self.google.always(mode='hang')
        askers = [self.member.client() for _ in range(10 * FAILURES)]
        for number, asker in enumerate(askers, 1):
            asker.send(b'WHATSAT kiwi %d 5\n' % number)
        for asker in askers:
            self.assert_failure(asker.reply(), ['UNKNOWN_ERROR', 'OVER_QUERY_LIMIT'])
        self.assertRegex(self.spared_message(), '^The places provider did not answer within 2000 ms')
        # A trial or two among them, not thirty lookups.
        self.assertLess(self.google.requests, 3 * FAILURES)

    def test_retry_after_is_obeyed(self):
        self.start(circuit_failures=0)
        self.google.always(b'', 429, {'Retry-After': '3600'})
        self.assert_failure(self.ask(), ['OVER_QUERY_LIMIT'])
        self.google.always(answer(20))
        for _ in range(5):
            reply = self.ask()
            self.assert_failure(reply, ['OVER_QUERY_LIMIT'])
            self.assertRegex(reply.json['error_message'], r'\(It is asked again in 3(600|59\d) s\.\)$')
        self.assertEqual(self.google.requests, 1)

    def test_retry_after_ends(self):
        self.start(circuit_failures=0)
        self.google.always(b'', 429, {'Retry-After': '1'})
        self.assert_failure(self.ask(), ['OVER_QUERY_LIMIT'])
        self.google.always(answer(20))
        self.wait_closed()

    def test_no_more_calls_a_minute_than_the_budget(self):
        self.start(max_calls_per_minute=3)
        for number in range(1, 4):
            self.assertEqual(self.ask(b'%d' % number).status, 'OK')
        for number in range(4, 10):
            self.assert_failure(self.ask(b'%d' % number), ['OVER_QUERY_LIMIT'])
        self.assertEqual(self.google.requests, 3)
        counted = self.counters()
        self.assertEqual((counted['provider_calls'], counted['calls_over_budget']), (3, 6))

    def test_an_answer_serves_whoever_is_there_as_long_as_cache_s_says(self):
        self.start(cache_s=3600)
        first = self.ask()
        grape = self.member.client().iamat(b'grape', b'+34.068933-118.445124')
        self.google.always(b'', 500)
        again = self.client.whatsat(b'grape', b'10', b'20')
        self.assertEqual((again.at, again.body), (grape, first.body))
        self.assert_failure(self.ask(b'11'))
        self.assert_failure(self.ask(b'11'))  # a failure does not serve
        self.assertEqual(self.google.requests, 3)
        self.assertEqual(self.counters()['lookups_cached'], 1)

    def test_an_answer_ends_to_serve(self):
        self.start(cache_s=1)
        self.ask()
        wait_until(lambda: self.ask() and self.google.requests > 1, 'it is asked again')

    def assert_built_in(self, reply, why):
        self.assertEqual(reply.status, 'OK')
        self.assertNotIn('error_message', reply.json)
        self.assertIn('Westwood', reply.names)
        self.assertRegex(reply.json['html_attributions'][0], 'GeoNames')
        (info,) = reply.json['info_messages']
        self.assertRegex(info, '^' + BUILT_IN + why)
        self.assert_no_secret(reply.raw)

    def test_the_built_in_places_answer_when_the_provider_fails(self):
        self.start(fallback='embedded', circuit_failures=FAILURES)
        self.assertNotIn('info_messages', self.ask().json)
        for response, why in (
                (Response(b'', 500), 'The places provider answered with HTTP status 500'),
                (Response(answer(0, status='REQUEST_DENIED', error_message='Bad key.')), 'Bad key'),
                (Response(b'[', 200), 'The answer of the places provider is not JSON')):
            with self.subTest(why=why):
                self.google.respond = lambda query, response=response: response
                self.assert_built_in(self.ask(), why)
        self.assert_built_in(self.ask(), 'The answer of the places provider is not JSON.')  # asked or not
        counted = self.counters()
        self.assertEqual((counted['lookups_fallback'], counted['lookups_failed']), (4, 0))

    def test_the_built_in_places_answer_when_too_many_wait(self):
        self.google.gate.clear()
        self.start(fallback='embedded', max_lookups=1, max_waiting=0, timeout_ms=60_000)
        other = self.member.client()
        other.send(b'WHATSAT kiwi 9 5\n')
        wait_until(lambda: self.google.open == 1, 'the one lookup is under way')
        self.assert_built_in(self.ask(), 'This server has too many lookups waiting')
        self.google.gate.set()
        self.assertNotIn('info_messages', other.reply().json)
        self.assertRegex(self.member.client().iamat(b'grape'), AT)


if __name__ == '__main__':
    unittest.main()
