# SPDX-License-Identifier: MIT
"""The systemd units, as systemd-analyze sees them: no mistake in them, and a member that can do little besides its work."""

import os
import re
import shutil
import tempfile
import unittest

from installed import groups, installed, option, run

EXPOSURE = 2.0  # of 10, as systemd-analyze counts: the highest that is good enough


@unittest.skipUnless(shutil.which('systemd-analyze'), 'systemd-analyze is not installed')
class Units(unittest.TestCase):
    def setUp(self):
        self.tree = installed()
        self.folder = tempfile.mkdtemp(prefix='herd-units-')
        self.addCleanup(shutil.rmtree, self.folder)
        for name in ('herd@.service', 'herd.target'):
            # The program is where it was installed to, not yet where the unit says.
            text = self.tree.read(self.tree.find(name)).replace('=' + self.tree.herdd, '=' + self.tree.path(self.tree.herdd))
            with open(os.path.join(self.folder, name), 'w', encoding='utf-8') as file:
                file.write(text)

    def analyze(self, *arguments):
        return run('systemd-analyze', *arguments, cwd=self.folder)

    def test_there_is_no_mistake_in_them(self):
        said = self.analyze('verify', '--man=no', './herd@.service', './herd.target')
        self.assertEqual(said.stdout + said.stderr, '')

    def test_the_member_is_confined(self):
        said = self.analyze('security', '--offline=true', '--no-pager', 'herd@.service').stdout
        exposure = re.search(r'Overall exposure level for \S+: ([\d.]+)', said)
        self.assertIsNotNone(exposure, said)
        self.assertLessEqual(float(exposure[1]), EXPOSURE, said)

    def test_the_unit_and_the_configuration_agree(self):
        unit = self.tree.read(self.tree.find('herd@.service'))
        settings = dict(line.partition('=')[::2] for line in unit.splitlines() if '=' in line and not line.startswith('#'))
        options = groups(self.tree.read(self.tree.config))
        self.assertEqual(settings['ExecStart'], f'{self.tree.herdd} --config {self.tree.config} %i')
        self.assertEqual('/var/log/' + settings['LogsDirectory'], options['herd']['log_dir'])
        self.assertEqual('/var/lib/' + settings['StateDirectory'], options['herd']['state_dir'])
        self.assertGreater(int(settings['TimeoutStopSec']), int(options['herd']['stop_timeout_s']))
        self.assertGreater(int(settings['LimitNOFILE']), int(options['limits']['max_connections']) + 1024)
        self.assertIn(f'u {settings["User"]} ', self.tree.read(option('prefix') + '/lib/sysusers.d/herd.conf'))
