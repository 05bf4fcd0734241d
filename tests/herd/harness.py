# SPDX-License-Identifier: MIT
"""Members as processes, their configuration, and the test case that looks after them.

Every test starts the members that it needs on ports of its own, and every member that a test has not killed must
end with exit status 0 and without a word from a sanitizer.
"""

import atexit
import contextlib
import functools
import glob
import os
import re
import resource
import selectors
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from client import TLS, Client
from fake_google import FakeGoogle

HERE = os.path.dirname(os.path.abspath(__file__))
SANITIZER = os.environ.get('HERD_TEST_SANITIZER', '')  # '', thread or address
SLOWER = 6 if SANITIZER else 1
DEADLINE = 10.0 * SLOWER  # how long anything may take that takes no time by rights
PROMPT = 5.0 * SLOWER     # and how long it may take to show that it waited for nobody, on a machine that stands still at times
UCLA = b'+34.068930-118.445127'
KEY = 'test-key-4f1d9a'   # the API key that members get in these tests

LOG_LINE = re.compile(
    rb'(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (info|warning|error) (main|acceptor|worker/\d+|flood|state|log) (.+)')
REPORT = re.compile(r'(Thread|Address|Leak|Memory|UndefinedBehavior)Sanitizer|runtime error:')

# The herds of record: PROTOCOL.md.
HERDS = {
    'Bailey': 'Clark-Jaquez Clark-Bona Campbell-Bailey Campbell-Bona Campbell-Jaquez Bona-Bailey',
    'Goloman': 'Goloman-Hands Goloman-Holiday Goloman-Wilkes Hands-Wilkes Holiday-Welsh Holiday-Wilkes',
    'Juzang': 'Clark-Jaquez Clark-Juzang Bernard-Juzang Bernard-Jaquez Bernard-Johnson Juzang-Johnson',
    'Riley': 'Riley-Jaquez Riley-Juzang Bernard-Jaquez Bernard-Juzang Bernard-Campbell Juzang-Campbell',
    'Hill': 'Hill-Jaquez Hill-Smith Singleton-Jaquez Singleton-Smith Singleton-Campbell Smith-Campbell',
    'Alford': 'Alford-Hamilton Hamilton-Holiday Holiday-Ball Ball-Welsh Welsh-Alford',
}


def parse_edges(text):
    """'A-B B-C' as a list of pairs."""
    return [tuple(edge.split('-')) for edge in text.split()]


def find_herdd():
    """The program under test: $HERDD, else the newest one built in this tree."""
    if os.environ.get('HERDD'):
        return os.environ['HERDD']
    built = glob.glob(os.path.join(HERE, '..', '..', 'build', '*', 'cmd', 'herdd'))
    if not built:
        raise unittest.SkipTest('no herdd: build it, or set HERDD')
    return max(built, key=os.path.getmtime)


def diag(text):
    """A line for whoever reads the output; TAP ignores it."""
    for line in text.splitlines():
        print('# ' + line, flush=True)


def scaled(full, under_sanitizer):
    """How many of something: fewer in the slow builds, and then said so."""
    if not SANITIZER:
        return full
    diag(f'{SANITIZER} sanitizer: {under_sanitizer} instead of {full}')
    return under_sanitizer


def wait_until(condition, what, timeout=None):
    """Polls until condition() is true and returns its value."""
    end = time.monotonic() + (timeout or DEADLINE)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError('not in time: ' + what)
        time.sleep(0.004)


