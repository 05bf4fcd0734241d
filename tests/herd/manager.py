# SPDX-License-Identifier: MIT
"""What systemd is to a member that it manages: it listens to what the member tells (sd_notify), keeps sockets for it from one
run to the next, and hands them over when it starts it (sd_listen_fds)."""

import os
import socket
import sys
import threading

from harness import DEADLINE

# Puts the descriptors that its first word names to 3 and so on, and becomes the program that follows.
HAND_OVER = (sys.executable, '-ISc', '''
import fcntl, os, sys
given = [int(number) for number in sys.argv[1].split()]
copies = [fcntl.fcntl(number, fcntl.F_DUPFD, 100) for number in given]
for number in given:
    os.close(number)
for place, copy in enumerate(copies, 3):
    os.dup2(copy, place)
    os.close(copy)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(copies)))
os.execvp(sys.argv[2], sys.argv[2:])
''')


def listening(address):
    """A socket that listens there, as a socket unit makes it."""
    made = socket.socket(socket.AF_INET6 if ':' in address[0] else socket.AF_INET)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(address)
    made.listen(128)
    return made


def hand_over(member, sockets, env=None, **options):
    """Starts a member with the sockets, which are given by their names."""
    numbers = [each.fileno() for each in sockets.values()]
    launcher = member.launcher
    member.launcher = (*HAND_OVER, ' '.join(map(str, numbers)), *launcher)
    try:
        return member.start(env={**(env or {}), 'LISTEN_FDNAMES': ':'.join(sockets)}, descriptors=numbers, **options)
    finally:
        member.launcher = launcher


class Manager:
    """Ends with close()."""

    def __init__(self, directory):
        self.path = os.path.join(directory, 'notify')
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.changed = threading.Condition()
        self.messages = []  # each a dictionary, in order; protected by changed
        self.kept = {}      # name -> socket; protected by changed
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def close(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b'', self.path)
        self.thread.join()
        self.socket.close()
        for kept in self.kept.values():
            kept.close()

    def environment(self, watchdog_s=None):
        found = {'NOTIFY_SOCKET': self.path}
        if watchdog_s is not None:
            found['WATCHDOG_USEC'] = str(int(watchdog_s * 1e6))
        return found

    def start(self, member, watchdog_s=None, **options):
        """Starts a member, with what is kept for it."""
        env = self.environment(watchdog_s)
        if self.kept:
            return hand_over(member, self.kept, env, **options)
        return member.start(env=env, **options)

    def listen(self):
        while True:
            text, descriptors, _, _ = socket.recv_fds(self.socket, 1 << 16, 16)
            if not text:
                return
            message = dict(line.split('=', 1) for line in text.decode().splitlines())
            with self.changed:
                if message.get('FDSTORE') == '1':
                    (descriptor,) = descriptors
                    self.kept[message['FDNAME']] = socket.socket(fileno=descriptor)
                if message.get('FDSTOREREMOVE') == '1':
                    self.kept.pop(message['FDNAME']).close()
                self.messages.append(message)
                self.changed.notify_all()

    def wait(self, count=1, **wanted):
        """The indexes of the first messages that say all of that, once there are so many."""
        def find():
            return [index for index, message in enumerate(self.messages) if wanted.items() <= message.items()]
        with self.changed:
            if not self.changed.wait_for(lambda: len(find()) >= count, DEADLINE):
                raise AssertionError(f'{count} times {wanted} not in time, but {self.messages}')
            return find()[:count]
