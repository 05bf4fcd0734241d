# SPDX-License-Identifier: MIT
"""What tests of the program herd have in common: running it, on pipes and on a terminal, and stand-ins that it asks."""

import contextlib
import fcntl
import http.server
import json
import os
import pty
import re
import selectors
import struct
import subprocess
import termios
import threading
import time

from harness import DEADLINE, HerdTestCase, find_herdd, sanitizer_environment

HERD = os.environ.get('HERD') or os.path.join(os.path.dirname(find_herdd()), 'herd')
CONTROL = re.compile(r'[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]')


def status_of(name, **changes):
    """What a member says of itself at /status."""
    return {'member': name, 'version': '0.1.0', 'pid': 0, 'started': time.time() - 100, 'uptime_s': 100.0,
            'ready': True, 'listen': [], 'connections': {'open': 12, 'most': 10000},
            'workers': {'all': 64, 'active': 2, 'parked': 61, 'in_lookups': 1},
            'lookups': {'running': 1, 'waiting': 5, 'most': 48},
            'rates': {'iamat': 123.5, 'whatsat': 0.5, 'invalid': 0.0, 'updates_taken': 1.0, 'updates_sent': 2.0},
            'records': 1234, 'memory_bytes': 12345678,
            'places': {'provider': 'embedded', 'state': 'ok', 'detail': None}, 'links': [],
            'log': {'dropped': 0}, 'counters': {'iamat': 1}, **changes}


def link_to(neighbour, **changes):
    return {'neighbour': neighbour, 'address': '127.0.0.1:1', 'state': 'up', 'since': time.time() - 50, 'reason': None,
            'pending': 0, 'lag_ms': 0.0, 'joined': True, **changes}


class StatusServer:
    """Answers GET /status as @answer() says: a status, or the bytes of a body, or a function that gets the handler."""

    def __init__(self, answer):
        server = self
        self.answer = answer
        self.asked = 0
        self.date = None  # of the answers; None: now

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def date_time_string(self, timestamp=None):
                return super().date_time_string(server.date if timestamp is None else timestamp)

            def do_GET(self):
                server.asked += 1
                said = server.answer()
                if callable(said):
                    with contextlib.suppress(OSError):
                        said(self)
                    return
                body = said if isinstance(said, bytes) else json.dumps(said).encode()
                self.send_response(200 if self.path == '/status' else 404)
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        self.address = '127.0.0.1:%d' % self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={'poll_interval': 0.01}, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class ToolTestCase(HerdTestCase):
    """Tests of herd. The configuration that it reads is one of its own, so that it may ask others than the members."""

    def setUp(self):
        super().setUp()
        self.config = None

    def configure(self, members, *, groups=None, neighbours=None):
        """The configuration that herd reads from now on: @members, addresses by name."""
        self.config = os.path.join(self.directory, 'tool.conf')
        text = f'[herd]\nlog_dir = {self.directory}\n'
        for group, keys in (groups or {}).items():
            text += f'[{group}]\n' + ''.join(f'{key} = {value}\n' for key, value in keys.items())
        for name, address in members.items():
            text += f'[member {name}]\nlisten = {address}\nneighbours = {";".join((neighbours or {}).get(name, []))}\n'
        with open(self.config, 'w', encoding='utf-8') as file:
            file.write(text)

    def follow(self, herd, **groups):
        """The members of @herd, with groups that only herd reads."""
        self.configure({member.name: '%s:%d' % member.address for member in herd}, groups=groups,
                       neighbours={member.name: herd.neighbours(member.name) for member in herd})

    def serve_status(self, answer):
        server = StatusServer(answer if callable(answer) else lambda: answer)
        self.addCleanup(server.close)
        return server

    def environment(self, **changes):
        return {**os.environ, **sanitizer_environment(), 'LC_ALL': 'C.UTF-8', 'TERM': 'xterm', **changes}

    def command(self, name, *arguments):
        return [HERD, name, *(['--config', self.config] if self.config else []), *arguments]

    def run_tool(self, *words, **options):
        """herd with these words and no others."""
        return subprocess.run([HERD, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=DEADLINE * 3, env=self.environment(), check=False, **options)

    def tool(self, name, *arguments, status=0, **options):
        """What `herd name` prints, and says on stderr; raw bytes of the first with binary=True."""
        binary = options.pop('binary', False)
        done = self.run_tool(*self.command(name, *arguments)[1:], **options)
        self.assertEqual(done.returncode, status, done)
        stderr = done.stderr.decode()
        for line in stderr.splitlines():
            self.assertTrue(line.startswith('herd: '), stderr)
        self.assertIsNone(CONTROL.search(stderr), stderr)
        return done.stdout if binary else done.stdout.decode(), stderr

    def on_terminal(self, name, *arguments, columns=100, rows=24, environment=None, complaints=False):
        """A process of herd whose standard output is a terminal, and that terminal; with complaints=True it gets stderr, too."""
        terminal, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
        process = subprocess.Popen(self.command(name, *arguments), stdin=subprocess.DEVNULL, stdout=theirs,
                                   stderr=theirs if complaints else subprocess.PIPE,
                                   env=self.environment(**(environment or {})), start_new_session=True)
        os.close(theirs)
        self.addCleanup(os.close, terminal)
        if process.stderr:
            self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process, terminal

    def shown(self, name, *arguments, status=0, **options):
        """All that a terminal gets from `herd name`."""
        process, terminal = self.on_terminal(name, *arguments, **options)
        text = self.read_terminal(terminal, lambda _: False)
        self.assertEqual(process.wait(DEADLINE), status, text)
        return text

    def read_terminal(self, terminal, is_enough):
        """What the terminal gets until it is enough, or the program has ended."""
        said, end = b'', time.monotonic() + DEADLINE
        with selectors.DefaultSelector() as selector:
            selector.register(terminal, selectors.EVENT_READ)
            while not is_enough(said.decode(errors='replace')):
                if not selector.select(max(0, end - time.monotonic())):
                    raise AssertionError(f'not in time; the terminal has {said!r}')
                try:
                    data = os.read(terminal, 1 << 16)
                except OSError:  # EIO: nobody has its other side any more
                    break
                if not data:
                    break
                said += data
        return said.decode(errors='replace')
