# SPDX-License-Identifier: MIT
"""What a member tells over HTTP: /metrics, /healthz, /readyz, /status."""

import http.client
import json
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest

from client import Client
from exposition import FormatError, parse, value
from google_case import GoogleTestCase
from harness import DEADLINE, KEY, PORTS, UCLA, HerdTestCase, diag, endpoint, scaled, wait_until

PAGES = ('/metrics', '/healthz', '/readyz', '/status')


class HttpTestCase(HerdTestCase):
    """Members of which each has an HTTP address of its own, in self.http by name."""

    def setUp(self):
        super().setUp()
        self.http = {}

    def http_groups(self, *names, host='127.0.0.1'):
        self.http = {name: (host, PORTS.take(host)) for name in names}
        return {f'http {name}': {'listen': endpoint(*address)} for name, address in self.http.items()}

    def lone_http(self, host='127.0.0.1', **options):
        return self.lone(groups=self.http_groups('Bailey', host=host), **options)

    def pair(self, **options):
        """Bailey and Bona, not started."""
        return self.herd('Bailey-Bona', groups=self.http_groups('Bailey', 'Bona'), **options)

    def request(self, path, method='GET', name='Bailey', body=None):
        """The status, the headers and the text of an answer."""
        connection = http.client.HTTPConnection(*self.http[name], timeout=DEADLINE)
        try:
            connection.request(method, path, body=body)
            response = connection.getresponse()
            return response.status, response.headers, response.read().decode()
        finally:
            connection.close()

    def page(self, path, name='Bailey'):
        status, _, text = self.request(path, name=name)
        self.assertEqual(status, 200, text)
        return text

    def metrics(self, name='Bailey'):
        return parse(self.page('/metrics', name))

    def status(self, name='Bailey'):
        return json.loads(self.page('/status', name))

    def link(self, here, there):
        """What @here says of its link to @there."""
        links = {link['neighbour']: link for link in self.status(here)['links']}
        return links[there]

    def wait_link(self, here, there, **wanted):
        wait_until(lambda: wanted.items() <= self.link(here, there).items(), f'{here} says of {there}: {wanted}')
        return self.link(here, there)

    def wait_ready(self, status, text):
        wait_until(lambda: self.request('/readyz')[::2] == (status, text), f'/readyz is {status} {text!r}')


class Format(unittest.TestCase):
    """The parser is as strict as it says."""

    GOOD = ('# HELP a_total A.\n# TYPE a_total counter\na_total{x="1"} 1\na_total{x="2"} 2\n'
            '# HELP h H.\n# TYPE h histogram\nh_bucket{le="1.6e-05"} 1\nh_bucket{le="+Inf"} 3\nh_sum 0.5\nh_count 3\n')

    def test_what_is_right_is_read(self):
        families = parse(self.GOOD)
        self.assertEqual(value(families, 'a_total', x='2'), 2)
        self.assertEqual(value(families, 'h_bucket', le='+Inf'), 3)

    def test_what_is_wrong_is_told(self):
        for old, new in (
                ('h_count 3\n', 'h_count 3'), ('a_total{x="2"}', 'a_total{x="1"}'), ('x="2"', 'x=2'),
                ('x="2"', 'x="2",'), ('x="2"', 'x="2",x="3"'), ('x="2"', 'x="\\t"'), ('# HELP h H.\n', ''),
                ('# TYPE h histogram\n', ''), ('# HELP h H.', '# HELP a_total A.'),
                ('# TYPE h histogram', '# TYPE h histogram\n# TYPE h histogram'),
                ('# TYPE h histogram', '# TYPE h gauge'), ('counter', 'gauge'), ('a_total', 'a'),
                ('a_total', 'a_ms_total'), ('} 2', '} two'), ('} 2', '}  2'), ('} 2', '} -2'), ('+Inf', '17'),
                ('h_count 3', 'h_count 4'), ('} 1\nh_bucket', '} 4\nh_bucket'), ('h_sum 0.5\n', ''),
                ('h_sum 0.5', 'h_sum 0'), ('h_sum', '\nh_sum'), ('h_sum', 'i_sum'), ('# HELP h', '#HELP h'),
                ('h_sum 0.5', 'h_sum 0.5\na_total{x="3"} 1')):
            with self.subTest(new=new, instead_of=old):
                self.assertIn(old, self.GOOD)
                self.assertRaises(FormatError, parse, self.GOOD.replace(old, new))


