# SPDX-License-Identifier: MIT
"""The one layout of JSON in replies (PROTOCOL R14): that of Google's answers of 2019-22, three blanks an indent."""

import json

MARGIN = 74  # an array that would reach it is written an element a line


class Number(str):
    """A number as its digits were written."""


def parse(text):
    """Like json.loads(), but numbers keep their digits."""
    return json.loads(text, parse_float=Number, parse_int=Number)


def scalar(value):
    if isinstance(value, Number):
        return str(value)
    text = json.dumps(value, ensure_ascii=False)
    return text.replace('<', '\\u003c').replace('>', '\\u003e')


def on_one_line(items):
    """The items of an array in one line, or None if they do not go there."""
    if len(items) * 3 >= MARGIN or any(isinstance(item, (dict, list)) and item for item in items):
        return None
    texts = [render(item) for item in items]
    length = 4 + 2 * (len(texts) - 1) + sum(len(text.encode()) for text in texts)
    return None if length >= MARGIN else '[ ' + ', '.join(texts) + ' ]'


def render(value, indent=''):
    inner = indent + '   '
    if isinstance(value, dict):
        if not value:
            return '{}'
        members = sorted(value.items(), key=lambda member: member[0].encode())
        lines = [f'{inner}{scalar(key)} : {render(item, inner)}' for key, item in members]
        return '{\n' + ',\n'.join(lines) + '\n' + indent + '}'
    if isinstance(value, list):
        if not value:
            return '[]'
        line = on_one_line(value)
        if line:
            return line
        return '[\n' + ',\n'.join(inner + render(item, inner) for item in value) + '\n' + indent + ']'
    return scalar(value)


def laid_out(text):
    """A JSON text (bytes) in that layout."""
    return render(parse(text)).encode()
