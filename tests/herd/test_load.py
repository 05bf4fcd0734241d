# SPDX-License-Identifier: MIT
"""herd-load: against members, what it says about them; against stand-ins that lie, that it notices."""

import json
import os
import socket
import subprocess
import time
import unittest

from harness import DEADLINE, REPORT, SANITIZER, HerdTestCase, find_herdd, sanitizer_environment, wait_until
from standin import StandIn, honest

LOAD = os.path.join(os.path.dirname(find_herdd()), 'load', 'herd-load')
SHORT = 2 if SANITIZER else 1  # seconds of a run in which something is sent, on a machine that stands still at times too
HISTOGRAM = ['count', 'min', 'mean', 'p50', 'p90', 'p99', 'p99_9', 'p99_99', 'max']


class LoadTestCase(HerdTestCase):
    def run_load(self, *arguments, status=0):
        """Runs herd-load to its end; returns what it wrote to stdout and to stderr."""
        done = subprocess.run([LOAD, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, timeout=12 * DEADLINE,
                              env={**os.environ, **sanitizer_environment()}, check=False)
        out, err = done.stdout.decode(), done.stderr.decode()
        self.assertIsNone(REPORT.search(err), err)
        self.assertEqual(done.returncode, status, f'{out}\n{err}')
        return out, err

    def measure(self, *arguments, status=0):
        """A run of which the result is wanted, and nothing else said."""
        out, err = self.run_load('--json', '-w', 0.1, '--clients=200', *arguments, status=status)
        self.assertEqual(err, '')
        return json.loads(out)

    def check_histogram(self, histogram, count):
        self.assertEqual(list(histogram), HISTOGRAM)
        self.assertEqual(histogram['count'], count)
        ordered = [histogram[name] for name in ('min', 'p50', 'p90', 'p99', 'p99_9', 'p99_99', 'max')]
        self.assertEqual(ordered, sorted(ordered))
        self.assertTrue(histogram['min'] <= histogram['mean'] <= histogram['max'])

    def check_complete(self, result):
        """All that was sent was answered and measured, and nothing was wrong."""
        self.assertEqual(result['errors'], {'total': 0, 'wrong_replies': 0, 'lost_connections': 0, 'timeouts': 0, 'first': None})
        self.assertGreater(result['requests']['sent'], 0)
        self.assertEqual(result['requests']['answered'], result['requests']['sent'])
        self.check_histogram(result['latency']['all'], result['requests']['sent'])


    def check_opened(self, member, count):
        """So many connections were opened to a member, and no more."""
        self.assertEqual(len(member.wait_event(rb'^open ', count)), count)


def address_of(member):
    return '%s:%d' % member.address


class Members(LoadTestCase):
    def test_closed_loop(self):
        member = self.single()
        result = self.measure('-c', 4, '-t', SHORT, address_of(member))
        self.check_complete(result)
        self.assertEqual(result['mode'], 'closed')
        self.assertIsNone(result['offered_per_s'])
        self.assertIsNone(result['latency']['whatsat'])
        self.assertIsNone(result['latency']['fill'])
        self.check_histogram(result['latency']['iamat'], result['requests']['sent'])
        self.check_opened(member, 4)

    def test_pipelined(self):
        result = self.measure('-c', 3, '-d', 50, '-t', SHORT, address_of(self.single(herd={'log_messages': 'none'})))
        self.check_complete(result)
        self.assertEqual(result['depth'], 50)

    def test_open_loop_sends_what_is_due(self):
        result = self.measure('-c', 4, '-r', 500, '-t', 0.4, address_of(self.single()))
        self.check_complete(result)
        self.assertEqual((result['mode'], result['offered_per_s']), ('open', 500))
        self.assertEqual(result['requests']['sent'], 200)

    def test_open_loop_of_several_threads_sends_what_is_due(self):
        result = self.measure('-c', 7, '--threads=3', '-r', 500, '-t', 0.4, address_of(self.single()))
        self.check_complete(result)
        self.assertEqual(result['requests']['sent'], 200)

    def test_mix(self):
        """Each WHATSAT is answered with what its client reported last, while others report."""
        result = self.measure('-c', 4, '-d', 5, '-m', '70:30', '--clients=8', '-t', SHORT, address_of(self.single()))
        self.check_complete(result)
        counts = [result['latency'][kind]['count'] for kind in ('iamat', 'whatsat')]
        self.assertEqual(sum(counts), result['requests']['sent'])
        self.assertGreater(min(counts), 0)
        self.assertEqual(result['mix'], {'iamat': 70, 'whatsat': 30})
        self.assertEqual(result['fill']['clients'], 8)
        self.check_histogram(result['latency']['fill'], 8)

    def test_nothing_but_whatsat(self):
        result = self.measure('-c', 2, '-m', '0:1', '--radius=10.5', '--bound=3', '-t', SHORT, address_of(self.single()))
        self.check_complete(result)
        self.assertIsNone(result['latency']['iamat'])

    def test_fill_reports_every_client_once(self):
        member = self.single(herd={'log_messages': 'all'})
        result = self.measure('--fill', '-t', 0, '-c', 3, '--threads=2', '--clients=1000', '--prefix=car', address_of(member))
        self.assertEqual(result['fill']['clients'], 1000)
        self.assertEqual(result['requests'], {'sent': 0, 'answered': 0, 'per_s': 0})
        ids = [b'car-%07d.example' % number for number in range(1, 1001)]
        asked = b''.join(b'WHATSAT %s 0 0\n' % client_id for client_id in ids)
        lines = [line for line in member.client().exchange(asked).splitlines() if line.startswith(b'AT ')]
        self.assertEqual([line.split()[3] for line in lines], ids)
        self.assertEqual(len({line.split()[4] for line in lines}), 1000)  # places

    def test_connections_are_dealt_out_in_turn(self):
        members = self.herd([], ['Bailey', 'Bona']).start()
        self.measure('--fill', '-t', 0, '-c', 5, '--threads=2', *map(address_of, members))
        for member, count in zip(members, (3, 2)):
            self.check_opened(member, count)

    def test_reconnect(self):
        member = self.single()
        result = self.measure('--reconnect', '-c', 3, '-t', SHORT, '-w', 0, address_of(member))
        self.check_complete(result)
        self.check_opened(member, result['requests']['answered'])

    def test_reconnect_knows_what_the_connection_before_has_reported(self):
        result = self.measure('--reconnect', '-c', 3, '--clients=3', '-m', '1:1', '-t', SHORT, address_of(self.single()))
        self.check_complete(result)
        self.assertGreater(result['latency']['whatsat']['count'], 0)

    def test_ramp_and_idle(self):
        member = self.single()
        begin = time.monotonic()
        result = self.measure('--ramp=0.5', '-c', 5, '--idle=20', '-t', SHORT, address_of(member))
        self.assertGreater(time.monotonic() - begin, 0.4 + 0.1 + SHORT)  # the last one opens after four fifths
        self.check_complete(result)
        self.assertEqual(result['idle'], 20)
        self.check_opened(member, 25)
        self.assertEqual(member.stored(b'phone-idle.example').split()[:2], [b'AT', b'Bailey'])

    def test_idle_connections_that_are_closed_are_lost(self):
        member = self.single(limits={'idle_timeout_s': 2})
        result = self.measure('--idle=3', '-c', 1, '-t', 4, '-r', 20, address_of(member), status=1)
        self.assertEqual(result['errors']['lost_connections'], 3)
        self.assertIn('idle connection 1 ', result['errors']['first'])

    def test_propagation_along_a_chain(self):
        herd = self.herd('Bailey-Bona Bona-Campbell').start()
        result = self.measure('-c', 2, '-r', 100, '-t', 0.5, '--probes=40', f'--watch={address_of(herd["Campbell"])}',
                              address_of(herd['Bailey']))
        self.check_complete(result)
        self.check_histogram(result['propagation'], 20)
        self.assertEqual(herd['Campbell'].stored(b'phone-probe.example').split()[1], b'Bailey')

    def test_propagation_that_does_not_happen(self):
        members = self.herd([], ['Bailey', 'Bona']).start()
        result = self.measure('-c', 1, '-r', 10, '-t', 0.3, '--timeout=2', f'--watch={address_of(members["Bona"])}',
                              address_of(members['Bailey']), status=1)
        self.assertGreaterEqual(result['errors']['timeouts'], 1)
        self.assertIn('a report has not come in time', result['errors']['first'])

    def test_servers(self):
        members = self.herd([], ['Bailey', 'Bona']).start()
        pids = [member.process.pid for member in members]
        result = self.measure('-c', 4, '-d', 16, '-t', SHORT, '--fill', *(f'--pid={pid}' for pid in pids), *map(address_of, members))
        self.check_complete(result)
        self.assertEqual([server['pid'] for server in result['servers']], pids)
        for server in result['servers']:
            self.assertGreater(server['cpu_s'], 0)
            self.assertGreaterEqual(server['rss']['most'], max(server['rss']['before'], server['rss']['after']))
            self.assertGreater(server['rss']['before'], server['anonymous']['before'])
            self.assertGreater(server['anonymous']['after'], 0)
        self.assertGreater(result['server_cpu_us_per_request'], 0)

    def test_a_server_that_dies(self):
        member = self.single()
        command = [LOAD, '--json', '-c', '2', '-r', '50', '-w', '0', '-t', '600', f'--pid={member.process.pid}', address_of(member)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, **sanitizer_environment()}) as load:
            member.wait_event(rb'^recv .*IAMAT', 10)
            member.kill()
            result = json.loads(load.communicate(timeout=DEADLINE)[0])
        self.assertEqual(load.returncode, 1)
        self.assertEqual(result['errors']['lost_connections'], 2)
        self.assertLess(result['seconds'], 300)
        server = result['servers'][0]
        self.assertEqual((server['cpu_s'], server['rss']['after'], server['anonymous']['after']), (None, None, None))
        self.assertIsNone(result['server_cpu_us_per_request'])

    def test_the_result_is_complete(self):
        result = self.measure('-c', 2, '-t', SHORT, '--seed=42', address_of(self.single()))
        self.assertEqual(list(result), [
            'program', 'protocol', 'targets', 'mode', 'connections', 'depth', 'offered_per_s', 'mix', 'clients', 'reconnect', 'idle',
            'threads', 'seed', 'seconds', 'requests', 'errors', 'retry', 'latency', 'propagation', 'generator', 'fill',
            'servers', 'server_cpu_us_per_request'])
        self.assertEqual(list(result['latency']), ['precision', 'unit', 'all', 'iamat', 'whatsat', 'fill'])
        self.assertEqual((result['program'], result['protocol'], result['seed']), ('herd-load', 'herd', 42))
        self.assertEqual((result['propagation'], result['fill'], result['servers']), (None, None, []))
        self.assertIsNone(result['server_cpu_us_per_request'])
        self.assertGreaterEqual(result['seconds'], 0.2)
        self.assertGreater(result['generator']['cpu_s'], 0)
        self.assertTrue(0 < result['generator']['busy'] <= 1)

    def test_table(self):
        member = self.single()
        out, err = self.run_load('-c', 2, '-t', SHORT, '-w', 0, '-m', '9:1', '--clients=20', f'--pid={member.process.pid}',
                                 address_of(member))
        self.assertEqual(err, '')
        for wanted in ('no errors', 'IAMAT', 'WHATSAT', 'fill', 'requests a second', f'process {member.process.pid}'):
            self.assertIn(wanted, out)

    def test_ipv6(self):
        member = self.lone()
        member.addresses = [('::1', member.address[1])]
        member.herd.write_config()
        self.check_complete(self.measure('-c', 2, '-t', SHORT, f'[::1]:{member.start().address[1]}'))