class Metrics(HttpTestCase):
    def test_figures_are_those_of_what_happened(self):
        member = self.lone_http().start()
        client = member.client()
        before = time.time()
        for number in range(7):
            client.iamat(b'kiwi-%d' % number, UCLA, b'1000')
        client.iamat(b'kiwi-0', UCLA, b'999')  # stale
        client.exchange(b''.join(b'IAMAT many-%d %s 1\n' % (number, UCLA) for number in range(40))
                        + b'WHATSAT kiwi-1 1 0\nWHATSAT kiwi-2 10 5\nWHATSAT nobody 1 0\n\nhello\nIAMAT\n')
        idle = [member.client() for _ in range(3)]

        def connections():
            families = self.metrics()
            return [value(families, 'herd_connections_' + figure) for figure in ('open', 'total')]
        wait_until(lambda: connections() == [len(idle), 1 + len(idle)], 'the others are closed, and these open')

        families = self.metrics()
        requests = {kind: value(families, 'herd_requests_total', kind=kind) for kind in ('iamat', 'whatsat', 'invalid')}
        self.assertEqual(requests, {'iamat': 48, 'whatsat': 2, 'invalid': 4})
        self.assertEqual(value(families, 'herd_stale_iamats_total'), 1)
        self.assertEqual(value(families, 'herd_records'), 47)
        self.assertEqual(value(families, 'herd_connections_max'), 10000)
        # Each line that was answered has taken its time.
        self.assertEqual(value(families, 'herd_request_duration_seconds_count'), 54)
        self.assertGreater(54 * (time.time() - before), value(families, 'herd_request_duration_seconds_sum'))
        self.assertEqual(value(families, 'herd_lookup_duration_seconds_count'), 0)
        self.assertEqual(value(families, 'herd_build_info', version=self.status()['version'], member='Bailey'), 1)
        self.assertEqual(value(families, 'herd_workers'), 8)
        self.assertLessEqual(1, value(families, 'herd_workers_active') + value(families, 'herd_workers_parked'))
        self.assertLess(abs(value(families, 'process_start_time_seconds') - before), DEADLINE)
        self.assertLess(1 << 20, value(families, 'process_resident_memory_bytes'))
        self.assertLess(0, value(families, 'process_cpu_seconds_total'))
        self.assertLess(5, value(families, 'process_open_fds'))
        self.assertLess(value(families, 'process_open_fds'), value(families, 'process_max_fds'))

        status = self.status()
        self.assertEqual({name: status['counters'][name] for name in requests}, requests)
        self.assertEqual(status['connections'], {'open': len(idle), 'most': 10000})
        self.assertEqual((status['member'], status['pid'], status['records']), ('Bailey', member.process.pid, 47))
        self.assertEqual(status['listen'], [endpoint(*member.address)])
        self.assertEqual((status['workers']['all'], status['lookups']['most']), (8, 4))
        self.assertEqual(status['lookups'], {'running': 0, 'waiting': 0, 'most': 4})
        self.assertEqual(status['places']['detail'], None)
        self.assertEqual((status['links'], status['log'], status['ready']), ([], {'dropped': 0}, True))
        self.assertLess(abs(status['started'] - before), DEADLINE)
        self.assertGreater(status['uptime_s'], 0)
        self.assertEqual(set(status['rates']), {'iamat', 'whatsat', 'invalid', 'updates_taken', 'updates_sent'})
        self.assertGreater(status['rates']['iamat'], status['rates']['whatsat'])
        self.assertGreater(status['rates']['whatsat'], 0)

    def test_every_counter_has_a_series(self):
        self.lone_http().start()
        counters = self.status()['counters']
        families = [family for family in self.metrics().values() if family.type == 'counter'
                    and family.name.startswith('herd_') and family.name != 'herd_log_lines_dropped_total']
        self.assertEqual(sum(len(family.samples) for family in families), len(counters))

    def test_promtool_likes_it(self):
        if shutil.which('promtool') is None:
            self.skipTest('no promtool')
        self.pair().start()
        checked = subprocess.run(['promtool', 'check', 'metrics'], input=self.page('/metrics'), text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=DEADLINE, check=False)
        self.assertEqual((checked.returncode, checked.stdout), (0, ''))

    def test_scraped_in_a_loop_under_load(self):
        herd = self.pair(herd={'log_messages': 'none'}).start()
        count, size = scaled(60, 12), 200
        ended = threading.Event()
        seen = {'/metrics': 0, '/status': 0}
        problems = []

        def scrape():
            last = 0
            try:
                while not ended.is_set() or min(seen.values()) < 3:
                    iamats = value(self.metrics(), 'herd_requests_total', kind='iamat')
                    problems.extend([f'{last}, then {iamats}'] if iamats < last else [])
                    last = iamats
                    seen['/metrics'] += 1
                    self.status()
                    seen['/status'] += 1
            except (OSError, AssertionError, FormatError, ValueError) as problem:
                problems.append(repr(problem))

        thread = threading.Thread(target=scrape)
        thread.start()
        try:
            for number in range(count):
                lines = self.report(herd['Bailey'], b'load', size, b'%d' % (number + 1))
        finally:
            ended.set()
            thread.join()
        self.assertEqual(problems, [])
        diag(f'{seen} scrapes under load')
        self.wait_has(herd['Bona'], lines)
        families = self.metrics()
        self.assertEqual(value(families, 'herd_requests_total', kind='iamat'), count * size)
        self.assertEqual(value(families, 'herd_request_duration_seconds_count'), count * size)
        received = self.metrics('Bona')
        self.assertGreaterEqual(value(received, 'herd_updates_received_total', kind='update', outcome='taken')
                                + value(received, 'herd_updates_received_total', kind='sync', outcome='taken'), size)
        self.assertEqual(value(received, 'herd_request_duration_seconds_count'),
                         self.status('Bona')['counters']['whatsat'] + self.status('Bona')['counters']['invalid'])


