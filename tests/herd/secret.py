# SPDX-License-Identifier: MIT
"""The hello of members that share a secret, as somebody else would write it: what test_secret.py says by hand."""

import hashlib
import hmac
import os

from client import Client


def new_nonce():
    return os.urandom(16).hex().encode()


def proof(secret, role, dialler, acceptor, run, dialler_nonce, acceptor_nonce):
    """What @role (b'dial', b'accept') says to prove that it has the secret, on a plain socket."""
    said = b'\n'.join((b'herd link 1 ' + role, dialler, acceptor, run, dialler_nonce, acceptor_nonce, b'-'))
    return hmac.new(secret, said, hashlib.sha256).hexdigest().encode()


class Dialler:
    """Opens a connection to a member and says its hello in the name of @name; what follows is up to the test."""

    def __init__(self, member, name, source=None, run=b'4711', timeout=10):
        self.me, self.them, self.run, self.nonce = name.encode(), member.name.encode(), run, new_nonce()
        self.client = member.herd.case.connect(member.address, source=source, timeout=timeout)
        self.hello = b'HELLO 1 %s %s %s %s' % (self.me, self.them, self.run, self.nonce)
        self.challenge = self.client.ask(self.hello)

    def proof(self, secret, role=b'dial'):
        """By what the member has answered to the hello."""
        return proof(secret, role, self.me, self.them, self.run, self.nonce, self.challenge.split()[1])

    def prove(self, secret):
        """Returns the answer."""
        return self.client.ask(b'PROOF ' + self.proof(secret))


def say_all(address, data):
    """What a member answers to these bytes, which end there."""
    with Client(address) as client:
        client.send(data)
        client.half_close()
        return client.rest()
