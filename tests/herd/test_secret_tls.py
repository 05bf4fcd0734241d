# SPDX-License-Identifier: MIT
"""A secret and rules of access over TLS: a proof is bound to its connection, and a certificate says who reports."""

import os
import signal
import socket
import ssl
import threading
import unittest

from certificates import common
from client import AT, TLS
from harness import UCLA, HerdTestCase, wait_until
from test_tls import OverTls
from tunnel import anybody

SECRET = '9f86d081884c7d659a2feaa0c55ad015'


class Middle(threading.Thread):
    """Shakes hands with who dials, and with the one who was meant, and passes on what each says. Both take it for TLS."""

    def __init__(self, case, target, listen_on):
        super().__init__(daemon=True)
        self.target = target
        self.heard = b''  # of what the one who was meant has said
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate = common().issue('middle')
        self.context.load_cert_chain(certificate.certificate, certificate.key)
        self.listener = socket.create_server(listen_on)
        case.addCleanup(self.listener.close)
        self.start()

    def run(self):
        while True:
            try:
                near = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.carry, args=[near], daemon=True).start()

    def carry(self, near):
        try:
            with self.context.wrap_socket(near, server_side=True) as near_tls, \
                    anybody().wrap_socket(socket.create_connection(self.target)) as far_tls:
                while data := near_tls.recv(1 << 16):
                    far_tls.sendall(data)
                    answer = far_tls.recv(1 << 16)
                    self.heard += answer
                    near_tls.sendall(answer)
        except OSError:
            pass


class Secret(OverTls, HerdTestCase):
    def secret_herd(self, edges, **options):
        path = os.path.join(self.directory, 'secret')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(SECRET)
        os.chmod(path, 0o600)
        return self.herd(edges, herd={'secret_file': path}, **options)

    def test_it_is_proved_over_tls(self):
        groups = {f'tls {name}': common().issue(name).options(common()) for name in ('Bailey', 'Bona')}
        for options in ({}, {'tls': {}, 'groups': groups}):
            with self.subTest(authorities=bool(options)):
                herd = self.secret_herd('Bailey-Bona', **options).start()
                line = herd['Bailey'].client().iamat(b'kiwi')
                herd['Bona'].wait_stored(b'kiwi', line)
                self.assertEqual([event for event in herd['Bailey'].events(b'link ') if b' refused to ' in event], [])
                herd['Bona'].wait_event(rb'^recv \S+ PROOF \(proof\)$')

    def test_the_right_secret_does_not_stand_for_a_certificate(self):
        groups = {f'tls {name}': common().issue(name).options(common()) for name in ('Bailey', 'Bona')}
        groups['tls Bona'] = common().issue('Clark').options(common())
        herd = self.secret_herd('Bailey-Bona', tls={}, groups=groups)
        for member in herd:
            member.start()
        herd['Bailey'].wait_event(rb'^link Bona refused to \S+: it has shown no certificate in that name$')

    def test_without_a_channel_binding_nothing_is_proved(self):
        settings = os.path.join(self.directory, 'openssl.cnf')
        with open(settings, 'w', encoding='utf-8') as file:
            file.write('openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\n'
                       'MaxProtocol = TLSv1.2\nOptions = -ExtendedMasterSecret\n')
        bailey, bona = self.secret_herd('Bailey-Bona')
        bailey.start()
        bona.start(env={'OPENSSL_CONF': settings})
        bailey.wait_event(rb'^link Bona refused to \S+: its TLS has nothing that a proof could be bound to$')
        self.assertEqual(bailey.events(b'link Bona joined') + bona.events(b'link Bailey joined'), [])

    def test_who_stands_in_the_middle_has_no_proof_to_pass_on(self):
        herd = self.secret_herd('Bailey-Bona')
        bailey, bona = herd
        behind = ('127.0.0.2', bona.address[1])
        herd.seen_at['Bailey', 'Bona'] = (TLS + behind[0], behind[1])
        herd.write_config()
        bona.start()
        middle = Middle(self, ('127.0.0.1', bona.address[1]), behind)
        bailey.start()
        bailey.wait_event(rb"^link Bona down: the neighbour cannot prove that it has the herd's secret$")
        wait_until(lambda: b'CHALLENGE ' in middle.heard, 'the challenge of the one who was meant')
        self.assertEqual(bailey.events(b'link Bona up'), [])


class Certificates(OverTls, HerdTestCase):
    def test_a_certificate_says_who_reports(self):
        rules = os.path.join(self.directory, 'rules')

        def write(text):
            with open(rules, 'w', encoding='utf-8') as file:
                file.write(text)
        write('certificate phone-7.example kiwi\ncertificate *.buses.example bus-*\n')
        member = self.single(tls=common().issue('Bailey').options(common()), access={'rules_file': rules})
        phone, bus, nobody = (member.client(context=common().client_context(certificate)) for certificate in (
            common().issue('phone-7.example'), common().issue('x', 'DNS:1.buses.example'), None))
        refused = b'? IAMAT %%s %s 1000\n' % UCLA
        for client, may, may_not in ((phone, b'kiwi', b'bus-1'), (bus, b'bus-1', b'kiwi')):
            self.assertRegex(client.iamat(may), AT)
            self.assertEqual(client.iamat(may_not, at=b'1000'), refused % may_not)
            self.assertEqual(nobody.iamat(may, at=b'1000'), refused % may)
        write('certificate phone-7.example grape\n')
        member.signal(signal.SIGHUP)
        member.wait_event(rb'^configuration reloaded: \[access\] the rules$')
        self.assertEqual(phone.iamat(b'kiwi', at=b'1000'), refused % b'kiwi')
        self.assertRegex(phone.iamat(b'grape'), AT)


if __name__ == '__main__':
    unittest.main()