class Links(HttpTestCase):
    def test_links_up_and_down_with_the_reason(self):
        herd = self.pair()
        herd['Bailey'].start()
        down = self.wait_link('Bailey', 'Bona', state='down', reason='Connection refused', joined=False)
        self.assertEqual((down['address'], down['pending'], down['lag_ms']), (endpoint(*herd['Bona'].address), 0, 0))
        self.assertEqual(value(self.metrics(), 'herd_link_up', neighbour='Bona'), 0)

        herd['Bona'].start()
        up = self.wait_link('Bailey', 'Bona', state='up', reason=None, joined=True)
        self.assertGreater(up['since'], down['since'])
        self.wait_link('Bona', 'Bailey', state='up', joined=True)
        families = self.metrics()
        self.assertEqual((value(families, 'herd_link_up', neighbour='Bona'),
                          value(families, 'herd_link_joined', neighbour='Bona')), (1, 1))
        self.assertEqual(value(families, 'herd_link_changes_total', to='up'), 1)
        lines = self.report(herd['Bailey'], b'a', 20)
        self.wait_has(herd['Bona'], lines)
        # One by one, or found by the comparison that begins each link; but each is taken once.
        def taken():
            return sum(value(self.metrics('Bona'), 'herd_updates_received_total', kind=kind, outcome='taken')
                       for kind in ('update', 'sync'))
        wait_until(lambda: taken() >= 20, 'the last one is counted')
        self.assertEqual(taken(), 20)
        sent = [value(self.metrics(), 'herd_updates_sent_total', kind=kind) for kind in ('update', 'sync')]
        self.assertGreaterEqual(sum(sent), 20)
        self.wait_link('Bailey', 'Bona', pending=0, lag_ms=0)

        herd['Bona'].kill()
        down = self.wait_link('Bailey', 'Bona', state='down', joined=False)
        self.assertTrue(down['reason'])
        self.assertGreater(down['since'], up['since'])
        herd['Bona'].start()
        self.wait_link('Bailey', 'Bona', state='up', joined=True)
        self.assertEqual(value(self.metrics(), 'herd_link_changes_total', to='down'), 1)

    def test_what_waits_for_a_neighbour_that_does_not_read(self):
        herd = self.pair(limits={'link_timeout_s': 60}, herd={'log_messages': 'none'}).start()
        herd['Bona'].pause()
        clients, at = 2000, 0

        def some_wait():
            nonlocal at
            at += 1
            self.report(herd['Bailey'], b'p' * 400, clients, b'%d' % at)  # until no buffer takes more
            return self.link('Bailey', 'Bona')['pending'] > 0
        wait_until(some_wait, 'something waits', 6 * DEADLINE)
        # All that is new now waits; what was on its way does so too.
        self.report(herd['Bailey'], b'p' * 400, clients, b'%d' % (at + 1))
        wait_until(lambda: self.link('Bailey', 'Bona')['pending'] >= clients, 'all wait')
        wait_until(lambda: self.link('Bailey', 'Bona')['lag_ms'] >= 200, 'and for some time')
        self.assertLessEqual(0.2, value(self.metrics(), 'herd_link_lag_seconds', neighbour='Bona'))
        self.assertLessEqual(clients, value(self.metrics(), 'herd_link_pending_updates', neighbour='Bona'))
        self.assertEqual(self.link('Bailey', 'Bona')['state'], 'up')
        herd['Bona'].resume()
        self.wait_link('Bailey', 'Bona', state='up', pending=0, lag_ms=0)


