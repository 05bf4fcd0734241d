# SPDX-License-Identifier: MIT
"""herd places import, and members that answer from what it makes."""

import json
import os
import pty
import signal
import subprocess
import threading

from harness import DEADLINE, HERE, HerdTestCase, find_herdd, sanitizer_environment, wait_until

HERD = os.environ.get('HERD') or os.path.join(os.path.dirname(find_herdd()), 'herd')
SAMPLE = os.path.join(HERE, '..', '..', '..', 'shared', 'fixtures', 'overpass', 'west-oakland-poi.geojsonseq')
CSV = 'name,lat,lon,id,types,vicinity\n'


def csv(*names):
    """Places of these names at 1N 2E."""
    return CSV + ''.join(f'{name},1,2,t:{name},cafe,Here\n' for name in names)


def feature(name, coordinates=(2, 1), **properties):
    return json.dumps({'type': 'Feature', 'geometry': {'type': 'Point', 'coordinates': coordinates},
                       'properties': {'name': name, **properties}})


class ImportTestCase(HerdTestCase):
    def setUp(self):
        super().setUp()
        self.folder = os.path.join(self.directory, 'data')
        os.mkdir(self.folder)
        self.output = self.path('own.places')

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), 'wb') as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return self.path(name)

    def read(self, path):
        with open(path, 'rb') as file:
            return file.read()

    def herd_tool(self, *arguments, **options):
        return subprocess.run([HERD, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=DEADLINE * 3,
                              env={**os.environ, **sanitizer_environment()}, check=False, **options)

    def imported(self, *arguments, status=0, **options):
        """What herd places import says on stderr."""
        done = self.herd_tool('places', 'import', *arguments, **options)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(done.stdout, b'')
        self.assertTrue(done.stderr.startswith(b'herd: '), done.stderr)
        return done.stderr.decode()

    def begin_import(self, **options):
        """An import from a pipe that has read something and waits for more."""
        process = subprocess.Popen([HERD, 'places', 'import', '--format', 'csv', '-', self.output],
                                   stdin=subprocess.PIPE, env={**os.environ, **sanitizer_environment()},
                                   # Under nohup it would be inherited that nobody heeds it.
                                   preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
                                   **{'stderr': subprocess.PIPE, **options})
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        if process.stderr is not None:
            self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdin.close)
        process.stdin.write(csv('begun').encode())
        process.stdin.flush()
        wait_until(self.temporaries, 'a temporary file is there')
        return process

    def files(self):
        return [self.path(name) for name in sorted(os.listdir(self.folder))]

    def temporaries(self):
        return [path for path in self.files() if path.startswith(self.output + '.')]

    def serve(self, **places):
        return self.single(herd={'places': 'file'}, places={'file': self.output, **places})

    def near(self, member, location=b'+1+2'):
        client = member.client()
        client.iamat(b'kiwi', location)
        return client.whatsat(b'kiwi', b'10', b'20')


class EndToEnd(ImportTestCase):
    def test_geonames(self):
        rest = '\tXX\t\t\t\t\t\t0\t\t0\tUTC\t2024-02-29\n'
        said = self.imported(self.write('some.txt', '7\tŁódź\tLodz\t\t1\t2\tP\tPPL' + rest +
                                        '8\tInn\t\t\t1.01\t2\tS\tHTL' + rest + 'half a row\n'), self.output)
        self.assertIn('3 rows read, 2 written, 1 skipped', said)
        self.assertIn('not 19 columns: 1 (line 3)\n', said)
        self.assertNotIn('note:', said)
        reply = self.near(self.serve())
        self.assertEqual(reply.names, ['Łódź', 'Inn'])
        self.assertIn('GeoNames', reply.json['html_attributions'][0])
        first, second = reply.json['results']
        self.assertEqual((first['place_id'], first['types'], first['vicinity']),
                         ('gn:7', ['locality', 'political'], 'Łódź'))
        self.assertEqual(second['types'][0], 'lodging')

    def test_geojson(self):
        text = '{"type":"FeatureCollection",\n"features":[%s,\n%s,\n%s]}' % (
            feature('Café', amenity='cafe'), feature('', amenity='bar'), feature('Far', (3, 1)))
        said = self.imported('--attribution', 'osm', self.write('some.geojson', text), self.output)
        self.assertIn('3 rows read, 2 written, 1 skipped', said)
        self.assertIn('no name: 1 (line 3)\n', said)
        reply = self.near(self.serve())
        self.assertEqual(reply.names, ['Café'])
        self.assertIn('OpenStreetMap', reply.json['html_attributions'][0])
        self.assertEqual(reply.json['results'][0]['types'][0], 'cafe')

    def test_geojson_sequences_from_standard_input(self):
        for separator in ('', '\x1e'):
            with self.subTest(separator=separator):
                text = ''.join(separator + line + '\n' for line in (feature('One'), '{"broken', feature('Two')))
                said = self.imported('--format', 'geojsonseq', '-', self.output, input=text.encode())
                self.assertIn('not JSON: 1 (line 2)\n', said)
                self.assertIn('note:', said)
                reply = self.near(self.serve())
                self.assertEqual(reply.names, ['One', 'Two'])
                self.assertEqual(reply.json['html_attributions'], [])

    def test_csv(self):
        text = 'Latitude;Longitude;Name;Type\r\n1;2;"Bar ""X""";Night Club|bar\r\n1e0;2.000001;"a\nb";\r\n'
        self.imported('--attribution', '<b>mé</b>', self.write('some.CSV', text), self.output)
        reply = self.near(self.serve())
        self.assertEqual(reply.names, ['Bar "X"', 'a\nb'])
        self.assertEqual(reply.json['results'][0]['types'], ['night_club', 'bar'])
        self.assertEqual([place['vicinity'] for place in reply.json['results']], reply.names)  # there is no better
        self.assertEqual([place['place_id'] for place in reply.json['results']], ['row:1', 'row:2'])
        self.assertEqual(reply.json['html_attributions'], ['<b>mé</b>'])

    def test_a_real_sample_of_openstreetmap(self):
        if not os.path.exists(SAMPLE):
            self.skipTest('the sample of real data is not here')
        said = self.imported('--attribution', 'osm', SAMPLE, self.output)
        self.assertIn('13 rows read, 8 written, 5 skipped', said)
        reply = self.near(self.serve(), b'+37.8062641-122.2984609')
        self.assertEqual(reply.names[0], 'Revolution Cafe')
        self.assertEqual(reply.json['results'][0]['vicinity'], '1612 7th Street')
        self.assertEqual(self.near(self.serve(type='cafe'), b'+37.8062641-122.2984609').names, ['Revolution Cafe'])


