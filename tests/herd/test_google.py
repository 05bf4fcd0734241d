# SPDX-License-Identifier: MIT
"""The provider google-legacy: what it is asked, and what becomes of its answers (R10, R13-R15)."""

import json
import re
import unittest
from decimal import Decimal

from fake_google import PATH, answer
from google_case import UCLA, FailureTests, GoogleTestCase, KeyTests
from harness import KEY, diag
from layout import laid_out


class Requests(KeyTests, GoogleTestCase):
    def test_r10_the_request_has_metres_and_no_plus(self):
        client = self.google_member().client()
        for place, latitude, longitude in (
                (UCLA, '34.068930', '-118.445127'), (b'+00.0+000.0', '0', '0'), (b'-90-180', '-90', '-180'),
                (b'+0.0000001-0.0000001', '0.0000001', '-0.0000001'), (b'-0.5+179.999999999', '-0.5', '179.999999999'),
                (b'+1.1234567890123+2', '1.123456789', '2'), (b'+012+007.50', '12', '7.5')):
            for radius, metres in ((b'10', '10000'), (b'10.5', '10500'), (b'0.001', '1'), (b'50.0', '50000')):
                with self.subTest(place=place, radius=radius):
                    client.iamat(b'kiwi', place)
                    client.whatsat(b'kiwi', radius, b'5')
                    query, path = self.google.calls[-1].question, self.google.calls[-1].path
                    self.assertTrue(path.startswith(PATH + '?'), path)
                    self.assertNotIn('+', path)
                    self.assertNotIn('%2B', path.upper())
                    self.assertEqual(set(query), {'location', 'radius', 'key'})
                    self.assertEqual(query['key'], KEY)
                    self.assertRegex(query['location'], r'\A-?\d+(\.\d+)?,-?\d+(\.\d+)?\Z')
                    self.assertEqual([Decimal(text) for text in query['location'].split(',')],
                                     [Decimal(latitude), Decimal(longitude)])
                    self.assertRegex(query['radius'], r'\A\d+(\.\d+)?\Z')
                    self.assertEqual(Decimal(query['radius']), Decimal(metres))

    def test_type_and_language_are_asked_for(self):
        client = self.google_member(places={'type': 'cafe&x', 'language': 'zh-TW'}).client()
        client.iamat(b'kiwi', UCLA)
        self.assertEqual(client.whatsat(b'kiwi').status, 'OK')
        question = self.google.calls[-1].question
        self.assertEqual(set(question), {'location', 'radius', 'type', 'language', 'key'})
        self.assertEqual((question['type'], question['language']), ('cafe&x', 'zh-TW'))

    def test_one_request_for_one_whatsat_and_none_for_the_rest(self):
        client = self.google_member().client()
        client.iamat(b'kiwi', UCLA)
        client.whatsat(b'kiwi', b'10', b'5')
        self.assertEqual(self.google.requests, 1)
        for line in (b'WHATSAT kiwi 51 5', b'WHATSAT kiwi 10 21', b'WHATSAT nobody 10 5', b'WHATSAT kiwi 10'):
            client.ask(line)
        for radius, bound in ((b'10', b'0'), (b'0', b'5')):
            self.assertEqual(client.whatsat(b'kiwi', radius, bound).status, 'ZERO_RESULTS')
        self.assertEqual(self.google.requests, 1)

    def test_connections_to_the_provider_are_kept(self):
        client = self.google_member().client()
        client.iamat(b'kiwi', UCLA)
        for number in range(40):
            client.whatsat(b'kiwi', b'%d' % (number + 1), b'5')
        diag(f'40 lookups over {len(self.google.peers)} connections')
        self.assertEqual(self.google.requests, 40)
        self.assertLessEqual(len(self.google.peers), 8)


