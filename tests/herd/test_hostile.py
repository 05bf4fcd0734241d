# SPDX-License-Identifier: MIT
"""A provider that does all it can, and harms nobody (R15): those who ask get their answer in time, others do not
notice, and afterwards as many lookups as before run at once, on as many threads, in as much memory."""

import gzip
import itertools
import json
import os
import socket
import ssl
import subprocess
import time
import unittest

from fake_google import PATH, Response, answer, new_answer
from google_case import UCLA, GoogleTestCase
from harness import DEADLINE, LOG_LINE, PROMPT, SANITIZER, diag, wait_until

WORKERS, LOOKUPS = 8, 4
ASKERS = 2 * LOOKUPS  # half of them wait in line
LATE_S = 2 if SANITIZER else 1  # what a lookup may take where it is to run out
TRIES = 5  # of lookups that may take no longer, on a machine that stands still at times
# Bytes, for LOOKUPS bodies of at most 2 MiB and what is made of them; AddressSanitizer holds back 256 MiB.
GROWTH = (512 if SANITIZER else 16) << 20

FAILED = ('UNKNOWN_ERROR',)
NO_TURN = 'OVER_QUERY_LIMIT'  # for who has stood in line for as long as a lookup may take

BODY = answer(20)
MB = b' ' * (1 << 20)
FOR_EVER = float('inf')


def head(*lines, status=b'200 OK'):
    return b'\r\n'.join([b'HTTP/1.1 ' + status, b'Content-Type: application/json', *lines, b'', b''])


def length(count):
    return b'Content-Length: %d' % count


def raw(make_pieces):
    """Says what make_pieces() gives, anew for each request."""
    return lambda query: Response(make_pieces(), mode='raw')


def pieces(*given):
    """Says these, and then nothing for ever."""
    return raw(lambda: itertools.chain(given, [1e6]))


def closing(*given):
    """Says these and closes the connection."""
    return raw(lambda: given)


def endless(first, again):
    return raw(lambda: itertools.chain([first], itertools.repeat(again)))


def slowly(text):
    """A byte a second."""
    return raw(lambda: itertools.chain.from_iterable((text[at:at + 1], 1) for at in range(len(text))))


def plain(*arguments, **options):
    return lambda query: Response(*arguments, **options)


def packed(body, encoding='gzip'):
    return plain(body, headers={'Content-Encoding': encoding})


def value(**members):
    """An answer with members that are not what they should be."""
    return plain(json.dumps({'html_attributions': [], 'results': [], 'status': 'OK', **members}).encode())


def without(member):
    whole = json.loads(BODY)
    del whole[member]
    return plain(json.dumps(whole).encode())


def chunk(data):
    return b'%x\r\n%s\r\n' % (len(data), data)


SLOW = {
    'hangs before the headers': pieces(),
    'hangs in the middle of the headers': pieces(b'HTTP/1.1 200 OK\r\nContent-Le'),
    'hangs after the headers': pieces(head(length(len(BODY)))),
    'hangs in the middle of the body': pieces(head(length(len(BODY))), BODY[:1000]),
    'hangs before the last chunk': pieces(head(b'Transfer-Encoding: chunked'), chunk(BODY)),
    'headers a byte a second': slowly(head(length(len(BODY))) + BODY),
    'a body a byte a second': raw(lambda: itertools.chain(
        [head(length(len(BODY)))], itertools.chain.from_iterable((b'{', 1) for _ in BODY))),
    'less than Content-Length says, and no end': pieces(head(length(len(BODY) + 1)), BODY),
    'to be continued, for ever': endless(b'', b'HTTP/1.1 100 Continue\r\n\r\n' * 10_000),
    'other protocols': pieces(head(b'Upgrade: h2c', b'Connection: Upgrade', status=b'101 Switching Protocols')),
}

