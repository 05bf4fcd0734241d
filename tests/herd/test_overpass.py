# SPDX-License-Identifier: MIT
"""The provider overpass: the nearest places from a server that knows no nearest, what it is asked, and its failures."""

import json
import math
import random
import unittest

from fake_google import Response
from fake_overpass import KINDS, PATH, FakeOverpass, Thing, body, distance
from harness import SLOWER, HerdTestCase, diag
from layout import laid_out, parse

CENTER = (34.06893, -118.445127)
WHERE = b'+34.068930-118.445127'
EARTH = 6371008.8  # metres: the sphere that we measure on
POI = ['point_of_interest', 'establishment']
CALLS_MAX = 5

# Tags, and Google's types of them; [] where they are no place.
TAGS = (
    ({'amenity': 'cafe'}, ['cafe', 'food', *POI]),
    ({'amenity': 'restaurant', 'tourism': 'attraction'}, ['restaurant', 'food', *POI]),
    ({'shop': 'books'}, ['book_store', 'store', *POI]),
    ({'shop': 'unheard_of'}, ['store', *POI]),
    ({'office': 'lawyer'}, ['lawyer', *POI]),
    ({'amenity': 'place_of_worship', 'religion': 'jewish'}, ['synagogue', 'place_of_worship', *POI]),
    ({'amenity': 'place_of_worship', 'religion': 'muslim'}, ['mosque', 'place_of_worship', *POI]),
    ({'railway': 'station', 'station': 'subway'}, ['subway_station', 'transit_station', *POI]),
    ({'place': 'suburb'}, ['sublocality', 'political']),
    ({'amenity': 'fountain'}, POI),
    ({'building': 'yes'}, []),
    ({'railway': 'rail'}, []),
    ({'shop': 'vacant'}, []),
)
TYPES = {tuple(sorted(tags.items())): types for tags, types in TAGS}


def types_of(thing):
    tags = {key: value for key, value in thing.tags.items() if key.partition(':')[0] not in ('name', 'addr')}
    return TYPES[tuple(sorted(tags.items()))]


def random_things(chance, count, reach):
    """@count things within @reach metres of the centre. One in ten has no name, one in ten of the ways no centre."""
    things = []
    for number in range(1, count + 1):
        away, bearing = reach * math.sqrt(chance.random()), chance.uniform(0, 2 * math.pi)
        latitude = CENTER[0] + math.degrees(away * math.cos(bearing) / EARTH)
        longitude = CENTER[1] + math.degrees(away * math.sin(bearing) / EARTH / math.cos(math.radians(CENTER[0])))
        tags = dict(chance.choice(TAGS)[0])
        if chance.random() > 0.1:
            tags['name'] = f'Café <{number}>'
        if chance.random() < 0.5:
            tags['name:de'] = f'Kaffeehaus {number}'
        if chance.random() < 0.5:
            tags.update({'addr:housenumber': str(number), 'addr:street': 'Long Street'})
        kind = chance.choice(KINDS)
        # Ids do not tell where a thing is, and each kind has its own.
        things.append(Thing(kind, number * 7919 % 1000003, latitude, longitude, tags,
                            reach=0 if kind == 'node' else chance.uniform(0, 50), has_center=chance.random() > 0.1))
    return things


def nearest(things, radius_km, bound, place_type=None):
    """What the answer should have, by looking at all of them."""
    places = [(distance(thing.position, CENTER, EARTH), *thing.rank, thing) for thing in things
              if (thing.kind == 'node' or thing.has_center) and 'name' in thing.tags and types_of(thing)
              and (place_type is None or place_type in types_of(thing))]
    return [place[-1] for place in sorted(places, key=lambda place: place[:3]) if place[0] <= radius_km * 1000][:bound]