class Answers(GoogleTestCase):
    def setUp(self):
        super().setUp()
        self.member = self.google_member()
        self.client = self.member.client()
        self.at = self.client.iamat(b'kiwi', UCLA)

    def test_r14_an_answer_of_2019_comes_through_byte_for_byte(self):
        for count in (0, 1, 2, 19, 20):
            with self.subTest(count=count):
                self.google.always(answer(count))
                reply = self.client.whatsat(b'kiwi', b'10', b'20')
                self.assertEqual(reply.at, self.at)
                self.assertEqual(reply.body + b'\n', answer(count))

    def test_r13_results_are_cut_to_the_bound_in_the_providers_order(self):
        whole = json.loads(answer(20))
        whole['results'].sort(key=lambda place: place['place_id'], reverse=True)
        self.google.always(json.dumps(whole).encode())
        for bound in (1, 2, 5, 19, 20):
            with self.subTest(bound=bound):
                reply = self.client.whatsat(b'kiwi', b'10', b'%d' % bound)
                self.assertEqual(reply.json, {**whole, 'results': whole['results'][:bound]})
                self.assertEqual(reply.body, laid_out(reply.body))

    def test_r13_more_results_than_twenty_are_cut_too(self):
        self.google.always(answer(45))
        self.assertEqual(len(self.client.whatsat(b'kiwi', b'10', b'20').names), 20)

    def test_r14_any_layout_of_the_provider_becomes_the_one(self):
        body = answer(3)
        value = json.loads(body)
        for name, text in (
                ('compact', json.dumps(value, separators=(',', ':'), ensure_ascii=False).encode()),
                ('escaped', json.dumps(value, ensure_ascii=True).encode()),
                ('tabs', json.dumps(value, indent='\t').encode()),
                ('crlf', body.replace(b'\n', b'\r\n')),
                ('blank lines', b'\n\n' + body.replace(b'\n', b'\n\n\n') + b'\n\n\n'),
                ('2023', re.sub(rb' : ([{\[])\n( *)', rb' : \n\2\1\n\2', body)),
                ('reversed', json.dumps(dict(reversed(value.items()))).encode())):
            with self.subTest(name):
                self.google.always(text)
                self.assertEqual(self.client.whatsat(b'kiwi').body + b'\n', body)

    def test_r14_numbers_keep_their_digits(self):
        for number in ('34.068921', '34.068921000000003', '-118.4454611697085000', '0', '-0', '-0.0', '1e5', '1E+2',
                       '1.50e-7', '12345678901234567890123', '0.1', '4.0', '1e400'):
            with self.subTest(number=number):
                text = '{"html_attributions":[],"results":[{"name":"x","rating":%s}],"status":"OK"}' % number
                self.google.always(text.encode())
                self.assertIn(b'"rating" : %s\n' % number.encode(), self.client.whatsat(b'kiwi').body)

    def test_r14_strings_keep_their_characters(self):
        for name in ('plain', 'ünï', '漢字', '😀 pair', 'quote " backslash \\ slash /', 'line\n\nbreak', 'tab\tcr\r',
                     'bell\x07 del\x7f', '<b>&amp;</b>', '\u2028\u2029', 'nul\x00', "it's", '\\n', ' blanks  '):
            for ascii_only in (True, False):
                with self.subTest(name=name, ascii_only=ascii_only):
                    value = {'html_attributions': [], 'results': [{'name': name, name: 1}], 'status': 'OK'}
                    self.google.always(json.dumps(value, ensure_ascii=ascii_only).encode())
                    reply = self.client.whatsat(b'kiwi')
                    self.assertEqual(reply.json, value)
                    if name.isprintable():
                        self.assertEqual(reply.body, laid_out(reply.body))

    def test_r14_members_that_nobody_knows_are_kept(self):
        value = {'html_attributions': ['<a href="x">x</a>'], 'info_messages': ['a', 'b'],
                 'new': {'deep': [[], {}, [[1]]]},
                 'results': [{'name': 'x', 'zebra': None, 'aardvark': [True, False, None], 'list': list(range(30))}],
                 'next_page_token': 'abc', 'status': 'OK'}
        self.google.always(json.dumps(value).encode())
        reply = self.client.whatsat(b'kiwi')
        self.assertEqual(reply.json, value)
        self.assertEqual(reply.body, laid_out(reply.body))

    def test_r14_short_arrays_stay_on_one_line_up_to_the_margin(self):
        for width in range(60, 76):
            for count in (1, 2, 5):
                with self.subTest(width=width, count=count):
                    items = ['é'] * (count - 1) + ['y' * (width - 6 * count)]
                    value = {'html_attributions': items, 'results': [], 'status': 'OK'}
                    self.google.always(json.dumps(value).encode())
                    body = self.client.whatsat(b'kiwi').body
                    self.assertEqual(body, laid_out(body))
                    self.assertEqual(json.loads(body), value)


