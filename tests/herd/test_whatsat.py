# SPDX-License-Identifier: MIT
"""WHATSAT: R10-R14, with places at hand, and the embedded ones."""

import math
import socket
import unittest

from client import Reply
from harness import UCLA, HerdTestCase
from layout import laid_out


def kilometres(place, latitude=34.068930, longitude=-118.445127):
    there = place['geometry']['location']
    a, b = math.radians(latitude), math.radians(there['lat'])
    half = math.sin((b - a) / 2) ** 2
    half += math.cos(a) * math.cos(b) * math.sin(math.radians(there['lng'] - longitude) / 2) ** 2
    return 2 * 6371 * math.asin(math.sqrt(half))


class WhatsatTestCase(HerdTestCase):
    def setUp(self):
        super().setUp()
        self.member = self.single()
        self.client = self.member.client()
        self.at = self.client.iamat(b'kiwi', UCLA, b'1621464827.959498503')


class Whatsat(WhatsatTestCase):
    def test_r10_valid_radius_and_bound(self):
        for radius, bound in ((b'0', b'0'), (b'1', b'1'), (b'50', b'20'), (b'50.0', b'20'), (b'50.0000000000000', b'1'),
                              (b'10.5', b'5'), (b'0.001', b'20'), (b'0.0', b'20'), (b'007', b'3'), (b'10', b'05'),
                              (b'49.9999999999999999', b'20')):
            with self.subTest(radius=radius, bound=bound):
                reply = self.client.whatsat(b'kiwi', radius, bound)
                self.assertEqual(reply.at, self.at)
                self.assertLessEqual(len(reply.names), int(bound))

    def test_r10_invalid_radius(self):
        for radius in (b'50.000001', b'50.0000000000000000001', b'51', b'100', b'-1', b'-0', b'+10', b'ten', b'nan',
                       b'inf', b'1e1', b'.5', b'5.', b'10km', b'10,5', b'0x10', b'1.5.5', b'18446744073709551626',
                       b'-10.5', b'9' * 400):
            with self.subTest(radius=radius[:20]):
                line = b'WHATSAT kiwi ' + radius + b' 5'
                self.assertEqual(self.client.ask(line), b'? ' + line + b'\n')

    def test_r10_invalid_bound(self):
        for bound in (b'21', b'100', b'-1', b'-0', b'+5', b'5.0', b'5.', b'1e1', b'five', b'nan', b'0x5', b'4294967301',
                      b'18446744073709551621', b'9' * 400):
            with self.subTest(bound=bound[:20]):
                line = b'WHATSAT kiwi 10 ' + bound
                self.assertEqual(self.client.ask(line), b'? ' + line + b'\n')

    def test_r10_bound_0_or_radius_0_is_an_empty_answer(self):
        for radius, bound in ((b'10', b'0'), (b'0', b'20'), (b'0.000', b'20'), (b'0', b'0')):
            with self.subTest(radius=radius, bound=bound):
                reply = self.client.whatsat(b'kiwi', radius, bound)
                self.assertEqual(reply.json, {'html_attributions': [], 'results': [], 'status': 'ZERO_RESULTS'})

    def test_r11_an_unknown_client_is_invalid(self):
        for client_id in (b'nobody', b'KIWI', b'kiw', b'kiwi.', b'\xff'):
            with self.subTest(client_id=client_id):
                line = b'WHATSAT ' + client_id + b' 10 5'
                self.assertEqual(self.client.ask(line), b'? ' + line + b'\n')

    def test_r11_a_client_with_a_stale_record_is_known(self):
        self.client.iamat(b'old', UCLA, b'-999999999999')
        self.assertEqual(self.client.whatsat(b'old').status, 'OK')

    def test_r12_the_at_line_is_that_of_the_iamat_reply(self):
        for _ in range(3):
            self.assertEqual(self.client.whatsat(b'kiwi').at, self.at)
        self.client.iamat(b'kiwi', b'+1+1', b'1')  # stale
        self.assertEqual(self.client.whatsat(b'kiwi').at, self.at)

    def test_r13_the_reply_is_at_line_json_and_two_lf(self):
        self.client.send(b'WHATSAT kiwi 10 5\n')
        self.client.half_close()
        raw = self.client.rest()
        self.assertTrue(raw.startswith(self.at + b'{\n'))
        self.assertTrue(raw.endswith(b'}\n\n'))
        self.assertEqual(raw.count(b'\n\n'), 1)
        self.assertNotIn(b'\r', raw)
        self.assertLessEqual({'html_attributions', 'results', 'status'}, set(Reply(raw).json))

    def test_r13_the_whole_reply_comes_in_one_read(self):
        for radius, bound in ((b'10', b'5'), (b'50', b'20'), (b'10', b'0')):
            with self.subTest(radius=radius, bound=bound):
                self.client.send(b'WHATSAT kiwi %s %s\n' % (radius, bound))
                # MSG_PEEK sees what the first segment brought.
                seen = self.client.socket.recv(1 << 20, socket.MSG_PEEK)
                self.assertEqual(seen, self.client.reply().raw)

    def test_r14_the_body_has_the_one_layout(self):
        for radius, bound in ((b'50', b'20'), (b'10', b'10'), (b'10', b'0'), (b'0.001', b'1')):
            with self.subTest(radius=radius, bound=bound):
                body = self.client.whatsat(b'kiwi', radius, bound).body
                self.assertEqual(body, laid_out(body))


