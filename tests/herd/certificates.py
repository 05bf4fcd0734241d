# SPDX-License-Identifier: MIT
"""Authorities and the certificates that they sign, made with openssl(1)."""

import atexit
import functools
import os
import shutil
import ssl
import subprocess
import tempfile

KEY = ('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes')


@functools.cache
def folder():
    path = tempfile.mkdtemp(prefix='herd-test-certificates-')
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def openssl(*arguments):
    done = subprocess.run(['openssl', *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f'openssl {" ".join(arguments)}: {done.stderr}')


class Certificate:
    """A certificate and its key, as files."""

    def __init__(self, path):
        self.certificate, self.key = path + '.crt', path + '.key'

    def options(self, authority=None):
        """As the group [tls] of a configuration."""
        options = {'certificate_file': self.certificate, 'key_file': self.key}
        return {**options, 'ca_file': authority.certificate} if authority else options

    def copy_to(self, other):
        """Replaces the files of another, as an operator does."""
        for ours, theirs in ((self.certificate, other.certificate), (self.key, other.key)):
            shutil.copy(ours, theirs + '.new')
            os.rename(theirs + '.new', theirs)


class Authority(Certificate):
    """Signs certificates; one of each name and validity."""

    def __init__(self, name='authority'):
        super().__init__(tempfile.mkdtemp(dir=folder()) + '/' + name)
        self.made = {}
        openssl('req', '-x509', *KEY, '-keyout', self.key, '-out', self.certificate, '-subj', '/CN=' + name, '-days', '2')

    def issue(self, name, alternatives='', days=2, own_copy=False):
        """A certificate of common name @name. @alternatives: 'DNS:Bailey,DNS:bailey.example'. @days: negative for one that
        has expired."""
        which = (name, alternatives, days)
        if which in self.made and not own_copy:
            return self.made[which]
        made = Certificate(tempfile.mkdtemp(dir=folder()) + '/' + name)
        request = made.certificate + '.request'
        openssl('req', *KEY, '-keyout', made.key, '-out', request, '-subj', '/CN=' + name,
                *(('-addext', 'subjectAltName=' + alternatives) if alternatives else ()))
        openssl('x509', '-req', '-in', request, '-CA', self.certificate, '-CAkey', self.key, '-CAcreateserial',
                '-copy_extensions', 'copy', '-days', str(days), '-out', made.certificate)
        self.made[which] = made
        return made

    def client_context(self, certificate=None):
        """Of a client that believes this authority, whatever the name, and may show a certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(self.certificate)
        if certificate:
            context.load_cert_chain(certificate.certificate, certificate.key)
        return context


@functools.cache
def common():
    """The authority of most tests."""
    return Authority()
