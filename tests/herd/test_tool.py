# SPDX-License-Identifier: MIT
"""The program herd: what it tells people of members that are well, down, hostile or of different minds."""

import contextlib
import fcntl
import json
import math
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import termios
import threading
import time
import unicodedata

from harness import DEADLINE, PORTS, UCLA
from standin import StandIn, honest
from tool_case import CONTROL, ToolTestCase, link_to, status_of

ENTER, LEAVE = '\x1b[?1049h', '\x1b[?1049l'
DEAD = '127.0.0.1:1'  # nobody listens there


def rows_of(text):
    """A table without its titles: fields that two blanks or more divide, by the first one."""
    return {line.split('  ')[0].strip(): re.split(r' {2,}', line) for line in text.splitlines()[1:] if line}


def width(text):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in 'WF' else 1 for c in text)


class Iamat(ToolTestCase):
    def test_says_who_took_it(self):
        member = self.single()
        self.follow(member.herd)
        said, _ = self.tool('iamat', 'kiwi', UCLA.decode())
        self.assertRegex(said, r'^Bailey took kiwi at \+34\.068930-118\.445127, [0-9.]+ \S+ after it was sent\n$')
        at = member.stored(b'kiwi').split()[5].decode()
        self.assertRegex(at, r'^\d+\.\d{9}$')
        self.assertAlmostEqual(float(at), time.time(), delta=DEADLINE)

    def test_arguments_that_begin_with_a_sign(self):
        member = self.single()
        self.follow(member.herd)
        os.rename(self.config, os.path.join(self.directory, '-1.conf'))
        done = self.run_tool('iamat', '--config', '-1.conf', 'kiwi', '-33.9+151.2', '-7', cwd=self.directory)
        self.assertEqual(done.returncode, 0, done)
        self.config = os.path.join(self.directory, '-1.conf')
        for arguments in (['kiwi', '-33.9+151.2', '-5.5'], ['kiwi', '-33.9+151.2', '--timeout', '9', '-5.25'],
                          ['--', 'kiwi', '-33.9+151.2', '-5'], ['kiwi', '--raw', '-0-0', '-0.5']):
            self.tool('iamat', *arguments)
            location, at = [word for word in arguments if re.match(r'-\d', word)]
            self.assertEqual(member.stored(b'kiwi').split()[4:], [location.encode(), at.encode()])
        self.tool('iamat', '-7', '+1+2')
        self.assertIsNotNone(member.stored(b'-7'))

    def test_raw_and_json(self):
        member = self.single()
        self.follow(member.herd)
        raw, _ = self.tool('iamat', '--raw', 'kiwi', UCLA.decode(), '1000')
        self.assertEqual(raw.encode(), member.stored(b'kiwi'))
        told = json.loads(self.tool('iamat', '--json', 'kiwi', UCLA.decode(), '1001')[0])
        _, origin, skew, client, location, at = member.stored(b'kiwi').decode().split()
        self.assertEqual(told, {'client': client, 'location': location, 'member': origin, 'skew': skew, 'time': at})

    def test_refusals_are_explained(self):
        member = self.single(limits={'max_future_skew_s': 60})
        self.follow(member.herd, limits={'max_future_skew_s': 60})
        for arguments, why in ((['kiwi', '+91+0'], '"+91+0" is no LAT-LON'), (['kiwi', '34-118'], 'is no LAT-LON'),
                               (['kiwi', '+1+2', '1e9'], '"1e9" is no TIME'),
                               (['kiwi', '+1+2', '%d' % (time.time() + 3600)], 'max_future_skew_s')):
            said, wrong = self.tool('iamat', *arguments, status=1)
            self.assertEqual(said, '')
            self.assertIn('herd: Bailey does not take it: ', wrong)
            self.assertIn(why, wrong)
        raw, _ = self.tool('iamat', '--raw', 'kiwi', '+91+0', '7', status=1)
        self.assertEqual(raw, '? IAMAT kiwi +91+0 7\n')

    def test_no_argument_becomes_a_second_command(self):
        member = self.single()
        self.follow(member.herd)
        for arguments in (['kiwi', '+1+2 7\nIAMAT other +1+2'], ['kiwi other', '+1+2'], ['', '+1+2'],
                          ['kiwi', '+1+2', '7\r']):
            self.assertIn('white space', self.tool('iamat', *arguments, status=2)[1])
        self.assertIsNone(member.stored(b'other'))

    def test_the_first_member_that_answers(self):
        member = self.single()
        self.configure({'Ada': DEAD, 'Bailey': '%s:%d' % member.address})
        said, wrong = self.tool('iamat', 'kiwi', '+1+2')
        self.assertTrue(said.startswith('Bailey took kiwi'))
        self.assertEqual(wrong, f'herd: Ada ({DEAD}): Connection refused\n')
        self.assertEqual(self.tool('iamat', '--member', 'Ada', 'kiwi', '+1+2', status=1), ('', wrong))
        self.assertIn('no member "Zoe"', self.tool('iamat', '--member', 'Zoe', 'kiwi', '+1+2', status=2)[1])

    def test_tokens(self):
        secret = 'c0ffee-is-a-secret'
        token_file = os.path.join(self.directory, 'token')
        with open(token_file, 'w', encoding='ascii') as file:
            file.write(secret + '\n')

        def answer(line, _):
            if line.startswith(b'AUTH '):
                return b'AUTH ok\n' if line == b'AUTH ' + secret.encode() and welcome else b'? ' + line + b'\n'
            return honest(line)
        for welcome in (True, False):
            with StandIn(answer) as member:
                self.configure({'Liar': member.address})
                said, wrong = self.tool('iamat', '--token-file', token_file, 'kiwi', '+1+2', status=0 if welcome else 1)
            self.assertEqual(member.lines[0], b'AUTH %s\n' % secret.encode())
            # Whoever is not let in has said nothing about anybody.
            self.assertEqual(len(member.lines), 2 if welcome else 1)
            self.assertNotIn(secret, said + wrong)
            self.assertIn('took kiwi' if welcome else 'does not take the token in ' + token_file, said + wrong)
        with open(token_file, 'w', encoding='ascii') as file:
            file.write('two words')
        self.assertIn('holds no token', self.tool('iamat', '--token-file', token_file, 'kiwi', '+1+2', status=2)[1])
        self.assertIn('No such file', self.tool('iamat', '--token-file', '/nowhere', 'kiwi', '+1+2', status=2)[1])

    def test_a_token_that_the_next_member_does_not_take(self):
        """That another one took it, and then did not answer, says nothing of this one."""
        token_file = os.path.join(self.directory, 'token')
        with open(token_file, 'w', encoding='ascii') as file:
            file.write('c0ffee-is-a-secret\n')
        with StandIn(lambda line, _: b'AUTH ok\n' if line.startswith(b'AUTH ') else None) as leaves, \
                StandIn(lambda line, _: b'? ' + line + b'\n') as refuses:
            self.configure({'Ada': leaves.address, 'Bob': refuses.address})
            for arguments in (['iamat', '--raw', 'kiwi', '+1+2'], ['whatsat', '--raw', 'kiwi']):
                said, wrong = self.tool(*arguments, '--token-file', token_file, status=1)
                self.assertEqual(said, '')
                self.assertIn('Bob does not take the token in ' + token_file, wrong)
                self.assertNotIn('c0ffee', wrong)

    def test_ipv6(self):
        try:
            member = self.herd([], ['Bailey'], hosts={'Bailey': '::1'})['Bailey'].start()
        except OSError:
            self.skipTest('no IPv6 here')
        self.configure({'Bailey': '[::1]:%d' % member.address[1]})
        self.tool('iamat', 'kiwi', '+1+2')
        self.assertIn('up', rows_of(self.tool('status')[0])['Bailey'])