class EmbeddedPlaces(WhatsatTestCase):
    def test_embedded_places_around_ucla(self):
        reply = self.client.whatsat(b'kiwi', b'10', b'20')
        self.assertEqual(reply.status, 'OK')
        self.assertEqual(sorted(reply.names), sorted([
            'Westwood', 'Century City', 'Beverly Hills', 'Culver City', 'Santa Monica', 'West Hollywood', 'Venice',
            'Sherman Oaks', 'Marina del Rey', 'Studio City']))
        self.assertEqual(reply.names[0], 'Westwood')
        first = reply.json['results'][0]
        self.assertEqual(first['place_id'], 'gn:5408522')
        self.assertEqual(first['geometry']['location'], {'lat': 34.05612, 'lng': -118.43063})
        self.assertTrue(any('GeoNames' in text for text in reply.json['html_attributions']))

    def test_embedded_places_come_nearest_first_and_within_the_radius(self):
        for radius in (b'1.9', b'2.1', b'5', b'10', b'25', b'50'):
            with self.subTest(radius=radius):
                distances = [kilometres(place) for place in
                             self.client.whatsat(b'kiwi', radius, b'20').json['results']]
                self.assertEqual(distances, sorted(distances))
                self.assertTrue(all(distance <= float(radius) * 1.002 for distance in distances))
        self.assertEqual(self.client.whatsat(b'kiwi', b'1.9', b'20').status, 'ZERO_RESULTS')
        self.assertEqual(self.client.whatsat(b'kiwi', b'2.1', b'20').names, ['Westwood'])

    def test_embedded_places_are_cut_to_the_bound(self):
        everything = self.client.whatsat(b'kiwi', b'50', b'20').names
        self.assertEqual(len(everything), 20)
        for bound in range(1, 21):
            self.assertEqual(self.client.whatsat(b'kiwi', b'50', b'%d' % bound).names, everything[:bound])

    def test_embedded_places_at_the_ends_of_the_world(self):
        for place in (b'+90+0', b'-90-180', b'+0+180', b'+0-180', b'-16.8-179.99', b'-16.8+179.99', b'+0.0-0.0'):
            with self.subTest(place=place):
                self.client.iamat(b'far', place)
                self.assertIn(self.client.whatsat(b'far', b'50', b'20').status, ('OK', 'ZERO_RESULTS'))

    def test_embedded_places_are_found_across_the_date_line(self):
        for place in (b'+66.32-179.2', b'+66.32-179.999', b'+66.32-180', b'+66.32+180', b'+66.32+179.999'):
            with self.subTest(place=place):
                self.client.iamat(b'bering', place)
                self.assertEqual(self.client.whatsat(b'bering', b'50', b'20').names, ['Egvekinot'])

    def test_names_with_letters_beyond_ascii_are_raw_utf8(self):
        self.client.iamat(b'zurich', b'+47.36667+8.55', b'1')
        reply = self.client.whatsat(b'zurich', b'5', b'20')
        self.assertIn('Zürich'.encode(), reply.body)


if __name__ == '__main__':
    unittest.main()
