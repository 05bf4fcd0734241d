#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A stand-in for Google's Nearby Search that answers well, badly, late or not at all, and keeps count.

As a program: fake_google.py [--port PORT] [--delay SECONDS] [--results N]
"""

import argparse
import contextlib
import http.server
import socket
import socketserver
import struct
import threading
import time
import urllib.parse

import layout

PATH = '/maps/api/place/nearbysearch/json'


def place(number, latitude, longitude):
    """One result as of 2019-22, with the odd characters that names have."""
    return {
        'business_status': 'OPERATIONAL',
        'geometry': {
            'location': {'lat': layout.Number(f'{latitude:.6f}1'), 'lng': layout.Number(f'{longitude:.6f}1')},
            'viewport': {
                'northeast': {'lat': layout.Number('34.07039013029149'), 'lng': layout.Number('-118.4434611697085')},
                'southwest': {'lat': layout.Number('34.06769216970849'), 'lng': layout.Number('-118.4461591302915')},
            },
        },
        'icon': 'https://maps.example/icons/cafe-71.png',
        'name': f'Café <{number}> & "Söhne"',
        'opening_hours': {'open_now': number % 2 == 0},
        'photos': [{'height': layout.Number('3024'), 'html_attributions': [
            f'<a href="https://maps.example/contrib/{number}">Ann O\'Nym</a>'],
            'photo_reference': 'A' * 90, 'width': layout.Number('4032')}],
        'place_id': f'fake:{number}',
        'rating': layout.Number('4.0'),
        'types': ['cafe', 'food', 'point_of_interest', 'establishment'],
        'vicinity': f'{number} Long Street',
    }


def answer(count, latitude=34.06893, longitude=-118.445127, status=None, **more):
    """A whole body in Google's layout, with the LF at its end."""
    results = [place(number, latitude + number / 1000, longitude) for number in range(count)]
    body = {'html_attributions': [], 'results': results, 'status': status or ('OK' if count else 'ZERO_RESULTS')}
    if count == 20:
        body['next_page_token'] = 'CqQ' + 'x' * 250
    return (layout.render({**body, **more}) + '\n').encode()


class Response:
    """What to send for one request. `mode` is how: plain, reset (no byte), truncated (fewer bytes than the
    Content-Length says), cut (chunked, without its last chunk), drip (a byte at a time until the client goes),
    hang (nothing until the client goes)."""

    def __init__(self, body=b'', status=200, headers=(), mode='plain', delay=0):
        self.body, self.status, self.headers, self.mode, self.delay = body, status, dict(headers), mode, delay


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, *_):
        pass

    def do_GET(self):
        fake = self.server.fake
        # An answer that is on its way is not counted any more: who has it may ask again at once.
        with fake.counted(self):
            response = fake.respond(self.query())
            fake.gate.wait()
            if response.delay:
                fake.closing.wait(response.delay)
        getattr(self, 'send_' + response.mode)(response)

    def query(self):
        parts = urllib.parse.urlsplit(self.path)
        return dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))

    def head(self, response, *headers):
        self.send_response(response.status)
        for name, value in [*{'Content-Type': 'application/json; charset=UTF-8', **response.headers}.items(), *headers]:
            self.send_header(name, str(value))
        self.end_headers()

    def write(self, data):
        try:
            self.wfile.write(data)
            return True
        except OSError:
            self.close_connection = True
            return False

    def send_plain(self, response):
        self.head(response, ('Content-Length', len(response.body)))
        self.write(response.body)

    def send_truncated(self, response):
        self.head(response, ('Content-Length', len(response.body)))
        self.write(response.body[:len(response.body) // 2])
        self.close_connection = True

    def send_cut(self, response):
        self.head(response, ('Transfer-Encoding', 'chunked'))
        self.write(b'%x\r\n%s\r\n' % (len(response.body), response.body))
        self.close_connection = True

    def send_reset(self, _response):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.close_connection = True

    def send_drip(self, response):
        self.head(response, ('Content-Length', len(response.body)))
        for byte in response.body:
            if not self.write(bytes([byte])) or self.server.fake.closing.wait(0.05):
                break
        self.close_connection = True

    def send_hang(self, _response):
        self.server.fake.closing.wait()
        self.close_connection = True


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 1024

    def handle_error(self, request, client_address):
        pass


class FakeGoogle:
    """`respond` maps a query to a Response; `gate` holds all of them back while it is clear."""

    def __init__(self, respond=None, port=0):
        self.respond = respond or (lambda query: Response(answer(20)))
        self.gate = threading.Event()
        self.gate.set()
        self.closing = threading.Event()
        self.lock = threading.Lock()
        self.queries = []
        self.paths = []
        self.peers = set()
        self.open = 0
        self.most_open = 0
        self.server = Server(('127.0.0.1', port), Handler)
        self.server.fake = self
        self.url = 'http://127.0.0.1:%d' % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={'poll_interval': 0.02}, daemon=True).start()

    @contextlib.contextmanager
    def counted(self, handler):
        with self.lock:
            self.queries.append(handler.query())
            self.paths.append(handler.path)
            self.peers.add(handler.client_address)
            self.open += 1
            self.most_open = max(self.most_open, self.open)
        try:
            yield
        finally:
            with self.lock:
                self.open -= 1

    @property
    def requests(self):
        with self.lock:
            return len(self.queries)

    def always(self, *arguments, **options):
        """One response for everybody."""
        response = Response(*arguments, **options)
        self.respond = lambda query: response

    def close(self):
        self.closing.set()
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()


def main():
    parser = argparse.ArgumentParser(description='A stand-in for the Nearby Search of Google.')
    parser.add_argument('--port', type=int, default=0)
    parser.add_argument('--delay', type=float, default=0, help='seconds before each answer')
    parser.add_argument('--results', type=int, default=20)
    arguments = parser.parse_args()
    fake = FakeGoogle(port=arguments.port)
    fake.always(answer(arguments.results), delay=arguments.delay)
    print(fake.url, flush=True)
    try:
        while True:
            time.sleep(60)
    except KeyboardInterrupt:
        fake.close()


if __name__ == '__main__':
    main()