class Whatsat(ToolTestCase):
    def reply(self, member, bound=b'20', radius=b'10'):
        with member.client() as client:
            return client.whatsat(b'kiwi', radius, bound)

    def test_table(self):
        member = self.single()
        self.follow(member.herd)
        member.client().iamat(b'kiwi', UCLA, b'1621464827.959498503')
        said, _ = self.tool('whatsat', 'kiwi', '10', '5')
        head, table, notes = said.split('\n\n')
        self.assertEqual(head, f'kiwi was at {UCLA.decode()} on 2021-05-19 22:53:47.959 UTC, as Bailey was told.')
        self.assertEqual(notes, 'GeoNames (https://www.geonames.org/), '
                                'CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/)\n')
        results = self.reply(member, b'5').json['results']
        self.assertEqual(len(results), 5)
        lines = table.splitlines()[1:]
        here = [math.radians(34.068930), math.radians(-118.445127)]
        for line, place in zip(lines, results):
            name, kind, distance, direction, address = re.split(r' {2,}', line)
            self.assertEqual((name, kind, address), (place['name'], place['types'][0], place['vicinity']))
            there = [math.radians(place['geometry']['location'][key]) for key in ('lat', 'lng')]
            # By the law of cosines, where the program has haversines.
            cosine = (math.sin(here[0]) * math.sin(there[0]) +
                      math.cos(here[0]) * math.cos(there[0]) * math.cos(here[1] - there[1]))
            self.assertAlmostEqual(int(distance.removesuffix(' m')), 6371008.8 * math.acos(cosine), delta=0.6)
            north, east = there[0] - here[0], (there[1] - here[1]) * math.cos(here[0])
            self.assertEqual('N' in direction, north > 0 and abs(math.atan2(east, north)) < math.radians(67.5), line)
            self.assertEqual('E' in direction, 22.5 < math.degrees(math.atan2(east, north)) < 157.5, line)

    def test_json_and_raw_are_byte_for_byte(self):
        member = self.single()
        self.follow(member.herd)
        member.client().iamat(b'kiwi', UCLA, b'1000')
        reply = self.reply(member)
        self.assertEqual(self.tool('whatsat', '--raw', 'kiwi', '10', binary=True)[0], reply.raw)
        self.assertEqual(self.tool('whatsat', '--json', 'kiwi', '10', binary=True)[0], reply.body + b'\n')

    def test_nothing_near(self):
        member = self.single()
        self.follow(member.herd)
        member.client().iamat(b'kiwi', b'-48.9-123.4', b'1000')
        self.assertIn('No place is known within 1 km.\n', self.tool('whatsat', 'kiwi')[0])

    def test_refusals_are_explained(self):
        member = self.single()
        self.follow(member.herd)
        member.client().iamat(b'kiwi', UCLA, b'1000')
        for arguments, why in ((['kiwi', '51'], '"51" is no RADIUS_KM'), (['kiwi', '50.0001'], 'is no RADIUS_KM'),
                               (['kiwi', '-1'], '"-1" is no RADIUS_KM'), (['kiwi', '1', '21'], '"21" is no BOUND'),
                               (['kiwi', '1', '2.5'], 'is no BOUND'), (['plum'], 'does not know where "plum" is')):
            self.assertIn(why, self.tool('whatsat', *arguments, status=1)[1])

    def test_a_source_of_places_that_fails(self):
        body = b'{ "error_message" : "come\\u001b[2J back later", "results" : [], "status" : "OVER_QUERY_LIMIT" }'
        with StandIn(lambda *_: b'AT Liar +0.100000000 kiwi +1+2 3\n' + body + b'\n\n') as member:
            self.configure({'Liar': member.address})
            said, wrong = self.tool('whatsat', 'kiwi', status=1)
            self.assertEqual(said, '')
            self.assertEqual(wrong, 'herd: Liar: OVER_QUERY_LIMIT: come\\x1b[2J back later\n')
            self.assertEqual(self.tool('whatsat', '--json', 'kiwi', status=1)[0].encode(), body + b'\n')

    def test_complaints_to_a_terminal_of_ascii_are_ascii(self):
        # The last byte of this character is what a terminal of Latin-1 takes for the beginning of a command.
        body = json.dumps({'error_message': '\u4e9b2J', 'results': [], 'status': 'REQUEST_DENIED'}, ensure_ascii=False).encode()
        with StandIn(lambda *_: b'AT Liar +0.100000000 kiwi +1+2 3\n' + body + b'\n\n') as member:
            self.configure({'Liar': member.address})
            self.assertEqual(self.shown('whatsat', 'kiwi', status=1, complaints=True, environment={'LC_ALL': 'C'}),
                             'herd: Liar: REQUEST_DENIED: ??2J\r\n')
            self.assertIn('\u4e9b2J', self.shown('whatsat', 'kiwi', status=1, complaints=True))

    def test_places_of_any_script_on_a_narrow_terminal(self):
        names = ['喫茶店カフェ東京駅前店本館', 'Café Łódź', 'e\u0301' * 30, '\u202egnidaelsim\x1b]0;']
        addresses = ['東京都千代田区丸の内一丁目九番一号', 'Łódź', 'x' * 60, '\x07']
        places = [{'name': name, 'types': ['cafe'], 'vicinity': address, 'geometry': {'location': {'lat': 1, 'lng': 2}}}
                  for name, address in zip(names, addresses)]
        body = json.dumps({'html_attributions': [], 'results': places, 'status': 'OK'}, ensure_ascii=False).encode()
        with StandIn(lambda *_: b'AT Liar +0.100000000 kiwi +1+2 3\n' + body + b'\n\n') as member:
            self.configure({'Liar': member.address})
            for columns in (40, 61, 80):
                text = self.shown('whatsat', 'kiwi', columns=columns)
                table = text.split('\r\n\r\n')[1].splitlines()
                self.assertEqual(len(table), 5)
                for line in table:
                    plain = re.sub(r'\x1b\[\d+m', '', line)
                    self.assertLessEqual(width(plain), columns, plain)
                    self.assertIsNone(CONTROL.search(plain), plain)
                    self.assertNotIn('\u202e', plain)
            whole, _ = self.tool('whatsat', 'kiwi')
            for text in names[:3] + addresses[:3] + ['\\u202egnidaelsim\\x1b]0;', '\\x07']:
                self.assertIn(text, whole)
            # Where it cannot be shown nothing of it is, least of all bytes that Latin-1 has control characters for.
            ascii_only = self.shown('whatsat', 'kiwi', environment={'LC_ALL': 'C', 'NO_COLOR': '1'})
            self.assertTrue(ascii_only.isascii())
            self.assertIsNone(CONTROL.search(ascii_only.replace('\r\n', '')))