class Health(HttpTestCase):
    def test_ready_when_each_link_is_up_or_was_tried(self):
        herd = self.pair(limits={'link_timeout_s': 60})
        with socket.socket() as mute:  # in Bona's place: it takes the connection and says nothing
            mute.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            mute.bind(herd['Bona'].address)
            mute.listen()
            herd['Bailey'].start()
            self.wait_link('Bailey', 'Bona', state='connecting', reason=None)
            self.assertEqual(self.request('/readyz')[::2], (503, 'starting: the link to Bona has not been tried yet\n'))
            self.assertFalse(self.status()['ready'])
            self.assertEqual(self.page('/healthz'), 'ok\n')
            # It serves all the same.
            herd['Bailey'].client().iamat(b'kiwi')
        self.wait_ready(200, 'ok\n')
        self.assertTrue(self.status()['ready'])
        self.wait_link('Bailey', 'Bona', state='down')
        self.assertEqual(self.page('/healthz'), 'ok\n')

    def test_healthy_and_ready_under_load(self):
        member = self.lone_http(herd={'log_messages': 'none'}).start()
        for number in range(scaled(20, 4)):
            self.report(member, b'load', 500, b'%d' % (number + 1))
            self.assertEqual((self.page('/healthz'), self.page('/readyz')), ('ok\n', 'ok\n'))