class Refused(ImportTestCase):
    def setUp(self):
        super().setUp()
        self.imported(self.write('old.csv', csv('Old')), self.output)
        self.old = self.read(self.output)
        self.before = self.files()

    def assert_refused(self, *arguments, status=1, **options):
        said = self.imported(*arguments, status=status, **options)
        self.assertEqual(self.read(self.output), self.old)
        self.assertEqual(self.temporaries(), [])
        return said

    def test_broken_json_names_its_line(self):
        text = '{"features":[\n%s,\n%s,,\n5]}' % (feature('One'), feature('Two'))
        self.assertIn('line 3: not JSON', self.assert_refused(self.write('bad.geojson', text), self.output))
        self.assertIn('line 2: not JSON', self.assert_refused(self.write('cut.geojson', text[:60]), self.output))

    def test_input_without_a_place(self):
        for name, text, says in (('bad.csv', 'a,b\n1,2\n', 'line 1'), ('none.csv', CSV, 'no place'),
                                 ('bad.txt', csv('x'), 'no place'), ('empty.geojsonseq', '', 'no place'),
                                 ('nameless.csv', CSV + ',1,2,,,\n', 'no name: 1 (line 2)'),
                                 ('one.json', feature('One'), 'not a FeatureCollection')):
            with self.subTest(name=name):
                self.assertIn(says, self.assert_refused(self.write(name, text), self.output))

    def test_many_reasons_are_counted(self):
        text = csv('Good') + ',1,2,,,\n' * 7 + 'x,1,2,\xff,,\ny,91,2,,,\n'
        said = self.imported(self.write('some.csv', text.encode('latin-1')), self.path('new.places'))
        self.assertIn('no name: 7 (lines 3, 4, 5, 6, 7, ...)\n', said)
        self.assertIn('a text is too long or not UTF-8: 1 (line 10)\n', said)
        self.assertIn('its coordinates are not a position on the globe: 1 (line 11)\n', said)
        self.assertLess(said.index('no name'), said.index('a text'))

    def test_swapped_arguments(self):
        data = self.write('data.csv', csv('x'))
        for arguments in ((self.output, data), ('--format', 'csv', self.output, data)):
            self.assert_refused(*arguments, status=2)
            self.assertEqual(self.read(data), csv('x').encode())

    def test_input_that_is_output(self):
        os.symlink(self.output, self.path('link'))
        for name in (self.output, self.path('link')):
            self.assertIn('both', self.assert_refused('--format', 'csv', self.output, name, status=2))
        with open(self.output, 'rb') as file:
            self.assert_refused('--format', 'csv', '-', self.output, status=2, stdin=file)

    def test_wrong_use(self):
        data = self.write('data.csv', csv('x'))
        for arguments in ((), (data,), (data, self.output, 'more'), ('--what', data, self.output),
                          ('--format', 'shp', data, self.output),
                          ('--attribution', b'\xff', data, self.output), (self.write('data.xyz', 'x'), self.output)):
            with self.subTest(arguments=arguments):
                said = self.assert_refused(*arguments, status=2)
                self.assertEqual(said.count('\n'), 1)
        self.assertIn('--format', self.assert_refused(self.path('data.xyz'), self.output, status=2))

    def test_what_cannot_be_read_or_written(self):
        data = self.write('data.csv', csv('x'))
        self.assert_refused(self.path('missing.csv'), self.output)
        self.assert_refused('--format', 'csv', self.folder, self.output)
        self.assert_refused(data, os.path.join(self.folder, 'no', 'folder'))
        self.assert_refused(data, '/dev/full', status=2)

    def test_other_commands(self):
        for arguments in ((), ('places',), ('places', 'export'), ('bogus',), ('--bogus',)):
            done = self.herd_tool(*arguments)
            self.assertEqual((done.returncode, done.stdout, done.stderr.count(b'\n')), (2, b'', 1), arguments)
        for arguments in (('--help',), ('places', '--help'), ('places', 'import', '--help'), ('--version',)):
            done = self.herd_tool(*arguments)
            self.assertEqual((done.returncode, done.stderr), (0, b''), arguments)
            self.assertTrue(done.stdout.strip(), arguments)

    def test_a_signal_leaves_all_as_it_was(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with self.subTest(signal=number):
                process = self.begin_import()
                process.send_signal(number)
                self.assertEqual(process.wait(DEADLINE), -number)
                self.assertEqual(self.files(), self.before)
                self.assertEqual(self.read(self.output), self.old)

    def test_a_killed_import_leaves_the_old_file(self):
        process = self.begin_import()
        process.kill()
        self.assertEqual(process.wait(DEADLINE), -signal.SIGKILL)
        self.assertEqual(self.read(self.output), self.old)
        self.assertEqual(self.near(self.serve()).names, ['Old'])

    def test_the_new_file_has_the_permissions_of_the_old(self):
        os.chmod(self.output, 0o640)
        self.imported(self.path('old.csv'), self.output)
        self.assertEqual(os.stat(self.output).st_mode & 0o777, 0o640)
        link = self.path('link')
        os.symlink(self.output, link)
        self.imported(self.write('new.csv', csv('New')), link)
        self.assertTrue(os.path.islink(link))
        self.assertNotEqual(self.read(self.output), self.old)


class Progress(ImportTestCase):
    def test_on_a_terminal_there_is_one_line_that_is_cleared(self):
        terminal, stderr = pty.openpty()
        self.addCleanup(os.close, terminal)
        process = self.begin_import(stderr=stderr)
        os.close(stderr)
        said = b''
        while b'reading' not in said:
            said += os.read(terminal, 1000)
        process.stdin.close()
        while b'written' not in said:
            said += os.read(terminal, 1000)
        self.assertEqual(process.wait(DEADLINE), 0)
        self.assertNotIn(b'\n', said[:said.index(b'herd: ')])
        self.assertIn(b'\r\x1b[Kherd: ', said)


class Reload(ImportTestCase):
    def replace(self, *names):
        self.imported(self.write('new.csv', csv(*names)), self.output)

    def test_members_without_a_file_say_so(self):
        for path, says in (('', 'file: is missing'), (self.path('none'), 'No such file'),
                           (self.write('x', 'no places'), 'not a usable places file')):
            with self.subTest(path=path):
                member = self.lone(herd={'places': 'file'}, places={'file': path})
                member.spawn()
                self.assertEqual(member.wait(), 2)
                self.assertIn('[places] file:', member.stderr())
                self.assertIn(says, member.stderr())
                self.assertEqual(member.stderr().count('\n'), 1)
                member.process = None

    def test_sighup_takes_the_new_file_while_lookups_run(self):
        self.replace('First')
        member = self.serve()
        member.wait_event(rb'^places \S+ rows=1$')
        asked, stop = [], threading.Event()

        def ask_again_and_again():
            while not stop.is_set():
                asked.append(self.near(member).names)
        askers = [threading.Thread(target=ask_again_and_again) for _ in range(3)]
        for asker in askers:
            asker.start()
        try:
            wait_until(lambda: asked, 'a lookup is answered')
            for round_number in range(5):
                names = [f'Round{round_number}'] * (round_number + 2)
                self.replace(*names)
                member.signal(signal.SIGHUP)
                member.wait_event(rb'^places reloaded \S+ rows=%d$' % len(names))
                self.assertEqual(self.near(member).names, names)
        finally:
            stop.set()
            for asker in askers:
                asker.join()
        self.assertIn(['First'], asked)
        for names in asked:
            self.assertEqual(len(set(names)), 1, names)

    def test_a_bad_file_leaves_the_old_one_in_place(self):
        self.replace('First')
        member = self.serve()
        os.unlink(self.output)
        self.write('own.places', 'no places')
        member.signal(signal.SIGHUP)
        member.wait_event(rb'^places not reloaded, the old ones stay: \S*own\.places: not a usable places file')
        self.assertEqual(self.near(member).names, ['First'])
        os.unlink(self.output)
        member.signal(signal.SIGHUP)
        member.wait_event(rb'^places not reloaded, .*No such file')
        self.assertEqual(self.near(member).names, ['First'])
        self.replace('Second')
        member.signal(signal.SIGHUP)
        member.wait_event(rb'^places reloaded ')
        self.assertEqual(self.near(member).names, ['Second'])