class Status(ToolTestCase):
    def test_without_http(self):
        herd = self.herd('Bailey-Bona').start()
        self.follow(herd)
        said, _ = self.tool('status')
        self.assertEqual([line.split()[:2] for line in said.splitlines()[1:]], [['Bailey', 'up'], ['Bona', 'up']])
        self.assertIn('turn on [http] listen to see more', said)
        herd['Bona'].kill()
        rows = rows_of(self.tool('status', status=1)[0])
        self.assertEqual(rows['Bailey'][1], 'up')
        self.assertEqual(rows['Bona'][1:], ['down', '127.0.0.1:%d: Connection refused' % herd['Bona'].address[1]])
        self.assertEqual(len(rows_of(self.tool('status', 'Bailey')[0])), 1)
        self.assertIn('no member "Zoe"', self.tool('status', 'Zoe', status=2)[1])
        # What accepts is not what serves: the kernel does that for a process that stands still.
        herd['Bailey'].pause()
        rows = rows_of(self.tool('status', 'Bailey', '--timeout', '0.2', status=1)[0])
        self.assertEqual(rows['Bailey'][1], 'down')
        self.assertIn('no answer within 0.20 s', rows['Bailey'][2])
        herd['Bailey'].resume()

    def test_what_a_member_tells(self):
        links = [link_to('Bona', pending=7, lag_ms=1500.0),
                 link_to('Clark', state='down', reason='re\x1bfused', joined=False)]
        server = self.serve_status(status_of('Bailey', links=links))
        self.configure({'Bailey': DEAD}, groups={'http Bailey': {'listen': server.address}})
        said, _ = self.tool('status')
        members, bar = said.split('\n\n')
        self.assertEqual(rows_of(members)['Bailey'][1:],
                         ['up', '1 min 40 s', '0.1.0', '12', '3/64', '5', '123.5', '0.5', '1234', '12.3 MB',
                          'embedded ok'])
        first, second = bar.splitlines()[1:]
        self.assertEqual(re.split(r' {2,}', first)[:3], ['Bailey', 'Bona', 'up'])
        self.assertEqual(re.split(r' {2,}', first)[4:], ['7', '1.50 s'])
        self.assertEqual(re.split(r' {2,}', second)[2], 'down')
        self.assertTrue(second.endswith('re\\x1bfused'))

    def test_json(self):
        status = status_of('Bailey', more=[1.0, {}])
        server = self.serve_status(status)
        self.configure({'Bailey': DEAD, 'Bona': DEAD.replace(':1', ':2')},
                       groups={'http Bailey': {'listen': server.address}})
        told = json.loads(self.tool('status', '--json', status=1)[0])['members']
        self.assertEqual([(one['member'], one['state']) for one in told], [('Bailey', 'up'), ('Bona', 'down')])
        self.assertEqual(told[0]['status'], status)
        self.assertIsNone(told[1]['status'])
        self.assertIn('Connection refused', told[1]['note'])

    def test_a_status_that_is_none(self):
        release = threading.Event()
        self.addCleanup(release.set)
        member = self.single()
        address = '%s:%d' % member.address

        def unwell(handler):
            handler.send_error(503)

        def endless(handler):
            handler.send_response(200)
            handler.end_headers()
            while True:
                handler.wfile.write(b'{' * 65536)

        for answer, why in ((status_of('Bona'), 'is Bona, not Bailey'), (b'<html>', 'is no JSON'),
                            (b'{}', 'does not say which member'), (lambda: unwell, '/status answers 503'),
                            (lambda: endless, 'has no end')):
            server = self.serve_status(answer)
            self.configure({'Bailey': address}, groups={'http Bailey': {'listen': server.address}})
            row = rows_of(self.tool('status')[0])['Bailey']  # it serves all the same
            self.assertEqual(row[1], 'up')
            self.assertIn(why, row[2])
            self.assertIn(server.address, row[2])
        hung = self.serve_status(lambda: lambda _: release.wait(DEADLINE))
        self.configure({'Bailey': address}, groups={'http Bailey': {'listen': hung.address}})
        row = rows_of(self.tool('status', '--timeout', '3')[0])['Bailey']
        self.assertEqual(row[1:], ['up', f'http://{hung.address}: no answer within 3.00 s'])
        release.set()
        not_ready = self.serve_status(status_of('Bailey', ready=False))
        self.configure({'Bailey': address}, groups={'http Bailey': {'listen': not_ready.address}})
        self.assertEqual(rows_of(self.tool('status', status=1)[0])['Bailey'][1], 'not ready')

    def test_a_member_has_its_time_after_its_http_has_had_none(self):
        """A busy host: what waits for /status in vain leaves the time for the member's own answer."""
        release = threading.Event()
        self.addCleanup(release.set)
        hung = self.serve_status(lambda: lambda _: release.wait(DEADLINE))
        with socket.create_server(('127.0.0.1', 0)) as slow:
            def serve():
                connection, _ = slow.accept()
                with connection:
                    self.assertEqual(connection.recv(1), b'')
                    release.wait(0.5)
            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            self.configure({'Bailey': '127.0.0.1:%d' % slow.getsockname()[1]},
                           groups={'http Bailey': {'listen': hung.address}})
            row = rows_of(self.tool('status', '--timeout', '2')[0])['Bailey']
            thread.join()
        self.assertEqual(row[1], 'up')

    def test_members_that_hang_are_waited_for_together(self):
        release = threading.Event()
        self.addCleanup(release.set)
        servers = {name: self.serve_status(lambda: lambda _: release.wait(DEADLINE)) for name in 'ABCDE'}
        self.configure({name: f'127.0.0.1:{number}' for number, name in enumerate(servers, 1)},
                       groups={f'http {name}': {'listen': server.address} for name, server in servers.items()})
        begin = time.monotonic()
        rows = rows_of(self.tool('status', '--timeout', '2', status=1)[0])
        self.assertTrue(all(server.asked == 1 for server in servers.values()))
        self.assertLess(time.monotonic() - begin, 9)  # one after the other takes 10
        for row in rows.values():
            self.assertEqual(row[1], 'down')
            self.assertIn('Connection refused', row[2])

    def test_colours_on_a_terminal_only(self):
        self.configure({'Bailey': DEAD})
        self.assertIn('\x1b[31mdown\x1b[0m', self.shown('status', status=1))
        for environment in ({'NO_COLOR': '1'}, {'TERM': 'dumb'}):
            text = self.shown('status', status=1, environment=environment)
            self.assertIn('down', text)
            self.assertNotIn('\x1b', text)
        self.assertNotIn('\x1b', self.tool('status', status=1)[0])

    def test_width_of_a_terminal(self):
        server = self.serve_status(status_of('Bailey', links=[link_to('Bona', state='down', reason='for ' * 40)]))
        self.configure({'Bailey': DEAD}, groups={'http Bailey': {'listen': server.address}})
        for columns in (60, 80, 100):
            for line in self.shown('status', columns=columns, environment={'NO_COLOR': '1'}).splitlines():
                self.assertLessEqual(len(line), columns)
        self.assertIn('for ' * 39 + 'for\n', self.tool('status')[0])


