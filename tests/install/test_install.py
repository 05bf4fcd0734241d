# SPDX-License-Identifier: MIT
"""What ninja install puts where, and that a member runs from there."""

import os
import re
import shutil
import socket
import stat
import subprocess
import tempfile
import unittest

import harness
from installed import SOURCE, groups, install, installed, option, run


class Install(unittest.TestCase):
    def setUp(self):
        self.tree = installed()
        self.folder = tempfile.mkdtemp(prefix='herd-install-')
        self.addCleanup(shutil.rmtree, self.folder)

    def test_programs_can_be_run_and_name_one_version(self):
        versions = {run(self.tree.path(path), '--version').stdout.split()[1]
                    for path in (self.tree.herdd, self.tree.herd, self.tree.herd_load)}
        self.assertEqual(len(versions), 1)

    def test_all_of_it_is_there(self):
        data, files = self.tree.data, self.tree.files()
        prefix, sysconfdir = option('prefix'), os.path.dirname(os.path.dirname(self.tree.config))
        expected = {self.tree.herdd, self.tree.herd, self.tree.herd_load, self.tree.config,
                    f'{sysconfdir}/logrotate.d/herd', f'{prefix}/lib/sysusers.d/herd.conf',
                    self.tree.find('herd@.service'), self.tree.find('herd.target')}
        expected |= {f'{prefix}/{option("mandir")}/man{page[-1]}/{page}'
                     for page in ('herdd.8', 'herd.1', 'herd-load.1', 'herd.conf.5')}
        expected |= {f'{data}/bash-completion/completions/{name}' for name in ('herdd', 'herd', 'herd-load')}
        expected |= {f'{data}/doc/herd/{name}' for name in ('CHANGELOG.md', 'LICENSE', 'NOTICE', 'README.md', 'examples/herd.conf')}
        expected |= {f'{data}/doc/herd/examples/herds/{name}' for name in os.listdir(os.path.join(SOURCE, 'conf', 'herds'))}
        self.assertEqual(files, expected)
        for path in files:
            mode = stat.S_IMODE(os.stat(self.tree.path(path)).st_mode)
            program = path in (self.tree.herdd, self.tree.herd, self.tree.herd_load)
            self.assertEqual(oct(mode), oct(0o755 if program else 0o644), path)
            if not program:
                self.assertNotRegex(self.tree.read(path), r'@[A-Z_]+@', path)

    def test_a_configuration_that_is_there_stays(self):
        install(self.folder)
        config = self.folder + self.tree.config
        with open(config, 'w', encoding='utf-8') as file:
            file.write('# mine\n')
        install(self.folder)
        with open(config, encoding='utf-8') as file:
            self.assertEqual(file.read(), '# mine\n')

    def test_the_configuration_is_that_of_the_tree_but_for_two_folders(self):
        with open(os.path.join(SOURCE, 'conf', 'herd.conf'), encoding='utf-8') as file:
            expected = groups(file.read())
        self.assertEqual((expected['herd']['log_dir'], expected['herd']['state_dir']), ('log', ''))
        expected['herd'].update(log_dir='/var/log/herd', state_dir='/var/lib/herd')
        self.assertEqual(groups(self.tree.read(self.tree.config)), expected)
        run(self.tree.path(self.tree.herdd), '--check', '--config', self.tree.path(self.tree.config), 'Bailey')

    def test_the_debian_package_is_built_with_what_the_tree_needs(self):
        """What scripts/bootstrap installs to build with stands in debian/control, too."""
        with open(os.path.join(SOURCE, 'scripts', 'bootstrap'), encoding='utf-8') as file:
            needed = re.search(r'^build_packages=\((.*?)\)', file.read(), re.M | re.S)[1].split()
        with open(os.path.join(SOURCE, 'conf', 'debian', 'control'), encoding='utf-8') as file:
            named = re.search(r'^Build-Depends:(.*?)^\S', file.read(), re.M | re.S)[1]
        libraries = {name for name in needed if name.endswith('-dev')} - {'libc6-dev'}  # build-essential has that one
        self.assertEqual({name for name in re.findall(r'[\w.+-]+', named) if name.endswith('-dev')}, libraries)

    def test_herdd_finds_it_by_itself(self):
        """Where nothing is installed it says which file it looked for."""
        if os.path.exists(self.tree.config):
            self.skipTest(f'there is a {self.tree.config}')
        checked = subprocess.run([self.tree.path(self.tree.herdd), '--check', 'Bailey'], cwd=self.folder,
                                 capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(checked.returncode, 2)
        self.assertIn(self.tree.config, checked.stderr)

    def test_a_member_runs_from_there(self):
        port = harness.PORTS.take()
        config = os.path.join(self.folder, 'herd.conf')
        text = self.tree.read(self.tree.config).partition('[member ')[0]
        for name in ('log', 'lib'):
            self.assertIn(f'/var/{name}/herd', text)
            text = text.replace(f'/var/{name}/herd', os.path.join(self.folder, name))
        with open(config, 'w', encoding='utf-8') as file:
            file.write(f'{text}[member Bailey]\nlisten = 127.0.0.1:{port}\n')
        with subprocess.Popen([self.tree.path(self.tree.herdd), '--config', config, 'Bailey'], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as member:
            try:
                self.assertEqual(member.stdout.readline(), f'herdd: Bailey listening on 127.0.0.1:{port}\n')
                with socket.create_connection(('127.0.0.1', port), timeout=10) as client:
                    client.sendall(b'IAMAT kiwi +34.068930-118.445127 1621464827.5\n')
                    self.assertRegex(client.makefile('rb').readline(), rb'^AT Bailey ')
            finally:
                member.terminate()
                _, errors = member.communicate(timeout=60)
        self.assertEqual((member.returncode, errors), (0, ''))
        self.assertTrue(os.path.exists(os.path.join(self.folder, 'lib', 'Bailey.db')))