class Ports:
    """Ports that nobody has. They lie below the range of outgoing connections, in a slice that this process has for
    itself, so that neither a connection nor a test that runs beside this one takes them before the member does."""

    FIRST, SLICE, SLICES = 10240, 256, 80

    def __init__(self):
        self.next = 0
        for number in range(self.SLICES):
            which = (os.getpid() + number) % self.SLICES
            self.claim = socket.socket(socket.AF_UNIX)  # a name that is free again when the process ends, however it does
            try:
                self.claim.bind(f'\0herd-test-ports-{which}')
            except OSError:
                self.claim.close()
                continue
            self.base = self.FIRST + which * self.SLICE
            return
        raise AssertionError(f'{self.SLICES} test programs run already')

    def take(self, host='127.0.0.1'):
        host = host.removeprefix(TLS)
        family = socket.AF_INET6 if ':' in host else socket.AF_INET
        for _ in range(self.SLICE):
            port = self.base + self.next % self.SLICE
            self.next += 1
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((host, port))
                    return port
                except OSError:
                    continue
        raise AssertionError('no free port')


PORTS = Ports()


def raise_descriptor_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def sanitizer_environment():
    """Reports must show in the exit status; what the caller set stays."""
    # GLib's own allocator hands memory from thread to thread where no sanitizer sees it.
    added = {'G_SLICE': 'always-malloc'} if SANITIZER else {}
    for name, options in (('TSAN_OPTIONS', 'exitcode=66'), ('ASAN_OPTIONS', 'exitcode=67'),
                          ('UBSAN_OPTIONS', 'print_stacktrace=1:halt_on_error=1:exitcode=68')):
        # The last setting of an option wins, so the caller's stands behind.
        added[name] = ':'.join(filter(None, [options, os.environ.get(name, '')]))
    return added


def endpoint(host, port):
    if host.startswith(TLS):
        return TLS + endpoint(host.removeprefix(TLS), port)
    return f'[{host}]:{port}' if ':' in host else f'{host}:{port}'


def knows_option(group, key, value):
    """Whether the program under test knows that option of the configuration."""
    with tempfile.NamedTemporaryFile('w', suffix='.conf', encoding='utf-8') as file:
        file.write(f'[{group}]\n{key} = {value}\n[member Bailey]\nlisten = 127.0.0.1:10000\n')
        file.flush()
        checked = subprocess.run([find_herdd(), '--check', '--config', file.name, 'Bailey'], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=DEADLINE, check=False)
    return checked.returncode == 0


@functools.cache
def places_at_hand():
    """The groups of a configuration whose WHATSATs find something: the built-in places, or for a program that has none,
    a stand-in for Google that lives as long as the tests."""
    if knows_option('herd', 'places', 'embedded'):
        return {'herd': {'places': 'embedded'}}
    google = FakeGoogle()
    atexit.register(google.close)
    return {'herd': {'places': 'google-legacy'}, 'places': {'url': google.url}}