LARGE = {
    '50 MB': plain(50 * MB),
    '50 MB until the connection is closed': raw(lambda: itertools.chain([head()], itertools.repeat(MB, 50))),
    'chunks without end': endless(head(b'Transfer-Encoding: chunked'), chunk(MB)),
    'a chunk without end': endless(head(b'Transfer-Encoding: chunked') + b'ffffffffffff\r\n', MB),
    'white space without end': endless(head(), b' ' * (1 << 20)),
    'one header of 1 MB': closing(head(b'X: ' + MB, length(len(BODY))), BODY),
    'a thousand headers of 1 KB': closing(head(*[b'X: ' + MB[:1000]] * 1000, length(len(BODY))), BODY),
    'headers without end': endless(b'HTTP/1.1 200 OK\r\n', b'X: ' + MB[:1000] + b'\r\n'),
    'a trailer without end': endless(head(b'Transfer-Encoding: chunked') + chunk(BODY) + b'0\r\n',
                                     b'X: y\r\n' * 10_000),
    '10,000 results': plain(answer(10_000)),
    'gzip that unpacks to 64 MB': packed(gzip.compress(bytes(64 << 20))),
    'gzip that unpacks to an answer of 64 MB': packed(gzip.compress(b'{"status":"OK","results":[' + MB * 64 + b']}')),
    'gzip in gzip that unpacks to 64 MB': packed(gzip.compress(gzip.compress(bytes(64 << 20))), 'gzip, gzip'),
    'gzip fifty times': packed(BODY, ', '.join(['gzip'] * 50)),
    '100,000 arrays, one in the other': plain(b'[' * 100_000),
    '100,000 objects, one in the other': plain(b'{"a":' * 100_000),
    '100,000 arrays in a result': plain(b'{"results":[' + b'[' * 100_000 + b']' * 100_000 + b'],"status":"OK"}'),
    '150,000 values': value(results=[0] * 150_000),
}

BROKEN = {
    'closed at once': lambda query: Response(mode='reset'),
    'closed without a byte': closing(),
    'closed in the middle of the status line': closing(b'HTTP/1'),
    'closed in the middle of the headers': closing(b'HTTP/1.1 200 OK\r\nContent-Le'),
    'closed in the middle of the body': closing(head(length(len(BODY))), BODY[:1000]),
    'closed in the middle of a chunk': closing(head(b'Transfer-Encoding: chunked'), chunk(BODY)[:1000]),
    'closed before the last chunk': closing(head(b'Transfer-Encoding: chunked'), chunk(BODY)),
    'more than Content-Length says': closing(head(length(1000)), BODY),
    'a negative Content-Length': closing(head(b'Content-Length: -1'), BODY[:1000]),
    'a Content-Length beyond 64 bits': closing(head(b'Content-Length: 99999999999999999999'), BODY),
    'a Content-Length that is no number': closing(head(b'Content-Length: many'), BODY[:1000]),
    'chunks of no length': closing(head(b'Transfer-Encoding: chunked'), b'zz\r\n' + BODY),
    'chunks of negative length': closing(head(b'Transfer-Encoding: chunked'), b'-1\r\n' + BODY),
    'chunks of more than 64 bits': closing(head(b'Transfer-Encoding: chunked'), b'f' * 40 + b'\r\n' + BODY),
    'no headers at all, as HTTP/0.9 has it': closing(BODY),
    'a status line of another protocol': closing(b'ICY 200 OK\r\n\r\n' + BODY),
    'no HTTP': closing(bytes(range(256)) * 16),
    'invalid gzip': packed(BODY),
    'gzip that is cut off': packed(gzip.compress(BODY)[:-100]),
    'an encoding that nobody has': packed(BODY, 'rot13'),
    'broken JSON': plain(BODY.replace(b' : ', b' = ')),
    'truncated JSON': plain(BODY[:-40]),
    'no JSON': plain(b'<html>503</html>'),
    'nothing': plain(b''),
}

