# SPDX-License-Identifier: MIT
"""TLS: what clients get over it, what members know of each other by it, and what it costs when nobody goes along."""

import json
import os
import signal
import socket
import ssl
import subprocess
import threading

import test_iamat
import test_lines
import test_whatsat
from certificates import Authority, common
from client import TLS, Client
from harness import DEADLINE, PORTS, HerdTestCase, diag, find_herdd, scaled, wait_until
from tunnel import anybody

IAMAT = b'IAMAT kiwi.cs.ucla.edu +34.068930-118.445127 1621464827.959498503\n'


class OverTls:
    """A herd test case whose members listen over TLS, and whose clients speak it."""

    def herd(self, edges, names=None, **options):
        options.setdefault('tls', common().issue('Bailey').options())
        herd = super().herd(edges, names, **options)
        for member in herd:
            member.addresses = [(TLS + host, port) for host, port in member.addresses]
        herd.write_config()
        return herd


class Lines(OverTls, test_lines.Lines):
    """R1-R4, R16-R18."""


class LongLines(OverTls, test_lines.LongLines):
    """R4."""


class Replies(OverTls, test_iamat.Replies):
    """R5-R9."""


class Whatsat(OverTls, test_whatsat.Whatsat):
    """R10-R15."""


class Clients(OverTls, HerdTestCase):
    """What only a client of TLS can do."""

    def raw(self, member):
        """A connected socket that nothing is said over yet."""
        host, port = member.address
        raw = socket.create_connection((host.removeprefix(TLS), port), DEADLINE)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.addCleanup(raw.close)
        return raw

    def test_the_log_says_that_it_is_tls_and_which(self):
        member = self.single()
        member.client().iamat(b'kiwi')
        member.wait_event(rb'^open 127\.0\.0\.1:\d+ tls TLSv1\.3$')

    def test_a_client_may_show_a_certificate_and_needs_none(self):
        member = self.single(tls=common().issue('Bailey').options(common()))
        for certificate, said in ((common().issue('kiwi'), rb' certificate of kiwi$'), (None, rb'TLSv1\.3$')):
            client = member.client(context=common().client_context(certificate))
            self.assertIn(b' kiwi ', client.iamat(b'kiwi'))
            member.wait_event(said)

    def test_rules_of_access_know_clients_by_their_certificates(self):
        rules = os.path.join(self.directory, 'rules')
        with open(rules, 'w', encoding='ascii') as file:
            file.write('certificate phone.example kiwi\n')
        member = self.single(tls=common().issue('Bailey').options(common()), access={'rules_file': rules})
        shown = common().issue('somebody', 'DNS:phone.example')
        for certificate, client_id, allowed in ((shown, b'kiwi', True), (shown, b'plum', False), (None, b'kiwi', False),
                                                (common().issue('other'), b'kiwi', False)):
            client = member.client(context=common().client_context(certificate))
            with self.subTest(certificate=certificate and certificate.certificate, client=client_id):
                self.assertEqual(client.iamat(client_id, at=b'1000').startswith(b'AT Bailey'), allowed)

    def test_a_certificate_of_another_authority_or_time_fails_the_handshake(self):
        member = self.single(tls=common().issue('Bailey').options(common()))
        for certificate, reason in ((Authority('another').issue('kiwi'), b'unable to get local issuer certificate'),
                                    (common().issue('kiwi', days=-1), b'certificate has expired')):
            client = member.client(context=common().client_context(certificate))
            with self.assertRaises(AssertionError):
                client.ask(b'hello')  # in TLS 1.3 a client hears only now that it was refused
            self.assertIn('alert', client.tunnel.problem)
            member.wait_event(rb'^close \S+ TLS handshake failed: certificate verify failed: ' + reason)
        self.assertEqual(member.client().ask(b'hello'), b'? hello\n')

    def test_every_byte_in_a_segment_of_its_own(self):
        member, context = self.single(), anybody()
        raw, incoming, outgoing = self.raw(member), ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing)

        def carry(step):
            """Runs a step of TLS until it has what it wants."""
            while True:
                try:
                    result = step()
                except ssl.SSLWantReadError:
                    result = None
                for byte in outgoing.read():
                    raw.sendall(bytes([byte]))
                if result is not None:
                    return result
                incoming.write(raw.recv(1))
        carry(lambda: tls.do_handshake() or True)
        carry(lambda: tls.write(IAMAT))
        self.assertRegex(carry(lambda: tls.read(1000)), rb'^AT Bailey \S+ kiwi')

    def test_a_client_that_reads_late_costs_little_and_gets_everything(self):
        member, count = self.single(), scaled(40_000, 4_000)
        client = member.client(rcvbuf=4096)
        sender = threading.Thread(target=lambda: [client.send(IAMAT) for _ in range(count)])
        before = member.rss()
        sender.start()
        member.wait_event(rb'^recv ')
        # The member stops to read when its replies are not taken; what it keeps meanwhile is bounded.
        sender.join(0.3)
        grown = member.rss() - before
        data = bytearray()
        while data.count(b'\n') < count:
            data += client.socket.recv(1 << 16)
        sender.join()
        self.assertEqual(data.count(b'AT Bailey '), count)
        diag(f'{grown >> 10} KiB while nobody read')
        self.assertLess(grown, 8 << 20)

    def test_half_a_line_before_an_end_that_is_not_announced_is_no_command(self):
        """It may have been cut by somebody who cannot read it."""
        member = self.single()
        raw = self.raw(member)
        with anybody().wrap_socket(raw, suppress_ragged_eofs=False) as tls:
            tls.sendall(IAMAT + b'IAMAT kiwi +1+1 20000')
            self.assertRegex(tls.recv(1000), rb'^AT ')
            # wrap_socket() has the descriptor now, and this tells the other side nothing of TLS.
            socket.socket.shutdown(tls, socket.SHUT_WR)
            self.assertEqual(tls.recv(1000), b'')  # the member's own end is one in order
        self.assertIsNone(member.stored(b'kiwi'))
        member.wait_event(rb'^close \S+ ended|is gone$')

    def test_what_comes_before_an_end_that_is_not_announced_is_answered(self):
        raw = self.raw(self.single())
        with anybody().wrap_socket(raw, suppress_ragged_eofs=False) as tls:
            tls.sendall(IAMAT * 100)
            socket.socket.shutdown(tls, socket.SHUT_WR)
            data = b''
            while more := tls.recv(1 << 16):
                data += more
        self.assertEqual(data.count(b'AT Bailey '), 100)

    def test_versions_before_1_2_are_refused(self):
        member = self.single()
        for version, works in ((ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True),
                               (ssl.TLSVersion.TLSv1_3, True)):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.set_ciphers('ALL:@SECLEVEL=0')  # the client would say TLS 1.1
            context.minimum_version = context.maximum_version = version
            with self.subTest(version=version.name):
                if works:
                    client = member.client(context=context)
                    self.assertEqual(client.ask(b'hello'), b'? hello\n')
                    client.half_close()
                    self.assertEqual(client.rest(), b'')
                else:
                    self.assertRaises(ssl.SSLError, member.client, context=context)
                    member.wait_event(rb'^close \S+ TLS handshake failed: unsupported protocol$')

    def test_a_client_that_does_not_speak_it_gets_nothing_but_the_end(self):
        member = self.single()
        for text in (IAMAT, b'GET / HTTP/1.1\r\nHost: a\r\n\r\n', bytes(range(256)), b'\n' * 100):
            raw = self.raw(member)
            raw.sendall(text)
            self.assertEqual(raw.recv(1000), b'')
        member.wait_event(rb'^close \S+ TLS handshake failed: wrong version number$', 3)
        member.wait_event(rb'^close \S+ TLS handshake failed: http request$')
        self.assertEqual(member.events(b'open'), [])

    def test_a_client_that_speaks_it_where_nobody_does_gets_what_garbage_gets(self):
        member = self.herd([], ['Bailey'])['Bailey']
        (host, port), = member.addresses
        member.addresses.append((host.removeprefix(TLS), PORTS.take()))
        member.herd.write_config()
        member.start()
        plain = self.connect(member.addresses[1])
        self.assertRegex(plain.ask(IAMAT.rstrip()), rb'^AT Bailey')   # both at once
        self.assertRegex(member.client().ask(IAMAT.rstrip()), rb'^AT Bailey')
        hello = ssl.MemoryBIO()
        tls = anybody().wrap_bio(ssl.MemoryBIO(), hello)
        self.assertRaises(ssl.SSLWantReadError, tls.do_handshake)
        plain.send(hello.read() + b'\n')
        self.assertTrue(plain.line().startswith(b'? '))

    def test_a_stop_ends_connections_in_order(self):
        member = self.single()
        client = member.client()
        client.iamat(b'kiwi')
        self.raw(member)  # and one that has not shaken hands
        member.stop()
        self.assertEqual(client.rest(), b'')