class Member:
    """One herdd process, or the place of one that does not run just now.

    A member that lives in a network namespace has a `launcher`, the words of the command that starts it there, and an
    `inside`, which makes the context in which a socket to it is opened."""

    launcher = ()
    inside = contextlib.nullcontext

    def __init__(self, herd, name, addresses):
        self.herd = herd
        self.name = name
        self.addresses = addresses
        self.process = None
        self.paused = False
        self.started_in = None
        self.stderr_path = os.path.join(herd.directory, name + '.stderr')
        self.log_path = os.path.join(herd.log_dir, name + '.log')

    @property
    def address(self):
        return self.addresses[0]

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def spawn(self, *, env=None, rlimits=None, arguments=(), descriptors=()):
        """Starts the process, which inherits those descriptors, and does not wait for anything."""
        assert not self.running
        self.paused = False
        environment = {**os.environ, **sanitizer_environment(), 'HERD_PLACES_KEY': KEY, **(env or {})}

        def limit():
            for which, value in (rlimits or {}).items():
                resource.setrlimit(which, (value, value))

        with open(self.stderr_path, 'ab') as stderr:
            self.process = subprocess.Popen(
                [*self.launcher, find_herdd(), *arguments, '--config', self.herd.config_of(self.name), self.name],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, env=environment,
                pass_fds=descriptors, preexec_fn=limit if rlimits else None)

    def start(self, **options):
        """Starts the process and waits until it accepts connections."""
        begin = time.monotonic()
        self.spawn(**options)
        line = self.read_stdout_line()
        expected = 'herdd: {} listening on {}\n'.format(
            self.name, ', '.join(endpoint(host, port) for host, port in self.addresses))
        if line != expected.encode():
            raise AssertionError(f'{self.name} said {line!r}, not {expected!r}; stderr: {self.stderr()!r}')
        self.started_in = time.monotonic() - begin
        return self

    def read_stdout_line(self):
        out, line, end = self.process.stdout, b'', time.monotonic() + DEADLINE
        with selectors.DefaultSelector() as selector:
            selector.register(out, selectors.EVENT_READ)
            while not line.endswith(b'\n'):
                if not selector.select(max(0, end - time.monotonic())):
                    break
                byte = os.read(out.fileno(), 1)
                if not byte:
                    break
                line += byte
        return line

    def wait(self):
        """Waits for the end; returns the exit status."""
        try:
            status = self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f'{self.name} does not end') from None
        finally:
            self.process.stdout.close()
        return status

    def stop(self, with_signal=signal.SIGTERM):
        """An orderly stop, which must be one."""
        if self.paused:  # to one that ends already SIGCONT may undo the SIGSTOP by which LeakSanitizer looks at its threads
            self.resume()
        self.process.send_signal(with_signal)
        status = self.wait()
        self.process = None
        self.check_stderr()
        if status != 0:
            raise AssertionError(f'{self.name} ended with status {status}; stderr: {self.stderr()!r}')

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process = None
        self.check_stderr()

    def signal(self, number):
        self.process.send_signal(number)

    def pause(self):
        """Stops the process and waits until it stands still."""
        self.process.send_signal(signal.SIGSTOP)
        self.paused = True
        wait_until(lambda: self.stat()[0] == 'T', f'{self.name} is stopped')

    def resume(self):
        self.process.send_signal(signal.SIGCONT)
        self.paused = False

    def stat(self):
        """The fields of /proc/PID/stat from the state on."""
        with open(f'/proc/{self.process.pid}/stat', encoding='ascii', errors='replace') as file:
            return file.read().rpartition(') ')[2].split()

    def cpu_seconds(self):
        fields = self.stat()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def rss(self):
        """Resident bytes."""
        with open(f'/proc/{self.process.pid}/statm', encoding='ascii') as file:
            return int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')

    def threads(self):
        return len(os.listdir(f'/proc/{self.process.pid}/task'))

    def stderr(self):
        try:
            with open(self.stderr_path, encoding='utf-8', errors='replace') as file:
                return file.read()
        except FileNotFoundError:
            return ''

    def check_stderr(self):
        if REPORT.search(self.stderr()):
            raise AssertionError(f'{self.name}: a sanitizer reports:\n{self.stderr()}')

    def log(self):
        """The bytes of the log, if it is a file."""
        if not os.path.isfile(self.log_path):
            return b''
        with open(self.log_path, 'rb') as file:
            return file.read()

    def events(self, start=b''):
        """What the log says, without time, level and thread: those that begin with @start."""
        found = []
        for line in self.log().splitlines():
            match = LOG_LINE.fullmatch(line)
            if match and match[4].startswith(start):
                found.append(match[4])
        return found

    def wait_event(self, pattern, count=1, what=None):
        """Waits until @count events match the pattern; returns them."""
        expression = re.compile(pattern)

        def enough():
            found = [event for event in self.events() if expression.search(event)]
            return found if len(found) >= count else None
        return wait_until(enough, what or f'{count} of {pattern!r} in the log of {self.name}')

    def client(self, **options):
        """A new connection to this member; the test closes it at its end."""
        with self.inside():
            return self.herd.case.connect(self.address, **options)

    def stored(self, client_id):
        """The AT line that this member has for a client, or None; asks no provider."""
        with self.inside():
            connected = Client(self.address, timeout=DEADLINE)
        with connected as client:
            client.send(b'WHATSAT %s 1 0\n' % client_id)
            line = client.line()
            return line if line.startswith(b'AT ') else None

    def wait_stored(self, client_id, line):
        wait_until(lambda: self.stored(client_id) == line, f'{self.name} has {line!r}')


