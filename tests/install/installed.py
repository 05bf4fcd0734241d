# SPDX-License-Identifier: MIT
"""What `meson install` makes of the build under test, in a folder of its own, and the programs in it."""

import atexit
import functools
import json
import os
import re
import shutil
import subprocess
import tempfile

BUILD = os.environ['HERD_BUILD']
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def run(*command, **options):
    """What the command did; it has to end with 0."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False, **options)
    if done.returncode != 0:
        raise AssertionError(f'{" ".join(command)} ended with {done.returncode}: {done.stdout}{done.stderr}')
    return done


def install(destination):
    run('meson', 'install', '-C', BUILD, '--no-rebuild', '--quiet', '--destdir', destination)


@functools.cache
def option(name):
    """The value of one of meson's options in the build under test."""
    return {o['name']: o['value'] for o in json.loads(run('meson', 'introspect', '--buildoptions', BUILD).stdout)}[name]


class Installed:
    """The tree of an installation; its paths are those below DESTDIR."""

    def __init__(self, root):
        self.root = root
        prefix = option('prefix')
        self.data = os.path.join(prefix, option('datadir'))
        self.config = os.path.join(prefix, option('sysconfdir'), 'herd', 'herd.conf')
        self.herdd = os.path.join(prefix, option('sbindir'), 'herdd')
        self.herd = os.path.join(prefix, option('bindir'), 'herd')
        self.herd_load = os.path.join(prefix, option('bindir'), 'herd-load')

    def path(self, installed):
        return self.root + installed

    def files(self):
        """All of them, as they would be named without DESTDIR."""
        return {os.path.join(folder, name)[len(self.root):] for folder, _, names in os.walk(self.root) for name in names}

    def find(self, name):
        """The one file of that name."""
        found = [path for path in self.files() if os.path.basename(path) == name]
        if len(found) != 1:
            raise AssertionError(f'{name}: {found}')
        return found[0]

    def read(self, installed):
        with open(self.path(installed), encoding='utf-8') as file:
            return file.read()

    def page(self, name):
        """The path of a man page."""
        return self.path(os.path.join(option('prefix'), option('mandir'), 'man' + name[-1], name))


@functools.cache
def installed():
    root = tempfile.mkdtemp(prefix='herd-install-')
    atexit.register(shutil.rmtree, root)
    install(root)
    return Installed(root)


def groups(text):
    """A configuration as {group: {key: value}}."""
    found, group = {}, None
    for line in text.splitlines():
        heading = re.fullmatch(r'\[(.+)\]', line)
        if heading:
            group = found.setdefault(heading[1], {})
        elif line and not line.startswith('#'):
            key, _, value = line.partition('=')
            group[key.strip()] = value.strip()
    return found