class Handshakes(OverTls, HerdTestCase):
    """Those that are begun and not finished."""

    def begin(self, member, text=b'\x16', source=''):
        host, port = member.address
        raw = socket.create_connection((host.removeprefix(TLS), port), DEADLINE, (source, 0))
        self.addCleanup(raw.close)
        raw.sendall(text)
        return raw

    def counters(self, member):
        """What the member counted, when it has ended."""
        member.stop()
        return dict(field.split(b'=') for field in member.events(b'stop')[-1].split()[1:] if b'=' in field)

    def test_so_many_at_once_and_no_more_while_others_are_served(self):
        member = self.single(limits={'max_handshakes': 20, 'handshake_timeout_s': 3600})
        served = member.client()
        self.assertEqual(served.ask(b'hello'), b'? hello\n')
        held = [self.begin(member) for _ in range(19)]
        for _ in range(3):  # the last place is for those that go on
            self.assertEqual(member.client().ask(b'hello'), b'? hello\n')
        held.append(self.begin(member))
        wait_until(lambda: self.begin(member, b'').recv(1) == b'', 'one more is closed at once')
        member.wait_event(rb'^max_handshakes are not finished')
        self.assertEqual(served.ask(b'hello'), b'? hello\n')
        held.pop().close()
        wait_until(lambda: self.is_served(member), 'one that went away has left its place')
        member.wait_event(rb'^new TLS connections are served again')
        counters = self.counters(member)
        self.assertGreaterEqual(int(counters[b'handshakes']), 5)
        self.assertGreaterEqual(int(counters[b'handshakes_refused']), 1)
        self.assertGreaterEqual(int(counters[b'handshakes_failed']), 1)

    def test_strangers_do_not_take_the_places_of_neighbours(self):
        pack = self.herd('Bailey-Bona', limits={'max_handshakes': 2, 'handshake_timeout_s': 3600})
        bailey, bona = pack['Bailey'].start(), pack['Bona']
        while bailey.events(b'max_handshakes are not finished') == []:
            self.begin(bailey, b'', '127.0.0.99')
        bona.start()
        bailey.wait_event(rb'^link Bona joined from ')
        bona.wait_event(rb'^link Bailey up$')

    def is_served(self, member):
        try:
            return member.client().ask(b'hello') == b'? hello\n'
        except (OSError, AssertionError):
            return False

    def test_each_has_only_so_much_time(self):
        member = self.single(limits={'handshake_timeout_s': 1, 'idle_timeout_s': 3600})
        idle = member.client()
        for raw in [self.begin(member, text) for text in (b'', b'\x16', b'\x16\x03\x01\x02\x00')]:
            self.assertEqual(raw.recv(1), b'')
        member.wait_event(rb'^close \S+ TLS handshake failed: it takes too long$', 3)
        self.assertEqual(idle.ask(b'hello'), b'? hello\n')  # who has shaken hands has other limits
        counters = self.counters(member)
        self.assertEqual(counters[b'handshakes_failed'], b'3')
        self.assertEqual(counters[b'timeouts'], b'3')

    def test_a_neighbour_that_does_not_shake_hands_is_down(self):
        pack = self.herd('Bailey-Bona', tls=common().issue('Bailey').options(), limits={'link_timeout_s': 2})
        host, port = pack['Bona'].address
        with socket.create_server((host.removeprefix(TLS), port)):
            pack['Bailey'].start()
            pack['Bailey'].wait_event(rb'^link Bona down: the TLS handshake takes too long$')