class OverpassTestCase(HerdTestCase):
    def setUp(self):
        super().setUp()
        self.overpass = FakeOverpass()
        self.addCleanup(self.overpass.close)

    def overpass_lone(self, **places):
        """A member that asks self.overpass, however often that fails; not started."""
        places = {'url': self.overpass.url, 'circuit_failures': 0, **places}
        return self.lone(herd={'places': 'overpass'}, places=places)

    def overpass_client(self, **places):
        """A client of such a member, which has said where it is."""
        client = self.overpass_lone(timeout_ms=5000 * SLOWER, **places).start().client()
        self.at = client.iamat(b'kiwi', WHERE)
        return client

    def ids(self, reply):
        return [place['place_id'] for place in reply.json['results']]

    def assert_nearest(self, reply, expected):
        self.assertEqual(self.ids(reply), [f'osm:{thing.kind}/{thing.number}' for thing in expected])
        self.assertEqual(reply.status, 'OK' if expected else 'ZERO_RESULTS')
        self.assertEqual(reply.at, self.at)
        self.assertEqual(reply.body, laid_out(reply.body))
        self.assertEqual(reply.json['html_attributions'],
                         ['© <a href="https://www.openstreetmap.org/copyright">OpenStreetMap</a> contributors, ODbL'])

    def assert_failure(self, reply, status):
        """R15: the shape of an answer, no results, and nothing of where and how was asked."""
        self.assertEqual(reply.status, status, reply.body)
        self.assertEqual(set(reply.json), {'error_message', 'html_attributions', 'results', 'status'})
        self.assertEqual((reply.json['html_attributions'], reply.json['results']), ([], []))
        for secret in ('/', 'interpreter', 'around', 'nwr', '127.0.0.1', 'query"'):
            self.assertNotIn(secret, reply.json['error_message'])


