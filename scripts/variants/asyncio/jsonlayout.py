# SPDX-License-Identifier: MIT
"""JSON texts with every digit as it came, and the one layout that they are written in (PROTOCOL R14)."""
import json
from json.encoder import encode_basestring

INDENT = "   "
ONE_LINE_BYTES = 73  # the most from [ to ] of an array on one line


class Number(str):
    """A number as its digits were written."""

    __slots__ = ()


def _refuse(constant):
    raise ValueError(f"{constant} is not JSON")


def parse(text):
    """A JSON text (bytes). ValueError: it is none; RecursionError: it is too deep."""
    return json.loads(text.decode(), parse_float=Number, parse_int=Number, parse_constant=_refuse)


def _quoted(text):
    text = encode_basestring(text)
    if "<" in text or ">" in text:
        text = text.replace("<", "\\u003c").replace(">", "\\u003e")
    return text


def _width(text):
    return len(text) if text.isascii() else len(text.encode(errors="replace"))


def _array(items, indent):
    inner = indent + INDENT
    texts = [_value(item, inner) for item in items]
    if not any(isinstance(item, (dict, list)) and item for item in items):
        line = f"[ {', '.join(texts)} ]"
        if _width(line) <= ONE_LINE_BYTES:
            return line
    return f"[{inner}" + f",{inner}".join(texts) + f"{indent}]"


def _object(members, indent):
    inner = indent + INDENT
    texts = [f"{_quoted(key)} : {_value(value, inner)}" for key, value in sorted(members.items())]
    return f"{{{inner}" + f",{inner}".join(texts) + f"{indent}}}"


def _value(value, indent):
    kind = type(value)
    if kind is str:
        return _quoted(value)
    if kind is Number:
        return value
    if kind is dict:
        return _object(value, indent) if value else "{}"
    if kind is list:
        return _array(value, indent) if value else "[]"
    return {None: "null", True: "true", False: "false"}[value]


def lay_out(value):
    """@value in the layout of R14. Half a surrogate pair, which UTF-8 cannot write, becomes a question mark."""
    return _value(value, "\n").encode(errors="replace")