class Liars(LoadTestCase):
    """Each is noticed, counted as what it is, and shown."""

    def lie(self, answer, *arguments):
        with StandIn(answer) as standin:
            return self.measure('-c', 2, '-w', 0, '-t', SHORT, *arguments, standin.address, status=1)['errors']

    def check_wrong(self, answer, shown, *arguments, wrong=1):
        """@answer lies once."""
        errors = self.lie(lambda line, number: answer(line) if number == 5 else honest(line), *arguments)
        self.assertEqual((errors['wrong_replies'], errors['total']), (wrong, wrong), errors)
        self.assertIn(shown, errors['first'])
        return errors

    def test_another_time(self):
        errors = self.check_wrong(lambda line: honest(line)[:-2] + b'x\n', 'not the client, place and time')
        self.assertRegex(errors['first'], r'"AT Liar .*x\\n" in reply to "IAMAT phone-\d+\.example .*\\n"')

    def test_another_client(self):
        self.check_wrong(lambda line: honest(line).replace(b'phone', b'Phone'), 'not the client, place and time')

    def test_another_place(self):
        def elsewhere(line):
            verb, client, place, at = line.split()
            return honest(b'%s %s %s%d %s' % (verb, client, place[:-1], (place[-1] + 1) % 10, at))
        self.check_wrong(elsewhere, 'not the client, place and time')

    def test_no_skew(self):
        self.check_wrong(lambda line: honest(line).replace(b'+0.000000001 ', b'', 1), 'six fields')

    def test_not_understood(self):
        self.check_wrong(lambda line: b'? ' + line + b'\n', 'not an AT line')

    def test_bytes_that_are_no_text(self):
        self.check_wrong(lambda line: b'\xff\x00\x07 ' + honest(line), 'not an AT line')

    def test_more_than_was_asked_for(self):
        with StandIn(lambda line, number: honest(line) * (2 if number == 5 else 1)) as standin:
            errors = self.measure('-c', 1, '-w', 0, '-t', SHORT, standin.address, status=1)['errors']
        self.assertEqual(errors['wrong_replies'], 1)
        self.assertRegex(errors['first'], 'nobody asked for|not the client')

    def test_a_line_that_does_not_end(self):
        errors = self.lie(lambda line, number: honest(line)[:-1] if number == 5 else honest(line), '--timeout=0.3')
        self.assertGreaterEqual(errors['timeouts'], 1)
        self.assertEqual(errors['total'], errors['timeouts'])
        self.assertIn('no reply in 0.3 s', errors['first'])

    def test_a_reply_that_never_ends(self):
        errors = self.lie(lambda line, number: b'x' * (3 << 20) if number == 5 else honest(line))
        self.assertGreaterEqual(errors['wrong_replies'], 1)
        self.assertIn('longer than a reply may be', errors['first'])

    def test_silence(self):
        for options in ((), ('--rate=100',), ('--reconnect',)):
            with self.subTest(options=options):
                errors = self.lie(lambda line, number: b'', '--timeout=0.2', *options)
                self.assertEqual(errors['timeouts'], errors['total'])
                self.assertGreaterEqual(errors['timeouts'], 2)

    def test_silence_at_the_end(self):
        """What is due before the end and not answered is a timeout too."""
        with StandIn(lambda line, number: honest(line) if number < 10 else b'') as standin:
            result = self.measure('-c', 1, '-w', 0, '-t', 0.4, '-r', 100, '--timeout=3', standin.address, status=1)
        self.assertEqual((result['requests']['sent'], result['requests']['answered']), (40, 10))
        self.assertEqual((result['errors']['timeouts'], result['errors']['total']), (30, 30))

    def test_closing(self):
        errors = self.lie(lambda line, number: None if number == 5 else honest(line))
        self.assertEqual((errors['lost_connections'], errors['total']), (1, 1))
        self.assertIn('closed by the server', errors['first'])

    def test_all_connections_closed_ends_the_run(self):
        with StandIn(lambda line, number: None) as standin:
            result = self.measure('-c', 2, '-w', 0, '-t', 600, standin.address, status=1)
        self.assertEqual(result['errors']['lost_connections'], 2)
        self.assertLess(result['seconds'], 300)

    def test_closing_before_the_reply_with_reconnect(self):
        """Each exchange is one of its own, so the others go on."""
        errors = self.lie(lambda line, number: None if number == 5 else honest(line), '--reconnect')
        self.assertEqual((errors['lost_connections'], errors['total']), (1, 1))

    def whatsat(self, json_text, old=False):
        """A stand-in that answers WHATSAT with that, and with the report before the last one if @old."""
        reports = {}

        def answer(line, _):
            fields = line.split()
            if fields[0] == b'IAMAT':
                reports.setdefault(fields[1], []).append(honest(line))
                return honest(line)
            return reports[fields[1]][0 if old else -1] + json_text + b'\n\n'
        return answer

    def test_whatsat(self):
        with StandIn(self.whatsat(b'{"status":"ZERO_RESULTS"}')) as standin:
            self.check_complete(self.measure('-c', 2, '-m', '1:1', '-w', 0, '-t', SHORT, '--clients=2', standin.address))

    def test_whatsat_of_a_provider_that_fails(self):
        errors = self.lie(self.whatsat(b'{"results":[],"status":"REQUEST_DENIED"}'), '-m', '1:1')
        self.assertGreater(errors['wrong_replies'], 0)
        self.assertEqual(errors['wrong_replies'], errors['total'])
        self.assertIn('status REQUEST_DENIED', errors['first'])

    def test_whatsat_with_an_older_report(self):
        errors = self.lie(self.whatsat(b'{"status":"OK"}', old=True), '-m', '1:1', '--clients=2')
        self.assertGreater(errors['wrong_replies'], 0)
        self.assertIn('not the client, place and time', errors['first'])

    def test_a_stall_is_in_the_latency_of_all_that_was_due(self):
        """Half a second of silence out of one: with 100 requests a second, a tenth of them has waited for 0.4 s and more."""
        def answer(line, number):
            if number == 0:
                time.sleep(0.5)
            return honest(line)
        with StandIn(answer) as standin:
            result = self.measure('-c', 1, '-w', 0, '-t', 1, '-r', 100, standin.address)
        self.check_complete(result)
        self.assertEqual(result['requests']['sent'], 100)
        self.assertGreater(result['latency']['all']['p90'], 390_000)