class Watch(ToolTestCase):
    def begin(self, *arguments, **options):
        self.rates = iter([0.0, 50.0, 100.0] + [100.0] * 10000)
        self.server = self.serve_status(lambda: status_of('Bailey', rates={'iamat': next(self.rates)}))
        self.configure({'Bailey': DEAD}, groups={'http Bailey': {'listen': self.server.address}})
        return self.on_terminal('watch', '--interval', '0.1', *arguments, columns=120, **options)

    def test_a_terminal_is_given_back(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            process, terminal = self.begin()
            text = self.read_terminal(terminal, lambda said: '▁▄█' in said)
            self.assertTrue(text.startswith(ENTER))
            self.assertNotIn(LEAVE, text)
            process.send_signal(number)
            text = self.read_terminal(terminal, lambda _: False)
            self.assertTrue(text.endswith('\x1b[?25h' + LEAVE), text)
            self.assertEqual(process.wait(DEADLINE), 0)

    def test_while_a_member_hangs(self):
        release = threading.Event()
        self.addCleanup(release.set)
        hung = self.serve_status(lambda: lambda _: release.wait(DEADLINE))
        self.configure({'Bailey': DEAD}, groups={'http Bailey': {'listen': hung.address}})
        process, terminal = self.on_terminal('watch', '--timeout', '3600')
        self.read_terminal(terminal, lambda said: ENTER in said)
        process.send_signal(signal.SIGINT)
        self.assertTrue(self.read_terminal(terminal, lambda _: False).endswith(LEAVE))
        self.assertEqual(process.wait(DEADLINE), 0)

    def test_a_terminal_that_changes_its_size(self):
        process, terminal = self.begin()
        self.read_terminal(terminal, lambda said: 'WHATSAT/s' in said)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', 4, 78, 0, 0))
        process.send_signal(signal.SIGWINCH)
        # It has no room for all columns any more, and no more rows than four.
        text = self.read_terminal(terminal, lambda said: re.search(r'\x1b\[H(?:(?!WHATSAT)[^\x07])*\x1b\[J', said))
        frame = re.findall(r'\x1b\[H((?:(?!WHATSAT)[^\x07])*?)\x1b\[J', text)[-1]
        lines = re.sub(r'\x1b\[(\d+m|K)', '', frame).split('\r\n')
        self.assertLessEqual(len(lines), 4)
        for line in lines:
            self.assertLessEqual(len(line), 78)

    def test_blocks_in_a_pipe(self):
        self.rates = iter(float(10 * number) for number in range(10000))
        server = self.serve_status(lambda: status_of('Bailey', rates={'iamat': next(self.rates)}))
        self.configure({'Bailey': DEAD}, groups={'http Bailey': {'listen': server.address}})
        with subprocess.Popen(self.command('watch', '-i', '0.1'), stdout=subprocess.PIPE, env=self.environment(),
                              text=True) as process:
            self.addCleanup(process.kill)
            blocks, block = [], []
            while len(blocks) < 3:
                line = process.stdout.readline()
                if line == '\n' and len(block) > 2:
                    blocks.append(''.join(block))
                    block = []
                else:
                    block.append(line)
            process.send_signal(signal.SIGTERM)
            process.stdout.read()
            self.assertEqual(process.wait(DEADLINE), 0)
        for number, block in enumerate(blocks):
            self.assertNotIn('\x1b', block)
            self.assertRegex(block, r'every 0\.1 s\n\nMEMBER .*\nBailey +up .* %d\.0 ' % (10 * number))
        self.assertTrue(blocks[-1].rstrip().endswith('▁▄█'))


class Where(ToolTestCase):
    def test_agreement(self):
        herd = self.herd('Bailey-Bona').start()
        self.follow(herd)
        line = herd['Bailey'].client().iamat(b'kiwi', UCLA, b'1621464827.959498503')
        herd['Bona'].wait_stored(b'kiwi', line)
        self.assertEqual(self.tool('where', 'kiwi')[0],
                         f'kiwi was at {UCLA.decode()} on 2021-05-19 22:53:47.959 UTC, as Bailey was told; '
                         'all 2 members agree\n')
        self.assertEqual(self.tool('where', 'plum', status=1)[1], 'herd: no member knows where "plum" is\n')

    def test_disagreement(self):
        herd = self.herd([], ['Ada', 'Bob', 'Cy', 'Dan', 'Eve']).start()  # none of them talks with another
        self.follow(herd)
        for name, location, at in (('Ada', b'+1+2', b'1000'), ('Bob', b'+2+2', b'1012.5'),
                                   ('Cy', b'+1.5+2', b'1012.5')):
            herd[name].client().iamat(b'kiwi', location, at)
        herd['Eve'].kill()
        said, _ = self.tool('where', 'kiwi', status=1)
        rows = [re.split(r' {2,}', line) for line in said.splitlines()[1:]]
        # At equal times the greater origin is newer (PROTOCOL R21).
        self.assertEqual([row[0] for row in rows], ['Cy', 'Bob', 'Ada', 'Dan', 'Eve'])
        self.assertEqual([row[4:] for row in rows[:3]], [['newest', '-'], ['0 ns', '55598 m'], ['12.5 s', '55598 m']])
        self.assertEqual(rows[0][1:4], ['+1.5+2', '1970-01-01 00:16:52.500 UTC', 'Cy'])
        self.assertEqual(rows[3][1], 'does not know it')
        self.assertIn('Connection refused', rows[4][1])

    def test_one_that_lies(self):
        member = self.single()
        member.client().iamat(b'kiwi', UCLA, b'1000')
        for lie in (b'AT Liar +0.000000001 plum +1+2 7\n{}\n\n', b'\x1b[2Jhello\n\n', b'\n\n',
                    b'AT Liar x kiwi +1+2 7\n{}\n\n'):
            with StandIn(lambda *_: lie) as liar:
                self.configure({'Bailey': '%s:%d' % member.address, 'Liar': liar.address})
                said, _ = self.tool('where', 'kiwi', status=1)
            self.assertIn('it gives no answer to that', rows_of(said)['Liar'][1])
            self.assertIsNone(CONTROL.search(said), said)


class Check(ToolTestCase):
    def lines(self, *arguments, status, **options):
        said, wrong = self.tool('check', *arguments, status=status, **options)
        self.assertEqual(wrong, '')
        *lines, last = said.splitlines()
        counts = [sum(line.startswith(word) for line in lines) for word in ('ok ', 'note ', 'warn ', 'bad ')]
        self.assertEqual(last, '%d ok, %d to note, %d warnings, %d bad' % tuple(counts))
        return lines

    def test_a_herd_that_is_well(self):
        herd = self.herd('Bailey-Bona').start()
        servers = {name: self.serve_status(status_of(name, links=[link_to(other)]))
                   for name, other in (('Bailey', 'Bona'), ('Bona', 'Bailey'))}
        self.follow(herd, limits={'max_connections': 100},
                    **{f'http {name}': {'listen': server.address} for name, server in servers.items()})
        lines = self.lines(status=0)
        self.assertTrue(all(line.startswith('ok  ') for line in lines), lines)
        self.assertIn('ok    link Bailey - Bona: up from both sides', lines)
        self.assertTrue(any('its clock and ours agree' in line for line in lines))
        servers['Bona'].answer = lambda: status_of('Bona', links=[link_to('Bailey', state='down', reason='refused')])
        self.assertIn('bad   link Bailey - Bona: Bona says down: refused', self.lines(status=2))
        servers['Bona'].answer = lambda: status_of('Bona', links=[link_to('Bailey')])
        servers['Bona'].answer = lambda: b'[]'
        self.assertIn(f"bad   Bona: http://{servers['Bona'].address}: /status does not say which member it is of",
                      self.lines(status=2))
        servers['Bona'].answer = lambda: status_of('Bona', links=[link_to('Bailey')])
        servers['Bona'].date = time.time() - 100
        clock, = [line for line in self.lines(status=1) if line.startswith('warn')]
        self.assertRegex(clock, r'Bona: its clock is (9\d|10\d)\.\d s or more behind ours')

    def test_files(self):
        def write(name, text, mode=0o600):
            path = os.path.join(self.directory, name)
            with open(path, 'w', encoding='utf-8') as file:
                file.write(text)
            os.chmod(path, mode)
            return path
        secret = 'nobody-shall-see-this'
        member = self.single()
        address = '%s:%d' % member.address

        def check(status, **groups):
            self.configure({'Bailey': address}, groups={'limits': {'max_connections': 100}, **groups})
            lines = self.lines(status=status)
            self.assertNotIn(secret, '\n'.join(lines))
            return [line for line in lines if line.startswith(('warn', 'bad'))]

        path = write('secret', secret)
        self.assertEqual(check(0, **{'herd Bailey': {'secret_file': path}}), [])
        os.chmod(path, 0o644)
        self.assertEqual(check(1, **{'herd Bailey': {'secret_file': path}}),
                         [f'warn  Bailey: [herd] secret_file: {path} is secret, and everybody may read it'])
        self.assertEqual(check(2, **{'herd Bailey': {'secret_file': path + '-not'}}),
                         [f'bad   Bailey: [herd] secret_file: {path}-not: No such file or directory'])
        # A bare name may be a credential's, which only the service gets; so that it is missing here says nothing.
        self.assertEqual(check(0, **{'herd Bailey': {'secret_file': 'herd.secret'}}), [])
        self.assertIn('note  Bailey: [herd] secret_file: herd.secret is not here; it may be a credential of the service',
                      self.lines(status=0))
        empty = write('empty', '')
        self.assertEqual(check(2, access={'rules_file': empty}),
                         [f'bad   Bailey: [access] rules_file: {empty} is empty'])
        self.assertEqual(check(2, access={'rules_file': self.directory}),
                         [f'bad   Bailey: [access] rules_file: {self.directory} is no file'])
        short = write('short', 'secret')
        self.assertEqual(check(2, **{'herd Bailey': {'secret_file': short}}),
                         [f'bad   Bailey: [herd] secret_file: {short} holds 6 bytes; a secret has 16 or more, such as what '
                          '"openssl rand -hex 32" prints'])
        rules = write('rules', 'anyone\n')
        self.assertEqual(check(2, access={'rules_file': rules}),
                         [f'bad   Bailey: [access] rules_file: {rules}, line 1: names no clients'])
        self.assertEqual(check(2, **{'herd Bailey': {'state_dir': path}}),
                         [f'bad   Bailey: [herd] state_dir: {path} is no folder'])
        wrong = check(2, **{'herd Bailey': {'places': 'file'}, 'places': {'file': path}})
        self.assertEqual(len(wrong), 1)
        self.assertIn('bad   Bailey: [places]', wrong[0])

    def test_configurations(self):
        self.configure({'Bailey': '127.0.0.1:70000'})
        line, = self.lines(status=2)
        self.assertIn('[member Bailey] listen: ', line)
        self.configure({}, groups={})
        self.assertIn('its members are: none', self.lines(status=2)[0])
        self.config = '/nowhere/herd.conf'
        self.assertIn('No such file', self.lines(status=2)[0])
        # Wrong for one member only; and what is odd is told once.
        self.configure({'Bailey': DEAD, 'Bona': DEAD.replace(':1', ':2')},
                       groups={'places Bona': {'max_lookups': 64}}, neighbours={'Bailey': ['Bona']})
        lines = self.lines(status=2)
        self.assertTrue(any(line.startswith('bad   Bona: ') and 'max_lookups' in line for line in lines), lines)
        self.assertEqual(sum('Bailey is missing' in line for line in lines), 1)
        self.assertIn(f'bad   Bailey: {DEAD}: Connection refused', lines)
        self.assertIn('max_lookups', self.tool('status', status=2)[1])

    def test_open_files(self):
        member = self.single()
        self.configure({'Bailey': '%s:%d' % member.address}, groups={'limits': {'max_connections': 1000000}})
        limit = ['prlimit', '--nofile=1024:1024']
        done = subprocess.run([*limit, *self.command('check')], stdout=subprocess.PIPE, env=self.environment(),
                              timeout=DEADLINE, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r'warn  Bailey: it may open 1024 files, if it is started from here, and '
                                      r'max_connections = 1000000 needs 1000\d\d\d ')

    def test_every_address(self):
        member = self.single()
        self.configure({'Bailey': '%s:%d;%s' % (*member.address, DEAD)})
        lines = self.lines(status=2)
        self.assertTrue(any('Bailey: it serves at %s:%d (' % member.address in line for line in lines))
        self.assertIn(f'bad   Bailey: {DEAD}: Connection refused', lines)


class RealMembers(ToolTestCase):
    def test_what_members_tell_of_themselves(self):
        listens = {f'http {name}': {'listen': f'127.0.0.1:{PORTS.take()}'} for name in ('Bailey', 'Bona', 'Campbell')}
        herd = self.herd('Bailey-Bona Bona-Campbell', groups=listens)
        for name in ('Bailey', 'Bona'):
            herd[name].start()
        herd.wait_links()
        self.follow(herd, **listens)
        line = herd['Bailey'].client().iamat(b'kiwi', UCLA)
        herd['Bona'].wait_stored(b'kiwi', line)
        if 'turn on' in self.tool('status', 'Bailey')[0] or 'refused' in self.tool('status', 'Bailey')[0]:
            self.skipTest('this herdd does not listen for HTTP')
        members, links = self.tool('status', status=1)[0].split('\n\n')
        rows = rows_of(members)
        for name in ('Bailey', 'Bona'):
            self.assertEqual(rows[name][1], 'up')
            self.assertEqual(rows[name][9], '1')  # records
            self.assertEqual(rows[name][-1], 'embedded ok')
        self.assertEqual(rows['Campbell'][1], 'down')

        def link(here, there):
            found = [re.split(r' {2,}', line) for line in links.splitlines() if re.match(f'{here} +{there} ', line)]
            return found[0][2:]
        self.assertEqual(link('Bailey', 'Bona')[0], 'up')
        self.assertEqual(link('Bona', 'Bailey')[0], 'up')
        self.assertNotEqual(link('Bona', 'Campbell')[0], 'up')
        lines = self.tool('check', status=2)[0].splitlines()
        self.assertIn('ok    link Bailey - Bona: up from both sides', lines)
        self.assertTrue(any(line.startswith('bad   link Bona - Campbell: Bona says ') for line in lines), lines)
        self.assertEqual(sum('its clock and ours agree' in line for line in lines), 2)


class Hostile(ToolTestCase):
    def test_answers_that_are_none(self):
        def endless(connection):
            with contextlib.suppress(OSError):
                while True:
                    connection.sendall(b'A' * 65536)

        def silent(_):
            release.wait(DEADLINE)

        release = threading.Event()
        self.addCleanup(release.set)
        def says(text):
            return lambda connection: connection.sendall(text)

        for behave, why in ((endless, 'has no end'), (silent, 'no answer within 0.30 s'),
                            (says(b'AT Bailey +0.1'), 'in the middle of its answer'), (says(b''), 'without an answer'),
                            (says(b'\x1b]0;you are mine\x07\n\n'), 'no answer to that: \\x1b]0;you'),
                            (says(b'AT L +0.000000001 plum +1+2 3\n{}\n\n'), 'no answer to that'),
                            (says(b'AT L +0.000000001 kiwi +1+2 3\n{\n\n'), 'no answer to that')):
            with socket.create_server(('127.0.0.1', 0)) as listener:
                self.configure({'Liar': '127.0.0.1:%d' % listener.getsockname()[1]})

                def serve():
                    for _ in range(2):
                        connection, _ = listener.accept()
                        with connection:
                            connection.recv(1 << 16)
                            with contextlib.suppress(OSError):
                                behave(connection)
                thread = threading.Thread(target=serve)
                thread.start()
                timeout = '0.3' if behave is silent else str(DEADLINE)
                for arguments in (['whatsat', 'kiwi'], ['iamat', 'kiwi', '+1+2', '4']):
                    said, wrong = self.tool(*arguments, '--timeout', timeout, status=1)
                    self.assertEqual(said, '')
                    self.assertIn('herd: Liar', wrong)
                    self.assertIn(why, wrong)
                release.set()
                thread.join()
                release.clear()

    def test_one_that_speaks_first(self):
        with socket.create_server(('127.0.0.1', 0)) as listener:
            self.configure({'Liar': '127.0.0.1:%d' % listener.getsockname()[1]})

            def serve():
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):
                    while True:
                        connection.sendall(b'220 mail\x1b]0;.example ' * 1000)
            thread = threading.Thread(target=serve)
            thread.start()
            self.assertIn('it speaks without being asked', rows_of(self.tool('status', status=1)[0])['Liar'][2])
            thread.join()

    def test_control_characters_reach_pipes_and_no_terminal(self):
        name = b'\x1b]0;owned\x07'
        answer = b'AT %s +0.000000001 kiwi +1+2 3\n' % name
        body = b'{ "results" : [], "status" : "OK" }'
        with StandIn(lambda line, _: answer + (b'' if line.startswith(b'I') else body + b'\n\n')) as liar:
            self.configure({'Liar': liar.address})
            for arguments, raw in ((['iamat', '--raw', 'kiwi', '+1+2', '3'], answer),
                                   (['whatsat', '--raw', 'kiwi'], answer + body + b'\n\n')):
                self.assertEqual(self.tool(*arguments, binary=True)[0], raw)
                text = self.shown(*arguments)
                self.assertIn('\\x1b]0;owned\\x07', text)
                self.assertIsNone(CONTROL.search(text.replace('\r\n', '')), text)
            for arguments in (['iamat', 'kiwi', '+1+2', '3'], ['whatsat', 'kiwi'], ['where', 'kiwi']):
                for text in (self.shown(*arguments, environment={'NO_COLOR': '1'}), self.tool(*arguments)[0]):
                    self.assertIn('\\x1b]0;owned\\x07', text)
                    self.assertIsNone(CONTROL.search(text.replace('\r\n', '')), text)


