# SPDX-License-Identifier: MIT
"""The man pages: their form, and that they name the options and commands that there are, and no others."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

from installed import SOURCE, groups, installed, run

PAGES = ('herdd.8', 'herd.1', 'herd-load.1', 'herd.conf.5')


def options_of_help(text):
    """{'-c', '--config=FILE', ...}"""
    found = set()
    for line in text.splitlines():
        match = re.match(r'  (?:(-\w), |    )?(--[a-z][\w-]*(?:=\S+)?)(?:\s|$)', line)
        if match:
            found |= set(filter(None, match.groups()))
    return found


def options_of_page(text):
    """The same of a page: its items that begin with a flag."""
    found = set()
    for line in re.findall(r'^\.It (Fl .*)$', text, re.M):
        for item in line.split(' , '):
            match = re.fullmatch(r'Fl (\S+)(?: Ns = Ns Ar (\S+))?', item)
            assert match, line
            found.add(f'-{match[1]}' + (f'={match[2]}' if match[2] else ''))
    return found


def sections(text):
    """[(heading, text)], of both levels."""
    parts = re.split(r'^\.S[sh] (.*)$', text, flags=re.M)
    return list(zip(parts[1::2], parts[2::2]))


class Man(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.tree = installed()

    def page(self, name):
        with open(self.tree.page(name), encoding='utf-8') as file:
            return file.read()

    def help(self, program, *command):
        return run(self.tree.path(program), *command, '--help', env={**os.environ, 'LC_ALL': 'C.UTF-8'}).stdout

    @unittest.skipUnless(shutil.which('man'), 'man is not installed')
    def test_man_has_nothing_to_complain_of(self):
        version = run(self.tree.path(self.tree.herdd), '--version').stdout.split()[1]
        for name in PAGES:
            with self.subTest(name):
                shown = run('man', '--warnings', '-E', 'UTF-8', '-l', self.tree.page(name),
                            env={**os.environ, 'LC_ALL': 'C.UTF-8', 'MANROFFSEQ': '', 'MANWIDTH': '80'})
                self.assertEqual(shown.stderr, '')
                self.assertIn(f'herd {version}', shown.stdout)

    @unittest.skipUnless(shutil.which('mandoc'), 'mandoc is not installed')
    def test_mandoc_has_nothing_to_complain_of(self):
        for name in PAGES:
            with self.subTest(name):
                linted = subprocess.run(['mandoc', '-T', 'lint', '-W', 'warning', self.tree.page(name)], capture_output=True,
                                        text=True, timeout=60, check=False)
                self.assertEqual(linted.stdout + linted.stderr, '')

    def test_options_of_herdd(self):
        self.assertEqual(options_of_page(self.page('herdd.8')), options_of_help(self.help(self.tree.herdd)))

    def test_options_of_herd_load(self):
        self.assertEqual(options_of_page(self.page('herd-load.1')), options_of_help(self.help(self.tree.herd_load)))

    def test_commands_of_herd_and_their_options(self):
        listed = re.search(r'^Commands:\n(.*?)(?:\n\n|\Z)', self.help(self.tree.herd), re.M | re.S)[1]
        commands = {match[1] for match in re.finditer(r'^  ([a-z-]+(?: [a-z-]+)?)(?: |$)', listed, re.M)}
        self.assertTrue(commands)
        told = {}
        for heading, text in sections(self.page('herd.1')):
            match = re.match(r'herd ([a-z-]+(?: [a-z-]+)?)(?: |$)', heading)
            if match:
                told[match[1]] = text
        self.assertEqual(set(told), commands)
        for command, text in told.items():
            with self.subTest(command):
                self.assertEqual(options_of_page(text), options_of_help(self.help(self.tree.herd, *command.split())) -
                                 {'-h', '--help'})

    def check(self, members):
        """What herdd makes of a configuration of two members, Own and Other, with these lines for each besides."""
        with tempfile.NamedTemporaryFile('w', suffix='.conf', encoding='utf-8') as file:
            for number, (name, lines) in enumerate(members.items()):
                file.write(f'[member {name}]\nlisten = 127.0.0.1:{10000 + number}\n{lines}\n')
            file.flush()
            return groups(run(self.tree.path(self.tree.herdd), '--check', '--config', file.name, 'Own').stdout)

    def test_options_of_the_configuration_and_their_defaults(self):
        """Which there are, herdd knows, and what a member is by default; the other defaults stand in conf/herd.conf."""
        told = {}
        for heading, text in sections(self.page('herd.conf.5')):
            if heading.startswith('['):
                items = re.findall(r'^\.It Ic (\w+) =(?: (\S+))?$', text, re.M)
                self.assertEqual(len(items), len(re.findall(r'^\.It Ic', text, re.M)), heading)
                told[heading[1:-1]] = dict(items)
        member = told.pop('member NAME')
        known = self.check({'Own': '', 'Other': 'dialect = plain'})
        self.assertEqual(set(member), set(known.pop('member Own')) | set(known.pop('member Other')))
        defaults = '\n'.join(f'{key} = {value}' for key, value in member.items() if value)
        self.assertEqual(self.check({'Own': defaults, 'Other': ''}), self.check({'Own': '', 'Other': ''}))

        with open(os.path.join(SOURCE, 'conf', 'herd.conf'), encoding='utf-8') as file:
            listed = {group: keys for group, keys in groups(file.read()).items() if ' ' not in group}
        self.assertEqual({group: set(keys) for group, keys in listed.items()},
                         {group: set(keys) for group, keys in known.items()})
        self.assertEqual(told, listed)

    def test_readme_has_each_option_once_with_its_default(self):
        with open(os.path.join(SOURCE, 'README.md'), encoding='utf-8') as file:
            table = file.read().split('| group | option | default |', 1)[1].split('\n\n', 1)[0]
        with open(os.path.join(SOURCE, 'conf', 'herd.conf'), encoding='utf-8') as file:
            listed = {f'[{group}] {key}': value for group, keys in groups(file.read()).items() if ' ' not in group
                      for key, value in keys.items()}
        told, members, group = [], [], None
        for row in table.splitlines()[2:]:
            first, key, default = (cell.strip(' `') for cell in row.split('|')[1:4])
            group = first or group
            if group == '[member NAME]':
                members.append(key)
            else:
                told.append((f'{group} {key}', default))
        self.assertEqual(sorted(told), sorted(listed.items()))
        known = self.check({'Own': '', 'Other': 'dialect = plain'})
        self.assertEqual(sorted(members), sorted(set(known['member Own']) | set(known['member Other'])))