class Retry(LoadTestCase):
    """What servers that end cost a client that goes on elsewhere."""

    def check_nothing_lost(self, result, standins):
        self.check_complete(result)
        self.assertEqual(result['retry']['lost'], 0)
        return [line for standin in standins for line in standin.lines]

    def test_without_it_nothing_is_said(self):
        with StandIn(honest) as standin:
            self.assertIsNone(self.measure('-c', 1, '-t', SHORT, standin.address)['retry'])

    def test_with_servers_that_stay_nothing_happens(self):
        with StandIn(honest) as standin:
            result = self.measure('--retry', '-c', 2, '-t', SHORT, standin.address)
        self.check_complete(result)
        self.assertEqual(result['retry'], {'reconnects': 0, 'repeated': 0, 'lost': 0})

    def test_what_was_not_answered_is_said_again_at_the_next_server(self):
        """The first server ends with requests unanswered; each is said again, and nothing else is."""
        for options in (('-d', 8), ('-r', 500)):
            with self.subTest(options=options), StandIn(honest) as second, \
                    StandIn(lambda line, number: honest(line) if number < 20 else None) as first:
                result = self.measure('--retry', '-c', 1, '-w', 0, '-t', SHORT, *options, first.address, second.address)
                self.check_nothing_lost(result, (first, second))
                retry = result['retry']
                self.assertGreaterEqual(retry['repeated'], 1)
                self.assertEqual(retry['reconnects'], 1)
                again = second.lines[:retry['repeated']]
                self.assertEqual(again[0], first.lines[20])  # the one that it was closed at
                answered = first.lines[:20] + second.lines
                self.assertEqual(len(set(answered)), len(answered))
                self.assertEqual(len(answered), result['requests']['sent'])

    def test_refused_connects_are_tried_again_until_one_is_taken(self):
        with socket.socket() as late, StandIn(lambda line, number: None) as first:
            late.bind(('127.0.0.1', 0))
            address = '127.0.0.1:%d' % late.getsockname()[1]
            command = [LOAD, '--json', '--retry', '-c', '1', '-w', '0', '-r', '50', '-t', '0.5', '--timeout=60', first.address, address]
            with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, **sanitizer_environment()}) as load:
                wait_until(lambda: len(first.lines) >= 2, 'it has come back to the first')  # the second refused it between
                late.listen()
                late.settimeout(DEADLINE)
                with late.accept()[0] as taken, taken.makefile('rwb') as lines:
                    for line in lines:
                        lines.write(honest(line.rstrip(b'\n')))
                        lines.flush()
                result = json.loads(load.communicate(timeout=DEADLINE)[0])
        self.assertEqual(load.returncode, 0)
        self.check_complete(result)
        self.assertEqual(result['requests']['sent'], 25)

    def test_a_server_that_is_not_there_at_the_beginning(self):
        with socket.socket() as unused, StandIn(honest) as standin:
            unused.bind(('127.0.0.1', 0))
            result = self.measure('--retry', '-c', 3, '-t', SHORT, '127.0.0.1:%d' % unused.getsockname()[1], standin.address)
        self.check_complete(result)

    def test_a_server_that_hangs_loses_what_is_overdue_and_the_rest_goes_on(self):
        with StandIn(honest) as second, StandIn(lambda line, number: honest(line) if number < 5 else b'') as first:
            result = self.measure('--retry', '-c', 1, '-w', 0, '-t', 1, '-r', 100, '--timeout=0.3', first.address, second.address,
                                  status=1)
        retry = result['retry']
        self.assertGreater(retry['lost'], 0)
        self.assertEqual(result['errors']['timeouts'], retry['lost'])
        self.assertEqual(result['errors']['total'], retry['lost'])
        self.assertEqual(result['requests']['answered'], 100 - retry['lost'])
        self.assertGreater(len(second.lines), 0)

    def test_no_server_at_all_ends_the_run(self):
        for options in (('-d', 4), ('-r', 100)):
            with self.subTest(options=options):
                with StandIn(lambda line, number: None) as standin:
                    command = [LOAD, '--json', '--retry', '-c', '2', '-w', '0', '-t', '600', '--timeout=0.3', *map(str, options),
                               standin.address]
                    load = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, **sanitizer_environment()})
                    wait_until(lambda: standin.lines, 'it has begun')
                with load:
                    result = json.loads(load.communicate(timeout=DEADLINE)[0])
                self.assertEqual(load.returncode, 1)
                self.assertEqual(result['errors']['lost_connections'], 2)
                self.assertIn(result['errors']['first'], ('no server takes a connection', 'no reply in time',
                                                          f'{standin.address}: no reply in 0.3 s'))


