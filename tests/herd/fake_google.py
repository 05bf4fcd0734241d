#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A stand-in for Google's Nearby Search, legacy and New, that answers well, badly, late or not at all, and keeps count.

Of the New API no answer was recorded: its bodies are made in the form of its proto definitions.

As a program: fake_google.py [--port PORT] [--delay SECONDS] [--results N]
"""

import argparse
import contextlib
import dataclasses
import http.server
import json
import socket
import socketserver
import struct
import threading
import time
import urllib.parse

import layout

PATH = '/maps/api/place/nearbysearch/json'
NEW_PATH = '/v1/places:searchNearby'

# Fields of a place in the New API by the tier that a call with one of them is billed at.
PRO_FIELDS = {'places.' + name for name in (
    'attributions', 'businessStatus', 'displayName', 'formattedAddress', 'iconBackgroundColor', 'iconMaskBaseUri', 'id',
    'location', 'name', 'photos', 'plusCode', 'primaryType', 'shortFormattedAddress', 'types', 'viewport')}
ENTERPRISE_FIELDS = {'places.' + name for name in ('currentOpeningHours', 'priceLevel', 'rating', 'userRatingCount')}


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


def new_place(number, latitude=34.06893, longitude=-118.445127):
    """The same place as New has it, with all that was asked for."""
    return {
        'attributions': [{'provider': 'Places & Söhne', 'providerUri': 'https://places.example/?a=b&c=d'}],
        'businessStatus': 'OPERATIONAL',
        'displayName': {'text': f'Café <{number}> & "Söhne"', 'languageCode': 'en'},
        'formattedAddress': f'{number} Long Street, Town, Land',
        'iconBackgroundColor': '#FF9E67',
        'iconMaskBaseUri': 'https://maps.example/icons/cafe_pinlet',
        'id': f'fake:{number}',
        'location': {'latitude': layout.Number(f'{latitude:.6f}1'), 'longitude': layout.Number(f'{longitude:.6f}1')},
        'photos': [{'name': f'places/fake:{number}/photos/{letter}', 'widthPx': layout.Number('4032'),
                    'heightPx': layout.Number('3024'),
                    'authorAttributions': [{'displayName': "Ann O'Nym", 'uri': 'https://maps.example/contrib/1',
                                            'photoUri': 'https://maps.example/photo'}]} for letter in 'AB'],
        'plusCode': {'globalCode': '85633H93+HW', 'compoundCode': '3H93+HW Los Angeles'},
        'shortFormattedAddress': f'{number} Long Street',
        'types': ['cafe', 'food', 'point_of_interest', 'establishment'],
        'viewport': {
            'low': {'latitude': layout.Number('34.06769216970849'), 'longitude': layout.Number('-118.4461591302915')},
            'high': {'latitude': layout.Number('34.07039013029149'), 'longitude': layout.Number('-118.4434611697085')},
        },
    }


def new_answer(count):
    """A whole body of the New API; with nothing found an empty list is not written."""
    places = [new_place(number, 34.06893 + number / 1000) for number in range(count)]
    return (layout.render({'places': places} if places else {}) + '\n').encode()


def new_error(code, status, message, reason=None):
    """google.rpc.Status as the New API writes it."""
    error = {'code': code, 'message': message, 'status': status}
    if reason:
        error['details'] = [{'@type': 'type.googleapis.com/google.rpc.ErrorInfo', 'reason': reason,
                             'domain': 'googleapis.com', 'metadata': {'service': 'places.googleapis.com'}}]
    return Response(json.dumps({'error': error}).encode(), code)


def is_number(value, least, most):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and least <= value <= most


@dataclasses.dataclass
class Call:
    """A request as it came. `question` is what it asks: a legacy query, or what the body of the New API says."""

    method: str
    path: str
    headers: dict
    body: bytes
    question: dict

    @property
    def key(self):
        return self.headers['X-Goog-Api-Key'] if self.method == 'POST' else self.question['key']

    @property
    def fields(self):
        """What the field mask names."""
        return (self.headers['X-Goog-FieldMask'] or '').split(',')

    def complaint(self):
        """What the New API says to a request that it does not take, None to another."""
        if self.path != NEW_PATH:
            return Response(b'<html>Not Found</html>', 404)
        if not self.headers['X-Goog-Api-Key']:
            return new_error(403, 'PERMISSION_DENIED', 'Method doesn\'t allow unregistered callers.')
        if self.headers['Content-Type'] != 'application/json':
            return new_error(400, 'INVALID_ARGUMENT', 'Invalid JSON payload received.')
        if not set(self.fields) <= PRO_FIELDS | ENTERPRISE_FIELDS:
            return new_error(400, 'INVALID_ARGUMENT', 'FieldMask is a required parameter. See https://cloud.google.com/'
                             'apis/docs/system-parameters on how to provide it.')
        circle = self.question.get('locationRestriction', {}).get('circle', {})
        center = circle.get('center', {})
        if not (is_number(center.get('latitude'), -90, 90) and is_number(center.get('longitude'), -180, 180) and
                is_number(circle.get('radius'), 0, 50000)):
            return new_error(400, 'INVALID_ARGUMENT', 'Invalid location_restriction.circle.')
        if self.question.get('maxResultCount') not in range(1, 21):
            return new_error(400, 'INVALID_ARGUMENT', 'max_result_count must be between 1 and 20 inclusive.')
        return None


def good(question, count=20):
    """What one or the other API says to @question when all is well."""
    return answer(count) if 'location' in question else new_answer(min(count, question['maxResultCount']))


class Response:
    """What to send for one request. `mode` is how: plain, reset (no byte), truncated (fewer bytes than the
    Content-Length says), cut (chunked, without its last chunk), drip (a byte at a time until the client goes),
    hang (nothing until the client goes), raw (the body is what goes over the wire, in pieces; a number among them is
    a pause in seconds, and after the last of them the connection is closed)."""

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
        query = urllib.parse.urlsplit(self.path).query
        self.reply(Call('GET', self.path, self.headers, b'', dict(urllib.parse.parse_qsl(query, keep_blank_values=True))))

    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        self.reply(Call('POST', self.path, self.headers, body, json.loads(body)))

    def reply(self, call):
        fake = self.server.fake
        # An answer that is on its way is not counted any more: who has it may ask again at once.
        with fake.counted(call, self.client_address):
            response = (call.method == 'POST' and call.complaint()) or fake.respond(call.question)
            fake.gate.wait()
            if response.delay:
                fake.closing.wait(response.delay)
        getattr(self, 'send_' + response.mode)(response)

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

    def send_raw(self, response):
        for piece in response.body:
            if isinstance(piece, bytes):
                if not self.write(piece):
                    break
            elif self.server.fake.closing.wait(piece):
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
    """`respond` maps a Call's question to a Response; `gate` holds all of them back while it is clear. With `tls`,
    an ssl.SSLContext, it is https."""

    def __init__(self, respond=None, port=0, tls=None):
        self.respond = respond or (lambda question: Response(good(question)))
        self.gate = threading.Event()
        self.gate.set()
        self.closing = threading.Event()
        self.lock = threading.Lock()
        self.calls = []
        self.peers = set()
        self.open = 0
        self.most_open = 0
        self.server = Server(('127.0.0.1', port), Handler)
        self.server.fake = self
        self.url = '%s://127.0.0.1:%d' % ('https' if tls else 'http', self.server.server_address[1])
        if tls:  # each connection's thread shakes hands, when it reads
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, kwargs={'poll_interval': 0.02}, daemon=True).start()

    @contextlib.contextmanager
    def counted(self, call, peer):
        with self.lock:
            self.calls.append(call)
            self.peers.add(peer)
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
            return len(self.calls)

    def always(self, *arguments, **options):
        """One response for everybody."""
        response = Response(*arguments, **options)
        self.respond = lambda question: response

    def close(self):
        self.closing.set()
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()


def main():
    parser = argparse.ArgumentParser(description='A stand-in for the Nearby Search of Google, legacy and New.')
    parser.add_argument('--port', type=int, default=0)
    parser.add_argument('--delay', type=float, default=0, help='seconds before each answer')
    parser.add_argument('--results', type=int, default=20)
    arguments = parser.parse_args()
    fake = FakeGoogle(port=arguments.port)
    fake.respond = lambda question: Response(good(question, arguments.results), delay=arguments.delay)
    print(fake.url, flush=True)
    try:
        while True:
            time.sleep(60)
    except KeyboardInterrupt:
        fake.close()


if __name__ == '__main__':
    main()
