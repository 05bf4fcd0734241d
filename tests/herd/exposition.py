# SPDX-License-Identifier: MIT
"""Prometheus' text format 0.0.4, read strictly: whatever the format does not allow, or a good exporter does not do, is
a FormatError.
"""

import math
import re

NAME = r'[a-zA-Z_:][a-zA-Z0-9_:]*'
HELP = re.compile(rf'# HELP ({NAME}) ((?:[^\\]|\\\\|\\n)+)')
TYPE = re.compile(rf'# TYPE ({NAME}) (counter|gauge|histogram|summary|untyped)')
SAMPLE = re.compile(rf'({NAME})(?:\{{(.*)\}})? (\S+)(?: (-?\d+))?')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\\\|\\"|\\n)*)"(,|$)')
NUMBER = re.compile(r'[+-]?(?:\d+\.?\d*(?:e[+-]?\d+)?|Inf)|NaN', re.IGNORECASE)


class FormatError(Exception):
    pass


class Family:
    """What stands below one HELP and TYPE: values by (name, labels as sorted pairs)."""

    def __init__(self, name, text):
        self.name, self.help, self.type, self.samples = name, text, None, {}


def fail_unless(good, what):
    if not good:
        raise FormatError(what)


def parse_labels(text):
    labels, position = {}, 0
    while position < len(text):
        match = LABEL.match(text, position)
        fail_unless(match, f'no label: {text[position:]!r}')
        fail_unless(match[1] not in labels, f'a label twice: {match[1]}')
        labels[match[1]] = match[2]
        position = match.end()
        fail_unless(match[3] == '' or position < len(text), f'a comma before nothing: {text!r}')
    return labels


def parse_number(text):
    fail_unless(NUMBER.fullmatch(text), f'no number: {text!r}')
    return float(text)


def names_of(family):
    """The names that samples of a family may have."""
    if family.type != 'histogram':
        return {family.name}
    return {family.name + end for end in ('_bucket', '_sum', '_count')}


def check_histogram(family):
    """One series of it for each set of labels other than le."""
    series = {}
    for (name, labels), value in family.samples.items():
        rest = tuple(pair for pair in labels if pair[0] != 'le')
        parts = series.setdefault(rest, {'buckets': []})
        if name.endswith('_bucket'):
            fail_unless('le' in dict(labels), f'{name}: a bucket without le')
            parts['buckets'].append((parse_number(dict(labels)['le']), value))
        else:
            fail_unless('le' not in dict(labels), f'{name}: le')
            parts[name[len(family.name):]] = value
    for parts in series.values():
        bounds = [bound for bound, _ in parts['buckets']]
        counts = [count for _, count in parts['buckets']]
        fail_unless(bounds == sorted(set(bounds)), f'{family.name}: bounds do not grow: {bounds}')
        fail_unless(bounds and bounds[-1] == math.inf, f'{family.name}: no bucket +Inf')
        fail_unless(counts == sorted(counts), f'{family.name}: buckets are not cumulative: {counts}')
        fail_unless(parts.get('_count') == counts[-1], f'{family.name}: +Inf is not the count')
        fail_unless('_sum' in parts, f'{family.name}: no sum')
        fail_unless((parts['_count'] > 0) == (parts['_sum'] > 0), f'{family.name}: its sum does not go with its count')


def check_family(family):
    fail_unless(family.samples, f'{family.name}: no samples')
    fail_unless(family.type != 'counter' or family.name.endswith('_total'), f'{family.name}: a counter ends in _total')
    fail_unless(family.type == 'counter' or not family.name.endswith('_total'), f'{family.name}: only a counter does')
    fail_unless(not re.search(r'_(ms|us|ns|milliseconds|kb|mb|kilobytes|percent)(_|$)', family.name),
                f'{family.name}: not a base unit')
    if family.type in ('counter', 'histogram'):
        for (name, _), value in family.samples.items():
            fail_unless(value >= 0 and math.isfinite(value), f'{name}: {value}')
    if family.type == 'histogram':
        check_histogram(family)


def parse(text):
    """The families of @text by name. HELP, then TYPE, then samples, each family in one piece."""
    fail_unless(text.endswith('\n'), 'the last line does not end')
    families, family = {}, None
    for line in text[:-1].split('\n'):
        if help_line := HELP.fullmatch(line):
            fail_unless(help_line[1] not in families, f'HELP twice: {line}')
            family = families[help_line[1]] = Family(help_line[1], help_line[2])
        elif type_line := TYPE.fullmatch(line):
            fail_unless(family is not None and family.name == type_line[1], f'TYPE without its HELP before: {line}')
            fail_unless(family.type is None and not family.samples, f'TYPE twice, or after samples: {line}')
            family.type = type_line[2]
        else:
            sample = SAMPLE.fullmatch(line)
            fail_unless(sample, f'no line of the format: {line!r}')
            fail_unless(family is not None and family.type is not None and sample[1] in names_of(family),
                        f'a sample outside its family: {line}')
            key = sample[1], tuple(sorted(parse_labels(sample[2] or '').items()))
            fail_unless(key not in family.samples, f'a series twice: {line}')
            family.samples[key] = parse_number(sample[3])
    for one in families.values():
        fail_unless(one.type is not None, f'{one.name}: no TYPE')
        check_family(one)
    return families


def value(families, name, **labels):
    """One sample, by its name and all of its labels."""
    family = families.get(name) or families[re.sub('_(bucket|sum|count)$', '', name)]
    return family.samples[name, tuple(sorted(labels.items()))]
