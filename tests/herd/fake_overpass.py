# SPDX-License-Identifier: MIT
"""A stand-in for an Overpass server: it evaluates the queries of one form over the places that it has, and cuts its
answers as a real one does, to the lowest ids of nodes, then ways, then relations."""

import json
import math
import re
import threading
import urllib.parse

from fake_google import Handler, Response, Server

PATH = '/api/interpreter'
KINDS = ('node', 'way', 'relation')
EARTH = 10_000_000 / (math.pi / 2)  # metres: the sphere that Overpass measures on

QUERY = re.compile(r'\[out:json\]\[timeout:(\d+)\];\((.+)\);out tags center (\d+);')
STATEMENT = re.compile(r'nwr\(around:(\d+(?:\.\d+)?),(-?\d+(?:\.\d+)?),(-?\d+(?:\.\d+)?)\)((?:\[[^\]]+\])+);')
FILTER = re.compile(r'\[(?:(?P<there>\w+)|"(?P<key>[\w:]+)"~"(?P<value>[^"]+)"|'
                    r'~"(?P<any_key>[^"]+)"~"(?P<any_value>[^"]+)")\]')


def distance(a, b, radius=EARTH):
    """Metres between two (latitude, longitude)."""
    north, east = math.radians(a[0] - b[0]), math.radians(a[1] - b[1])
    h = math.sin(north / 2) ** 2 + math.cos(math.radians(a[0])) * math.cos(math.radians(b[0])) * math.sin(east / 2) ** 2
    return 2 * radius * math.asin(math.sqrt(min(h, 1)))


class Thing:
    """An element: where its centre is, its tags, and how far (metres) its outline reaches from there. One without a
    centre is somewhere, but its answer does not say where."""

    def __init__(self, kind, number, latitude, longitude, tags, reach=0, has_center=True):
        self.kind, self.number, self.tags, self.reach, self.has_center = kind, number, tags, reach, has_center
        self.text = (f'{latitude:.7f}', f'{longitude:.7f}')
        self.position = (float(self.text[0]), float(self.text[1]))

    @property
    def rank(self):
        return KINDS.index(self.kind), self.number

    def json(self):
        latitude, longitude = self.text
        at = f'"lat": {latitude}, "lon": {longitude}'
        if self.kind != 'node':
            at = '"center": {%s}' % (at if self.has_center else '')
        return f'{{"type": "{self.kind}", "id": {self.number}, {at}, "tags": {json.dumps(self.tags)}}}'


def matches(tags, terms):
    for term in terms:
        if term['there']:
            found = term['there'] in tags
        elif term['key']:
            found = term['key'] in tags and re.search(term['value'], tags[term['key']])
        else:
            found = any(re.search(term['any_key'], key) and re.search(term['any_value'], value)
                        for key, value in tags.items())
        if not found:
            return False
    return True


class Query:
    """A query as it was understood. ValueError: it was not."""

    def __init__(self, text):
        whole = QUERY.fullmatch(text)
        if not whole:
            raise ValueError(text)
        self.text = text
        self.timeout, self.most = int(whole[1]), int(whole[3])
        self.statements = []
        statements = list(STATEMENT.finditer(whole[2]))
        if ''.join(statement[0] for statement in statements) != whole[2]:
            raise ValueError(text)
        for radius, latitude, longitude, filters in (statement.groups() for statement in statements):
            terms = list(FILTER.finditer(filters))
            if ''.join(term[0] for term in terms) != filters:
                raise ValueError(filters)
            self.statements.append((float(radius), (float(latitude), float(longitude)), terms))
        self.radius, self.center = self.statements[0][:2]

    def evaluate(self, things):
        """All that it asks for, in the order in which it would be told."""
        found = set()
        away = {thing: distance(thing.position, self.center) - thing.reach for thing in things}
        for radius, center, terms in self.statements:
            assert center == self.center
            found.update(thing for thing in things if away[thing] <= radius and matches(thing.tags, terms))
        return sorted(found, key=lambda thing: thing.rank)


def body(elements, **more):
    """An answer of elements that are JSON texts already."""
    head = '{"version": 0.6, "generator": "Overpass API", "osm3s": {"copyright": "ODbL"}, "elements": ['
    tail = ''.join(f', {json.dumps(key)}: {json.dumps(value)}' for key, value in more.items())
    return (head + ',\n'.join(elements) + ']' + tail + '}').encode()


class OverpassHandler(Handler):
    def do_POST(self):
        fake = self.server.fake
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers['Content-Length'])).decode(), strict_parsing=True)
        try:
            query = Query(form['data'][0])
            response = fake.respond(query)
        except ValueError:
            query = None
            response = Response(b'<html>parse error: Unknown type</html>', 400, {'Content-Type': 'text/html'})
        with fake.lock:
            fake.calls.append((self.path, dict(self.headers), query))
        if response.delay:
            fake.closing.wait(response.delay)
        getattr(self, 'send_' + response.mode)(response)


class FakeOverpass:
    """`respond` maps a Query to a Response; by default to the answer over `things`."""

    def __init__(self, things=()):
        self.things = list(things)
        self.respond = self.answer
        self.closing = threading.Event()
        self.lock = threading.Lock()
        self.calls = []  # (path, headers, Query) of each; None for a query that was not understood
        self.server = Server(('127.0.0.1', 0), OverpassHandler)
        self.server.fake = self
        self.url = 'http://127.0.0.1:%d' % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={'poll_interval': 0.02}, daemon=True).start()

    def answer(self, query, **options):
        found = query.evaluate(self.things)[:query.most]
        return Response(body([thing.json() for thing in found]), **options)

    def always(self, *arguments, **options):
        """One response for everybody."""
        response = Response(*arguments, **options)
        self.respond = lambda query: response

    @property
    def queries(self):
        with self.lock:
            return [query for _, _, query in self.calls]

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()