class Nearest(OverpassTestCase):
    def compare(self, client, things, radii, bounds=(1, 7, 20), place_type=None):
        """Answers against brute force; returns the most calls that one took."""
        self.overpass.things = things
        most = 0
        for radius in radii:
            for bound in bounds:
                with self.subTest(radius=radius, bound=bound):
                    before = len(self.overpass.calls)
                    reply = client.whatsat(b'kiwi', b'%g' % radius, b'%d' % bound)
                    self.assert_nearest(reply, nearest(things, radius, bound, place_type))
                    most = max(most, len(self.overpass.calls) - before)
        self.assertLessEqual(most, CALLS_MAX)
        return most

    def test_r13_the_nearest_in_random_worlds_dense_and_sparse(self):
        seed = random.randrange(1 << 32)
        diag(f'seed {seed}')
        chance = random.Random(seed)
        client = self.overpass_client()
        for count, reach in ((0, 1), (1, 9000), (30, 50000), (300, 12000), (3000, 3000), (6000, 900)):
            things = random_things(chance, count, reach)
            with self.subTest(count=count, reach=reach):
                most = self.compare(client, things, (0.05, 0.5, 3, 10, 50))
                diag(f'{count} things within {reach} m: at most {most} calls')

    def test_in_a_dense_town_the_lowest_ids_are_not_the_answer(self):
        """2,000 places with low ids, a kilometre away at least; those that are near have the highest."""
        chance = random.Random(3)
        far = random_things(chance, 2000, 400)
        for thing in far:
            thing.position = (thing.position[0] + 0.002, thing.position[1])  # 220 m
            thing.text = tuple(f'{degrees:.7f}' for degrees in thing.position)
            thing.position = tuple(map(float, thing.text))
        near = random_things(chance, 60, 100)
        for thing in near:
            thing.number += 2000000
        self.assertGreater(self.compare(self.overpass_client(), far + near, (10,)), 1)

    def test_one_call_in_a_town_and_no_more_than_four_in_a_desert(self):
        client = self.overpass_client()
        self.overpass.things = random_things(random.Random(1), 300, 600)
        client.whatsat(b'kiwi', b'10', b'20')
        self.assertEqual(len(self.overpass.calls), 1)
        self.overpass.things = []
        client.whatsat(b'kiwi', b'50', b'20')
        radii = [query.radius for query in self.overpass.queries[1:]]
        self.assertLessEqual(len(radii), 4)
        self.assertEqual(radii, sorted(radii))
        self.assertEqual(radii[-1], 50000)

    def test_r10_a_thing_whose_outline_alone_is_within_the_radius_is_not_there(self):
        client = self.overpass_client()
        north = CENTER[0] + math.degrees(1050 / EARTH)
        self.overpass.things = [Thing('way', 1, north, CENTER[1], {'leisure': 'park', 'name': 'A'}, reach=100)]
        self.assertEqual(client.whatsat(b'kiwi', b'1', b'20').status, 'ZERO_RESULTS')
        self.assertEqual(client.whatsat(b'kiwi', b'1.06', b'20').names, ['A'])

    def test_type_is_asked_for_and_nothing_else_comes(self):
        things = random_things(random.Random(2), 4000, 900)
        for place_type in ('cafe', 'store', 'mosque', 'food', 'subway_station', 'sublocality', 'zoo'):
            with self.subTest(type=place_type):
                most = self.compare(self.overpass_client(type=place_type), things, (0.2, 10), (20,), place_type)
                diag(f'{place_type}: at most {most} calls')

    def test_r14_coordinates_keep_their_digits(self):
        client = self.overpass_client()
        self.overpass.things = [Thing('node', 1, 34.0700000, -118.4450000, {'amenity': 'cafe', 'name': 'A'})]
        place = parse(client.whatsat(b'kiwi').body)['results'][0]
        self.assertEqual(place['geometry']['location'], {'lat': '34.0700000', 'lng': '-118.4450000'})
        self.assertEqual(place['geometry']['viewport'], {'northeast': {'lat': '34.071349', 'lng': '-118.443651'},
                                                         'southwest': {'lat': '34.068651', 'lng': '-118.446349'}})

    def test_names_types_and_vicinities(self):
        for language, name in (('', 'Wien'), ('en', 'Vienna'), ('fr', 'Wien')):
            client = self.overpass_client(language=language)
            self.overpass.things = [Thing('node', 1, *CENTER, {
                'place': 'city', 'name': 'Wien', 'name:en': 'Vienna', 'addr:housenumber': '12',
                'addr:street': 'Long Street', 'addr:city': 'Springfield'})]
            place = client.whatsat(b'kiwi').json['results'][0]
            self.assertEqual(set(place), {'geometry', 'name', 'place_id', 'reference', 'types', 'vicinity'})
            self.assertEqual((place['name'], place['types'], place['vicinity'], place['place_id'], place['reference']),
                             (name, ['locality', 'political'], '12 Long Street, Springfield', 'osm:node/1', 'osm:node/1'))


class Requests(OverpassTestCase):
    def test_the_request(self):
        client = self.overpass_client(contact='herd@example.org')
        client.whatsat(b'kiwi', b'0.25', b'5')
        (path, headers, query), = self.overpass.calls
        self.assertEqual(path, PATH)
        self.assertEqual(headers['Content-Type'], 'application/x-www-form-urlencoded')
        self.assertRegex(headers['User-Agent'], r'\Aherd/\S+ \(location server\) herd@example\.org\Z')
        self.assertEqual((query.radius, query.center), (250, CENTER))

    def test_r10_nothing_is_asked_for_bound_or_radius_0(self):
        client = self.overpass_client()
        for radius, bound in ((b'10', b'0'), (b'0', b'5')):
            self.assertEqual(client.whatsat(b'kiwi', radius, bound).status, 'ZERO_RESULTS')
        self.assertEqual(self.overpass.calls, [])

    def test_the_server_is_told_how_much_time_is_left(self):
        client = self.overpass_lone(timeout_ms=60000).start().client()
        client.iamat(b'kiwi', WHERE)
        client.whatsat(b'kiwi', b'50', b'20')
        timeouts = [query.timeout for query in self.overpass.queries]
        self.assertGreater(len(timeouts), 1)
        self.assertEqual(timeouts, sorted(timeouts, reverse=True))
        self.assertLessEqual(timeouts[0], 60)
        self.assertGreater(timeouts[0], 30)

    def test_a_type_that_osm_does_not_have_is_one_line_and_no_start(self):
        member = self.overpass_lone(type='caff')
        member.spawn()
        self.assertEqual(member.read_stdout_line(), b'')
        self.assertEqual(member.wait(), 2)
        member.process = None
        self.assertRegex(member.stderr(), r'^herdd: [^\n]*type[^\n]*caff[^\n]*\n$')


