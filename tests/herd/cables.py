# SPDX-License-Identifier: MIT
"""Bad cables: pairs of TAP devices, between which one thread carries Ethernet frames, late, out of order, twice, or not at all.

    cables = Cables(seed)
    cables.lay(('here', enter_here), ('there', enter_there))    # the devices, and context managers that enter their namespaces

Needs root and /dev/net/tun, where tc's netem needs a module of the kernel's.
"""

import contextlib
import fcntl
import heapq
import os
import random
import selectors
import struct
import threading
import time

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454ca, 0x0002, 0x1000
FRAME = 1 << 16

LOST, TWICE = 0.05, 0.01        # of all frames
DELAY_S, JITTER_S = 0.01, 0.005  # one may overtake another


def open_tap(name):
    """The descriptor of a new TAP device in the namespace that the thread is in; it goes when that is closed."""
    tap = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(tap, TUNSETIFF, struct.pack('16sH22x', name.encode(), IFF_TAP | IFF_NO_PI))
    except OSError:
        os.close(tap)
        raise
    return tap


class Cables:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.selector = selectors.DefaultSelector()
        self.taps = []      # descriptors
        self.others = {}    # by descriptor: that of the cable's other end
        self.flying = []    # a heap of (when it arrives, number, descriptor, frame)
        self.carried = self.lost = self.number = 0
        self.over, self.end = os.pipe()
        self.selector.register(self.over, selectors.EVENT_READ)
        self.thread = threading.Thread(target=self.run, daemon=True)

    def lay(self, *ends):
        """A cable between two devices, of which each is made here. Before start()."""
        for name, inside in ends:
            with inside():
                self.taps.append(open_tap(name))
        here, there = self.taps[-2:]
        self.others.update({here: there, there: here})

    def start(self):
        for tap in self.taps:
            self.selector.register(tap, selectors.EVENT_READ)
        self.thread.start()

    def close(self):
        os.close(self.end)
        if self.thread.is_alive():
            self.thread.join()
        for descriptor in (self.over, *self.taps):
            os.close(descriptor)
        self.selector.close()

    def run(self):
        while True:
            wait = max(0, self.flying[0][0] - time.monotonic()) if self.flying else None
            for key, _ in self.selector.select(wait):
                if key.fd == self.over:
                    return
                self.take(key.fd)
            while self.flying and self.flying[0][0] <= time.monotonic():
                _, _, tap, frame = heapq.heappop(self.flying)
                with contextlib.suppress(OSError):  # down, or it takes no more: lost as well
                    os.write(tap, frame)

    def take(self, tap):
        try:
            frame = os.read(tap, FRAME)
        except OSError:
            return
        self.carried += 1
        if self.random.random() < LOST:
            self.lost += 1
            return
        for _ in range(2 if self.random.random() < TWICE else 1):
            self.number += 1
            due = time.monotonic() + DELAY_S + self.random.uniform(-JITTER_S, JITTER_S)
            heapq.heappush(self.flying, (due, self.number, self.others[tap], frame))
