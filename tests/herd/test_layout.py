# SPDX-License-Identifier: MIT
"""The layout of JSON in replies (R14), against Python's parser and layout.py, on random texts."""

import json
import os
import random
import subprocess
import unittest

import layout
from harness import diag, scaled

DEPTH = 64  # of the deepest text that a member takes

CHARACTERS = ['a', 'Z', '7', ' ', '"', '\\', '/', '<', '>', '&', "'", '\n', '\r', '\t', '\b', '\f', '\0', '\x01', '\x1f',
              '\x7f', '\x80', 'é', '漢', '😀', '\u2028', '\ufeff', '\ufffd', '\uffff', '\U0010ffff', '\\u0041', '\n\n']


class Texts:
    """Random values, and ways to write them."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def string(self):
        most = 200 if self.random.random() < 0.03 else 6
        return ''.join(self.random.choices(CHARACTERS, k=self.random.randint(0, most)))

    def number(self):
        pick = self.random
        text = pick.choice(['', '-']) + pick.choice(['0', str(pick.randint(1, 10 ** pick.randint(1, 30)))])
        if pick.random() < 0.5:
            text += '.' + ''.join(pick.choices('0123456789', k=pick.randint(1, 20)))
        if pick.random() < 0.3:
            text += pick.choice('eE') + pick.choice(['', '+', '-']) + str(pick.randint(0, 999))
        return layout.Number(text)

    def line(self):
        """Scalars that go on one line just so, or just not."""
        count = self.random.randint(1, 26)
        digits = self.random.randint(70, 77) - 4 - 2 * (count - 1) - (count - 1)
        return [layout.Number(1)] * (count - 1) + [layout.Number('1' * max(digits, 1))]

    def value(self, depth=1):
        kind = self.random.choice('snlaaoo' if depth < 8 else 'snl')
        if kind == 's':
            return self.string()
        if kind == 'n':
            return self.number()
        if kind == 'l':
            return self.random.choice([None, True, False])
        count = self.random.randint(0, 6)
        if kind == 'o':
            return {self.string(): self.value(depth + 1) for _ in range(count)}
        return self.line() if self.random.random() < 0.3 else [self.value(depth + 1) for _ in range(count)]

    def deep(self):
        value = self.string()
        for _ in range(DEPTH):
            value = [value] if self.random.random() < 0.5 else {self.string(): value}
        return value

    def blank(self):
        return ''.join(self.random.choices(' \t\r\n', k=self.random.choice([0, 0, 1, 3])))

    def quoted(self, text):
        """A JSON string, each character in one of the ways that there are for it."""
        written = ''
        for character in text:
            way = self.random.random()
            if character == '\ufffd' and way < 0.3:
                written += '\\udc00'  # half a pair, which is none
            elif character == '/' and way < 0.5:
                written += '\\/'
            else:
                written += json.dumps(character, ensure_ascii=way < 0.3)[1:-1]
        return f'"{written}"'

    def written(self, value):
        if isinstance(value, layout.Number):
            text = str(value)
        elif isinstance(value, str):
            text = self.quoted(value)
        elif isinstance(value, dict):
            members = [self.blank() + self.quoted(key) + self.blank() + ':' + self.written(item)
                       for key, item in value.items()]
            text = '{' + ','.join(members) + self.blank() + '}'
        elif isinstance(value, list):
            text = '[' + ','.join(map(self.written, value)) + self.blank() + ']'
        else:
            text = json.dumps(value)
        return self.blank() + text + self.blank()


def relayout(texts):
    """Each as members lay it out, or None."""
    given = b''.join(b'%d\n%s' % (len(text), text) for text in texts)
    said = subprocess.run([os.environ['RELAYOUT']], input=given, stdout=subprocess.PIPE, check=True, timeout=600).stdout
    found, at = [], 0
    while at < len(said):
        length, _, _ = said[at:at + 32].partition(b'\n')
        at += len(length) + 1
        found.append(None if length == b'-' else said[at:at + int(length)])
        at += 0 if length == b'-' else int(length)
    return found


def is_json(text):
    try:
        json.loads(text.decode())
        return True
    except ValueError:
        return False


@unittest.skipUnless(os.environ.get('RELAYOUT'), 'RELAYOUT is not set to build/.../tests/herd/relayout')
class Layout(unittest.TestCase):
    def setUp(self):
        self.seed = int(os.environ.get('HERD_SEED') or random.randrange(1 << 32))
        diag(f'HERD_SEED={self.seed}')
        self.texts = Texts(self.seed)

    def test_r14_any_text_is_laid_out_as_python_would(self):
        values = [self.texts.value() for _ in range(scaled(3000, 300))] + [self.texts.deep() for _ in range(20)]
        written = [self.texts.written(value).encode() for value in values]
        found = relayout(written)
        self.assertEqual(len(found), len(values))
        for value, text, out in zip(values, written, found):
            self.assertEqual(out, layout.render(value).encode(), text)
            self.assertEqual(layout.parse(out), value)
            self.assertNotIn(b'\n\n', out)
        diag(f'{len(found)} texts, the largest laid out in {max(map(len, found))} bytes')
        self.assertEqual(relayout(found), found)

    def damaged(self):
        text, pick = bytearray(self.texts.written(self.texts.value()).encode()), self.texts.random
        for _ in range(pick.randint(1, 3)):
            text[pick.randrange(len(text))] ^= 1 << pick.randrange(8)
        return bytes(text)

    def test_damaged_texts_are_taken_if_python_takes_them(self):
        texts = [self.damaged() for _ in range(scaled(3000, 300))]
        # Form feeds and vertical tabs pass as white space, alone among what JSON does not have.
        texts = [text for text in texts if b'\f' not in text and b'\v' not in text]
        taken = 0
        for text, out in zip(texts, relayout(texts)):
            self.assertEqual(out is not None, is_json(text), text)
            taken += out is not None
        diag(f'{taken} of {len(texts)} damaged texts are JSON still')


if __name__ == '__main__':
    unittest.main()