class Failures(OverpassTestCase):
    def setUp(self):
        super().setUp()
        self.client = self.overpass_client()

    def ask(self):
        return self.client.whatsat(b'kiwi', b'10', b'20')

    def test_r15_an_error_in_a_remark_is_a_failure_with_or_without_elements(self):
        cafe = Thing('node', 1, *CENTER, {'amenity': 'cafe', 'name': 'A'}).json()
        for remark, status in (
                ('runtime error: Query timed out in "query" at line 1 after 6 seconds.', 'UNKNOWN_ERROR'),
                ('runtime error: Query run out of memory using about 2048 MB of RAM.', 'UNKNOWN_ERROR'),
                ('runtime error: out of memory', 'UNKNOWN_ERROR'),
                ('runtime error: open64: 0 Success /osm3s_v0.7.57 Dispatcher_Client::request_read_and_idx::timeout. '
                 'The server is probably too busy to handle your request.', 'OVER_QUERY_LIMIT'),
                ('runtime error: rate_limited. Please check /api/status', 'OVER_QUERY_LIMIT')):
            for elements in ([], [cafe]):
                with self.subTest(remark=remark, elements=len(elements)):
                    self.overpass.always(body(elements, remark=remark))
                    self.assert_failure(self.ask(), status)

    def test_a_harmless_remark_is_ignored(self):
        for remark in ('runtime remark: Test', '', None, 7):
            with self.subTest(remark=remark):
                self.overpass.always(body([], remark=remark))
                self.assertEqual(self.ask().status, 'ZERO_RESULTS')

    def test_r15_http_status(self):
        html = b'<html><body><p>Error: runtime error /api/interpreter?data=nwr(around</p></body></html>'
        for code, status in ((400, 'INVALID_REQUEST'), (403, 'REQUEST_DENIED'), (406, 'UNKNOWN_ERROR'),
                             (429, 'OVER_QUERY_LIMIT'), (500, 'UNKNOWN_ERROR'), (504, 'UNKNOWN_ERROR')):
            with self.subTest(code=code):
                self.overpass.always(html, code, {'Content-Type': 'text/html'})
                self.assert_failure(self.ask(), status)

    def test_a_server_that_wants_to_be_left_alone_is(self):
        for code, text in ((429, b'<html>busy</html>'), (200, body([], remark='runtime error: rate_limited'))):
            with self.subTest(code=code):
                client = self.overpass_client()
                before = len(self.overpass.calls)
                self.overpass.always(text, code, {'Retry-After': '3600'})
                for _ in range(3):
                    self.assert_failure(client.whatsat(b'kiwi', b'10', b'20'), 'OVER_QUERY_LIMIT')
                self.assertEqual(len(self.overpass.calls), before + 1)

    def test_r15_what_is_no_answer(self):
        for text in (b'', b'<html>busy</html>', b'{}', b'[]', b'{"elements":{}}', b'{"elements":[', b'{"elements":7}',
                     json.dumps({'elements': 'x' * 100}).encode()):
            with self.subTest(text=text):
                self.overpass.always(text)
                self.assert_failure(self.ask(), 'UNKNOWN_ERROR')

    def test_r15_no_whole_answer(self):
        for mode in ('reset', 'truncated', 'cut'):
            with self.subTest(mode=mode):
                self.overpass.always(body([]), mode=mode)
                self.assert_failure(self.ask(), 'UNKNOWN_ERROR')

    def test_elements_that_are_no_places_do_not_spoil_the_others(self):
        cafe = Thing('node', 1, *CENTER, {'amenity': 'cafe', 'name': 'A'}).json()
        odd = ['7', 'null', '[]', '{}', '{"type": "way", "id": 2, "center": {}, "tags": {"amenity": "bar", "name": "B"}}',
               '{"type": "node", "id": 3, "lat": 91, "lon": 0, "tags": {"amenity": "bar", "name": "B"}}',
               '{"type": "node", "id": 4, "lat": "34", "lon": "-118", "tags": {"amenity": "bar", "name": "B"}}']
        self.overpass.always(body([*odd, cafe]))
        self.assertEqual(self.ask().names, ['A'])