class Tls(ToolTestCase):
    def authority(self, name='Bailey'):
        """A certificate in this name that is its own authority."""
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
                        '-nodes', '-keyout', 'key.pem', '-out', 'cert.pem', '-days', '2', '-subj', f'/CN={name}',
                        '-addext', f'subjectAltName=DNS:{name}'], cwd=self.directory, check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=DEADLINE)
        return [os.path.join(self.directory, name) for name in ('cert.pem', 'key.pem')]

    @contextlib.contextmanager
    def member(self, certificate, key):
        """The address of somebody who takes every report and shows this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        with socket.create_server(('127.0.0.1', 0)) as listener:
            def serve():
                with contextlib.suppress(OSError):
                    while True:
                        plain, _ = listener.accept()
                        with plain, contextlib.suppress(OSError), \
                                context.wrap_socket(plain, server_side=True) as stream:
                            line = stream.recv(4096)
                            if line:
                                stream.sendall(honest(line))
            threading.Thread(target=serve, daemon=True).start()
            yield 'tls://127.0.0.1:%d' % listener.getsockname()[1]
            listener.shutdown(socket.SHUT_RDWR)

    def test_members_prove_their_names(self):
        certificate, key = self.authority()
        with self.member(certificate, key) as address:
            own = {'certificate_file': certificate, 'key_file': key}
            for name, tls, status, why in (('Bailey', {'ca_file': certificate}, 0, ''),
                                           ('Bona', {'ca_file': certificate}, 1, 'Bona'),
                                           ('Bona', {}, 0, 'nobody proves who a member is')):
                self.configure({name: address}, groups={'tls': {**own, **tls}})
                said, wrong = self.tool('iamat', 'kiwi', '+1+2', '3', status=status)
                self.assertEqual('took kiwi' in said, status == 0)
                self.assertIn(why, wrong)
                self.assertEqual(wrong == '', why == '')
            self.assertIn('up', rows_of(self.tool('status')[0])['Bona'])

    def test_authorities_of_the_host_are_none_of_the_herd(self):
        launcher = ['unshare', '--mount', 'sh', '-ec', 'mount --bind "$0" /etc/ssl/certs; exec "$@"']
        trusted, certificate, key = os.path.join(self.directory, 'certs'), *self.authority()
        os.mkdir(trusted)
        name = subprocess.run(['openssl', 'x509', '-noout', '-hash', '-in', certificate], check=True, text=True,
                              stdout=subprocess.PIPE, timeout=DEADLINE).stdout.strip() + '.0'
        theirs, their_key = os.path.join(trusted, name), os.path.join(self.directory, 'their-key.pem')
        os.rename(certificate, theirs)
        os.rename(key, their_key)
        own = dict(zip(('certificate_file', 'key_file'), self.authority('Bona')))
        if subprocess.run([*launcher, trusted, 'true'], stderr=subprocess.DEVNULL, timeout=DEADLINE,
                          check=False).returncode != 0:
            self.skipTest('a mount namespace of its own needs root and unshare')
        with self.member(theirs, their_key) as address:
            self.configure({'Bailey': address}, groups={'tls': {**own, 'ca_file': own['certificate_file']}})
            done = subprocess.run([*launcher, trusted, *self.command('iamat', 'kiwi', '+1+2', '3')],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, env=self.environment(),
                                  timeout=DEADLINE, check=False)
        self.assertEqual(done.returncode, 1, done)
        self.assertIn('certificate', done.stderr)


class Usage(ToolTestCase):
    COMMANDS = ('iamat', 'whatsat', 'where', 'status', 'watch', 'check', 'places import')

    def test_help(self):
        everything = self.run_tool('--help')
        self.assertEqual((everything.returncode, everything.stderr), (0, b''))
        self.assertEqual(self.run_tool('help').stdout, everything.stdout)
        for command in self.COMMANDS:
            self.assertIn(f'\n  {command} ', everything.stdout.decode())
            words = command.split()
            one = self.run_tool(*words, '--help')
            self.assertEqual((one.returncode, one.stderr), (0, b''))
            self.assertEqual(self.run_tool('help', *words).stdout, one.stdout)
            for part in (f'herd {command} ', 'Examples:\n', 'Exit status:'):
                self.assertIn(part, one.stdout.decode())

    def test_wrong_use(self):
        for words, says in (([], 'name a command'), (['wehre', 'kiwi'], 'did you mean where?'),
                            (['stats'], 'did you mean status?'), (['places', 'imprt'], 'did you mean places import?'),
                            (['places'], 'did you mean places import?'),
                            (['help', 'chekc'], 'did you mean check?'),
                            (['x\x1b[2J'], 'there is no command "x\\033[2J"'),
                            (['iamat', 'kiwi'], 'CLIENT LAT-LON [TIME]'), (['where'], 'CLIENT'),
                            (['where', 'a', 'b'], 'CLIENT'), (['check', 'Bailey'], 'the usage is: herd check'),
                            (['watch', '--interval', '0'], '--interval takes from'),
                            (['status', '--timeout', '0'], '--timeout takes from'),
                            (['status', '--timeout', 'nan'], '--timeout'),
                            (['status', '--colour'], '--colour'), (['iamat', '-x', 'kiwi', '+1+2'], '-x'),
                            (['status', '--config', '/nowhere'], 'No such file')):
            done = self.run_tool(*words)
            self.assertEqual((done.returncode, done.stdout), (2, b''), words)
            self.assertEqual(done.stderr.count(b'\n'), 1, done.stderr)
            self.assertTrue(done.stderr.startswith(b'herd: '), done.stderr)
            self.assertIn(says, done.stderr.decode())

    def test_the_configuration_that_is_found(self):
        os.mkdir(os.path.join(self.directory, 'conf'))
        with open(os.path.join(self.directory, 'conf', 'herd.conf'), 'w', encoding='utf-8') as file:
            file.write(f'[member Found]\nlisten = {DEAD}\n')
        done = self.run_tool('status', cwd=self.directory)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b'\nFound   down', done.stdout)

    def test_output_that_cannot_be_written(self):
        self.configure({'Bailey': DEAD})
        with open('/dev/full', 'wb') as full:
            done = subprocess.run(self.command('status'), stdout=full, stderr=subprocess.PIPE, timeout=DEADLINE,
                                  env=self.environment(), check=False)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, b'herd: cannot write to standard output: No space left on device\n')