class Herd:
    """The members of one configuration file; or of one each, when somebody stands between them (proxy.py): `seen_at`
    says for (here, there) at which address here finds there, if not at its own."""

    def __init__(self, case, edges, names=None, *, hosts=None, listen=None, groups=None, keys=None):
        self.case = case
        self.edges = edges
        self.keys = keys or {}  # of [member NAME], by name
        self.directory = tempfile.mkdtemp(dir=case.directory)
        self.log_dir = os.path.join(self.directory, 'log')
        self.seen_at = {}
        names = list(names or dict.fromkeys(name for edge in edges for name in edge))
        self.members = {}
        for name in names:
            host = (hosts or {}).get(name, '127.0.0.1')
            addresses = (listen or {}).get(name) or [(host, PORTS.take(host))]
            self.members[name] = Member(self, name, addresses)
        self.groups = {
            'herd': {'log_dir': self.log_dir, 'workers': 8},
            'places': {'max_lookups': 4},
            'limits': {},
        }
        for group, keys in (*places_at_hand().items(), *(groups or {}).items()):
            self.groups.setdefault(group, {}).update(keys)
        os.makedirs(self.log_dir, exist_ok=True)
        self.write_config()

    def __getitem__(self, name):
        return self.members[name]

    def __iter__(self):
        return iter(self.members.values())

    def neighbours(self, name):
        return [b if a == name else a for a, b in self.edges if name in (a, b)]

    def config_of(self, name):
        """The path of the configuration that a member is started with."""
        return os.path.join(self.directory, (name if self.seen_at else 'herd') + '.conf')

    def config_text(self, reader):
        """The configuration as the member @reader gets it."""
        text = ''
        for group, keys in self.groups.items():
            text += f'[{group}]\n' + ''.join(f'{key} = {value}\n' for key, value in keys.items())
        for member in self:
            seen_at = self.seen_at.get((reader, member.name))
            text += f'[member {member.name}]\nlisten = '
            text += ';'.join(endpoint(host, port) for host, port in ([seen_at] if seen_at else member.addresses)) + '\n'
            text += 'neighbours = ' + ';'.join(self.neighbours(member.name)) + '\n'
            text += ''.join(f'{key} = {value}\n' for key, value in self.keys.get(member.name, {}).items())
        return text

    def write_config(self):
        for name in self.members:
            with open(self.config_of(name), 'w', encoding='utf-8') as file:
                file.write(self.config_text(name))

    def start(self, *names):
        """Starts the members named, or all, and waits for the links among those that run."""
        for name in names or self.members:
            self[name].start()
        self.wait_links()
        return self

    def wait_links(self):
        for a, b in self.edges:
            if self[a].running and self[b].running:
                for here, there in ((a, b), (b, a)):
                    wait_until(lambda: self.link_is_up(here, there), f'{here} has a link to {there}')

    def link_is_up(self, here, there):
        """What the log of @here says last about its link to @there."""
        name = there.encode()
        states = [event for event in self[here].events(b'link %s ' % name)
                  if event.startswith((b'link %s up' % name, b'link %s down' % name))]
        return bool(states) and states[-1].endswith(b' up')

    def wait_same(self, client_id, line=None, among=None):
        """Waits until all members that run have one and the same line for a client; returns it."""
        members = [self[name] for name in among] if among else [member for member in self if member.running]

        def agreed():
            lines = {member.stored(client_id) for member in members}
            first = next(iter(lines))
            return first if len(lines) == 1 and first is not None and first == (line or first) else None
        names = ' '.join(member.name for member in members)
        return wait_until(agreed, f'{names} agree about {client_id!r}' + (f' on {line!r}' if line else ''))