class Failures(FailureTests, GoogleTestCase):
    def test_r15_bodies_that_are_no_answer(self):
        for body in (b'', b'\n', b'null', b'12', b'"OK"', b'[]', b'[{}]', b'true', b'{', b'}', b'{"results":[',
                     b'<html>', b'{"results":[],"status":"OK"', b'{"results":[],"status":"OK"}x',
                     b'{"results":[],"status":"OK"}{}', b'{"results":[],"status":"OK",}',
                     b"{'results':[],'status':'OK'}", b'{"results":[01],"status":"OK"}',
                     b'{"results":[{"a":.5}],"status":"OK"}', b'{"results":[{"a":NaN}],"status":"OK"}',
                     b'{"results":[{"a":"\\x"}],"status":"OK"}', b'{"results":[{"a":"raw\nLF"}],"status":"OK"}',
                     b'{"results":[{"a":"\xff"}],"status":"OK"}',
                     b'{"results":{},"status":"OK"}', b'{"results":"none","status":"OK"}',
                     b'{"results":5,"status":"OK"}',
                     b'{"results":[],"status":7}', b'{"results":[],"status":null}', b'\0', answer(2)[:-40],
                     b'[' * 200_000, b'{"a":' * 200_000,
                     b'{"results":' + b'[' * 5000 + b']' * 5000 + b',"status":"OK"}'):
            with self.subTest(body=body[:60]):
                self.google.always(body)
                self.assert_failure(self.ask())

    def test_r15_a_status_that_google_does_not_have_is_a_failure_or_kept_in_shape(self):
        self.google.always(b'{"results":[],"status":"A\\n\\nB"}')
        self.assertEqual(self.ask().json['results'], [])

    def test_r14_half_a_surrogate_pair_cannot_break_the_reply(self):
        for text in (b'\\ud800', b'\\udc00x', b'\\ud800\\ud800'):
            with self.subTest(text=text):
                self.google.always(b'{"results":[{"a":"' + text + b'"}],"status":"OK"}')
                self.ask().body.decode()

    def test_r15_errors_that_google_itself_reports(self):
        for status in ('OVER_QUERY_LIMIT', 'REQUEST_DENIED', 'INVALID_REQUEST', 'UNKNOWN_ERROR'):
            for body in ({'status': status}, {'status': status, 'error_message': 'Please wait.'},
                         {'status': status, 'results': [], 'html_attributions': []}):
                with self.subTest(body=body):
                    self.google.always(json.dumps(body).encode())
                    # Google's own errors need not have a message; what it says stays.
                    self.assertEqual(self.ask().json, {'html_attributions': [], 'results': [], **body})

    def test_r15_a_link_in_googles_own_message_is_not_passed_on(self):
        message = 'Enable it at https://console.example/apis?project=1, then retry (see https://a.example/b).'
        self.google.always(json.dumps({'status': 'REQUEST_DENIED', 'error_message': message}).encode())
        reply = self.ask()
        self.assert_failure(reply, ['REQUEST_DENIED'])
        self.assertEqual(reply.json['error_message'], 'Enable it at [url], then retry (see [url]).')

    def test_a_key_of_the_new_api_gets_a_hint(self):
        message = "You're calling a legacy API, which is not enabled for your project."
        self.google.always(json.dumps({'status': 'REQUEST_DENIED', 'error_message': message}).encode())
        reply = self.ask()
        self.assert_failure(reply, ['REQUEST_DENIED'])
        self.assertEqual(reply.json['error_message'], message + ' For Places API (New) set places = google.')

    def test_r15_a_key_or_url_in_googles_own_message_is_not_passed_on(self):
        message = f'Key {KEY} is bad, see {self.google.url}{PATH}?key={KEY}'
        for code in (200, 403):
            with self.subTest(code=code):
                self.google.always(json.dumps({'status': 'REQUEST_DENIED', 'error_message': message}).encode(), code)
                self.assert_failure(self.ask(), ['REQUEST_DENIED'])


if __name__ == '__main__':
    unittest.main()