class Use(LoadTestCase):
    def test_refused(self):
        with socket.socket() as unused:
            unused.bind(('127.0.0.1', 0))
            address = '127.0.0.1:%d' % unused.getsockname()[1]
            for arguments in ((address,), ('--json', '--threads=2', address)):
                out, err = self.run_load(*arguments, status=3)
                self.assertEqual((out, err), ('', f'herd-load: cannot connect to {address}: Connection refused\n'))

    def test_no_such_process(self):
        gone = subprocess.Popen(['true'])
        gone.wait()
        with StandIn(honest) as standin:
            out, err = self.run_load(f'--pid={gone.pid}', standin.address, status=3)
        self.assertEqual(out, '')
        self.assertRegex(err, rf'herd-load: process {gone.pid}: .*\n')

    def test_an_idle_connection_that_is_lied_to(self):
        with StandIn(lambda line, number: b'? \n') as standin:
            out, err = self.run_load('--idle=1', '-t', 0, standin.address, status=3)
        self.assertEqual((out, err),
                         ('', f'herd-load: idle connection 1, to {standin.address}: wrong reply: not an AT line\n'))

    def test_wrong_use(self):
        target = 'localhost:10000'
        for arguments, said in (
                ((), 'name a server'),
                (('10000',), '"10000" is not host:port'),
                (('nowhere.invalid:1',), '"nowhere.invalid:1": '),
                (('-c', '0', target), '--connections=0'),
                (('-c', 'x', target), 'x'),
                (('-d', '5000', target), '--depth=5000'),
                (('-r', '0', target), '--rate=0'),
                (('-r', '-5', target), '--rate=-5'),
                (('-t', '-1', target), '--seconds=-1'),
                (('-t', 'inf', target), '--seconds=inf'),
                (('-m', '90', target), '--mix=90'),
                (('-m', '0:0', target), '--mix=0:0'),
                (('-m', '1:1x', target), '--mix=1:1x'),
                (('-m', '-1:2', target), '--mix=-1:2'),
                (('--radius=51', target), '--radius=51'),
                (('--radius=-1', target), '--radius=-1'),
                (('--bound=21', target), '--bound=21'),
                (('--prefix=a b', target), '--prefix=a b'),
                (('--prefix=', target), '--prefix='),
                (('--pid=x', target), '--pid=x'),
                (('--protocol=gopher', target), 'herd, echo, memcached, redis-set, redis-geoadd'),
                (('--watch=x', target), '--watch: "x"'),
                (('--clients=5', target), '--clients=5'),
                (('-c', '2', '--threads=3', target), '--threads=3'),
                (('--reconnect', '-r', '5', target), '--reconnect'),
                (('--reconnect', '-d', '2', target), '--reconnect'),
                (('-d', '2', '-r', '5', target), '--depth'),
                (('--retry', '--reconnect', target), '--retry'),
                (('--retry', '-m', '1:1', target), '--retry'),
                (('--retry', f'--watch={target}', target), '--retry'),
                (('--protocol=echo', '-m', '1:1', target), 'echo has no WHATSAT'),
                (('--protocol=echo', f'--watch={target}', target), '--watch'),
                (('--nonsense', target), '--nonsense')):
            with self.subTest(arguments=arguments):
                out, err = self.run_load(*arguments, status=2)
                self.assertEqual(out, '')
                self.assertRegex(err, r'\Aherd-load: [^\n]+; see herd-load --help\n\Z')
                self.assertIn(said, err)

    def test_help_and_version(self):
        out, err = self.run_load('--help')
        self.assertIn('Examples:', out)
        self.assertIn('Exit status:', out)
        self.assertEqual(err, '')
        self.assertRegex(self.run_load('--version')[0], r'\Aherd-load \d+\.\d+\.\d+\n\Z')


if __name__ == '__main__':
    unittest.main()