class HerdTestCase(unittest.TestCase):
    """Looks after members, clients and the temporary directory of one test."""

    patience = None  # seconds that wait_has() waits for each member; None: DEADLINE

    def run(self, result=None):
        self.result = result
        if result is not None:
            self.failed_before = len(result.failures) + len(result.errors)
        return super().run(result)

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix='herd-test-')
        self.herds = []
        self.clients = []
        self.addCleanup(self.remove_directory)
        self.addCleanup(self.show_if_failed)
        self.addCleanup(self.stop_all)

    def herd(self, edges, names=None, **options):
        """A herd that does not run yet. @edges as pairs or as 'A-B B-C'; other keywords are groups of the
        configuration (limits={'idle_timeout_s': 1}) or `groups` for those with blanks in their names."""
        known = {key: options.pop(key) for key in ('hosts', 'listen', 'keys') if key in options}
        groups = {**options.pop('groups', {}), **options}
        pairs = parse_edges(edges) if isinstance(edges, str) else edges
        herd = Herd(self, pairs, names, groups=groups, **known)
        self.herds.append(herd)
        return herd

    def lone(self, **options):
        """A member without neighbours, not started."""
        return self.herd([], ['Bailey'], **options)['Bailey']

    def single(self, **options):
        """A member without neighbours that runs."""
        return self.lone(**options).start()

    def report(self, member, prefix, count=100, at=b'1000', start=0):
        """Reports @count clients at once, PREFIX-START and so on; returns the answers by client."""
        ids = [b'%s-%d' % (prefix, number) for number in range(start, start + count)]
        data = b''.join(b'IAMAT %s %s %s\n' % (client_id, UCLA, at) for client_id in ids)
        lines = member.client().exchange(data).splitlines(keepends=True)
        self.assertEqual(len(lines), count)
        return dict(zip(ids, lines))

    def has(self, member, lines):
        """Whether a member has all of those lines, which are given by client."""
        asked = b''.join(b'WHATSAT %s 1 0\n' % client_id for client_id in lines)
        return set(lines.values()) <= set(member.client().exchange(asked).splitlines(keepends=True))

    def wait_has(self, members, lines):
        """Waits until a member has them, or each of several."""
        for member in [members] if isinstance(members, Member) else members:
            wait_until(lambda: self.has(member, lines), f'{member.name} has all of {len(lines)} records', self.patience)

    def connect(self, address, **options):
        options.setdefault('timeout', DEADLINE)
        client = Client(address, **options)
        self.clients.append(client)
        return client

    def stop_all(self):
        for client in self.clients:
            client.close()
        problems = []
        for herd in self.herds:
            for member in herd:
                try:
                    if member.process is not None:
                        member.stop()
                except AssertionError as problem:
                    problems.append(str(problem))
        if problems:
            self.fail('\n'.join(problems))

    def has_failed(self):
        result = self.result
        return result is not None and len(result.failures) + len(result.errors) > self.failed_before

    def remove_directory(self):
        """With HERD_KEEP set, what a test that failed has left (configurations, logs) stays."""
        if os.environ.get('HERD_KEEP') and self.has_failed():
            diag(f'kept: {self.directory}')
        else:
            shutil.rmtree(self.directory, ignore_errors=True)

    def show_if_failed(self):
        if not self.has_failed():
            return
        for herd in self.herds:
            for member in herd:
                if member.stderr():
                    diag(f'{member.name}, stderr:\n{member.stderr()[-4000:]}')
                lines = member.log().splitlines()[-25:]
                shown = '\n'.join('  ' + line[:200].decode(errors='replace') for line in lines)
                diag(f'{member.name}, end of the log:\n{shown}')