WRONG_TYPES = {
    **{f'the whole is {json.dumps(root)}': plain(json.dumps(root).encode())
       for root in ([], [{}], 'OK', None, True, 7, {})},
    **{f'results is {json.dumps(results)}': value(results=results)
       for results in ('none', None, 7, True, {}, {'0': {}}, [None], [None] * 20, [[]], ['a', 'b'], [1, 2])},
    **{f'status is {json.dumps(status)}': value(status=status)
       for status in (7, None, [], ['OK'], {}, True, '', 'ok', 'OK\u0000', 'WHO KNOWS')},
    **{f'html_attributions is {json.dumps(attributions)}': value(html_attributions=attributions)
       for attributions in ('none', None, 7, {})},
    'no results': without('results'),
    'no status': without('status'),
    'results twice': plain(b'{"results":[],"results":[{}],"status":"OK"}'),
    'status twice': plain(b'{"results":[],"status":"OK","status":"REQUEST_DENIED"}'),
}


class HostileCase(GoogleTestCase):
    HEADERS = {}  # of good answers

    def start(self, timeout_s=DEADLINE, **places):
        self.timeout_s = timeout_s
        self.member = self.google_member(herd={'workers': WORKERS}, places={
            'timeout_ms': int(timeout_s * 1000), 'max_lookups': LOOKUPS, **places})
        self.other = self.member.client()
        self.at = self.other.iamat(b'kiwi', UCLA)
        self.asked = 0

    def tearDown(self):
        self.member.stop()
        log = self.member.log()
        self.assert_no_secret(log, self.member.stderr())
        for line in log.splitlines():
            self.assertRegex(line, LOG_LINE)
        super().tearDown()

    def ask(self, bound=20):
        """Clients that have each asked another question."""
        clients = [self.member.client() for _ in range(ASKERS)]
        for client in clients:
            self.asked += 1
            client.send(b'WHATSAT kiwi %d.%03d %d\n' % (1 + self.asked // 1000, self.asked % 1000, bound))
        return clients

    def report(self):
        self.assertTrue(self.other.iamat(b'other').startswith(b'AT Bailey '))
        with self.member.client() as newcomer:
            self.assertTrue(newcomer.iamat(b'newcomer').startswith(b'AT Bailey '))

    def endure(self, response, check, reaches=True):
        """Asks the provider, which responds like that, in all places of the fence. Others are served meanwhile, and
        each reply passes check(). `reaches`: so far does the provider let a request come."""
        self.google.respond = response
        if reaches:
            self.google.gate.clear()
        clients = self.ask()
        if reaches:
            wait_until(lambda: self.google.open >= LOOKUPS, 'the provider is asked')
        self.report()
        self.google.gate.set()
        begin = time.monotonic()

        def answered():
            self.report()
            return not any(client.silent() for client in clients)
        # Who stood in line has had a lookup's time for that, and another for the lookup.
        wait_until(answered, 'all have their replies', 2 * self.timeout_s + PROMPT)
        for client in clients:
            reply = client.reply()
            self.assertEqual(reply.at, self.at)
            check(reply)
            client.close()
        return time.monotonic() - begin

    def assert_as_good_as_new(self):
        """Exactly max_lookups lookups run at once, and all find something."""
        google = self.google
        google.always(self.good(3), headers=self.HEADERS)
        for _ in range(TRIES if self.timeout_s == LATE_S else 1):
            wait_until(lambda: google.open == 0, 'the provider is left alone')
            google.gate.clear()
            google.most_open = 0
            requests = google.requests
            clients = self.ask()
            wait_until(lambda: google.open >= LOOKUPS, 'all places of the fence are there')
            self.member.wait_event(rb'^recv \S+ WHATSAT ', self.asked)
            google.gate.set()
            replies = [client.reply() for client in clients]
            for client in clients:
                client.close()
            if all(reply.status == 'OK' for reply in replies):
                break
        for reply in replies:
            self.assertEqual(len(reply.names), 3, reply.body)
        self.assertEqual((google.most_open, google.requests - requests), (LOOKUPS, ASKERS))

    def assert_no_harm(self, responses, check, **options):
        """Endures one after the other; no thread and no memory is lost to any."""
        self.assert_as_good_as_new()
        threads, rss = self.member.threads(), self.member.rss()
        slowest = 0
        for name, response in responses.items():
            with self.subTest(name):
                slowest = max(slowest, self.endure(response, check, **options))
                self.assert_as_good_as_new()
                self.assertEqual(self.member.threads(), threads)
                self.assertLess(self.member.rss() - rss, GROWTH)
        diag(f'{len(responses)} ways, {ASKERS} lookups each, the slowest {slowest:.2f} s;'
             f' {(self.member.rss() - rss) >> 10} KiB more')

    def check_failure(self, reply):
        self.assert_failure(reply, FAILED)

    def check_failure_or_no_turn(self, reply):
        self.assert_failure(reply, (*FAILED, NO_TURN))


class HostileTests:
    """What no provider may do, whatever its API."""

    def setUp(self):
        super().setUp()
        self.start()

    def test_r15_a_provider_that_says_too_much(self):
        self.assert_no_harm(LARGE, self.check_failure_or_no_turn)

    def test_r15_a_provider_that_breaks_off_or_speaks_nonsense(self):
        self.assert_no_harm(BROKEN, self.check_failure)

    def test_r15_redirects_lead_nowhere(self):
        other = self.fake_google()
        self.assert_no_harm({code: plain(BODY, code, {'Location': other.url + PATH})
                             for code in (300, 301, 302, 303, 307, 308)}, self.check_failure)
        self.assertEqual(other.requests, 0)


class HostileNew(HostileTests, HostileCase):
    PROVIDER = 'google'
    good = staticmethod(new_answer)


class Hostile(HostileTests, HostileCase):
    def test_r15_a_provider_that_is_slow(self):  # of one API: how long is waited is the same for all
        self.member.stop()
        self.start(timeout_s=LATE_S)
        self.assert_no_harm(SLOW, self.check_failure_or_no_turn)

    def test_r15_wrong_types(self):
        self.assert_no_harm(WRONG_TYPES, self.check_failure)

    def test_r15_error_messages_of_any_kind(self):
        # They are Google's own words, and go to the client and the log: neither mistakes them for its own lines.
        messages = ('', '\n\n', 'a\n\nb\r\n', '\0', '\x1b[2J', '%s%n%p', '2026-01-01 info main stop', 'é' * 1000,
                    'x' * 1_000_000)
        self.assert_no_harm({repr(message[:20]): value(status='REQUEST_DENIED', error_message=message)
                             for message in messages}, lambda reply: self.assert_failure(reply, ('REQUEST_DENIED',)))

    def test_r13_10_000_small_results_are_cut_to_the_bound(self):
        def check(reply):
            self.assertEqual(reply.json, {'html_attributions': [], 'results': [{}] * 20, 'status': 'OK'})
        self.assert_no_harm({'10,000': value(results=[{}] * 10_000)}, check)

    def test_an_answer_that_nobody_asked_for_is_given_to_nobody(self):
        # Behind the one that was: whoever asks next over that connection must not take it for theirs.
        spare = head(length(len(answer(7)))) + answer(7)
        unasked = pieces(head(length(len(answer(2)))), answer(2) + spare)
        self.assert_no_harm({'unasked': unasked}, lambda reply: self.assertEqual(len(reply.names), 2))

    def test_r15_http_statuses(self):
        for status, codes in (('REQUEST_DENIED', (401, 403)), ('OVER_QUERY_LIMIT', (429,)),
                              ('UNKNOWN_ERROR', (201, 204, 206, 304, 404, 418, 500, 503, 599))):
            self.assert_no_harm({code: plain(BODY if code not in (204, 304) else b'', code) for code in codes},
                                lambda reply, status=status: self.assert_failure(reply, (status,)))

    def test_r15_retry_after_of_any_kind(self):
        # How long the provider is then left alone is another matter.
        threads = self.member.threads()
        for after in ('0', '1', '-1', '', 'soon', '99999999999999999999', 'Fri, 31 Dec 9999 23:59:59 GMT',
                      'Thu, 01 Jan 1970 00:00:00 GMT', '1' * 50_000):
            with self.subTest(after=after[:40]):
                self.endure(plain(b'', 429, {'Retry-After': after}),
                            lambda reply: self.assert_failure(reply, (NO_TURN,)), reaches=False)
                self.assertEqual(self.member.threads(), threads)


def openssl(directory, *words):
    subprocess.run(['openssl', *words], cwd=directory, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


class Authority:
    """A certificate authority of one test's own."""

    KEY = ('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes')

    def __init__(self, directory, name='authority'):
        self.directory = directory
        self.name = name
        self.file = os.path.join(directory, name + '.pem')
        self.self_signed(name, 'basicConstraints=critical,CA:TRUE')

    def self_signed(self, name, extension):
        openssl(self.directory, 'req', '-x509', *self.KEY, '-keyout', name + '.key', '-out', name + '.pem',
                '-subj', '/CN=' + name, '-days', '2', '-addext', extension)
        return self.files(name)

    def signed(self, name, subject, days=2):
        """A certificate for @subject (IP:127.0.0.1), by this authority; it ended yesterday with -1 days."""
        openssl(self.directory, 'req', *self.KEY, '-keyout', name + '.key', '-out', name + '.csr',
                '-subj', '/CN=' + name, '-addext', 'subjectAltName=' + subject)
        openssl(self.directory, 'x509', '-req', '-in', name + '.csr', '-out', name + '.pem', '-days', str(days),
                '-CA', self.file, '-CAkey', self.name + '.key', '-CAcreateserial', '-copy_extensions', 'copy')
        return self.files(name)

    def files(self, name):
        return [os.path.join(self.directory, name + end) for end in ('.pem', '.key')]


class Tls(HostileCase):
    """Nobody is told the key who cannot show that he is the provider."""

    HEADERS = {'Connection': 'close'}  # so that each lookup shakes hands

    def setUp(self):
        super().setUp()
        self.authority = Authority(self.directory)
        self.own = self.authority.signed('good', 'IP:127.0.0.1')
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.num_tickets = 0
        self.tls.load_cert_chain(*self.own)
        self.plain = self.google
        self.google = self.fake_google(tls=self.tls)

    def endure(self, response, check, **options):
        """@response is a certificate here."""
        requests = self.google.requests
        self.tls.load_cert_chain(*response)
        took = super().endure(None, check, reaches=False, **options)
        self.tls.load_cert_chain(*self.own)
        self.assertEqual(self.google.requests, requests)
        return took

    def check_untrusted(self, reply):
        self.assert_failure(reply, FAILED)
        self.assertRegex(reply.json['error_message'], '^The certificate of the places provider has expired')

    def test_r15_certificates_that_are_not_the_providers(self):
        other = Authority(self.directory, 'other')
        self.start(ca_file=self.authority.file)
        self.assert_no_harm({
            'expired': self.authority.signed('expired', 'IP:127.0.0.1', days=-1),
            'for another address': self.authority.signed('address', 'IP:127.0.0.2'),
            'for another name': self.authority.signed('name', 'DNS:places.example'),
            'of another authority': other.signed('stranger', 'IP:127.0.0.1'),
            'self-signed': other.self_signed('self', 'subjectAltName=IP:127.0.0.1'),
        }, self.check_untrusted)

    def test_r15_the_system_does_not_trust_an_authority_of_our_own(self):
        self.start()
        self.endure(self.own, self.check_untrusted)

    def test_r15_a_handshake_that_hangs(self):
        with socket.create_server(('127.0.0.1', 0)) as silent:
            self.start(url='https://127.0.0.1:%d' % silent.getsockname()[1], ca_file=self.authority.file,
                       timeout_s=LATE_S)
            self.endure(self.own, self.check_failure_or_no_turn)

    def test_r15_no_tls_where_there_should_be(self):
        self.start(url=self.plain.url.replace('http:', 'https:'), ca_file=self.authority.file)
        self.endure(self.own, self.check_failure_or_no_turn)
        self.assertEqual(self.plain.requests, 0)


if __name__ == '__main__':
    unittest.main()