class Requests(HttpTestCase):
    def test_head_says_what_get_would_say(self):
        self.lone_http().start()
        for path in PAGES:
            with self.subTest(path=path):
                status, headers, text = self.request(path, 'HEAD')
                self.assertEqual((status, text), (200, ''))
                get = self.request(path)
                self.assertEqual(headers['Content-Type'], get[1]['Content-Type'])
                self.assertGreater(int(headers['Content-Length']), 0)
        self.assertEqual(self.request('/metrics')[1]['Content-Type'], 'text/plain; version=0.0.4; charset=utf-8')
        self.assertEqual(self.request('/status')[1]['Content-Type'], 'application/json')

    def test_other_methods_and_paths(self):
        self.lone_http().start()
        for method in ('POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'GETS', 'get'):
            with self.subTest(method=method):
                status, headers, _ = self.request('/metrics', method, body='x' * 100_000 if method == 'POST' else None)
                self.assertEqual((status, headers['Allow']), (405, 'GET, HEAD'))
        for path in ('/', '/metric', '/metrics/', '/Metrics', '/status/../metrics', '/%00', '/' + 'x' * 5000):
            with self.subTest(path=path[:20]):
                status, _, text = self.request(path)
                self.assertEqual(status, 404)
                for page in PAGES:
                    self.assertIn(page + '\n', text)
        self.assertEqual(self.request('/status?verbose=1')[0], 200)

    def test_garbage_is_not_answered_with_a_page(self):
        member = self.lone_http().start()
        # What ends in no empty line may be the begin of a request, whose rest is waited for; others do not wait.
        for garbage in (b'\n', b'IAMAT kiwi +34-118 1\n', b'\0' * 1000 + b'\r\n\r\n', b'\x16\x03\x01\x02\x00\x01' * 50):
            with Client(self.http['Bailey'], timeout=DEADLINE) as client:
                client.send(garbage)
                self.assertEqual(self.page('/healthz'), 'ok\n')
        for garbage in (b'GET\r\n\r\n', b'GET /metrics\r\n\r\n', b'GET /metrics HTTP/9.9\r\n\r\n',
                        b'GET /metrics HTTP/1.1\r\nContent-Length: x\r\n\r\n', b'x' * 200_000,
                        b'GET / HTTP/1.1\r\n' + b'a: b\r\n' * 20_000 + b'\r\n'):
            with self.subTest(garbage=garbage[:30]), Client(self.http['Bailey'], timeout=DEADLINE) as client:
                answer = b''
                try:
                    client.send(garbage)
                    answer = client.rest()
                except OSError:
                    pass  # it is closed before it has read all
                self.assertNotIn(b'herd_build_info', answer)
        self.assertEqual(self.page('/healthz'), 'ok\n')
        self.assertEqual(self.status()['counters']['iamat'], 0)
        member.client().iamat(b'kiwi')

    def test_idle_connections_disturb_nobody(self):
        member = self.lone_http().start()
        idle = [self.connect(self.http['Bailey']) for _ in range(100)]
        half = [client for client in idle if idle.index(client) % 2]
        for client in half:
            try:
                client.send(b'GET /metrics HT')
            except OSError:
                pass  # it was one too many
        begin = time.monotonic()
        client = member.client()
        for _ in range(100):
            client.iamat(b'kiwi')
        self.assertLess(time.monotonic() - begin, DEADLINE / 2)
        for client in idle:
            client.close()
        wait_until(lambda: self.answers('/healthz'), 'there is room again')
        self.assertEqual(self.status()['counters']['iamat'], 100)

    def answers(self, path):
        try:
            return self.request(path)[0] == 200
        except (OSError, http.client.HTTPException):
            return False


class Start(HttpTestCase):
    def refused(self, member, status):
        member.spawn()
        self.assertEqual((member.wait(), member.stderr().count('\n')), (status, 1))
        member.process = None
        return member.stderr()

    def test_nothing_listens_unless_asked(self):
        member = self.single()
        self.assertEqual(member.events(b'http '), [])

    def test_a_port_that_is_taken(self):
        member = self.lone_http()
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(self.http['Bailey'])
            other.listen()
            self.assertEqual(
                self.refused(member, 1),
                f'herdd: cannot listen on {endpoint(*self.http["Bailey"])} for HTTP: Address already in use\n')
        member.start()
        self.assertEqual(self.page('/healthz'), 'ok\n')

    def test_ipv6(self):
        self.lone_http(host='::1').start()
        self.assertEqual(self.page('/healthz'), 'ok\n')
        parse(self.page('/metrics'))

    def test_an_address_that_is_none(self):
        for group, address, why in (('http', 'nowhere', 'is not host:port or [v6]:port with a port from 1 to 65535'),
                                    ('http Bailey', 'tls://127.0.0.1:9100', 'there is no TLS here')):
            with self.subTest(address=address):
                said = self.refused(self.lone(groups={group: {'listen': address}}), 2)
                self.assertIn(f'[{group}] listen: "{address}"', said)
                self.assertIn(why, said)


class Lookups(GoogleTestCase, HttpTestCase):
    def test_lookups_are_counted_and_timed(self):
        self.google.gate.clear()
        member = self.google_lone(herd={'workers': 8}, places={'timeout_ms': 60_000, 'max_lookups': 2},
                                  groups=self.http_groups('Bailey')).start()
        member.client().iamat(b'kiwi', UCLA)
        clients = [member.client() for _ in range(5)]
        for number, client in enumerate(clients):
            client.send(b'WHATSAT kiwi %d 5\n' % (number + 1))
        wait_until(lambda: self.google.open == 2, 'two are asked')
        figures = {'running': 2, 'waiting': 3, 'most': 2}
        wait_until(lambda: self.status()['lookups'] == figures, 'two run and three wait')
        self.assertEqual(self.status()['workers']['in_lookups'], 2)
        families = self.metrics()
        self.assertEqual([value(families, f'herd_{name}') for name in (
            'lookups_running', 'lookups_waiting', 'lookups_max', 'workers_in_lookups')], [2, 3, 2, 2])
        self.assertEqual(value(families, 'herd_lookup_wait_seconds_count'), 2)
        self.assertEqual(value(families, 'herd_lookup_duration_seconds_count'), 0)
        self.google.gate.set()
        for client in clients:
            self.assertEqual(client.reply().status, 'OK')
        families = self.metrics()
        self.assertEqual(value(families, 'herd_lookups_total', outcome='asked'), 5)
        self.assertEqual(value(families, 'herd_lookup_wait_seconds_count'), 5)
        self.assertEqual(value(families, 'herd_lookup_duration_seconds_count'), 5)
        # What lookups took, the requests took too.
        wait_until(lambda: value(self.metrics(), 'herd_request_duration_seconds_count') == 6, 'all are timed')
        families = self.metrics()
        self.assertGreater(value(families, 'herd_request_duration_seconds_sum'),
                           value(families, 'herd_lookup_duration_seconds_sum'))
        self.assertEqual(self.status()['places'], {'provider': 'google-legacy', 'state': 'ok', 'detail': None})

    def test_a_provider_that_is_left_alone(self):
        self.google.always(b'', 500)
        member = self.google_lone(places={'circuit_failures': 1}, groups=self.http_groups('Bailey')).start()
        client = member.client()
        client.iamat(b'kiwi', UCLA)

        def left_alone():
            client.whatsat(b'kiwi', b'10', b'5')
            places = self.status()['places']
            return places if places['state'] == 'left alone' else None
        places = wait_until(left_alone, 'the provider is left alone')
        self.assertRegex(places['detail'], r'\(It is asked again in \d+ s\.\)$')
        self.assertLessEqual(1, value(self.metrics(), 'herd_provider_circuit_opened_total'))
        for path in PAGES:
            self.assert_no_secret(self.request(path)[2])

    def test_stopping_is_not_ready(self):
        self.google.gate.clear()
        member = self.google_lone(places={'timeout_ms': 60_000}, groups=self.http_groups('Bailey')).start()
        client = member.client()
        client.iamat(b'kiwi', UCLA)
        client.send(b'WHATSAT kiwi 10 5\n')
        wait_until(lambda: self.google.open == 1, 'the lookup has begun')
        self.assertEqual(self.page('/readyz'), 'ok\n')
        member.signal(signal.SIGTERM)
        self.wait_ready(503, 'stopping\n')
        self.assertFalse(self.status()['ready'])
        self.assertEqual(self.page('/healthz'), 'ok\n')
        self.google.gate.set()
        self.assertEqual(client.reply().status, 'OK')
        self.assertEqual(member.wait(), 0)
        member.process = None

    def test_no_page_has_the_key(self):
        member = self.google_lone(groups=self.http_groups('Bailey')).start()
        member.client().exchange(b'IAMAT kiwi %s 1\nWHATSAT kiwi 10 5\n' % UCLA)
        for path in (*PAGES, '/nowhere'):
            _, headers, text = self.request(path)
            self.assert_no_secret(text, str(headers))
            self.assertNotIn(KEY, text)


if __name__ == '__main__':
    unittest.main()