class Calls(OverpassTestCase):
    """Lookups of several calls of which one fails."""

    def be_busy_from(self, call):
        """All is well up to that call, counted from 1."""
        busy = Response(b'<html>Too Many Requests</html>', 429, {'Content-Type': 'text/html', 'Retry-After': '3600'})

        def respond(query):
            return busy if len(self.overpass.calls) + 1 >= call else self.overpass.answer(query)
        self.overpass.respond = respond

    def test_r15_fewer_places_than_wanted_are_no_answer_when_the_rest_is_not_known(self):
        client = self.overpass_client()
        self.overpass.things = random_things(random.Random(4), 8, 300)
        self.be_busy_from(2)
        self.assert_failure(client.whatsat(b'kiwi', b'10', b'20'), 'OVER_QUERY_LIMIT')
        self.assertEqual(len(self.overpass.calls), 2)

    def test_as_many_places_as_wanted_are_an_answer_though_there_may_be_nearer_ones(self):
        client = self.overpass_client()
        things = self.overpass.things = random_things(random.Random(5), 4000, 450)
        self.be_busy_from(2)
        reply = client.whatsat(b'kiwi', b'0.4', b'20')
        self.assertEqual(len(self.overpass.calls), 2)
        every = [f'osm:{thing.kind}/{thing.number}' for thing in nearest(things, 0.4, len(things))]
        places = [every.index(place_id) for place_id in self.ids(reply)]
        self.assertEqual(len(places), 20)
        self.assertEqual(places, sorted(places))
        # It has asked to be left alone all the same.
        self.assert_failure(client.whatsat(b'kiwi', b'0.3', b'20'), 'OVER_QUERY_LIMIT')
        self.assertEqual(len(self.overpass.calls), 2)

    def test_r15_more_than_an_answer_holds_of_what_is_no_place_is_not_zero_results(self):
        client = self.overpass_client()
        self.overpass.things = [Thing('way', number, *CENTER, {'amenity': 'cafe', 'name': 'A'}, has_center=False)
                                for number in range(1, 1000)]
        self.assert_failure(client.whatsat(b'kiwi', b'10', b'20'), 'UNKNOWN_ERROR')
        self.assertLessEqual(len(self.overpass.calls), CALLS_MAX)
        self.overpass.things.append(Thing('node', 1, *CENTER, {'amenity': 'cafe', 'name': 'B'}))
        self.assertEqual(client.whatsat(b'kiwi', b'10', b'20').names, ['B'])

    def test_every_call_counts_for_max_calls_per_minute(self):
        client = self.overpass_client(max_calls_per_minute=2)
        self.assert_failure(client.whatsat(b'kiwi', b'10', b'20'), 'OVER_QUERY_LIMIT')
        self.assertEqual(len(self.overpass.calls), 2)

    def test_one_deadline_for_all_calls(self):
        """Four calls are needed; each takes less than the lookup may, three take more."""
        timeout_ms = 1200 * SLOWER
        client = self.overpass_lone(timeout_ms=timeout_ms).start().client()
        client.iamat(b'kiwi', WHERE)
        self.overpass.respond = lambda query: self.overpass.answer(query, delay=0.45 * timeout_ms / 1000)
        reply = client.whatsat(b'kiwi', b'50', b'20')
        self.assert_failure(reply, 'UNKNOWN_ERROR')
        self.assertIn(f'did not answer within {timeout_ms} ms', reply.json['error_message'])
        self.assertLessEqual(len(self.overpass.calls), 3)


if __name__ == '__main__':
    unittest.main()