class Files(OverTls, HerdTestCase):
    """Certificates and keys that are no good, and new ones."""

    def test_what_is_wrong_with_them_is_said_at_the_start_and_by_check(self):
        bailey, bona = common().issue('Bailey'), common().issue('Bona')
        rows = (
            ({}, r'\[tls\] certificate_file: is missing: Bailey listens on tls://'),
            ({'certificate_file': bailey.certificate}, r'\[tls\] key_file: is missing'),
            ({'key_file': bailey.key}, r'\[tls\] certificate_file: is missing'),
            ({**bailey.options(), 'key_file': '/nowhere'}, r'\[tls\] key_file: .*/nowhere'),
            ({**bailey.options(), 'certificate_file': bailey.key}, r'\[tls\] certificate_file: .* certificate chain'),
            ({**bailey.options(), 'key_file': bailey.certificate}, r'\[tls\] key_file: .* is not the private key of '),
            ({**bailey.options(), 'key_file': bona.key}, r'\[tls\] key_file: .* is not the private key of .*: '),
            ({**bailey.options(), 'ca_file': '/nowhere'}, r'\[tls\] ca_file: .*/nowhere'),
            ({**bailey.options(), 'ca_file': bailey.key}, r'\[tls\] ca_file: .* holds no certificates'),
        )
        for options, expected in rows:
            herd = self.lone(tls=options).herd
            with self.subTest(options=options):
                for arguments in ([], ['--check']) if rows[-1][0] is options else (['--check'],):
                    done = subprocess.run([find_herdd(), *arguments, '--config', herd.config_of('Bailey'), 'Bailey'],
                                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE,
                                          check=False)
                    self.assertEqual(done.returncode, 2)
                    self.assertRegex(done.stderr, r'\Aherdd: \S*herd\.conf: ' + expected)
                    self.assertEqual(done.stderr.count('\n'), 1)

    def test_the_key_may_be_a_credential_of_the_service(self):
        bailey = common().issue('Bailey')
        folder, name = os.path.split(bailey.key)
        herd = self.lone(tls={**bailey.options(), 'key_file': name}).herd
        for credentials, expected in ((folder, 0), ('/nowhere', 2)):
            done = subprocess.run([find_herdd(), '--check', '--config', herd.config_of('Bailey'), 'Bailey'],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE, check=False,
                                  env={**os.environ, 'CREDENTIALS_DIRECTORY': credentials})
            self.assertEqual(done.returncode, expected, done.stderr)

    def subject(self, member):
        """Whose certificate a new connection gets, as DER."""
        host, port = member.address
        with anybody().wrap_socket(socket.create_connection((host.removeprefix(TLS), port), DEADLINE)) as tls:
            return tls.getpeercert(binary_form=True)

    def test_sighup_takes_new_ones_under_load_and_refuses_bad_ones(self):
        first, second = common().issue('Bailey', own_copy=True), common().issue('Bailey', own_copy=True)
        member = self.single(tls=first.options())
        before, old = self.subject(member), member.client()
        done, problems = threading.Event(), []

        def load():
            while not done.is_set():
                try:
                    with Client(member.address, DEADLINE) as client:
                        assert client.ask(b'hello') == b'? hello\n'
                except (OSError, AssertionError) as problem:
                    problems.append(problem)
        threads = [threading.Thread(target=load) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            second.copy_to(first)
            member.signal(signal.SIGHUP)
            member.wait_event(rb'^configuration reloaded: \[tls\] the files$')
            after = self.subject(member)
            self.assertNotEqual(after, before)
            member.signal(signal.SIGHUP)
            member.wait_event(rb'^configuration reloaded: nothing has changed$')
            with open(first.key, 'w', encoding='ascii') as key:
                key.write('nonsense')
            member.signal(signal.SIGHUP)
            member.wait_event(rb'^configuration not reloaded, the old one stays: \S+ \[tls\] key_file: ')
            self.assertEqual(self.subject(member), after)
            self.assertEqual(old.ask(b'hello'), b'? hello\n')  # it is there since before the first
        finally:
            done.set()
            for thread in threads:
                thread.join()
        self.assertEqual(problems, [])

    def test_who_still_listens_over_tls_keeps_its_certificate(self):
        member = self.single()
        before, addresses = self.subject(member), member.addresses
        member.addresses = [(host.removeprefix(TLS), port) for host, port in addresses]
        member.herd.groups.pop('tls')
        member.herd.write_config()
        member.signal(signal.SIGHUP)
        member.wait_event(rb'^configuration waits for a restart: \[member Bailey\] listen, \[tls\] certificate_file, ')
        member.addresses = addresses
        self.assertEqual(self.subject(member), before)


class Load(OverTls, HerdTestCase):
    """herd-load as a client."""

    def run_load(self, *arguments):
        load = os.path.join(os.path.dirname(find_herdd()), 'load', 'herd-load')
        done = subprocess.run([load, '--json', '-w', '0', '-t', '0.2', *arguments], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=DEADLINE, check=False)
        return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr

    def test_it_speaks_tls_when_it_is_told_to_and_verifies_if_it_is_given_an_authority(self):
        member = self.single()
        (host, port), bare = member.address, f'127.0.0.1:{member.address[1]}'
        for arguments in ([f'{host}:{port}'], ['--tls', bare], ['--tls', '--reconnect', bare], ['--tls', '-d', '100', bare],
                          ['--tls', '-r', '1000', '-m', '50:50', '--clients=100', '--idle=3', f'--watch={bare}', bare],
                          ['--tls', '--ca', common().certificate, bare]):
            with self.subTest(arguments=arguments):
                status, result, problem = self.run_load(*arguments)
                self.assertEqual((status, problem), (0, ''))
                self.assertGreater(result['requests']['answered'], 10)
        status, _, problem = self.run_load('--tls', '--ca', Authority('another').certificate, bare)
        self.assertEqual(status, 3)
        self.assertRegex(problem, r'\Aherd-load: TLS handshake with \S+: certificate verify failed: [^\n]+\n\Z')
        status, _, problem = self.run_load('--ca', '/nowhere', '--tls', bare)
        self.assertEqual(status, 2)
        self.assertRegex(problem, r'\Aherd-load: --ca=/nowhere: ')


class Links(OverTls, HerdTestCase):
    """Members that know each other by their certificates."""

    NAMES = ('Bailey', 'Bona', 'Clark')

    def trusting(self, edges, authority=None, **certificates):
        """A herd in which each member has a certificate in its own name, or the one given."""
        authority = authority or common()
        names = list(dict.fromkeys(edges.replace('-', ' ').split()))
        groups = {f'tls {name}': certificates.get(name, authority.issue(name)).options(authority) for name in names}
        return self.herd(edges, tls={}, groups=groups, limits={'link_timeout_s': 3})

    def test_three_of_them_converge(self):
        pack = self.trusting('Bailey-Bona Bona-Clark Clark-Bailey').start()
        for number, member in enumerate(pack):
            member.client().iamat(b'client-%d' % number)
        for number in range(3):
            pack.wait_same(b'client-%d' % number)
        for member in pack:
            self.assertEqual([event for event in member.events() if b'refused to' in event or b'failed' in event], [])
            member.wait_event(rb'^open \S+ tls TLSv1\.3 certificate of (Bailey|Bona|Clark)$', 2)

    def test_one_that_comes_back_gets_everything(self):
        pack = self.trusting('Bailey-Bona').start()
        lines = self.report(pack['Bailey'], b'early', scaled(5000, 500))
        self.wait_has(pack['Bona'], lines)
        pack['Bona'].kill()
        pack['Bailey'].wait_event(rb'^link Bona down: the connection ended without TLS')
        lines.update(self.report(pack['Bailey'], b'late', scaled(5000, 500)))
        pack.start('Bona')
        self.wait_has(pack['Bona'], lines)

    def test_messages_are_said_over_it_too(self):
        pack = self.trusting('Bailey-Bona')
        for name in ('Bailey', 'Bona'):
            pack.keys[name] = {'delivery': 'message'}
        pack.write_config()
        pack.start()
        lines = self.report(pack['Bailey'], b'c', scaled(2000, 200))
        self.wait_has(pack['Bona'], lines)
        pack['Bona'].client().iamat(b'kiwi')
        pack.wait_same(b'kiwi')

    def stays_out(self, pack, here, there):
        """@here refuses @there, which therefore learns nothing, and both go on for themselves."""
        for member in pack:
            member.start()
        here.wait_event(rb'^link %s down: ' % there.name.encode())
        there.wait_event(rb'^link %s down: ' % here.name.encode())
        here.client().iamat(b'kiwi')
        self.assertIsNone(there.stored(b'kiwi'))
        for member in pack:
            self.assertEqual([event for event in member.events(b'link ') if event.endswith(b' up')], [])

    def test_one_with_a_certificate_in_another_name_stays_out(self):
        pack = self.trusting('Bailey-Bona', Bona=common().issue('Bona', 'DNS:bona,DNS:Clark'))
        bailey, bona = pack['Bailey'], pack['Bona']
        self.stays_out(pack, bailey, bona)
        bailey.wait_event(rb"^link Bona down: what answers at the neighbour's address has a certificate in the name of bona$")
        bailey.wait_event(rb'^link Bona refused to \S+: it has shown no certificate in that name$')

    def test_one_of_another_authority_stays_out(self):
        other = Authority('another')
        bona = other.issue('Bona')
        pack = self.trusting('Bailey-Bona', Bona=bona)
        pack.groups['tls Bona'] = bona.options(other)
        pack.write_config()
        self.stays_out(pack, pack['Bailey'], pack['Bona'])
        for name, other_name in ((b'Bailey', b'Bona'), (b'Bona', b'Bailey')):
            member = pack[name.decode()]
            member.wait_event(rb'^link %s down: TLS handshake failed: certificate verify failed: unable to get local issuer'
                              % other_name)
            member.wait_event(rb'^close \S+ TLS handshake failed: .*alert unknown ca$')

    def test_one_whose_certificate_has_expired_stays_out(self):
        pack = self.trusting('Bailey-Bona', Bona=common().issue('Bona', days=-1))
        self.stays_out(pack, pack['Bailey'], pack['Bona'])
        pack['Bailey'].wait_event(rb'^link Bona down: TLS handshake failed: certificate verify failed: certificate has expired$')
        pack['Bailey'].wait_event(rb'^close \S+ TLS handshake failed: certificate verify failed: certificate has expired$')
        pack['Bona'].wait_event(rb'^link Bailey down: .*alert certificate expired$')

    def test_who_says_hello_without_tls_stays_out(self):
        pack = self.trusting('Bailey-Bona')
        bailey = pack['Bailey']
        host, _ = bailey.address
        bailey.addresses.append((host.removeprefix(TLS), PORTS.take()))
        pack.write_config()
        bailey.start()
        plain, shown = self.connect(bailey.addresses[1]), common().client_context(common().issue('Bona'))
        self.assertEqual(plain.ask(b'HELLO 1 Bona Bailey 1'), b'? HELLO 1 Bona Bailey 1\n')
        bailey.wait_event(rb'^link Bona refused to 127\S+: it does not say so over TLS$')
        self.assertEqual(bailey.client().ask(b'HELLO 1 Bona Bailey 1'), b'? HELLO 1 Bona Bailey 1\n')
        bailey.wait_event(rb'^link Bona refused to 127\S+: it has shown no certificate in that name$')
        self.assertRegex(bailey.client(context=shown).ask(b'HELLO 1 Bona Bailey 1'), rb'^HELLO 1 Bailey Bona \d+\n$')

    def test_without_authorities_it_encrypts_and_says_that_it_does_no_more(self):
        pack = self.herd('Bailey-Bona').start()
        pack['Bailey'].client().iamat(b'kiwi')
        pack.wait_same(b'kiwi')
        pack['Bailey'].wait_event(rb'\[tls\] ca_file: is missing, and \[herd\] secret_file too')

    def test_a_secret_is_proved_over_it_and_a_certificate_does_not_stand_in_for_it(self):
        secret = os.path.join(self.directory, 'secret')
        with open(secret, 'w', encoding='ascii') as file:
            file.write('a secret of thirty-two bytes, 32')
        os.chmod(secret, 0o600)
        for pack in (self.herd('Bailey-Bona'), self.trusting('Bailey-Bona')):
            pack.groups['herd']['secret_file'] = secret
            pack.write_config()
            pack.start()  # both have the same channel binding, or neither would believe the other
            pack['Bailey'].client().iamat(b'kiwi')
            pack.wait_same(b'kiwi')
        client = pack['Bailey'].client(context=common().client_context(common().issue('Bona')))
        self.assertEqual(client.ask(b'HELLO 1 Bona Bailey 1'), b'? HELLO 1 Bona Bailey 1\n')
        pack['Bailey'].wait_event(rb'^link Bona refused to \S+: it offers no proof')

    def test_one_of_both_may_be_reached_without_it(self):
        pack = self.herd('Bailey-Bona')
        host, port = pack['Bona'].address
        pack['Bona'].addresses = [(host.removeprefix(TLS), port)]
        pack.write_config()
        pack.start()
        pack['Bona'].client().iamat(b'kiwi')
        pack.wait_same(b'kiwi')
