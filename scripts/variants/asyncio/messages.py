# SPDX-License-Identifier: MIT
"""What is said in a herd, line by line, and the records made of it (PROTOCOL R2-R10, R16, R20, R21).

One regular expression decides about a whole line, ranges included. So the regular expression engine, which is C, does
the parsing, and Python looks only at what is valid. Of bytes \\s is R2's white space, and \\d has ten digits.

A record is a tuple (time, origin, place, skew, AT line), times in nanoseconds. Tuples compare member by member, and
these stand in R21's order: the greater of two is the newer.
"""
import re
import time

_CLIENT = rb"[^\0\s]+"
_PLACE = (rb"[+-](?:0?[0-8]?\d(?:\.\d+)?|0?90(?:\.0+)?)"
          rb"[+-](?:(?:0?\d?\d|1[0-7]\d)(?:\.\d+)?|180(?:\.0+)?)")
_TIME = rb"[+-]?\d{1,12}(?:\.\d+)?"

match_iamat = re.compile(rb"\s*IAMAT\s+(%b)\s+(%b)\s+(%b)\s*" % (_CLIENT, _PLACE, _TIME)).fullmatch
match_whatsat = re.compile(rb"\s*WHATSAT\s+(%b)\s+(0*(?:[0-4]?\d(?:\.\d+)?|50(?:\.0+)?))\s+(0*(?:1?\d|20))\s*"
                           % _CLIENT).fullmatch
match_member = re.compile(rb"MEMBER (\S+) (\S+)\r?").fullmatch
match_at = re.compile(rb"AT (%b) ([+-]\d{1,13}\.\d{9}) (%b) (%b) (%b)" % (_CLIENT, _CLIENT, _PLACE, _TIME)).fullmatch


def nanoseconds(text):
    """PROTOCOL R8: digits past the ninth do not count. The sign is that of all: -0.5 is half a second before 0."""
    whole, _, fraction = text.partition(b".")
    return int(whole + fraction[:9].ljust(9, b"0"))


def record_of_iamat(origin, received, client, place, at):
    """PROTOCOL R5: what @origin makes of an IAMAT that it received at @received."""
    then = nanoseconds(at)
    skew = received - then
    digits = b"%+011d" % skew
    line = b"AT %b %b.%b %b %b %b\n" % (origin, digits[:-9], digits[-9:], client, place, at)
    return then, origin, place, skew, line


def record_of_at(line, origin, skew, place, at):
    """PROTOCOL R20: what another member made of one, as it came."""
    return nanoseconds(at), origin, place, nanoseconds(skew), line + b"\n"


def invalid(line):
    """PROTOCOL R16: the reply to a line that is no command."""
    return b"? %b\n" % line.removesuffix(b"\r")


now = time.time_ns
