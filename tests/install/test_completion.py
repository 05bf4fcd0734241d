# SPDX-License-Identifier: MIT
"""Completion in bash: the function is called as bash calls it, with the words of a line."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

from installed import installed, run

# Prints what is proposed for the word number $3, of the words from $4 on, for the program called $2.
ASK = r'''
source "$1"
function=$(complete -p "$2" | sed 's/.*-F \([^ ]*\).*/\1/')
COMP_CWORD=$3
COMP_WORDS=("${@:4}")
COMPREPLY=()
"$function" "$4" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
[ ${#COMPREPLY[@]} -eq 0 ] || printf '%s\n' "${COMPREPLY[@]}"
'''


@unittest.skipUnless(shutil.which('bash'), 'bash is not installed')
class Completion(unittest.TestCase):
    def setUp(self):
        self.tree = installed()
        self.folder = tempfile.mkdtemp(prefix='herd-completion-')
        self.addCleanup(shutil.rmtree, self.folder)
        os.mkdir(os.path.join(self.folder, 'conf'))
        self.write('conf/herd.conf', '[herd]\n[member Bailey]\n [ member  Bona ]\n# [member Nobody]\n[limits Bona]\n')
        self.write('other.conf', '[member Riley]\n')

    def write(self, name, text):
        with open(os.path.join(self.folder, name), 'w', encoding='utf-8') as file:
            file.write(text)

    def propose(self, name, *words):
        """What is proposed for the last of the words."""
        program = self.tree.path({'herdd': self.tree.herdd, 'herd': self.tree.herd, 'herd-load': self.tree.herd_load}[name])
        script = self.tree.path(f'{self.tree.data}/bash-completion/completions/{name}')
        done = run('bash', '-c', ASK, 'bash', script, name, str(len(words)), program, *words, cwd=self.folder)
        self.assertEqual(done.stderr, '')
        return set(done.stdout.splitlines())

    def options(self, name, *command):
        program = self.tree.path({'herdd': self.tree.herdd, 'herd': self.tree.herd, 'herd-load': self.tree.herd_load}[name])
        return set(re.findall(r'^  (?:-\w, |    )?(--[\w-]+=?)', run(program, *command, '--help').stdout, re.M))

    def test_herdd_has_its_options(self):
        self.assertEqual(self.propose('herdd', '--'), self.options('herdd'))
        self.assertEqual(self.propose('herdd', '--che'), {'--check'})
        self.assertEqual(self.propose('herdd', '--config=x', '--con'), {'--config='})

    def test_herdd_has_the_members_of_the_configuration_that_is_there(self):
        self.assertEqual(self.propose('herdd', ''), {'Bailey', 'Bona'})
        self.assertEqual(self.propose('herdd', '--check', 'Bo'), {'Bona'})

    def test_herdd_has_the_members_of_the_configuration_that_is_named(self):
        for words in (['--config', 'other.conf'], ['-c', 'other.conf'], ['--config', '=', 'other.conf'], ['--config=other.conf']):
            self.assertEqual(self.propose('herdd', *words, ''), {'Riley'}, words)
        self.assertEqual(self.propose('herdd', '--config', 'missing.conf', ''), set())

    def test_herdd_has_files_for_its_configuration(self):
        for words in (['--config', 'o'], ['-c', 'o'], ['--config', '=', 'o'], ['--config=o']):
            self.assertEqual(self.propose('herdd', *words), {'other.conf'}, words)

    def test_herd_load_has_its_options_and_no_values(self):
        self.assertEqual(self.propose('herd-load', '--'), self.options('herd-load'))
        self.assertEqual(self.propose('herd-load', '--rate', '1'), set())
        self.assertEqual(self.propose('herd-load', '-c', 'o'), set())
        self.assertEqual(self.propose('herd-load', '--json', '--q'), {'--quiet'})

    def test_herd_has_its_commands_and_their_options(self):
        listed = re.search(r'^Commands:\n(.*?)(?:\n\n|\Z)', run(self.tree.path(self.tree.herd), '--help').stdout, re.M | re.S)[1]
        commands = [match[1].split() for match in re.finditer(r'^  ([a-z-]+(?: [a-z-]+)?)(?: |$)', listed, re.M)]
        self.assertEqual(self.propose('herd', ''), {command[0] for command in commands})
        for command in commands:
            self.assertEqual(self.propose('herd', *command, '--'), self.options('herd', *command), command)
        self.assertEqual(self.propose('herd', 'places', ''), {'import'})

    def test_herd_has_files_to_import(self):
        self.assertEqual(self.propose('herd', 'places', 'import', 'o'), {'other.conf'})

    def test_a_program_that_is_missing_is_no_error(self):
        script = self.tree.path(f'{self.tree.data}/bash-completion/completions/herdd')
        done = subprocess.run(['bash', '-c', ASK, 'bash', script, 'herdd', '1', './missing', '--'], cwd=self.folder,
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual((done.stdout, done.stderr), ('', ''))
